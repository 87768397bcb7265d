//! The sealed log for whoever comes and takes it: one tenant's entries by position, a page at a time, in the
//! shape of the JSON stream. What is read is on record in the log itself, in the same transaction; a page of
//! nothing but such records makes none, or a reader would never come to the end.

use audit::Entry;
use db::SealedEntry;
use kernel::{Action, Principal};
use serde_json::{Value, json};

use super::{
    Siem,
    event::Event,
    format::{Payload, payload},
    target::Format,
};
use crate::error::DeliveryError;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Pull {
    /// The position of the last entry that the caller has; `None` at the beginning.
    pub after: Option<i64>,
    /// Entries of the page, at most.
    pub limit: i64,
    /// Tags of pages that the caller has already.
    pub have: Vec<String>,
}

/// What there is behind a position.
#[derive(Debug)]
pub enum Pulled {
    /// The very page that the caller named by its tag.
    Unchanged { tag: String },
    Page {
        items: Vec<Value>,
        /// Where the next page begins: the position of the last entry, or what was asked for while there is none.
        next: Option<i64>,
        /// There is another page at once.
        more: bool,
        /// Tells this page from every other of the same question (RFC 9110 section 8.8.3), without its quotes.
        tag: String,
    },
}

impl Siem {
    /// A page of the log of the caller's tenant.
    pub async fn audit_pull(&self, who: &Principal, pull: Pull) -> Result<Pulled, DeliveryError> {
        let low = pull.after.map_or(0, |last| last.saturating_add(1));
        let most = usize::try_from(pull.limit).unwrap_or(1);
        self.db
            .run(who, move |tx| {
                let mut entries = audit::entries_from(tx, low, pull.limit.saturating_add(1))?;
                let more = entries.len() > most;
                entries.truncate(most);
                let next = entries.last().map(|last| last.position).or(pull.after);
                let tag = format!("{low}-{}-{}", next.unwrap_or(-1), entries.len());
                if pull.have.contains(&tag) {
                    return Ok(Pulled::Unchanged { tag });
                }
                if entries
                    .iter()
                    .any(|entry| entry.action != Action::AuditPull.name())
                {
                    Entry::new(Action::AuditPull, "audit_log", "log")
                        .after(json!({ "from": low, "to": next, "entries": entries.len() }))
                        .even_sealed()
                        .write(tx)?;
                }
                let items = entries.into_iter().filter_map(item).collect();
                Ok::<_, DeliveryError>(Pulled::Page {
                    items,
                    next,
                    more,
                    tag,
                })
            })
            .await
    }
}

fn item(entry: SealedEntry) -> Option<Value> {
    match payload(Format::Json, &Event::entry(entry))? {
        Payload::Json(value) => Some(value),
        Payload::Text(_) => None,
    }
}
