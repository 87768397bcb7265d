//! Why a sign-in through a provider, or a change of one, is refused.

use egress::EgressError;
use kernel::{Classified, ErrorKind};

use super::ldap::Fault;

#[derive(Debug, thiserror::Error)]
pub enum SsoError {
    #[error("the identity provider cannot be contacted")]
    Egress(#[from] EgressError),
    /// It answered, and not as the standard says.
    #[error("the identity provider answered wrongly: {0}")]
    Answer(String),
    /// The same, told to the administrator who tests it.
    #[error("the identity provider answered a test wrongly: {0}")]
    Probe(String),
    /// The provider turned the person away, or took no code; its stable error code.
    #[error("the identity provider refused: {0}")]
    Refused(String),
    /// Unknown, used, too old, or begun in another browser.
    #[error("no such sign-in is on its way: {0}")]
    Flow(&'static str),
    /// What the provider sent proves nothing.
    #[error("the identity provider's word was not accepted: {0}")]
    Token(String),
    #[error("the SAML response was not accepted: {0}")]
    Saml(saml::protocol::Refusal),
    #[error("the SAML assertion was used before")]
    Replayed,
    #[error("the process that reads SAML failed: {0}")]
    Reader(String),
    #[error("the provider knows the person, and the tenant does not")]
    NoMember,
    #[error("the account is not open to this provider: {0}")]
    Account(&'static str),
    #[error("this tenant signs in through its provider alone")]
    Required,
    #[error("the session belongs to one tenant's provider")]
    Bound,
    #[error("no such provider")]
    NoProvider,
    #[error("no such domain")]
    NoDomain,
    /// For whoever signs in it is one: the log and the test of the provider tell them apart.
    #[error("the directory could not be asked: {0}")]
    Directory(#[from] Fault),
    #[error("somebody else changed the provider")]
    Stale,
    #[error("single sign-on alone needs an enabled provider")]
    NothingEnabled,
    #[error("none of the person's tenants lets people in through the appliance's provider")]
    NotOpen,
    #[error("the appliance's provider knows the person, and no account here is linked to them")]
    NotLinked,
    #[error("no identity waits to be confirmed, or it is another one")]
    LinkVoid,
    #[error("a directory cannot be left for, so no account is linked to it")]
    NoLinks,
    #[error("the identity is another account's")]
    IdentityTaken,
}

impl Classified for SsoError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Egress(error) => error.kind(),
            Self::Answer(_) | Self::Probe(_) | Self::Reader(_) | Self::Directory(_) => {
                ErrorKind::Unavailable
            }
            Self::Refused(_) | Self::Flow(_) | Self::Token(_) | Self::Saml(_) | Self::Replayed => {
                ErrorKind::Unauthenticated
            }
            Self::NoMember
            | Self::Account(_)
            | Self::Required
            | Self::Bound
            | Self::NotOpen
            | Self::NotLinked => ErrorKind::Denied,
            Self::NoProvider | Self::NoDomain => ErrorKind::NotFound,
            Self::Stale
            | Self::NothingEnabled
            | Self::LinkVoid
            | Self::NoLinks
            | Self::IdentityTaken => ErrorKind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Egress(error) => error.code(),
            Self::Answer(_) | Self::Probe(_) => "sso_provider_wrong",
            Self::Refused(_) => "sso_refused",
            Self::Flow(_) => "sso_flow_void",
            Self::Token(_) => "sso_token_refused",
            Self::Saml(refusal) => refusal.code(),
            Self::Replayed => "saml_replayed",
            Self::Reader(_) => "saml_reader_failed",
            Self::Directory(_) => "ldap_unreachable",
            Self::NoMember => "sso_not_member",
            Self::Account(_) => "sso_account_closed",
            Self::Required => "sso_required",
            Self::Bound => "sso_session_bound",
            Self::NoProvider => "provider_not_found",
            Self::NoDomain => "domain_not_found",
            Self::Stale => "version_conflict",
            Self::NothingEnabled => "sso_no_provider",
            Self::NotOpen => "sso_not_open",
            Self::NotLinked => "sso_not_linked",
            Self::LinkVoid => "sso_link_void",
            Self::NoLinks => "sso_no_links",
            Self::IdentityTaken => "sso_identity_taken",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Egress(error) => return error.message(),
            Self::Probe(why) => return format!("It answered, but not as OpenID Connect asks: {why}."),
            Self::Answer(_) => {
                "The identity provider did not answer as it should. An administrator can test it in the organisation's settings; the log has the cause."
            }
            Self::Refused(_) => {
                "The identity provider did not sign you in. Try again, or ask whoever looks after it."
            }
            Self::Flow(_) => {
                "This sign-in was not begun in this browser, was used already, or is older than ten minutes. Begin again from the sign-in page."
            }
            Self::Directory(_) => {
                "Your organisation's directory could not be asked. Try again in a moment; an administrator can test it in the organisation's settings, and the log has the cause."
            }
            Self::Reader(_) => {
                "What the identity provider sent could not be read. Try again; the log has the cause."
            }
            Self::Token(_) | Self::Saml(_) | Self::Replayed => {
                "What the identity provider sent could not be accepted. Begin again from the sign-in page; if it happens again, tell your administrator."
            }
            Self::NoMember => {
                "The identity provider knows you, but you are not a member of the organisation. Ask its administrator for access."
            }
            Self::Account(_) => {
                "This account cannot be used through the organisation's identity provider. Sign in another way, or ask your administrator."
            }
            Self::Required => {
                "Your organisation signs in through its identity provider. Use single sign-on."
            }
            Self::Bound => {
                "You signed in through one organisation's identity provider, so this session stays there. Sign out and sign in to the other organisation."
            }
            Self::NoProvider => "There is no such identity provider.",
            Self::NoDomain => "There is no such mail domain.",
            Self::Stale => "Somebody else changed it meanwhile. Look at it again.",
            Self::NothingEnabled => {
                "Set up and enable an identity provider first; otherwise nobody could sign in."
            }
            Self::NotOpen => {
                "None of your organisations lets people in through this appliance's identity provider. Sign in another way, or ask your administrator."
            }
            Self::NotLinked => {
                "The identity provider knows you, but no account here is linked to you there. Sign in another way."
            }
            Self::LinkVoid => {
                "Nothing waits to be confirmed any more. Begin again: you have ten minutes."
            }
            Self::NoLinks => {
                "A super_admin's account is linked to an OpenID Connect or SAML provider, not to a directory."
            }
            Self::IdentityTaken => {
                "This identity is linked to another account already."
            }
        }
        .to_owned()
    }
}
