//! Who may use a route. The first argument of a handler states it, so its signature shows it:
//!
//! * [`Public`] is for anyone;
//! * [`Knock`] is for anyone, at the pace of sign-ins;
//! * [`Client`] is for a program that holds no cookie, so no page need vouch for it, and for the form that an
//!   identity provider has a browser post;
//! * [`Provisioning`] is for a tenant's identity provider, by its token (SCIM);
//! * [`Keyed<S>`] is for a tenant's own program, by an interface key whose scopes have `S` (LR-33);
//! * [`Granted`] is for a program of others that a person let in, by its access token (OB-19);
//! * [`SignedIn`] is for any person with a session;
//! * [`Allowed<P>`] is for a person whose roles grant `P`.
//!
//! [`crate::Route`] reads the requirement from that argument's type and enforces it before the body
//! is looked at. A handler that names none of these cannot be made a route.

mod admit;
mod foreign;
mod granted;
mod program;

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use identity::{Permission, Permit, scim::Provisioner};
use kernel::Principal;

pub(crate) use admit::{admit, note_knock, note_refusal};
pub use granted::Granted;
pub(crate) use program::Watch;

use crate::problem::Problem;

use admit::{admitted, person, provisioner};

/// What a route requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    Knock,
    Client,
    Provisioner,
    /// An interface key with this scope.
    Program(&'static str),
    /// An access token of a person's grant; the scope is each tool's own.
    Grant,
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
    /// The grant's; and the network's, as before.
    Grant,
}

impl RateClass {
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Network => "network",
            Self::Person => "person",
            Self::Provisioner => "provisioner",
            Self::Program => "program",
            Self::Grant => "grant",
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
            Self::Grant => RateClass::Grant,
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
impl Door for Granted {
    const ACCESS: Access = Access::Grant;
}
impl Door for SignedIn {
    const ACCESS: Access = Access::SignedIn;
}
impl<P: Permit> Door for Allowed<P> {
    const ACCESS: Access = Access::Permission(P::PERMISSION);
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
    use actix_web::{HttpMessage, test::TestRequest};

    use super::{
        admit::{Admitted, Who},
        *,
    };

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
