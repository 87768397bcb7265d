//! The tables `connections`, `oauth_states` and `grants_ending`.

mod endings;
mod states;

pub(crate) use endings::{
    Ending, ending_delete, ending_find, ending_insert, ending_rewrapped, endings_after,
};
pub(crate) use states::{Begun, begun_insert, begun_take};

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper,
};
use kernel::{ConnectionId, UserId};
use schema::connections;
use uuid::Uuid;

use crate::{
    error::ConnectionError,
    model::{Broken, BrokenCode, Connection, Environment, Kind, Limits, State},
};

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = connections)]
pub(crate) struct Row {
    connection_id: Uuid,
    pub(crate) provider: String,
    kind: String,
    owner_id: Option<Uuid>,
    state: String,
    environment: String,
    pub(crate) login_host: String,
    pub(crate) instance_url: Option<String>,
    pub(crate) org_id: Option<String>,
    external_user_id: Option<String>,
    scopes: Vec<String>,
    pub(crate) consumer_key: String,
    pub(crate) consumer_secret_sealed: Option<Vec<u8>>,
    pub(crate) access_sealed: Option<Vec<u8>>,
    pub(crate) refresh_sealed: Option<Vec<u8>>,
    pub(crate) generation: i64,
    pub(crate) refresh_started_at: Option<DateTime<Utc>>,
    broken_code: Option<String>,
    broken_at: Option<DateTime<Utc>>,
    connected_at: Option<DateTime<Utc>>,
    refreshed_at: Option<DateTime<Utc>>,
    limits_used: Option<i32>,
    limits_max: Option<i32>,
    limits_at: Option<DateTime<Utc>>,
    pub(crate) version: i64,
}

impl Row {
    pub(crate) const fn id(&self) -> ConnectionId {
        ConnectionId::from_uuid(self.connection_id)
    }

    /// A state that this version does not know counts as disconnected: nothing is sent.
    pub(crate) fn state(&self) -> State {
        State::from_name(&self.state).unwrap_or(State::Disconnected)
    }

    pub(crate) fn broken(&self) -> Option<Broken> {
        let (State::Broken, Some(since)) = (self.state(), self.broken_at) else {
            return None;
        };
        let code = self.broken_code.as_deref().and_then(BrokenCode::from_name);
        Some(Broken {
            code: code.unwrap_or(BrokenCode::RefreshRefused),
            since,
        })
    }

    pub(crate) fn view(&self) -> Connection {
        let limits = match (self.limits_used, self.limits_max, self.limits_at) {
            (Some(used), Some(max), Some(at)) => Some(Limits { used, max, at }),
            _ => None,
        };
        Connection {
            id: self.id(),
            provider: self.provider.clone(),
            kind: Kind::from_name(&self.kind).unwrap_or(Kind::Pipeline),
            owner: self.owner_id.map(UserId::from_uuid),
            state: self.state(),
            environment: Environment::from_name(&self.environment).unwrap_or(Environment::MyDomain),
            login_host: self.login_host.clone(),
            instance_url: self.instance_url.clone(),
            organisation: self.org_id.clone(),
            external_user: self.external_user_id.clone(),
            scopes: self.scopes.clone(),
            consumer_key: self.consumer_key.clone(),
            has_consumer_secret: self.consumer_secret_sealed.is_some(),
            broken: self.broken(),
            connected_at: self.connected_at,
            refreshed_at: self.refreshed_at,
            limits,
            version: self.version,
        }
    }
}

/// The tenant's own connection to `provider`, if it was configured.
pub(crate) fn routing_row(
    tx: &mut TenantTx<'_>,
    provider: &str,
) -> Result<Option<Row>, ConnectionError> {
    Ok(connections::table
        .filter(connections::tenant_id.eq(tx.tenant().uuid()))
        .filter(connections::provider.eq(provider))
        .filter(connections::kind.eq(Kind::Routing.name()))
        .select(Row::as_select())
        .first(tx.conn())
        .optional()?)
}

/// The tenant's routing connection, as a face may show it.
pub fn connection_for_routing(
    tx: &mut TenantTx<'_>,
    provider: &str,
) -> Result<Option<Connection>, ConnectionError> {
    Ok(routing_row(tx, provider)?.map(|row| row.view()))
}

/// The tenant's connections by id, after `last`.
pub(crate) fn rows_after(
    tx: &mut TenantTx<'_>,
    last: Option<Uuid>,
    most: i64,
) -> Result<Vec<Row>, ConnectionError> {
    Ok(connections::table
        .filter(connections::tenant_id.eq(tx.tenant().uuid()))
        .filter(connections::connection_id.gt(last.unwrap_or_default()))
        .order(connections::connection_id)
        .limit(most)
        .select(Row::as_select())
        .load(tx.conn())?)
}

/// One connection, locked until the transaction ends.
pub(crate) fn row_locked(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
) -> Result<Option<Row>, ConnectionError> {
    Ok(connections::table
        .filter(connections::tenant_id.eq(tx.tenant().uuid()))
        .filter(connections::connection_id.eq(id.uuid()))
        .select(Row::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// What a person stores in the form.
pub(crate) struct Form {
    pub(crate) provider: &'static str,
    pub(crate) environment: Environment,
    pub(crate) login_host: String,
    pub(crate) consumer_key: String,
    /// `None` keeps the stored one.
    pub(crate) consumer_secret: Option<Vec<u8>>,
}

pub(crate) fn form_insert(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    form: Form,
) -> Result<(), ConnectionError> {
    let now = tx.now();
    diesel::insert_into(connections::table)
        .values((
            connections::tenant_id.eq(tx.tenant().uuid()),
            connections::connection_id.eq(id.uuid()),
            connections::provider.eq(form.provider),
            connections::kind.eq(Kind::Routing.name()),
            connections::state.eq(State::Configured.name()),
            connections::environment.eq(form.environment.name()),
            connections::login_host.eq(form.login_host),
            connections::consumer_key.eq(form.consumer_key),
            connections::consumer_secret_sealed.eq(form.consumer_secret),
            connections::created_at.eq(now),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn form_update(
    tx: &mut TenantTx<'_>,
    row: &Row,
    form: Form,
) -> Result<(), ConnectionError> {
    let secret = form
        .consumer_secret
        .or_else(|| row.consumer_secret_sealed.clone());
    let own = own(tx, row.id());
    let now = tx.now();
    diesel::update(connections::table.filter(own))
        .set((
            connections::environment.eq(form.environment.name()),
            connections::login_host.eq(form.login_host),
            connections::consumer_key.eq(form.consumer_key),
            connections::consumer_secret_sealed.eq(secret),
            connections::version.eq(connections::version + 1),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Deletes the tokens and leaves the row in `state` (LR-19). The generation grows, so that a
/// refresh in hand stores nothing.
pub(crate) fn tokens_delete(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    state: State,
) -> Result<(), ConnectionError> {
    let own = own(tx, id);
    let now = tx.now();
    diesel::update(connections::table.filter(own))
        .set((
            connections::state.eq(state.name()),
            connections::access_sealed.eq(None::<Vec<u8>>),
            connections::refresh_sealed.eq(None::<Vec<u8>>),
            connections::refresh_started_at.eq(None::<DateTime<Utc>>),
            connections::generation.eq(connections::generation + 1),
            connections::broken_code.eq(None::<String>),
            connections::broken_at.eq(None::<DateTime<Utc>>),
            connections::version.eq(connections::version + 1),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn state_set(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    state: State,
) -> Result<(), ConnectionError> {
    let own = own(tx, id);
    let now = tx.now();
    diesel::update(connections::table.filter(own))
        .set((
            connections::state.eq(state.name()),
            connections::version.eq(connections::version + 1),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// A new grant, sealed.
#[derive(Clone)]
pub(crate) struct NewGrant {
    pub(crate) access: Vec<u8>,
    pub(crate) refresh: Vec<u8>,
    pub(crate) instance_url: String,
    pub(crate) organisation: String,
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
}

pub(crate) fn grant_store(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    grant: NewGrant,
) -> Result<(), ConnectionError> {
    let own = own(tx, id);
    let now = tx.now();
    diesel::update(connections::table.filter(own))
        .set((
            connections::state.eq(State::Connected.name()),
            connections::access_sealed.eq(grant.access),
            connections::refresh_sealed.eq(grant.refresh),
            connections::instance_url.eq(grant.instance_url),
            connections::org_id.eq(grant.organisation),
            connections::external_user_id.eq(grant.user),
            connections::scopes.eq(grant.scopes),
            connections::generation.eq(connections::generation + 1),
            connections::refresh_started_at.eq(None::<DateTime<Utc>>),
            connections::broken_code.eq(None::<String>),
            connections::broken_at.eq(None::<DateTime<Utc>>),
            connections::connected_at.eq(now),
            connections::version.eq(connections::version + 1),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Sets or lifts the mark that a refresh token is being presented.
pub(crate) fn refresh_mark(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    started: Option<DateTime<Utc>>,
) -> Result<(), ConnectionError> {
    let own = own(tx, id);
    diesel::update(connections::table.filter(own))
        .set(connections::refresh_started_at.eq(started))
        .execute(tx.conn())?;
    Ok(())
}

/// What a refresh gave, sealed.
pub(crate) struct Refreshed {
    pub(crate) access: Vec<u8>,
    /// `None` keeps the stored one: the provider did not rotate.
    pub(crate) refresh: Option<Vec<u8>>,
    /// `None` keeps the stored one.
    pub(crate) instance_url: Option<String>,
}

/// Stores a refreshed pair and lifts the mark.
pub(crate) fn refreshed_store(
    tx: &mut TenantTx<'_>,
    row: &Row,
    fresh: Refreshed,
) -> Result<(), ConnectionError> {
    let own = own(tx, row.id());
    let now = tx.now();
    diesel::update(connections::table.filter(own))
        .set((
            connections::access_sealed.eq(fresh.access),
            connections::refresh_sealed.eq(fresh.refresh.or_else(|| row.refresh_sealed.clone())),
            connections::instance_url.eq(fresh.instance_url.or_else(|| row.instance_url.clone())),
            connections::generation.eq(connections::generation + 1),
            connections::refresh_started_at.eq(None::<DateTime<Utc>>),
            connections::refreshed_at.eq(now),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn broken_store(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    code: BrokenCode,
) -> Result<(), ConnectionError> {
    let own = own(tx, id);
    let now = tx.now();
    diesel::update(connections::table.filter(own))
        .set((
            connections::state.eq(State::Broken.name()),
            connections::broken_code.eq(code.name()),
            connections::broken_at.eq(now),
            connections::version.eq(connections::version + 1),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Keeps what the provider said of its request limits.
pub fn limits_record(
    tx: &mut TenantTx<'_>,
    id: ConnectionId,
    used: i32,
    max: i32,
) -> Result<(), ConnectionError> {
    let own = own(tx, id);
    let now = tx.now();
    diesel::update(connections::table.filter(own))
        .set((
            connections::limits_used.eq(used),
            connections::limits_max.eq(max),
            connections::limits_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// The sealed columns of a row; `None` keeps what is stored.
pub(crate) struct SealedColumns {
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) access: Option<Vec<u8>>,
    pub(crate) refresh: Option<Vec<u8>>,
}

/// Replaces sealed columns by their rewrapped form, unless one of them changed meanwhile.
pub(crate) fn rewrapped_store(
    tx: &mut TenantTx<'_>,
    read: &Row,
    rewrapped: SealedColumns,
) -> Result<bool, ConnectionError> {
    let Some(row) = row_locked(tx, read.id())? else {
        return Ok(false);
    };
    let same = row.consumer_secret_sealed == read.consumer_secret_sealed
        && row.access_sealed == read.access_sealed
        && row.refresh_sealed == read.refresh_sealed;
    if !same {
        return Ok(false);
    }
    let own = own(tx, read.id());
    diesel::update(connections::table.filter(own))
        .set((
            connections::consumer_secret_sealed.eq(rewrapped.secret.or(row.consumer_secret_sealed)),
            connections::access_sealed.eq(rewrapped.access.or(row.access_sealed)),
            connections::refresh_sealed.eq(rewrapped.refresh.or(row.refresh_sealed)),
        ))
        .execute(tx.conn())?;
    Ok(true)
}

type Own = diesel::dsl::And<
    diesel::dsl::Eq<connections::tenant_id, Uuid>,
    diesel::dsl::Eq<connections::connection_id, Uuid>,
>;

fn own(tx: &TenantTx<'_>, id: ConnectionId) -> Own {
    connections::tenant_id
        .eq(tx.tenant().uuid())
        .and(connections::connection_id.eq(id.uuid()))
}
