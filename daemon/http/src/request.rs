//! The request in hand: its id, known to everything that runs for it.

use kernel::RequestId;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Runs `work` as part of the request.
pub(crate) async fn within<F: Future>(id: RequestId, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The id of the request that this code runs for.
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(|id| *id).ok()
}

/// The same as text; empty outside of requests.
pub(crate) fn id_text() -> String {
    current().map(|id| id.to_string()).unwrap_or_default()
}
