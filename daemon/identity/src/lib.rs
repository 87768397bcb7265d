//! Who someone is and what they may do: tenants, people, memberships, sessions, and the role x action
//! table.
//!
//! [`Identity`] is the handle. It makes and checks access tokens, rotates refresh tokens, counts
//! failures for all daemons together, and makes the [`kernel::Principal`] that everything else is
//! asked with. All of its rows are reached through `db::AuthTx`, as the role `revkeep_auth`.
//!
//! [`sso`] is sign-in through a tenant's identity provider, [`scim`] what that provider does about its
//! people between their sign-ins.

mod accept;
mod account;
mod acting;
mod api_keys;
mod attempts;
mod authorization;
mod authorization_request;
mod breach;
mod code;
mod config;
mod device;
mod device_grant;
mod email;
mod error;
mod factor;
mod founding;
#[cfg(fuzzing)]
pub mod fuzz;
mod grant;
mod identity;
mod invitations;
mod issued;
mod key_check;
mod key_rotation;
mod key_text;
mod keys;
mod link;
mod members;
mod membership;
pub mod oauth;
mod on_record;
mod opaque;
mod opening;
mod password;
mod people;
mod permission;
mod policy;
mod profile;
mod program;
mod refresh;
mod refusal;
mod reset;
mod rewrap;
mod rewrap_invitations;
mod roles;
pub mod scim;
mod session;
mod sessions_end;
mod setup;
mod sign_up;
pub mod sso;
mod standing;
mod store;
mod tenants;
mod token;
mod visits;

pub use accept::{InvitationAcceptance, InvitationLetter, InvitationLook};
pub use account::{SessionItem, SessionOrigin};
pub use api_keys::{API_SCOPES, AUDIT_READ, ApiKey, NewApiKey};
pub use authorization::CodeExchange;
pub use authorization_request::{AuthorizationRequest, is_program};
pub use breach::{BreachConfig, breach_list_check};
pub use config::{
    ACCESS_LIFE, CLIENT_ACCESS_LIFE, Config, REFRESH_GRACE, ROTATE_EVERY, SESSION_LIFE,
    SigningAlgorithm,
};
pub use device::Device;
pub use device_grant::{DeviceGrant, DeviceRequest};
pub use error::{IdentityError, input_message};
pub use factor::{
    FactorAnswer, FactorChallenge, FactorKind, FactorStanding, OwnFactors, OwnPasskey,
    PasskeySignIn, RecoveryState, StepUp, TotpSetup, factors_reset,
};
pub use grant::{Grant, RefreshGrant, SessionView, Support};
pub use identity::{Caller, Identity, KEYS};
pub use invitations::{INVITATION_LIFE, Invitation, InvitationState};
pub use issued::IssuedState;
pub use keys::{SigningKeyItem, SigningKeys};
pub use members::{Member, MemberFactors, MemberFilter, MemberPage};
pub use on_record::Knocks;
pub use opening::{invitation_address, provisioned_profile, session_origin};
pub use password::BCRYPT_COST;
pub use people::{people_address, people_names};
pub use permission::{Denial, Permission, Permit, allows, denial, granted, permissions_of, permit};
pub use policy::{PasswordProfile, Strength};
pub use refusal::Refusal;
pub use session::{SignIn, SignInStep};
pub use sessions_end::{EVERY_SESSION, SessionsOf};
pub use setup::SetupClaim;
pub use sign_up::{SignUp, SignUpLetter};
pub use tenants::{TRIAL, TenantChange, TenantView};
pub use visits::{VISIT_LIFE, Visit, VisitRequest};
