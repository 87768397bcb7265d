//! A tenant's own program at the door, by its interface key (LR-33).

use actix_web::{HttpRequest, http::StatusCode};
use identity::Caller;
use kernel::{
    Actor, Principal, Roles,
    port::{KeyCheck, KeyRefusal},
};

use super::admit::{bearer, charge, route, told};
use crate::{problem::Problem, rate::Key, shared::Shared};

/// Whoever is behind an interface key that has the scope. A key without it is somebody known, whose refusal
/// is on record.
pub(super) async fn program(
    shared: &Shared,
    request: &HttpRequest,
    scope: &'static str,
    caller: &Caller,
) -> Result<Principal, Problem> {
    let shown = bearer(request).unwrap_or_default();
    let holder = match shared.identity().check(shown).await {
        Ok(holder) => holder,
        Err(KeyRefusal::Unknown) => {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "key_invalid",
                "This needs a valid interface key. An administrator makes one under Settings, Keys.",
            ));
        }
        Err(KeyRefusal::Unavailable) => {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "key_unchecked",
                "The key cannot be checked just now. Try again in a moment.",
            ));
        }
    };
    charge(shared, Key::Program(holder.key))?;
    let principal = Principal {
        tenant: holder.tenant,
        actor: Actor::Program { key: holder.key },
        roles: Roles::default(),
        request: caller.request,
        origin: Some(caller.origin()),
    };
    if holder.scopes.iter().any(|held| held == scope) {
        return Ok(principal);
    }
    let route = route(request);
    let refused = shared
        .identity()
        .verb_deny(&principal, &route, "scope_missing");
    told(refused.await);
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "scope_missing",
        "This key may not be used for that. Make one with the scope that is named here.",
    )
    .with("scope", serde_json::Value::from(scope)))
}
