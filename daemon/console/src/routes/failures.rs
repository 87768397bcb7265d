//! Records without an owner from us: why, and trying them again.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Allowed, Body, Page, PageQuery, Path, Problem, Query, Routes};
use identity::permit;
use layer::Object;
use routing::{FailureCursor, FailureFilter, FailureState, RecordMark};
use serde::{Deserialize, Serialize};

use super::{
    rows,
    titles::{Sought, Titles},
};
use crate::{Console, fault::Fault};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/failures", failure_list)
        .post("/failures/{object}/{record_id}/retry", failure_retry)
        .post("/failures/retry", failure_retry_all)
}

#[derive(Serialize)]
struct FailureView {
    object: String,
    record_id: String,
    record_title: Option<String>,
    state: String,
    reason_code: String,
    reason: &'static str,
    next_step: &'static str,
    attempts: i32,
    max_attempts: i32,
    next_attempt_at: Option<DateTime<Utc>>,
    first_seen_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct FailurePageView {
    #[serde(flatten)]
    page: Page<FailureView>,
    counts: CountsView,
    reasons: Vec<ReasonCount>,
}

#[derive(Serialize)]
struct CountsView {
    failed: i64,
    given_up: i64,
    waiting: i64,
    in_doubt: i64,
}

#[derive(Serialize)]
struct ReasonCount {
    code: String,
    title: &'static str,
    count: i64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Failed,
    GivenUp,
    Waiting,
    InDoubt,
}

impl From<State> for FailureState {
    fn from(state: State) -> Self {
        match state {
            State::Failed => Self::Failed,
            State::GivenUp => Self::GivenUp,
            State::Waiting => Self::Waiting,
            State::InDoubt => Self::InDoubt,
        }
    }
}

#[derive(Deserialize)]
struct Filter {
    state: Option<State>,
    reason: Option<String>,
    q: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetryInput {
    state: Option<State>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Retried {
    count: usize,
}

/// A record that waits for its turn to be written has no reason of its own.
const DECIDED: &str = "decided";

fn view(mark: RecordMark, titles: &Titles) -> FailureView {
    let code = mark
        .reason_code
        .clone()
        .unwrap_or_else(|| DECIDED.to_owned());
    let (reason, next_step) = if code == DECIDED {
        (
            "The owner is decided and about to be written.",
            "Nothing: it goes on by itself.",
        )
    } else {
        let why = routing::explain(&code);
        (why.reason, why.next_step)
    };
    FailureView {
        record_title: titles.of(&mark.object, &mark.record_id),
        state: mark.state_shown().to_owned(),
        max_attempts: mark.max_attempts(),
        object: mark.object,
        record_id: mark.record_id,
        reason_code: code,
        reason,
        next_step,
        attempts: mark.attempts,
        next_attempt_at: mark.next_attempt_at,
        first_seen_at: mark.first_seen_at,
        updated_at: mark.updated_at,
    }
}

async fn failure_list(
    who: Allowed<permit::FailureRead>,
    console: web::Data<Console>,
    page: PageQuery<(DateTime<Utc>, String)>,
    Query(filter): Query<Filter>,
) -> Result<web::Json<FailurePageView>, Problem> {
    let after = page.after.map(|(updated_at, record_id)| FailureCursor {
        updated_at,
        record_id,
    });
    let listed = console
        .db
        .run(&who, move |tx| {
            let sought = Sought::find(tx, filter.q.as_deref())?;
            let filter = FailureFilter {
                state: filter.state.map(FailureState::from),
                reason: filter.reason,
                record: sought.id,
                records: sought.records,
            };
            let found = routing::failure_list(tx, &filter, after.as_ref(), rows(page.limit))?;
            let shown = found
                .items
                .iter()
                .map(|row| (row.object.as_str(), row.record_id.as_str()));
            let titles = Titles::load(tx, shown)?;
            let sums = routing::accounting(tx)?;
            let next = found.next.map(|next| (next.updated_at, next.record_id));
            let items = found
                .items
                .into_iter()
                .map(|mark| view(mark, &titles))
                .collect();
            let reason = |(code, count): (String, i64)| {
                let title = routing::explain(&code).title;
                ReasonCount { code, title, count }
            };
            Ok::<_, Fault>(FailurePageView {
                page: Page::new(items, next.as_ref()),
                counts: CountsView {
                    failed: sums.failed,
                    given_up: sums.given_up,
                    waiting: sums.waiting,
                    in_doubt: sums.in_doubt,
                },
                reasons: routing::failure_reasons(tx)?
                    .into_iter()
                    .map(reason)
                    .collect(),
            })
        })
        .await?;
    Ok(web::Json(listed))
}

async fn failure_retry(
    who: Allowed<permit::FailureRetry>,
    console: web::Data<Console>,
    Path((object, record_id)): Path<(Object, String)>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| {
            Ok::<_, Fault>(routing::failure_retry(tx, object, &record_id)?)
        })
        .await?;
    Ok(HttpResponse::Accepted().finish())
}

async fn failure_retry_all(
    who: Allowed<permit::FailureRetry>,
    console: web::Data<Console>,
    Body(input): Body<RetryInput>,
) -> Result<HttpResponse, Problem> {
    let count = console
        .db
        .run(&who, move |tx| {
            let state = input.state.map(FailureState::from);
            Ok::<_, Fault>(routing::failure_retry_all(
                tx,
                state,
                input.reason.as_deref(),
            )?)
        })
        .await?;
    Ok(HttpResponse::Accepted().json(Retried { count }))
}
