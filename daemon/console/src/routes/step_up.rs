//! Second factors at the door: the second half of a sign-in, and proving a factor again inside.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{
    Body, Knock, Problem, Routes, Shared, SignedIn, forget_sign_in_cookie, read_sign_in_cookie,
    sign_in_cookie,
};
use identity::{FactorAnswer, FactorChallenge, FactorKind, IdentityError};
use kernel::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::session::{problem, signed_in};

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/session/factor", sign_in_factor)
        .post("/session/passkey/begin", passkey_sign_in_begin)
        .post("/session/passkey", passkey_sign_in)
        .post("/session/step-up/begin", step_up_begin)
        .post("/session/step-up", step_up)
}

/// Exactly one of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerInput {
    totp: Option<Secret<String>>,
    recovery: Option<Secret<String>>,
    /// As the browser serialises it.
    passkey: Option<Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasskeyInput {
    credential: Json,
}

#[derive(Serialize)]
struct ChallengeBody {
    step: &'static str,
    factors: Vec<&'static str>,
    /// Seconds.
    expires_in: u64,
    /// `{publicKey: …}` where the person has one.
    passkey: Option<Json>,
}

#[derive(Serialize)]
struct StepUpBody {
    factors: Vec<&'static str>,
    /// The request options alone.
    #[serde(rename = "publicKey")]
    public_key: Option<Json>,
}

#[derive(Serialize)]
struct FreshBody {
    fresh_until: DateTime<Utc>,
}

/// The answer to a right password of an account that has a factor.
pub(super) fn challenged(challenge: FactorChallenge) -> HttpResponse {
    HttpResponse::Ok()
        .cookie(sign_in_cookie(
            challenge.cookie.expose(),
            challenge.expires_in,
        ))
        .json(ChallengeBody {
            step: "factor",
            factors: names(&challenge.factors),
            expires_in: challenge.expires_in.as_secs(),
            passkey: challenge.passkey,
        })
}

async fn sign_in_factor(
    _: Knock,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<AnswerInput>,
) -> Result<HttpResponse, Problem> {
    let cookie = read_sign_in_cookie(&request).ok_or(IdentityError::ChallengeVoid)?;
    let caller = shared.caller(&request);
    let grant = shared
        .identity()
        .sign_in_factor(&cookie, answer(input)?, &caller)
        .await
        .map_err(problem)?;
    let mut response = HttpResponse::Ok();
    response.cookie(forget_sign_in_cookie());
    signed_in(&shared, &request, response, grant).await
}

async fn passkey_sign_in_begin(
    _: Knock,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let begun = shared.identity().passkey_sign_in_begin().await?;
    Ok(HttpResponse::Ok()
        .cookie(sign_in_cookie(begun.cookie.expose(), begun.expires_in))
        .json(begun.options))
}

async fn passkey_sign_in(
    _: Knock,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<PasskeyInput>,
) -> Result<HttpResponse, Problem> {
    let cookie = read_sign_in_cookie(&request).ok_or(IdentityError::ChallengeVoid)?;
    let caller = shared.caller(&request);
    let grant = shared
        .identity()
        .passkey_sign_in(&cookie, input.credential, &caller)
        .await
        .map_err(problem)?;
    let mut response = HttpResponse::Ok();
    response.cookie(forget_sign_in_cookie());
    signed_in(&shared, &request, response, grant).await
}

async fn step_up_begin(
    who: SignedIn,
    shared: web::Data<Shared>,
) -> Result<web::Json<StepUpBody>, Problem> {
    let begun = shared.identity().step_up_begin(&who).await?;
    Ok(web::Json(StepUpBody {
        factors: names(&begun.factors),
        public_key: begun.passkey.map(|mut asked| {
            asked
                .get_mut("publicKey")
                .map(Json::take)
                .unwrap_or_default()
        }),
    }))
}

async fn step_up(
    who: SignedIn,
    shared: web::Data<Shared>,
    Body(input): Body<AnswerInput>,
) -> Result<web::Json<FreshBody>, Problem> {
    let fresh_until = shared
        .identity()
        .step_up(&who, answer(input)?)
        .await
        .map_err(problem)?;
    Ok(web::Json(FreshBody { fresh_until }))
}

fn answer(input: AnswerInput) -> Result<FactorAnswer, Problem> {
    match (input.totp, input.recovery, input.passkey) {
        (Some(code), None, None) => Ok(FactorAnswer::Totp(code)),
        (None, Some(code), None) => Ok(FactorAnswer::Recovery(code)),
        (None, None, Some(answer)) => Ok(FactorAnswer::Passkey(answer)),
        _ => Err(Problem::invalid(
            "answer_unclear",
            "totp",
            "Answer with one factor.",
        )),
    }
}

fn names(factors: &[FactorKind]) -> Vec<&'static str> {
    factors.iter().map(|kind| kind.name()).collect()
}
