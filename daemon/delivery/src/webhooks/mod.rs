//! Webhooks: events posted to HTTPS addresses that a tenant's administrators name (LR-35 to LR-38), signed
//! as Standard Webhooks says. `docs/webhooks.md` says what a receiver may rely on.
//!
//! An event becomes one row for each webhook that wants it, in a transaction of its own, and a job of that
//! webhook. The job sends what is due, one after the other, so a receiver has one connection at most, and a
//! slow one keeps nobody waiting but itself. What was sent and not written down is sent again with the same id.
//! These jobs have workers of their own: routing never waits for them.

mod attempt;
mod catalogue;
#[cfg(test)]
mod corpus;
mod endpoint;
mod fan_out;
mod secret;
mod send;
mod service;
mod store;

use std::sync::Arc;

use db::Db;
use egress::Egress;
use jobs::Handler;
use vault::Vault;

pub use attempt::Attempt;
pub use catalogue::{EventType, event_types};
pub use endpoint::{Webhook, WebhookInput};
pub(crate) use fan_out::heard;
pub use secret::NewSecret;
pub use store::{Delivery, DeliveryFilter};

pub use secret::Message;

/// The webhooks of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    db: Db,
    vault: Vault,
    egress: Egress,
}

impl Webhooks {
    pub fn new(db: &Db, vault: &Vault, egress: &Egress) -> Self {
        Self {
            db: db.clone(),
            vault: vault.clone(),
            egress: egress.clone(),
        }
    }

    /// What sends, for a worker that does nothing else.
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        vec![Arc::new(send::Send {
            webhooks: self.clone(),
        })]
    }
}
