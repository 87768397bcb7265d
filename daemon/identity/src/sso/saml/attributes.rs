//! From the attributes of an assertion to who somebody is. Providers have no common names for them; where
//! the administrator names none, the usual ones are tried in order.

use saml::protocol::Claims;

use crate::sso::{model::Proven, store::ProviderRow};

const EMAIL: [&str; 6] = [
    "email",
    "mail",
    "emailAddress",
    "emailaddress",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
];
const NAME: [&str; 6] = [
    "displayName",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "cn",
    "name",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
];
/// Beside the one that the administrator names.
const MOST_GROUPS: usize = 1_000;

pub(super) fn proven(row: &ProviderRow, claims: &Claims) -> Proven {
    let email = named(claims, row.email_attribute.as_deref(), &EMAIL);
    let own_address = claims
        .subject_format
        .as_deref()
        .is_some_and(|format| format.ends_with(":emailAddress"));
    Proven {
        issuer: row.issuer.clone(),
        subject: claims.subject.clone(),
        email: email.or_else(|| own_address.then(|| claims.subject.clone())),
        name: named(claims, row.name_attribute.as_deref(), &NAME),
        groups: values(claims, &row.groups_claim)
            .take(MOST_GROUPS)
            .collect(),
    }
}

fn named(claims: &Claims, chosen: Option<&str>, usual: &[&str]) -> Option<String> {
    match chosen {
        Some(name) => values(claims, name).next(),
        None => usual.iter().find_map(|name| values(claims, name).next()),
    }
}

fn values<'c>(claims: &'c Claims, name: &'c str) -> impl Iterator<Item = String> + 'c {
    claims
        .attributes
        .iter()
        .filter(move |attribute| attribute.name == name)
        .flat_map(|attribute| &attribute.values)
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}
