//! Secrets at rest and the keys that protect them (OB-07, OB-08, OB-31, CX-04, CX-21).
//!
//! [`Vault`] is the one face. It seals a credential with AES-256-GCM under a data key of its own;
//! the data key is wrapped by the tenant's key, which never leaves the secrets backend. Two
//! backends stand behind it, held to one contract test: Vault or OpenBao ([`VaultConfig`]), and a
//! keystore on this machine ([`LocalConfig`]). The bytes that a table stores are described in
//! `docs/adr/0004-envelope-format.md`, what an administrator does in `docs/secrets.md`.
//!
//! A sealed or unreachable backend is an ordinary answer ([`VaultError::Sealed`],
//! [`VaultError::Unreachable`]): the next call tries again, so work resumes by itself.

mod backend;
mod binding;
mod cache;
mod cipher;
mod config;
mod data_key;
mod envelope;
mod error;
mod fingerprint;
mod local;
mod private_file;
mod remote;
mod rewrapped;
mod signing;
mod vault;

pub use backend::{Health, IfMissing};
pub use binding::Binding;
pub use config::{Choice, Config, LocalConfig, PrivateFile, VaultConfig};
pub use data_key::DataKey;
pub use envelope::{Sealed, Wrapped};
pub use error::VaultError;
pub use fingerprint::{Difference, Fingerprint};
pub use local::{Created, create_keystore, recover_key, renew_recovery_key};
pub use rewrapped::RewrapPage;
pub use signing::{PUBLIC_KEY_BYTES, PublicKey, signature_holds};
pub use vault::Vault;
