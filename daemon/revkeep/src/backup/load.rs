//! A dump on its way from an archive into a database.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use super::{BackupError, child::complaint, reader::Sink};

const PROGRAM: &str = "pg_restore";

/// pg_restore, which gets the pieces as they are read. Dropped before its end it is stopped.
pub(super) struct Load {
    child: Child,
    complaint: Option<JoinHandle<String>>,
}

impl Load {
    pub(super) fn begin(dsn: &str) -> Result<Self, BackupError> {
        let mut child = Command::new(PROGRAM)
            .args(["--exit-on-error", "--no-password"])
            .arg(format!("--dbname={dsn}"))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error.to_string()))?;
        let errors = child.stderr.take();
        Ok(Self {
            complaint: errors.map(|errors| std::thread::spawn(move || complaint(errors))),
            child,
        })
    }

    /// Waits until all of it is in the database.
    pub(super) fn end(mut self) -> Result<(), BackupError> {
        drop(self.child.stdin.take());
        let status = self
            .child
            .wait()
            .map_err(|error| failed(&error.to_string()))?;
        let said = self.said();
        if status.success() {
            Ok(())
        } else {
            Err(failed(&format!("{status}: {said}")))
        }
    }

    fn said(&mut self) -> String {
        let said = self.complaint.take().and_then(|said| said.join().ok());
        said.unwrap_or_default().trim().to_owned()
    }
}

impl Sink for Load {
    fn piece(&mut self, piece: &[u8]) -> Result<(), BackupError> {
        let Some(input) = self.child.stdin.as_mut() else {
            return Err(failed("it takes nothing"));
        };
        // A pipe that is closed says that it ended; why, it says itself.
        let Err(error) = input.write_all(piece) else {
            return Ok(());
        };
        let _ = self.child.wait();
        Err(failed(&format!("{error}: {}", self.said())))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(why: &str) -> BackupError {
    BackupError::Program(PROGRAM.to_owned(), why.to_owned())
}
