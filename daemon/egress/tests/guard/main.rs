//! The guard from outside: every way out, and the attacks on it, against servers on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod attacks;
mod http;
mod smtp;
mod spellings;
mod world;
