//! Rows, and the queries that more than one verb needs.

pub(crate) mod claims;
pub(crate) mod inputs;
pub(crate) mod marks;
pub(crate) mod presence;
pub(crate) mod territories;
pub(crate) mod turns;
pub(crate) mod versions;

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use kernel::{CalendarId, PoolId, QueueId, RepId, RouterId, RuleId, TimeOffId};
use layer::Object;
use schema::{holiday_calendars, pool_members, pools, queues, reps, routers, rules, time_off};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    availability::TimeOff,
    error::RoutingError,
    model::rules::{GiveTo, Target, Unavailable},
};

/// A router: one per object. `state` is `off`, `baselining`, `active` or `paused`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = routers)]
pub struct Router {
    pub router_id: Uuid,
    pub object: String,
    pub state: String,
    /// What the person wrote.
    pub enrollment: String,
    /// Printed from the syntax tree: what is sent.
    pub canonical: String,
    pub fallback: Option<Json>,
    pub cycle_seconds: i32,
    /// The newest modification time that was fetched.
    pub watermark: Option<DateTime<Utc>>,
    /// Raised by each activation; a cycle that began under an older one stops.
    pub epoch: i32,
    pub activated_at: Option<DateTime<Utc>>,
    pub activated_by: Option<Uuid>,
    pub last_cycle: Option<Json>,
    /// Raised by each change of the draft: its rules, their order, the fallback.
    pub rules_version: i64,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The version of the rules that decides; `None` while none was published.
    pub published: Option<i64>,
    /// What making sampled decisions again came to, last night.
    pub recomputed: Option<Json>,
    /// The draft's set of territories; `None` while it has none.
    pub territories: Option<i64>,
}

impl Router {
    pub const fn id(&self) -> RouterId {
        RouterId::from_uuid(self.router_id)
    }
    pub fn object(&self) -> Result<Object, RoutingError> {
        Object::from_name(&self.object).ok_or(RoutingError::Stored { what: "object" })
    }
    pub fn fallback(&self) -> Result<Option<Target>, RoutingError> {
        self.fallback.as_ref().map(target_of).transpose()
    }
}

/// A rule as it is stored; `condition` and `target` in the JSON of the contract.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = rules)]
pub struct Rule {
    pub rule_id: Uuid,
    pub router_id: Uuid,
    pub position: i32,
    pub name: String,
    pub enabled: bool,
    pub condition: Json,
    pub target: Json,
    pub version: i64,
    pub updated_by: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub unavailable: String,
}

impl Rule {
    pub const fn id(&self) -> RuleId {
        RuleId::from_uuid(self.rule_id)
    }
    pub fn target(&self) -> Result<GiveTo, RoutingError> {
        serde_json::from_value(self.target.clone())
            .map_err(|_| RoutingError::Stored { what: "target" })
    }
    pub fn unavailable(&self) -> Result<Unavailable, RoutingError> {
        Unavailable::from_name(&self.unavailable).ok_or(RoutingError::Stored {
            what: "rule's way without anybody",
        })
    }
}

/// A person at Salesforce who can own records.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = reps)]
pub struct RepRow {
    pub rep_id: Uuid,
    pub external_id: String,
    pub name: String,
    pub active: bool,
    pub paused: bool,
    pub last_assigned_at: Option<DateTime<Utc>>,
    pub synced_at: DateTime<Utc>,
    /// IANA; `None`: UTC.
    pub time_zone: Option<String>,
    /// Start, end, start, end in minutes of the local week; `None`: at any hour.
    pub hours: Option<Vec<i32>>,
    pub calendar_id: Option<Uuid>,
    pub cap_hour: Option<i32>,
    pub cap_day: Option<i32>,
    pub cap_week: Option<i32>,
    pub version: i64,
}

impl RepRow {
    pub const fn id(&self) -> RepId {
        RepId::from_uuid(self.rep_id)
    }
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = queues)]
pub struct QueueRow {
    pub queue_id: Uuid,
    pub external_id: String,
    pub name: String,
    pub objects: Vec<String>,
    pub synced_at: DateTime<Utc>,
}

impl QueueRow {
    pub const fn id(&self) -> QueueId {
        QueueId::from_uuid(self.queue_id)
    }
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = pools)]
pub struct PoolRow {
    pub pool_id: Uuid,
    pub name: String,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub calendar_id: Option<Uuid>,
    /// Caps of each member through the pool; `None`: any number.
    pub cap_hour: Option<i32>,
    pub cap_day: Option<i32>,
    pub cap_week: Option<i32>,
}

impl PoolRow {
    pub const fn id(&self) -> PoolId {
        PoolId::from_uuid(self.pool_id)
    }
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = pool_members)]
pub(crate) struct MemberRow {
    pub(crate) pool_id: Uuid,
    pub(crate) rep_id: Uuid,
    pub(crate) weight: i32,
    pub(crate) credit: i64,
}

/// A day off for everybody who has the calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    pub day: NaiveDate,
    pub name: String,
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = holiday_calendars)]
pub struct CalendarRow {
    pub calendar_id: Uuid,
    pub name: String,
    pub days: Json,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl CalendarRow {
    pub const fn id(&self) -> CalendarId {
        CalendarId::from_uuid(self.calendar_id)
    }
    pub fn days(&self) -> Result<Vec<Holiday>, RoutingError> {
        serde_json::from_value(self.days.clone())
            .map_err(|_| RoutingError::Stored { what: "calendar" })
    }
}

/// Whole days of the rep's own calendar, the last included; or, with `starts_at` and `ends_at`, the
/// stretch between these, which touches those days.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = time_off)]
pub struct TimeOffRow {
    pub time_off_id: Uuid,
    pub rep_id: Uuid,
    pub first_day: NaiveDate,
    pub last_day: NaiveDate,
    pub reason: String,
    pub created_by: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    /// `hand` or `calendar`.
    pub source: String,
}

impl TimeOffRow {
    pub const fn id(&self) -> TimeOffId {
        TimeOffId::from_uuid(self.time_off_id)
    }
    pub(crate) fn off(&self) -> TimeOff {
        match (self.starts_at, self.ends_at) {
            (Some(from), Some(until)) => TimeOff::Spell(from, until),
            _ => TimeOff::Days(self.first_day, self.last_day),
        }
    }
}

pub(crate) fn target_of(json: &Json) -> Result<Target, RoutingError> {
    serde_json::from_value(json.clone()).map_err(|_| RoutingError::Stored { what: "target" })
}

pub(crate) fn target_json(target: &impl Serialize) -> Result<Json, RoutingError> {
    serde_json::to_value(target).map_err(|_| RoutingError::Stored { what: "target" })
}

/// The router of an object.
pub(crate) fn router_of(
    tx: &mut TenantTx<'_>,
    object: Object,
) -> Result<Option<Router>, RoutingError> {
    Ok(routers::table
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::object.eq(object.name()))
        .select(Router::as_select())
        .first(tx.conn())
        .optional()?)
}

/// The router, locked against other changes until the transaction ends. Rows that refer to it can
/// still be added by others.
pub(crate) fn router_locked(tx: &mut TenantTx<'_>, id: RouterId) -> Result<Router, RoutingError> {
    Ok(routers::table
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(id.uuid()))
        .select(Router::as_select())
        .for_no_key_update()
        .first(tx.conn())?)
}

/// The rules of a router in their order.
pub(crate) fn rules_of(tx: &mut TenantTx<'_>, router: Uuid) -> Result<Vec<Rule>, RoutingError> {
    Ok(rules::table
        .filter(rules::tenant_id.eq(tx.tenant().uuid()))
        .filter(rules::router_id.eq(router))
        .order(rules::position)
        .select(Rule::as_select())
        .load(tx.conn())?)
}

/// Every rule of the tenant, whatever its router.
pub(crate) fn rules_all(tx: &mut TenantTx<'_>) -> Result<Vec<Rule>, RoutingError> {
    Ok(rules::table
        .filter(rules::tenant_id.eq(tx.tenant().uuid()))
        .order((rules::router_id, rules::position))
        .select(Rule::as_select())
        .load(tx.conn())?)
}

pub(crate) fn reps_all(tx: &mut TenantTx<'_>) -> Result<Vec<RepRow>, RoutingError> {
    Ok(reps::table
        .filter(reps::tenant_id.eq(tx.tenant().uuid()))
        .order((reps::name, reps::rep_id))
        .select(RepRow::as_select())
        .load(tx.conn())?)
}

pub(crate) fn queues_all(tx: &mut TenantTx<'_>) -> Result<Vec<QueueRow>, RoutingError> {
    Ok(queues::table
        .filter(queues::tenant_id.eq(tx.tenant().uuid()))
        .order((queues::name, queues::queue_id))
        .select(QueueRow::as_select())
        .load(tx.conn())?)
}

pub(crate) fn pools_all(tx: &mut TenantTx<'_>) -> Result<Vec<PoolRow>, RoutingError> {
    Ok(pools::table
        .filter(pools::tenant_id.eq(tx.tenant().uuid()))
        .order((pools::name, pools::pool_id))
        .select(PoolRow::as_select())
        .load(tx.conn())?)
}

/// The members of all pools, in the order in which ties are broken.
pub(crate) fn members_all(tx: &mut TenantTx<'_>) -> Result<Vec<MemberRow>, RoutingError> {
    Ok(pool_members::table
        .filter(pool_members::tenant_id.eq(tx.tenant().uuid()))
        .order((pool_members::pool_id, pool_members::rep_id))
        .select(MemberRow::as_select())
        .load(tx.conn())?)
}

/// The names of everything that a routing log names.
#[derive(Debug, Default)]
pub struct Names {
    pub rules: HashMap<Uuid, String>,
    pub reps: HashMap<Uuid, String>,
    pub pools: HashMap<Uuid, String>,
    pub queues: HashMap<Uuid, String>,
}

impl Names {
    pub(crate) fn load(tx: &mut TenantTx<'_>) -> Result<Self, RoutingError> {
        let tenant = tx.tenant().uuid();
        let rules: Vec<(Uuid, String)> = rules::table
            .filter(rules::tenant_id.eq(tenant))
            .select((rules::rule_id, rules::name))
            .load(tx.conn())?;
        let mut names: HashMap<Uuid, String> = HashMap::new();
        for version in versions::decides_all(tx)? {
            let published = version.rules()?.into_iter();
            names.extend(published.map(|rule| (rule.id.uuid(), rule.name)));
        }
        names.extend(rules);
        Ok(Self {
            rules: names,
            reps: reps_all(tx)?
                .into_iter()
                .map(|rep| (rep.rep_id, rep.name))
                .collect(),
            pools: pools_all(tx)?
                .into_iter()
                .map(|pool| (pool.pool_id, pool.name))
                .collect(),
            queues: queues_all(tx)?
                .into_iter()
                .map(|queue| (queue.queue_id, queue.name))
                .collect(),
        })
    }

    /// The name of a target of this kind.
    pub fn target(&self, kind: &str, id: Uuid) -> Option<&str> {
        let names = match kind {
            "user" => &self.reps,
            "pool" => &self.pools,
            _ => &self.queues,
        };
        names.get(&id).map(String::as_str)
    }
}

/// Whether a target names something that the tenant has.
pub(crate) fn target_known(tx: &mut TenantTx<'_>, target: &Target) -> Result<bool, RoutingError> {
    let (tenant, id) = (tx.tenant().uuid(), target.uuid());
    let found = match target {
        Target::User { .. } => reps::table
            .filter(reps::tenant_id.eq(tenant))
            .filter(reps::rep_id.eq(id))
            .select(reps::rep_id)
            .first::<Uuid>(tx.conn()),
        // Held, so that the pool is not deleted before the rule that names it is stored.
        Target::Pool { .. } => pools::table
            .filter(pools::tenant_id.eq(tenant))
            .filter(pools::pool_id.eq(id))
            .select(pools::pool_id)
            .for_key_share()
            .first::<Uuid>(tx.conn()),
        Target::Queue { .. } => queues::table
            .filter(queues::tenant_id.eq(tenant))
            .filter(queues::queue_id.eq(id))
            .select(queues::queue_id)
            .first::<Uuid>(tx.conn()),
    };
    Ok(found.optional()?.is_some())
}
