//! Any bytes: they are an envelope or they are refused, and an envelope has one writing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vault::{Sealed, Wrapped};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(sealed) = Sealed::parse(bytes) {
        assert_eq!(sealed.to_bytes(), bytes);
    }
    if let Ok(wrapped) = Wrapped::parse(bytes) {
        assert_eq!(wrapped.to_bytes(), bytes);
        // A wrapped key alone is no value: whoever confuses the columns is refused.
        assert!(Sealed::parse(bytes).is_err());
    }
});
