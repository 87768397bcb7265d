//! When reps are there and what they were given, made ready for one moment.
//!
//! Caps are counted in the routing log itself, so there is no counter that a crash could leave wrong:
//! a decision counts in the window in which it was made, while its record's write is still open or
//! after it was done. Whoever decides takes turns with all others of the tenant first, so nobody
//! counts while another is about to add.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName, RunQueryDsl, SelectableHelper,
    sql_types::{Array, BigInt, Nullable, Timestamptz, Uuid as SqlUuid},
};
use kernel::{PoolId, RepId};
use schema::{holiday_calendars, time_off};
use uuid::Uuid;

use crate::{
    availability::{CalendarTimeOff, with_calendar},
    error::RoutingError,
    model::{
        caps::{Caps, Load, Windows},
        hours::WeekHours,
        limits::Limits,
        rules::Places,
        schedule::Schedule,
    },
    store::{CalendarRow, MemberRow, PoolRow, RepRow, TimeOffRow, marks::column},
};

/// Holidays and time off of the tenant.
pub(crate) struct Calendars {
    holidays: HashMap<Uuid, Arc<BTreeSet<NaiveDate>>>,
    time_off: HashMap<Uuid, CalendarTimeOff>,
}

impl Calendars {
    pub(crate) fn load(
        tx: &mut TenantTx<'_>,
        reps: &[RepRow],
        pools: &[PoolRow],
    ) -> Result<Self, RoutingError> {
        let named = reps.iter().any(|rep| rep.calendar_id.is_some())
            || pools.iter().any(|pool| pool.calendar_id.is_some());
        let calendars = if named {
            calendars_all(tx)?
        } else {
            Vec::new()
        };
        let holidays = calendars
            .into_iter()
            .map(|row| {
                let days = row.days()?.into_iter().map(|holiday| holiday.day).collect();
                Ok((row.calendar_id, Arc::new(days)))
            })
            .collect::<Result<_, RoutingError>>()?;
        let mut time_off: HashMap<Uuid, CalendarTimeOff> = HashMap::new();
        for row in time_off_ahead(tx)? {
            time_off.entry(row.rep_id).or_default().off.push(row.off());
        }
        Ok(Self { holidays, time_off })
    }

    /// When a rep is there, through a pool with a calendar of its own or not.
    pub(crate) fn schedule(
        &self,
        rep: &RepRow,
        pool: Option<&PoolRow>,
    ) -> Result<Schedule, RoutingError> {
        let calendars = [rep.calendar_id, pool.and_then(|pool| pool.calendar_id)];
        let holidays = calendars
            .into_iter()
            .flatten()
            .filter_map(|id| self.holidays.get(&id));
        let schedule = Schedule {
            zone: rep.zone()?,
            hours: rep.hours()?,
            holidays: holidays.cloned().collect(),
            time_off: Vec::new(),
            spells: Vec::new(),
        };
        Ok(match self.time_off.get(&rep.rep_id) {
            Some(off) => with_calendar(schedule, off),
            None => schedule,
        })
    }
}

impl RepRow {
    pub(crate) fn zone(&self) -> Result<Tz, RoutingError> {
        let name = self.time_zone.as_deref().unwrap_or("UTC");
        name.parse()
            .map_err(|_| RoutingError::Stored { what: "time zone" })
    }
    pub fn hours(&self) -> Result<Option<WeekHours>, RoutingError> {
        let read = |minutes: &Vec<i32>| {
            WeekHours::from_stored(minutes).ok_or(RoutingError::Stored { what: "hours" })
        };
        self.hours.as_ref().map(read).transpose()
    }
    pub fn caps(&self) -> Caps {
        caps(self.cap_hour, self.cap_day, self.cap_week)
    }
}

impl PoolRow {
    /// The caps that it sets for each of its members.
    pub fn caps(&self) -> Caps {
        caps(self.cap_hour, self.cap_day, self.cap_week)
    }
}

fn caps(hour: Option<i32>, day: Option<i32>, week: Option<i32>) -> Caps {
    let most = |cap: Option<i32>| cap.and_then(|cap| u32::try_from(cap).ok());
    Caps {
        hour: most(hour),
        day: most(day),
        week: most(week),
    }
}

/// Every calendar, by name.
pub(crate) fn calendars_all(tx: &mut TenantTx<'_>) -> Result<Vec<CalendarRow>, RoutingError> {
    Ok(holiday_calendars::table
        .filter(holiday_calendars::tenant_id.eq(tx.tenant().uuid()))
        .order((holiday_calendars::name, holiday_calendars::calendar_id))
        .select(CalendarRow::as_select())
        .load(tx.conn())?)
}

/// Time off that is not over everywhere, the earliest first.
pub(crate) fn time_off_ahead(tx: &mut TenantTx<'_>) -> Result<Vec<TimeOffRow>, RoutingError> {
    let (tenant, today) = (tx.tenant().uuid(), tx.now().date_naive());
    // West of here it is still yesterday.
    let since = today.checked_sub_days(Days::new(1)).unwrap_or(today);
    Ok(time_off::table
        .filter(time_off::tenant_id.eq(tenant))
        .filter(time_off::last_day.ge(since))
        .order((time_off::first_day, time_off::time_off_id))
        .select(TimeOffRow::as_select())
        .load(tx.conn())?)
}

/// What holds reps back, anywhere and in these pools.
pub(crate) struct Held {
    pub(crate) reps: HashMap<Uuid, Limits>,
    pub(crate) places: Places,
}

/// What holds them back now. With `deciding`, the tenant's decisions take turns from here on, if
/// anything is counted.
pub(crate) fn held(
    tx: &mut TenantTx<'_>,
    reps: &[RepRow],
    pools: &[PoolRow],
    members: &[MemberRow],
    deciding: bool,
) -> Result<Held, RoutingError> {
    let calendars = Calendars::load(tx, reps, pools)?;
    let now = tx.now();
    let mut held = Held {
        reps: HashMap::with_capacity(reps.len()),
        places: Places::new(),
    };
    let by_id: HashMap<Uuid, &RepRow> = reps.iter().map(|rep| (rep.rep_id, rep)).collect();
    for rep in reps {
        let (schedule, caps) = (calendars.schedule(rep, None)?, rep.caps());
        if !schedule.is_always() || !caps.is_none() {
            let limits = Limits::new(&schedule, now, caps, !caps.is_none());
            held.reps.insert(rep.rep_id, limits);
        }
    }
    let strict: HashMap<Uuid, &PoolRow> = pools
        .iter()
        .filter(|pool| pool.calendar_id.is_some() || !pool.caps().is_none())
        .map(|pool| (pool.pool_id, pool))
        .collect();
    for member in members {
        let (Some(pool), Some(rep)) = (strict.get(&member.pool_id), by_id.get(&member.rep_id))
        else {
            continue;
        };
        let schedule = calendars.schedule(rep, Some(pool))?;
        let counted = !pool.caps().is_none() || !rep.caps().is_none();
        let limits = Limits::new(&schedule, now, pool.caps(), counted);
        let place = (pool.id(), RepId::from_uuid(member.rep_id));
        held.places.insert(place, limits);
    }
    loads(tx, &mut held, deciding)?;
    Ok(held)
}

/// A window to count in: of a rep, or of a rep's place in a pool.
struct Count {
    rep: Uuid,
    pool: Option<Uuid>,
    windows: Windows,
    since: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = SqlUuid)]
    rep_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pool_id: Option<Uuid>,
    #[diesel(sql_type = BigInt)]
    hour: i64,
    #[diesel(sql_type = BigInt)]
    day: i64,
    #[diesel(sql_type = BigInt)]
    week: i64,
}

/// Each window's records, found by one range of the log's index for each rep. What failed counts while
/// it is still its record's assignment: it may be written again as it was decided.
pub(crate) const LOADS: &str = "SELECT w.rep_id, w.pool_id, \
        count(*) FILTER (WHERE a.decided_at >= w.hour_from) AS hour, \
        count(*) FILTER (WHERE a.decided_at >= w.day_from) AS day, \
        count(*) FILTER (WHERE a.decided_at >= w.week_from) AS week \
     FROM unnest($2, $3, $4, $5, $6, $7) AS w (rep_id, pool_id, hour_from, day_from, week_from, since) \
     CROSS JOIN LATERAL (SELECT a.decided_at FROM assignments a \
        WHERE a.tenant_id = $1 AND a.rep_id = w.rep_id AND a.decided_at >= w.since \
          AND (w.pool_id IS NULL OR (a.target_kind = 'pool' AND a.target_id = w.pool_id)) \
          AND (a.state <> 'failed' OR EXISTS (SELECT FROM routing_records r \
             WHERE r.tenant_id = $1 AND r.object = a.object AND r.record_id = a.record_id \
               AND r.assignment_id = a.assignment_id))) AS a \
     GROUP BY w.rep_id, w.pool_id";

#[expect(
    clippy::disallowed_methods,
    reason = "every window in one statement, by unnest"
)]
fn loads(tx: &mut TenantTx<'_>, held: &mut Held, deciding: bool) -> Result<(), RoutingError> {
    let of_reps = held.reps.iter().map(|(rep, limits)| (*rep, None, limits));
    let of_places = held
        .places
        .iter()
        .map(|((pool, rep), limits)| (rep.uuid(), Some(pool.uuid()), limits));
    let counts: Vec<Count> = of_reps
        .chain(of_places)
        .filter_map(|(rep, pool, limits)| count(rep, pool, limits))
        .collect();
    if counts.is_empty() {
        return Ok(());
    }
    if deciding {
        db::take_turn(tx, "caps")?;
    }
    let tenant = tx.tenant().uuid();
    let rows: Vec<Counted> = diesel::sql_query(LOADS)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(column(&counts, |count| count.rep))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(&counts, |count| count.pool))
        .bind::<Array<Timestamptz>, _>(column(&counts, |count| count.windows.hour.from))
        .bind::<Array<Timestamptz>, _>(column(&counts, |count| count.windows.day.from))
        .bind::<Array<Timestamptz>, _>(column(&counts, |count| count.windows.week.from))
        .bind::<Array<Timestamptz>, _>(column(&counts, |count| count.since))
        .load(tx.conn())?;
    let narrow = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    for row in rows {
        let limits = match row.pool_id {
            None => held.reps.get_mut(&row.rep_id),
            Some(pool) => held
                .places
                .get_mut(&(PoolId::from_uuid(pool), RepId::from_uuid(row.rep_id))),
        };
        if let Some(limits) = limits {
            limits.load = Load {
                hour: narrow(row.hour),
                day: narrow(row.day),
                week: narrow(row.week),
            };
        }
    }
    Ok(())
}

fn count(rep: Uuid, pool: Option<Uuid>, limits: &Limits) -> Option<Count> {
    let windows = limits.windows?;
    let caps = limits.caps;
    // The widest window that a cap asks for: the others lie in it.
    let since = match (caps.week, caps.day, caps.hour) {
        (Some(_), ..) => windows.week.from,
        (None, Some(_), _) => windows.day.from.min(windows.hour.from),
        (None, None, Some(_)) => windows.hour.from,
        (None, None, None) => return None,
    };
    Some(Count {
        rep,
        pool,
        windows,
        since,
    })
}
