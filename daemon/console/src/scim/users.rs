//! `/Users`: the members whom the provider looks after.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use http::{Provisioning, ScimBody};
use identity::scim::{Person, PersonKey};
use kernel::UserId;
use serde_json::Value;

use super::{
    Listing, Outcome, Query, Refusal, base,
    filter::Filter,
    id, patch,
    resource::{person_json, person_read},
    wire::{answer, if_match, list, plain, unchanged},
};
use crate::Console;

/// What a patch cannot take away.
const REQUIRED: [&str; 2] = ["username", "active"];

pub(super) async fn user_list(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Outcome {
    page(&who, &console, &Listing::read(&request)?).await
}

/// The same by POST, so that no filter stands in an address (RFC 7644 section 3.4.3).
pub(super) async fn user_search(
    who: Provisioning,
    console: web::Data<Console>,
    ScimBody(query): ScimBody<Query>,
) -> Outcome {
    page(&who, &console, &Listing::of(query)?).await
}

async fn page(who: &Provisioning, console: &Console, listing: &Listing) -> Outcome {
    if listing.filter.is_some() {
        return Ok(listing.answer(found(who, console, listing).await?));
    }
    // Without a filter only the page's own people are opened.
    let (start, count) = listing.page();
    let identity = &console.identity;
    let (total, people) = identity.scim_people_page(who, start, count).await?;
    let base = base(console);
    let items = people
        .iter()
        .map(|person| listing.shown(person_json(&base, person)))
        .collect();
    Ok(plain(&list(total, start, items)))
}

/// Everybody whom the filter finds, whole.
pub(super) async fn found(
    who: &Provisioning,
    console: &Console,
    listing: &Listing,
) -> Result<Vec<Value>, Refusal> {
    let (base, identity) = (base(console), &console.identity);
    let people = match listing.filter.as_ref().and_then(key_of) {
        Some(Some(key)) => identity.scim_people_found(who, &key).await?,
        Some(None) => Vec::new(),
        None => identity.scim_people_all(who).await?,
    };
    Ok(people
        .iter()
        .map(|person| person_json(&base, person))
        .filter(|body| listing.matches(body))
        .collect())
}

/// By which key the filter finds people; `Some(None)` for one that nobody can have.
fn key_of(filter: &Filter) -> Option<Option<PersonKey>> {
    if let Some(name) = filter.key("username") {
        return Some(Some(PersonKey::UserName(name.to_owned())));
    }
    if let Some(id) = filter.key("externalid") {
        return Some(Some(PersonKey::ExternalId(id.to_owned())));
    }
    let id = filter.key("id")?;
    Some(id.parse::<UserId>().ok().map(PersonKey::Id))
}

fn told(
    console: &Console,
    request: &HttpRequest,
    (status, person): (StatusCode, &Person),
) -> Outcome {
    let listing = Listing::read(request)?;
    Ok(answer(
        status,
        &listing.shown(person_json(&base(console), person)),
    ))
}

pub(super) async fn user_create(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
    ScimBody(body): ScimBody<Value>,
) -> Outcome {
    let input = person_read(&body)?;
    let made = console.identity.scim_person_create(&who, input).await?;
    told(&console, &request, (StatusCode::CREATED, &made))
}

pub(super) async fn user_show(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Outcome {
    let person = seen(&who, &console, &request).await?;
    if unchanged(&request, &person.version) {
        return Ok(HttpResponse::NotModified().finish());
    }
    told(&console, &request, (StatusCode::OK, &person))
}

/// The person of the path, in the version that the request insists on.
async fn seen(
    who: &Provisioning,
    console: &Console,
    request: &HttpRequest,
) -> Result<Person, Refusal> {
    let user = id::<UserId>(request)?;
    let person = console.identity.scim_person_show(who, user).await?;
    if_match(request, &person.version)?;
    Ok(person)
}

pub(super) async fn user_replace(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
    ScimBody(body): ScimBody<Value>,
) -> Outcome {
    let person = seen(&who, &console, &request).await?;
    let input = person_read(&body)?;
    let changed = console
        .identity
        .scim_person_replace(&who, &person, input)
        .await?;
    told(&console, &request, (StatusCode::OK, &changed))
}

pub(super) async fn user_patch(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
    ScimBody(body): ScimBody<patch::Patch>,
) -> Outcome {
    let person = seen(&who, &console, &request).await?;
    let mut resource = person_json(&base(&console), &person);
    patch::apply(&mut resource, body, &REQUIRED)?;
    let input = person_read(&resource)?;
    let changed = console
        .identity
        .scim_person_replace(&who, &person, input)
        .await?;
    told(&console, &request, (StatusCode::OK, &changed))
}

pub(super) async fn user_delete(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Outcome {
    let person = seen(&who, &console, &request).await?;
    console.identity.scim_person_delete(&who, &person).await?;
    Ok(HttpResponse::NoContent().finish())
}
