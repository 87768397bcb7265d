//! What can go wrong on the way out. Messages name hosts, never URLs, bodies or mail addresses.

use kernel::{Classified, ErrorKind};

#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The request itself cannot be sent: URL, header or TLS set-up.
    #[error("not a request that can be sent: {0}")]
    Invalid(String),
    /// The guard says no.
    #[error("{host} may not be contacted: {why}")]
    Refused { host: String, why: &'static str },
    #[error("{host} has no address: {detail}")]
    Resolve { host: String, detail: String },
    #[error("no connection to {host}: {detail}")]
    Connect { host: String, detail: String },
    /// The other side could not prove who it is, or speaks no TLS.
    #[error("no trusted connection to {host}: {detail}")]
    Tls { host: String, detail: String },
    /// No complete answer in time.
    #[error("{host} did not answer in time")]
    Timeout { host: String },
    /// The connection ended before the answer was complete.
    #[error("the connection to {host} was cut: {detail}")]
    Cut { host: String, detail: String },
    /// The answer was a redirect; nothing here follows one.
    #[error("{host} answered with a redirect (status {status})")]
    Redirected { host: String, status: u16 },
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge { host: String, limit: usize },
}

impl EgressError {
    /// True when no byte of the request has left: the other side cannot have acted, and trying
    /// again repeats nothing. False means in doubt: it may have acted.
    pub const fn nothing_sent(&self) -> bool {
        match self {
            Self::Invalid(_)
            | Self::Refused { .. }
            | Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Tls { .. } => true,
            Self::Timeout { .. }
            | Self::Cut { .. }
            | Self::Redirected { .. }
            | Self::TooLarge { .. } => false,
        }
    }
}

impl Classified for EgressError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) | Self::Refused { .. } => ErrorKind::Invalid,
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::Cut { .. }
            | Self::Redirected { .. }
            | Self::TooLarge { .. } => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "egress_invalid",
            Self::Refused { .. } => "egress_refused",
            Self::Resolve { .. } => "egress_no_address",
            Self::Connect { .. } => "egress_no_connection",
            Self::Tls { .. } => "egress_not_trusted",
            Self::Timeout { .. } => "egress_timeout",
            Self::Cut { .. } => "egress_cut",
            Self::Redirected { .. } => "egress_redirected",
            Self::TooLarge { .. } => "egress_too_large",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Invalid(_) => String::from("This is not an address that Revkeep can contact."),
            Self::Refused { host, why } => format!(
                "Revkeep may not contact {host}: {why}. A public HTTPS address is accepted; an \
                 administrator can declare a private one in the configuration."
            ),
            Self::Resolve { host, .. } => {
                format!("The name {host} has no address. Check it, and this machine's DNS.")
            }
            Self::Connect { host, .. } => {
                format!("{host} cannot be reached. Check the name, the port and the firewall.")
            }
            Self::Tls { host, .. } => format!(
                "{host} did not present a certificate that Revkeep trusts. An administrator can \
                 add its authority to the configuration."
            ),
            Self::Timeout { host } => format!("{host} did not answer in time."),
            Self::Cut { host, .. } => format!("{host} closed the connection before it answered."),
            Self::Redirected { host, .. } => {
                format!("{host} answered with a redirect, which Revkeep never follows.")
            }
            Self::TooLarge { host, .. } => {
                format!("The answer of {host} is larger than Revkeep accepts.")
            }
        }
    }
}

/// How sending one mail failed.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The server was not reached, or not trusted.
    #[error(transparent)]
    Connection(#[from] EgressError),
    /// The server's reply was a refusal (RFC 5321 section 4.2): 4yz may pass later, 5yz never
    /// will. Its text is left out, since servers like to repeat the recipient in it.
    #[error("the mail server refused {step} with code {code}")]
    Refused { step: &'static str, code: u16 },
    /// The server does not offer what is needed.
    #[error("the mail server {0}")]
    Unsupported(&'static str),
    /// The conversation broke before the message was handed over: it was not sent.
    #[error("the conversation with the mail server broke at {step}")]
    Broken { step: &'static str },
    /// It broke after the message was handed over: it may have been sent.
    #[error("the mail server did not confirm the message")]
    InDoubt,
}

impl SmtpError {
    /// True when the server cannot have accepted the message.
    pub const fn nothing_sent(&self) -> bool {
        !matches!(self, Self::InDoubt)
    }

    /// True when the same message will never be accepted.
    pub const fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: 500..=599,
                ..
            } | Self::Unsupported(_)
        )
    }
}

impl Classified for SmtpError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Connection(error) => error.kind(),
            Self::Refused { .. } | Self::Unsupported(_) | Self::Broken { .. } | Self::InDoubt => {
                ErrorKind::Unavailable
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Connection(error) => error.code(),
            Self::Refused { .. } => "smtp_refused",
            Self::Unsupported(_) => "smtp_unsupported",
            Self::Broken { .. } => "smtp_broken",
            Self::InDoubt => "smtp_in_doubt",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Connection(error) => error.message(),
            Self::Refused { step, code } => {
                format!("The mail server refused {step} (code {code}). Check its settings.")
            }
            Self::Unsupported(what) => format!("The mail server {what}."),
            Self::Broken { .. } => {
                String::from("The mail server ended the conversation before the mail was sent.")
            }
            Self::InDoubt => {
                String::from("The mail server did not say whether it accepted the mail.")
            }
        }
    }
}
