//! The keys that sign access tokens: their age, and their rotation by an operator (LM-67, LM-96).

use actix_web::web;
use chrono::{DateTime, Utc};
use http::{Allowed, Problem, Routes, Shared};
use identity::{SigningKeys, permit};
use kernel::{Action, SigningKeyId};
use serde::Serialize;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/platform/signing-keys", signing_key_list)
        .post("/platform/signing-keys/rotate", signing_key_rotate)
}

#[derive(Serialize)]
struct SigningKeysBody {
    algorithm: &'static str,
    rotate_every_days: i64,
    due: bool,
    items: Vec<SigningKeyView>,
}

#[derive(Serialize)]
struct SigningKeyView {
    id: SigningKeyId,
    state: String,
    algorithm: String,
    created_at: DateTime<Utc>,
    current_since: Option<DateTime<Utc>>,
    age_days: i64,
}

async fn signing_key_list(
    who: Allowed<permit::SigningKeyRead>,
    shared: web::Data<Shared>,
) -> Result<web::Json<SigningKeysBody>, Problem> {
    shared
        .identity()
        .read_note(&who, Action::SigningKeyRead, "signing_key", None)
        .await?;
    Ok(web::Json(
        shared.identity().signing_key_list().await?.into(),
    ))
}

async fn signing_key_rotate(
    who: Allowed<permit::SigningKeyRotate>,
    shared: web::Data<Shared>,
) -> Result<web::Json<SigningKeysBody>, Problem> {
    let rotated = shared
        .identity()
        .signing_key_rotate(&who.actor, who.origin.as_ref(), who.request)
        .await?;
    Ok(web::Json(rotated.into()))
}

impl From<SigningKeys> for SigningKeysBody {
    fn from(keys: SigningKeys) -> Self {
        Self {
            algorithm: keys.algorithm,
            rotate_every_days: keys.rotate_every_days,
            due: keys.due,
            items: keys
                .items
                .into_iter()
                .map(|key| SigningKeyView {
                    id: key.id,
                    state: key.state,
                    algorithm: key.algorithm,
                    created_at: key.created_at,
                    current_since: key.current_since,
                    age_days: key.age_days,
                })
                .collect(),
        }
    }
}
