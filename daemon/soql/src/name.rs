//! A SOQL identifier. SOQL compares identifiers without regard to ASCII case, and so does this type.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

/// An object, field, relationship, function or alias name: `[A-Za-z][A-Za-z0-9_]*`.
#[derive(Clone, Debug)]
pub struct Name(String);

impl Name {
    /// None when the text is not an identifier. Reserved words are the grammar's business.
    pub fn new(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let starts_well = chars
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic());
        let goes_on_well = chars.all(|next| next.is_ascii_alphanumeric() || next == '_');
        (starts_well && goes_on_well).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Equality with plain text, without regard to case.
    pub fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let lower = |name: &Self| name.0.to_ascii_lowercase();
        lower(self).cmp(&lower(other))
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
