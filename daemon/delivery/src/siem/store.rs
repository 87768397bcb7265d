//! The tables `siem_targets` and `siem_cursors`.

use chrono::{DateTime, Utc};
use db::{LogEnd, TenantTx, Unit};
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl, Selectable, SelectableHelper, delete, insert_into, update,
};
use kernel::SiemTargetId;
use schema::{siem_cursors, siem_targets};
use uuid::Uuid;

use crate::error::DeliveryError;

type Outcome<T> = Result<T, DeliveryError>;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = siem_targets)]
pub(crate) struct TargetRow {
    pub(crate) tenant_id: Uuid,
    pub(crate) target_id: Uuid,
    pub(crate) name: String,
    pub(crate) transport: String,
    pub(crate) format: String,
    pub(crate) address: String,
    pub(crate) authorities: Option<String>,
    pub(crate) client_certificate: Option<String>,
    pub(crate) client_key_sealed: Option<Vec<u8>>,
    pub(crate) token_sealed: Option<Vec<u8>>,
    pub(crate) actions: Vec<String>,
    pub(crate) outcomes: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// The transport stays: what was promised about what was sent hangs on it.
#[derive(AsChangeset)]
#[diesel(table_name = siem_targets, treat_none_as_null = true)]
pub(crate) struct TargetChange {
    pub(crate) name: String,
    pub(crate) format: String,
    pub(crate) address: String,
    pub(crate) authorities: Option<String>,
    pub(crate) client_certificate: Option<String>,
    pub(crate) client_key_sealed: Option<Vec<u8>>,
    pub(crate) token_sealed: Option<Vec<u8>>,
    pub(crate) actions: Vec<String>,
    pub(crate) outcomes: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) version: i64,
    pub(crate) updated_at: DateTime<Utc>,
}

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = siem_cursors)]
pub(crate) struct CursorRow {
    pub(crate) target_id: Uuid,
    pub(crate) next_position: i64,
    pub(crate) again_position: i64,
    pub(crate) next_head: i64,
    pub(crate) again_head: i64,
    pub(crate) sent: i64,
    pub(crate) errors: i64,
    pub(crate) last_sent_at: Option<DateTime<Utc>>,
    pub(crate) last_error: Option<String>,
    pub(crate) last_error_at: Option<DateTime<Utc>>,
    pub(crate) failing: bool,
    pub(crate) certificate_ends_at: Option<DateTime<Utc>>,
}

/// How far a stream has come: the next entry and the next head, and from where both are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) position: i64,
    pub(crate) head: i64,
}

pub(crate) fn targets(tx: &mut TenantTx<'_>) -> Outcome<Vec<(TargetRow, CursorRow)>> {
    let tenant = tx.tenant().uuid();
    let rows: Vec<TargetRow> = siem_targets::table
        .filter(siem_targets::tenant_id.eq(tenant))
        .order((siem_targets::name, siem_targets::target_id))
        .select(TargetRow::as_select())
        .load(tx.conn())?;
    let cursors: Vec<CursorRow> = siem_cursors::table
        .filter(siem_cursors::tenant_id.eq(tenant))
        .select(CursorRow::as_select())
        .load(tx.conn())?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let cursor = cursors.iter().find(|c| c.target_id == row.target_id)?;
            Some((row, cursor.clone()))
        })
        .collect())
}

pub(crate) fn target(
    tx: &mut TenantTx<'_>,
    id: SiemTargetId,
) -> Outcome<Option<(TargetRow, CursorRow)>> {
    let key = (tx.tenant().uuid(), id.uuid());
    let row = siem_targets::table
        .find(key)
        .select(TargetRow::as_select())
        .first(tx.conn())
        .optional()?;
    let cursor = siem_cursors::table
        .find(key)
        .select(CursorRow::as_select())
        .first(tx.conn())
        .optional()?;
    Ok(row.zip(cursor))
}

/// A target whose stream begins at `from`.
pub(crate) fn target_insert(tx: &mut TenantTx<'_>, row: &TargetRow, from: LogEnd) -> Outcome<()> {
    insert_into(siem_targets::table)
        .values(row)
        .execute(tx.conn())?;
    insert_into(siem_cursors::table)
        .values((
            siem_cursors::tenant_id.eq(row.tenant_id),
            siem_cursors::target_id.eq(row.target_id),
            siem_cursors::next_position.eq(from.next_position),
            siem_cursors::again_position.eq(from.next_position),
            siem_cursors::next_head.eq(from.next_head),
            siem_cursors::again_head.eq(from.next_head),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// False when the version has moved on.
pub(crate) fn target_update(
    tx: &mut TenantTx<'_>,
    id: SiemTargetId,
    version: i64,
    change: &TargetChange,
) -> Outcome<bool> {
    let row = siem_targets::table
        .find((tx.tenant().uuid(), id.uuid()))
        .filter(siem_targets::version.eq(version));
    Ok(update(row).set(change).execute(tx.conn())? == 1)
}

pub(crate) fn target_delete(tx: &mut TenantTx<'_>, id: SiemTargetId) -> Outcome<bool> {
    let row = siem_targets::table.find((tx.tenant().uuid(), id.uuid()));
    Ok(delete(row).execute(tx.conn())? == 1)
}

/// Of the two sealed columns those that are as they were read, in a fresh wrapping.
pub(crate) fn secrets_rewrapped(
    tx: &mut TenantTx<'_>,
    row: &TargetRow,
    key: Option<Vec<u8>>,
    token: Option<Vec<u8>>,
) -> Outcome<bool> {
    let own = siem_targets::table.find((row.tenant_id, row.target_id));
    let mut moved = 0;
    if let Some(key) = key {
        let same = own.filter(siem_targets::client_key_sealed.eq(&row.client_key_sealed));
        moved += update(same)
            .set(siem_targets::client_key_sealed.eq(key))
            .execute(tx.conn())?;
    }
    if let Some(token) = token {
        let same = own.filter(siem_targets::token_sealed.eq(&row.token_sealed));
        moved += update(same)
            .set(siem_targets::token_sealed.eq(token))
            .execute(tx.conn())?;
    }
    Ok(moved > 0)
}

/// Writes down how far the stream has come, and that it works. In one statement: a second one on the same row
/// would look for the row's target again, and wait for whoever deletes that, who waits for this row.
pub(crate) fn cursor_advance(
    tx: &mut TenantTx<'_>,
    id: SiemTargetId,
    next: Place,
    again: Place,
    sent: i64,
) -> Outcome<()> {
    let (row, now) = (own(tx, id), tx.now());
    update(siem_cursors::table.find(row))
        .set((
            siem_cursors::next_position.eq(next.position),
            siem_cursors::again_position.eq(again.position),
            siem_cursors::next_head.eq(next.head),
            siem_cursors::again_head.eq(again.head),
            siem_cursors::sent.eq(siem_cursors::sent + sent),
            siem_cursors::failing.eq(false),
            (sent > 0).then(|| siem_cursors::last_sent_at.eq(now)),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// There is a connection, whose certificates end then.
pub(crate) fn cursor_connected(
    tx: &mut TenantTx<'_>,
    id: SiemTargetId,
    ends_at: Option<DateTime<Utc>>,
) -> Outcome<()> {
    let row = own(tx, id);
    update(siem_cursors::table.find(row))
        .set((
            siem_cursors::certificate_ends_at.eq(ends_at),
            siem_cursors::failing.eq(false),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// It did not work; `code` says why.
pub(crate) fn cursor_fail(tx: &mut TenantTx<'_>, id: SiemTargetId, code: &str) -> Outcome<()> {
    let (row, now) = (own(tx, id), tx.now());
    update(siem_cursors::table.find(row))
        .set((
            siem_cursors::errors.eq(siem_cursors::errors + 1),
            siem_cursors::last_error.eq(code),
            siem_cursors::last_error_at.eq(now),
            siem_cursors::failing.eq(true),
        ))
        .execute(tx.conn())?;
    Ok(())
}

fn own(tx: &TenantTx<'_>, id: SiemTargetId) -> (Uuid, Uuid) {
    (tx.tenant().uuid(), id.uuid())
}
