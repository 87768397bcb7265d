//! What programs propose, and what people decide about it (OB-23, OB-24).

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, NaiveDate, Utc};
use db::TenantTx;
use http::{Allowed, Page, PageQuery, Path, Problem, Query, Routes};
use identity::{people_names, permit};
use kernel::{GrantId, IntentId, RepId, UserId};
use layer::{Decision, Intent, Object, Wish};
use routing::TimeOffInput;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::titles::Titles;
use crate::{
    Console,
    fault::Fault,
    views::{Named, person},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/intents", intent_list)
        .post("/intents/{id}/approve", intent_approve)
        .post("/intents/{id}/decline", intent_decline)
}

#[derive(Serialize)]
struct IntentView {
    id: IntentId,
    #[serde(flatten)]
    wish: WishView,
    /// The program's own words.
    reason: String,
    /// As an administrator named it; none when it is not known any more.
    program: Option<String>,
    /// Who let it in.
    for_user: Option<Named<UserId>>,
    asked_at: DateTime<Utc>,
    /// `waiting`, `approved`, `declined` or `expired`.
    state: String,
    decided_by: Option<Named<UserId>>,
    decided_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum WishView {
    RecordRetry {
        object: Object,
        record_id: String,
        record_title: Option<String>,
    },
    TimeOff {
        rep: Named<RepId>,
        first_day: NaiveDate,
        last_day: NaiveDate,
    },
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    #[default]
    Waiting,
    Decided,
}

#[derive(Deserialize)]
struct Filter {
    #[serde(default)]
    state: State,
}

/// Who asked, by the grant that it asked with.
type Programs = HashMap<GrantId, (String, Named<UserId>)>;

async fn intent_list(
    who: Allowed<permit::IntentRead>,
    console: web::Data<Console>,
    page: PageQuery<(DateTime<Utc>, Uuid)>,
    Query(filter): Query<Filter>,
) -> Result<web::Json<Page<IntentView>>, Problem> {
    let mut programs = programs(&console, &who).await?;
    let waiting = matches!(filter.state, State::Waiting);
    let listed = console
        .db
        .run(&who, move |tx| {
            let mut found = layer::intent_list(tx, waiting, page.after, page.limit)?;
            let most = usize::try_from(page.limit).unwrap_or(usize::MAX);
            let more = found.len() > most;
            found.truncate(most);
            let next = found.last().filter(|_| more);
            let next = next.map(|last| (last.asked_at, last.id.uuid()));
            let items = views(tx, found, &mut programs)?;
            Ok::<_, Fault>(Page::new(items, next.as_ref()))
        })
        .await?;
    Ok(web::Json(listed))
}

async fn programs(
    console: &Console,
    who: &Allowed<permit::IntentRead>,
) -> Result<Programs, Problem> {
    let grants = console.identity.grant_list(who).await?;
    let named = |grant: identity::oauth::ClientGrant| {
        let name = grant.user_name.unwrap_or_default();
        let user = Named {
            id: grant.user,
            name,
        };
        (grant.id, (grant.client_name, user))
    };
    Ok(grants.into_iter().map(named).collect())
}

fn views(
    tx: &mut TenantTx<'_>,
    found: Vec<Intent>,
    programs: &mut Programs,
) -> Result<Vec<IntentView>, Fault> {
    let records = found.iter().filter_map(|intent| match &intent.wish {
        Wish::RecordRetry { object, record_id } => Some((object.name(), record_id.as_str())),
        Wish::TimeOff { .. } => None,
    });
    let titles = Titles::load(tx, records)?;
    let people = people_names(
        tx,
        found
            .iter()
            .filter_map(|intent| intent.decided_by.map(UserId::uuid)),
    )?;
    let view = |intent: Intent| {
        let asker = programs.get(&intent.grant);
        IntentView {
            id: intent.id,
            wish: wish(intent.wish, &titles),
            reason: intent.reason,
            program: asker.map(|(program, _)| program.clone()),
            for_user: asker.map(|(_, user)| Named {
                id: user.id,
                name: user.name.clone(),
            }),
            asked_at: intent.asked_at,
            state: intent.state,
            decided_by: person(&people, intent.decided_by.map(UserId::uuid)),
            decided_at: intent.decided_at,
        }
    };
    Ok(found.into_iter().map(view).collect())
}

fn wish(wish: Wish, titles: &Titles) -> WishView {
    match wish {
        Wish::RecordRetry { object, record_id } => WishView::RecordRetry {
            record_title: titles.of(object.name(), &record_id),
            object,
            record_id,
        },
        Wish::TimeOff {
            rep,
            first_day,
            last_day,
        } => WishView::TimeOff {
            rep: Named {
                name: titles
                    .names
                    .reps
                    .get(&rep.uuid())
                    .cloned()
                    .unwrap_or_default(),
                id: rep,
            },
            first_day,
            last_day,
        },
    }
}

/// What was wished is done in the transaction that writes the decision down: where it cannot be done any more, nothing
/// is decided.
async fn intent_approve(
    who: Allowed<permit::IntentDecide>,
    console: web::Data<Console>,
    Path(id): Path<IntentId>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| {
            let intent = layer::intent_decide(tx, id, Decision::Approve)?;
            match intent.wish {
                Wish::RecordRetry { object, record_id } => {
                    routing::failure_retry(tx, object, &record_id)?;
                }
                Wish::TimeOff {
                    rep,
                    first_day,
                    last_day,
                } => {
                    let reason = intent.reason.chars().take(200).collect();
                    let input = TimeOffInput {
                        first_day,
                        last_day,
                        reason,
                    };
                    routing::time_off_add(tx, rep, &input)?;
                }
            }
            Ok::<_, Fault>(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn intent_decline(
    who: Allowed<permit::IntentDecide>,
    console: web::Data<Console>,
    Path(id): Path<IntentId>,
) -> Result<HttpResponse, Problem> {
    console
        .db
        .run(&who, move |tx| {
            layer::intent_decide(tx, id, Decision::Decline)?;
            Ok::<_, Fault>(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
