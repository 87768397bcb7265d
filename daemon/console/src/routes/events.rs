//! Live updates as server-sent events (HTML Living Standard, section 9.2): which topics changed,
//! and nothing else. A stream lasts as long as the access that opened it, and a session has few.

use std::{convert::Infallible, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{AUTHORIZATION, CACHE_CONTROL},
    web::{self, Bytes},
};
use futures_util::stream;
use http::{Problem, Routes, SignedIn};
use identity::{Caller, Identity};
use kernel::{Actor, Secret};
use serde_json::json;

use crate::{Console, live::Listener};

/// Proxies and browsers give a silent stream up; a comment keeps it.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) fn routes() -> Routes {
    Routes::new().get("/events", events)
}

/// What one stream holds.
struct Stream {
    listener: Listener,
    identity: Identity,
    token: Secret<String>,
    caller: Caller,
    begun: bool,
}

impl Stream {
    /// The next piece of the stream; `None` ends it.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let piece = if self.begun {
            match tokio::time::timeout(HEARTBEAT, self.listener.next()).await {
                Ok(Some(topics)) => {
                    format!("event: change\ndata: {}\n\n", json!({ "topics": topics }))
                }
                Ok(None) => return None,
                Err(_) => String::from(": still here\n\n"),
            }
        } else {
            self.begun = true;
            String::from(": listening\n\n")
        };
        // Asked before each piece, as a request would be: what was revoked hears nothing more.
        self.identity
            .authenticate(self.token.expose(), &self.caller)
            .await
            .ok()?;
        Some((Ok(Bytes::from(piece)), self))
    }
}

async fn events(
    who: SignedIn,
    console: web::Data<Console>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|value| value.split_once(' '))
        .map(|(_, token)| token.trim().to_owned());
    let Actor::Human { session, .. } = who.actor else {
        return Err(Problem::internal());
    };
    let held = Stream {
        listener: console.live.listen(who.tenant, session),
        identity: console.identity.clone(),
        token: Secret::new(token.ok_or_else(Problem::internal)?),
        caller: console.shared.caller(&request),
        begun: false,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(stream::unfold(held, Stream::next)))
}
