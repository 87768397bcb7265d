//! Streams of the audit log to where it is archived and watched (OB-27): syslog, RELP, an HTTPS collector, a file,
//! the journal. `docs/siem.md` says what each promises.
//!
//! A stream follows the positions of the sealed log, so its order is the log's own and nothing can slip in
//! behind it. The database is the buffer: one page is in memory, a cursor says how far the stream is, and
//! it moves after the page was taken. So an event comes at least once, and again with the same id. One
//! daemon streams to a target, by a lease whose fence each step checks.
//!
//! A tenant's target reads through that tenant's own context. The appliance's read everything, and the
//! signed heads as well, which anchor it (`revkeep audit compare`).

mod config;
mod event;
mod format;
mod pace;
mod page;
mod pull;
mod secrets;
mod service;
mod store;
mod streamer;
mod target;
mod transport;
mod window;

use db::Db;
use egress::Egress;
use vault::Vault;

pub use config::SiemConfig;
pub use pull::{Pull, Pulled};
pub use service::Tested;
pub use target::{Format, Standing, Target, TargetInput, Transport};

/// The targets and their streams. Cheap to clone.
#[derive(Clone)]
pub struct Siem {
    db: Db,
    vault: Vault,
    egress: Egress,
    config: SiemConfig,
    /// What this machine is called in what it sends.
    host: String,
}

impl Siem {
    pub fn new(db: &Db, vault: &Vault, egress: &Egress, config: &SiemConfig, host: &str) -> Self {
        Self {
            db: db.clone(),
            vault: vault.clone(),
            egress: egress.clone(),
            config: config.clone(),
            host: host.to_owned(),
        }
    }
}
