//! The `[mail]` section of the configuration.

use egress::Endpoint;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `host:port` of the mail server. Without one no mail is sent, and notices say so. A private
    /// server must stand in `egress.private_endpoints` too.
    pub server: Option<Endpoint>,
    pub security: Security,
    /// Whom to sign in as; the password is the named secret `smtp-password`. No sign-in without.
    pub user: Option<String>,
    /// `Revkeep <revkeep@example.com>`
    pub from: String,
    /// How this machine calls itself to the mail server.
    pub own_name: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: None,
            security: Security::Starttls,
            user: None,
            from: String::from("Revkeep <revkeep@localhost>"),
            own_name: String::from("localhost"),
        }
    }
}

/// How the conversation is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    Starttls,
    Tls,
    /// In the clear: to this machine only.
    None,
}

impl From<Security> for egress::Security {
    fn from(security: Security) -> Self {
        match security {
            Security::Starttls => Self::Starttls,
            Security::Tls => Self::Tls,
            Security::None => Self::None,
        }
    }
}
