//! The socket that systemd listens on for the daemon (`revkeep.socket`, sd_listen_fds(3)). With it the
//! daemon needs no right to open port 443, and a connection waits in the kernel's queue while it restarts.

use std::net::TcpListener;

use listenfd::ListenFd;

/// `None` when this process was started without a socket. A further one, or one of another kind, is a
/// mistake in a unit and refused. To be called before there are threads: it takes the variables that
/// say so out of the environment. No program that this process starts inherits the socket.
pub(super) fn listener() -> std::io::Result<Option<TcpListener>> {
    let mut handed = ListenFd::from_env();
    let listener = match handed.len() {
        0 => return Ok(None),
        1 => handed.take_tcp_listener(0)?,
        more => {
            return Err(std::io::Error::other(format!(
                "systemd handed over {more} sockets, and one is expected; look at `systemctl cat revkeep.socket`"
            )));
        }
    };
    if let Some(listener) = &listener {
        listener.set_nonblocking(true)?;
    }
    Ok(listener)
}
