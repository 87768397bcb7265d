//! Any text, and tokens of any parts: no access token that nobody signed is accepted, with whatever
//! algorithm and key it names.

#![no_main]

use std::sync::LazyLock;

use identity::fuzz::Tokens;
use libfuzzer_sys::fuzz_target;

static TOKENS: LazyLock<Tokens> = LazyLock::new(Tokens::new);

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    TOKENS.refuse(text);
    let mut parts = text.splitn(3, '\n');
    let (header, claims) = (parts.next(), parts.next());
    let signature = parts.next().unwrap_or_default();
    TOKENS.refuse_parts(
        header.unwrap_or_default(),
        claims.unwrap_or_default(),
        signature.as_bytes(),
    );
});
