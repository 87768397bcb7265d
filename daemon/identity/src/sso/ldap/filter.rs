//! Search filters as administrators write them (RFC 4515), with one place in them for what is looked for.
//! The place is a value of the tree that the text was read into, so nothing that is put there can become a
//! part of the filter: there is no text to escape from.

use super::ber::{OCTETS, SEQUENCE, constructed, element};

const MOST_BYTES: usize = 2_000;
const MOST_DEPTH: usize = 10;

/// A filter that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Filter);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Filter {
    /// And, or (their tags).
    Set(u8, Vec<Self>),
    Not(Box<Self>),
    Present(String),
    /// Equal, at least, at most, approximately (their tags).
    Compare(u8, String, Value),
    Substrings(String, Vec<(u8, Vec<u8>)>),
    Rule {
        rule: Option<String>,
        attribute: Option<String>,
        dn: bool,
        value: Value,
    },
}

const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const NOT: u8 = 0xa2;
const EQUAL: u8 = 0xa3;
const SUBSTRINGS: u8 = 0xa4;
const AT_LEAST: u8 = 0xa5;
const AT_MOST: u8 = 0xa6;
const PRESENT: u8 = 0x87;
const APPROXIMATELY: u8 = 0xa8;
const RULE: u8 = 0xa9;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Given(Vec<u8>),
    /// What is looked for.
    Wanted,
}

impl Template {
    /// `place` is how the text writes what is looked for: `{user}` or `{dn}`, at least once, and each time as
    /// the whole of a value that is compared.
    pub(super) fn parse(text: &str, place: &str) -> Option<Self> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let mut parser = Parser {
            rest: text.trim(),
            place,
            placed: 0,
        };
        let filter = parser.filter(MOST_DEPTH)?;
        (parser.rest.is_empty() && parser.placed > 0).then_some(Self(filter))
    }

    /// The filter in BER (RFC 4511 section 4.5.1.7), looking for `wanted`.
    pub(super) fn of(&self, wanted: &[u8]) -> Vec<u8> {
        self.0.encode(wanted)
    }
}

struct Parser<'a> {
    rest: &'a str,
    place: &'a str,
    placed: usize,
}

impl Parser<'_> {
    fn eat(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// At most `depth` levels of parentheses.
    fn filter(&mut self, depth: usize) -> Option<Filter> {
        let deeper = depth.checked_sub(1)?;
        self.eat("(")?;
        let filter = if self.eat("&").is_some() {
            Filter::Set(AND, self.filters(deeper)?)
        } else if self.eat("|").is_some() {
            Filter::Set(OR, self.filters(deeper)?)
        } else if self.eat("!").is_some() {
            Filter::Not(Box::new(self.filter(deeper)?))
        } else {
            self.item()?
        };
        self.eat(")")?;
        Some(filter)
    }

    fn filters(&mut self, depth: usize) -> Option<Vec<Filter>> {
        let mut found = Vec::new();
        while self.rest.starts_with('(') {
            found.push(self.filter(depth)?);
        }
        (!found.is_empty()).then_some(found)
    }

    fn item(&mut self) -> Option<Filter> {
        let (left, right) = self.rest.split_once('=')?;
        let end = right.find([')', '('])?;
        let (value, rest) = right.split_at(end);
        self.rest = rest;
        let comparison = [
            (":", RULE),
            (">", AT_LEAST),
            ("<", AT_MOST),
            ("~", APPROXIMATELY),
        ]
        .into_iter()
        .find_map(|(sign, tag)| Some((left.strip_suffix(sign)?, tag)));
        match comparison {
            Some((left, RULE)) => self.rule(left, value),
            Some((name, tag)) => Some(Filter::Compare(tag, attribute(name)?, self.value(value)?)),
            None if value == "*" => Some(Filter::Present(attribute(left)?)),
            None if value.contains('*') => {
                Some(Filter::Substrings(attribute(left)?, pieces(value)?))
            }
            None => Some(Filter::Compare(EQUAL, attribute(left)?, self.value(value)?)),
        }
    }

    /// `attribute:dn:rule` of an extensible match, whose parts may be left out.
    fn rule(&mut self, left: &str, value: &str) -> Option<Filter> {
        let mut parts = left.split(':');
        let name = parts.next()?;
        let mut parts: Vec<_> = parts.collect();
        let dn = parts
            .first()
            .is_some_and(|part| part.eq_ignore_ascii_case("dn"));
        if dn {
            parts.remove(0);
        }
        let rule = match parts.as_slice() {
            [] => None,
            [rule] => Some(attribute(rule)?),
            _ => return None,
        };
        let named = (!name.is_empty()).then(|| attribute(name));
        if named.is_none() && rule.is_none() {
            return None;
        }
        Some(Filter::Rule {
            rule,
            attribute: match named {
                Some(name) => Some(name?),
                None => None,
            },
            dn,
            value: self.value(value)?,
        })
    }

    fn value(&mut self, text: &str) -> Option<Value> {
        if text == self.place {
            self.placed += 1;
            return Some(Value::Wanted);
        }
        unescaped(text).map(Value::Given)
    }
}

impl Filter {
    fn encode(&self, wanted: &[u8]) -> Vec<u8> {
        match self {
            Self::Set(tag, filters) => {
                let filters: Vec<_> = filters.iter().map(|filter| filter.encode(wanted)).collect();
                constructed(*tag, &filters)
            }
            Self::Not(filter) => element(NOT, &filter.encode(wanted)),
            Self::Present(name) => element(PRESENT, name.as_bytes()),
            Self::Compare(tag, name, value) => constructed(
                *tag,
                &[
                    element(OCTETS, name.as_bytes()),
                    element(OCTETS, value.bytes(wanted)),
                ],
            ),
            Self::Substrings(name, pieces) => {
                let pieces: Vec<_> = pieces
                    .iter()
                    .map(|(tag, piece)| element(*tag, piece))
                    .collect();
                let name = element(OCTETS, name.as_bytes());
                constructed(SUBSTRINGS, &[name, constructed(SEQUENCE, &pieces)])
            }
            Self::Rule {
                rule,
                attribute,
                dn,
                value,
            } => {
                let mut parts = Vec::new();
                parts.extend(rule.iter().map(|rule| element(0x81, rule.as_bytes())));
                parts.extend(attribute.iter().map(|name| element(0x82, name.as_bytes())));
                parts.push(element(0x83, value.bytes(wanted)));
                // FALSE is the default, which is left out.
                parts.extend(dn.then(|| element(0x84, &[0xff])));
                constructed(RULE, &parts)
            }
        }
    }
}

impl Value {
    fn bytes<'a>(&'a self, wanted: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Wanted => wanted,
        }
    }
}

/// `*` between texts: the first, those within, the last (RFC 4511 section 4.5.1.7.2).
fn pieces(value: &str) -> Option<Vec<(u8, Vec<u8>)>> {
    let texts: Vec<_> = value.split('*').collect();
    let last = texts.len().checked_sub(1)?;
    let mut found = Vec::new();
    for (at, text) in texts.into_iter().enumerate() {
        let tag = match at {
            0 => 0x80,
            at if at == last => 0x82,
            _ => 0x81,
        };
        match (text.is_empty(), tag) {
            (false, _) => found.push((tag, unescaped(text)?)),
            (true, 0x81) => return None,
            (true, _) => {}
        }
    }
    (!found.is_empty()).then_some(found)
}

/// A name or an object identifier, with options (RFC 4512 section 2.5).
pub(super) fn attribute(text: &str) -> Option<String> {
    let sound = (1..=100).contains(&text.len())
        && text.split(';').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        });
    sound.then(|| text.to_owned())
}

/// `\2a` is the byte 2a (RFC 4515 section 3). A brace that is no place for anything is a slip, and is refused.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (taken, after) = if next == '\\' {
            let (pair, after) = rest.get(1..)?.split_at_checked(2)?;
            if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            (vec![u8::from_str_radix(pair, 16).ok()?], after)
        } else if matches!(next, '{' | '}' | '*' | '\0') {
            return None;
        } else {
            let (text, after) = rest.split_at(next.len_utf8());
            (text.as_bytes().to_vec(), after)
        };
        bytes.extend(taken);
        rest = after;
    }
    Some(bytes)
}
