//! Who a token speaks for: the identity address and the OpenID Connect claims.

use serde_json::{Value as Json, json};

use super::{
    OAuth,
    token::{Place, identity_url},
};
use crate::{
    call::{Answer, Call},
    model::{id::Id, value::Value},
    store::Store,
};

/// `GET /id/{organisation}/{user}`
pub(crate) fn identity(oauth: &OAuth, store: &Store, place: &Place<'_>, call: &Call) -> Answer {
    let user = match user_of(oauth, call) {
        Ok(user) => user,
        Err(answer) => return answer,
    };
    let segments = call.segments();
    if segments.get(1) != Some(&place.organisation) || segments.get(2) != Some(&user.as_str()) {
        return Answer::text(403, "Wrong_Org");
    }
    let text = |field: &str| field_of(store, user, field);
    Answer::json(
        200,
        &json!({
            "id": identity_url(place, user), "asserted_user": true, "user_id": user,
            "organization_id": place.organisation, "username": text("Username"),
            "nick_name": text("Alias"), "display_name": text("Name"), "email": text("Email"),
            "email_verified": true, "first_name": text("FirstName"),
            "last_name": text("LastName"), "timezone": "UTC",
            "photos": { "picture": null, "thumbnail": null },
            "urls": urls(place, call.param("version")), "active": true, "user_type": "STANDARD",
            "language": "en_US", "locale": "en_US", "utcOffset": 0,
        }),
    )
}

/// `GET /services/oauth2/userinfo`
pub(crate) fn userinfo(oauth: &OAuth, store: &Store, place: &Place<'_>, call: &Call) -> Answer {
    let user = match user_of(oauth, call) {
        Ok(user) => user,
        Err(answer) => return answer,
    };
    let text = |field: &str| field_of(store, user, field);
    Answer::json(
        200,
        &json!({
            "sub": identity_url(place, user), "user_id": user,
            "organization_id": place.organisation, "preferred_username": text("Username"),
            "name": text("Name"), "given_name": text("FirstName"),
            "family_name": text("LastName"), "email": text("Email"), "email_verified": true,
            "zoneinfo": "UTC", "locale": "en_US", "language": "en_US", "active": true,
            "user_type": "STANDARD", "urls": urls(place, None),
        }),
    )
}

fn user_of(oauth: &OAuth, call: &Call) -> Result<Id, Answer> {
    let token = call.bearer().or_else(|| call.param("oauth_token"));
    let token = token.ok_or_else(|| Answer::text(403, "Missing_OAuth_Token"))?;
    oauth
        .user_of(token)
        .ok_or_else(|| Answer::text(403, "Bad_OAuth_Token"))
}

fn field_of(store: &Store, user: Id, field: &str) -> Json {
    let value = store
        .table("User")
        .and_then(|table| Some(table.get(user)?.get(table.object.stored_column(field)?)));
    value.map_or(Json::Null, Value::to_json)
}

/// The templates hold a literal `{version}` unless a version was asked for.
fn urls(place: &Place<'_>, version: Option<&str>) -> Json {
    let version = version.map_or("{version}", |version| version.trim_start_matches('v'));
    let rest = format!("{}/services/data/v{version}/", place.url);
    json!({
        "rest": rest, "sobjects": format!("{rest}sobjects/"), "search": format!("{rest}search/"),
        "query": format!("{rest}query/"), "profile": format!("{}/{{user_id}}", place.url),
        "enterprise": format!("{}/services/Soap/c/{version}/", place.url),
        "metadata": format!("{}/services/Soap/m/{version}/", place.url),
        "partner": format!("{}/services/Soap/u/{version}/", place.url),
    })
}
