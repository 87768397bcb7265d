//! The table `notices`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use schema::notices;
use serde_json::Value as Json;

use crate::{error::DeliveryError, notice::Key};

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = notices)]
pub(crate) struct Notice {
    /// Distinct records.
    pub(crate) records: i64,
    reasons: Json,
    /// `open`, `sending`, `sent`, `failed` or `in_doubt`.
    pub(crate) state: String,
}

impl Notice {
    /// Reason codes with their counts.
    pub(crate) fn reasons(&self) -> BTreeMap<String, u64> {
        serde_json::from_value(self.reasons.clone()).unwrap_or_default()
    }
}

/// The notice, locked until the transaction ends.
pub(crate) fn notice_locked(
    tx: &mut TenantTx<'_>,
    key: &Key,
) -> Result<Option<Notice>, DeliveryError> {
    Ok(notices::table
        .filter(notices::tenant_id.eq(tx.tenant().uuid()))
        .filter(notices::kind.eq(key.kind.name()))
        .filter(notices::window_start.eq(key.window_start))
        .filter(notices::subject_id.eq(&key.subject))
        .select(Notice::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// Opens a notice unless it is there; `true` when it is new.
pub(crate) fn notice_open(tx: &mut TenantTx<'_>, key: &Key) -> Result<bool, DeliveryError> {
    let added = diesel::insert_into(notices::table)
        .values((
            notices::tenant_id.eq(tx.tenant().uuid()),
            notices::kind.eq(key.kind.name()),
            notices::window_start.eq(key.window_start),
            notices::subject_id.eq(&key.subject),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    Ok(added == 1)
}

/// Adds counts to an open notice.
pub(crate) fn notice_add(
    tx: &mut TenantTx<'_>,
    key: &Key,
    notice: &Notice,
    count: u64,
    more: &BTreeMap<String, u64>,
) -> Result<(), DeliveryError> {
    let mut reasons = notice.reasons();
    for (reason, count) in more {
        let sum = reasons.entry(reason.clone()).or_default();
        *sum = sum.saturating_add(*count);
    }
    let records = notice
        .records
        .saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    diesel::update(notices::table)
        .filter(notices::tenant_id.eq(tx.tenant().uuid()))
        .filter(notices::kind.eq(key.kind.name()))
        .filter(notices::window_start.eq(key.window_start))
        .filter(notices::subject_id.eq(&key.subject))
        .set((
            notices::records.eq(records),
            notices::reasons.eq(serde_json::json!(reasons)),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn notice_state(
    tx: &mut TenantTx<'_>,
    key: &Key,
    state: &str,
    sent_at: Option<DateTime<Utc>>,
    error_code: Option<&str>,
) -> Result<(), DeliveryError> {
    diesel::update(notices::table)
        .filter(notices::tenant_id.eq(tx.tenant().uuid()))
        .filter(notices::kind.eq(key.kind.name()))
        .filter(notices::window_start.eq(key.window_start))
        .filter(notices::subject_id.eq(&key.subject))
        .set((
            notices::state.eq(state),
            notices::sent_at.eq(sent_at),
            notices::error_code.eq(error_code),
        ))
        .execute(tx.conn())?;
    Ok(())
}
