//! The bytes of a sealed value, as a table stores them. `docs/adr/0004-envelope-format.md` is the
//! specification; the parser is total: every input is either an envelope or an error.

use crate::{cipher::LEAST_MESSAGE, error::VaultError};

const FORMAT: u8 = 1;

/// Which backend wrapped a data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Keeper {
    Transit,
    Local,
}

impl Keeper {
    const fn byte(self) -> u8 {
        match self {
            Self::Transit => 1,
            Self::Local => 2,
        }
    }
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Transit => "vault",
            Self::Local => "local",
        }
    }
}

/// A data key in the wrapping of one version of a tenant's key. It tells nothing, so it may be
/// stored and printed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wrapped {
    pub(crate) keeper: Keeper,
    pub(crate) version: u32,
    pub(crate) message: Vec<u8>,
}

/// A value sealed under a data key of its own, with that key's wrapping. What a `bytea` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub(crate) key: Wrapped,
    pub(crate) message: Vec<u8>,
}

impl Wrapped {
    /// The version of the tenant's key that wraps this data key; grows with every rotation.
    pub const fn key_version(&self) -> u32 {
        self.version
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let length = u16::try_from(self.message.len()).unwrap_or(u16::MAX);
        let mut bytes = vec![FORMAT, self.keeper.byte()];
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&self.message);
        bytes
    }

    /// Reads what [`Wrapped::to_bytes`] wrote, and nothing after it.
    pub fn parse(bytes: &[u8]) -> Result<Self, VaultError> {
        match Self::take(bytes)? {
            (wrapped, []) => Ok(wrapped),
            _ => Err(VaultError::Malformed("bytes after the wrapped key")),
        }
    }

    fn take(bytes: &[u8]) -> Result<(Self, &[u8]), VaultError> {
        let ([format, keeper, v0, v1, v2, v3, l0, l1], rest) = bytes
            .split_first_chunk()
            .ok_or(VaultError::Malformed("too short"))?;
        if *format != FORMAT {
            return Err(VaultError::Malformed("unknown format"));
        }
        let keeper = match keeper {
            1 => Keeper::Transit,
            2 => Keeper::Local,
            _ => return Err(VaultError::Malformed("unknown backend")),
        };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let (message, rest) = rest
            .split_at_checked(length)
            .ok_or(VaultError::Malformed("the wrapped key is cut short"))?;
        let version = u32::from_be_bytes([*v0, *v1, *v2, *v3]);
        Ok((
            Self {
                keeper,
                version,
                message: message.to_vec(),
            },
            rest,
        ))
    }
}

impl Sealed {
    /// The version of the tenant's key that wraps this value's data key.
    pub const fn key_version(&self) -> u32 {
        self.key.version
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.key.to_bytes();
        bytes.extend_from_slice(&self.message);
        bytes
    }

    /// Reads what [`Sealed::to_bytes`] wrote. That the value opens is a matter of its keys alone.
    pub fn parse(bytes: &[u8]) -> Result<Self, VaultError> {
        let (key, message) = Wrapped::take(bytes)?;
        if message.len() < LEAST_MESSAGE {
            return Err(VaultError::Malformed("the message is cut short"));
        }
        Ok(Self {
            key,
            message: message.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn every_input_is_an_envelope_or_an_error_and_has_one_writing(
            head in prop_oneof![vec(any::<u8>(), 0..9), Just(vec![1, 1, 0, 0, 0, 1, 0, 4])],
            tail in vec(any::<u8>(), 0..64),
        ) {
            let bytes = [head, tail].concat();
            if let Ok(sealed) = Sealed::parse(&bytes) {
                prop_assert_eq!(sealed.to_bytes(), bytes.as_slice());
            }
            if let Ok(wrapped) = Wrapped::parse(&bytes) {
                prop_assert_eq!(wrapped.to_bytes(), bytes);
            }
        }

        #[test]
        fn what_was_written_reads_back(
            version in any::<u32>(), local in any::<bool>(),
            key in vec(any::<u8>(), 0..200), message in vec(any::<u8>(), LEAST_MESSAGE..200),
        ) {
            let keeper = if local { Keeper::Local } else { Keeper::Transit };
            let sealed = Sealed { key: Wrapped { keeper, version, message: key }, message };
            prop_assert_eq!(Sealed::parse(&sealed.to_bytes()).unwrap(), sealed.clone());
            prop_assert_eq!(Wrapped::parse(&sealed.key.to_bytes()).unwrap(), sealed.key);
        }

        #[test]
        fn an_envelope_cut_short_is_refused(keep in 0_usize..(8 + 4 + LEAST_MESSAGE)) {
            let key = Wrapped { keeper: Keeper::Local, version: 1, message: vec![7; 4] };
            let bytes = Sealed { key, message: vec![9; LEAST_MESSAGE] }.to_bytes();
            prop_assert!(Sealed::parse(&bytes[..keep]).is_err());
        }
    }
}
