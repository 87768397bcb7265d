//! The routing, as machines may know it: its log, what is not settled, who takes part, and counts.

pub(crate) mod views;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use http::{Keyed, Page, Problem, Query, Routes};
use kernel::{AssignmentId, RepId, RuleId};
use layer::{
    Object,
    machine::{self, FailureQuery, LogCursor, LogQuery, MachineFailure, MachineLog},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::RoutingRead;
use crate::{
    Gateway,
    answer::{chosen, page, sparse, tagged},
};
use views::{FAILURE, FailureView, LOG, LogView, POOL, PoolView, REP, RepView, StatisticsView};

/// Without a span, statistics are of the last seven days; a span is at most a quarter.
const SPAN: TimeDelta = TimeDelta::days(7);
const MOST_SPAN: TimeDelta = TimeDelta::days(92);

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/routing/log", log_list)
        .get("/routing/failures", failure_list)
        .get("/routing/reps", rep_list)
        .get("/routing/pools", pool_list)
        .get("/routing/statistics", statistics)
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LogState {
    Proposed,
    Assigned,
    InDoubt,
    Failed,
}

impl LogState {
    const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Assigned => "assigned",
            Self::InDoubt => "in_doubt",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureState {
    Waiting,
    Failed,
    GivenUp,
    InDoubt,
}

/// As the console counts them: what is decided and not yet settled waits.
pub(crate) const fn states(state: Option<FailureState>) -> &'static [&'static str] {
    match state {
        None => &["failed", "given_up"],
        Some(FailureState::Waiting) => &["postponed", "waiting", "proposed", "claimed"],
        Some(FailureState::Failed) => &["failed"],
        Some(FailureState::GivenUp) => &["given_up"],
        Some(FailureState::InDoubt) => &["in_doubt"],
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogWanted {
    cursor: Option<String>,
    limit: Option<i64>,
    fields: Option<String>,
    object: Option<Object>,
    record: Option<String>,
    rule: Option<RuleId>,
    rep: Option<RepId>,
    state: Option<LogState>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailuresWanted {
    cursor: Option<String>,
    limit: Option<i64>,
    fields: Option<String>,
    object: Option<Object>,
    state: Option<FailureState>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListWanted {
    cursor: Option<String>,
    limit: Option<i64>,
    fields: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpanWanted {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

type Item = Map<String, Value>;

/// A page of items with the chosen members alone.
fn thinned<T: Serialize>(page: Page<T>, fields: Option<&[&str]>) -> Result<Page<Item>, Problem> {
    let items: Result<Vec<Item>, Problem> =
        page.items.iter().map(|item| sparse(item, fields)).collect();
    Ok(Page {
        items: items?,
        next_cursor: page.next_cursor,
        total: page.total,
    })
}

async fn log_list(
    who: Keyed<RoutingRead>,
    gateway: web::Data<Gateway>,
    Query(wanted): Query<LogWanted>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let fields = chosen(wanted.fields.as_deref(), &LOG)?;
    let (after, limit) = page::<(DateTime<Utc>, AssignmentId)>("log", wanted.cursor, wanted.limit)?;
    let query = LogQuery {
        object: wanted.object,
        record: wanted.record,
        rule: wanted.rule.map(RuleId::uuid),
        rep: wanted.rep.map(RepId::uuid),
        state: wanted.state.map(LogState::name),
        from: wanted.from,
        to: wanted.to,
        after: after.map(|(decided_at, id)| LogCursor {
            decided_at,
            assignment_id: id.uuid(),
        }),
    };
    let found = gateway
        .db
        .machine(&who, move |tx| machine::log_page(tx, &query, limit))
        .await?;
    let key = |row: &MachineLog| {
        let id = AssignmentId::from_uuid(row.assignment_id);
        ("log", (row.decided_at, id))
    };
    let found = Page::from_surplus(found, limit, key).map(LogView::from);
    tagged(&request, &thinned(found, fields.as_deref())?)
}

async fn failure_list(
    who: Keyed<RoutingRead>,
    gateway: web::Data<Gateway>,
    Query(wanted): Query<FailuresWanted>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let fields = chosen(wanted.fields.as_deref(), &FAILURE)?;
    let (after, limit) = page::<(DateTime<Utc>, String)>("failures", wanted.cursor, wanted.limit)?;
    let query = FailureQuery {
        states: states(wanted.state),
        object: wanted.object,
        reason: wanted.reason,
        after,
    };
    let found = gateway
        .db
        .machine(&who, move |tx| machine::failure_page(tx, &query, limit))
        .await?;
    let key = |row: &MachineFailure| ("failures", (row.updated_at, row.record_id.clone()));
    let found = Page::from_surplus(found, limit, key).map(FailureView::from);
    tagged(&request, &thinned(found, fields.as_deref())?)
}

async fn rep_list(
    who: Keyed<RoutingRead>,
    gateway: web::Data<Gateway>,
    Query(wanted): Query<ListWanted>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let fields = chosen(wanted.fields.as_deref(), &REP)?;
    let (after, limit) = page::<Uuid>("reps", wanted.cursor, wanted.limit)?;
    let found = gateway
        .db
        .machine(&who, move |tx| machine::reps(tx, after, limit))
        .await?;
    let found = Page::from_surplus(found, limit, |row| ("reps", row.rep_id)).map(RepView::from);
    tagged(&request, &thinned(found, fields.as_deref())?)
}

async fn pool_list(
    who: Keyed<RoutingRead>,
    gateway: web::Data<Gateway>,
    Query(wanted): Query<ListWanted>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let fields = chosen(wanted.fields.as_deref(), &POOL)?;
    let (after, limit) = page::<Uuid>("pools", wanted.cursor, wanted.limit)?;
    let found = gateway
        .db
        .machine(&who, move |tx| machine::pools(tx, after, limit))
        .await?;
    let found = Page::from_surplus(found, limit, |(pool, _)| ("pools", pool.pool_id));
    let found = found.map(PoolView::from);
    tagged(&request, &thinned(found, fields.as_deref())?)
}

/// The span that is asked for, up to now and of seven days where nothing else is said.
pub(crate) fn span(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Problem> {
    let to = to.unwrap_or(now);
    let from = match from {
        Some(from) => Some(from),
        None => to.checked_sub_signed(SPAN),
    };
    let fits = |from: &DateTime<Utc>| {
        let span = to.signed_duration_since(*from);
        span > TimeDelta::zero() && span <= MOST_SPAN
    };
    from.filter(fits).map(|from| (from, to)).ok_or_else(|| {
        Problem::invalid(
            "span_invalid",
            "from",
            "A span ends after it begins and has at most 92 days.",
        )
    })
}

async fn statistics(
    who: Keyed<RoutingRead>,
    gateway: web::Data<Gateway>,
    Query(wanted): Query<SpanWanted>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (from, to) = span(wanted.from, wanted.to, gateway.db.clock().now())?;
    let counted = gateway
        .db
        .machine(&who, move |tx| machine::statistics(tx, from, to))
        .await?;
    tagged(&request, &StatisticsView::new(from, to, counted))
}
