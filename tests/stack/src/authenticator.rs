//! The authenticator app of the person at the console, in real time. What it was given, and which of its
//! codes were used, stands in a file of the world, so that every session at any daemon shares it: a
//! code is good once.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use kernel::{Clock, SystemClock};
use simulators::Authenticator;

use crate::daemon::Daemon;

/// So close to the end of a step, its predecessor may be too old when the code arrives.
const ARRIVES_WITHIN: i64 = 10;

/// One at a time reads, chooses and writes.
static CHOOSING: Mutex<()> = Mutex::new(());

pub struct Phone {
    file: PathBuf,
}

impl Phone {
    /// That of the world in which the daemon runs.
    pub fn of(daemon: &Daemon) -> Result<Self> {
        let world = daemon.home.parent().context("a daemon without a world")?;
        Ok(Self {
            file: world.join("authenticator"),
        })
    }

    /// Takes the secret as the set-up page shows it.
    pub fn add(&self, secret: &str) -> Result<()> {
        write(&self.file, secret, i64::MIN)
    }

    pub fn secret(&self) -> Result<String> {
        Ok(read(&self.file)?.0)
    }

    /// A code that was not used yet and is accepted now; waits where there is none.
    pub async fn code(&self) -> Result<String> {
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        loop {
            tick.tick().await;
            if let Some(code) = self.take()? {
                return Ok(code);
            }
        }
    }

    fn take(&self) -> Result<Option<String>> {
        let _one = CHOOSING.lock().unwrap_or_else(PoisonError::into_inner);
        let (secret, last) = read(&self.file)?;
        let Some(step) = unused(SystemClock.now().timestamp(), last) else {
            return Ok(None);
        };
        write(&self.file, &secret, step)?;
        Ok(Some(Authenticator::new(&secret)?.code(step)))
    }
}

/// The earliest step that is accepted at `seconds` and comes after `last`: one to either side of the
/// current one is.
pub fn unused(seconds: i64, last: i64) -> Option<i64> {
    let current = Authenticator::step(seconds);
    let safe = Authenticator::step(seconds + ARRIVES_WITHIN) == current;
    let first = if safe { current - 1 } else { current };
    (first..=current + 1).find(|step| *step > last)
}

fn read(file: &Path) -> Result<(String, i64)> {
    let text = fs::read_to_string(file).context("no authenticator has been set up")?;
    let (secret, last) = text.split_once(' ').context("the authenticator's file")?;
    Ok((secret.to_owned(), last.parse()?))
}

fn write(file: &Path, secret: &str, last: i64) -> Result<()> {
    Ok(fs::write(file, format!("{secret} {last}"))?)
}

#[cfg(test)]
mod tests {
    use super::unused;

    #[test]
    fn no_code_is_given_out_twice_and_none_that_may_arrive_too_late() {
        let now = 1_800_000_000;
        let step = now / 30;
        assert_eq!(unused(now, i64::MIN), Some(step - 1));
        assert_eq!(unused(now, step - 1), Some(step));
        assert_eq!(unused(now, step), Some(step + 1));
        assert_eq!(unused(now, step + 1), None);
        assert_eq!(unused(now + 25, i64::MIN), Some(step));
    }
}
