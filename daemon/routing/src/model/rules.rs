//! The ordered rules of one router, compiled, and what they hand records to: reps, pools, queues.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use kernel::{PoolId, QueueId, RepId, RuleId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{
    compile::{Compiled, Fields, Record, Slots},
    condition::{Condition, Flaw},
    limits::Limits,
    pool::Pool,
    reasons,
};
use crate::territory::{Atlas, Located, Reads, TerritorySet};

/// Who gets a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    User { rep_id: RepId },
    Pool { pool_id: PoolId },
    Queue { queue_id: QueueId },
}

impl Target {
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Pool { .. } => "pool",
            Self::Queue { .. } => "queue",
        }
    }
    /// The bare id of whatever it names.
    pub const fn uuid(&self) -> uuid::Uuid {
        match self {
            Self::User { rep_id } => rep_id.uuid(),
            Self::Pool { pool_id } => pool_id.uuid(),
            Self::Queue { queue_id } => queue_id.uuid(),
        }
    }
    pub fn from_parts(kind: &str, id: uuid::Uuid) -> Option<Self> {
        match kind {
            "user" => Some(Self::User {
                rep_id: RepId::from_uuid(id),
            }),
            "pool" => Some(Self::Pool {
                pool_id: PoolId::from_uuid(id),
            }),
            "queue" => Some(Self::Queue {
                queue_id: QueueId::from_uuid(id),
            }),
            _ => None,
        }
    }
}

/// To whom a rule gives what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GiveTo {
    User {
        rep_id: RepId,
    },
    Pool {
        pool_id: PoolId,
    },
    Queue {
        queue_id: QueueId,
    },
    /// The owner of the territory that the record lies in; a record in none goes on to the next rule.
    Territory,
}

impl GiveTo {
    /// The target, where it is the same for every record.
    pub const fn target(self) -> Option<Target> {
        match self {
            Self::User { rep_id } => Some(Target::User { rep_id }),
            Self::Pool { pool_id } => Some(Target::Pool { pool_id }),
            Self::Queue { queue_id } => Some(Target::Queue { queue_id }),
            Self::Territory => None,
        }
    }
}

impl From<Target> for GiveTo {
    fn from(target: Target) -> Self {
        match target {
            Target::User { rep_id } => Self::User { rep_id },
            Target::Pool { pool_id } => Self::Pool { pool_id },
            Target::Queue { queue_id } => Self::Queue { queue_id },
        }
    }
}

/// What a rule that matches does when nobody of its target is available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unavailable {
    /// The record waits until somebody is; when nobody knows when, it fails.
    #[default]
    Wait,
    /// The record is tried on the rules that follow, then on the fallback.
    PassOn,
}

impl Unavailable {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::PassOn => "pass_on",
        }
    }
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Wait, Self::PassOn]
            .into_iter()
            .find(|known| known.name() == name)
    }
}

/// A rule as it is stored.
#[derive(Clone, Debug)]
pub struct RuleDefinition {
    pub id: RuleId,
    pub version: i64,
    pub enabled: bool,
    pub condition: Condition,
    pub target: GiveTo,
    pub unavailable: Unavailable,
}

/// A rule that cannot be run, with what is wrong.
#[derive(Debug)]
pub struct BrokenRule {
    pub rule: RuleId,
    pub flaws: Vec<Flaw>,
}

/// Rules in the order in which they are tried, and what happens when none matches.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<CompiledRule>,
    pub(crate) fallback: Option<Target>,
    slots: Slots,
    territories: Option<Territories>,
}

/// The territories of a rule set of which some rule asks.
#[derive(Debug)]
struct Territories {
    atlas: Atlas<Target>,
    reads: Reads,
    /// Fields that areas name themselves.
    named: BTreeSet<String>,
    /// Every field that is asked.
    asked: BTreeSet<String>,
}

#[derive(Debug)]
pub struct CompiledRule {
    pub id: RuleId,
    pub version: i64,
    pub enabled: bool,
    pub target: GiveTo,
    pub unavailable: Unavailable,
    pub condition: Compiled,
    /// How the rule is named in recorded reasons.
    pub(crate) tag: String,
}

impl RuleSet {
    /// Compiles `rules` in the order given.
    ///
    /// # Errors
    /// The first rule that the layer's fields no longer bear.
    pub fn compile(
        rules: &[RuleDefinition],
        fallback: Option<Target>,
        fields: &Fields,
    ) -> Result<Self, BrokenRule> {
        let mut slots = Slots::default();
        let compiled = rules.iter().map(|rule| {
            let condition =
                Compiled::new(&rule.condition, fields, &mut slots).map_err(|flaws| BrokenRule {
                    rule: rule.id,
                    flaws,
                })?;
            let (id, version, enabled, target) = (rule.id, rule.version, rule.enabled, rule.target);
            let unavailable = rule.unavailable;
            let tag = reasons::rule_tag(id, version);
            Ok(CompiledRule {
                id,
                version,
                enabled,
                target,
                unavailable,
                condition,
                tag,
            })
        });
        let rules = compiled.collect::<Result<_, _>>()?;
        Ok(Self {
            rules,
            fallback,
            slots,
            territories: None,
        })
    }

    /// With the territories whose owners its rules give records to.
    #[must_use]
    pub fn with_territories(self, set: &TerritorySet) -> Self {
        let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
        let areas = set.territories.iter().flat_map(|one| &one.areas);
        let named = areas.flat_map(|area| area.fields.keys().map(String::as_str));
        let territories = Territories {
            atlas: Atlas::new(set.territories.clone()),
            reads: set.reads.clone(),
            named: owned(named.collect()),
            asked: owned(set.fields()),
        };
        Self {
            territories: Some(territories),
            ..self
        }
    }

    /// A record's fields, read for these rules.
    pub fn read(&self, fields: &Map<String, Json>) -> Record {
        let mut record = self.slots.read(fields);
        if let Some(territories) = &self.territories {
            let Territories { reads, named, .. } = territories;
            record.facts = TerritorySet::facts(reads, named, fields);
        }
        record
    }

    /// The names of the fields that the rules and the territories read, each once.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let of_rules = self.slots.fields().map(|(name, _)| name);
        let asked = self.territories.iter().flat_map(|all| &all.asked);
        let names: BTreeSet<&str> = of_rules.chain(asked.map(String::as_str)).collect();
        names.into_iter()
    }

    /// The territory that a record lies in, and its owner.
    pub(crate) fn locate(&self, record: &Record) -> Option<(Located, Target)> {
        let atlas = &self.territories.as_ref()?.atlas;
        let located = atlas.locate(&record.facts)?;
        let owner = atlas.territories().get(located.place.0)?.owner;
        Some((located, owner))
    }

    pub fn rules(&self) -> &[CompiledRule] {
        &self.rules
    }

    /// Every pool that a rule or the fallback can hand a record to.
    pub fn pools(&self) -> impl Iterator<Item = PoolId> {
        let targets = self
            .rules
            .iter()
            .filter(|rule| rule.enabled)
            .filter_map(|rule| rule.target.target());
        let atlas = self.territories.iter().map(|all| &all.atlas);
        let owners = atlas.flat_map(|atlas| atlas.territories().iter().map(|one| one.owner));
        targets
            .chain(owners)
            .chain(self.fallback)
            .filter_map(|target| match target {
                Target::Pool { pool_id } => Some(pool_id),
                Target::User { .. } | Target::Queue { .. } => None,
            })
    }
}

/// A rep as the decision needs it.
#[derive(Clone, Debug)]
pub struct Rep {
    pub id: RepId,
    pub salesforce_user_id: Arc<str>,
    /// Active in Salesforce.
    pub active: bool,
    /// Taken out of turns by a person here: the away switch.
    pub paused: bool,
    pub limits: Limits,
}

/// Everything that a decision depends on beside rules and record, at one moment, and that it may
/// change: whose turn it is, and how many records somebody was given.
#[derive(Clone, Debug, Default)]
pub struct RoutingState {
    reps: HashMap<RepId, Rep>,
    queues: HashMap<QueueId, Arc<str>>,
    pools: HashMap<PoolId, Pool>,
    places: Places,
    at: DateTime<Utc>,
}

/// What holds members back in a pool beyond what holds them back anywhere.
pub type Places = HashMap<(PoolId, RepId), Limits>;

impl RoutingState {
    pub fn new(
        reps: impl IntoIterator<Item = Rep>,
        queues: impl IntoIterator<Item = (QueueId, Arc<str>)>,
        pools: impl IntoIterator<Item = (PoolId, Pool)>,
    ) -> Self {
        Self {
            reps: reps.into_iter().map(|rep| (rep.id, rep)).collect(),
            queues: queues.into_iter().collect(),
            pools: pools.into_iter().collect(),
            places: Places::new(),
            at: DateTime::default(),
        }
    }
    /// With what holds members back in their pools, as it was looked up at `at`.
    #[must_use]
    pub fn with_places(self, places: Places, at: DateTime<Utc>) -> Self {
        Self { places, at, ..self }
    }
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }
    pub fn rep(&self, id: RepId) -> Option<&Rep> {
        self.reps.get(&id)
    }
    /// The queue's id at Salesforce.
    pub fn queue(&self, id: QueueId) -> Option<&Arc<str>> {
        self.queues.get(&id)
    }
    pub fn pools(&self) -> &HashMap<PoolId, Pool> {
        &self.pools
    }
    pub fn place(&self, pool: PoolId, rep: RepId) -> Option<&Limits> {
        // Most tenants have none, and this is asked for each member of each record's pool.
        if self.places.is_empty() {
            return None;
        }
        self.places.get(&(pool, rep))
    }
    pub(crate) fn pool_mut(&mut self, id: PoolId) -> Option<&mut Pool> {
        self.pools.get_mut(&id)
    }
    /// Counts a record that was given to a rep, out of a pool or not.
    pub(crate) fn took(&mut self, rep: RepId, pool: Option<PoolId>) {
        if let Some(rep) = self.reps.get_mut(&rep) {
            rep.limits.take_one();
        }
        let place = pool.and_then(|pool| self.places.get_mut(&(pool, rep)));
        if let Some(place) = place {
            place.take_one();
        }
    }
}
