//! One HTTP request and its answer. Neither prints what it carries.

use std::{fmt, time::Duration};

use kernel::Secret;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::EgressError;

/// Answers larger than this are cut off, unless the request allows more.
const MOST_RESPONSE_BYTES: usize = 8 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// What to ask of one URL. Made with [`Request::new`] and the builder methods.
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Zeroizing<String>)>,
    pub(crate) body: Option<Zeroizing<Vec<u8>>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) most_response_bytes: usize,
}

impl Request {
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: None,
            most_response_bytes: MOST_RESPONSE_BYTES,
        }
    }

    /// Adds a header. A name or value that is not valid in HTTP fails when the request is sent.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_owned(), Zeroizing::new(value.to_owned())));
        self
    }

    /// `Authorization: Bearer <token>` (RFC 6750 section 2.1).
    #[must_use]
    pub fn bearer(self, token: &Secret<String>) -> Self {
        let value = Zeroizing::new(format!("Bearer {}", token.expose()));
        self.header("authorization", &value)
    }

    #[must_use]
    pub fn body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.body = Some(Zeroizing::new(body));
        self.header("content-type", content_type)
    }

    /// A JSON body.
    pub fn json(self, value: &impl Serialize) -> Result<Self, EgressError> {
        let body = serde_json::to_vec(value)
            .map_err(|error| EgressError::Invalid(format!("the body is no JSON: {error}")))?;
        Ok(self.body("application/json", body))
    }

    /// A form body (`application/x-www-form-urlencoded`).
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.body(
            "application/x-www-form-urlencoded",
            form.finish().into_bytes(),
        )
    }

    /// The time from the first byte to the last byte of the answer.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// A larger or smaller bound than 8 MiB for the answer's body.
    #[must_use]
    pub const fn most_response_bytes(mut self, most: usize) -> Self {
        self.most_response_bytes = most;
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// A complete answer, whatever its status says. Its body may hold tokens: it is wiped when dropped.
pub struct Response {
    pub status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Response {
    /// The certificate that the other side showed, DER.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The first header of that name, in any case, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.body.zeroize();
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
