//! What a reading of the log answers with, and why it is refused.

use chrono::{DateTime, TimeDelta, Utc};
use db::{DbError, LogRow};
use kernel::{AuditId, Classified, ErrorKind, TenantId, UserId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{entry::AuditError, filter::Filter, proof::ProofError, sealer::SealError};

/// Intervals of the chart, about.
const BARS: i64 = 48;
/// What the chart shows when no beginning is asked for.
const CHART: TimeDelta = TimeDelta::days(7);

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("how far the log is sealed could not be read")]
    Seal(#[from] SealError),
    #[error("there is no such entry")]
    NoEntry,
    #[error("the entry has no place in the sealed log yet; it gets one within seconds")]
    NotSealed,
    #[error("what is stored does not prove it")]
    Broken(#[source] ProofError),
}

impl From<DbError> for ReadError {
    fn from(error: DbError) -> Self {
        Self::Audit(error.into())
    }
}

impl From<ProofError> for ReadError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Db(error) => error.into(),
            ProofError::NoRow | ProofError::NoHead => Self::NotSealed,
            ProofError::RowGone(_) | ProofError::Broken => Self::Broken(error),
        }
    }
}

impl Classified for ReadError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Audit(error) => error.kind(),
            Self::Seal(error) => error.kind(),
            Self::NoEntry => ErrorKind::NotFound,
            Self::NotSealed | Self::Broken(_) => ErrorKind::Conflict,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Audit(error) => error.code(),
            Self::Seal(error) => error.code(),
            Self::NoEntry => "not_found",
            Self::NotSealed => "audit_not_sealed",
            Self::Broken(_) => "audit_not_proven",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Audit(error) => error.message(),
            Self::Seal(error) => error.message(),
            Self::NoEntry => "There is no such entry in this log.".to_owned(),
            Self::NotSealed => {
                "This entry has no place in the sealed log yet. It gets one within seconds; ask again then.".to_owned()
            }
            Self::Broken(_) => {
                "What is stored does not prove this entry. An administrator of the appliance finds out what was changed with `revkeep audit verify`.".to_owned()
            }
        }
    }
}

/// Whose entries.
#[derive(Clone, Copy, Debug)]
pub enum Scope {
    /// Of the organisation that the principal is in.
    Own,
    /// Of the whole appliance, or of one organisation of it: for its operator.
    Whole(Option<TenantId>),
}

/// An entry without what is sealed.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: AuditId,
    pub tenant: TenantId,
    pub at: DateTime<Utc>,
    pub actor_kind: String,
    pub actor_id: String,
    pub action: String,
    pub outcome: String,
    pub code: Option<String>,
    pub resource_type: String,
    pub resource_id: String,
    pub request: Option<Uuid>,
    pub position: Option<i64>,
}

impl Line {
    /// The person who acted, where one did.
    pub fn person(&self) -> Option<UserId> {
        (self.actor_kind == "human").then(|| self.actor_id.parse().ok())?
    }
}

/// What is sealed of an entry, as far as it can be opened.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// Something is there that the reader may not open, or whose key is gone.
    pub closed: bool,
}

#[derive(Clone, Debug)]
pub struct Whole {
    pub line: Line,
    pub content: Content,
    /// Number and time of the head that first covered it.
    pub head: Option<(i64, DateTime<Utc>)>,
}

/// Entries of an interval that begins at `at`.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    pub at: DateTime<Utc>,
    pub done: i64,
    pub refused: i64,
    pub failed: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub step_seconds: i64,
    /// Set when there were more than can be counted at once: only what is newer was.
    pub counted_from: Option<DateTime<Utc>>,
    pub bars: Vec<Bar>,
}

#[derive(Clone, Debug)]
pub struct Listed {
    /// One more than asked for when there is a next page.
    pub lines: Vec<Line>,
    /// With the first page alone.
    pub chart: Option<Chart>,
}

/// The last head, and how far behind it is.
#[derive(Clone, Debug, Serialize)]
pub struct Integrity {
    pub head: Option<HeadShown>,
    /// Of the reader's newest entries, those that wait for a place; at most a thousand are looked at.
    pub waiting: i64,
    pub waiting_since: Option<DateTime<Utc>>,
    /// The trusted public keys in hexadecimal, oldest first; absent while the secrets backend is sealed.
    pub keys: Option<Vec<String>>,
}

#[derive(Clone, Debug, Serialize)]
pub struct HeadShown {
    pub number: u64,
    pub size: u64,
    pub at: DateTime<Utc>,
    pub root: String,
    /// The public key that it names.
    pub key: String,
    /// Whether the signature is that key's.
    pub signature_holds: bool,
}

pub(crate) fn line(row: &LogRow) -> Line {
    Line {
        id: AuditId::from_uuid(row.audit_id),
        tenant: TenantId::from_uuid(row.tenant_id),
        at: row.at,
        actor_kind: row.actor_kind.clone(),
        actor_id: row.actor_id.clone(),
        action: row.action.clone(),
        outcome: row.outcome.clone(),
        code: row.code.clone(),
        resource_type: row.resource_type.clone(),
        resource_id: row.resource_id.clone(),
        request: row.request_id,
        position: row.position,
    }
}

/// The length of an interval in seconds, and a chart without bars.
pub(crate) fn chart(filter: &Filter, now: DateTime<Utc>) -> (i64, Chart) {
    const STEPS: [i64; 8] = [60, 300, 900, 3_600, 10_800, 21_600, 86_400, 604_800];
    let to = filter.to.unwrap_or(now);
    let from = filter.from.unwrap_or(to - CHART);
    let wanted = (to - from).num_seconds().max(0) / BARS;
    let step = STEPS
        .into_iter()
        .find(|step| *step >= wanted)
        .unwrap_or(2_592_000);
    // Whole intervals, so that the same entries stand in the same bar when the page is renewed.
    let begin = from.timestamp().div_euclid(step).saturating_mul(step);
    let chart = Chart {
        from: DateTime::from_timestamp(begin, 0).unwrap_or(from),
        to,
        step_seconds: step,
        counted_from: None,
        bars: Vec::new(),
    };
    (step, chart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_chart_has_about_as_many_bars_whatever_it_spans() {
        let now = at("2026-11-22T14:03:00Z");
        for (from, step) in [
            ("2026-11-22T13:03:00Z", 300),
            ("2026-11-21T14:03:00Z", 3_600),
            ("2026-10-22T14:03:00Z", 86_400),
            ("2000-01-01T00:00:00Z", 2_592_000),
        ] {
            let filter = Filter {
                from: Some(at(from)),
                ..Filter::default()
            };
            let (found, chart) = chart(&filter, now);
            assert_eq!(found, step, "{from}");
            assert!(chart.from <= at(from));
            assert_eq!(chart.from.timestamp() % step, 0);
        }
        let (step, chart) = chart(&Filter::default(), now);
        assert_eq!((step, chart.to), (21_600, now));
    }

    #[test]
    fn an_entry_knows_its_person_and_no_other_actor_is_one() {
        let user = UserId::generate(&kernel::SystemClock);
        let line = |kind: &str, id: &str| Line {
            id: AuditId::generate(&kernel::SystemClock),
            tenant: TenantId::PLATFORM,
            at: now(),
            actor_kind: kind.to_owned(),
            actor_id: id.to_owned(),
            action: String::new(),
            outcome: String::new(),
            code: None,
            resource_type: String::new(),
            resource_id: String::new(),
            request: None,
            position: None,
        };
        assert_eq!(line("human", &user.to_string()).person(), Some(user));
        assert_eq!(line("system", &user.to_string()).person(), None);
        assert_eq!(line("human", "daemon").person(), None);
    }

    fn now() -> DateTime<Utc> {
        at("2026-11-22T14:03:00Z")
    }
}
