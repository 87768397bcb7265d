//! A person's own second factors.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use http::{Body, Path, Problem, Routes, Shared, SignedIn};
use identity::{OwnFactors, OwnPasskey, RecoveryState};
use kernel::{PasskeyId, Secret};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::session::problem;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/me/factors", factors)
        .post("/me/factors/totp", totp_begin)
        .post("/me/factors/totp/confirm", totp_confirm)
        .delete("/me/factors/totp", totp_remove)
        .post("/me/factors/passkeys/begin", passkey_begin)
        .post("/me/factors/passkeys", passkey_add)
        .patch("/me/factors/passkeys/{id}", passkey_rename)
        .delete("/me/factors/passkeys/{id}", passkey_remove)
        .post("/me/factors/recovery", recovery_codes_create)
}

/// Of the first factor: the password, unless the session's sign-in has just shown it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BeginInput {
    password: Option<Secret<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmInput {
    code: Secret<String>,
}

#[derive(Serialize)]
struct FactorsBody {
    totp: Option<TotpBody>,
    passkeys: Vec<PasskeyBody>,
    recovery: Option<RecoveryBody>,
    required: bool,
    /// LR-16: ask for one until there is one.
    prompt: bool,
}

#[derive(Serialize)]
struct TotpBody {
    enrolled_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct PasskeyBody {
    id: PasskeyId,
    name: String,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct RecoveryBody {
    remaining: i64,
    total: i64,
    created_at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasskeyInput {
    name: String,
    /// What the browser made, as it serialises it.
    credential: Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameInput {
    name: String,
}

#[derive(Serialize)]
struct AddedBody {
    passkey: PasskeyBody,
    /// Shown once; null when the person has some already.
    recovery_codes: Option<Vec<String>>,
}

#[derive(Serialize)]
struct SetupBody {
    secret: String,
    otpauth_url: String,
    qr_svg: String,
}

#[derive(Serialize)]
struct CodesBody {
    /// Shown once; null when the person has some already.
    recovery_codes: Option<Vec<String>>,
}

async fn factors(
    who: SignedIn,
    shared: web::Data<Shared>,
) -> Result<web::Json<FactorsBody>, Problem> {
    Ok(web::Json(shared.identity().factors(&who).await?.into()))
}

async fn totp_begin(
    who: SignedIn,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<BeginInput>,
) -> Result<web::Json<SetupBody>, Problem> {
    let caller = shared.caller(&request);
    let setup = shared
        .identity()
        .totp_begin(&who, input.password, &caller)
        .await
        .map_err(problem)?;
    Ok(web::Json(SetupBody {
        secret: setup.secret.expose().clone(),
        otpauth_url: setup.otpauth_url.expose().clone(),
        qr_svg: setup.qr_svg.expose().clone(),
    }))
}

async fn totp_confirm(
    who: SignedIn,
    shared: web::Data<Shared>,
    Body(input): Body<ConfirmInput>,
) -> Result<web::Json<CodesBody>, Problem> {
    let codes = shared.identity().totp_confirm(&who, &input.code).await?;
    Ok(web::Json(CodesBody {
        recovery_codes: codes.map(clear),
    }))
}

async fn totp_remove(who: SignedIn, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    shared.identity().totp_remove(&who).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn passkey_begin(
    who: SignedIn,
    shared: web::Data<Shared>,
    request: HttpRequest,
    Body(input): Body<BeginInput>,
) -> Result<web::Json<Json>, Problem> {
    let caller = shared.caller(&request);
    let options = shared
        .identity()
        .passkey_begin(&who, input.password, &caller)
        .await
        .map_err(problem)?;
    Ok(web::Json(options))
}

async fn passkey_add(
    who: SignedIn,
    shared: web::Data<Shared>,
    Body(input): Body<PasskeyInput>,
) -> Result<web::Json<AddedBody>, Problem> {
    let (passkey, codes) = shared
        .identity()
        .passkey_add(&who, &input.name, input.credential)
        .await?;
    Ok(web::Json(AddedBody {
        passkey: passkey.into(),
        recovery_codes: codes.map(clear),
    }))
}

async fn passkey_rename(
    who: SignedIn,
    shared: web::Data<Shared>,
    Path(id): Path<PasskeyId>,
    Body(input): Body<NameInput>,
) -> Result<web::Json<PasskeyBody>, Problem> {
    let renamed = shared
        .identity()
        .passkey_rename(&who, id, &input.name)
        .await?;
    Ok(web::Json(renamed.into()))
}

async fn passkey_remove(
    who: SignedIn,
    shared: web::Data<Shared>,
    Path(id): Path<PasskeyId>,
) -> Result<HttpResponse, Problem> {
    shared.identity().passkey_remove(&who, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn recovery_codes_create(
    who: SignedIn,
    shared: web::Data<Shared>,
) -> Result<web::Json<CodesBody>, Problem> {
    let codes = shared.identity().recovery_codes_create(&who).await?;
    Ok(web::Json(CodesBody {
        recovery_codes: Some(clear(codes)),
    }))
}

fn clear(codes: Vec<Secret<String>>) -> Vec<String> {
    codes.iter().map(|code| code.expose().clone()).collect()
}

impl From<OwnPasskey> for PasskeyBody {
    fn from(key: OwnPasskey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            created_at: key.created_at,
            last_used_at: key.last_used_at,
        }
    }
}

impl From<OwnFactors> for FactorsBody {
    fn from(own: OwnFactors) -> Self {
        Self {
            totp: own.totp.map(|enrolled_at| TotpBody { enrolled_at }),
            passkeys: own.passkeys.into_iter().map(PasskeyBody::from).collect(),
            recovery: own.recovery.map(
                |RecoveryState {
                     remaining,
                     total,
                     created_at,
                 }| RecoveryBody {
                    remaining,
                    total,
                    created_at,
                },
            ),
            required: own.required,
            prompt: own.prompt,
        }
    }
}
