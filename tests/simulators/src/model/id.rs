//! Record ids: 15 case-sensitive characters, and 18 with a checksum for tools that fold case.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// A record id in its 18-character form. Ids of one object order by the time they were made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 18]);

impl Id {
    /// Accepts 15 characters, or 18 whose checksum is right.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let id = Self::with_checksum(bytes.get(..15)?)?;
        match bytes.len() {
            15 => Some(id),
            18 => (id.0.as_slice() == bytes).then_some(id),
            _ => None,
        }
    }

    /// The `number`-th id of the object whose ids begin with `prefix` (three characters).
    pub(crate) fn make(prefix: &str, number: u64) -> Self {
        let mut head = [b'0'; 15];
        for (place, byte) in head.iter_mut().zip(prefix.bytes().take(3)) {
            *place = byte;
        }
        let mut rest = number;
        for place in head.iter_mut().skip(7).rev() {
            let digit = usize::try_from(rest % 62).unwrap_or_default();
            *place = BASE62.get(digit).copied().unwrap_or(b'0');
            rest /= 62;
        }
        Self::with_checksum(&head).unwrap_or(Self([b'0'; 18]))
    }

    /// Each block of five characters gives one checksum character: bit i is set when character i
    /// is an upper-case letter.
    fn with_checksum(head: &[u8]) -> Option<Self> {
        let mut id = [0_u8; 18];
        let (front, tail) = id.split_at_mut_checked(15)?;
        front.copy_from_slice(head);
        for (place, block) in tail.iter_mut().zip(head.chunks(5)) {
            let bits = block
                .iter()
                .enumerate()
                .filter(|(_, byte)| byte.is_ascii_uppercase())
                .fold(0_usize, |bits, (at, _)| bits | (1 << at));
            *place = *CHECK.get(bits)?;
        }
        Some(Self(id))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The three characters that name the object.
    pub(crate) fn prefix(&self) -> &str {
        self.as_str().get(..3).unwrap_or_default()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a record id"))
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn published_ids_have_the_checksum_that_is_computed() {
        for id in [
            "001xx000003DGb2AAG",
            "003xx000004TmiQAAS",
            "003RO0000035WQgYAM",
            "01gRO0000016PIAYA2",
            "0012S00002GWsZ0QAL",
            "005D2000005smGPIAY",
        ] {
            let short = &id[..15];
            assert_eq!(Id::parse(short).unwrap().as_str(), id);
            assert_eq!(Id::parse(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn a_wrong_checksum_length_or_character_is_no_id() {
        for id in [
            "001xx000003DGb2AAH",
            "001xx000003DGb",
            "001xx000003DGb2A",
            "001xx000003DG'2",
        ] {
            assert!(Id::parse(id).is_none(), "{id}");
        }
    }

    #[test]
    fn made_ids_order_by_number() {
        let ids: Vec<Id> = [1, 61, 62, 4_000, 50_000]
            .map(|n| Id::make("00Q", n))
            .to_vec();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| Id::parse(id.as_str()) == Some(*id)));
    }
}
