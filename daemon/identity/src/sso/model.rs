//! What a provider is and says, and the rules that need no database.

use std::collections::BTreeSet;

use kernel::{Role, Secret};
use serde::{Deserialize, Serialize};

use super::{ldap::LdapInput, saml::SamlInput};
use crate::error::IdentityError;

/// How a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Oidc,
    Saml,
    Ldap,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Saml => "saml",
            Self::Ldap => "ldap",
        }
    }
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Oidc, Self::Saml, Self::Ldap]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Members of `group`, as the provider calls it, hold `roles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    pub group: String,
    pub roles: Vec<Role>,
}

/// A provider as an administrator describes it.
pub struct ProviderInput {
    pub name: String,
    pub enabled: bool,
    /// The claim of a token, or the attribute of an assertion or an entry.
    pub groups_claim: String,
    pub role_map: Vec<RoleRule>,
    /// Whoever the provider knows becomes a member on first sign-in.
    pub create_members: bool,
    pub protocol: Protocol,
}

pub enum Protocol {
    Oidc(OidcInput),
    Saml(SamlInput),
    Ldap(LdapInput),
}

impl Protocol {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Oidc(_) => Kind::Oidc,
            Self::Saml(_) => Kind::Saml,
            Self::Ldap(_) => Kind::Ldap,
        }
    }
}

pub struct OidcInput {
    /// The issuer's URL, exactly as the provider writes it.
    pub issuer: String,
    pub client_id: String,
    /// `None` keeps the one that is stored.
    pub client_secret: Option<Secret<String>>,
    /// Asked for besides `openid`.
    pub scopes: Vec<String>,
}

/// What the protocol needs, as it is stored.
#[derive(Default)]
pub(crate) struct Settled {
    /// The URL of an OpenID issuer, or a SAML entity id; a directory is its provider.
    pub(crate) issuer: String,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret<String>>,
    pub(crate) scopes: Vec<String>,
    pub(crate) sign_in_url: Option<String>,
    pub(crate) sign_out_url: Option<String>,
    pub(crate) certificates: Vec<String>,
    pub(crate) email_attribute: Option<String>,
    pub(crate) name_attribute: Option<String>,
    /// [`super::LdapSettings`] as JSON.
    pub(crate) directory: Option<serde_json::Value>,
}

/// Who somebody is, as a provider proved it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proven {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) groups: Vec<String>,
}

const MOST_RULES: usize = 200;
const MOST_SCOPES: usize = 20;

impl ProviderInput {
    /// Trims, and refuses what can never work.
    pub(crate) fn checked(mut self) -> Result<Self, IdentityError> {
        self.name = text("name", &self.name, 100)?;
        self.groups_claim = text("groups_claim", &self.groups_claim, 200)?;
        check_rules(&self.role_map)?;
        Ok(self)
    }
}

impl OidcInput {
    pub(crate) fn settle(self) -> Result<Settled, IdentityError> {
        let issuer = text("issuer", &self.issuer, 2000)?;
        // Only the text is judged here; each contact passes egress, which knows what is declared.
        if !issuer.starts_with("https://") || issuer.contains(['?', '#']) {
            return Err(IdentityError::input("issuer", "issuer_invalid"));
        }
        let scopes_sound = self.scopes.len() <= MOST_SCOPES
            && self.scopes.iter().all(|scope| {
                (1..=100).contains(&scope.len())
                    && scope
                        .bytes()
                        .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
            });
        if !scopes_sound {
            return Err(IdentityError::input("scopes", "sso_scopes_invalid"));
        }
        Ok(Settled {
            issuer,
            client_id: Some(text("client_id", &self.client_id, 500)?),
            client_secret: self.client_secret,
            scopes: self.scopes,
            ..Settled::default()
        })
    }
}

/// A mapping may give any role of a tenant, and never the appliance's.
pub(crate) fn check_rules(rules: &[RoleRule]) -> Result<(), IdentityError> {
    let sound = rules.len() <= MOST_RULES
        && rules.iter().all(|rule| {
            (1..=300).contains(&rule.group.chars().count())
                && !rule.roles.is_empty()
                && !rule.roles.contains(&Role::SuperAdmin)
        });
    if sound {
        Ok(())
    } else {
        Err(IdentityError::input("role_map", "role_map_invalid"))
    }
}

pub(crate) fn text(field: &'static str, text: &str, most: usize) -> Result<String, IdentityError> {
    let text = text.trim();
    let sound = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if sound {
        Ok(text.to_owned())
    } else {
        Err(IdentityError::input(field, "text_invalid"))
    }
}

/// The roles that these groups give: a member's at least. `None` when no rule says anything, so that
/// roles stay as an administrator set them.
pub(crate) fn mapped_roles(rules: &[RoleRule], groups: &[String]) -> Option<Vec<&'static str>> {
    if rules.is_empty() {
        return None;
    }
    let held: BTreeSet<Role> = rules
        .iter()
        .filter(|rule| groups.contains(&rule.group))
        .flat_map(|rule| rule.roles.iter().copied())
        .filter(|role| *role != Role::SuperAdmin)
        .collect();
    if held.is_empty() {
        return Some(vec![Role::Member.name()]);
    }
    Some(held.into_iter().map(Role::name).collect())
}

/// The mail domain of an address, in the one form in which domains are compared.
pub(crate) fn domain_of(email: &str) -> Option<String> {
    let (_, domain) = email.rsplit_once('@')?;
    domain_text(domain)
}

/// A domain's one form: lower case, at least two labels, each of letters, digits and inner dashes
/// (RFC 1123 section 2.1; an internationalised one in its ASCII form).
pub(crate) fn domain_text(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let sound = (3..=253).contains(&text.len()) && text.contains('.') && text.split('.').all(label);
    sound.then_some(text)
}
