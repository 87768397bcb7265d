//! `/Groups`: what the provider calls a group, and who is in it.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use http::{Provisioning, ScimBody};
use identity::scim::Group;
use kernel::GroupId;
use serde_json::Value;

use super::{
    Listing, Outcome, Query, Refusal, base, id, patch,
    resource::{group_json, group_read},
    wire::{answer, if_match, unchanged},
};
use crate::Console;

/// What a patch cannot take away.
const REQUIRED: [&str; 1] = ["displayname"];

pub(super) async fn group_list(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Outcome {
    let listing = Listing::read(&request)?;
    Ok(listing.answer(found(&who, &console, &listing).await?))
}

/// The same by POST (RFC 7644 section 3.4.3).
pub(super) async fn group_search(
    who: Provisioning,
    console: web::Data<Console>,
    ScimBody(query): ScimBody<Query>,
) -> Outcome {
    let listing = Listing::of(query)?;
    Ok(listing.answer(found(&who, &console, &listing).await?))
}

/// Every group that the filter finds; with its members where they are asked for.
pub(super) async fn found(
    who: &Provisioning,
    console: &Console,
    listing: &Listing,
) -> Result<Vec<Value>, Refusal> {
    let base = base(console);
    let with_members = listing.tells("members");
    let groups = console.identity.scim_group_list(who, with_members).await?;
    Ok(groups
        .iter()
        .map(|group| group_json(&base, group))
        .filter(|body| listing.matches(body))
        .collect())
}

fn told(
    console: &Console,
    request: &HttpRequest,
    (status, group): (StatusCode, &Group),
) -> Outcome {
    let listing = Listing::read(request)?;
    Ok(answer(
        status,
        &listing.shown(group_json(&base(console), group)),
    ))
}

pub(super) async fn group_create(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
    ScimBody(body): ScimBody<Value>,
) -> Outcome {
    let input = group_read(&body)?;
    let made = console.identity.scim_group_create(&who, input).await?;
    told(&console, &request, (StatusCode::CREATED, &made))
}

pub(super) async fn group_show(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Outcome {
    let group = seen(&who, &console, &request).await?;
    if unchanged(&request, &group.version) {
        return Ok(HttpResponse::NotModified().finish());
    }
    told(&console, &request, (StatusCode::OK, &group))
}

/// The group of the path, in the version that the request insists on.
async fn seen(
    who: &Provisioning,
    console: &Console,
    request: &HttpRequest,
) -> Result<Group, Refusal> {
    let id = id::<GroupId>(request)?;
    let group = console.identity.scim_group_show(who, id).await?;
    if_match(request, &group.version)?;
    Ok(group)
}

pub(super) async fn group_replace(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
    ScimBody(body): ScimBody<Value>,
) -> Outcome {
    let group = seen(&who, &console, &request).await?;
    let input = group_read(&body)?;
    let changed = console
        .identity
        .scim_group_replace(&who, &group, input)
        .await?;
    told(&console, &request, (StatusCode::OK, &changed))
}

pub(super) async fn group_patch(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
    ScimBody(body): ScimBody<patch::Patch>,
) -> Outcome {
    let group = seen(&who, &console, &request).await?;
    let mut resource = group_json(&base(&console), &group);
    patch::apply(&mut resource, body, &REQUIRED)?;
    let input = group_read(&resource)?;
    let changed = console
        .identity
        .scim_group_replace(&who, &group, input)
        .await?;
    told(&console, &request, (StatusCode::OK, &changed))
}

pub(super) async fn group_delete(
    who: Provisioning,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Outcome {
    let group = seen(&who, &console, &request).await?;
    console.identity.scim_group_delete(&who, &group).await?;
    Ok(HttpResponse::NoContent().finish())
}
