//! Pull: records that enrollment matches and that changed, page by page. A page lands in the layer
//! and is decided about in one transaction; what failed in that transaction is fetched again.

use chrono::{DateTime, Utc};
use layer::{Field, ImportRow};
use routing::{Batch, Router};
use soql::guard::{Enrollment, Guarded};
use tokio::sync::mpsc::Sender;

use super::{Bench, WorkError, push::Stop};
use crate::{
    client::Page,
    owner::MOST_OWNERS,
    rows::{allow_list, guarded, import_row, select_list},
    watermark::Seen,
};

/// What a pull did so far.
#[derive(Debug)]
pub(super) struct Pulled {
    pub(super) seen: Seen,
    pub(super) fetched: u64,
    pub(super) proposed: u64,
    pub(super) already: u64,
    pub(super) failed: u64,
}

impl Default for Pulled {
    fn default() -> Self {
        Self {
            seen: Seen {
                newest: None,
                complete: false,
            },
            fetched: 0,
            proposed: 0,
            already: 0,
            failed: 0,
        }
    }
}

/// The router's enrollment, guarded anew with the fields of now.
pub(super) fn enrollment(
    router: &Router,
    policy: &[Field],
    now: DateTime<Utc>,
) -> Result<Enrollment, WorkError> {
    let object = router.object()?;
    let allow = allow_list(object, policy);
    Ok(Enrollment::guard(
        &router.canonical,
        guarded(object),
        &allow,
        now,
    )?)
}

/// The query of a pull.
pub(super) fn query(
    router: &Router,
    policy: &[Field],
    since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Guarded, WorkError> {
    let query = enrollment(router, policy, now)?.select(&select_list(policy))?;
    Ok(match since {
        Some(since) => query.and_since(since),
        None => query,
    })
}

impl Bench<'_> {
    /// Fetches and stores page by page; the next page is on its way while one is stored, and what was
    /// decided goes down the line to be written. `pulled` holds what was done also when this ends early.
    pub(super) async fn pull(
        &self,
        router: &Router,
        query: &Guarded,
        pulled: &mut Pulled,
        (line, stop): (&Sender<Vec<Batch>>, &Stop),
    ) -> Result<(), WorkError> {
        let mut page = self.connection.query(query).await?;
        loop {
            let next = page.next.clone();
            let over_budget = self.connection.over_budget();
            fail::fail_point!("after_pull_page_before_store");
            let store = self.store(router, page, pulled, (line, stop));
            match next {
                None => {
                    store.await?;
                    pulled.seen.complete = true;
                    return Ok(());
                }
                Some(_) if over_budget => {
                    store.await?;
                    return Err(WorkError::Budget);
                }
                Some(locator) => {
                    let (stored, fetched) =
                        tokio::join!(store, self.connection.next_page(&locator));
                    stored?;
                    page = fetched?;
                }
            }
        }
    }

    async fn store(
        &self,
        router: &Router,
        page: Page,
        pulled: &mut Pulled,
        (line, stop): (&Sender<Vec<Batch>>, &Stop),
    ) -> Result<(), WorkError> {
        let rows: Vec<ImportRow> = page
            .records
            .into_iter()
            .map(import_row)
            .collect::<Option<_>>()
            .ok_or(WorkError::Record)?;
        if rows.is_empty() {
            return Ok(());
        }
        let newest = rows.iter().map(|row| row.source_modified_at).max();
        let fetched = rows.len();
        let (id, epoch, object) = (router.id(), router.epoch, router.object()?);
        // Claimed for those who write it at once; when nobody will, it waits for a later cycle.
        let hold = (!stop.is_set()).then(|| self.lease());
        let (proposed, batches) = self
            .db
            .run(&self.who, move |tx| {
                layer::import(tx, object, &rows)?;
                Ok::<_, WorkError>(match hold {
                    None => (routing::propose(tx, id, epoch, &rows)?, Vec::new()),
                    Some(lease) => {
                        routing::propose_claimed(tx, id, epoch, &rows, MOST_OWNERS, lease)?
                    }
                })
            })
            .await?;
        fail::fail_point!("after_propose");
        if !batches.is_empty() {
            // When nobody takes them, their claims end and the owners are read back.
            let _ = line.send(batches).await;
        }
        pulled.seen.newest = pulled.seen.newest.max(newest);
        pulled.fetched = pulled.fetched.saturating_add(wide(fetched));
        pulled.proposed = pulled.proposed.saturating_add(wide(proposed.proposed));
        pulled.already = pulled.already.saturating_add(wide(proposed.already));
        pulled.failed = pulled.failed.saturating_add(wide(proposed.failed));
        Ok(())
    }
}

pub(super) fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
