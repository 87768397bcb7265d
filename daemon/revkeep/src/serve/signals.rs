//! What the system tells the daemon, and what the daemon tells systemd.

use std::{sync::Arc, time::Duration};

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

/// Returns when the daemon is to stop. SIGHUP reads the certificate again. The watchdog is fed while
/// the runtime turns and the worker lives, and starves otherwise.
pub(super) async fn run(
    certificate: &Arc<http::Certificate>,
    worker_ended: impl Fn() -> bool,
) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut feed = tokio::time::interval(watchdog_interval().unwrap_or(Duration::from_secs(30)));
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => reload(certificate),
            _ = feed.tick() => {
                if worker_ended() {
                    return Err(std::io::Error::other("the worker ended by itself; the log says why"));
                }
                let _ = sd_notify::notify(false, &[NotifyState::Watchdog]);
            }
        }
    }
}

fn reload(certificate: &http::Certificate) {
    let _ = sd_notify::notify(false, &[NotifyState::Reloading]);
    match certificate.reload() {
        Ok(()) => log::info!("the certificate was read again"),
        Err(error) => {
            log::error!("the new certificate cannot be used and the old one stays: {error}")
        }
    }
    let _ = sd_notify::notify(false, &[NotifyState::Ready]);
}

pub(super) fn notify_ready() {
    let _ = sd_notify::notify(false, &[NotifyState::Ready]);
}

pub(super) fn notify_stopping() {
    let _ = sd_notify::notify(false, &[NotifyState::Stopping]);
}

/// Half of what systemd allows between two signs of life.
fn watchdog_interval() -> Option<Duration> {
    let mut microseconds = 0;
    sd_notify::watchdog_enabled(false, &mut microseconds)
        .then(|| Duration::from_micros(microseconds / 2))
}
