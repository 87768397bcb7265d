//! One request as the simulator reads it, and what it answers.

use actix_web::{
    HttpRequest,
    http::header::{AUTHORIZATION, HeaderMap},
    web::Bytes,
};

use crate::store::refusal::Refusal;

pub(crate) const JSON: &str = "application/json;charset=UTF-8";

pub(crate) struct Call {
    /// Its place in the request log; 0 before it has one.
    pub(crate) number: u64,
    pub(crate) method: String,
    /// Without a trailing slash: clients differ, and both forms are equal.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn read(request: &HttpRequest, body: Bytes) -> Self {
        Self {
            number: 0,
            method: request.method().as_str().to_owned(),
            path: request.path().trim_end_matches('/').to_owned(),
            query: pairs(request.query_string().as_bytes()),
            headers: request.headers().clone(),
            body,
        }
    }

    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .collect()
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        let value = self.headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        let known = ["bearer", "oauth"]
            .iter()
            .any(|name| scheme.eq_ignore_ascii_case(name));
        known.then(|| token.trim())
    }

    pub(crate) fn is_form(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

    /// The fields of the query, then of a form body.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let body = if self.is_form() {
            pairs(&self.body)
        } else {
            Vec::new()
        };
        self.query.iter().cloned().chain(body).collect()
    }

    /// # Errors
    /// JSON_PARSER_ERROR when the body is no JSON of that shape.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| Refusal::bad_json(error.to_string()))
    }
}

pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

pub(crate) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body,
        }
    }

    pub(crate) fn json<T: serde::Serialize + ?Sized>(status: u16, value: &T) -> Self {
        Self::new(status, JSON, serde_json::to_vec(value).unwrap_or_default())
    }

    pub(crate) fn raw_json(body: Vec<u8>) -> Self {
        Self::new(200, JSON, body)
    }

    /// One JSON value a line.
    pub(crate) fn lines(body: Vec<u8>) -> Self {
        Self::new(200, "application/x-ndjson", body)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, JSON, Vec::new())
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/html;charset=UTF-8", text.as_bytes().to_vec())
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    /// The error array of the REST API.
    pub(crate) fn refusal(refusal: &Refusal) -> Self {
        let mut error = serde_json::json!({
            "message": refusal.message, "errorCode": refusal.code,
        });
        if let Some(map) = error.as_object_mut().filter(|_| !refusal.fields.is_empty()) {
            map.insert("fields".to_owned(), serde_json::json!(refusal.fields));
        }
        Self::json(refusal.status, &[error])
    }

    /// The error object of the OAuth endpoints.
    pub(crate) fn oauth_error(status: u16, error: &str, description: &str) -> Self {
        let body = serde_json::json!({ "error": error, "error_description": description });
        Self::new(
            status,
            "application/json",
            serde_json::to_vec(&body).unwrap_or_default(),
        )
        .with("Cache-Control", "no-store")
    }
}
