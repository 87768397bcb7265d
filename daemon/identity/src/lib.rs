//! Who someone is and what they may do: tenants, people, memberships, sessions, and the role x action
//! table.
//!
//! [`Identity`] is the handle. It makes and checks access tokens, rotates refresh tokens, counts
//! failures for all daemons together, and makes the [`kernel::Principal`] that everything else is
//! asked with. All of its rows are reached through `db::AuthTx`, as the role `revkeep_auth`.
//!
//! Single sign-on, invitations and API keys have their place here and come later.

mod attempts;
mod code;
mod config;
mod email;
mod error;
mod factor;
mod grant;
mod identity;
mod keys;
mod opaque;
mod password;
mod people;
mod permission;
mod refresh;
mod rewrap;
mod session;
mod setup;
mod standing;
mod store;
mod token;

pub use config::{ACCESS_LIFE, Config, REFRESH_GRACE, SESSION_LIFE};
pub use error::IdentityError;
pub use factor::{
    FactorAnswer, FactorChallenge, FactorKind, FactorStanding, OwnFactors, OwnPasskey,
    RecoveryState, StepUp, TotpSetup,
};
pub use grant::{Grant, RefreshGrant, SessionView};
pub use identity::{Caller, Identity};
pub use password::BCRYPT_COST;
pub use people::{people_address, people_names};
pub use permission::{Permission, Permit, allows, granted, permissions_of, permit};
pub use session::{SignIn, SignInStep};
pub use setup::SetupClaim;
