//! Who an entry of the directory says somebody is.

use super::{message::Entry, name::normal};
use crate::sso::{RoleRule, model::Proven};

/// Attributes that stay with an entry when it is renamed or moved and are never given to another. Nothing
/// else may say who somebody is: names, addresses and distinguished names change hands.
pub(super) const SUBJECTS: [&str; 5] = [
    "entryUUID",
    "objectGUID",
    "nsUniqueId",
    "ipaUniqueID",
    "ibm-entryUUID",
];

/// Where an entry says what.
pub(super) struct Attributes<'a> {
    pub(super) subject: &'a str,
    pub(super) email: &'a str,
    /// The first that holds anything.
    pub(super) names: Vec<&'a str>,
    pub(super) groups: &'a str,
}

impl<'a> Attributes<'a> {
    /// To ask for.
    pub(super) fn all(&self) -> Vec<&'a str> {
        let mut all = vec![self.subject, self.email, self.groups];
        all.extend(&self.names);
        all
    }
}

/// The entry's unchanging id as text; `None` when it has none, several, or one of another form.
pub(super) fn subject(entry: &Entry, attribute: &str) -> Option<String> {
    let [value] = entry.values(attribute) else {
        return None;
    };
    if attribute.eq_ignore_ascii_case("objectGUID") {
        return guid(value);
    }
    let text = std::str::from_utf8(value).ok()?;
    let sound = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    sound.then(|| text.to_ascii_lowercase())
}

/// Active Directory's 16 bytes, whose first three fields are little-endian ([MS-DTYP] section 2.3.4.2).
fn guid(value: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = value.try_into().ok()?;
    Some(uuid::Uuid::from_bytes_le(bytes).hyphenated().to_string())
}

/// What a proven entry says. `groups` are distinguished names that the directory told besides the entry.
pub(super) fn proven(
    entry: &Entry,
    issuer: &str,
    subject: String,
    attributes: &Attributes<'_>,
    rules: &[RoleRule],
    groups: &[String],
) -> Proven {
    let told = entry
        .texts(attributes.groups)
        .chain(groups.iter().map(String::as_str));
    let first = |name: &str| entry.texts(name).next().map(str::to_owned);
    Proven {
        issuer: issuer.to_owned(),
        subject,
        email: first(attributes.email),
        name: attributes.names.iter().find_map(|name| first(name)),
        groups: held(rules, told),
    }
}

/// The groups of the rules that are among those `told`, as the rules write them.
fn held<'a>(rules: &[RoleRule], told: impl Iterator<Item = &'a str>) -> Vec<String> {
    let told: std::collections::HashSet<String> = told.filter_map(normal).collect();
    rules
        .iter()
        .filter(|rule| normal(&rule.group).is_some_and(|group| told.contains(&group)))
        .map(|rule| rule.group.clone())
        .collect()
}
