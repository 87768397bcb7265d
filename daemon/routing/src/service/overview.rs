//! The figures of the overview: today's routing, by hour and by rep.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName, RunQueryDsl,
    dsl::count_star,
    sql_types::{BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use kernel::RepId;
use schema::assignments;
use uuid::Uuid;

use crate::{
    error::RoutingError,
    service::{
        failures::{Accounting, accounting},
        pools::share,
    },
    store::{members_all, reps_all},
};

#[derive(Debug)]
pub struct Overview {
    pub since: DateTime<Utc>,
    /// Records whose owner was settled since then.
    pub routed: i64,
    /// All records, where they stand now.
    pub accounting: Accounting,
    pub median_seconds_to_owner: Option<f64>,
    pub p90_seconds_to_owner: Option<f64>,
    /// 24 hours from `since`.
    pub by_hour: Vec<Hour>,
    pub by_rep: Vec<RepShare>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    pub hour: usize,
    pub routed: i64,
    pub failed: i64,
}

#[derive(Debug)]
pub struct RepShare {
    pub rep: RepId,
    pub name: String,
    pub routed: i64,
    /// What the weights of the pools would have given, of the records that pools took; 0 to 1.
    pub ideal_share: Option<f64>,
    /// What it was.
    pub share: Option<f64>,
}

#[derive(QueryableByName)]
struct Start {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    since: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Bool)]
    known: bool,
}

/// When the day of `now` began in a time zone of the IANA database.
///
/// # Errors
/// `TimeZone` when the database does not know the name.
#[expect(clippy::disallowed_methods, reason = "PostgreSQL holds the time zones")]
pub fn day_start(tx: &mut TenantTx<'_>, zone: &str) -> Result<DateTime<Utc>, RoutingError> {
    let known: Vec<Known> =
        diesel::sql_query("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1) AS known")
            .bind::<Text, _>(zone)
            .load(tx.conn())?;
    if !known.iter().any(|row| row.known) {
        return Err(RoutingError::TimeZone);
    }
    let now = tx.now();
    let start: Start =
        diesel::sql_query("SELECT date_trunc('day', $1 AT TIME ZONE $2) AT TIME ZONE $2 AS since")
            .bind::<Timestamptz, _>(now)
            .bind::<Text, _>(zone)
            .get_result(tx.conn())?;
    start.since.ok_or(RoutingError::TimeZone)
}

/// A record decided about shortly before midnight is written after it.
const LOOK_BACK: TimeDelta = TimeDelta::days(2);

/// The figures since `since`, which is the start of the viewer's day.
pub fn overview(tx: &mut TenantTx<'_>, since: DateTime<Utc>) -> Result<Overview, RoutingError> {
    let times = times(tx, since)?;
    let by_hour = by_hour(tx, since)?;
    let by_rep = by_rep(tx, since)?;
    Ok(Overview {
        since,
        routed: times.routed,
        accounting: accounting(tx)?,
        median_seconds_to_owner: times.median,
        p90_seconds_to_owner: times.p90,
        by_hour,
        by_rep,
    })
}

#[derive(QueryableByName)]
struct Times {
    #[diesel(sql_type = BigInt)]
    routed: i64,
    #[diesel(sql_type = Nullable<Double>)]
    median: Option<f64>,
    #[diesel(sql_type = Nullable<Double>)]
    p90: Option<f64>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "percentiles are not in the query builder"
)]
fn times(tx: &mut TenantTx<'_>, since: DateTime<Utc>) -> Result<Times, RoutingError> {
    let tenant = tx.tenant().uuid();
    Ok(diesel::sql_query(
        "SELECT count(*) AS routed, \
            percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median, \
            percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90 \
         FROM (SELECT greatest(extract(epoch FROM written_at - source_created_at), 0)::float8 AS seconds \
               FROM assignments WHERE tenant_id = $1 AND decided_at >= $2 AND written_at >= $3 \
                 AND state = 'assigned') AS done",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Timestamptz, _>(since - LOOK_BACK)
    .bind::<Timestamptz, _>(since)
    .get_result(tx.conn())?)
}

#[derive(QueryableByName)]
struct HourRow {
    #[diesel(sql_type = Integer)]
    hour: i32,
    #[diesel(sql_type = BigInt)]
    routed: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "hours of a day are not in the query builder"
)]
fn by_hour(tx: &mut TenantTx<'_>, since: DateTime<Utc>) -> Result<Vec<Hour>, RoutingError> {
    let tenant = tx.tenant().uuid();
    let rows: Vec<HourRow> = diesel::sql_query(
        "SELECT hour, sum(routed)::int8 AS routed, sum(failed)::int8 AS failed FROM ( \
            SELECT least(floor(extract(epoch FROM written_at - $3) / 3600), 23)::int4 AS hour, \
                   1 AS routed, 0 AS failed \
            FROM assignments WHERE tenant_id = $1 AND decided_at >= $2 AND written_at >= $3 \
              AND state = 'assigned' \
            UNION ALL \
            SELECT least(floor(extract(epoch FROM updated_at - $3) / 3600), 23)::int4, 0, 1 \
            FROM routing_records WHERE tenant_id = $1 AND updated_at >= $3 \
              AND state IN ('failed', 'given_up') \
         ) AS happened GROUP BY hour",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Timestamptz, _>(since - LOOK_BACK)
    .bind::<Timestamptz, _>(since)
    .load(tx.conn())?;
    let found: HashMap<usize, &HourRow> = rows
        .iter()
        .filter_map(|row| Some((usize::try_from(row.hour).ok()?, row)))
        .collect();
    let hour = |hour| {
        let (routed, failed) = found
            .get(&hour)
            .map_or((0, 0), |row| (row.routed, row.failed));
        Hour {
            hour,
            routed,
            failed,
        }
    };
    Ok((0..24).map(hour).collect())
}

type Taken = (String, Uuid, Option<Uuid>, i64);

fn by_rep(tx: &mut TenantTx<'_>, since: DateTime<Utc>) -> Result<Vec<RepShare>, RoutingError> {
    let taken: Vec<Taken> = assignments::table
        .filter(assignments::tenant_id.eq(tx.tenant().uuid()))
        .filter(assignments::decided_at.ge(since - LOOK_BACK))
        .filter(assignments::written_at.ge(since))
        .filter(assignments::state.eq("assigned"))
        .group_by((
            assignments::target_kind,
            assignments::target_id,
            assignments::rep_id,
        ))
        .select((
            assignments::target_kind,
            assignments::target_id,
            assignments::rep_id,
            count_star(),
        ))
        .load(tx.conn())?;
    let names: HashMap<Uuid, String> = reps_all(tx)?
        .into_iter()
        .map(|rep| (rep.rep_id, rep.name))
        .collect();
    let ideal = ideal(tx, &taken)?;
    let mut routed: HashMap<Uuid, i64> = HashMap::new();
    for (_, _, rep, count) in &taken {
        if let Some(rep) = rep {
            let sum = routed.entry(*rep).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    for rep in ideal.keys() {
        routed.entry(*rep).or_default();
    }
    let total = routed.values().sum();
    let mut shares: Vec<RepShare> = routed
        .into_iter()
        .map(|(rep, routed)| RepShare {
            rep: RepId::from_uuid(rep),
            name: names.get(&rep).cloned().unwrap_or_default(),
            routed,
            ideal_share: ideal.get(&rep).copied(),
            share: share(routed, total),
        })
        .collect();
    shares.sort_by(|a, b| b.routed.cmp(&a.routed).then_with(|| a.name.cmp(&b.name)));
    Ok(shares)
}

/// Each pool's records divided by the members' weights, summed over the pools.
fn ideal(tx: &mut TenantTx<'_>, taken: &[Taken]) -> Result<HashMap<Uuid, f64>, RoutingError> {
    let mut by_pool: HashMap<Uuid, i64> = HashMap::new();
    for (_, pool, _, count) in taken.iter().filter(|(kind, ..)| kind == "pool") {
        let sum = by_pool.entry(*pool).or_default();
        *sum = sum.saturating_add(*count);
    }
    let total: i64 = by_pool.values().sum();
    let members = members_all(tx)?;
    let mut weights: HashMap<Uuid, i64> = HashMap::new();
    for member in &members {
        let sum = weights.entry(member.pool_id).or_default();
        *sum = sum.saturating_add(i64::from(member.weight));
    }
    let mut ideal: HashMap<Uuid, f64> = HashMap::new();
    for member in &members {
        let of_pool = by_pool
            .get(&member.pool_id)
            .and_then(|count| share(*count, total));
        let weight = weights.get(&member.pool_id).copied().unwrap_or(0);
        if let (Some(of_pool), Some(part)) = (of_pool, share(i64::from(member.weight), weight)) {
            *ideal.entry(member.rep_id).or_default() += of_pool * part;
        }
    }
    Ok(ideal)
}

/// Records that each rep got since `since`.
pub fn routed_by_rep(
    tx: &mut TenantTx<'_>,
    since: DateTime<Utc>,
) -> Result<HashMap<Uuid, i64>, RoutingError> {
    let shares = by_rep(tx, since)?;
    Ok(shares
        .into_iter()
        .map(|share| (share.rep.uuid(), share.routed))
        .collect())
}
