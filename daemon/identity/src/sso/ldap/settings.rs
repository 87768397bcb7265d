//! A directory as an administrator describes it, and as it is stored.

use egress::Trust;
use kernel::Secret;
use serde::{Deserialize, Serialize};

use super::{
    entry::{Attributes, SUBJECTS},
    filter::{self, Template},
    link::Server,
    name::{BindTemplate, DN, USER, normal},
};
use crate::{
    error::IdentityError,
    sso::{
        model::{Settled, text},
        store::ProviderRow,
    },
};

const MOST_SERVERS: usize = 4;
const MOST_CA_BYTES: usize = 64 << 10;
const EMAIL: &str = "mail";
const NAMES: [&str; 2] = ["displayName", "cn"];

/// A directory, without the password of its service account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapSettings {
    /// `ldaps://host[:port]`, or `ldap://host[:port]` with StartTLS; the next is asked when one is away.
    pub servers: Vec<String>,
    /// PEM. The authorities that alone are trusted; without any, those of the machine and its configuration.
    pub ca: Option<String>,
    /// The service account that looks people up. Either this or the next.
    pub bind_dn: Option<String>,
    /// The name that people bind under themselves.
    pub bind_template: Option<String>,
    pub base_dn: String,
    pub person_filter: String,
    pub subject_attribute: String,
    /// Groups that name their members, looked for besides the attribute of groups. Both or neither.
    pub group_base_dn: Option<String>,
    pub group_filter: Option<String>,
}

pub struct LdapInput {
    pub settings: LdapSettings,
    /// Of the service account; `None` keeps the one that is stored.
    pub bind_password: Option<Secret<String>>,
    /// `None` is `mail`.
    pub email_attribute: Option<String>,
    /// `None` is `displayName`, or else `cn`.
    pub name_attribute: Option<String>,
}

impl LdapInput {
    /// Refuses what can never work, or would not be safe.
    pub(crate) fn settle(self) -> Result<Settled, IdentityError> {
        let settings = self.settings.checked()?;
        let directory = serde_json::to_value(&settings)
            .map_err(|_| IdentityError::Crypto("the settings of a directory"))?;
        let client_secret = self.bind_password.filter(|_| settings.bind_dn.is_some());
        Ok(Settled {
            client_secret,
            email_attribute: attribute("ldap.email_attribute", self.email_attribute)?,
            name_attribute: attribute("ldap.name_attribute", self.name_attribute)?,
            directory: Some(directory),
            ..Settled::default()
        })
    }
}

impl LdapSettings {
    fn checked(self) -> Result<Self, IdentityError> {
        let settings = Self {
            servers: self
                .servers
                .iter()
                .map(|url| url.trim().to_owned())
                .collect(),
            ca: given(self.ca),
            bind_dn: given(self.bind_dn),
            bind_template: given(self.bind_template),
            base_dn: dn("ldap.base_dn", &self.base_dn)?,
            person_filter: text("ldap.person_filter", &self.person_filter, 2_000)?,
            subject_attribute: subject_attribute(&self.subject_attribute)?,
            group_base_dn: given(self.group_base_dn)
                .map(|base| dn("ldap.group_base_dn", &base))
                .transpose()?,
            group_filter: given(self.group_filter),
        };
        settings.check_servers()?;
        settings.check_bind()?;
        if Template::parse(&settings.person_filter, USER).is_none() {
            return Err(IdentityError::input(
                "ldap.person_filter",
                "ldap_person_filter_invalid",
            ));
        }
        settings.check_groups()?;
        Ok(settings)
    }

    fn check_servers(&self) -> Result<(), IdentityError> {
        let sound = (1..=MOST_SERVERS).contains(&self.servers.len())
            && self.servers.iter().all(|url| Server::parse(url).is_some());
        if !sound {
            return Err(IdentityError::input("ldap.servers", "ldap_server_invalid"));
        }
        let readable = self
            .ca
            .as_ref()
            .is_none_or(|pem| pem.len() <= MOST_CA_BYTES && Trust::only(pem).is_ok());
        if readable {
            Ok(())
        } else {
            Err(IdentityError::input("ldap.ca", "ldap_ca_invalid"))
        }
    }

    /// Nobody searches without a name: it is one way or the other.
    fn check_bind(&self) -> Result<(), IdentityError> {
        match (&self.bind_dn, &self.bind_template) {
            (Some(name), None) => text("ldap.bind_dn", name, 1_000).map(drop),
            (None, Some(template)) if BindTemplate::parse(template).is_some() => Ok(()),
            (None, Some(_)) => Err(IdentityError::input(
                "ldap.bind_template",
                "ldap_bind_template_invalid",
            )),
            _ => Err(IdentityError::input("ldap.bind_dn", "ldap_bind_missing")),
        }
    }

    fn check_groups(&self) -> Result<(), IdentityError> {
        match (&self.group_base_dn, &self.group_filter) {
            (None, None) => Ok(()),
            (Some(_), Some(filter)) if Template::parse(filter, DN).is_some() => Ok(()),
            _ => Err(IdentityError::input(
                "ldap.group_filter",
                "ldap_group_filter_invalid",
            )),
        }
    }

    pub(crate) fn read(row: &ProviderRow) -> Result<Self, IdentityError> {
        Self::parse(row.directory.clone().unwrap_or_default())
    }

    fn parse(stored: serde_json::Value) -> Result<Self, IdentityError> {
        serde_json::from_value(stored)
            .map_err(|_| IdentityError::Crypto("the stored settings of a directory are unusable"))
    }

    /// The stored password goes only where it went before, under the name that it belongs to: whoever
    /// may change a provider does not thereby learn its password.
    fn may_keep_password(&self, before: &Self) -> bool {
        (&self.servers, &self.ca, &self.bind_dn) == (&before.servers, &before.ca, &before.bind_dn)
    }

    pub(super) fn attributes<'a>(&'a self, row: &'a ProviderRow) -> Attributes<'a> {
        Attributes {
            subject: &self.subject_attribute,
            email: row.email_attribute.as_deref().unwrap_or(EMAIL),
            names: match &row.name_attribute {
                Some(name) => vec![name],
                None => NAMES.to_vec(),
            },
            groups: &row.groups_claim,
        }
    }
}

/// What is changed of a directory must keep what people are known by, and where its password goes.
///
/// `typed`: the password came with the change.
pub(crate) fn check_change(
    before: &ProviderRow,
    after: &serde_json::Value,
    typed: bool,
) -> Result<(), IdentityError> {
    let before = LdapSettings::read(before)?;
    let after = LdapSettings::parse(after.clone())?;
    if before.subject_attribute != after.subject_attribute {
        return Err(IdentityError::input(
            "ldap.subject_attribute",
            "ldap_subject_fixed",
        ));
    }
    if !typed && after.bind_dn.is_some() && !after.may_keep_password(&before) {
        return Err(IdentityError::input(
            "ldap.bind_password",
            "ldap_password_again",
        ));
    }
    Ok(())
}

/// A new directory with a service account has its password.
pub(crate) fn check_new(settled: &Settled) -> Result<(), IdentityError> {
    let account = settled
        .directory
        .as_ref()
        .is_some_and(|settings| settings.get("bind_dn").is_some_and(|dn| !dn.is_null()));
    if account && settled.client_secret.is_none() {
        return Err(IdentityError::input(
            "ldap.bind_password",
            "ldap_password_missing",
        ));
    }
    Ok(())
}

fn given(entered: Option<String>) -> Option<String> {
    entered
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

fn dn(field: &'static str, entered: &str) -> Result<String, IdentityError> {
    let entered = text(field, entered, 1_000)?;
    match normal(&entered) {
        Some(_) => Ok(entered),
        None => Err(IdentityError::input(field, "ldap_dn_invalid")),
    }
}

fn subject_attribute(entered: &str) -> Result<String, IdentityError> {
    SUBJECTS
        .into_iter()
        .find(|name| name.eq_ignore_ascii_case(entered.trim()))
        .map(str::to_owned)
        .ok_or(IdentityError::input(
            "ldap.subject_attribute",
            "ldap_subject_invalid",
        ))
}

fn attribute(
    field: &'static str,
    entered: Option<String>,
) -> Result<Option<String>, IdentityError> {
    given(entered)
        .map(|name| {
            filter::attribute(&name).ok_or(IdentityError::input(field, "ldap_attribute_invalid"))
        })
        .transpose()
}
