//! Errors as answers: RFC 9457 problem+json with a stable code, the request's id and no inner cause.
//! The one place where an [`ErrorKind`] becomes a status.

use std::{borrow::Cow, time::Duration};

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
};
use kernel::{Classified, ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::request;

/// One field of the input that is not acceptable.
#[derive(Clone, Debug, Serialize)]
pub struct FieldError {
    /// JSON path in the body, for example `members[2].weight`.
    pub field: String,
    pub code: Cow<'static, str>,
    pub detail: String,
    /// Character positions in the field's text, where it is one that we parse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    pub start: usize,
    pub end: usize,
}

/// An error on its way to the client. Boxed, because it is the rare case of every result.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    field: Option<String>,
    errors: Vec<FieldError>,
    extra: Map<String, Value>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    challenge: Option<String>,
}

impl Problem {
    /// For what HTTP itself refuses (method, media type, size). Domain errors come by `From`.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self::build(status, code.into(), detail.into())
    }

    fn build(status: StatusCode, code: Cow<'static, str>, detail: String) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            detail,
            field: None,
            errors: Vec::new(),
            extra: Map::new(),
            retry_after: None,
            allow: None,
            challenge: None,
        }))
    }

    /// The input is wrong at `field`.
    pub fn invalid(
        code: &'static str,
        field: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        let mut problem = Self::new(status(ErrorKind::Invalid), code, detail);
        problem.0.field = Some(field.into());
        problem
    }

    /// The body is well formed, but a text in it that we parse says something that is refused.
    pub fn unprocessable(
        code: impl Into<Cow<'static, str>>,
        field: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
        problem.0.field = Some(field.into());
        problem
    }

    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such thing here.",
        )
    }

    /// Our fault; the log says more.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something failed on our side; the log has the cause under this request's id.",
        )
    }

    /// A member beside the standard ones, for example `current` of a version conflict.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.0.extra.insert(name.to_owned(), value);
        self
    }
    #[must_use]
    pub fn with_error(mut self, error: FieldError) -> Self {
        self.0.errors.push(error);
        self
    }
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }
    /// RFC 9110 section 15.5.6: a 405 names what is allowed.
    #[must_use]
    pub(crate) fn allowing(mut self, methods: String) -> Self {
        self.0.allow = Some(methods);
        self
    }

    /// RFC 6750 section 3: says of a refusal what would be let in.
    #[must_use]
    pub(crate) fn challenging(mut self, challenge: String) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }
    pub fn code(&self) -> &str {
        &self.0.code
    }
    /// What happened, for whoever asked.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }
}

/// What each kind of error is in HTTP. No arm catches the rest: a new kind is decided here.
const fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Sealed | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl<E: Classified> From<E> for Problem {
    fn from(error: E) -> Self {
        let kind = error.kind();
        log_cause(kind, &error);
        match kind {
            ErrorKind::Internal => Self::internal(),
            // One code for the web app, whichever part needed the secret.
            ErrorKind::Sealed => Self::new(status(kind), "sealed", error.message()),
            ErrorKind::Invalid
            | ErrorKind::Unauthenticated
            | ErrorKind::Denied
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable => {
                let mut problem =
                    Self::build(status(kind), Cow::Borrowed(error.code()), error.message());
                problem.0.field = error.field();
                problem
            }
        }
    }
}

/// The whole chain, once, at the edge. What the client did wrong is no news for the log.
fn log_cause(kind: ErrorKind, error: &dyn Classified) {
    let level = match kind {
        ErrorKind::Internal => log::Level::Error,
        ErrorKind::Sealed | ErrorKind::Unavailable => log::Level::Warn,
        ErrorKind::Invalid
        | ErrorKind::Unauthenticated
        | ErrorKind::Denied
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::RateLimited => log::Level::Debug,
    };
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    log::log!(level, REVKEEP_REQUEST = request::id_text(), REVKEEP_CODE = error.code(); "{chain}");
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(flatten)]
    extra: &'a Map<String, Value>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0.status.as_u16(), self.0.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let inner = &self.0;
        let body = Body {
            r#type: "about:blank",
            title: inner.status.canonical_reason().unwrap_or("Error"),
            status: inner.status.as_u16(),
            detail: &inner.detail,
            code: &inner.code,
            request_id: request::id_text(),
            field: inner.field.as_deref(),
            errors: &inner.errors,
            extra: &inner.extra,
        };
        let mut response = HttpResponseBuilder::new(inner.status);
        response.content_type("application/problem+json");
        if let Some(wait) = inner.retry_after {
            response.insert_header((header::RETRY_AFTER, wait.as_secs().max(1).to_string()));
        }
        if let Some(methods) = &inner.allow {
            response.insert_header((header::ALLOW, methods.as_str()));
        }
        // RFC 9110 section 15.5.2 wants a challenge; RFC 6750 section 3 is ours.
        let bare = (inner.status == StatusCode::UNAUTHORIZED).then_some("Bearer");
        if let Some(challenge) = inner.challenge.as_deref().or(bare) {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        response.body(serde_json::to_string(&body).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("password of the database is hunter2")]
    struct Leaky(ErrorKind);

    impl Classified for Leaky {
        fn kind(&self) -> ErrorKind {
            self.0
        }
        fn code(&self) -> &'static str {
            "leaky"
        }
        fn message(&self) -> String {
            match self.0 {
                ErrorKind::Internal => String::from("hunter2"),
                _ => String::from("told"),
            }
        }
        fn field(&self) -> Option<String> {
            Some(String::from("a.b"))
        }
    }

    async fn answer(problem: Problem) -> (HttpResponse<()>, Value) {
        let (head, body) = problem.error_response().into_parts();
        let bytes = to_bytes(body).await.unwrap();
        (head, serde_json::from_slice(&bytes).unwrap())
    }

    #[actix_web::test]
    async fn an_internal_error_says_nothing_of_its_cause() {
        let (head, body) = answer(Leaky(ErrorKind::Internal).into()).await;
        assert_eq!(head.status(), 500);
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("hunter2"), "{body}");
        assert!(body.get("field").is_none());
    }

    #[actix_web::test]
    async fn every_kind_has_its_status() {
        for (kind, status, code) in [
            (ErrorKind::Invalid, 400, "leaky"),
            (ErrorKind::Unauthenticated, 401, "leaky"),
            (ErrorKind::Denied, 403, "leaky"),
            (ErrorKind::NotFound, 404, "leaky"),
            (ErrorKind::Conflict, 409, "leaky"),
            (ErrorKind::RateLimited, 429, "leaky"),
            (ErrorKind::Sealed, 503, "sealed"),
            (ErrorKind::Unavailable, 503, "leaky"),
            (ErrorKind::Internal, 500, "internal"),
        ] {
            let (head, body) = answer(Leaky(kind).into()).await;
            assert_eq!(head.status().as_u16(), status, "{kind:?}");
            assert_eq!(body["code"], code, "{kind:?}");
            assert_eq!(body["status"], status);
            assert!(!body.to_string().contains("hunter2"));
        }
    }

    #[actix_web::test]
    async fn it_is_problem_json_with_what_was_added() {
        let problem = Problem::invalid("soql_syntax", "enrollment_text", "no")
            .with("current", Value::from(4))
            .retry_after(Duration::from_millis(1_500))
            .with_error(FieldError {
                field: String::from("enrollment_text"),
                code: Cow::Borrowed("soql_syntax"),
                detail: String::from("here"),
                position: Some(Position { start: 3, end: 7 }),
            });
        let (head, body) = answer(problem).await;
        assert_eq!(
            head.headers().get("content-type").unwrap(),
            "application/problem+json"
        );
        assert_eq!(head.headers().get("retry-after").unwrap(), "1");
        assert_eq!(body["current"], 4);
        assert_eq!(body["field"], "enrollment_text");
        assert_eq!(body["errors"][0]["position"]["start"], 3);
    }
}
