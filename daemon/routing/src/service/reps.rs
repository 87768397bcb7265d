//! Reps and queues, as Salesforce names them.

use std::collections::{BTreeMap, HashMap};

use audit::Entry;
use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, RunQueryDsl, SelectableHelper,
    sql_types::{Array, Bool, Jsonb, Text, Timestamptz, Uuid as SqlUuid},
};
use kernel::{Action, ConnectionId, JobId, QueueId, RepId};
use schema::{queues, reps};
use serde_json::json;
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::{caps::Load, decide::Standing},
    service::availability::changed,
    store::{
        PoolRow, QueueRow, RepRow, TimeOffRow, members_all, pools_all, presence::time_off_ahead,
        queues_all, reps_all, turns::state_seen,
    },
};

/// The name of a rep who was erased, as the erasure writes it; Salesforce's own is not taken over again.
const ERASED: &str = "Erased person";

/// A user of Salesforce.
#[derive(Clone, Debug)]
pub struct SyncedRep {
    pub external_id: String,
    pub name: String,
    pub active: bool,
}

/// A queue of Salesforce, and what it may own.
#[derive(Clone, Debug)]
pub struct SyncedQueue {
    pub external_id: String,
    pub name: String,
    pub objects: Vec<String>,
}

/// A rep and the pools that the rep is in.
#[derive(Clone, Debug)]
pub struct RepEntry {
    pub rep: RepRow,
    pub pools: Vec<(Uuid, String)>,
    /// Whether the rep would be given a record now, whatever the pool.
    pub standing: Standing,
    /// When the rep is back by itself: `None` when that is not known, or the rep is there.
    pub back: Option<DateTime<Utc>>,
    /// How much the rep got in each window that a cap counts.
    pub load: Load,
    /// Not over yet, the earliest first.
    pub time_off: Vec<TimeOffRow>,
}

/// Takes over the whole list of users. Who is not in it any more becomes inactive: a rep stays, as
/// the routing log names it.
#[expect(
    clippy::disallowed_methods,
    reason = "the whole list in one statement, by unnest"
)]
pub fn reps_sync(tx: &mut TenantTx<'_>, synced: &[SyncedRep]) -> Result<(), RoutingError> {
    db::take_turn(tx, "reps")?;
    let unique: BTreeMap<&str, &SyncedRep> = synced
        .iter()
        .map(|rep| (rep.external_id.as_str(), rep))
        .collect();
    let ids: Vec<Uuid> = unique
        .iter()
        .map(|_| RepId::generate(tx.clock().as_ref()).uuid())
        .collect();
    let external: Vec<&str> = unique.keys().copied().collect();
    let erased = layer::erased(tx, "User", &external)?;
    let names: Vec<&str> = unique
        .iter()
        .map(|(id, rep)| {
            if erased.contains(*id) {
                ERASED
            } else {
                rep.name.as_str()
            }
        })
        .collect();
    let active: Vec<bool> = unique.values().map(|rep| rep.active).collect();
    let back = reps_all(tx)?.iter().any(|rep| {
        let synced = unique.get(rep.external_id.as_str());
        !rep.active && synced.is_some_and(|synced| synced.active)
    });
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::sql_query(
        "INSERT INTO reps AS had (tenant_id, rep_id, external_id, name, active, synced_at) \
         SELECT $1, rep_id, external_id, name, active, $2 \
         FROM unnest($3, $4, $5, $6) AS page (rep_id, external_id, name, active) \
         ON CONFLICT (tenant_id, external_id) DO UPDATE \
         SET name = excluded.name, active = excluded.active, synced_at = excluded.synced_at",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(&external)
    .bind::<Array<Text>, _>(names)
    .bind::<Array<Bool>, _>(active)
    .execute(tx.conn())?;
    let gone = diesel::update(reps::table)
        .filter(reps::tenant_id.eq(tenant))
        .filter(reps::active)
        .filter(reps::external_id.ne_all(&external))
        .set((reps::active.eq(false), reps::synced_at.eq(now)))
        .execute(tx.conn())?;
    if back {
        changed(tx)?;
    }
    let counts = json!({ "reps": unique.len(), "no_longer_listed": gone });
    Entry::new(Action::RepSync, "rep", "all")
        .after(counts)
        .write(tx)?;
    db::hint(tx, "reps")?;
    Ok(())
}

/// Takes over the whole list of queues. A queue that is gone is forgotten; a rule that names it
/// then fails its records with that reason.
#[expect(
    clippy::disallowed_methods,
    reason = "the whole list in one statement, by unnest"
)]
pub fn queues_sync(tx: &mut TenantTx<'_>, synced: &[SyncedQueue]) -> Result<(), RoutingError> {
    db::take_turn(tx, "queues")?;
    let unique: BTreeMap<&str, &SyncedQueue> = synced
        .iter()
        .map(|queue| (queue.external_id.as_str(), queue))
        .collect();
    let ids: Vec<Uuid> = unique
        .iter()
        .map(|_| QueueId::generate(tx.clock().as_ref()).uuid())
        .collect();
    let external: Vec<&str> = unique.keys().copied().collect();
    let names: Vec<&str> = unique.values().map(|queue| queue.name.as_str()).collect();
    let objects: Vec<_> = unique.values().map(|queue| json!(queue.objects)).collect();
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::sql_query(
        "INSERT INTO queues AS had (tenant_id, queue_id, external_id, name, objects, synced_at) \
         SELECT $1, queue_id, external_id, name, \
                ARRAY(SELECT jsonb_array_elements_text(page.objects)), $2 \
         FROM unnest($3, $4, $5, $6) AS page (queue_id, external_id, name, objects) \
         ON CONFLICT (tenant_id, external_id) DO UPDATE \
         SET name = excluded.name, objects = excluded.objects, synced_at = excluded.synced_at",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(&external)
    .bind::<Array<Text>, _>(names)
    .bind::<Array<Jsonb>, _>(objects)
    .execute(tx.conn())?;
    let gone = diesel::delete(queues::table)
        .filter(queues::tenant_id.eq(tenant))
        .filter(queues::external_id.ne_all(&external))
        .execute(tx.conn())?;
    let counts = json!({ "queues": unique.len(), "no_longer_listed": gone });
    Entry::new(Action::RepSync, "queue", "all")
        .after(counts)
        .write(tx)?;
    db::hint(tx, "reps")?;
    Ok(())
}

/// Reps whose name contains `search`, by name.
pub fn rep_list(
    tx: &mut TenantTx<'_>,
    search: Option<&str>,
) -> Result<Vec<RepEntry>, RoutingError> {
    let wanted = search.map(|text| layer::value::fold(text.trim()).into_owned());
    let pools: HashMap<Uuid, String> = pools_all(tx)?
        .into_iter()
        .map(|PoolRow { pool_id, name, .. }| (pool_id, name))
        .collect();
    let mut of: HashMap<Uuid, Vec<(Uuid, String)>> = HashMap::new();
    for member in members_all(tx)? {
        let name = pools.get(&member.pool_id).cloned().unwrap_or_default();
        of.entry(member.rep_id)
            .or_default()
            .push((member.pool_id, name));
    }
    let matches = |rep: &RepRow| {
        wanted
            .as_ref()
            .is_none_or(|wanted| layer::value::fold(&rep.name).contains(wanted))
    };
    let mut off: HashMap<Uuid, Vec<TimeOffRow>> = HashMap::new();
    for row in time_off_ahead(tx)? {
        off.entry(row.rep_id).or_default().push(row);
    }
    let state = state_seen(tx)?;
    let entry = |rep: RepRow| RepEntry {
        pools: of.remove(&rep.rep_id).unwrap_or_default(),
        standing: state.standing(rep.id(), None),
        back: state.back(rep.id(), None),
        load: state
            .rep(rep.id())
            .map(|rep| rep.limits.load)
            .unwrap_or_default(),
        time_off: off.remove(&rep.rep_id).unwrap_or_default(),
        rep,
    };
    Ok(reps_all(tx)?
        .into_iter()
        .filter(matches)
        .map(entry)
        .collect())
}

pub fn queue_list(tx: &mut TenantTx<'_>) -> Result<Vec<QueueRow>, RoutingError> {
    queues_all(tx)
}

/// Puts on record that somebody asked for a synchronisation over `connection`. `job` does it; there is none
/// when it had been asked for already.
pub fn rep_sync_ask(
    tx: &mut TenantTx<'_>,
    connection: ConnectionId,
    job: Option<JobId>,
) -> Result<(), RoutingError> {
    Entry::new(Action::RepSyncAsk, "connection", connection)
        .after(json!({ "job": job }))
        .write(tx)?;
    Ok(())
}

/// Takes a rep out of turns, or back in: the away switch.
pub fn rep_update(tx: &mut TenantTx<'_>, id: RepId, paused: bool) -> Result<RepRow, RoutingError> {
    let tenant = tx.tenant().uuid();
    let rep = diesel::update(reps::table)
        .filter(reps::tenant_id.eq(tenant))
        .filter(reps::rep_id.eq(id.uuid()))
        .set(reps::paused.eq(paused))
        .returning(RepRow::as_returning())
        .get_result(tx.conn())?;
    Entry::new(Action::RepUpdate, "rep", id)
        .after(json!({ "paused": paused }))
        .write(tx)?;
    changed(tx)?;
    Ok(rep)
}
