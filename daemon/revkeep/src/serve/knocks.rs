//! Puts on record, each minute and at the end, whom the door turned away without knowing them.

use std::time::Duration;

use http::Shared;
use tokio::sync::watch;

const MINUTELY: Duration = Duration::from_secs(60);

pub(super) async fn run(shared: Shared, mut stop: watch::Receiver<bool>) {
    loop {
        let over = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => true,
            () = tokio::time::sleep(MINUTELY) => false,
        };
        if let Err(error) = shared.knocks_note().await {
            log::warn!("requests that were turned away are not on record yet: {error}");
        }
        if over {
            return;
        }
    }
}
