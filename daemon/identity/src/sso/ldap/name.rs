//! Names of people as they type them, the names that they bind under, and distinguished names (RFC 4514).

use std::fmt::Write;

/// Where the person's name goes, in a bind template and in a filter.
pub(super) const USER: &str = "{user}";
/// Where the person's distinguished name goes, in a filter of groups.
pub(super) const DN: &str = "{dn}";

const MOST_BYTES: usize = 256;

/// What somebody typed as their name, or `None` when no directory could know it.
pub(super) fn user_name(typed: &str) -> Option<&str> {
    let name = typed.trim();
    let sound = (1..=MOST_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
    sound.then_some(name)
}

/// The name that a person binds under: a distinguished name, or what Active Directory takes in its
/// place (`{user}@corp.example`, `CORP\{user}`).
///
/// Only visible ASCII goes in. Directories compare names without case, accents and width, so two writings
/// of other scripts could be one account there and two for the counters that stop guessing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BindTemplate {
    before: String,
    after: String,
    is_dn: bool,
}

impl BindTemplate {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (before, after) = text.split_once(USER)?;
        let sound = text.len() <= 1_000
            && !text.chars().any(char::is_control)
            && ![before, after].iter().any(|part| part.contains(['{', '}']));
        let is_dn = text.contains('=');
        let whole = if is_dn {
            before.ends_with('=')
                && matches!(after.chars().next(), None | Some(','))
                && normal(&format!("{before}x{after}")).is_some()
        } else {
            (before.is_empty() && after.len() > 1 && after.starts_with('@'))
                || (after.is_empty() && before.len() > 1 && before.ends_with('\\'))
        };
        (sound && whole).then(|| Self {
            before: before.to_owned(),
            after: after.to_owned(),
            is_dn,
        })
    }

    /// The name to bind under; `None` for a name that nobody has here.
    pub(super) fn of(&self, user: &str) -> Option<String> {
        let plain =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b'\'');
        let sound = if self.is_dn {
            user.bytes().all(|b| b.is_ascii_graphic())
        } else {
            user.bytes().all(plain)
        };
        if !sound || user.is_empty() {
            return None;
        }
        let user = if self.is_dn {
            escaped(user)
        } else {
            user.to_owned()
        };
        Some(format!("{}{user}{}", self.before, self.after))
    }
}

/// A value in a distinguished name. Every byte but letters, digits and four harmless marks is written as
/// `\` and its number, which RFC 4514 section 2.4 allows for any.
pub(super) fn escaped(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@') {
            text.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(text, "\\{byte:02x}");
        }
    }
    text
}

/// The one form in which distinguished names are compared: without case, without spaces around parts,
/// escaped in one way, and the parts of each step in order. `None` for what is none.
pub(super) fn normal(dn: &str) -> Option<String> {
    let steps: Vec<_> = split(dn, ',')?
        .into_iter()
        .map(|step| {
            let mut parts: Vec<_> = split(step, '+')?
                .into_iter()
                .map(|part| {
                    let (name, value) = part.split_once('=')?;
                    let name = super::filter::attribute(name.trim())?.to_ascii_lowercase();
                    let value = unescaped(value)?.to_lowercase();
                    Some(format!("{name}={}", escaped(&value)))
                })
                .collect::<Option<_>>()?;
            parts.sort();
            Some(parts.join("+"))
        })
        .collect::<Option<_>>()?;
    Some(steps.join(","))
}

/// The parts between marks that are neither escaped nor quoted.
fn split(text: &str, mark: char) -> Option<Vec<&str>> {
    let (mut parts, mut from, mut escape) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        if !escape && c == mark {
            parts.push(text.get(from..at)?);
            from = at + c.len_utf8();
        }
        escape = !escape && c == '\\';
    }
    parts.push(text.get(from..)?);
    Some(parts)
}

/// A value as it is meant. Spaces around it do not count unless they are escaped.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    // How much of `bytes` stays when spaces at the end go.
    let mut kept = 0;
    let mut rest = text.trim_start();
    while let Some(next) = rest.chars().next() {
        let after = rest.get(next.len_utf8()..)?;
        if next != '\\' {
            bytes.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
            if !next.is_whitespace() {
                kept = bytes.len();
            }
            rest = after;
            continue;
        }
        let pair = after
            .get(..2)
            .filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(pair) = pair {
            bytes.push(u8::from_str_radix(pair, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            let meant = after.chars().next()?;
            bytes.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
            rest = after.get(meant.len_utf8()..)?;
        }
        kept = bytes.len();
    }
    bytes.truncate(kept);
    let value = String::from_utf8(bytes).ok()?;
    (!value.is_empty()).then_some(value)
}
