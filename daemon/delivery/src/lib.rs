//! Telling people: subscribes to events and sends mail (LR-52, LR-53, CX-02).
//!
//! A domain publishes what happened and never names this crate. Events become rows of `notices`: one
//! per tenant, kind and window, so that fifty thousand failures are one mail. A row holds counts and
//! codes; the text is written and the addresses are opened when the mail is sent. The row says
//! `sending` before the mail server is spoken to and what came of it afterwards, so that a crash
//! leaves a mail in doubt and never sends it twice. No mail holds data of a lead.
//!
//! And telling machines: [`Siem`] streams the sealed audit log to where it is archived, [`Webhooks`] post
//! events to the addresses that a tenant names.

mod config;
mod error;
mod html;
mod notice;
mod people;
mod personal;
mod recipients;
mod send;
mod siem;
mod store;
mod subscribers;
mod text;
mod webhooks;

use std::sync::Arc;

use db::Db;
use egress::Egress;
use identity::Identity;
use jobs::Handler;
use vault::Vault;

pub use config::{Config, Security};
pub use error::DeliveryError;
pub use send::SMTP_PASSWORD;
pub use siem::{
    Format, Pull, Pulled, Siem, SiemConfig, Standing, Target, TargetInput, Tested, Transport,
};
pub use webhooks::{
    Attempt, Delivery, DeliveryFilter, EventType, Message, NewSecret, Webhook, WebhookInput,
    Webhooks, event_types,
};

/// The handlers of this crate's jobs. `public_url` is where people open the console.
///
/// Where an event is one that webhooks tell, they hear of it before anybody else does.
pub fn handlers(
    db: &Db,
    vault: &Vault,
    identity: &Identity,
    egress: &Egress,
    config: &Config,
    public_url: &str,
) -> Vec<Arc<dyn Handler>> {
    let mut handlers: Vec<Arc<dyn Handler>> = vec![
        Arc::new(subscribers::Failures { db: db.clone() }),
        Arc::new(subscribers::Broken { db: db.clone() }),
        Arc::new(send::NoticeSend {
            db: db.clone(),
            vault: vault.clone(),
            identity: identity.clone(),
            egress: egress.clone(),
            config: config.clone(),
            public_url: public_url.trim_end_matches('/').to_owned(),
        }),
    ];
    for kind in personal::EVENTS {
        handlers.push(Arc::new(personal::Personal {
            db: db.clone(),
            identity: identity.clone(),
            kind,
        }));
    }
    for kind in people::EVENTS {
        handlers.push(Arc::new(people::People {
            db: db.clone(),
            kind,
        }));
    }
    handlers
        .into_iter()
        .map(|handler| webhooks::heard(db, handler))
        .collect()
}
