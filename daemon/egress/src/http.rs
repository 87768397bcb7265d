//! HTTP requests to targets that the policy admits.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use reqwest::header::{HeaderName, HeaderValue};
use rustls::ClientConfig;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    door::Door,
    error::EgressError,
    policy::{Purpose, Reach, Target},
    request::{Method, Request, Response},
    resolve::{Guarded, Resolver},
};

/// How long an unused connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);
const MOST_IDLE_PER_HOST: usize = 8;
const NAME_AND_VERSION: &str = concat!("Revkeep/", env!("CARGO_PKG_VERSION"));

/// Sends requests for one purpose; clones share their connections.
#[derive(Clone)]
pub struct Http {
    pub(crate) door: Arc<Door>,
    pub(crate) purpose: Purpose,
    /// Clients that trust somebody else; the door's otherwise.
    pub(crate) own: Option<Arc<Clients>>,
}

/// One client per reach: connections to declared private endpoints are never shared with, nor
/// resolved like, those to public ones.
pub(crate) struct Clients {
    public: reqwest::Client,
    declared: reqwest::Client,
}

impl Clients {
    pub(crate) fn new(
        tls: &ClientConfig,
        resolver: &Arc<dyn Resolver>,
        connect_timeout: Duration,
    ) -> Result<Self, EgressError> {
        let client = |reach| {
            client(
                tls,
                Guarded {
                    resolver: Arc::clone(resolver),
                    reach,
                },
                connect_timeout,
            )
        };
        Ok(Self {
            public: client(Reach::Public)?,
            declared: client(Reach::Declared)?,
        })
    }

    const fn of(&self, reach: Reach) -> &reqwest::Client {
        match reach {
            Reach::Public => &self.public,
            Reach::Declared => &self.declared,
        }
    }
}

impl Http {
    /// Sends one request and reads its whole answer. Every status but a redirect is an answer.
    pub async fn send(&self, request: Request) -> Result<Response, EgressError> {
        let sent = self.sent(request).await;
        self.door.refusals.watch(self.purpose, sent)
    }

    async fn sent(&self, request: Request) -> Result<Response, EgressError> {
        let (url, target) = self.door.policy.url(self.purpose, &request.url)?;
        let most = request.most_response_bytes;
        let clients = self.own.as_deref().unwrap_or(&self.door.clients);
        let client = clients.of(target.reach);
        let sent = client.execute(self.prepared(url, request)?).await;
        let answer = sent.map_err(|error| explained(&target, &error))?;
        let status = answer.status();
        if status.is_redirection() && status != reqwest::StatusCode::NOT_MODIFIED {
            let host = target.endpoint.to_string();
            return Err(EgressError::Redirected {
                host,
                status: status.as_u16(),
            });
        }
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let certificate = answer
            .extensions()
            .get::<reqwest::tls::TlsInfo>()
            .and_then(|tls| tls.peer_certificate().map(<[u8]>::to_vec));
        let body = read_body(answer, &target, most).await?;
        Ok(Response {
            status: status.as_u16(),
            headers,
            body,
            certificate,
        })
    }

    fn prepared(
        &self,
        url: url::Url,
        mut request: Request,
    ) -> Result<reqwest::Request, EgressError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut prepared = reqwest::Request::new(method, url);
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| EgressError::Invalid(format!("header name {name:?}")))?;
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| EgressError::Invalid(format!("the value of header {name}")))?;
            value.set_sensitive(true);
            prepared.headers_mut().append(name, value);
        }
        if let Some(body) = request.body.as_mut() {
            *prepared.body_mut() = Some(std::mem::take(&mut **body).into());
        }
        *prepared.timeout_mut() = Some(request.timeout.unwrap_or(self.door.request_timeout));
        Ok(prepared)
    }
}

async fn read_body(
    mut answer: reqwest::Response,
    target: &Target,
    most: usize,
) -> Result<Vec<u8>, EgressError> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| in_doubt(target, &error))?
    {
        if body.len().saturating_add(chunk.len()) > most {
            return Err(EgressError::TooLarge {
                host: target.endpoint.to_string(),
                limit: most,
            });
        }
        grow(&mut body, chunk.len());
        body.extend_from_slice(&chunk);
    }
    Ok(std::mem::take(&mut *body))
}

/// Makes room without leaving a copy of the old content behind.
fn grow(body: &mut Vec<u8>, more: usize) {
    let needed = body.len().saturating_add(more);
    if needed > body.capacity() {
        let mut larger = Vec::with_capacity(needed.saturating_mul(2));
        larger.extend_from_slice(body);
        body.zeroize();
        *body = larger;
    }
}

fn client(
    tls: &ClientConfig,
    guarded: Guarded,
    connect_timeout: Duration,
) -> Result<reqwest::Client, EgressError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where HTTP clients are made"
    )]
    let builder = reqwest::Client::builder();
    builder
        .tls_backend_preconfigured(tls.clone())
        .dns_resolver(guarded)
        // A proxy from the environment would resolve and connect in our place, unguarded.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .https_only(true)
        .tls_info(true)
        .http1_only()
        .referer(false)
        .user_agent(NAME_AND_VERSION)
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MOST_IDLE_PER_HOST)
        .build()
        .map_err(|error| EgressError::Invalid(format!("no HTTP client: {error}")))
}

/// What an error before the answer's head means.
fn explained(target: &Target, error: &reqwest::Error) -> EgressError {
    if let Some(guard) = find::<EgressError>(error) {
        return match guard {
            EgressError::Refused { host, why } => EgressError::Refused {
                host: host.clone(),
                why,
            },
            other => EgressError::Resolve {
                host: target.endpoint.to_string(),
                detail: other.to_string(),
            },
        };
    }
    let host = target.endpoint.to_string();
    if error.is_builder() {
        return EgressError::Invalid(format!("the request for {host}"));
    }
    if error.is_connect() {
        return match find::<rustls::Error>(error) {
            Some(tls) => EgressError::Tls {
                host,
                detail: tls.to_string(),
            },
            None => EgressError::Connect {
                host,
                detail: root_cause(error),
            },
        };
    }
    in_doubt(target, error)
}

/// What an error after the request may have left means.
fn in_doubt(target: &Target, error: &reqwest::Error) -> EgressError {
    let host = target.endpoint.to_string();
    if error.is_timeout() {
        EgressError::Timeout { host }
    } else {
        EgressError::Cut {
            host,
            detail: root_cause(error),
        }
    }
}

/// The first error of type `E` among the causes. An `io::Error` hides the one it wraps: its
/// `source` is that error's source.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// The innermost message: outer ones repeat the URL, which may carry a token.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if cause.is::<reqwest::Error>() {
        String::from("no cause given")
    } else {
        cause.to_string()
    }
}
