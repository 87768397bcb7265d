//! What carries the requests of the ACME client: egress, as for everything that leaves this machine.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use egress::{Http, Method, Request};
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

/// A chain of certificates is a few thousand bytes.
const MOST_BYTES: usize = 1 << 20;

pub(super) struct Transport(pub(super) Http);

impl HttpClient for Transport {
    fn request(
        &self,
        request: outer_http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let http = self.0.clone();
        Box::pin(async move { sent(&http, request).await })
    }
}

async fn sent(
    http: &Http,
    request: outer_http::Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, Error> {
    let (head, body) = request.into_parts();
    let method = match head.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        _ => return Err(Error::Unsupported("this method")),
    };
    let body = body
        .collect()
        .await
        .map_err(|error| Error::Other(error.into()))?;
    let mut asked = Request::new(method, head.uri.to_string()).most_response_bytes(MOST_BYTES);
    if let Some(kind) = head
        .headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
    {
        asked = asked.body(kind, body.to_bytes().to_vec());
    }
    let answer = http
        .send(asked)
        .await
        .map_err(|error| Error::Other(error.into()))?;
    let mut response = outer_http::Response::builder().status(answer.status);
    // All that an ACME client reads of a head (RFC 8555, sections 6.5, 7.1 and 8.2).
    for name in ["replay-nonce", "location", "retry-after", "content-type"] {
        if let Some(value) = answer.header(name) {
            response = response.header(name, value);
        }
    }
    let body = Full::new(Bytes::copy_from_slice(answer.body()));
    Ok(BytesResponse::from(response.body(body)?))
}
