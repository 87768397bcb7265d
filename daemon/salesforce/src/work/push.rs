//! Push: claim up to 200 decisions, write the owners, record what happened. And what becomes of
//! writes whose answer never came: the owners are read back before anything is written again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use connections::ConnectionError;
use kernel::{Classified, ErrorKind};
use routing::{Batch, Claimed, Router, Settled, Truth, WriteOutcome, WriteResult};
use soql::{
    SalesforceId,
    guard::{AllowList, Guarded},
};

use super::{Bench, WorkError};
use crate::{
    client::ApiError,
    fault::{RequestFault, of_record, plain},
    owner::{MOST_OWNERS, OwnerPatch, WriteResult as Written},
    rows::guarded,
};

/// How often outcomes that the database did not take are offered again.
const RECORD_AGAIN: Duration = Duration::from_millis(500);

impl Bench<'_> {
    /// Writes everything that was decided. Ends early when Salesforce cannot be written to at all.
    pub(super) async fn push(&self, router: &Router) -> Result<Settled, WorkError> {
        let mut done = Settled::default();
        loop {
            let (id, lease) = (router.id(), lease(self.client.write_timeout));
            let most = u16::try_from(MOST_OWNERS).unwrap_or(u16::MAX);
            let batch = self
                .db
                .run(&self.who, move |tx| {
                    routing::claim(tx, id, most, lease).map_err(WorkError::from)
                })
                .await?;
            if batch.items.is_empty() {
                return Ok(done);
            }
            fail::fail_point!("after_claim");
            let (outcomes, error) = self.write(router, &batch).await?;
            fail::fail_point!("after_patch_before_record");
            let settled = self.record(router, &batch, outcomes).await?;
            fail::fail_point!("after_record");
            add(&mut done, settled);
            if let Some(error) = error {
                return Err(error.into());
            }
        }
    }

    /// Writes down what happened, which is known here alone: while the database is away, again for as
    /// long as the claim lasts.
    async fn record(
        &self,
        router: &Router,
        batch: &Batch,
        outcomes: Vec<WriteOutcome>,
    ) -> Result<Settled, WorkError> {
        let (id, claim, outcomes) = (router.id(), batch.claim, Arc::new(outcomes));
        loop {
            let told = Arc::clone(&outcomes);
            let recorded = self
                .db
                .run(&self.who, move |tx| {
                    routing::record_outcomes(tx, id, claim, &told).map_err(WorkError::from)
                })
                .await;
            match recorded {
                Err(error)
                    if error.kind() == ErrorKind::Unavailable
                        && self.db.clock().now() < batch.until =>
                {
                    tokio::time::sleep(RECORD_AGAIN).await;
                }
                other => return other,
            }
        }
    }

    /// One composite call. Answers an outcome for every record of the batch, and the error that
    /// ends the push.
    async fn write(
        &self,
        router: &Router,
        batch: &Batch,
    ) -> Result<(Vec<WriteOutcome>, Option<ApiError>), WorkError> {
        let object = router.object()?;
        let (mut outcomes, mut patches, mut records) = (Vec::new(), Vec::new(), Vec::new());
        for item in &batch.items {
            match patch(object, item) {
                Some(patch) => {
                    patches.push(patch);
                    records.push(item.record_id.clone());
                }
                None => outcomes.push(outcome(
                    &item.record_id,
                    WriteResult::Failed {
                        code: routing::OWNER_REFUSED.to_owned(),
                    },
                )),
            }
        }
        if patches.is_empty() {
            return Ok((outcomes, None));
        }
        fail::fail_point!("before_patch");
        match self.connection.owners_write(&patches).await {
            Ok(results) => {
                let told = records.iter().zip(results);
                outcomes.extend(told.map(|(record, result)| outcome(record, of_result(result))));
                Ok((outcomes, None))
            }
            Err(error) => {
                let result = of_error(&error);
                outcomes.extend(records.iter().map(|record| outcome(record, result.clone())));
                Ok((outcomes, Some(error)))
            }
        }
    }

    /// Reads back the owners of records in doubt and settles them.
    pub(super) async fn settle_doubts(&self, router: &Router) -> Result<Settled, WorkError> {
        let mut done = Settled::default();
        loop {
            let (id, lease) = (router.id(), lease(READ));
            let most = u16::try_from(MOST_OWNERS).unwrap_or(u16::MAX);
            let batch = self
                .db
                .run(&self.who, move |tx| {
                    routing::claim_in_doubt(tx, id, most, lease).map_err(WorkError::from)
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

/// How long one page of owners may take to be read back.
const READ: Duration = Duration::from_secs(60);

/// More than twice the call's time-out, so that a claim does not end while its call is on its way.
fn lease(call: Duration) -> TimeDelta {
    TimeDelta::from_std(call * 2).unwrap_or(TimeDelta::minutes(2)) + TimeDelta::seconds(5)
}

fn patch(object: layer::Object, item: &Claimed) -> Option<OwnerPatch> {
    let record = item.record_id.parse().ok()?;
    let owner = item.new_owner.parse().ok()?;
    OwnerPatch::new(object, record, owner).ok()
}

fn outcome(record: &str, result: WriteResult) -> WriteOutcome {
    WriteOutcome {
        record_id: record.to_owned(),
        result,
    }
}

fn of_result(result: Written) -> WriteResult {
    match result {
        Written::Written => WriteResult::Written,
        Written::Refused { code } if code == "REQUEST_LIMIT_EXCEEDED" => WriteResult::Held {
            code: "api_limit".to_owned(),
        },
        Written::Refused { code } => WriteResult::Failed {
            code: of_record(&code),
        },
    }
}

/// What an error of the whole call means for its records.
fn of_error(error: &ApiError) -> WriteResult {
    if error.in_doubt() {
        return WriteResult::InDoubt {
            code: error.code().to_owned(),
        };
    }
    let held = |code: &str| WriteResult::Held {
        code: code.to_owned(),
    };
    match error {
        ApiError::Refused(refusal) => match refusal.fault {
            RequestFault::Limit => held("api_limit"),
            RequestFault::Session | RequestFault::Broken(_) => held("connection_broken"),
            RequestFault::Unavailable => held("connection_unavailable"),
            // The request itself was wrong: it counts, so that it is not repeated for ever.
            RequestFault::Query | RequestFault::LocatorGone | RequestFault::Other => {
                WriteResult::Failed {
                    code: plain(&refusal.code),
                }
            }
        },
        ApiError::Connection(ConnectionError::Broken(_)) | ApiError::HostRefused => {
            held("connection_broken")
        }
        other if other.kind() == ErrorKind::Sealed => held("sealed"),
        _ => held("connection_unavailable"),
    }
}

fn add(sum: &mut Settled, more: Settled) {
    sum.assigned = sum.assigned.saturating_add(more.assigned);
    sum.failed = sum.failed.saturating_add(more.failed);
    sum.given_up = sum.given_up.saturating_add(more.given_up);
    sum.in_doubt = sum.in_doubt.saturating_add(more.in_doubt);
    sum.waiting = sum.waiting.saturating_add(more.waiting);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Refusal;

    fn refused(status: u16, code: &str, fault: RequestFault) -> ApiError {
        ApiError::Refused(Refusal {
            status,
            code: code.to_owned(),
            fault,
        })
    }

    #[test]
    fn only_what_cannot_have_been_written_is_held_and_only_bad_requests_count() {
        let cut = ApiError::InDoubt(egress::EgressError::Timeout {
            host: "acme.my.salesforce.com".to_owned(),
        });
        let gateway = refused(502, "", RequestFault::Unavailable);
        for error in [cut, gateway, ApiError::Unreadable] {
            assert!(
                matches!(of_error(&error), WriteResult::InDoubt { .. }),
                "{error}"
            );
        }
        let unsent = ApiError::NotSent(egress::EgressError::Connect {
            host: "acme.my.salesforce.com".to_owned(),
            detail: String::new(),
        });
        for (error, expected) in [
            (unsent, "connection_unavailable"),
            (
                refused(403, "REQUEST_LIMIT_EXCEEDED", RequestFault::Limit),
                "api_limit",
            ),
            (
                refused(401, "INVALID_SESSION_ID", RequestFault::Session),
                "connection_broken",
            ),
            (
                ApiError::Connection(ConnectionError::Broken(
                    connections::BrokenCode::GrantRevoked,
                )),
                "connection_broken",
            ),
        ] {
            let held = WriteResult::Held {
                code: expected.to_owned(),
            };
            assert_eq!(of_error(&error), held, "{error}");
        }
        let failed = WriteResult::Failed {
            code: "json_parser_error".to_owned(),
        };
        assert_eq!(
            of_error(&refused(400, "JSON_PARSER_ERROR", RequestFault::Other)),
            failed
        );
    }
}
