//! Single sign-on (OB-11, CX-34): a tenant's identity providers, and sign-in through them.
//!
//! [`Sso`] is the handle. A provider says who somebody is; what that person may do here is decided by
//! a membership, whose roles the provider's groups may set: never super_admin, never the owner's flag.
//! A session that a tenant's provider opened stays in that tenant.
//!
//! | Module | Holds |
//! |---|---|
//! | `model` | types and pure rules |
//! | `provider`, `domain`, `only` | what an administrator sets |
//! | `flow` | leaving for the provider and coming back |
//! | `oidc` | OpenID Connect: discovery, keys, codes, ID tokens |
//! | `saml`, `saml_flow` | SAML 2.0: requests, and having responses read; what comes back |
//! | `ldap`, `ldap_flow` | LDAP directories: asking one; signing in with its name and password |
//! | `person` | from what a provider says to a person with a session |
//! | `appliance`, `appliance_person` | providers of the appliance: which tenants they open, and for whom |
//! | `link` | a super_admin's identity at one of those, proven and confirmed by themselves |

mod appliance;
mod appliance_person;
pub(crate) mod browser;
mod domain;
mod error;
mod flow;
mod ldap;
mod ldap_flow;
mod link;
pub(crate) mod model;
mod oidc;
pub(crate) mod only;
pub(crate) mod person;
mod provider;
mod rewrap;
mod saml;
mod saml_flow;
pub(crate) mod store;
#[cfg(test)]
mod tests;
mod transport;

use std::path::Path;

use egress::{Egress, Purpose};

pub use ::saml::Certificate;
pub use appliance::{ApplianceView, appliance};
pub use db::WaitingDomain;
pub use domain::{Discovered, Domain};
pub use error::SsoError;
pub use flow::{Ended, Leaving, Returned, Started};
pub use ldap::{DirectoryProbe, Fault, LdapInput, LdapSettings, ProbeStep, ProbedPerson};
pub use ldap_flow::LdapSignIn;
pub use link::{Claim, Link};
pub use model::{Kind, OidcInput, Protocol, ProviderInput, RoleRule};
pub use oidc::Probe;
pub use provider::Provider;
pub use saml::{Addresses, SamlFound, SamlInput, SamlSettings};

pub(crate) use appliance::{Reach, reach_of};
#[cfg(fuzzing)]
pub(crate) use ldap::fuzz_answer as fuzz_ldap_answer;
pub(crate) use store::linked;

use crate::identity::Identity;

/// Cheap to clone; clones share what was read of the providers.
#[derive(Clone)]
pub struct Sso {
    pub(crate) identity: Identity,
    pub(crate) oidc: oidc::Oidc,
    pub(crate) reader: saml::Reader,
    pub(crate) egress: Egress,
    /// For what an administrator asks for, besides what `oidc` reads.
    pub(crate) outside: egress::Http,
    /// The console's own address, without a final slash.
    pub(crate) public_url: String,
}

impl Sso {
    /// `reader` is the program whose subcommand `saml-verify` reads what SAML providers send: our own.
    pub fn new(identity: Identity, egress: &Egress, public_url: &str, reader: &Path) -> Self {
        Self {
            reader: saml::Reader::new(reader),
            oidc: oidc::Oidc::new(egress.http(Purpose::SingleSignOn)),
            egress: egress.clone(),
            outside: egress.http(Purpose::SingleSignOn),
            identity,
            public_url: public_url.trim_end_matches('/').to_owned(),
        }
    }

    /// The page that an OpenID provider sends the browser back to.
    pub fn oidc_return(&self) -> String {
        format!("{}/sso/oidc", self.public_url)
    }
}
