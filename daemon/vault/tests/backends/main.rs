//! The secrets backends from outside: what both promise, and what is particular to each.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod contract;
mod fixture;
mod local;
mod openbao;
