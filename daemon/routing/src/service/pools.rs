//! Pools of reps who take turns.

use std::collections::{BTreeSet, HashMap};

use audit::Entry;
use chrono::{DateTime, TimeDelta, Utc};
use db::{DbError, TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper, dsl::count_star};
use kernel::{Action, CalendarId, PoolId, RepId, RuleId};
use schema::{assignments, pool_members, pools, reps, routers};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::{
        caps::Caps,
        decide::Standing,
        pool::{Member, Pool},
        rules::{GiveTo, RoutingState, Target},
    },
    service::{
        availability::{caps_json, changed, check_calendar, check_caps, stored_caps},
        routers::router_list,
    },
    store::{
        MemberRow, PoolRow, members_all, pools_all, target_of,
        territories::set_of,
        turns::state_seen,
        versions::{decides_all, published_all, rules_standing},
    },
};

/// A pool as a person writes it.
#[derive(Clone, Debug)]
pub struct PoolInput {
    pub name: String,
    pub members: Vec<(RepId, u32)>,
    /// Whose holidays keep every member away from this pool.
    pub calendar: Option<CalendarId>,
    /// What each member may have through this pool.
    pub caps: Caps,
}

/// A member, with what its turns came to in the last 7 days.
#[derive(Clone, Debug)]
pub struct PoolMember {
    pub rep: RepId,
    pub weight: u32,
    /// Its share of the pool's weight, 0 to 1.
    pub share_ideal: f64,
    /// Its share of the records that the pool took, 0 to 1; `None` when it took none.
    pub share_7d: Option<f64>,
    pub assigned_7d: i64,
    /// Whether the pool would give the member a turn now.
    pub standing: Standing,
    /// When the member is back by itself: `None` when that is not known, or the member is there.
    pub back: Option<DateTime<Utc>>,
    /// Whether the pool's next record is this member's, as things stand.
    pub next: bool,
    /// Records that the pool owes the member before that turn; below zero: that it has had ahead of
    /// its share. `None` for who is not in play.
    pub owed: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct PoolEntry {
    pub pool: PoolRow,
    pub members: Vec<PoolMember>,
    pub used_by: Vec<(RuleId, String)>,
}

pub fn pool_list(tx: &mut TenantTx<'_>) -> Result<Vec<PoolEntry>, RoutingError> {
    let pools = pools_all(tx)?;
    let mut members: HashMap<Uuid, Vec<MemberRow>> = HashMap::new();
    for member in members_all(tx)? {
        members.entry(member.pool_id).or_default().push(member);
    }
    let taken = taken_7d(tx)?;
    let state = state_seen(tx)?;
    let mut used = users(tx)?;
    let entry = |pool: PoolRow| {
        let rows = members.remove(&pool.pool_id).unwrap_or_default();
        let members = shares(&rows, &taken, &state);
        let used_by = used.remove(&pool.id()).unwrap_or_default();
        PoolEntry {
            pool,
            members,
            used_by,
        }
    };
    Ok(pools.into_iter().map(entry).collect())
}

pub fn pool_get(tx: &mut TenantTx<'_>, id: PoolId) -> Result<PoolEntry, RoutingError> {
    let found = pool_list(tx)?
        .into_iter()
        .find(|entry| entry.pool.id() == id);
    found.ok_or_else(|| DbError::NotFound.into())
}

/// Records that each rep took through each pool.
fn taken_7d(tx: &mut TenantTx<'_>) -> Result<HashMap<(Uuid, Uuid), i64>, RoutingError> {
    let since = tx.now() - TimeDelta::days(7);
    let rows: Vec<(Uuid, Option<Uuid>, i64)> = assignments::table
        .filter(assignments::tenant_id.eq(tx.tenant().uuid()))
        .filter(assignments::decided_at.ge(since))
        .filter(assignments::state.eq("assigned"))
        .filter(assignments::target_kind.eq("pool"))
        .group_by((assignments::target_id, assignments::rep_id))
        .select((assignments::target_id, assignments::rep_id, count_star()))
        .load(tx.conn())?;
    Ok(rows
        .into_iter()
        .filter_map(|(pool, rep, count)| Some(((pool, rep?), count)))
        .collect())
}

fn shares(
    rows: &[MemberRow],
    taken: &HashMap<(Uuid, Uuid), i64>,
    state: &RoutingState,
) -> Vec<PoolMember> {
    let count = |row: &MemberRow| taken.get(&(row.pool_id, row.rep_id)).copied().unwrap_or(0);
    let weight: i64 = rows.iter().map(|row| i64::from(row.weight)).sum();
    let total: i64 = rows.iter().map(count).sum();
    let turn = rows
        .first()
        .map(|row| Turn::next(PoolId::from_uuid(row.pool_id), state));
    let turn = turn.unwrap_or_default();
    rows.iter()
        .map(|row| {
            (
                row,
                PoolId::from_uuid(row.pool_id),
                RepId::from_uuid(row.rep_id),
            )
        })
        .map(|(row, pool, rep)| PoolMember {
            rep,
            standing: state.standing(rep, Some(pool)),
            back: state.back(rep, Some(pool)),
            next: turn.rep == Some(rep),
            owed: turn.owed(rep),
            weight: u32::try_from(row.weight).unwrap_or(1),
            share_ideal: share(i64::from(row.weight), weight).unwrap_or(0.0),
            share_7d: share(count(row), total),
            assigned_7d: count(row),
        })
        .collect()
}

/// A pool's next turn, looked at and not given.
#[derive(Default)]
struct Turn {
    rep: Option<RepId>,
    /// What those in play are owed before it, in parts of a round's weight.
    credits: HashMap<RepId, i64>,
    round: i64,
}

impl Turn {
    fn next(id: PoolId, state: &RoutingState) -> Self {
        let Some(mut pool) = state.pools().get(&id).cloned() else {
            return Self::default();
        };
        let there = |member: &Member| state.standing(member.rep, Some(id)).is_available();
        let round = pool.members.iter().filter(|member| there(member));
        let round = round.map(|member| i64::from(member.weight)).sum();
        let chosen = pool.turn(|_, member| there(member));
        let rep = chosen.and_then(|at| Some(pool.members.get(at)?.rep));
        // The turn calibrates first: taken back, it leaves what each is owed now.
        if let Some(at) = chosen {
            pool.give_back(at, |_, member| there(member));
        }
        let in_play = pool.members.iter().filter(|member| there(member));
        Self {
            rep,
            credits: in_play.map(|member| (member.rep, member.credit)).collect(),
            round,
        }
    }

    fn owed(&self, rep: RepId) -> Option<f64> {
        share(*self.credits.get(&rep)?, self.round)
    }
}

/// `None` of nothing. Counts beyond 2^31 do not occur within a week.
pub(crate) fn share(part: i64, whole: i64) -> Option<f64> {
    let float = |n: i64| i32::try_from(n).map(f64::from).ok();
    (whole > 0)
        .then(|| Some(float(part)? / float(whole)?))
        .flatten()
}

/// The rules, by the pool that is their target. A router's fallback counts as a use without a rule.
fn users(tx: &mut TenantTx<'_>) -> Result<HashMap<PoolId, Vec<(RuleId, String)>>, RoutingError> {
    let mut users: HashMap<PoolId, Vec<(RuleId, String)>> = HashMap::new();
    for (_, rule) in rules_standing(tx)? {
        if let GiveTo::Pool { pool_id } = rule.target {
            let users = users.entry(pool_id).or_default();
            if !users.iter().any(|(id, _)| *id == rule.id) {
                users.push((rule.id, rule.name));
            }
        }
    }
    Ok(users)
}

pub fn pool_create(tx: &mut TenantTx<'_>, input: &PoolInput) -> Result<PoolEntry, RoutingError> {
    check(tx, input)?;
    let [hour, day, week] = stored_caps(input.caps);
    let (id, now) = (PoolId::generate(tx.clock().as_ref()), tx.now());
    let added = diesel::insert_into(pools::table)
        .values((
            pools::tenant_id.eq(tx.tenant().uuid()),
            pools::pool_id.eq(id.uuid()),
            pools::name.eq(input.name.trim()),
            pools::calendar_id.eq(input.calendar.map(CalendarId::uuid)),
            pools::cap_hour.eq(hour),
            pools::cap_day.eq(day),
            pools::cap_week.eq(week),
            pools::created_at.eq(now),
            pools::updated_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    if added == 0 {
        return Err(RoutingError::NameTaken);
    }
    members_insert(tx, id, &Pool::default().with_members(&input.members))?;
    Entry::new(Action::PoolCreate, "pool", id)
        .after(written(input))
        .write(tx)?;
    db::hint(tx, "reps")?;
    pool_get(tx, id)
}

/// Changes name, members and weights. Who stays keeps the turns that are owed.
pub fn pool_update(
    tx: &mut TenantTx<'_>,
    id: PoolId,
    version: i64,
    input: &PoolInput,
) -> Result<PoolEntry, RoutingError> {
    let (row, before) = locked(tx, id)?;
    if row.version != version {
        return Err(RoutingError::VersionConflict);
    }
    check(tx, input)?;
    let name_taken = pools_all(tx)?
        .iter()
        .any(|other| other.pool_id != id.uuid() && other.name == input.name.trim());
    if name_taken {
        return Err(RoutingError::NameTaken);
    }
    let [hour, day, week] = stored_caps(input.caps);
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    diesel::update(pools::table)
        .filter(pools::tenant_id.eq(tenant))
        .filter(pools::pool_id.eq(id.uuid()))
        .set((
            pools::name.eq(input.name.trim()),
            pools::calendar_id.eq(input.calendar.map(CalendarId::uuid)),
            pools::cap_hour.eq(hour),
            pools::cap_day.eq(day),
            pools::cap_week.eq(week),
            pools::version.eq(version.saturating_add(1)),
            pools::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    members_delete(tx, id)?;
    members_insert(tx, id, &before.with_members(&input.members))?;
    let entry = Entry::new(Action::PoolUpdate, "pool", id);
    entry
        .before(stored(&row, &before))
        .after(written(input))
        .write(tx)?;
    changed(tx)?;
    pool_get(tx, id)
}

/// # Errors
/// `PoolInUse` while a rule or a router's fallback hands records to it, `PoolOwns` while it owns
/// territories.
pub fn pool_delete(tx: &mut TenantTx<'_>, id: PoolId) -> Result<(), RoutingError> {
    let (row, before) = locked(tx, id)?;
    let rules = users(tx)?.remove(&id).unwrap_or_default();
    if !rules.is_empty() || is_fallback(tx, id)? {
        return Err(RoutingError::PoolInUse { rules });
    }
    let territories = owned(tx, Target::Pool { pool_id: id })?;
    if !territories.is_empty() {
        return Err(RoutingError::PoolOwns { territories });
    }
    diesel::delete(pools::table)
        .filter(pools::tenant_id.eq(tx.tenant().uuid()))
        .filter(pools::pool_id.eq(id.uuid()))
        .execute(tx.conn())?;
    Entry::new(Action::PoolDelete, "pool", id)
        .before(stored(&row, &before))
        .write(tx)?;
    db::hint(tx, "reps")?;
    Ok(())
}

/// The territories that somebody owns, in the drafts or in what decides.
fn owned(tx: &mut TenantTx<'_>, owner: Target) -> Result<BTreeSet<String>, RoutingError> {
    let mut sets: BTreeSet<(Uuid, i64)> = BTreeSet::new();
    for router in router_list(tx)? {
        sets.extend(router.territories.map(|number| (router.router_id, number)));
    }
    for version in decides_all(tx)? {
        sets.extend(
            version
                .territories
                .map(|number| (version.router_id, number)),
        );
    }
    let mut owned = BTreeSet::new();
    for (router, number) in sets {
        let set = set_of(tx, router, Some(number))?;
        let territories = set.territories.iter().filter(|one| one.owner == owner);
        owned.extend(territories.map(|one| one.name.clone()));
    }
    Ok(owned)
}

fn is_fallback(tx: &mut TenantTx<'_>, id: PoolId) -> Result<bool, RoutingError> {
    let fallbacks: Vec<Option<Json>> = routers::table
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .select(routers::fallback)
        .load(tx.conn())?;
    let targets = fallbacks
        .iter()
        .flatten()
        .map(target_of)
        .collect::<Result<Vec<_>, _>>()?;
    let decides = published_all(tx)?
        .into_iter()
        .filter_map(|(_, book)| book.fallback);
    Ok(targets
        .into_iter()
        .chain(decides)
        .any(|target| target == Target::Pool { pool_id: id }))
}

fn locked(tx: &mut TenantTx<'_>, id: PoolId) -> Result<(PoolRow, Pool), RoutingError> {
    let row = pools::table
        .filter(pools::tenant_id.eq(tx.tenant().uuid()))
        .filter(pools::pool_id.eq(id.uuid()))
        .select(PoolRow::as_select())
        .for_update()
        .first(tx.conn())?;
    let member = |row: MemberRow| Member {
        rep: RepId::from_uuid(row.rep_id),
        weight: u32::try_from(row.weight).unwrap_or(1),
        credit: row.credit,
    };
    let members = members_all(tx)?
        .into_iter()
        .filter(|row| row.pool_id == id.uuid());
    Ok((
        row,
        Pool {
            members: members.map(member).collect(),
        },
    ))
}

fn members_delete(tx: &mut TenantTx<'_>, id: PoolId) -> Result<(), RoutingError> {
    diesel::delete(pool_members::table)
        .filter(pool_members::tenant_id.eq(tx.tenant().uuid()))
        .filter(pool_members::pool_id.eq(id.uuid()))
        .execute(tx.conn())?;
    Ok(())
}

fn members_insert(tx: &mut TenantTx<'_>, id: PoolId, pool: &Pool) -> Result<(), RoutingError> {
    let tenant = tx.tenant().uuid();
    let row = |member: &Member| {
        (
            pool_members::tenant_id.eq(tenant),
            pool_members::pool_id.eq(id.uuid()),
            pool_members::rep_id.eq(member.rep.uuid()),
            pool_members::weight.eq(i32::try_from(member.weight).unwrap_or(1)),
            pool_members::credit.eq(member.credit),
        )
    };
    let rows: Vec<_> = pool.members.iter().map(row).collect();
    diesel::insert_into(pool_members::table)
        .values(&rows)
        .execute(tx.conn())?;
    Ok(())
}

/// Most members of a pool.
const MAX_MEMBERS: usize = 500;

fn check(tx: &mut TenantTx<'_>, input: &PoolInput) -> Result<(), RoutingError> {
    if !(1..=100).contains(&input.name.trim().chars().count()) {
        return Err(RoutingError::Name);
    }
    check_caps(input.caps)?;
    check_calendar(tx, input.calendar)?;
    let ids: BTreeSet<Uuid> = input.members.iter().map(|(rep, _)| rep.uuid()).collect();
    let weights = input
        .members
        .iter()
        .all(|(_, weight)| (1..=1000).contains(weight));
    if !weights || ids.len() != input.members.len() || ids.len() > MAX_MEMBERS {
        return Err(RoutingError::Members);
    }
    let known: i64 = reps::table
        .filter(reps::tenant_id.eq(tx.tenant().uuid()))
        .filter(reps::rep_id.eq_any(&ids))
        .select(count_star())
        .first(tx.conn())?;
    if usize::try_from(known) == Ok(ids.len()) {
        Ok(())
    } else {
        Err(RoutingError::Members)
    }
}

fn written(input: &PoolInput) -> Json {
    let members: Vec<_> = input
        .members
        .iter()
        .map(|(rep, weight)| json!([rep, weight]))
        .collect();
    json!({
        "name": input.name.trim(), "members": members, "calendar": input.calendar,
        "caps": caps_json(input.caps),
    })
}

fn stored(row: &PoolRow, pool: &Pool) -> Json {
    let members: Vec<_> = pool
        .members
        .iter()
        .map(|m| json!([m.rep, m.weight]))
        .collect();
    json!({
        "name": row.name, "members": members, "caps": caps_json(row.caps()),
        "calendar": row.calendar_id.map(CalendarId::from_uuid),
    })
}
