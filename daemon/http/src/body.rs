//! JSON bodies: bounded, of the right media type, and with errors that name the field.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web::BytesMut,
};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// No route takes more.
pub const MOST_BYTES: usize = 1024 * 1024;

/// The body of a request, read as `T`.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// The same from an identity provider, whose media type is `application/scim+json` or plain JSON (RFC
/// 7644 section 3.1).
#[derive(Debug)]
pub struct ScimBody<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = whole(request, payload, &["application/json"]);
        Box::pin(async move { parse(&body.await?).map(Self) })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for ScimBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = whole(
            request,
            payload,
            &["application/scim+json", "application/json"],
        );
        Box::pin(async move { parse(&body.await?).map(Self) })
    }
}

/// The body's bytes, when it is of one of these media types and not too large.
fn whole(
    request: &HttpRequest,
    payload: &mut Payload,
    kinds: &'static [&'static str],
) -> impl Future<Output = Result<BytesMut, Problem>> + use<> {
    let (typed, length) = (check_media_type(request, kinds), announced(request));
    let payload = payload.take();
    async move {
        typed?;
        if length.is_some_and(|length| length > MOST_BYTES) {
            return Err(too_large());
        }
        read(payload).await
    }
}

fn check_media_type(request: &HttpRequest, kinds: &'static [&'static str]) -> Result<(), Problem> {
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    let known = |essence: &str| kinds.iter().any(|kind| essence.eq_ignore_ascii_case(kind));
    if essence.is_some_and(known) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "media_type",
        format!("The body must be {}.", kinds.join(" or ")),
    ))
}

fn announced(request: &HttpRequest) -> Option<usize> {
    request
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// What was announced may be a lie, so what arrives is counted.
async fn read(mut payload: Payload) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "body_cut",
                "The body could not be read to its end.",
            )
        })?;
        if bytes.len().saturating_add(chunk.len()) > MOST_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "The body may have at most 1 MiB.",
    )
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refusal(
            if path == "." { String::new() } else { path },
            error.inner(),
        )
    })?;
    json.end().map_err(|error| refusal(String::new(), &error))?;
    Ok(value)
}

fn refusal(path: String, error: &serde_json::Error) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            let what = text.rsplit_once(" at line ").map_or("", |(what, _)| what);
            let path = match what.starts_with("unknown field") {
                true => parent(path),
                false => path,
            };
            let what = without_value(what);
            Problem::invalid("body_invalid", path, format!("{what} ({place})."))
        }
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => Problem::invalid(
            "body_not_json",
            path,
            format!("The body is not JSON: {place}."),
        ),
    }
}

/// serde's words without what they quote of the request: whoever types a password into the wrong
/// place must not read it again in an answer, nor in what keeps answers. What is expected is ours.
pub(crate) fn without_value(what: &str) -> String {
    if ["missing field", "duplicate field"]
        .iter()
        .any(|ours| what.starts_with(ours))
    {
        return what.to_owned();
    }
    let (told, expected) = what
        .rsplit_once(", expected ")
        .map_or((what, None), |(told, expected)| (told, Some(expected)));
    let told = told.split(['`', '"']).next().unwrap_or_default().trim_end();
    match expected {
        Some(expected) => format!("{told}, expected {expected}"),
        None => told.to_owned(),
    }
}

/// The path of what holds an unknown field, whose name is the client's own.
fn parent(path: String) -> String {
    path.rsplit_once('.')
        .map_or_else(String::new, |(parent, _)| parent.to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError, body::to_bytes, test::TestRequest};
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pool {
        members: Vec<Member>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Member {
        weight: u8,
    }

    async fn take(request: TestRequest) -> Result<Pool, (u16, Value)> {
        let (request, mut payload) = request.to_http_parts();
        match Body::<Pool>::from_request(&request, &mut payload).await {
            Ok(body) => Ok(body.0),
            Err(problem) => {
                let response = problem.error_response();
                let status = response.status().as_u16();
                let bytes = to_bytes(response.into_body()).await.unwrap();
                Err((status, serde_json::from_slice(&bytes).unwrap()))
            }
        }
    }

    fn json_body(text: impl Into<String>) -> TestRequest {
        TestRequest::post()
            .insert_header(("content-type", "application/json; charset=utf-8"))
            .set_payload(text.into())
    }

    #[actix_web::test]
    async fn an_error_names_the_field() {
        let text = json!({"members": [{"weight": 1}, {"weight": "much"}]}).to_string();
        let (status, body) = take(json_body(text)).await.unwrap_err();
        assert_eq!((status, &body["field"]), (400, &json!("members[1].weight")));
        assert_eq!(body["code"], "body_invalid");
        let text = json!({"members": [], "owner": 1}).to_string();
        let (_, body) = take(json_body(text)).await.unwrap_err();
        assert!(
            body["detail"]
                .as_str()
                .unwrap()
                .contains("unknown field, expected `members`"),
            "{body}"
        );
    }

    #[actix_web::test]
    async fn an_error_repeats_nothing_of_the_request() {
        let canary = "Zyx-canary, expected `members`";
        for body in [
            json!({"members": [], canary: 1}),
            json!({"members": [{"weight": canary}]}),
            json!({"members": [{"weight": 1, canary: 1}]}),
            json!({"members": canary}),
            json!(canary),
        ] {
            let (_, answer) = take(json_body(body.to_string())).await.unwrap_err();
            assert!(!answer.to_string().contains("Zyx"), "{answer}");
            assert_eq!(answer["code"], "body_invalid");
        }
    }

    #[actix_web::test]
    async fn what_is_no_json_is_said_to_be_none() {
        for text in ["", "{", "members=1", "{\"members\":[]} trailing"] {
            let (status, body) = take(json_body(text)).await.unwrap_err();
            assert_eq!(
                (status, body["code"].as_str()),
                (400, Some("body_not_json")),
                "{text:?}"
            );
        }
        assert_eq!(
            take(json_body("{\"members\":[{\"weight\":2}]}"))
                .await
                .unwrap()
                .members[0]
                .weight,
            2
        );
    }

    #[actix_web::test]
    async fn another_media_type_is_refused_so_that_no_form_can_send_it() {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ] {
            let request = TestRequest::post()
                .insert_header(("content-type", kind))
                .set_payload("{\"members\":[]}");
            assert_eq!(take(request).await.unwrap_err().0, 415, "{kind}");
        }
        assert_eq!(
            take(TestRequest::post().set_payload("{\"members\":[]}"))
                .await
                .unwrap_err()
                .0,
            415
        );
    }

    #[actix_web::test]
    async fn more_than_a_mebibyte_is_refused_announced_or_not() {
        let large = format!("{{\"members\":[{}]}}", " ".repeat(MOST_BYTES));
        assert_eq!(take(json_body(large)).await.unwrap_err().0, 413);
        let liar = json_body("{\"members\":[]}").insert_header(("content-length", "99999999"));
        assert_eq!(take(liar).await.unwrap_err().0, 413);
    }

    #[actix_web::test]
    async fn depth_is_bounded() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(take(json_body(deep)).await.unwrap_err().0, 400);
    }
}
