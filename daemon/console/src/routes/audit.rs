//! The audit log: an organisation's own for its administrators, and the whole appliance's for its operator
//! (LM-79). Who reads it is in it.

use actix_web::{
    HttpResponse,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    web,
};
use audit::{Chart, Filter, Integrity, Line, Listed, Outcome, ReadError, Scope, Whole};
use chrono::{DateTime, Utc};
use http::{Allowed, Page, PageQuery, Path, Problem, Query, Routes};
use identity::permit;
use kernel::{Action, AuditId, Personal, Principal, RequestId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audit_export::{audit_export, platform_audit_export};
use crate::{Console, fault::Fault};

type Place = (DateTime<Utc>, AuditId);

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/audit/entries", entry_list)
        .get("/audit/entries/{id}", entry_show)
        .get("/audit/entries/{id}/proof", entry_prove)
        .get("/audit/integrity", integrity)
        .get("/audit/export", audit_export)
        .get("/platform/audit/entries", platform_entry_list)
        .get("/platform/audit/entries/{id}", platform_entry_show)
        .get("/platform/audit/entries/{id}/proof", platform_entry_prove)
        .get("/platform/audit/integrity", platform_integrity)
        .get("/platform/audit/export", platform_audit_export)
}

/// Filters as they stand in the address.
#[derive(Deserialize)]
pub(super) struct Asked {
    /// Words of an action, or the id of what it was done to.
    q: Option<String>,
    actor: Option<String>,
    action: Option<String>,
    object: Option<String>,
    outcome: Option<Outcome>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// For the operator alone.
    tenant: Option<TenantId>,
}

impl Asked {
    pub(super) const fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    pub(super) fn filter(self) -> Filter {
        let given = |text: Option<String>| {
            let text = text.map(|text| text.trim().to_owned());
            text.filter(|text| !text.is_empty())
        };
        let (mut words, mut object) = (given(self.q), given(self.object));
        if object.is_none() && words.as_deref().is_some_and(is_id) {
            object = words.take();
        }
        Filter {
            words: words.map(Personal::new),
            actor: given(self.actor),
            action: given(self.action),
            object,
            outcome: self.outcome,
            from: self.from,
            to: self.to,
        }
    }
}

/// A prefix, and 32 hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.rsplit_once('_').is_some_and(|(prefix, digits)| {
        !prefix.is_empty()
            && digits.len() == 32
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[derive(Serialize)]
pub(super) struct EntryView {
    id: AuditId,
    /// Only in the operator's view.
    tenant: Option<TenantId>,
    at: DateTime<Utc>,
    actor: ActorView,
    action: String,
    outcome: String,
    code: Option<String>,
    object: ObjectView,
    request_id: Option<RequestId>,
    /// In the sealed tree; null for the seconds until it has one.
    position: Option<i64>,
}

#[derive(Serialize)]
struct ActorView {
    kind: String,
    id: String,
    /// Of a member of the organisation.
    name: Option<String>,
}

#[derive(Serialize)]
struct ObjectView {
    r#type: String,
    id: String,
}

#[derive(Serialize)]
pub(super) struct PageView {
    #[serde(flatten)]
    page: Page<EntryView>,
    /// With the first page.
    chart: Option<Chart>,
    /// Every action that there is, with the first page.
    actions: Option<Vec<&'static str>>,
}

#[derive(Serialize)]
pub(super) struct DetailView {
    #[serde(flatten)]
    entry: EntryView,
    before: Option<Value>,
    after: Option<Value>,
    address: Option<String>,
    user_agent: Option<String>,
    /// Something of it is not for this reader, or its key is gone.
    closed: bool,
    sealed_by: Option<HeadView>,
}

#[derive(Serialize)]
struct HeadView {
    number: i64,
    at: DateTime<Utc>,
}

fn view(line: Line, scope: Scope) -> EntryView {
    EntryView {
        id: line.id,
        tenant: matches!(scope, Scope::Whole(_)).then_some(line.tenant),
        at: line.at,
        actor: ActorView {
            kind: line.actor_kind,
            id: line.actor_id,
            name: None,
        },
        action: line.action,
        outcome: line.outcome,
        code: line.code,
        object: ObjectView {
            r#type: line.resource_type,
            id: line.resource_id,
        },
        request_id: line.request.map(RequestId::from_uuid),
        position: line.position,
    }
}

/// Views with the names of those who are members of the reader's organisation. Across organisations
/// nobody has a name.
async fn named(
    console: &Console,
    who: &Principal,
    scope: Scope,
    lines: Vec<Line>,
) -> Result<Vec<EntryView>, Problem> {
    let people: Vec<_> = lines.iter().map(Line::person).collect();
    let mut views: Vec<_> = lines.into_iter().map(|line| view(line, scope)).collect();
    if matches!(scope, Scope::Whole(_)) {
        return Ok(views);
    }
    let mut users: Vec<_> = people.iter().flatten().map(|user| user.uuid()).collect();
    users.sort_unstable();
    users.dedup();
    let names = console
        .db
        .run(who, move |tx| {
            Ok::<_, Fault>(identity::people_names(tx, users)?)
        })
        .await?;
    for (view, person) in views.iter_mut().zip(people) {
        view.actor.name = person.and_then(|user| names.get(&user.uuid()).cloned());
    }
    Ok(views)
}

async fn listed(
    console: &Console,
    who: &Principal,
    scope: Scope,
    page: PageQuery<Place>,
    asked: Asked,
) -> Result<web::Json<PageView>, Problem> {
    let first = page.after.is_none();
    let Listed { lines, chart } = console
        .audit
        .entry_list(who, scope, &asked.filter(), page.after, page.limit)
        .await?;
    let items = named(console, who, scope, lines).await?;
    let page = Page::from_surplus(items, page.limit, |entry: &EntryView| (entry.at, entry.id));
    let actions = Action::ALL.iter().map(|action| action.name());
    Ok(web::Json(PageView {
        page,
        chart,
        actions: first.then(|| actions.collect()),
    }))
}

async fn shown(
    console: &Console,
    who: &Principal,
    scope: Scope,
    id: AuditId,
) -> Result<web::Json<DetailView>, Problem> {
    let Whole {
        line,
        content,
        head,
    } = console.audit.entry_show(who, scope, id).await?;
    let mut views = named(console, who, scope, vec![line]).await?;
    Ok(web::Json(DetailView {
        entry: views.pop().ok_or_else(Problem::internal)?,
        before: content.before,
        after: content.after,
        address: content.address,
        user_agent: content.user_agent,
        closed: content.closed,
        sealed_by: head.map(|(number, at)| HeadView { number, at }),
    }))
}

/// The file that `docs/audit-verify.py` checks.
async fn proven(
    console: &Console,
    who: &Principal,
    scope: Scope,
    id: AuditId,
) -> Result<HttpResponse, Problem> {
    let proof = console.audit.entry_prove(who, scope, id).await?;
    let text = serde_json::to_string_pretty(&proof).map_err(|_| Problem::internal())?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}.proof.json\""),
        ))
        .body(text))
}

async fn entry_list(
    who: Allowed<permit::AuditRead>,
    console: web::Data<Console>,
    page: PageQuery<Place>,
    Query(asked): Query<Asked>,
) -> Result<web::Json<PageView>, Problem> {
    listed(&console, &who, Scope::Own, page, asked).await
}

async fn entry_show(
    who: Allowed<permit::AuditRead>,
    console: web::Data<Console>,
    Path(id): Path<AuditId>,
) -> Result<web::Json<DetailView>, Problem> {
    shown(&console, &who, Scope::Own, id).await
}

async fn entry_prove(
    who: Allowed<permit::AuditRead>,
    console: web::Data<Console>,
    Path(id): Path<AuditId>,
) -> Result<HttpResponse, Problem> {
    proven(&console, &who, Scope::Own, id).await
}

async fn integrity(
    who: Allowed<permit::AuditRead>,
    console: web::Data<Console>,
) -> Result<web::Json<Integrity>, Problem> {
    let found: Result<_, ReadError> = console.audit.integrity(&who, Scope::Own).await;
    Ok(web::Json(found?))
}

async fn platform_entry_list(
    who: Allowed<permit::PlatformAuditRead>,
    console: web::Data<Console>,
    page: PageQuery<Place>,
    Query(asked): Query<Asked>,
) -> Result<web::Json<PageView>, Problem> {
    let scope = Scope::Whole(asked.tenant());
    listed(&console, &who, scope, page, asked).await
}

async fn platform_entry_show(
    who: Allowed<permit::PlatformAuditRead>,
    console: web::Data<Console>,
    Path(id): Path<AuditId>,
) -> Result<web::Json<DetailView>, Problem> {
    shown(&console, &who, Scope::Whole(None), id).await
}

async fn platform_entry_prove(
    who: Allowed<permit::PlatformAuditRead>,
    console: web::Data<Console>,
    Path(id): Path<AuditId>,
) -> Result<HttpResponse, Problem> {
    proven(&console, &who, Scope::Whole(None), id).await
}

async fn platform_integrity(
    who: Allowed<permit::PlatformAuditRead>,
    console: web::Data<Console>,
) -> Result<web::Json<Integrity>, Problem> {
    let found = console.audit.integrity(&who, Scope::Whole(None)).await;
    Ok(web::Json(found?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(q: &str) -> Filter {
        let asked = Asked {
            q: Some(q.to_owned()),
            actor: Some(String::from(" ")),
            action: None,
            object: None,
            outcome: None,
            from: None,
            to: None,
            tenant: None,
        };
        asked.filter()
    }

    #[test]
    fn an_id_is_sought_as_one_and_words_as_words() {
        let id = "rule_0192aabbccddeeff0192aabbccddeeff";
        let found = asked(id);
        assert_eq!((found.object.as_deref(), found.words), (Some(id), None));
        for words in ["rule delete", "rule_delete", "_0192", "' OR 1=1 --"] {
            let found = asked(words);
            assert_eq!(found.words, Some(Personal::new(words.to_owned())));
            assert!(found.object.is_none() && found.actor.is_none());
        }
    }
}
