//! What interface keys asked (LR-34): written in batches by the gateway, read by administrators.

use chrono::{DateTime, Utc};
use db::{MachineTx, TenantTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper, insert_into,
};
use kernel::{ApiKeyId, RequestId, port::KeyRequest};
use schema::api_requests;
use serde::Deserialize;
use uuid::Uuid;

use crate::error::LayerError;

#[derive(Insertable)]
#[diesel(table_name = api_requests)]
struct NewRow {
    tenant_id: Uuid,
    key_id: Uuid,
    at: DateTime<Utc>,
    request_id: Uuid,
    method: String,
    path: String,
    status: Option<i16>,
    address: String,
    milliseconds: i32,
}

/// A request as it is on record.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = api_requests)]
pub struct LoggedRequest {
    pub at: DateTime<Utc>,
    pub request_id: Uuid,
    pub method: String,
    pub path: String,
    /// Empty: it ended before there was an answer.
    pub status: Option<i16>,
    pub address: String,
    pub milliseconds: i32,
}

impl LoggedRequest {
    pub const fn id(&self) -> RequestId {
        RequestId::from_uuid(self.request_id)
    }
}

/// Puts these requests of the transaction's tenant on record. Those that are there already, because nobody
/// knew whether an earlier try was committed, stay as they are.
pub fn requests_note(tx: &mut MachineTx<'_>, requests: &[KeyRequest]) -> Result<(), LayerError> {
    let tenant = tx.tenant();
    let rows: Vec<NewRow> = requests
        .iter()
        .filter(|request| request.tenant == tenant)
        .map(|request| NewRow {
            tenant_id: tenant.uuid(),
            key_id: request.key.uuid(),
            at: request.at,
            request_id: request.request.uuid(),
            method: request.method.clone(),
            path: request.path.clone(),
            status: request.status.and_then(|status| i16::try_from(status).ok()),
            address: request.address.clone(),
            milliseconds: i32::try_from(request.took.as_millis()).unwrap_or(i32::MAX),
        })
        .collect();
    insert_into(api_requests::table)
        .values(&rows)
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    Ok(())
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    Answered,
    /// By a status from 400 to 499.
    Refused,
    /// By a status from 500 on: our fault.
    Failed,
    /// It ended before there was an answer.
    Cut,
}

/// Which requests are asked for; the ends of the span are in it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct RequestFilter {
    pub came: Option<Came>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// Requests of one key, newest first: one more than `limit`, where there are more.
pub fn request_list(
    tx: &mut TenantTx<'_>,
    key: ApiKeyId,
    filter: RequestFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<LoggedRequest>, LayerError> {
    let mut query = api_requests::table
        .filter(api_requests::tenant_id.eq(tx.tenant().uuid()))
        .filter(api_requests::key_id.eq(key.uuid()))
        .into_boxed();
    let status = api_requests::status;
    query = match filter.came {
        Some(Came::Answered) => query.filter(status.lt(400)),
        Some(Came::Refused) => query.filter(status.between(400, 499)),
        Some(Came::Failed) => query.filter(status.ge(500)),
        Some(Came::Cut) => query.filter(status.is_null()),
        None => query,
    };
    if let Some(from) = filter.from {
        query = query.filter(api_requests::at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(api_requests::at.le(to));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            api_requests::at
                .lt(at)
                .or(api_requests::at.eq(at).and(api_requests::request_id.lt(id))),
        );
    }
    Ok(query
        .order((api_requests::at.desc(), api_requests::request_id.desc()))
        .limit(limit.saturating_add(1))
        .select(LoggedRequest::as_select())
        .load(tx.conn())?)
}
