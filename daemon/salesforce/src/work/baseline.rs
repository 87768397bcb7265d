//! The baseline: what matches when a router is switched on was handled before, and is marked so
//! page by page (LR-30). A baseline that was cut short begins again; marks that are there stay.

use chrono::{DateTime, Utc};
use routing::Router;
use serde_json::Value as Json;
use soql::{SalesforceId, guard::Guarded};

use super::{Bench, WorkError, pull, pull::wide};
use crate::{rows::NEEDED, watermark::OVERLAP};

impl Bench<'_> {
    /// Marks everything that matches now, then lets the router route.
    pub(super) async fn baseline(
        &self,
        router: &Router,
        query: &Guarded,
    ) -> Result<u64, WorkError> {
        let (mut newest, mut marked) = (None, 0_u64);
        let (id, epoch) = (router.id(), router.epoch);
        let mut page = self.connection.query(query).await?;
        loop {
            let (ids, stamp) = ids(&page.records)?;
            newest = newest.max(stamp);
            let count = self
                .db
                .run(&self.who, move |tx| {
                    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                    routing::baseline(tx, id, epoch, &ids)
                })
                .await?;
            marked = marked.saturating_add(wide(count));
            fail::fail_point!("baseline_mid");
            match page.next {
                Some(locator) => page = self.connection.next_page(&locator).await?,
                None => break,
            }
        }
        // Whatever matches and has no mark came later; where nothing matches there is no stamp to
        // begin from, and none is needed.
        let watermark = newest.map_or(DateTime::UNIX_EPOCH, |newest| newest - OVERLAP);
        self.db
            .run(&self.who, move |tx| {
                routing::baseline_done(tx, id, epoch, watermark, marked)
            })
            .await?;
        Ok(marked)
    }
}

/// The query of a baseline.
pub(super) fn query(
    router: &Router,
    policy: &[layer::Field],
    now: DateTime<Utc>,
) -> Result<Guarded, WorkError> {
    Ok(pull::enrollment(router, policy, now)?.select(&NEEDED)?)
}

/// Ids and the newest stamp of a page.
fn ids(
    records: &[serde_json::Map<String, Json>],
) -> Result<(Vec<String>, Option<DateTime<Utc>>), WorkError> {
    let text = |record: &serde_json::Map<String, Json>, name: &str| {
        record.get(name).and_then(Json::as_str).map(str::to_owned)
    };
    let ids = records.iter().map(|record| {
        text(record, "Id")
            .and_then(|id| id.parse::<SalesforceId>().ok())
            .map(|id| id.to_string())
            .ok_or(WorkError::Record)
    });
    let newest = records
        .iter()
        .filter_map(|record| layer::value::parse_instant(&text(record, "SystemModstamp")?))
        .max();
    Ok((ids.collect::<Result<_, _>>()?, newest))
}
