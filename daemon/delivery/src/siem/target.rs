//! A target: where a log is streamed to, how, and what of it.

use chrono::{DateTime, Utc};
use egress::Endpoint;
use kernel::{Action, Secret, SiemTargetId, TenantId};
use openssl::x509::X509;

use super::event::Event;
use crate::error::DeliveryError;

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$variant_doc])* $variant,)* }

        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

named! {
    /// How events travel.
    Transport {
        /// RFC 5425.
        SyslogTls = "syslog_tls",
        /// RFC 6587, counted octets.
        SyslogTcp = "syslog_tcp",
        /// RFC 5426.
        SyslogUdp = "syslog_udp",
        RelpTls = "relp_tls",
        Relp = "relp",
        /// Splunk's HTTP event collector, and whoever speaks like it.
        Https = "https",
        /// On this machine.
        File = "file",
        /// Of this machine.
        Journal = "journal",
    }
}

named! {
    /// How an event is written.
    Format {
        Rfc5424 = "rfc5424",
        Cef = "cef",
        Leef = "leef",
        Ocsf = "ocsf",
        Json = "json",
    }
}

impl Transport {
    /// Whether the other side says what it has received. Without that the last events are sent again
    /// on each new connection.
    pub const fn acknowledges(self) -> bool {
        match self {
            // A file that was synced and a socket of this machine lose nothing that they took.
            Self::RelpTls | Self::Relp | Self::Https | Self::File | Self::Journal => true,
            Self::SyslogTls | Self::SyslogTcp | Self::SyslogUdp => false,
        }
    }

    /// There is a connection, so its end says that something may be lost.
    pub(crate) const fn resends(self) -> bool {
        matches!(self, Self::SyslogTls | Self::SyslogTcp)
    }

    pub(crate) const fn is_tls(self) -> bool {
        matches!(self, Self::SyslogTls | Self::RelpTls | Self::Https)
    }

    const fn is_of_this_machine(self) -> bool {
        matches!(self, Self::File | Self::Journal)
    }
}

/// A target as its administrators see it. Of its secrets only that they are there.
#[derive(Clone, Debug)]
pub struct Target {
    pub id: SiemTargetId,
    pub name: String,
    pub transport: Transport,
    pub format: Format,
    pub address: String,
    pub authorities: Option<String>,
    pub client_certificate: Option<String>,
    pub has_client_key: bool,
    pub has_token: bool,
    pub actions: Vec<String>,
    pub outcomes: Vec<String>,
    pub enabled: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub standing: Standing,
}

/// How a target's stream fares.
#[derive(Clone, Debug)]
pub struct Standing {
    pub sent: i64,
    pub errors: i64,
    /// Entries that wait, at most [`Standing::MOST_WAITING`] are counted, and since when the oldest does.
    pub waiting: i64,
    pub waiting_since: Option<DateTime<Utc>>,
    pub last_sent_at: Option<DateTime<Utc>>,
    pub failing: bool,
    pub last_error: Option<String>,
    pub last_error_at: Option<DateTime<Utc>>,
    /// The first end among the certificates in use.
    pub certificate_ends_at: Option<DateTime<Utc>>,
}

impl Standing {
    pub const MOST_WAITING: i64 = 10_000;
}

/// What is set of a target.
#[derive(Debug)]
pub struct TargetInput {
    pub name: String,
    pub transport: Transport,
    pub format: Format,
    /// `host:port`; of the HTTPS collector its URL; of a file its name; of the journal nothing.
    pub address: String,
    pub authorities: Option<String>,
    pub client_certificate: Option<String>,
    /// PEM. Without one the stored one stays.
    pub client_key: Option<Secret<String>>,
    /// As the key.
    pub token: Option<Secret<String>>,
    /// Beginnings of action names; none means all.
    pub actions: Vec<String>,
    /// `done`, `refused`, `failed`; none means all.
    pub outcomes: Vec<String>,
    pub enabled: bool,
}

const OUTCOMES: [&str; 3] = ["done", "refused", "failed"];
const MOST_PEM: usize = 64 << 10;

impl TargetInput {
    /// Everything that is on record, as RFC 5424, from now on, with the system's own authorities.
    pub fn new(name: &str, transport: Transport, address: &str) -> Self {
        Self {
            name: name.to_owned(),
            transport,
            format: Format::Rfc5424,
            address: address.to_owned(),
            authorities: None,
            client_certificate: None,
            client_key: None,
            token: None,
            actions: Vec::new(),
            outcomes: Vec::new(),
            enabled: true,
        }
    }

    /// The input as it is stored, or what is wrong with it. Whether the address may be contacted is
    /// asked apart.
    pub(crate) fn checked(mut self, owner: TenantId) -> Result<Self, DeliveryError> {
        let wrong = DeliveryError::input;
        self.name = self.name.trim().to_owned();
        if !(1..=80).contains(&self.name.chars().count()) || self.name.chars().any(char::is_control)
        {
            return Err(wrong("name", "text_invalid"));
        }
        if self.transport.is_of_this_machine() && owner != TenantId::PLATFORM {
            return Err(wrong("transport", "transport_of_the_appliance"));
        }
        self.address = address(self.transport, &self.address)?;
        self.authorities = blank_is_none(self.authorities);
        self.client_certificate = blank_is_none(self.client_certificate);
        if !self.transport.is_tls() {
            (self.authorities, self.client_certificate) = (None, None);
            self.client_key = None;
        }
        if self.transport != Transport::Https {
            self.token = None;
        }
        for (field, pem) in [
            ("authorities", &self.authorities),
            ("client_certificate", &self.client_certificate),
        ] {
            if pem.as_deref().is_some_and(|pem| ends_at(pem).is_none()) {
                return Err(wrong(field, "certificate_invalid"));
            }
        }
        if let Some(token) = &self.token
            && (!(1..=1_024).contains(&token.expose().len())
                || !token.expose().chars().all(|c| c.is_ascii_graphic()))
        {
            return Err(wrong("token", "text_invalid"));
        }
        if let Some(key) = &self.client_key
            && key.expose().len() > MOST_PEM
        {
            return Err(wrong("client_key", "text_invalid"));
        }
        self.filter_checked()
    }

    fn filter_checked(mut self) -> Result<Self, DeliveryError> {
        self.actions.iter_mut().for_each(|start| {
            *start = start.trim().to_ascii_lowercase();
        });
        self.actions.retain(|start| !start.is_empty());
        self.actions.sort();
        self.actions.dedup();
        let known = |start: &String| {
            Action::ALL
                .iter()
                .any(|verb| verb.name().starts_with(start.as_str()))
        };
        if self.actions.len() > 50 || !self.actions.iter().all(known) {
            return Err(DeliveryError::input("actions", "action_unknown"));
        }
        self.outcomes.sort();
        self.outcomes.dedup();
        if !self.outcomes.iter().all(|o| OUTCOMES.contains(&o.as_str())) {
            return Err(DeliveryError::input("outcomes", "outcome_unknown"));
        }
        Ok(self)
    }
}

/// In one writing.
fn address(transport: Transport, text: &str) -> Result<String, DeliveryError> {
    let text = text.trim();
    match transport {
        Transport::Journal => Ok(String::new()),
        Transport::File => {
            let fits = (1..=100).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
            if fits {
                return Ok(text.to_owned());
            }
            Err(DeliveryError::input("address", "file_name_invalid"))
        }
        Transport::Https if text.len() <= 500 && text.starts_with("https://") => {
            Ok(text.to_owned())
        }
        Transport::Https => Err(DeliveryError::input("address", "collector_url_invalid")),
        _ => match text.parse::<Endpoint>() {
            Ok(endpoint) => Ok(endpoint.to_string()),
            Err(_) => Err(DeliveryError::input("address", "host_port_invalid")),
        },
    }
}

fn blank_is_none(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// When the first of the PEM certificates ends; `None` when there is none, or one does not read.
pub(crate) fn ends_at(pem: &str) -> Option<DateTime<Utc>> {
    if pem.len() > MOST_PEM {
        return None;
    }
    let certificates = X509::stack_from_pem(pem.as_bytes()).ok()?;
    certificates
        .iter()
        .map(end_of)
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .min()
}

/// Of a certificate in DER.
pub(crate) fn der_ends_at(der: &[u8]) -> Option<DateTime<Utc>> {
    end_of(&X509::from_der(der).ok()?)
}

fn end_of(certificate: &X509) -> Option<DateTime<Utc>> {
    let epoch = openssl::asn1::Asn1Time::from_unix(0).ok()?;
    let life = epoch.diff(certificate.not_after()).ok()?;
    let seconds = i64::from(life.days) * 86_400 + i64::from(life.secs);
    DateTime::from_timestamp(seconds, 0)
}

/// What of the log a target gets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) actions: Vec<String>,
    pub(crate) outcomes: Vec<String>,
}

impl Filter {
    /// Heads always pass: without them what was sent anchors nothing.
    pub(crate) fn admits(&self, event: &Event) -> bool {
        event.head.is_some()
            || ((self.actions.is_empty()
                || self
                    .actions
                    .iter()
                    .any(|start| event.action.starts_with(start)))
                && (self.outcomes.is_empty() || self.outcomes.contains(&event.outcome)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(transport: Transport, address: &str) -> TargetInput {
        TargetInput {
            format: Format::Json,
            ..TargetInput::new(" Archive ", transport, address)
        }
    }

    fn tenant() -> TenantId {
        TenantId::from_uuid(uuid::Uuid::from_u128(5))
    }

    #[test]
    fn an_address_has_one_writing_and_a_file_no_directory() {
        for (transport, text, stored) in [
            (
                Transport::SyslogTls,
                " SIEM.corp.example:6514 ",
                Some("siem.corp.example:6514"),
            ),
            (Transport::Relp, "10.0.0.7:2514", Some("10.0.0.7:2514")),
            (Transport::SyslogTls, "siem.corp.example", None),
            (Transport::SyslogUdp, "", None),
            (
                Transport::Https,
                "https://splunk.example:8088/services/collector/event",
                Some("https://splunk.example:8088/services/collector/event"),
            ),
            (Transport::Https, "http://splunk.example:8088/", None),
            (Transport::File, "audit.jsonl", Some("audit.jsonl")),
            (Transport::File, "../audit", None),
            (Transport::File, ".hidden", None),
            (Transport::File, "a/b", None),
            (Transport::Journal, "whatever", Some("")),
        ] {
            let checked = input(transport, text).checked(TenantId::PLATFORM);
            assert_eq!(
                checked.ok().map(|input| input.address).as_deref(),
                stored,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_of_this_machine_is_not_a_tenants() {
        for transport in [Transport::File, Transport::Journal] {
            assert!(input(transport, "a").checked(tenant()).is_err());
            assert!(input(transport, "a").checked(TenantId::PLATFORM).is_ok());
        }
    }

    #[test]
    fn a_filter_that_nothing_passes_is_refused() {
        let with = |actions: &[&str], outcomes: &[&str]| {
            let mut input = input(Transport::Relp, "10.0.0.7:2514");
            input.actions = actions.iter().map(|text| (*text).to_owned()).collect();
            input.outcomes = outcomes.iter().map(|text| (*text).to_owned()).collect();
            input.checked(tenant()).is_ok()
        };
        assert!(with(&[], &[]));
        assert!(with(&["sign_in", "member_"], &["refused"]));
        assert!(!with(&["sing_in"], &[]));
        assert!(!with(&[], &["maybe"]));
    }

    #[test]
    fn every_name_reads_back() {
        for transport in Transport::ALL {
            assert_eq!(Transport::from_name(transport.name()), Some(*transport));
        }
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.name()), Some(*format));
        }
        assert_eq!(Transport::from_name("carrier_pigeon"), None);
    }
}
