//! Every record that enrollment ever matched, one row each: the list that an outside count is
//! compared with (LR-49).

use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use layer::Object;
use schema::routing_records;

use crate::{error::RoutingError, service::failures::RecordMark};

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordKey {
    pub object: Object,
    pub record_id: String,
}

#[derive(Debug)]
pub struct RecordMarks {
    pub items: Vec<RecordMark>,
    pub next: Option<RecordKey>,
}

/// The stored states that are shown as `state`; `None` for a word that is no state.
fn stored(state: &str) -> Option<&'static [&'static str]> {
    Some(match state {
        "baseline" => &["baseline"],
        "assigned" => &["assigned"],
        "failed" => &["failed"],
        "given_up" => &["given_up"],
        "waiting" => &["postponed", "waiting", "proposed", "claimed"],
        "in_doubt" => &["in_doubt"],
        _ => return None,
    })
}

/// Records by object and id. An unknown state has none.
pub fn record_marks(
    tx: &mut TenantTx<'_>,
    state: Option<&str>,
    after: Option<&RecordKey>,
    limit: u16,
) -> Result<RecordMarks, RoutingError> {
    let states = match state {
        None => None,
        Some(state) => Some(stored(state).unwrap_or(&[])),
    };
    let most = usize::from(limit);
    let mut items = Vec::new();
    // An object at a time: a range within one object is what the primary key serves.
    for object in Object::ALL {
        let from = after.filter(|key| key.object == object);
        let passed = after.is_some_and(|key| key.object > object);
        if passed || items.len() > most {
            continue;
        }
        let wanted = i64::try_from(most.saturating_add(1).saturating_sub(items.len()));
        let mut query = routing_records::table
            .filter(routing_records::tenant_id.eq(tx.tenant().uuid()))
            .filter(routing_records::object.eq(object.name()))
            .into_boxed();
        if let Some(key) = from {
            query = query.filter(routing_records::record_id.gt(&key.record_id));
        }
        if let Some(states) = states {
            query = query.filter(routing_records::state.eq_any(states));
        }
        let page: Vec<RecordMark> = query
            .order(routing_records::record_id)
            .limit(wanted.unwrap_or(i64::from(limit)))
            .select(RecordMark::as_select())
            .load(tx.conn())?;
        items.extend(page);
    }
    let more = items.len() > most;
    items.truncate(most);
    let next = match items.last().filter(|_| more) {
        None => None,
        Some(last) => Some(RecordKey {
            object: Object::from_name(&last.object)
                .ok_or(RoutingError::Stored { what: "object" })?,
            record_id: last.record_id.clone(),
        }),
    };
    Ok(RecordMarks { items, next })
}
