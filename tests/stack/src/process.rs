//! Child processes that never outlive this one, however it ends.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command},
    sync::{OnceLock, mpsc},
};

type Order = (Command, libc::c_int, mpsc::Sender<io::Result<Child>>);

/// Starts `command`; the kernel sends it `signal` when this process dies.
///
/// The kernel watches the thread that forked, not the process, so one thread that lives as long as
/// the process does all the starting.
pub fn spawn(command: Command, signal: libc::c_int) -> io::Result<Child> {
    static STARTER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, signal, answer) in inbox {
                let _ = answer.send(bound(&mut command, signal).spawn());
            }
        });
        orders
    });
    let (answer, result) = mpsc::channel();
    starter
        .send((command, signal, answer))
        .map_err(io::Error::other)?;
    result.recv().map_err(io::Error::other)?
}

fn bound(command: &mut Command, signal: libc::c_int) -> &mut Command {
    #[expect(unsafe_code, reason = "prctl between fork and exec; async-signal-safe")]
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, signal) == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        })
    }
}

/// Sends `signal` to a child; a child that is gone already is no error.
pub fn signal(child: &Child, signal: libc::c_int) {
    let Ok(pid) = libc::pid_t::try_from(child.id()) else {
        return;
    };
    #[expect(unsafe_code, reason = "kill(2) on our own child")]
    unsafe {
        libc::kill(pid, signal);
    }
}
