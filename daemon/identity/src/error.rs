//! What can go wrong when someone says who they are.

use std::time::Duration;

use audit::AuditError;
use db::DbError;
use kernel::{Classified, ErrorKind};
use vault::VaultError;

use crate::refusal::Refusal;
use crate::sso::SsoError;

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("identity's rows could not be read or written")]
    Db(#[from] DbError),
    #[error("a secret of identity could not be used")]
    Vault(#[from] VaultError),
    #[error("the audit entry could not be written")]
    Audit(#[from] AuditError),
    #[error("the event could not be published")]
    Jobs(#[from] jobs::JobsError),
    #[error("the keys of identity have not been read since start")]
    Locked,
    #[error("a cryptographic operation failed: {0}")]
    Crypto(&'static str),
    #[error("too many passwords are being checked")]
    Overloaded,
    #[error("the list of breached passwords cannot be searched")]
    BreachList(#[source] std::io::Error),

    #[error("wrong address or password")]
    InvalidCredentials,
    #[error("the current password is wrong")]
    CurrentPassword,
    #[error("the reset link is not valid")]
    ResetLink,
    /// A code of RFC 6749 section 5.2 or RFC 8628 section 3.5.
    #[error("the program gets no session: {0}")]
    DeviceGrant(&'static str),
    #[error("no program waits under that code")]
    UnknownDeviceRequest,
    #[error("no such session of this person")]
    UnknownSession,
    #[error("too many failed attempts")]
    RateLimited { retry_after: Duration },
    #[error("the access token is not valid: {0}")]
    InvalidToken(&'static str),
    #[error("the session is over")]
    SessionExpired,
    #[error("the session was ended")]
    SessionRevoked,
    #[error("not a member of that tenant")]
    NotMember,
    #[error("the input is not acceptable: {field}: {code}")]
    Input {
        field: &'static str,
        code: &'static str,
    },
    #[error("a second factor must be set up first")]
    FactorEnrolmentRequired,
    #[error("a second factor must be proven again")]
    FreshFactorRequired,
    #[error("the password must be proven again")]
    PasswordNeeded,
    #[error("the answer to the challenge is wrong; {remaining} are left")]
    FactorInvalid { remaining: i32 },
    #[error("the code is not the app's")]
    FactorCode,
    #[error("the passkey did not prove anybody")]
    PasskeyInvalid,
    #[error("the new passkey is not acceptable")]
    PasskeyUnfit,
    #[error("passkeys do not work at this address")]
    PasskeysOff,
    #[error("the challenge is over")]
    ChallengeVoid,
    #[error("there is such a factor already")]
    FactorExists,
    #[error("there is no such factor")]
    FactorMissing,
    #[error("the last factor cannot go")]
    FactorRequired,
    #[error("single sign-on: {0}")]
    Sso(#[from] SsoError),
    #[error("set-up is over")]
    SetupDone,
    #[error("the set-up code is not valid")]
    SetupCode,
    #[error("refused: {}", .0.code())]
    Refused(Refusal),
}

impl From<diesel::result::Error> for IdentityError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<Refusal> for IdentityError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IdentityError {
    pub(crate) const fn input(field: &'static str, code: &'static str) -> Self {
        Self::Input { field, code }
    }
}

impl Classified for IdentityError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::Jobs(error) => error.kind(),
            Self::Sso(error) => error.kind(),
            Self::Locked => ErrorKind::Sealed,
            Self::Crypto(_) => ErrorKind::Internal,
            Self::Overloaded | Self::BreachList(_) => ErrorKind::Unavailable,
            Self::InvalidCredentials
            | Self::CurrentPassword
            | Self::InvalidToken(_)
            | Self::SessionExpired
            | Self::SessionRevoked
            | Self::FactorInvalid { .. }
            | Self::PasskeyInvalid
            | Self::ChallengeVoid => ErrorKind::Unauthenticated,
            Self::FactorEnrolmentRequired | Self::FreshFactorRequired | Self::PasswordNeeded => {
                ErrorKind::Denied
            }
            Self::RateLimited { .. } => ErrorKind::RateLimited,
            Self::NotMember
            | Self::FactorMissing
            | Self::PasskeysOff
            | Self::UnknownSession
            | Self::UnknownDeviceRequest => ErrorKind::NotFound,
            Self::Input { .. }
            | Self::SetupCode
            | Self::FactorCode
            | Self::PasskeyUnfit
            | Self::ResetLink
            | Self::DeviceGrant(_) => ErrorKind::Invalid,
            Self::SetupDone | Self::FactorExists | Self::FactorRequired => ErrorKind::Conflict,
            Self::Refused(refusal) => refusal.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Jobs(error) => error.code(),
            Self::Sso(error) => error.code(),
            Self::Locked => "sealed",
            Self::Crypto(_) => "internal",
            Self::Overloaded => "busy",
            Self::BreachList(_) => "breach_list_unavailable",
            Self::ResetLink => "reset_link_invalid",
            Self::UnknownSession => "session_not_found",
            Self::DeviceGrant(code) => code,
            Self::UnknownDeviceRequest => "device_request_not_found",
            Self::InvalidCredentials | Self::CurrentPassword => "invalid_credentials",
            Self::RateLimited { .. } => "rate_limited",
            Self::InvalidToken(_) => "invalid_token",
            Self::SessionExpired => "session_expired",
            Self::SessionRevoked => "session_revoked",
            Self::NotMember => "tenant_not_found",
            Self::Input { code, .. } => code,
            Self::FactorEnrolmentRequired => "factor_enrolment_required",
            Self::FreshFactorRequired => "fresh_factor_required",
            Self::PasswordNeeded => "fresh_password_required",
            Self::FactorInvalid { .. } | Self::FactorCode => "factor_invalid",
            Self::PasskeyInvalid | Self::PasskeyUnfit => "passkey_invalid",
            Self::PasskeysOff => "passkeys_off",
            Self::ChallengeVoid => "challenge_void",
            Self::FactorExists => "factor_exists",
            Self::FactorMissing => "factor_not_found",
            Self::FactorRequired => "factor_required",
            Self::SetupDone => "setup_done",
            Self::SetupCode => "setup_code_invalid",
            Self::Refused(refusal) => refusal.code(),
        }
    }

    fn message(&self) -> String {
        let text = match self {
            Self::Db(error) => return error.message(),
            Self::Vault(error) => return error.message(),
            Self::Audit(error) => return error.message(),
            Self::Jobs(error) => return error.message(),
            Self::Sso(error) => return error.message(),
            Self::Input { code, .. } => input_message(code),
            Self::Refused(refusal) => refusal.message(),
            Self::Locked => {
                "The secrets backend is sealed or cannot be reached, so nobody can sign in. An administrator must unseal it; sign-in then works again by itself."
            }
            Self::Crypto(_) => "Something failed on our side; the log has the cause.",
            Self::Overloaded => {
                "Many people are signing in at this moment. Try again in a few seconds."
            }
            Self::BreachList(_) => {
                "Passwords cannot be compared with the list of known breaches at this moment, so none is taken. Try again later, or tell your administrator."
            }
            Self::CurrentPassword => "This is not your current password.",
            Self::ResetLink => {
                "This link was used, is older than an hour, or a newer one was sent. Ask for another one."
            }
            Self::DeviceGrant(_) => "The program gets no session.",
            Self::UnknownDeviceRequest => {
                "No program waits under that code. Codes live ten minutes and are used once; ask the program for a new one."
            }
            Self::UnknownSession => "There is no such session among yours.",
            Self::InvalidCredentials => {
                "The address or the password is not right. Check both and try again."
            }
            Self::RateLimited { retry_after } => {
                return format!(
                    "There were too many failed attempts. Try again in {} minutes.",
                    retry_after.as_secs().div_ceil(60).max(1)
                );
            }
            Self::InvalidToken(_) => "The access token is not valid. Sign in again.",
            Self::SessionExpired => "Your session is over. Sign in again.",
            Self::SessionRevoked => "Your session was ended. Sign in again.",
            Self::NotMember => "There is no such tenant among yours.",
            Self::FactorEnrolmentRequired => {
                "Your role, or your organisation, asks for a second factor. Set one up on your profile page first."
            }
            Self::FreshFactorRequired => {
                "This takes a second factor that was proven within the last five minutes. Prove yours again and repeat."
            }
            Self::PasswordNeeded => {
                "Your first factor takes your password once more. Type it and repeat."
            }
            Self::FactorInvalid { .. } => {
                "That was not right, or it was used before. Wait for the next code and try again."
            }
            Self::FactorCode => {
                "That is not the code that your app shows. Check the clock of your device and try again."
            }
            Self::PasskeyInvalid => {
                "The passkey was not accepted. Try again, or sign in with your password."
            }
            Self::PasskeyUnfit => {
                "The browser's answer was not accepted. The passkey may be there already, or may not ask for a PIN or a fingerprint."
            }
            Self::PasskeysOff => {
                "Passkeys need an address with a name. Open Revkeep by its name, or use an authenticator app."
            }
            Self::ChallengeVoid => {
                "That took too long, or too many answers were wrong. Begin again."
            }
            Self::FactorExists => {
                "You have that factor already, or as many as there may be. Remove one first."
            }
            Self::FactorMissing => "You have no such factor.",
            Self::FactorRequired => {
                "Your role, or your organisation, asks for a second factor, so the last one stays. Add another first."
            }
            Self::SetupDone => "Revkeep is set up already. Sign in with an existing account.",
            Self::SetupCode => {
                "The set-up code is wrong, used or too old. Run \"revkeep setup\" on the machine for a new one."
            }
        };
        text.to_owned()
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Input { field, .. } => Some((*field).to_owned()),
            Self::SetupCode | Self::FactorCode => Some("code".to_owned()),
            Self::CurrentPassword => Some("current".to_owned()),
            _ => None,
        }
    }
}

/// What is wrong with an input, for whoever typed it.
pub fn input_message(code: &str) -> &'static str {
    match code {
        "password_too_short" => {
            "This password is too short. The sign-in options say how long it must be."
        }
        "password_too_long" => "A password may have at most 1,024 bytes.",
        "password_too_simple" => {
            "This password is too easy to guess. Use several uncommon words, or at least three of: small letters, capital letters, digits, other characters."
        }
        "password_breached" => {
            "This password, or one very much like it, is on the lists that attackers try first."
        }
        "password_reused" => "This is one of your last five passwords.",
        "password_is_address" => "A password must not contain the address it belongs to.",
        "issuer_invalid" => "The issuer is an https address without a query.",
        "issuer_fixed" => {
            "The issuer of a provider cannot be changed, because people are known by it. Set up another provider."
        }
        "provider_kind_fixed" => {
            "A provider's protocol cannot be changed. Set up another provider."
        }
        "saml_metadata_invalid" => {
            "This is no metadata of one SAML 2.0 identity provider. Paste the whole file as the provider publishes it."
        }
        "saml_metadata_unread" => {
            "Nothing that can be read stands at this address. Open it in a browser, or paste the metadata."
        }
        "saml_wants_signed_requests" => {
            "This provider wants signed requests, which Revkeep does not send. Turn that off at the provider: a response goes to the addresses that are entered there in any case."
        }
        "saml_address_invalid" => "This is no https address.",
        "saml_certificate_invalid" => {
            "Give one to ten X.509 certificates (PEM) with RSA keys of at least 2048 bits or keys on P-256, P-384 or P-521."
        }
        "sso_scopes_invalid" => "At most 20 scopes, each of visible ASCII characters.",
        "role_map_invalid" => {
            "Each line names a group and at least one role of the organisation; there may be 200."
        }
        "ldap_server_invalid" => {
            "Give one to four servers as ldaps://host or ldap://host, with a port where it is not the usual one. Either way everything is encrypted."
        }
        "ldap_ca_invalid" => "These are no certificate authorities in PEM.",
        "ldap_bind_missing" => {
            "Give either a service account that looks people up, or the name that people bind under."
        }
        "ldap_bind_template_invalid" => {
            "Write {user} where the name goes: as a distinguished name (uid={user},ou=people,dc=corp,dc=example), as {user}@corp.example, or as CORP\\{user}."
        }
        "ldap_password_missing" => "The service account needs its password.",
        "ldap_password_again" => {
            "The stored password goes only to the servers and under the name that it was typed for. Type it again."
        }
        "ldap_person_filter_invalid" => {
            "This is no LDAP filter that compares a value with {user}, such as (uid={user})."
        }
        "ldap_group_filter_invalid" => {
            "Groups need a base, and a filter that compares a value with {dn}, such as (member={dn})."
        }
        "ldap_dn_invalid" => "This is no distinguished name, such as dc=corp,dc=example.",
        "ldap_attribute_invalid" => "This is no name of an attribute.",
        "ldap_subject_invalid" => {
            "People are known by an id that never changes hands: entryUUID, objectGUID, nsUniqueId, ipaUniqueID or ibm-entryUUID."
        }
        "ldap_subject_fixed" => {
            "The attribute that people are known by cannot be changed. Set up another provider."
        }
        "appliance_maps_nothing" => {
            "A provider of the appliance opens accounts that exist: it makes no members and gives no roles."
        }
        "domain_invalid" => "This is no mail domain.",
        "client_unknown" => "This is no program that Revkeep knows.",
        "redirect_not_own" => {
            "The answer would go elsewhere than to the program on this machine, so nothing is sent."
        }
        "response_not_code" => "The program must ask for a code.",
        "challenge_not_s256" | "challenge_invalid" => {
            "The program must send a code challenge (PKCE) by the method S256."
        }
        "redirects_invalid" => {
            "Give one to ten addresses, each once: https without a query, or http on 127.0.0.1, [::1] or localhost, with a path and nothing after it."
        }
        "client_not_here" => {
            "No program of this organisation asks so. If you belong to several organisations, switch to the one that knows it."
        }
        "redirect_not_registered" => {
            "The program asks for its answer at an address that its administrator did not name, so nothing is sent."
        }
        "resource_unknown" => {
            "The program must name what it wants to reach, and this is nothing here."
        }
        "scope_not_allowed" => "The program asks for more than its administrator allows it.",
        "scope_beyond_you" => "The program asks for nothing that your own role permits.",
        "state_invalid" => "The program must send a state of 1 to 500 visible ASCII characters.",
        "text_invalid" => "This is empty, too long, or holds a control character.",
        "email_invalid" => "This is no e-mail address.",
        "roles_invalid" => "Give one or more of the roles member, admin and reviewer, each once.",
        "scopes_invalid" => "Give one or more of the scopes of the list, each once.",
        "expires_in_past" => "This time is past.",
        "reason_length" => "Give a reason of 10 to 500 characters.",
        _ => "This must have between 1 and 200 characters.",
    }
}
