//! Who may use a route. The first argument of a handler states it, so its signature shows it:
//!
//! * [`Public`] is for anyone;
//! * [`Knock`] is for anyone, at the pace of sign-ins;
//! * [`Client`] is for a program that holds no cookie, so no page need vouch for it, and for the form that an
//!   identity provider has a browser post;
//! * [`Provisioning`] is for a tenant's identity provider, by its token (SCIM);
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
use identity::{FactorStanding, IdentityError, Permission, Permit, scim::Provisioner};
use kernel::Principal;

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
}

impl RateClass {
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Network => "network",
            Self::Person => "person",
            Self::Provisioner => "provisioner",
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
                RateClass::Network | RateClass::Person | RateClass::Provisioner => {
                    Key::Network(network)
                }
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
        Who::Person(principal) => Some(principal.clone()),
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
        Who::Person(principal) => Ok(principal),
        Who::Anyone | Who::Provisioner(_) => Err(Problem::internal()),
    }
}

fn provisioner(request: &HttpRequest, access: Access) -> Result<Provisioner, Problem> {
    match admitted(request, access)? {
        Who::Provisioner(provisioner) => Ok(provisioner),
        Who::Anyone | Who::Person(_) => Err(Problem::internal()),
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
