//! The state that a decision depends on: reps, queues, and the pools' credit, whose rows stay
//! locked until the transaction that decided ends. So two daemons give turns one after the other.

use std::{collections::HashMap, sync::Arc};

use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper,
    sql_types::{Array, BigInt, Uuid as SqlUuid},
};
use kernel::{PoolId, RepId};
use schema::{pool_members, pools};
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::{
        pool::{Member, Pool},
        rules::{Rep, RoutingState, RuleSet},
    },
    store::{MemberRow, PoolRow, members_all, pools_all, presence::held, queues_all, reps_all},
};

/// Loads the state for `rules`, locking the pools that they can give turns in.
pub(crate) fn state_locked(
    tx: &mut TenantTx<'_>,
    rules: &RuleSet,
) -> Result<RoutingState, RoutingError> {
    let mut wanted: Vec<Uuid> = rules.pools().map(PoolId::uuid).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let tenant = tx.tenant().uuid();
    // Everyone locks pools in the order of their ids, so nobody waits in a circle.
    let locked: Vec<PoolRow> = pools::table
        .filter(pools::tenant_id.eq(tenant))
        .filter(pools::pool_id.eq_any(&wanted))
        .order(pools::pool_id)
        .select(PoolRow::as_select())
        .for_no_key_update()
        .load(tx.conn())?;
    let members: Vec<MemberRow> = pool_members::table
        .filter(pool_members::tenant_id.eq(tenant))
        .filter(pool_members::pool_id.eq_any(locked.iter().map(|pool| pool.pool_id)))
        .order((pool_members::pool_id, pool_members::rep_id))
        .select(MemberRow::as_select())
        .load(tx.conn())?;
    state_of(tx, &locked, &members, true)
}

/// The state of all pools, for those who look.
pub(crate) fn state_seen(tx: &mut TenantTx<'_>) -> Result<RoutingState, RoutingError> {
    let (pools, members) = (pools_all(tx)?, members_all(tx)?);
    state_of(tx, &pools, &members, false)
}

fn state_of(
    tx: &mut TenantTx<'_>,
    pools: &[PoolRow],
    members: &[MemberRow],
    deciding: bool,
) -> Result<RoutingState, RoutingError> {
    let mut by_pool: HashMap<PoolId, Pool> = pools
        .iter()
        .map(|pool| (pool.id(), Pool::default()))
        .collect();
    for row in members {
        if let Some(pool) = by_pool.get_mut(&PoolId::from_uuid(row.pool_id)) {
            pool.members.push(Member {
                rep: RepId::from_uuid(row.rep_id),
                weight: u32::try_from(row.weight).unwrap_or(1),
                credit: row.credit,
            });
        }
    }
    let rows = reps_all(tx)?;
    let held = held(tx, &rows, pools, members, deciding)?;
    let reps = rows.into_iter().map(|row| Rep {
        id: row.id(),
        limits: held.reps.get(&row.rep_id).copied().unwrap_or_default(),
        salesforce_user_id: Arc::from(row.external_id),
        active: row.active,
        paused: row.paused,
    });
    let queues = queues_all(tx)?
        .into_iter()
        .map(|row| (row.id(), Arc::from(row.external_id)));
    let state = RoutingState::new(reps, queues.collect::<Vec<_>>(), by_pool);
    Ok(state.with_places(held.places, tx.now()))
}

/// Stores the credit of the members whose credit changed.
#[expect(
    clippy::disallowed_methods,
    reason = "many rows in one statement, by unnest"
)]
pub(crate) fn credits_store(
    tx: &mut TenantTx<'_>,
    before: &HashMap<PoolId, Pool>,
    after: &HashMap<PoolId, Pool>,
) -> Result<(), RoutingError> {
    let (mut pools, mut reps, mut credits) = (Vec::new(), Vec::new(), Vec::new());
    for (id, pool) in after {
        let old = before
            .get(id)
            .map(|pool| pool.members.as_slice())
            .unwrap_or_default();
        let old = old
            .iter()
            .map(|member| Some(member.credit))
            .chain(std::iter::repeat(None));
        for (member, _) in pool
            .members
            .iter()
            .zip(old)
            .filter(|(m, old)| Some(m.credit) != *old)
        {
            pools.push(id.uuid());
            reps.push(member.rep.uuid());
            credits.push(member.credit);
        }
    }
    if pools.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().uuid();
    diesel::sql_query(
        "UPDATE pool_members m SET credit = page.credit \
         FROM unnest($2, $3, $4) AS page (pool_id, rep_id, credit) \
         WHERE m.tenant_id = $1 AND m.pool_id = page.pool_id AND m.rep_id = page.rep_id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(pools)
    .bind::<Array<SqlUuid>, _>(reps)
    .bind::<Array<BigInt>, _>(credits)
    .execute(tx.conn())?;
    Ok(())
}
