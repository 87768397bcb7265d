//! A tenant's data as a whole: its export by its owner (OB-26), and its erasure (OB-32, CX-25, CX-35); and one
//! person's data among it: found, exported, erased (OB-35).
//!
//! Both go through every tenant table that there is: the database says which, and `columns.txt` what
//! stands in each column, so that a new table or column cannot be forgotten. That power is a room of its
//! own, because the faces for machines must never have it: `cargo xtask house` keeps them away.
//!
//! An archive is made by a job, page by page, as sealed frames on disk; it goes on where it was after a
//! crash, is downloaded once by whoever asked, and is gone after some days. An erasure is asked for with
//! the tenant's typed name, can be taken back for some days, and then empties table after table, destroys
//! the tenant's key and leaves a signed certificate.

mod archive;
mod certificate;
mod config;
mod deletion;
mod erasure;
mod error;
mod export;
mod making;
mod opening;
mod person;
mod reader;
mod registry;
mod scope;

use std::sync::Arc;

use db::Db;
use identity::Identity;
use jobs::Handler;
use vault::Vault;

pub use archive::tar;
pub use certificate::Certificate;
pub use config::{ErasureConfig, ExportConfig};
pub use deletion::Deletion;
pub use error::CustodyError;
pub use export::{Download, Export};
pub use making::{Manifest, ManifestFile};
pub use person::{Case, Find};
pub use registry::{Class, class_of, registered};

/// What the verbs of this room reach. Cheap to clone.
#[derive(Clone)]
pub struct Custody {
    pub(crate) db: Db,
    pub(crate) vault: Vault,
    pub(crate) identity: Identity,
    pub(crate) export: ExportConfig,
    pub(crate) erasure: ErasureConfig,
}

impl Custody {
    pub const fn new(
        db: Db,
        vault: Vault,
        identity: Identity,
        export: ExportConfig,
        erasure: ErasureConfig,
    ) -> Self {
        Self {
            db,
            vault,
            identity,
            export,
            erasure,
        }
    }

    /// The handlers of this room's jobs.
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        vec![
            Arc::new(making::ExportMake(self.clone())),
            Arc::new(export::ExportExpire(self.clone())),
            Arc::new(erasure::TenantErase(self.clone())),
            Arc::new(person::PersonSearch(self.clone())),
            Arc::new(person::PersonErase(self.clone())),
            Arc::new(person::CaseClose(self.clone())),
        ]
    }
}
