//! Push: write the owners that were decided on, and record what happened. Both go on while the next
//! page is fetched and decided about.
//!
//! Batches that are claimed stand in line for Salesforce; what Salesforce said stands in line for the
//! database, which takes together what came while it was busy. So nobody waits for anybody without
//! need, and a slow Salesforce still has each call recorded at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use connections::ConnectionError;
use kernel::{Classified, ErrorKind};
use routing::{Batch, Claimed, Recorded, Report, Router, Settled, WriteOutcome, WriteResult};
use tokio::sync::mpsc::{Receiver, Sender};

use super::{Bench, WorkError};
use crate::{
    client::{ApiError, Deadline},
    fault::{RequestFault, of_record, plain},
    owner::{MOST_OWNERS, OwnerPatch, WriteResult as Written},
};

/// How often outcomes that the database did not take are offered again.
const RECORD_AGAIN: Duration = Duration::from_millis(500);
/// Pages of batches that stand in line for Salesforce.
pub(super) const PAGES_IN_LINE: usize = 1;
/// Calls whose outcomes stand in line for the database, and are recorded together.
pub(super) const CALLS_IN_LINE: usize = 10;

/// Raised when nothing more may be sent in this cycle.
#[derive(Default)]
pub(super) struct Stop(AtomicBool);

impl Stop {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Bench<'_> {
    /// Claims what is proposed and not yet claimed, until nothing is left.
    pub(super) async fn claim_rest(
        &self,
        router: &Router,
        line: &Sender<Vec<Batch>>,
        stop: &Stop,
    ) -> Result<(), WorkError> {
        let (id, lease) = (router.id(), self.lease());
        let most = u16::try_from(MOST_OWNERS).unwrap_or(u16::MAX);
        while !stop.is_set() {
            let claim = move |tx: &mut db::TenantTx<'_>| {
                routing::claim(tx, id, most, lease).map_err(WorkError::from)
            };
            let batch = self.db.run(&self.who, claim).await?;
            if batch.items.is_empty() || line.send(vec![batch]).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Writes batch after batch. When Salesforce cannot be written to at all, the rest is given back
    /// unsent.
    pub(super) async fn write_all(
        &self,
        router: &Router,
        mut line: Receiver<Vec<Batch>>,
        reports: Sender<Report>,
        stop: &Stop,
    ) -> Result<(), WorkError> {
        let mut ended = Ok(());
        while let Some(page) = line.recv().await {
            for batch in page {
                fail::fail_point!("after_claim");
                let report = if stop.is_set() {
                    unsent(batch)
                } else {
                    let (report, error) = self.write(router, batch).await?;
                    fail::fail_point!("after_patch_before_record");
                    if let Some(error) = error {
                        stop.set();
                        ended = Err(error.into());
                    }
                    report
                };
                // Whoever records is gone: the claim ends without a report.
                if reports.send(report).await.is_err() {
                    return ended;
                }
            }
        }
        ended
    }

    /// Writes down what happened.
    pub(super) async fn record_all(
        &self,
        router: &Router,
        mut line: Receiver<Report>,
        done: &mut Settled,
        stop: &Stop,
    ) -> Result<(), WorkError> {
        while let Some(first) = line.recv().await {
            let mut reports = vec![first];
            while reports.len() < CALLS_IN_LINE
                && let Ok(next) = line.try_recv()
            {
                reports.push(next);
            }
            let recorded = self.record(router, reports).await?;
            fail::fail_point!("after_record");
            add(done, recorded.settled);
            if !recorded.goes_on {
                stop.set();
            }
        }
        Ok(())
    }

    /// What happened is known here alone: while the database is away, it is offered again for as long
    /// as the claims last.
    async fn record(&self, router: &Router, reports: Vec<Report>) -> Result<Recorded, WorkError> {
        let (id, epoch, doubt) = (router.id(), router.epoch, self.twice());
        let until = reports.iter().map(|report| report.batch.until).min();
        let reports = Arc::new(reports);
        loop {
            let told = Arc::clone(&reports);
            let recorded = self
                .db
                .run(&self.who, move |tx| {
                    routing::record_outcomes(tx, id, epoch, &told, doubt).map_err(WorkError::from)
                })
                .await;
            match recorded {
                Err(error)
                    if error.kind() == ErrorKind::Unavailable
                        && Some(self.db.clock().now()) < until =>
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
        batch: Batch,
    ) -> Result<(Report, Option<ApiError>), WorkError> {
        let object = router.object()?;
        let (mut outcomes, mut patches, mut records) = (Vec::new(), Vec::new(), Vec::new());
        for item in &batch.items {
            match patch(object, item) {
                Some(patch) => {
                    patches.push(patch);
                    records.push(item.record_id.as_str());
                }
                None => outcomes.push(outcome(
                    &item.record_id,
                    WriteResult::Failed {
                        code: routing::OWNER_REFUSED.to_owned(),
                    },
                )),
            }
        }
        let (mut sent_at, mut ended) = (None, None);
        if !patches.is_empty() {
            fail::fail_point!("before_patch");
            let clock = self.db.clock();
            sent_at = Some(clock.now());
            let deadline = Deadline {
                clock,
                until: batch.until,
            };
            match self.connection.owners_write(&patches, &deadline).await {
                Ok(results) => {
                    let told = records.iter().zip(results);
                    outcomes
                        .extend(told.map(|(record, result)| outcome(record, of_result(result))));
                }
                Err(error) => {
                    let result = of_error(&error);
                    outcomes.extend(records.iter().map(|record| outcome(record, result.clone())));
                    ended = Some(error).filter(|error| !matches!(error, ApiError::TooLate));
                }
            }
        }
        let report = Report {
            batch,
            sent_at,
            outcomes,
        };
        Ok((report, ended))
    }

    fn twice(&self) -> TimeDelta {
        TimeDelta::from_std(self.client.write_timeout * 2).unwrap_or(TimeDelta::minutes(2))
    }

    /// How long a claim lasts: more than twice the call's time-out, so that it does not end while its
    /// call is on its way, and as long again as a call may take, for those that stand in line.
    pub(super) fn lease(&self) -> TimeDelta {
        self.twice() + self.twice() / 2 + TimeDelta::seconds(5)
    }
}

fn unsent(batch: Batch) -> Report {
    let of = |item: &Claimed| outcome(&item.record_id, WriteResult::Unsent);
    Report {
        outcomes: batch.items.iter().map(of).collect(),
        batch,
        sent_at: None,
    }
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
        ApiError::TooLate => WriteResult::Unsent,
        other if other.kind() == ErrorKind::Sealed => held("sealed"),
        _ => held("connection_unavailable"),
    }
}

pub(super) fn add(sum: &mut Settled, more: Settled) {
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
