//! A rule set as one readable file, so that it can stand in version control: names instead of ids, and the
//! same text for the same rules. A rule is known by its name; one that was renamed is another rule.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use db::{DbError, TenantTx};
use kernel::{Classified, PoolId, QueueId, RepId, RuleId};
use layer::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    error::RoutingError,
    model::{
        book::{BookRule, Change, RuleBook, diff},
        compile::Fields,
        condition::Flaw,
        rules::{GiveTo, Target, Unavailable},
    },
    service::{
        said,
        territories::territory_check,
        versions::{draft_locked, draft_replace, publish},
    },
    store::{
        Names, pools_all, queues_all, reps_all, router_locked, router_of,
        versions::{RuleVersion, draft_of, published_of},
    },
    territory::{Area, MAX_ROWS, Reads, Territory, TerritorySet},
};

/// The form of the file.
const FORMAT: u8 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    revkeep_rules: u8,
    object: String,
    fallback: Option<FileTarget>,
    rules: Vec<FileRule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    territories: Vec<FileTerritory>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTerritory {
    name: String,
    owner: FileTarget,
    areas: Vec<Area>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    name: String,
    #[serde(default = "on")]
    enabled: bool,
    when: Json,
    give_to: FileTarget,
    #[serde(default)]
    if_nobody: Unavailable,
}

const fn on() -> bool {
    true
}

/// To whom a rule gives: one of the targets, or `{"territory": "owner"}`. A rep or a queue may be told by its id at Salesforce as well, which counts.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTarget {
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rep: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    salesforce_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    territory: Option<OfTerritory>,
}

/// Who of a territory.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OfTerritory {
    Owner,
}

/// What applying a file would change.
#[derive(Debug)]
pub struct Plan {
    /// Applying names it, so that nothing is overwritten that was not looked at.
    pub draft_version: i64,
    pub published: Option<i64>,
    /// Against the rules that decide.
    pub changes: Vec<Change>,
    /// The same in words.
    pub said: Vec<String>,
    /// Changes in the draft that nobody published, which applying would let go.
    pub draft_changes: usize,
}

/// The rules that decide, as a file; the draft while none were published.
pub fn rules_export(tx: &mut TenantTx<'_>, object: Object) -> Result<String, RoutingError> {
    let router = router_of(tx, object)?.ok_or(DbError::NotFound)?;
    let book = match published_of(tx, &router)? {
        Some(book) => book,
        None => draft_of(tx, &router)?,
    };
    let known = Known::load(tx)?;
    let rule = |rule: BookRule| FileRule {
        give_to: known.given(rule.target),
        name: rule.name,
        enabled: rule.enabled,
        when: rule.condition,
        if_nobody: rule.unavailable,
    };
    let territory = |one: &Territory<Target>| FileTerritory {
        name: one.name.clone(),
        owner: known.written(one.owner),
        areas: one.areas.clone(),
    };
    let file = RulesFile {
        revkeep_rules: FORMAT,
        object: object.name().to_owned(),
        fallback: book.fallback.map(|target| known.written(target)),
        rules: book.rules.into_iter().map(rule).collect(),
        territories: book.territories.territories.iter().map(territory).collect(),
    };
    let mut text = serde_json::to_string_pretty(&file)
        .map_err(|_| RoutingError::Stored { what: "rule set" })?;
    text.push('\n');
    Ok(text)
}

/// What the file would change; nothing is written.
///
/// # Errors
/// `RulesFile` with every flaw and its place.
pub fn rules_plan(tx: &mut TenantTx<'_>, object: Object, text: &str) -> Result<Plan, RoutingError> {
    let router = router_of(tx, object)?.ok_or(DbError::NotFound)?;
    let draft = draft_of(tx, &router)?;
    let book = read(tx, object, text, &draft)?;
    let before = published_of(tx, &router)?.unwrap_or_default();
    let changes = diff(&before, &book);
    let names = Names::load(tx)?;
    Ok(Plan {
        draft_version: router.rules_version,
        published: router.published,
        said: said::changes(&changes, &names),
        draft_changes: diff(&before, &draft).len(),
        changes,
    })
}

/// Makes the draft what the file says and publishes it, when the draft is still the one that was planned
/// against.
pub fn rules_apply(
    tx: &mut TenantTx<'_>,
    object: Object,
    text: &str,
    draft_version: i64,
    note: &str,
) -> Result<RuleVersion, RoutingError> {
    let router = draft_locked(tx, object, draft_version)?;
    let draft = draft_of(tx, &router)?;
    let book = read(tx, object, text, &draft)?;
    draft_replace(tx, &router, &book)?;
    let router = router_locked(tx, router.id())?;
    publish(tx, &router, note, None, kernel::Action::RulesPublish)
}

fn flaw(path: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Flaw {
    Flaw::new(path.into(), code, detail.into())
}

fn read(
    tx: &mut TenantTx<'_>,
    object: Object,
    text: &str,
    draft: &RuleBook,
) -> Result<RuleBook, RoutingError> {
    let file: RulesFile = serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        RoutingError::RulesFile(vec![flaw(place, "file_unreadable", error.to_string())])
    })?;
    let mut flaws = Vec::new();
    if file.revkeep_rules != FORMAT {
        flaws.push(flaw(
            "revkeep_rules",
            "format_unknown",
            "This file is of a form that this version does not know.",
        ));
    }
    if file.object != object.name() {
        let detail = format!("The file is of {}, not of {}.", file.object, object.name());
        flaws.push(flaw("object", "object_differs", detail));
    }
    let (known, fields) = (Known::load(tx)?, layer::field_types(tx, object)?);
    let mut ids: HashMap<&str, VecDeque<&BookRule>> = HashMap::new();
    for rule in &draft.rules {
        ids.entry(&rule.name).or_default().push_back(rule);
    }
    let mut book = RuleBook::default();
    if let Some(target) = &file.fallback {
        book.fallback = known.read(target, "fallback", &mut flaws);
    }
    for (at, rule) in file.rules.into_iter().enumerate() {
        let path = format!("rules[{at}]");
        if !(1..=100).contains(&rule.name.trim().chars().count()) {
            flaws.push(flaw(
                format!("{path}.name"),
                "name_invalid",
                "Give a name of 1 to 100 characters.",
            ));
        }
        flaws.extend(
            super::rulebook::condition_flaws(&rule.when, &fields)
                .into_iter()
                .map(|found| Flaw {
                    path: format!(
                        "{path}.when{}",
                        found.path.strip_prefix("condition").unwrap_or_default()
                    ),
                    ..found
                }),
        );
        let target = known.read_given(&rule.give_to, &format!("{path}.give_to"), &mut flaws);
        let live = ids.get_mut(rule.name.trim()).and_then(VecDeque::pop_front);
        if let Some(target) = target {
            book.rules.push(BookRule {
                id: live.map_or_else(
                    || RuleId::generate(db::Unit::clock(tx).as_ref()),
                    |live| live.id,
                ),
                version: live.map_or(1, |live| live.version),
                name: rule.name.trim().to_owned(),
                enabled: rule.enabled,
                condition: rule.when,
                target,
                unavailable: rule.if_nobody,
            });
        }
    }
    book.territories = Arc::new(read_territories(
        file.territories,
        &known,
        &fields,
        &mut flaws,
    ));
    if book.territories.areas() > MAX_ROWS {
        return Err(RoutingError::TooManyAreas);
    }
    if book.rules.len() > super::rulebook::MAX_RULES {
        return Err(RoutingError::TooManyRules);
    }
    if flaws.is_empty() {
        Ok(book)
    } else {
        Err(RoutingError::RulesFile(flaws))
    }
}

fn read_territories(
    written: Vec<FileTerritory>,
    known: &Known,
    fields: &Fields,
    flaws: &mut Vec<Flaw>,
) -> TerritorySet {
    let reads = Reads::of(fields);
    let (mut territories, mut names) = (Vec::new(), HashSet::new());
    for (at, one) in written.into_iter().enumerate() {
        let path = format!("territories[{at}]");
        let Some(owner) = known.read(&one.owner, &format!("{path}.owner"), flaws) else {
            continue;
        };
        let (name, areas) = (one.name.trim().to_owned(), one.areas);
        if !names.insert(name.to_lowercase()) {
            let detail = format!("More than one territory is called “{name}”.");
            flaws.push(flaw(format!("{path}.name"), "name_taken", detail));
        }
        let territory = Territory { name, owner, areas };
        if let Err(error) = territory_check(&territory, &reads, fields) {
            flaws.push(flaw(path, error.code(), error.message()));
        }
        territories.push(territory);
    }
    TerritorySet { reads, territories }
}

/// What targets are called here, and at Salesforce.
struct Known {
    pools: BTreeMap<PoolId, String>,
    reps: BTreeMap<RepId, (String, String)>,
    queues: BTreeMap<QueueId, (String, String)>,
}

impl Known {
    fn load(tx: &mut TenantTx<'_>) -> Result<Self, RoutingError> {
        let pools = pools_all(tx)?.into_iter();
        let reps = reps_all(tx)?.into_iter();
        let queues = queues_all(tx)?.into_iter();
        Ok(Self {
            pools: pools.map(|row| (row.id(), row.name)).collect(),
            reps: reps
                .map(|row| (row.id(), (row.name, row.external_id)))
                .collect(),
            queues: queues
                .map(|row| (row.id(), (row.name, row.external_id)))
                .collect(),
        })
    }

    fn written(&self, target: Target) -> FileTarget {
        let both = |found: Option<&(String, String)>| found.cloned().unzip();
        match target {
            Target::Pool { pool_id } => FileTarget {
                pool: self.pools.get(&pool_id).cloned(),
                ..FileTarget::default()
            },
            Target::User { rep_id } => {
                let (rep, salesforce_id) = both(self.reps.get(&rep_id));
                FileTarget {
                    rep,
                    salesforce_id,
                    ..FileTarget::default()
                }
            }
            Target::Queue { queue_id } => {
                let (queue, salesforce_id) = both(self.queues.get(&queue_id));
                FileTarget {
                    queue,
                    salesforce_id,
                    ..FileTarget::default()
                }
            }
        }
    }

    fn given(&self, to: GiveTo) -> FileTarget {
        match to.target() {
            Some(target) => self.written(target),
            None => FileTarget {
                territory: Some(OfTerritory::Owner),
                ..FileTarget::default()
            },
        }
    }

    fn read_given(&self, to: &FileTarget, path: &str, flaws: &mut Vec<Flaw>) -> Option<GiveTo> {
        match to {
            FileTarget {
                pool: None,
                rep: None,
                queue: None,
                salesforce_id: None,
                territory: Some(OfTerritory::Owner),
            } => Some(GiveTo::Territory),
            target => self.read(target, path, flaws).map(GiveTo::from),
        }
    }

    fn read(&self, target: &FileTarget, path: &str, flaws: &mut Vec<Flaw>) -> Option<Target> {
        let id = target.salesforce_id.as_deref();
        let found = match (&target.pool, &target.rep, &target.queue) {
            _ if target.territory.is_some() => Err(String::from(
                "A territory gives nothing here: name a pool, a rep or a queue.",
            )),
            (Some(name), None, None) => {
                let named = self.pools.iter().filter(|(_, known)| *known == name);
                one(named.map(|(id, _)| *id), "pool", name).map(|pool_id| Target::Pool { pool_id })
            }
            (None, Some(name), None) => {
                one(named(&self.reps, name, id), "rep", name).map(|rep_id| Target::User { rep_id })
            }
            (None, None, Some(name)) => one(named(&self.queues, name, id), "queue", name)
                .map(|queue_id| Target::Queue { queue_id }),
            _ => Err(String::from(
                "Name a pool, a rep or a queue, and one of them.",
            )),
        };
        found
            .map_err(|detail| flaws.push(flaw(path, "target_unknown", detail)))
            .ok()
    }
}

/// Who has the id at Salesforce, where one is given; otherwise who is called so.
fn named<I: Copy + Ord>(
    known: &BTreeMap<I, (String, String)>,
    name: &str,
    id: Option<&str>,
) -> impl Iterator<Item = I> {
    known
        .iter()
        .filter(move |(_, (called, external))| match id {
            Some(id) => layer::value::id_key(external) == layer::value::id_key(id),
            None => called == name,
        })
        .map(|(id, _)| *id)
}

fn one<I>(mut found: impl Iterator<Item = I>, what: &str, name: &str) -> Result<I, String> {
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(format!("No {what} is called “{name}” here.")),
        (Some(_), Some(_)) => Err(format!(
            "More than one {what} is called “{name}”: give the salesforce_id as well."
        )),
    }
}
