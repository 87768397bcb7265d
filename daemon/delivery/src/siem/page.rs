//! The next events of the log: a bounded page from a place on, in the log's order.

use audit::Head;
use db::{SealedEntry, StoredHead};
use kernel::{Principal, TenantId};

use super::{Siem, event::Event, store::Place};
use crate::error::DeliveryError;

/// Entries of one page, and the most that is in memory of a stream.
pub(crate) const MOST: i32 = 1_000;

pub(crate) struct Page {
    pub(crate) events: Vec<Event>,
    /// The place behind it.
    pub(crate) next: Place,
}

impl Siem {
    /// The page of `most` entries at `from`: a tenant's own, or for the platform everybody's and the heads.
    pub(crate) async fn page(
        &self,
        who: &Principal,
        from: Place,
        most: i32,
    ) -> Result<Page, DeliveryError> {
        if who.tenant == TenantId::PLATFORM {
            let (entries, heads) = self
                .db
                .system(move |tx| {
                    let entries = tx.siem_entries(from.position, most)?;
                    let covered = behind(&entries, from.position);
                    let heads = tx.siem_heads(from.head, covered, most)?;
                    Ok::<_, db::DbError>((entries, heads))
                })
                .await?;
            return Ok(joined(from, entries, &heads));
        }
        let entries = self
            .db
            .run_unsealed(who, move |tx| {
                audit::entries_from(tx, from.position, i64::from(most))
            })
            .await?;
        Ok(joined(from, entries, &[]))
    }
}

fn behind(entries: &[SealedEntry], from: i64) -> i64 {
    entries.last().map_or(from, |last| last.position + 1)
}

/// Each head after the last entry that it is over.
fn joined(from: Place, entries: Vec<SealedEntry>, heads: &[StoredHead]) -> Page {
    let next = Place {
        position: behind(&entries, from.position),
        head: heads.last().map_or(from.head, |last| last.number + 1),
    };
    let mut events = Vec::with_capacity(entries.len() + heads.len());
    let mut heads = heads.iter().peekable();
    for entry in entries {
        while let Some(head) = heads.next_if(|head| head.size <= entry.position) {
            events.extend(event(head));
        }
        events.push(Event::entry(entry));
    }
    events.extend(heads.filter_map(event));
    Page { events, next }
}

fn event(row: &StoredHead) -> Option<Event> {
    let head = Head::stored(row);
    if head.is_none() {
        log::error!(REVKEEP_ACTION = "siem_stream"; "head {} of the audit log does not read and is not streamed; see revkeep audit verify", row.number);
    }
    head.as_ref().map(Event::head)
}
