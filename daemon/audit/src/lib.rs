//! The audit log: one row for each thing that was done or refused, written in the transaction of the
//! change (LM-03, LM-76, LM-77), in a shape that can be erased without being changed (CX-35).
//!
//! Clear columns hold ids, verbs, codes and times. What was before and after is sealed under the
//! tenant's audit key; a person's address and browser under the person's. Erasure destroys the key.
//! Sealing the log itself and verifying it come with the evidence work.

mod entry;
mod keyring;
mod rewrap;

pub use entry::{AuditError, Entry, write_all};
pub use keyring::{KeyError, Keyring};
pub use rewrap::audit_keys_rewrap;
