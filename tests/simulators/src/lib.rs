//! Stand-ins for the outside world, faithful on the wire: Salesforce's OAuth and REST API over
//! records in memory, with `/_sim/` to load records, read what was written, and break things.
//!
//! [`start`] runs one in this process; the program `revkeep-sim` runs one by itself. [`Admin`]
//! speaks to either. `docs/simulators.md` says what is simulated and where it differs.

mod admin;
mod authenticator;
mod call;
mod clock;
mod config;
mod entry;
mod faults;
#[cfg(test)]
mod fixture;
mod journal;
mod model;
mod oauth;
mod query;
mod random;
mod rest;
mod server;
mod store;
#[cfg(test)]
mod tests;
pub mod wire;
mod world;

pub use admin::client::Admin;
pub use authenticator::Authenticator;
pub use config::{CLIENT_ID, CLIENT_SECRET, Config, ORGANISATION, PASSWORD, USERNAME};
pub use model::id::Id;
pub use server::{Running, start};
