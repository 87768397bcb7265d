//! Results that are read page by page: a locator names the result, its offset names the page.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{Plan, Shape, output::Page};
use crate::{
    model::{id::Id, value::write_json},
    store::{Store, refusal::Refusal},
};

/// Results kept at once; the oldest is forgotten first, and its locator expires.
const KEPT: usize = 500;

#[derive(Clone)]
struct Cursor {
    plan: Arc<Plan>,
    slots: Arc<Vec<usize>>,
    include_deleted: bool,
}

#[derive(Default)]
pub(crate) struct Cursors {
    open: HashMap<String, Cursor>,
    oldest: VecDeque<String>,
    made: u64,
}

/// How the client asked: the version and the resource stand in the address of the next page.
pub(crate) struct Ask<'a> {
    pub(crate) version: &'a str,
    pub(crate) page_size: usize,
    pub(crate) include_deleted: bool,
}

impl Cursors {
    /// Runs a compiled statement and writes its first page.
    pub(crate) fn first_page(&mut self, store: &Store, plan: Plan, ask: &Ask<'_>) -> Vec<u8> {
        let slots = plan.run(store, ask.include_deleted);
        match &plan.shape {
            Shape::Count => {
                let total = slots.len();
                format!("{{\"totalSize\":{total},\"done\":true,\"records\":[]}}").into_bytes()
            }
            Shape::Groups(aggregate) => {
                let table = store.table(plan.object);
                let rows = table.map(|table| aggregate.rows(store, table, &slots));
                let rows = rows.unwrap_or_default();
                let mut out = format!("{{\"totalSize\":{},", rows.len()).into_bytes();
                out.extend_from_slice(b"\"done\":true,\"records\":[");
                out.extend_from_slice(&rows.join(&b","[..]));
                out.extend_from_slice(b"]}");
                out
            }
            Shape::Rows(_) => {
                let cursor = Cursor {
                    plan: Arc::new(plan),
                    slots: Arc::new(slots),
                    include_deleted: ask.include_deleted,
                };
                let more = cursor.slots.len() > ask.page_size;
                let name = if more {
                    self.keep(cursor.clone())
                } else {
                    String::new()
                };
                page(store, &cursor, &name, 0, ask)
            }
        }
    }

    /// Writes the page that a locator (`01g…-2000`) names.
    ///
    /// # Errors
    /// INVALID_QUERY_LOCATOR when the result is unknown or the offset lies outside it.
    pub(crate) fn next_page(
        &self,
        store: &Store,
        locator: &str,
        ask: &Ask<'_>,
    ) -> Result<Vec<u8>, Refusal> {
        let invalid = || Refusal::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
        let (name, offset) = locator.rsplit_once('-').ok_or_else(invalid)?;
        let cursor = self.open.get(name).ok_or_else(invalid)?;
        let offset: usize = offset.parse().map_err(|_| invalid())?;
        if offset >= cursor.slots.len() {
            return Err(invalid());
        }
        Ok(page(store, cursor, name, offset, ask))
    }

    fn keep(&mut self, cursor: Cursor) -> String {
        self.made = self.made.saturating_add(1);
        let name = Id::make("01g", self.made).to_string();
        self.open.insert(name.clone(), cursor);
        self.oldest.push_back(name.clone());
        if self.oldest.len() > KEPT
            && let Some(expired) = self.oldest.pop_front()
        {
            self.open.remove(&expired);
        }
        name
    }
}

fn page(store: &Store, cursor: &Cursor, name: &str, offset: usize, ask: &Ask<'_>) -> Vec<u8> {
    let Some(table) = store.table(cursor.plan.object) else {
        return b"{}".to_vec();
    };
    let rest = cursor.slots.get(offset..).unwrap_or_default();
    let size = ask.page_size.min(rest.len());
    let slots = rest.get(..size).unwrap_or_default();
    let done = size == rest.len();
    let mut out = Vec::with_capacity(slots.len().saturating_mul(512).saturating_add(256));
    out.extend_from_slice(b"{\"totalSize\":");
    write_json(&mut out, &cursor.slots.len());
    out.extend_from_slice(if done {
        b",\"done\":true"
    } else {
        b",\"done\":false"
    });
    if !done {
        let resource = if cursor.include_deleted {
            "queryAll"
        } else {
            "query"
        };
        let next = offset.saturating_add(size);
        let version = ask.version;
        let url = format!("/services/data/v{version}/{resource}/{name}-{next}");
        out.extend_from_slice(b",\"nextRecordsUrl\":");
        write_json(&mut out, &url);
    }
    out.extend_from_slice(b",\"records\":");
    let writer = Page {
        store,
        version: ask.version,
        include_deleted: cursor.include_deleted,
    };
    writer.write_rows(&mut out, table, cursor.plan.outputs(), slots);
    out.push(b'}');
    out
}
