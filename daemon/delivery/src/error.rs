//! What can go wrong with a notice before a mail server is spoken to, and with a stream of the audit log.

use audit::AuditError;
use db::DbError;
use egress::EgressError;
use identity::IdentityError;
use jobs::{JobError, JobsError};
use kernel::{Classified, ErrorKind};
use vault::VaultError;

#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    #[error("the notice could not be read or stored")]
    Db(#[from] DbError),
    #[error("the audit entry could not be written")]
    Audit(#[from] AuditError),
    #[error("the mail's job could not be queued")]
    Jobs(#[from] JobsError),
    #[error("the mail server's password could not be read")]
    Vault(#[from] VaultError),
    #[error("an address could not be opened")]
    Identity(#[from] IdentityError),
    #[error("not a target: {field}: {code}")]
    Input {
        field: &'static str,
        code: &'static str,
    },
    #[error("there is no such target")]
    NoTarget,
    #[error("the target was changed meanwhile")]
    Stale,
    #[error("the appliance has as many targets as it carries")]
    TooManyTargets,
    #[error("there is no such webhook")]
    NoWebhook,
    #[error("there is no such delivery")]
    NoDelivery,
    #[error("the webhook is off")]
    WebhookOff,
    #[error("the organisation has as many webhooks as it may")]
    TooManyWebhooks,
    #[error("the target cannot be reached")]
    Egress(#[from] EgressError),
    /// The connection to a target ended, or something on this machine did not take the events.
    #[error("the target took no more: {0}")]
    Cut(String),
    /// The target answered, and not that it has them.
    #[error("the target did not accept the events: {0}")]
    NotAccepted(String),
    #[error("the target does not answer in time")]
    Slow,
    /// Another daemon streams to the target now.
    #[error("the lease has passed on")]
    Superseded,
    #[error("what is stored of the target is unusable: {0}")]
    Unusable(&'static str),
}

impl DeliveryError {
    pub(crate) const fn input(field: &'static str, code: &'static str) -> Self {
        Self::Input { field, code }
    }
}

impl From<diesel::result::Error> for DeliveryError {
    fn from(error: diesel::result::Error) -> Self {
        if let diesel::result::Error::DatabaseError(_, about) = &error
            && about.constraint_name() == Some("siem_targets_limit")
        {
            return Self::TooManyTargets;
        }
        Self::Db(error.into())
    }
}

impl Classified for DeliveryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::Jobs(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Identity(error) => error.kind(),
            Self::Egress(error) => error.kind(),
            Self::Input { .. } => ErrorKind::Invalid,
            Self::NoTarget | Self::NoWebhook | Self::NoDelivery => ErrorKind::NotFound,
            Self::Stale | Self::TooManyTargets | Self::TooManyWebhooks | Self::WebhookOff => {
                ErrorKind::Conflict
            }
            Self::Cut(_) | Self::NotAccepted(_) | Self::Slow | Self::Superseded => {
                ErrorKind::Unavailable
            }
            Self::Unusable(_) => ErrorKind::Internal,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Jobs(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::Egress(error) => error.code(),
            Self::Input { code, .. } => code,
            Self::NoTarget => "siem_target_not_found",
            Self::Stale => "version_conflict",
            Self::TooManyTargets => "siem_targets_limit",
            Self::NoWebhook => "webhook_not_found",
            Self::NoDelivery => "webhook_delivery_not_found",
            Self::WebhookOff => "webhook_off",
            Self::TooManyWebhooks => "webhooks_limit",
            Self::Cut(_) => "siem_cut",
            Self::NotAccepted(_) => "siem_not_accepted",
            Self::Slow => "siem_slow",
            Self::Superseded => "siem_superseded",
            Self::Unusable(_) => "siem_target_unusable",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::Audit(error) => error.message(),
            Self::Jobs(error) => error.message(),
            Self::Vault(error) => error.message(),
            Self::Identity(error) => error.message(),
            Self::Egress(error) => error.message(),
            Self::Input { code, .. } => input_message(code).to_owned(),
            Self::NoTarget => "There is no such target.".to_owned(),
            Self::NoWebhook => "There is no such webhook.".to_owned(),
            Self::NoDelivery => "There is no such delivery.".to_owned(),
            Self::WebhookOff => "The webhook is off. Switch it on first.".to_owned(),
            Self::TooManyWebhooks => {
                "An organisation has 100 webhooks at most. Delete one that is not needed.".to_owned()
            }
            Self::Stale => {
                "Somebody else has changed this meanwhile. Look at it again, then change it.".to_owned()
            }
            Self::TooManyTargets => {
                "The appliance carries 20 targets, of all organisations together. Delete one that is not needed.".to_owned()
            }
            Self::Cut(_) => {
                "The target ended the connection. Its own log may say why.".to_owned()
            }
            Self::NotAccepted(why) => format!("The target did not accept the event: {why}."),
            Self::Slow => "The target did not take or confirm the event in time.".to_owned(),
            Self::Superseded => "Another daemon streams to this target now.".to_owned(),
            Self::Unusable(_) => String::new(),
        }
    }
    fn field(&self) -> Option<String> {
        match self {
            Self::Input { field, .. } => Some((*field).to_owned()),
            Self::Identity(error) => error.field(),
            _ => None,
        }
    }
}

impl From<DeliveryError> for JobError {
    fn from(error: DeliveryError) -> Self {
        Self::from_classified(&error)
    }
}

/// What is wrong with a target, for whoever typed it.
fn input_message(code: &str) -> &'static str {
    match code {
        "transport_of_the_appliance" => {
            "Files and the journal belong to the machine; an organisation's log goes over the network."
        }
        "transport_fixed" => {
            "A target keeps its transport. Make another target and delete this one."
        }
        "file_name_invalid" => {
            "A file's name has letters, digits, dots, dashes and underscores, and begins with a letter or digit. Its directory is siem.directory of the configuration."
        }
        "collector_url_invalid" => {
            "A collector's address begins with https://, for example https://splunk.corp.example:8088/services/collector/event."
        }
        "host_port_invalid" => {
            "An address is a host and a port, for example siem.corp.example:6514."
        }
        "certificate_invalid" => "This is not a certificate, or several, in PEM.",
        "client_key_missing" => {
            "A client certificate takes its private key, and a key its certificate."
        }
        "token_missing" => "The collector's token is needed.",
        "secret_again" => {
            "Another address gets no secret that was typed for this one. Type it again."
        }
        "action_unknown" => "No action begins like this. docs/siem.md says where the names stand.",
        "event_unknown" => "There is no such event. docs/webhooks.md lists them.",
        "outcome_unknown" => "An outcome is done, refused or failed.",
        _ => "This is empty, too long, or has characters that cannot stand there.",
    }
}
