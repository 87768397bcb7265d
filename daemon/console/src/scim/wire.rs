//! Answers of SCIM: errors and lists (RFC 7644 sections 3.4.2 and 3.12), ETags, and the attributes that
//! were asked for.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
};
use http::Problem;
use identity::IdentityError;
use serde_json::{Map, Value, json};

pub(crate) const MEDIA_TYPE: &str = "application/scim+json";
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// Why a request is not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    kind: Option<&'static str>,
    detail: String,
}

impl Refusal {
    pub(crate) fn bad(kind: &'static str, detail: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: Some(kind),
            detail: detail.to_owned(),
        }
    }

    pub(crate) fn of(status: StatusCode, detail: &str) -> Self {
        Self {
            status,
            kind: None,
            detail: detail.to_owned(),
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND, "There is no such resource.")
    }

    #[cfg(test)]
    pub(crate) const fn scim_type(&self) -> Option<&'static str> {
        self.kind
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.detail)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut body = json!({
            "schemas": [ERROR],
            "status": self.status.as_u16().to_string(),
            "detail": self.detail,
        });
        if let (Some(kind), Some(body)) = (self.kind, body.as_object_mut()) {
            body.insert(String::from("scimType"), Value::from(kind));
        }
        HttpResponse::build(self.status)
            .content_type(MEDIA_TYPE)
            .body(body.to_string())
    }
}

impl From<IdentityError> for Refusal {
    fn from(error: IdentityError) -> Self {
        Problem::from(error).into()
    }
}

/// The code stands at the end of the words, because SCIM's errors have no place for one of ours.
impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::from(&problem)
    }
}

impl From<&Problem> for Refusal {
    fn from(problem: &Problem) -> Self {
        let (status, kind) = match (problem.status(), problem.code()) {
            (_, "version_conflict") => (StatusCode::PRECONDITION_FAILED, None),
            (status, "already_exists" | "scim_user_exists" | "scim_account_elsewhere") => {
                (status, Some("uniqueness"))
            }
            (status, "scim_too_many") => (status, Some("tooMany")),
            (StatusCode::BAD_REQUEST, "body_not_json" | "body_invalid" | "body_cut") => {
                (StatusCode::BAD_REQUEST, Some("invalidSyntax"))
            }
            (StatusCode::BAD_REQUEST, _) => (StatusCode::BAD_REQUEST, Some("invalidValue")),
            (status, _) => (status, None),
        };
        Self {
            status,
            kind,
            detail: format!("{} ({})", problem.detail(), problem.code()),
        }
    }
}

/// Gives what is refused before a handler runs, by the door, the body or the list of routes, the form that
/// SCIM asks for.
pub(crate) async fn refusals<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let answer = next.call(request).await?;
    let refusal = answer
        .response()
        .error()
        .and_then(|error| error.as_error::<Problem>())
        .map(Refusal::from);
    let Some(refusal) = refusal else {
        return Ok(answer.map_into_left_body());
    };
    let mut told = refusal.error_response();
    for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = answer.headers().get(&name) {
            told.headers_mut().insert(name, value.clone());
        }
    }
    Ok(answer.into_response(told).map_into_right_body())
}

pub(crate) fn etag(version: &str) -> String {
    format!("W/\"{version}\"")
}

/// The version that the request insists on (RFC 7644 section 3.14).
pub(crate) fn if_match(request: &HttpRequest, current: &str) -> Result<(), Refusal> {
    match tags(request, &header::IF_MATCH) {
        Some(tags) if tags != "*" && !holds(tags, current) => Err(Refusal::of(
            StatusCode::PRECONDITION_FAILED,
            "Somebody else changed it meanwhile.",
        )),
        _ => Ok(()),
    }
}

pub(crate) fn unchanged(request: &HttpRequest, current: &str) -> bool {
    tags(request, &header::IF_NONE_MATCH).is_some_and(|tags| holds(tags, current))
}

fn tags<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn holds(tags: &str, current: &str) -> bool {
    let current = etag(current);
    tags.split(',').any(|tag| tag.trim() == current)
}

/// One resource as an answer, with its ETag and address.
pub(crate) fn answer(status: StatusCode, body: &Value) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    for (name, pointer) in [
        (header::ETAG, "/meta/version"),
        (header::LOCATION, "/meta/location"),
    ] {
        if let Some(text) = body.pointer(pointer).and_then(Value::as_str) {
            answer.insert_header((name, text));
        }
    }
    answer.content_type(MEDIA_TYPE).body(body.to_string())
}

pub(crate) fn plain(body: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(MEDIA_TYPE)
        .body(body.to_string())
}

/// `start` counts from one.
pub(crate) fn list(total: usize, start: usize, items: Vec<Value>) -> Value {
    json!({
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": items.len(),
        "Resources": items,
    })
}

/// What `attributes` names, or all but what `excludedAttributes` names (RFC 7644 section 3.9).
pub(crate) fn chosen(body: Value, attributes: Option<&str>, excluded: Option<&str>) -> Value {
    let Value::Object(members) = body else {
        return body;
    };
    let (names, wanted) = match (attributes, excluded) {
        (Some(wanted), _) => (names(wanted), true),
        (None, Some(excluded)) => (names(excluded), false),
        (None, None) => return Value::Object(members),
    };
    let kept: Map<String, Value> = members
        .into_iter()
        .filter_map(|(key, value)| {
            let always = matches!(key.as_str(), "schemas" | "id");
            if always {
                return Some((key, value));
            }
            parts(value, &names, &key, wanted).map(|value| (key, value))
        })
        .collect();
    Value::Object(kept)
}

/// `attribute` and, where there is one, its part, in lower case.
type Named = (String, Option<String>);

fn names(text: &str) -> Vec<Named> {
    text.split(',')
        .filter_map(|name| name.trim().rsplit(':').next())
        .map(str::to_ascii_lowercase)
        .map(|name| match name.split_once('.') {
            Some((name, part)) => (name.to_owned(), Some(part.to_owned())),
            None => (name, None),
        })
        .collect()
}

/// What is left of an attribute; `None` when nothing is.
fn parts(value: Value, names: &[Named], key: &str, wanted: bool) -> Option<Value> {
    let named: Vec<&Option<String>> = names
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, part)| part)
        .collect();
    if named.iter().any(|part| part.is_none()) {
        return wanted.then_some(value);
    }
    if named.is_empty() {
        return (!wanted).then_some(value);
    }
    let keep = |part: &str| {
        let found = named.iter().copied().flatten();
        found
            .into_iter()
            .any(|name| name.eq_ignore_ascii_case(part))
            == wanted
    };
    Some(match value {
        Value::Array(items) => items.into_iter().map(|item| only(item, &keep)).collect(),
        one => only(one, &keep),
    })
}

fn only(value: Value, keep: &impl Fn(&str) -> bool) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(part, _)| keep(part))
            .collect::<Map<_, _>>()
            .into(),
        simple => simple,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_told_and_what_is_excluded_is_not() {
        let body = json!({
            "schemas": [USER], "id": "user_1", "userName": "ada",
            "name": { "givenName": "Ada", "familyName": "L" },
            "emails": [{ "value": "a@b.example", "type": "work" }],
        });
        let of =
            |wanted: Option<&str>, excluded: Option<&str>| chosen(body.clone(), wanted, excluded);
        assert_eq!(of(None, None), body);
        assert_eq!(
            of(Some("username"), None),
            json!({ "schemas": [USER], "id": "user_1", "userName": "ada" })
        );
        let some = of(
            Some("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName, emails.type"),
            None,
        );
        assert_eq!(some["name"], json!({ "givenName": "Ada" }));
        assert_eq!(some["emails"], json!([{ "type": "work" }]));
        assert!(some.get("userName").is_none());
        let less = of(None, Some("name.givenName,emails,id"));
        assert_eq!(less["name"], json!({ "familyName": "L" }));
        assert!(less.get("emails").is_none() && less["id"] == "user_1");
    }

    #[test]
    fn a_version_that_is_insisted_on_is_compared() {
        let request = |name: &'static str, value: &str| {
            actix_web::test::TestRequest::get()
                .insert_header((name, value))
                .to_http_request()
        };
        assert!(if_match(&request("if-match", "W/\"1-2\""), "1-2").is_ok());
        assert!(if_match(&request("if-match", "W/\"9\", W/\"1-2\""), "1-2").is_ok());
        assert!(if_match(&request("if-match", "*"), "1-2").is_ok());
        assert!(if_match(&request("if-match", "W/\"1-1\""), "1-2").is_err());
        assert!(unchanged(&request("if-none-match", "W/\"1-2\""), "1-2"));
        assert!(!unchanged(&request("if-none-match", "W/\"1-1\""), "1-2"));
    }
}
