//! Passwords: what a new one must be, how strong one is, and the two ways to replace one.

use actix_web::{HttpRequest, HttpResponse, web};
use http::{Body, Knock, Problem, Public, Routes, Shared, SignedIn};
use identity::input_message;
use kernel::Secret;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::session::problem;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/sign-in/options", sign_in_options)
        .post("/password/strength", password_strength)
        .post("/password/reset", password_reset_ask)
        .post("/password/reset/complete", password_reset_complete)
        .put("/me/password", password_change)
}

#[derive(Serialize)]
struct OptionsBody {
    password: PasswordRules,
    passkey: bool,
    sign_up: bool,
}

#[derive(Serialize)]
struct PasswordRules {
    profile: &'static str,
    min_length: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrengthInput {
    password: Secret<String>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
}

#[derive(Serialize)]
struct StrengthBody {
    /// 0 to 4.
    score: u8,
    warning: Option<String>,
    suggestions: Vec<String>,
    acceptable: bool,
    problems: Vec<PasswordProblem>,
}

#[derive(Serialize)]
struct PasswordProblem {
    code: &'static str,
    detail: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetInput {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompleteInput {
    token: Secret<String>,
    password: Secret<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeInput {
    current: Secret<String>,
    new: Secret<String>,
}

async fn sign_in_options(_: Public, shared: web::Data<Shared>) -> web::Json<OptionsBody> {
    let profile = shared.identity().password_profile();
    web::Json(OptionsBody {
        password: PasswordRules {
            profile: profile.name(),
            min_length: profile.min_length(),
        },
        passkey: shared.identity().passkeys_work(),
        sign_up: false,
    })
}

async fn password_strength(
    _: Public,
    shared: web::Data<Shared>,
    Body(input): Body<StrengthInput>,
) -> Result<web::Json<StrengthBody>, Problem> {
    let found = shared
        .identity()
        .password_strength(&input.password, &input.email, &input.name)
        .await?;
    Ok(web::Json(StrengthBody {
        score: found.score,
        warning: found.warning,
        suggestions: found.suggestions,
        acceptable: found.problems.is_empty(),
        problems: found
            .problems
            .into_iter()
            .map(|code| PasswordProblem {
                code,
                detail: input_message(code),
            })
            .collect(),
    }))
}

/// The same answer whoever has the address, or nobody (LR-12).
async fn password_reset_ask(
    _: Knock,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<ResetInput>,
) -> Result<HttpResponse, Problem> {
    let caller = shared.caller(&request);
    let asked = shared
        .identity()
        .password_reset_ask(&input.email, &caller)
        .await;
    asked.map_err(problem)?;
    Ok(HttpResponse::Accepted().json(json!({})))
}

async fn password_reset_complete(
    _: Knock,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<CompleteInput>,
) -> Result<HttpResponse, Problem> {
    let caller = shared.caller(&request);
    let done = shared
        .identity()
        .password_reset_complete(input.token.expose(), &input.password, &caller)
        .await;
    done.map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn password_change(
    who: SignedIn,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<ChangeInput>,
) -> Result<HttpResponse, Problem> {
    let caller = shared.caller(&request);
    let done = shared
        .identity()
        .password_change(&who, &input.current, &input.new, &caller)
        .await;
    done.map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}
