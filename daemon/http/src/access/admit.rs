//! Enforces what a route requires, and leaves who was let in for its arguments.

use actix_web::{
    HttpMessage, HttpRequest,
    http::{StatusCode, header},
    web,
};
use identity::{FactorStanding, IdentityError, scim::Provisioner};
use kernel::Principal;

use super::{
    Access, Granted, RateClass,
    foreign::refuse_foreign,
    granted::{granted, refuse_elsewhere},
    program::program,
};
use crate::{
    problem::Problem,
    rate::{Key, Network},
    shared::Shared,
};

/// Left in the request by [`admit`], with the requirement that was met.
pub(super) struct Admitted {
    pub(super) access: Access,
    pub(super) who: Who,
}

#[derive(Clone)]
pub(super) enum Who {
    Anyone,
    Provisioner(Provisioner),
    Program(Principal),
    Granted(Granted),
    Person(Principal),
}

/// Enforces `access`. Runs before anything else of the request is looked at.
pub(crate) async fn admit(request: &HttpRequest, access: Access) -> Result<(), Problem> {
    let shared = shared(request).ok_or_else(Problem::internal)?;
    let caller = shared.caller(request);
    let network = Network::from(caller.address);
    let who = match access {
        Access::Public | Access::Knock => {
            let bucket = match access.rate_class() {
                RateClass::SignIn => Key::SignIn(network),
                RateClass::Network
                | RateClass::Person
                | RateClass::Provisioner
                | RateClass::Program
                | RateClass::Grant => Key::Network(network),
            };
            charge(&shared, bucket)?;
            refuse_foreign(request)?;
            Who::Anyone
        }
        Access::Client => {
            charge(&shared, Key::Network(network))?;
            Who::Anyone
        }
        Access::Provisioner => {
            let token = bearer(request).unwrap_or_default();
            let found = shared.identity().scim_provisioner(token, &caller).await;
            let provisioner = match found {
                Ok(found) => found,
                Err(error) => {
                    charge(&shared, Key::Network(network))?;
                    return Err(error.into());
                }
            };
            charge(&shared, Key::Provisioner(provisioner.token()))?;
            Who::Provisioner(provisioner)
        }
        Access::Program(scope) => {
            charge(&shared, Key::Network(network))?;
            Who::Program(program(&shared, request, scope, &caller).await?)
        }
        Access::Grant => {
            charge(&shared, Key::Network(network))?;
            refuse_elsewhere(&shared, request)?;
            Who::Granted(granted(&shared, request, &caller).await?)
        }
        Access::SignedIn | Access::Permission(_) => {
            let Some(token) = bearer(request) else {
                charge(&shared, Key::Network(network))?;
                return Err(Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "not_signed_in",
                    "This needs a session. Sign in first.",
                ));
            };
            let found = shared.identity().session_of(token, &caller).await;
            let (principal, factor) = match found {
                Ok(found) => found,
                Err(error) => {
                    charge(&shared, Key::Network(network))?;
                    return Err(error.into());
                }
            };
            if let Some(user) = principal.user() {
                charge(&shared, Key::Person(user))?;
            }
            permit(&shared, &principal, factor, access).await?;
            Who::Person(principal)
        }
    };
    request.extensions_mut().insert(Admitted { access, who });
    Ok(())
}

/// The role first, then the second factor that the role or the permission asks for (CX-18). What is
/// refused is on record, in a transaction of its own.
async fn permit(
    shared: &Shared,
    principal: &Principal,
    factor: FactorStanding,
    access: Access,
) -> Result<(), Problem> {
    let Access::Permission(permission) = access else {
        return Ok(());
    };
    let problem = match identity::denial(&principal.roles, permission) {
        Some(denial) => Problem::new(StatusCode::FORBIDDEN, denial.code(), denial.message())
            .with("permission", serde_json::Value::from(permission.name())),
        None => match factor.check(permission, shared.inner.clock.now()) {
            Ok(()) => return Ok(()),
            Err(error) => Problem::from(error),
        },
    };
    let identity = shared.identity();
    let noted = identity.access_deny(principal, permission, problem.code());
    told(noted.await);
    Err(problem)
}

/// Refused in any case; whether it could be written down as well is for the log.
pub(super) fn told(noted: Result<(), IdentityError>) {
    if let Err(error) = noted {
        log::warn!(REVKEEP_REQUEST = crate::request::id_text(); "a refusal could not be audited: {error}");
    }
}

/// Puts a refusal on record that came after the door: a verb's, in the log of whoever is known.
pub(crate) async fn note_refusal(request: &HttpRequest, code: &str) {
    let (Some(shared), Some(principal)) = (shared(request), known(request)) else {
        return;
    };
    let identity = shared.identity();
    told(identity.verb_deny(&principal, &route(request), code).await);
}

/// Counts a refusal of somebody who is not known, for the minute's entry.
pub(crate) fn note_knock(request: &HttpRequest, code: &str) {
    let Some(shared) = shared(request) else {
        return;
    };
    let caller = shared.caller(request);
    shared.inner.knocks.count(
        Network::from(caller.address),
        &route(request),
        code,
        &caller.origin(),
    );
}

fn shared(request: &HttpRequest) -> Option<web::Data<Shared>> {
    request.app_data::<web::Data<Shared>>().cloned()
}

/// The person behind a request that was let in.
fn known(request: &HttpRequest) -> Option<Principal> {
    match &request.extensions().get::<Admitted>()?.who {
        Who::Person(principal) | Who::Program(principal) => Some(principal.clone()),
        Who::Granted(granted) => Some((**granted).clone()),
        Who::Anyone | Who::Provisioner(_) => None,
    }
}

/// The pattern of a route and never the address itself, in which anything may stand.
pub(super) fn route(request: &HttpRequest) -> String {
    let pattern = request.match_pattern().unwrap_or_default();
    format!("{} {pattern}", request.method())
}

pub(super) fn charge(shared: &Shared, key: Key) -> Result<(), Problem> {
    let inner = &shared.inner;
    inner.limits.charge(key, inner.clock.now()).map_err(|wait| {
        Problem::from(IdentityError::RateLimited { retry_after: wait }).retry_after(wait)
    })
}

/// RFC 6750 section 2.1. Tokens in the address or the body are not read.
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What [`admit`] left for a requirement; nothing when the route enforced another one.
pub(super) fn admitted(request: &HttpRequest, access: Access) -> Result<Who, Problem> {
    match request.extensions().get::<Admitted>() {
        Some(admitted) if admitted.access == access => Ok(admitted.who.clone()),
        _ => Err(Problem::internal()),
    }
}

pub(super) fn person(request: &HttpRequest, access: Access) -> Result<Principal, Problem> {
    match admitted(request, access)? {
        Who::Person(principal) | Who::Program(principal) => Ok(principal),
        Who::Anyone | Who::Provisioner(_) | Who::Granted(_) => Err(Problem::internal()),
    }
}

pub(super) fn provisioner(request: &HttpRequest, access: Access) -> Result<Provisioner, Problem> {
    match admitted(request, access)? {
        Who::Provisioner(provisioner) => Ok(provisioner),
        Who::Anyone | Who::Program(_) | Who::Granted(_) | Who::Person(_) => {
            Err(Problem::internal())
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_bearer_is_read_from_its_header_alone() {
        let token = |name: &str, value: &str| {
            let request = TestRequest::get()
                .insert_header((name, value))
                .to_http_request();
            bearer(&request).map(str::to_owned)
        };
        assert_eq!(token("authorization", "Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("authorization", "bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("authorization", "Basic abc"), None);
        assert_eq!(token("authorization", "abc"), None);
        assert_eq!(token("x-authorization", "Bearer abc"), None);
        let query = TestRequest::get()
            .uri("/?access_token=abc")
            .to_http_request();
        assert!(bearer(&query).is_none());
    }
}
