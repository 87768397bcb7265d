//! Programs of others that act for a person, by OAuth 2.1: an authorization code with PKCE, and tokens that serve
//! one resource alone (OB-19, OB-20).
//!
//! An administrator names the program ([`clients`]); a person reads who asks for what and approves ([`consent`]);
//! the program exchanges its code, renews its tokens and hands them back ([`exchange`]); whoever let it in, or an
//! administrator, ends it ([`grants`]). Whether a token counts is asked through the port `TokenCheck` ([`token_check`]).
//!
//! Every token is a random value that says nothing: no credential of another system is in it, nor any name.

mod clients;
mod consent;
mod exchange;
mod grants;
mod redirect;
mod store;
mod token_check;

use chrono::TimeDelta;

use crate::{config::SESSION_LIFE, permission::Permission};

pub use clients::{Client, NewClient};
pub use consent::{Consent, ConsentRequest};
pub use exchange::{ClientCode, ClientRenewal, ClientTokens};
pub use grants::ClientGrant;
pub(crate) use token_check::TokenCache;

/// OB-20.
const ACCESS_LIFE: TimeDelta = TimeDelta::hours(1);
/// CX-01: the cap of a session is that of a grant; then the person is asked again, whatever was used.
const GRANT_LIFE: TimeDelta = SESSION_LIFE;
const CODE_LIFE: TimeDelta = TimeDelta::seconds(60);

/// One thing that a person may let a program do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientScope {
    /// As tokens carry it.
    pub name: &'static str,
    /// As people read it.
    pub title: &'static str,
    /// What the person must be permitted to do themselves, when they approve and each time that the program acts.
    pub needs: Permission,
}

/// All of them: one for each tool.
pub const CLIENT_SCOPES: [ClientScope; 7] = [
    scope(
        "records:search",
        "Search records of the data layer",
        Permission::LayerRead,
    ),
    scope(
        "routing:explain",
        "See where a record went, and why",
        Permission::LogRead,
    ),
    scope(
        "failures:read",
        "See which records failed, and why",
        Permission::FailureRead,
    ),
    scope(
        "reps:read",
        "See reps and how loaded they are",
        Permission::PoolRead,
    ),
    scope(
        "statistics:read",
        "See the routing in numbers",
        Permission::OverviewRead,
    ),
    scope(
        "retries:propose",
        "Propose that a failed record is tried again; a person decides",
        Permission::FailureRead,
    ),
    scope(
        "time_off:propose",
        "Propose days off for a rep; a person decides",
        Permission::PoolRead,
    ),
];

const fn scope(name: &'static str, title: &'static str, needs: Permission) -> ClientScope {
    ClientScope { name, title, needs }
}

fn scope_by_name(name: &str) -> Option<&'static ClientScope> {
    CLIENT_SCOPES.iter().find(|scope| scope.name == name)
}

/// What a program's tokens are good for: the machines' door of this appliance, by its address (RFC 8707).
fn resource_of(issuer: &str) -> String {
    format!("{issuer}{}", kernel::port::MCP_PATH)
}
