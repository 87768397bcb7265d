//! The audit log: one row for each thing that was done or refused, written in the transaction of the
//! change (LM-03, LM-76, LM-77), in a shape that can be erased without being changed (CX-35).
//!
//! Clear columns hold ids, verbs, codes and times. What was before and after is sealed under the
//! tenant's audit key; a person's address and browser under the person's. Erasure destroys the key.
//!
//! What is written is then sealed ([`Sealer`]): each row gets a position in a Merkle tree, whose heads are
//! signed and chained, so that [`verify`], [`prove`] and [`compare`] show whether the database still says
//! what it said. `docs/audit.md` is the specification.
//!
//! People read it through [`Reader`]: lists with filters, one entry whole, proofs, and exports. Who reads is
//! on record before anything is read.

mod archive;
mod compare;
mod config;
mod entry;
mod export;
mod filter;
mod finding;
mod head;
mod keyring;
mod opening;
mod proof;
mod reader;
mod reading;
mod rewrap;
mod runs;
mod sealer;
mod stream;
mod tree;
mod verify;

pub use archive::Archived;
pub use compare::{CompareError, Comparison, compare};
pub use config::Config;
pub use entry::{AuditError, Entry, write_all};
pub use export::{Export, Format};
pub use filter::{Filter, Outcome};
pub use finding::{Fault, Finding};
pub use head::{Head, HeadLine, SIGNING_KEY, Statement, key};
pub use keyring::{KeyError, Keyring};
pub use opening::{Opening, Part};
pub use proof::{Proof, ProofError, prove};
pub use reader::Reader;
pub use reading::{
    Bar, Chart, Content, HeadShown, Integrity, Line, Listed, ReadError, Scope, Whole,
};
pub use rewrap::audit_keys_rewrap;
pub use runs::{RunEnd, VerifyRun, run_begin, run_end, run_get, run_latest, run_step};
pub use sealer::{LEASE, SealError, Sealed, Sealer, Standing};
pub use stream::{entries_from, entries_waiting};
pub use tree::{Hash, hex};
pub use verify::{Report, Stage, verify};
