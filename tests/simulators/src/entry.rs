//! The one door: each request is noted, meets the faults that wait for it, and is answered.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::StatusCode,
    web::{Bytes, Data},
};
use futures_util::stream;

use crate::{
    admin,
    call::{Answer, Call},
    oauth::{authorize, identity, revoke, token},
    rest,
    store::refusal::Refusal,
    wire::Effect,
    world::Sim,
};

pub(crate) async fn enter(request: HttpRequest, body: Bytes, sim: Data<Sim>) -> HttpResponse {
    let mut call = Call::read(&request, body);
    let sim = sim.into_inner();
    if call.path == "/_sim" || call.path.starts_with("/_sim/") {
        return respond(admin::routes::answer(&sim, &call));
    }
    let effects = arrive(&sim, &mut call);
    for effect in &effects {
        if let Effect::Latency { ms } = effect {
            actix_web::rt::time::sleep(Duration::from_millis(*ms)).await;
        }
    }
    if effects
        .iter()
        .any(|effect| matches!(effect, Effect::DropBefore))
    {
        return drop_connection();
    }
    let answer = match effects.iter().find_map(|effect| instead(effect, &call)) {
        Some(answer) => answer,
        None => process(&sim, &call).await,
    };
    if effects
        .iter()
        .any(|effect| matches!(effect, Effect::DropAfter))
    {
        return drop_connection();
    }
    let answer = effects.iter().find_map(gateway).unwrap_or(answer);
    sim.world().journal.end(call.number, answer.status);
    respond(answer)
}

/// Notes the request, and does at once what its faults do to its token.
fn arrive(sim: &Sim, call: &mut Call) -> Vec<Effect> {
    let mut world = sim.world();
    let origin = world.oauth.origin(call.bearer());
    call.number = world.journal.begin(sim.clock.now(), call, origin);
    let effects = world.faults.on_call(call);
    let form = call.form();
    let presented = call
        .bearer()
        .or_else(|| crate::call::find(&form, "refresh_token"))
        .unwrap_or_default();
    for effect in &effects {
        match effect {
            Effect::ExpireSession => world.oauth.expire(presented),
            Effect::RevokeGrant => world.oauth.revoke_grant_of(presented),
            _ => {}
        }
    }
    effects
}

/// What a gateway says in place of an answer that it lost.
fn gateway(effect: &Effect) -> Option<Answer> {
    match effect {
        Effect::StatusAfter { status } => {
            let page = b"<html>Service Unavailable</html>".to_vec();
            Some(Answer::new(*status, "text/html", page))
        }
        _ => None,
    }
}

/// The error that a fault answers in place of the endpoint.
fn instead(effect: &Effect, call: &Call) -> Option<Answer> {
    let oauth = call.path.starts_with("/services/oauth2");
    match effect {
        Effect::Status {
            status,
            code,
            message,
        } if oauth => Some(Answer::oauth_error(*status, code, message)),
        Effect::Status {
            status,
            code,
            message,
        } => Some(Answer::refusal(&Refusal {
            status: *status,
            code: code.clone().into(),
            message: message.clone(),
            fields: Vec::new(),
        })),
        Effect::Limit => Some(Answer::refusal(&Refusal::over_limit())),
        _ => None,
    }
}

async fn process(sim: &Arc<Sim>, call: &Call) -> Answer {
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/services/oauth2/token") => exchange(sim, call).await,
        ("GET" | "POST", "/services/oauth2/revoke") => revoke::revoke(&mut sim.world().oauth, call),
        ("GET" | "POST", "/services/oauth2/authorize") => {
            let world = &mut *sim.world();
            authorize::start(&mut world.oauth, &world.settings, call)
        }
        ("POST", "/services/oauth2/authorize/login") => {
            authorize::login(&mut sim.world().oauth, call)
        }
        ("POST", "/services/oauth2/authorize/consent") => {
            authorize::consent(&mut sim.world().oauth, call, sim.clock.now())
        }
        ("GET" | "POST", "/services/oauth2/userinfo") => {
            let world = sim.world();
            identity::userinfo(&world.oauth, &world.store, &sim.place(), call)
        }
        ("GET", path) if path.starts_with("/id/") => {
            let world = sim.world();
            identity::identity(&world.oauth, &world.store, &sim.place(), call)
        }
        (_, path) if path == "/services/data" || path.starts_with("/services/data/") => {
            rest::answer(sim, call)
        }
        // A browser asks by itself, and would report a missing one as an error of the page.
        ("GET", "/favicon.ico") => Answer::empty(204),
        _ => Answer::refusal(&Refusal::not_found()),
    }
}

/// Releases the token in hand, even when the client goes away and this request is dropped.
struct InHand<'a> {
    sim: &'a Sim,
    presented: Option<String>,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        if let Some(presented) = &self.presented {
            self.sim.world().oauth.release(presented);
        }
    }
}

async fn exchange(sim: &Sim, call: &Call) -> Answer {
    let (done, hold) = {
        let world = &mut *sim.world();
        let now = sim.clock.now();
        let done = token::token(&mut world.oauth, &world.settings, &sim.place(), call, now);
        (done, world.settings.refresh_hold_ms)
    };
    let in_hand = InHand {
        sim,
        presented: done.in_hand,
    };
    if in_hand.presented.is_some() && hold > 0 {
        actix_web::rt::time::sleep(Duration::from_millis(hold)).await;
    }
    drop(in_hand);
    done.answer
}

fn respond(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponseBuilder::new(status);
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    if status == StatusCode::NO_CONTENT {
        return response.finish();
    }
    response.content_type(answer.content_type).body(answer.body)
}

/// A body that fails before its first byte makes the server close without sending anything.
fn drop_connection() -> HttpResponse {
    let failure = stream::once(async {
        Err::<Bytes, std::io::Error>(std::io::Error::other("the connection is to be dropped"))
    });
    HttpResponse::Ok().streaming(Box::pin(failure))
}
