//! The part of BER that LDAP uses (RFC 4511 section 5.1): definite lengths, tags of one byte. Reading never
//! recurses: whoever reads goes down one level at a time, so no nesting of a directory's exhausts the stack.

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Lengths are given in up to this many bytes; four reach 4 GiB, and less is ever accepted.
const MOST_LENGTH_BYTES: u8 = 4;

/// How many bytes of length follow the first one, which `first` is.
///
/// `Err` for the indefinite form and for lengths of more bytes than anybody needs.
pub(super) fn length_bytes(first: u8) -> Result<usize, ()> {
    match first {
        0x00..=0x7f => Ok(0),
        _ => match first & 0x7f {
            count @ 1..=MOST_LENGTH_BYTES => Ok(usize::from(count)),
            _ => Err(()),
        },
    }
}

/// The length that `first` and the bytes after it give.
pub(super) fn length(first: u8, more: &[u8]) -> usize {
    if first < 0x80 {
        return usize::from(first);
    }
    more.iter().fold(0, |length, byte| {
        length
            .saturating_mul(256)
            .saturating_add(usize::from(*byte))
    })
}

/// Elements one after another.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element's tag and content. `None` when the bytes are not one.
    pub(super) fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        // Tags of several bytes (X.690 section 8.1.2.4) do not occur in LDAP.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (more, rest) = rest.split_at_checked(length_bytes(first).ok()?)?;
        let (content, rest) = rest.split_at_checked(length(first, more))?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element()
            .filter(|(found, _)| *found == tag)
            .map(|(_, content)| content)
    }

    /// A number that is not negative and has at most 31 bits (RFC 4511 section 4.1.1).
    pub(super) fn number(&mut self, tag: u8) -> Option<u32> {
        let content = self.expect(tag)?;
        let (first, sound) = (content.first()?, content.len() <= 4);
        (sound && *first < 0x80).then(|| {
            content
                .iter()
                .fold(0, |number, byte| number << 8 | u32::from(*byte))
        })
    }

    pub(super) fn text(&mut self, tag: u8) -> Option<&'a str> {
        std::str::from_utf8(self.expect(tag)?).ok()
    }
}

/// One element.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    // Large enough from the start, so that no copy of a password stays behind when it grows.
    let mut written = Vec::with_capacity(content.len().saturating_add(6));
    written.push(tag);
    match u8::try_from(content.len()) {
        Ok(short @ 0..=0x7f) => written.push(short),
        _ => {
            // Nothing here writes more than a few kilobytes.
            let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
            written.push(0x84);
            written.extend_from_slice(&length.to_be_bytes());
        }
    }
    written.extend_from_slice(content);
    written
}

/// Elements inside one.
pub(super) fn constructed(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// A number, in as many bytes as keep it from being negative.
pub(super) fn number(tag: u8, number: u32) -> Vec<u8> {
    let bytes = u64::from(number).to_be_bytes();
    let from = bytes
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(bytes.len() - 1);
    let from = if bytes.get(from).is_some_and(|byte| *byte >= 0x80) {
        from.saturating_sub(1)
    } else {
        from
    };
    element(tag, bytes.get(from..).unwrap_or_default())
}
