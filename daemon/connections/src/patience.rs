//! Stores what exists nowhere else: while the database is away it is kept and offered again.

use std::time::Duration;

use crate::error::ConnectionError;

const STORE_AGAIN: Duration = Duration::from_millis(500);

/// Tries again while the database is away. `work` finds out whether an earlier try reached the
/// database although its answer did not come back.
pub(crate) async fn until_stored<T, Work, Run>(work: Work) -> Result<T, ConnectionError>
where
    Work: Fn() -> Run,
    Run: Future<Output = Result<T, ConnectionError>>,
{
    loop {
        match work().await {
            Err(error) if error.is_outage() => tokio::time::sleep(STORE_AGAIN).await,
            other => return other,
        }
    }
}
