//! The outermost layer: every request gets an id, a time limit, a line in the log and a place in the
//! metrics; every answer gets the headers.

use std::time::Instant;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use kernel::RequestId;

use crate::{headers, problem::Problem, request, shared::Shared};

const UNMATCHED: &str = "none";

/// `actix_web::middleware::from_fn(edge)`, outermost.
pub(crate) async fn edge<B: MessageBody + 'static>(
    incoming: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let Some(shared) = incoming.app_data::<web::Data<Shared>>().cloned() else {
        return Err(Problem::internal().into());
    };
    let id = RequestId::generate(shared.inner.clock.as_ref());
    request::within(id, run(id, &shared, incoming, next)).await
}

async fn run<B: MessageBody + 'static>(
    id: RequestId,
    shared: &Shared,
    incoming: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let method = incoming.method().clone();
    let metrics = &shared.inner.metrics;
    let started = Instant::now();
    metrics.in_hand.inc();
    let outcome = tokio::time::timeout(shared.inner.request_timeout, next.call(incoming)).await;
    metrics.in_hand.dec();
    let took = started.elapsed();
    let (route, status, answer) = match outcome {
        Ok(Ok(mut answer)) => {
            let route = answer
                .request()
                .match_pattern()
                .unwrap_or_else(|| UNMATCHED.to_owned());
            decorate(answer.headers_mut(), id);
            (route, answer.status(), Ok(answer))
        }
        Ok(Err(error)) => {
            let status = error.as_response_error().status_code();
            (UNMATCHED.to_owned(), status, Err(Bare::wrap(error, id)))
        }
        Err(_) => {
            let late = Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "timed_out",
                "The request took too long. What it asked for may or may not have happened; look before asking again.",
            );
            (
                UNMATCHED.to_owned(),
                StatusCode::SERVICE_UNAVAILABLE,
                Err(Bare::wrap(late.into(), id)),
            )
        }
    };
    metrics.observe(method.as_str(), &route, status.as_u16(), took);
    log::info!(
        target: "access",
        REVKEEP_REQUEST = id.to_string(), REVKEEP_METHOD = method.as_str(), REVKEEP_ROUTE = route.as_str(),
        REVKEEP_STATUS = status.as_u16(), REVKEEP_MILLISECONDS = took.as_millis().min(u128::from(u32::MAX)).to_string();
        "{method} {route} {}", status.as_u16()
    );
    answer
}

fn decorate(headers: &mut actix_web::http::header::HeaderMap, id: RequestId) {
    headers::apply(headers);
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}

/// An error that no resource turned into an answer: it becomes one outside of this layer, so it
/// carries the headers with it.
#[derive(Debug)]
struct Bare {
    error: Error,
    id: RequestId,
}

impl Bare {
    fn wrap(error: Error, id: RequestId) -> Error {
        Self { error, id }.into()
    }
}

impl std::fmt::Display for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.error, f)
    }
}

impl actix_web::ResponseError for Bare {
    fn status_code(&self) -> StatusCode {
        self.error.as_response_error().status_code()
    }
    fn error_response(&self) -> actix_web::HttpResponse {
        let mut response = self.error.error_response();
        decorate(response.headers_mut(), self.id);
        response
    }
}
