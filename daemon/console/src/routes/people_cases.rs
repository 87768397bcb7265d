//! Other people's data, a person at a time: searched for, exported, erased.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use custody::{Case, Find};
use http::{Allowed, Body, Path, Problem, Routes};
use identity::{people_names, permit};
use kernel::{CaseId, Principal, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::data::{CreateInput, ExportBody};
use crate::{
    Console,
    fault::Fault,
    views::{All, Named, person},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/person-cases", case_list)
        .post("/person-cases", person_search)
        .get("/person-cases/{id}", case_show)
        .post("/person-cases/{id}/close", case_close)
        .post("/person-cases/{id}/export", person_export)
        .post("/person-cases/{id}/erase", person_erase)
        .post("/members/{id}/erase", member_erase)
}

#[derive(Serialize)]
pub(super) struct CaseBody {
    id: CaseId,
    kind: String,
    /// The member; null once they are gone.
    subject: Option<Named<UserId>>,
    /// For the owner, while the case is open.
    term: Option<String>,
    asked_by: Option<Named<UserId>>,
    asked_at: DateTime<Utc>,
    state: String,
    scanned: i64,
    expected: Option<i64>,
    due_at: Option<DateTime<Utc>>,
    account_gone: Option<bool>,
    counts: BTreeMap<String, i64>,
    ended_at: Option<DateTime<Utc>>,
    error: Option<String>,
}

impl CaseBody {
    pub(super) fn new(
        case: Case,
        subject: Option<Named<UserId>>,
        asked_by: Option<Named<UserId>>,
    ) -> Self {
        Self {
            id: case.id,
            kind: case.kind,
            subject,
            term: case.term,
            asked_by,
            asked_at: case.asked_at,
            state: case.state,
            scanned: case.scanned,
            expected: case.expected,
            due_at: case.due_at,
            account_gone: case.whole,
            counts: case.counts,
            ended_at: case.ended_at,
            error: case.error_code,
        }
    }
}

#[derive(Serialize)]
struct FindBody {
    place: String,
    key: Vec<String>,
    own: bool,
    fields: Vec<String>,
    erasable: bool,
}

impl From<Find> for FindBody {
    fn from(find: Find) -> Self {
        Self {
            place: find.place,
            key: find.key,
            own: find.own,
            fields: find.fields,
            erasable: find.erasable,
        }
    }
}

#[derive(Serialize)]
struct CaseShown {
    #[serde(flatten)]
    case: CaseBody,
    finds: Vec<FindBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchInput {
    term: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EraseInput {
    confirm: String,
    #[serde(default)]
    mentions: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberEraseInput {
    /// The member's address.
    confirm: String,
}

/// Cases with the names of whoever they are about and whoever asked.
async fn named(
    console: &Console,
    who: &Principal,
    cases: Vec<Case>,
) -> Result<Vec<CaseBody>, Problem> {
    let asked = cases.iter().map(|case| case.asked_by.uuid());
    let people: Vec<Uuid> = cases
        .iter()
        .filter_map(|case| case.subject.map(UserId::uuid))
        .chain(asked)
        .collect();
    let names = console
        .db
        .run(who, move |tx| Ok::<_, Fault>(people_names(tx, people)?))
        .await?;
    let bodies = cases.into_iter().map(|case| {
        let subject = person(&names, case.subject.map(UserId::uuid));
        let asked_by = person(&names, Some(case.asked_by.uuid()));
        CaseBody::new(case, subject, asked_by)
    });
    Ok(bodies.collect())
}

async fn one(console: &Console, who: &Principal, case: Case) -> Result<CaseBody, Problem> {
    let mut bodies = named(console, who, vec![case]).await?;
    bodies.pop().ok_or_else(Problem::internal)
}

async fn case_list(
    who: Allowed<permit::DataRead>,
    console: web::Data<Console>,
) -> Result<web::Json<All<CaseBody>>, Problem> {
    let cases = console.custody.case_list(&who).await?;
    Ok(web::Json(All {
        items: named(&console, &who, cases).await?,
    }))
}

async fn person_search(
    who: Allowed<permit::PersonData>,
    console: web::Data<Console>,
    Body(input): Body<SearchInput>,
) -> Result<HttpResponse, Problem> {
    let case = console.custody.person_search(&who, &input.term).await?;
    Ok(HttpResponse::Created().json(one(&console, &who, case).await?))
}

async fn case_show(
    who: Allowed<permit::DataRead>,
    console: web::Data<Console>,
    Path(id): Path<CaseId>,
) -> Result<web::Json<CaseShown>, Problem> {
    let (case, finds) = console.custody.case_show(&who, id).await?;
    Ok(web::Json(CaseShown {
        case: one(&console, &who, case).await?,
        finds: finds.into_iter().map(FindBody::from).collect(),
    }))
}

async fn case_close(
    who: Allowed<permit::PersonData>,
    console: web::Data<Console>,
    Path(id): Path<CaseId>,
) -> Result<HttpResponse, Problem> {
    console.custody.case_close(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn person_export(
    who: Allowed<permit::PersonData>,
    console: web::Data<Console>,
    Path(id): Path<CaseId>,
    Body(CreateInput {}): Body<CreateInput>,
) -> Result<HttpResponse, Problem> {
    let export = console.custody.person_export(&who, id).await?;
    Ok(HttpResponse::Created().json(ExportBody::new(export, None, who.user())))
}

async fn person_erase(
    who: Allowed<permit::PersonData>,
    console: web::Data<Console>,
    Path(id): Path<CaseId>,
    Body(input): Body<EraseInput>,
) -> Result<HttpResponse, Problem> {
    let asked = console
        .custody
        .person_erase(&who, id, &input.confirm, input.mentions);
    Ok(HttpResponse::Accepted().json(one(&console, &who, asked.await?).await?))
}

async fn member_erase(
    who: Allowed<permit::PersonData>,
    console: web::Data<Console>,
    Path(id): Path<UserId>,
    Body(input): Body<MemberEraseInput>,
) -> Result<HttpResponse, Problem> {
    let case = console
        .custody
        .member_erase(&who, id, &input.confirm)
        .await?;
    Ok(HttpResponse::Accepted().json(one(&console, &who, case).await?))
}
