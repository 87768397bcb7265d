//! The HTTP client of the OpenID library: every request goes through `egress`.

use egress::{EgressError, Http, Method, Request};
use openidconnect::{HttpRequest, HttpResponse};

/// Metadata and key sets are small.
const MOST_BYTES: usize = 512 << 10;

/// Sends one request of the library's making. It only ever reads.
pub(crate) async fn send(http: &Http, request: HttpRequest) -> Result<HttpResponse, EgressError> {
    let (head, _) = request.into_parts();
    let mut asked = Request::new(Method::Get, head.uri.to_string()).most_response_bytes(MOST_BYTES);
    for (name, value) in &head.headers {
        if let Ok(value) = value.to_str() {
            asked = asked.header(name.as_str(), value);
        }
    }
    let answer = http.send(asked).await?;
    let mut response = HttpResponse::new(answer.body().to_vec());
    *response.status_mut() = openidconnect::http::StatusCode::from_u16(answer.status)
        .map_err(|_| EgressError::Invalid(String::from("the status of the answer")))?;
    if let Some(kind) = answer.header("content-type")
        && let Ok(kind) = kind.parse()
    {
        response
            .headers_mut()
            .insert(openidconnect::http::header::CONTENT_TYPE, kind);
    }
    Ok(response)
}
