//! Any answer of a browser to a question for a passkey: none that no authenticator signed opens
//! anything, and none stops the daemon.

#![no_main]

use std::sync::LazyLock;

use identity::fuzz::Passkeys;
use libfuzzer_sys::fuzz_target;

static PASSKEYS: LazyLock<Passkeys> = LazyLock::new(Passkeys::new);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(answer) = serde_json::from_slice(bytes) {
        PASSKEYS.refuse(&answer);
    }
    // Two lengths of two bytes each, then the attestation, what the authenticator says, its signature.
    let Some((lengths, rest)) = bytes.split_at_checked(4) else {
        return;
    };
    let length = |at: usize| usize::from(u16::from_be_bytes([lengths[at], lengths[at + 1]]));
    let (attestation, rest) = rest.split_at(length(0).min(rest.len()));
    let (authenticator, signature) = rest.split_at(length(2).min(rest.len()));
    PASSKEYS.answer(attestation, authenticator, signature);
});
