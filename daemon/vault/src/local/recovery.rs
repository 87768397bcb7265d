//! The recovery key: what the administrator wrote down when the keystore was made, and the only other
//! thing than the key file that opens it. 160 random bits, as letters and digits that are not read as
//! one another (Crockford's base 32), in groups.

use std::path::Path;

use kernel::Secret;
use zeroize::Zeroizing;

use super::keystore;
use crate::{
    cipher::{self, Key},
    config::{LocalConfig, PrivateFile},
    error::VaultError,
    private_file,
};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BYTES: usize = 20;
const GROUP: usize = 4;
const PURPOSE: &[u8] = b"revkeep.keystore.recovery.1";

pub(crate) struct RecoveryKey(Secret<[u8; BYTES]>);

impl RecoveryKey {
    pub(super) fn generate() -> Result<Self, VaultError> {
        cipher::random().map(|bytes| Self(Secret::new(bytes)))
    }

    /// Reads what [`RecoveryKey::text`] wrote, as a person types it: any case, O for 0, I and L for 1,
    /// with or without the dashes.
    pub(super) fn parse(text: &str) -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0_u8; BYTES]);
        let mut places = bytes.iter_mut();
        let (mut gathered, mut bits) = (0_u32, 0_u32);
        for letter in text.bytes().filter(|letter| !b" -\t\r\n".contains(letter)) {
            gathered = (gathered << 5) | digit(letter).ok_or_else(malformed)?;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                let byte = u8::try_from((gathered >> bits) & 0xff).map_err(|_| malformed())?;
                *places.next().ok_or_else(malformed)? = byte;
                gathered &= (1 << bits) - 1;
            }
        }
        if bits != 0 || places.next().is_some() {
            return Err(malformed());
        }
        Ok(Self(Secret::new(*bytes)))
    }

    /// Eight groups of four.
    pub(super) fn text(&self) -> Secret<String> {
        let mut text = String::with_capacity(BYTES * 2);
        let (mut gathered, mut bits, mut letters) = (0_u32, 0_u32, 0_usize);
        for byte in self.0.expose() {
            gathered = (gathered << 8) | u32::from(*byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                if letters > 0 && letters.is_multiple_of(GROUP) {
                    text.push('-');
                }
                let index = usize::try_from((gathered >> bits) & 31).unwrap_or_default();
                text.extend(ALPHABET.get(index).copied().map(char::from));
                letters += 1;
            }
            gathered &= (1 << bits) - 1;
        }
        Secret::new(text)
    }

    pub(super) fn seal(&self, key: &Key) -> Result<Vec<u8>, VaultError> {
        cipher::seal(&self.key()?, PURPOSE, key.expose())
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Result<Key, VaultError> {
        cipher::open_key(&self.key()?, PURPOSE, sealed)
    }

    fn key(&self) -> Result<Key, VaultError> {
        let mut padded = [0; cipher::KEY_BYTES];
        for (place, byte) in padded.iter_mut().zip(self.0.expose()) {
            *place = *byte;
        }
        cipher::derive(&Secret::new(padded), &[], PURPOSE)
    }
}

fn digit(letter: u8) -> Option<u32> {
    let letter = match letter.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| *known == letter)?;
    u32::try_from(place).ok()
}

const fn malformed() -> VaultError {
    VaultError::Malformed("a recovery key is eight groups of four letters and digits")
}

/// Writes the key file anew out of the keystore and its recovery key: to `to`, or to the place that the
/// configuration names when that is a file. A file that is there is never overwritten.
pub fn recover_key(
    config: &LocalConfig,
    recovery: &Secret<String>,
    to: Option<&Path>,
) -> Result<(), VaultError> {
    let to = match (to, &config.key) {
        (Some(to), _) => to,
        (None, PrivateFile::File(path)) => path,
        (None, PrivateFile::Credential(_)) => {
            return Err(VaultError::Config(String::from(
                "secrets.local.key is a systemd credential: name a file to write to, then make the credential from it",
            )));
        }
    };
    // Whose it is does not count here: it is ciphertext, and the recovery key proves it. Root reads it for
    // the daemon, whose it is.
    let bytes = std::fs::read(&config.keystore)
        .map_err(|error| private_file::missing_or(&config.keystore, &error))?;
    let key = keystore::recovered(&bytes, &RecoveryKey::parse(recovery.expose())?)?;
    keystore::write_key(to, &key)
}

/// A new recovery key for a keystore that has none, or whose former one is not where it should be: the
/// former one is void. To be shown once.
pub fn renew_recovery_key(config: &LocalConfig) -> Result<Secret<String>, VaultError> {
    let _only_writer = keystore::lock(&config.keystore)?;
    let bytes = PrivateFile::File(config.keystore.clone()).read()?;
    let mut keystore = keystore::Keystore::open(bytes.expose(), &config.key)?;
    let recovery = keystore.renew_recovery(&config.key)?;
    keystore.write(&config.keystore)?;
    Ok(recovery.text())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_shown_reads_back_however_it_is_typed(bytes in any::<[u8; BYTES]>(), lower in any::<bool>()) {
            let key = RecoveryKey(Secret::new(bytes));
            let shown = key.text();
            prop_assert_eq!(shown.expose().len(), 8 * GROUP + 7);
            let mut typed = shown.expose().replace('-', " ").replace('0', "O").replace('1', "l");
            if lower {
                typed = typed.to_lowercase();
            }
            let read = RecoveryKey::parse(&typed).unwrap();
            prop_assert_eq!(read.0.expose(), &bytes);
        }

        #[test]
        fn nothing_else_is_a_recovery_key(text in ".{0,60}") {
            if let Ok(key) = RecoveryKey::parse(&text) {
                let parsed = RecoveryKey::parse(key.text().expose()).unwrap();
                prop_assert_eq!(parsed.0.expose(), key.0.expose());
            }
        }
    }

    #[test]
    fn a_letter_too_few_or_too_many_is_refused() {
        let shown = RecoveryKey(Secret::new([7; BYTES])).text();
        let text = shown.expose();
        let longer = format!("{text}0");
        for wrong in [&text[1..], &text[..text.len() - 1], &longer, ""] {
            assert!(RecoveryKey::parse(wrong).is_err(), "{wrong}");
        }
    }
}
