//! Who someone is and what they may do: tenants, people, memberships, sessions, and the role x action
//! table.
//!
//! [`Identity`] is the handle. It makes and checks access tokens, rotates refresh tokens, counts
//! failures for all daemons together, and makes the [`kernel::Principal`] that everything else is
//! asked with. All of its rows are reached through `db::AuthTx`, as the role `revkeep_auth`.
//!
//! Second factors, single sign-on, invitations and API keys have their place here and come later.

mod account;
mod attempts;
mod breach;
mod config;
mod device;
mod device_grant;
mod email;
mod error;
mod grant;
mod identity;
mod key_rotation;
mod keys;
mod opaque;
mod password;
mod people;
mod permission;
mod policy;
mod refresh;
mod reset;
mod session;
mod setup;
mod standing;
mod store;
mod token;

pub use account::{SessionItem, SessionOrigin};
pub use breach::{BreachConfig, breach_list_check};
pub use config::{
    ACCESS_LIFE, CLIENT_ACCESS_LIFE, Config, REFRESH_GRACE, ROTATE_EVERY, SESSION_LIFE,
    SigningAlgorithm,
};
pub use device::Device;
pub use device_grant::{DeviceGrant, DeviceRequest};
pub use error::{IdentityError, input_message};
pub use grant::{Grant, RefreshGrant, SessionView};
pub use identity::{Caller, Identity};
pub use keys::{SigningKeyItem, SigningKeys};
pub use password::BCRYPT_COST;
pub use people::{people_address, people_names};
pub use permission::{Permission, Permit, allows, granted, permissions_of, permit};
pub use policy::{PasswordProfile, Strength};
pub use session::SignIn;
pub use setup::SetupClaim;
