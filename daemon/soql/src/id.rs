//! Salesforce record ids. Fifteen characters tell records apart, by case too; three more are a
//! checksum that survives systems which lose case.

use std::{fmt, str::FromStr};

use crate::error::{Code, SoqlError};

/// Held in the form of 18 characters, whichever of the two was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SalesforceId([u8; FULL]);

const SHORT: usize = 15;
const FULL: usize = 18;
const CHECKSUM: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

impl SalesforceId {
    pub fn as_str(&self) -> &str {
        // The constructor lets ASCII alphanumerics in and nothing else.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The form of 15 characters.
    pub fn short(&self) -> &str {
        self.as_str().get(..SHORT).unwrap_or_default()
    }

    /// The three characters that name the object: `00Q` for Lead.
    pub fn key_prefix(&self) -> &str {
        self.as_str().get(..3).unwrap_or_default()
    }
}

/// For each block of five characters: bit i is set when character i is an upper-case letter.
fn checksum(short: &[u8]) -> [u8; 3] {
    let mut sums = [0_u8; 3];
    for (sum, block) in sums.iter_mut().zip(short.chunks(5)) {
        let bits = block
            .iter()
            .enumerate()
            .filter(|(_, byte)| byte.is_ascii_uppercase());
        let index = bits.fold(0_usize, |index, (place, _)| index | (1 << place));
        *sum = CHECKSUM.get(index).copied().unwrap_or(b'A');
    }
    sums
}

impl FromStr for SalesforceId {
    type Err = SoqlError;

    fn from_str(text: &str) -> Result<Self, SoqlError> {
        let malformed = |why: &str| SoqlError {
            code: Code::IdMalformed,
            span: None,
            message: format!("This is not a Salesforce id: {why}. Copy it again from Salesforce."),
        };
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(malformed("it holds more than letters and digits"));
        }
        let (Some(short), true) = (text.get(..SHORT), matches!(text.len(), SHORT | FULL)) else {
            return Err(malformed("it has neither 15 nor 18 characters"));
        };
        let sum = checksum(short.as_bytes());
        let given = text.as_bytes().get(SHORT..).unwrap_or_default();
        if !given.is_empty() && given != sum {
            return Err(malformed("its last three characters do not fit the others"));
        }
        let mut bytes = [0; FULL];
        for (place, byte) in bytes.iter_mut().zip(short.bytes().chain(sum)) {
            *place = byte;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for SalesforceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SalesforceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::SalesforceId;
    use crate::error::Code;

    #[test]
    fn published_ids_carry_their_checksum() {
        for full in [
            "001xx000003DGb2AAG",
            "003xx000004TmiQAAS",
            "003RO0000035WQgYAM",
            "01gRO0000016PIAYA2",
            "0012S00002GWsZ0QAL",
            "005D2000005smGPIAY",
        ] {
            let id: SalesforceId = full.parse().unwrap();
            assert_eq!(id.as_str(), full);
            assert_eq!(full[..15].parse::<SalesforceId>().unwrap(), id);
            assert_eq!((id.short(), id.key_prefix()), (&full[..15], &full[..3]));
        }
    }

    #[test]
    fn case_tells_ids_apart_and_a_wrong_checksum_is_refused() {
        let upper: SalesforceId = "00Q000000000ABC".parse().unwrap();
        let lower: SalesforceId = "00Q000000000abc".parse().unwrap();
        assert_ne!(upper, lower);
        let refused = [
            "",
            "00Q",
            "001xx000003DGb2AAH",
            "001xx000003dGb2AAG",
            "00Q00000000000'",
            "00Q00000000000é",
        ];
        for text in refused {
            assert_eq!(
                text.parse::<SalesforceId>().unwrap_err().code,
                Code::IdMalformed,
                "{text}"
            );
        }
    }
}
