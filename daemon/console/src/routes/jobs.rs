//! The queue, as an administrator sees it, and what may be done to a dead letter.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Allowed, Page, PageQuery, Path, Problem, Query, Routes};
use identity::permit;
use jobs::{JobRow, ScheduleRow};
use kernel::JobId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Console, fault::Fault, views::All};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/jobs", job_list)
        .post("/jobs/{id}/retry", job_retry)
        .post("/jobs/{id}/discard", job_discard)
        .get("/schedules", schedule_list)
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum JobState {
    #[default]
    Queued,
    Running,
    Done,
    Dead,
}

impl JobState {
    const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

#[derive(Deserialize)]
struct Filter {
    #[serde(default)]
    state: JobState,
    kind: Option<String>,
}

#[derive(Serialize)]
struct JobView {
    id: JobId,
    kind: String,
    state: String,
    attempts: i32,
    max_attempts: i32,
    run_at: DateTime<Utc>,
    last_error: Option<ErrorView>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct ErrorView {
    code: String,
    message: String,
}

#[derive(Serialize)]
struct CountsView {
    queued: i64,
    running: i64,
    done: i64,
    dead: i64,
}

#[derive(Serialize)]
struct JobPageView {
    #[serde(flatten)]
    page: Page<JobView>,
    counts: CountsView,
}

#[derive(Serialize)]
struct ScheduleView {
    name: String,
    every_seconds: i32,
    next_at: DateTime<Utc>,
    last_at: Option<DateTime<Utc>>,
}

fn view(row: JobRow) -> JobView {
    let detail = row.error_detail.unwrap_or_default();
    JobView {
        id: JobId::from_uuid(row.job_id),
        kind: row.kind,
        state: row.state,
        attempts: row.attempts,
        max_attempts: row.max_attempts,
        run_at: row.run_at,
        last_error: row.error_code.map(|code| ErrorView {
            code,
            message: detail,
        }),
        created_at: row.created_at,
        finished_at: row.finished_at,
    }
}

async fn job_list(
    who: Allowed<permit::JobRead>,
    console: web::Data<Console>,
    page: PageQuery<(DateTime<Utc>, Uuid)>,
    Query(filter): Query<Filter>,
) -> Result<web::Json<JobPageView>, Problem> {
    let (found, counts) = console
        .db
        .run(&who, move |tx| {
            let (state, kind) = (filter.state.name(), filter.kind.as_deref());
            let found = jobs::job_list(tx, state, kind, page.after, page.limit)?;
            Ok::<_, Fault>((found, jobs::job_counts(tx)?))
        })
        .await?;
    let items = found.items.into_iter().map(view).collect();
    Ok(web::Json(JobPageView {
        page: Page::new(items, found.next.as_ref()),
        counts: CountsView {
            queued: counts.queued,
            running: counts.running,
            done: counts.done,
            dead: counts.dead,
        },
    }))
}

async fn job_retry(
    who: Allowed<permit::JobRetry>,
    console: web::Data<Console>,
    Path(id): Path<JobId>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| Ok::<_, Fault>(jobs::job_retry(tx, id)?))
        .await?;
    Ok(HttpResponse::Accepted().finish())
}

async fn job_discard(
    who: Allowed<permit::JobRetry>,
    console: web::Data<Console>,
    Path(id): Path<JobId>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| Ok::<_, Fault>(jobs::job_discard(tx, id)?))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn schedule_list(
    who: Allowed<permit::JobRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<ScheduleView>>, Problem> {
    let rows = console
        .db
        .run(&who, |tx| Ok::<_, Fault>(jobs::schedule_list(tx)?))
        .await?;
    let view = |row: ScheduleRow| ScheduleView {
        name: row.name,
        every_seconds: row.every_seconds,
        next_at: row.next_at,
        last_at: row.last_at,
    };
    Ok(web::Json(All {
        items: rows.into_iter().map(view).collect(),
    }))
}
