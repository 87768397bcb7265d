//! The messages that a sign-in needs (RFC 4511): bind, search, StartTLS, unbind, and what answers them.

use kernel::Secret;
use zeroize::Zeroizing;

use super::ber::{
    BOOLEAN, ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, SET, constructed, element, number,
};

const BIND: u8 = 0x60;
pub(super) const BIND_RESPONSE: u8 = 0x61;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
pub(super) const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED: u8 = 0x77;
pub(super) const EXTENDED_RESPONSE: u8 = 0x78;

/// RFC 4511 section 4.14.1.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// Wants no attribute (RFC 4511 section 4.5.1.8).
pub(super) const NO_ATTRIBUTES: &str = "1.1";
/// Aliases are not followed: they could lead out of the base.
const NEVER_DEREFERENCE: u32 = 0;
const WHOLE_SUBTREE: u32 = 2;

/// Whom to look for. Times are in seconds.
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    /// In BER.
    pub(super) filter: Vec<u8>,
    pub(super) attributes: &'a [&'a str],
    pub(super) most: u32,
    pub(super) seconds: u32,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: u32,
    /// In the directory's words, which are read by Active Directory's codes alone and never shown.
    pub(super) diagnostic: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dn: String,
    /// Descriptions, and their values as bytes.
    pub(super) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The tag of the response, and what it says.
    Done(u8, Outcome),
    Entry(Entry),
    /// Another server may know more (RFC 4511 section 4.5.3). It is not asked.
    Reference,
}

/// A simple bind (RFC 4513 section 5.1.3). The caller has made sure that the password is not empty.
pub(super) fn bind(id: u32, name: &str, password: &Secret<String>) -> Zeroizing<Vec<u8>> {
    let (version, name) = (number(INTEGER, 3), element(OCTETS, name.as_bytes()));
    let secret = Zeroizing::new(element(0x80, password.expose().as_bytes()));
    let parts = Zeroizing::new([version.as_slice(), &name, &secret].concat());
    let request = Zeroizing::new(element(BIND, &parts));
    let message = Zeroizing::new([number(INTEGER, id).as_slice(), &request].concat());
    Zeroizing::new(element(SEQUENCE, &message))
}

pub(super) fn start_tls(id: u32) -> Vec<u8> {
    message(id, constructed(EXTENDED, &[element(0x80, START_TLS)]))
}

pub(super) fn unbind(id: u32) -> Vec<u8> {
    message(id, element(UNBIND, &[]))
}

pub(super) fn search(id: u32, wanted: &Search<'_>) -> Vec<u8> {
    let attributes: Vec<_> = wanted
        .attributes
        .iter()
        .map(|name| element(OCTETS, name.as_bytes()))
        .collect();
    let request = [
        element(OCTETS, wanted.base.as_bytes()),
        number(ENUMERATED, WHOLE_SUBTREE),
        number(ENUMERATED, NEVER_DEREFERENCE),
        number(INTEGER, wanted.most),
        number(INTEGER, wanted.seconds),
        element(BOOLEAN, &[0x00]),
        wanted.filter.clone(),
        constructed(SEQUENCE, &attributes),
    ];
    message(id, constructed(SEARCH, &request))
}

fn message(id: u32, operation: Vec<u8>) -> Vec<u8> {
    constructed(SEQUENCE, &[number(INTEGER, id), operation])
}

/// The request that a whole message answers (0 for none, RFC 4511 section 4.4), and its answer. `None` when it is
/// no message that a client expects. Controls are not looked at.
pub(super) fn answer(bytes: &[u8]) -> Option<(u32, Answer)> {
    let mut outer = Reader::new(bytes);
    let mut message = Reader::new(outer.expect(SEQUENCE)?);
    if !outer.is_empty() {
        return None;
    }
    let id = message.number(INTEGER)?;
    let (tag, content) = message.element()?;
    let answer = match tag {
        BIND_RESPONSE | SEARCH_DONE | EXTENDED_RESPONSE => Answer::Done(tag, outcome(content)?),
        SEARCH_ENTRY => Answer::Entry(entry(content)?),
        SEARCH_REFERENCE => Answer::Reference,
        _ => return None,
    };
    Some((id, answer))
}

fn outcome(content: &[u8]) -> Option<Outcome> {
    let mut result = Reader::new(content);
    let code = result.number(ENUMERATED)?;
    let _matched_dn = result.expect(OCTETS)?;
    let diagnostic = String::from_utf8_lossy(result.expect(OCTETS)?).into_owned();
    Some(Outcome { code, diagnostic })
}

fn entry(content: &[u8]) -> Option<Entry> {
    let mut entry = Reader::new(content);
    let dn = entry.text(OCTETS)?.to_owned();
    let mut list = Reader::new(entry.expect(SEQUENCE)?);
    let mut attributes = Vec::new();
    while !list.is_empty() {
        let mut attribute = Reader::new(list.expect(SEQUENCE)?);
        let description = attribute.text(OCTETS)?.to_owned();
        let mut set = Reader::new(attribute.expect(SET)?);
        let mut values = Vec::new();
        while !set.is_empty() {
            values.push(set.expect(OCTETS)?.to_vec());
        }
        attributes.push((description, values));
    }
    Some(Entry { dn, attributes })
}

impl Entry {
    /// The values of an attribute, whose name has no case (RFC 4512 section 2.5).
    pub(super) fn values(&self, name: &str) -> &[Vec<u8>] {
        self.attributes
            .iter()
            .find(|(description, _)| description.eq_ignore_ascii_case(name))
            .map(|(_, values)| values.as_slice())
            .unwrap_or_default()
    }

    /// Its values that are text.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name)
            .iter()
            .filter_map(|value| std::str::from_utf8(value).ok())
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }
}
