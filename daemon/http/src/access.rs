//! Who may use a route. The first argument of a handler states it, so its signature shows it:
//!
//! * [`Public`] is for anyone;
//! * [`Knock`] is for anyone, at the pace of sign-ins;
//! * [`Client`] is for a program that holds no cookie, so no page need vouch for it, and for the form that an
//!   identity provider has a browser post;
//! * [`Provisioning`] is for a tenant's identity provider, by its token (SCIM);
//! * [`Keyed<S>`] is for a tenant's own program, by an interface key whose scopes have `S` (LR-33);
//! * [`SignedIn`] is for any person with a session;
//! * [`Allowed<P>`] is for a person whose roles grant `P`.
//!
//! [`crate::Route`] reads the requirement from that argument's type and enforces it before the body
//! is looked at. A handler that names none of these cannot be made a route.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web,
};
use identity::{Caller, FactorStanding, IdentityError, Permission, Permit, scim::Provisioner};
use kernel::{
    Actor, Principal, Roles,
    port::{KeyCheck, KeyRefusal},
};

use crate::{
    problem::Problem,
    rate::{Key, Network},
    shared::Shared,
};

/// What a route requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    Knock,
    Client,
    Provisioner,
    /// An interface key with this scope.
    Program(&'static str),
    SignedIn,
    Permission(Permission),
}

/// Whose bucket a request is charged to, and at which pace (CX-30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateClass {
    /// The network's, at the pace of sign-ins.
    SignIn,
    /// The network's, at the pace of requests.
    Network,
    /// The person's; the network's while nobody is known.
    Person,
    /// The token's; the network's while it is not known.
    Provisioner,
    /// The key's, at 100 a minute; and the network's, since a wrong key costs as much as a right one.
    Program,
}

impl RateClass {
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Network => "network",
            Self::Person => "person",
            Self::Provisioner => "provisioner",
            Self::Program => "program",
        }
    }
}

impl Access {
    /// Every route has one, since every route has a requirement.
    pub const fn rate_class(self) -> RateClass {
        match self {
            Self::Public | Self::Client => RateClass::Network,
            Self::Knock => RateClass::SignIn,
            Self::Provisioner => RateClass::Provisioner,
            Self::Program(_) => RateClass::Program,
            Self::SignedIn | Self::Permission(_) => RateClass::Person,
        }
    }
}

/// An argument that states a requirement.
pub trait Door: FromRequest {
    const ACCESS: Access;
}

/// Anyone.
#[derive(Clone, Copy, Debug)]
pub struct Public;

/// Anyone, at the pace of sign-ins.
#[derive(Clone, Copy, Debug)]
pub struct Knock;

/// A program of anyone's, or another site's form. Its route reads no cookie.
#[derive(Clone, Copy, Debug)]
pub struct Client;

/// A tenant's identity provider, which showed a valid token.
#[derive(Debug)]
pub struct Provisioning(Provisioner);

/// What a key may be used for, as a type.
pub trait KeyScope: 'static {
    /// As rows hold it.
    const NAME: &'static str;
}

/// A tenant's own program, which showed a valid key that has the scope `S`.
#[derive(Debug)]
pub struct Keyed<S: KeyScope>(Principal, PhantomData<fn() -> S>);

/// A person with a session.
#[derive(Debug)]
pub struct SignedIn(Principal);

/// A person whose roles grant `P`.
#[derive(Debug)]
pub struct Allowed<P: Permit>(Principal, PhantomData<fn() -> P>);

impl Deref for Provisioning {
    type Target = Provisioner;
    fn deref(&self) -> &Provisioner {
        &self.0
    }
}

impl SignedIn {
    pub const fn principal(&self) -> &Principal {
        &self.0
    }
}

impl<P: Permit> Allowed<P> {
    pub const fn principal(&self) -> &Principal {
        &self.0
    }
}

impl<S: KeyScope> Deref for Keyed<S> {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl Deref for SignedIn {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<P: Permit> Deref for Allowed<P> {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl Door for Public {
    const ACCESS: Access = Access::Public;
}
impl Door for Knock {
    const ACCESS: Access = Access::Knock;
}
impl Door for Client {
    const ACCESS: Access = Access::Client;
}
impl Door for Provisioning {
    const ACCESS: Access = Access::Provisioner;
}
impl<S: KeyScope> Door for Keyed<S> {
    const ACCESS: Access = Access::Program(S::NAME);
}
impl Door for SignedIn {
    const ACCESS: Access = Access::SignedIn;
}
impl<P: Permit> Door for Allowed<P> {
    const ACCESS: Access = Access::Permission(P::PERMISSION);
}

/// Left in the request by [`admit`], with the requirement that was met.
struct Admitted {
    access: Access,
    who: Who,
}

#[derive(Clone)]
enum Who {
    Anyone,
    Provisioner(Provisioner),
    Program(Principal),
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
                | RateClass::Program => Key::Network(network),
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

/// Whoever is behind an interface key that has the scope. A key without it is somebody known, whose refusal
/// is on record.
async fn program(
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
fn told(noted: Result<(), IdentityError>) {
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
        Who::Anyone | Who::Provisioner(_) => None,
    }
}

/// The pattern of a route and never the address itself, in which anything may stand.
fn route(request: &HttpRequest) -> String {
    let pattern = request.match_pattern().unwrap_or_default();
    format!("{} {pattern}", request.method())
}

fn charge(shared: &Shared, key: Key) -> Result<(), Problem> {
    let inner = &shared.inner;
    inner.limits.charge(key, inner.clock.now()).map_err(|wait| {
        Problem::from(IdentityError::RateLimited { retry_after: wait }).retry_after(wait)
    })
}

/// RFC 6750 section 2.1. Tokens in the address or the body are not read.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The belt to the cookie's SameSite=Strict: what changes something and may carry the cookie must
/// come from a page of ours. A form or a script of another origin cannot set the header.
fn refuse_foreign(request: &HttpRequest) -> Result<(), Problem> {
    if request.method().is_safe() {
        return Ok(());
    }
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let marked = header("x-revkeep") == Some("1");
    let same_site =
        header("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let same_origin = header("origin").is_none_or(|origin| {
        header("host").is_some_and(|host| origin.eq_ignore_ascii_case(&format!("https://{host}")))
    });
    if marked && same_site && same_origin {
        return Ok(());
    }
    log::warn!(
        REVKEEP_ACTION = "foreign_request";
        "a request to {} from another site's page was refused (origin {:?})",
        request.path(),
        header("origin").unwrap_or("none")
    );
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "foreign_request",
        "This request does not come from Revkeep's own pages.",
    ))
}

/// What [`admit`] left for a requirement; nothing when the route enforced another one.
fn admitted(request: &HttpRequest, access: Access) -> Result<Who, Problem> {
    match request.extensions().get::<Admitted>() {
        Some(admitted) if admitted.access == access => Ok(admitted.who.clone()),
        _ => Err(Problem::internal()),
    }
}

fn person(request: &HttpRequest, access: Access) -> Result<Principal, Problem> {
    match admitted(request, access)? {
        Who::Person(principal) | Who::Program(principal) => Ok(principal),
        Who::Anyone | Who::Provisioner(_) => Err(Problem::internal()),
    }
}

fn provisioner(request: &HttpRequest, access: Access) -> Result<Provisioner, Problem> {
    match admitted(request, access)? {
        Who::Provisioner(provisioner) => Ok(provisioner),
        Who::Anyone | Who::Program(_) | Who::Person(_) => Err(Problem::internal()),
    }
}

impl FromRequest for Public {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(admitted(request, Self::ACCESS).map(|_| Self))
    }
}

impl FromRequest for Knock {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(admitted(request, Self::ACCESS).map(|_| Self))
    }
}

impl FromRequest for Client {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(admitted(request, Self::ACCESS).map(|_| Self))
    }
}

impl FromRequest for Provisioning {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(provisioner(request, Self::ACCESS).map(Self))
    }
}

impl<S: KeyScope> FromRequest for Keyed<S> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(person(request, Self::ACCESS).map(|principal| Self(principal, PhantomData)))
    }
}

impl FromRequest for SignedIn {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(person(request, Self::ACCESS).map(Self))
    }
}

impl<P: Permit> FromRequest for Allowed<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(person(request, Self::ACCESS).map(|principal| Self(principal, PhantomData)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn post(headers: &[(&str, &str)]) -> HttpRequest {
        let mut request = TestRequest::post().insert_header(("host", "revkeep.example:8443"));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        request.to_http_request()
    }

    #[test]
    fn a_post_of_our_own_page_passes() {
        let own = ("origin", "https://revkeep.example:8443");
        assert!(refuse_foreign(&post(&[("x-revkeep", "1")])).is_ok());
        assert!(refuse_foreign(&post(&[("x-revkeep", "1"), own])).is_ok());
        assert!(
            refuse_foreign(&post(&[
                ("x-revkeep", "1"),
                own,
                ("sec-fetch-site", "same-origin")
            ]))
            .is_ok()
        );
        assert!(refuse_foreign(&TestRequest::get().to_http_request()).is_ok());
    }

    #[test]
    fn a_post_of_any_other_page_does_not() {
        for headers in [
            &[][..],
            &[("x-revkeep", "0")],
            &[("origin", "https://revkeep.example:8443")],
            &[("x-revkeep", "1"), ("origin", "https://evil.example")],
            &[
                ("x-revkeep", "1"),
                ("origin", "http://revkeep.example:8443"),
            ],
            &[("x-revkeep", "1"), ("origin", "https://revkeep.example")],
            &[("x-revkeep", "1"), ("origin", "null")],
            &[("x-revkeep", "1"), ("sec-fetch-site", "same-site")],
            &[("x-revkeep", "1"), ("sec-fetch-site", "cross-site")],
        ] {
            let problem = refuse_foreign(&post(headers)).unwrap_err();
            assert_eq!(problem.code(), "foreign_request", "{headers:?}");
        }
    }

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

    /// A handler that was reached past the route's check gets nothing.
    #[actix_web::test]
    async fn an_extractor_alone_admits_nobody() {
        let request = TestRequest::get().to_http_request();
        assert!(SignedIn::extract(&request).await.is_err());
        assert!(Public::extract(&request).await.is_err());
        assert!(Provisioning::extract(&request).await.is_err());
        type Edit = Allowed<identity::permit::RuleEdit>;
        assert!(Edit::extract(&request).await.is_err());
        request.extensions_mut().insert(Admitted {
            access: Access::Public,
            who: Who::Anyone,
        });
        assert!(Public::extract(&request).await.is_ok());
        assert!(
            Edit::extract(&request).await.is_err(),
            "another requirement was met"
        );
    }
}
