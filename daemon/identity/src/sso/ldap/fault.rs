//! Why a directory could not be asked, and why it turned somebody away.

use egress::EgressError;
use kernel::Classified;

/// The directory could not be asked, which is nobody's fault who signs in.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("no connection: {0}")]
    Connect(#[source] EgressError),
    #[error("no trusted TLS: {0}")]
    Tls(#[source] EgressError),
    /// The server's result code, RFC 4511 appendix A.
    #[error("StartTLS is refused with result {0}")]
    StartTls(u32),
    #[error("it did not answer in time at {0}")]
    Late(&'static str),
    #[error("it ended the connection at {0}")]
    Cut(&'static str),
    #[error("it answered no LDAP at {0}")]
    Malformed(&'static str),
    #[error("it answers more than is accepted at {0}")]
    TooLarge(&'static str),
    #[error("the service account may not bind: result {0}")]
    Account(u32),
    #[error("{step} ended with result {code}")]
    Result { step: &'static str, code: u32 },
}

impl Fault {
    /// In the audit log, and for the administrator who tests; whoever signs in is told `ldap_unreachable`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) => "ldap_no_connection",
            Self::Tls(_) => "ldap_not_trusted",
            Self::StartTls(_) => "ldap_starttls_refused",
            Self::Late(_) => "ldap_timeout",
            Self::Cut(_) => "ldap_cut",
            Self::Malformed(_) => "ldap_malformed",
            Self::TooLarge(_) => "ldap_too_large",
            Self::Account(_) => "ldap_account_refused",
            Self::Result { .. } => "ldap_result",
        }
    }

    /// To the administrator who tests.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Connect(error) | Self::Tls(error) => error.message(),
            Self::StartTls(code) => format!(
                "The server refused StartTLS (result {code}). Revkeep sends nothing in the clear: turn StartTLS on there, or use ldaps."
            ),
            Self::Late(step) => format!("The directory did not answer in time at {step}."),
            Self::Cut(step) => format!("The directory ended the connection at {step}."),
            Self::Malformed(step) => format!("What answered at {step} does not speak LDAP."),
            Self::TooLarge(step) => {
                format!("The directory answers more than Revkeep accepts at {step}.")
            }
            Self::Account(code) => format!(
                "The directory refused the service account (result {code}). Check its distinguished name and its password."
            ),
            Self::Result { step, code } => format!(
                "The directory answered {step} with result {code}{}.",
                meaning(*code)
            ),
        }
    }

    /// Whether another of the provider's servers may be asked: nobody has been named to this one yet.
    pub(super) fn tries_next(&self) -> bool {
        matches!(
            self,
            Self::Connect(_)
                | Self::Tls(_)
                | Self::StartTls(_)
                | Self::Late("StartTLS")
                | Self::Cut("StartTLS")
                | Self::Malformed("StartTLS")
        )
    }
}

/// RFC 4511 appendix A.2, of the results that a wrong setting brings.
const fn meaning(code: u32) -> &'static str {
    match code {
        1 => ", operations error: some directories want a service account that may search",
        4 => ", size limit exceeded",
        3 => ", time limit exceeded",
        8 | 13 => ", stronger authentication required",
        10 => ", a referral, which is not followed: name a server that holds the base itself",
        32 => ", no such object: check the base",
        34 => ", invalid distinguished name",
        50 => ", insufficient access rights",
        51 | 52 => ", busy or unavailable",
        _ => "",
    }
}

/// Why the directory did not accept somebody. It is for the log; the person is told the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Unknown, or the wrong password.
    Credentials,
    PasswordExpired,
    PasswordMustChange,
    AccountDisabled,
    AccountExpired,
    AccountLocked,
    /// Not at this time of day, or not from this machine.
    NotNow,
    /// Two entries fit the name.
    NotUnique,
    /// The entry has no unchanging id.
    NoSubject,
}

impl Why {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Credentials => "invalid_credentials",
            Self::PasswordExpired => "ldap_password_expired",
            Self::PasswordMustChange => "ldap_password_must_change",
            Self::AccountDisabled => "ldap_account_disabled",
            Self::AccountExpired => "ldap_account_expired",
            Self::AccountLocked => "ldap_account_locked",
            Self::NotNow => "ldap_not_now",
            Self::NotUnique => "ldap_not_unique",
            Self::NoSubject => "ldap_no_subject",
        }
    }

    /// What a refused bind says. Active Directory puts a code of its own into the words
    /// (`... AcceptSecurityContext error, data 775, v4563`), which is all that is read of them.
    pub(super) fn of_bind(diagnostic: &str) -> Self {
        let data = diagnostic
            .split_once("AcceptSecurityContext error, data ")
            .and_then(|(_, rest)| rest.split(',').next());
        match data {
            Some("530" | "531") => Self::NotNow,
            Some("532") => Self::PasswordExpired,
            Some("533") => Self::AccountDisabled,
            Some("701") => Self::AccountExpired,
            Some("773") => Self::PasswordMustChange,
            Some("775") => Self::AccountLocked,
            _ => Self::Credentials,
        }
    }
}
