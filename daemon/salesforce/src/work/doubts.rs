//! Writes whose answer never came: the owners are read back before anything is written again.

use std::collections::HashMap;

use chrono::TimeDelta;
use routing::{Batch, Claimed, Router, Settled, Truth};
use soql::{
    SalesforceId,
    guard::{AllowList, Guarded},
};

use super::{Bench, WorkError, push::add};
use crate::{owner::MOST_OWNERS, rows::guarded};

/// More than twice the time for which a page of owners may be on its way.
const READ_LEASE: TimeDelta = TimeDelta::seconds(125);

impl Bench<'_> {
    /// Reads back the owners of records in doubt and settles them.
    pub(super) async fn settle_doubts(&self, router: &Router) -> Result<Settled, WorkError> {
        let mut done = Settled::default();
        loop {
            let id = router.id();
            let most = u16::try_from(MOST_OWNERS).unwrap_or(u16::MAX);
            let batch = self
                .db
                .run(&self.who, move |tx| {
                    routing::claim_in_doubt(tx, id, most, READ_LEASE).map_err(WorkError::from)
                })
                .await?;
            if batch.items.is_empty() {
                return Ok(done);
            }
            let truths = self.truths(router, &batch).await?;
            fail::fail_point!("reconcile_mid");
            let settled = self
                .db
                .run(&self.who, move |tx| {
                    routing::reconcile(tx, id, &batch, &truths).map_err(WorkError::from)
                })
                .await?;
            add(&mut done, settled);
        }
    }

    async fn truths(&self, router: &Router, batch: &Batch) -> Result<Vec<Truth>, WorkError> {
        let ids: Vec<SalesforceId> = batch
            .items
            .iter()
            .filter_map(|item| item.record_id.parse().ok())
            .collect();
        let object = guarded(router.object()?);
        let query = Guarded::readback(object, &ids, &AllowList::standard())?;
        let mut page = self.connection.query(&query).await?;
        let mut owners: HashMap<String, Option<String>> = HashMap::new();
        loop {
            for record in &page.records {
                let text = |name: &str| record.get(name).and_then(serde_json::Value::as_str);
                let id: SalesforceId = text("Id")
                    .and_then(|id| id.parse().ok())
                    .ok_or(WorkError::Record)?;
                let deleted =
                    record.get("IsDeleted").and_then(serde_json::Value::as_bool) == Some(true);
                let owner = text("OwnerId").filter(|_| !deleted).map(str::to_owned);
                owners.insert(id.to_string(), owner);
            }
            match page.next {
                Some(locator) => page = self.connection.next_page(&locator).await?,
                None => break,
            }
        }
        // A record that is not in the answer is gone.
        let truth = |item: &Claimed| Truth {
            owner: owners.remove(&item.record_id).flatten(),
            record_id: item.record_id.clone(),
        };
        Ok(batch.items.iter().map(truth).collect())
    }
}
