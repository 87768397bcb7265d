//! A rule set as it is published and kept: rules in order, the fallback, and the fields that they
//! read with their types. A decision names its version, so that it can be explained and made again
//! however the rules have changed since.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use kernel::{FieldId, RuleId};
use layer::FieldType;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    compile::Fields,
    condition::{Condition, Flaw},
    rules::{BrokenRule, GiveTo, RuleDefinition, RuleSet, Target, Unavailable},
};
use crate::territory::{Territory, TerritorySet};

/// A whole rule set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleBook {
    pub rules: Vec<BookRule>,
    pub fallback: Option<Target>,
    pub fields: BTreeMap<String, BookField>,
    /// Kept beside the rules, once for all versions that have the same.
    #[serde(skip)]
    pub territories: Arc<TerritorySet>,
}

/// A rule of a rule set; `condition` in the JSON of the contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookRule {
    pub id: RuleId,
    pub version: i64,
    pub name: String,
    pub enabled: bool,
    pub condition: Json,
    pub target: GiveTo,
    pub unavailable: Unavailable,
}

/// A field that the rules read, as the layer had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookField {
    pub id: FieldId,
    #[serde(rename = "type")]
    pub kind: FieldType,
}

impl RuleBook {
    /// The rules as the decision takes them.
    ///
    /// # Errors
    /// A rule whose condition cannot be read.
    pub fn definitions(&self) -> Result<Vec<RuleDefinition>, BrokenRule> {
        let definition = |rule: &BookRule| {
            let condition = Condition::from_json(&rule.condition);
            Ok(RuleDefinition {
                id: rule.id,
                version: rule.version,
                enabled: rule.enabled,
                condition: condition.map_err(|flaws| BrokenRule {
                    rule: rule.id,
                    flaws,
                })?,
                target: rule.target,
                unavailable: rule.unavailable,
            })
        };
        self.rules.iter().map(definition).collect()
    }

    /// The rule set, ready to decide with these fields.
    ///
    /// # Errors
    /// The first rule that the fields do not bear.
    pub fn compile(&self, fields: &Fields) -> Result<RuleSet, BrokenRule> {
        let rules = RuleSet::compile(&self.definitions()?, self.fallback, fields)?;
        let Some(rule) = self.asks_territory() else {
            return Ok(rules);
        };
        let asked = self.territories.fields();
        let flaws: Vec<Flaw> = asked
            .into_iter()
            .filter(|name| !fields.contains_key(*name))
            .map(|name| {
                let detail = format!(
                    "The territories read the field {name}, which is not in the data layer."
                );
                Flaw::new("territories", "field_unknown", detail)
            })
            .collect();
        if flaws.is_empty() {
            Ok(rules.with_territories(&self.territories))
        } else {
            Err(BrokenRule { rule, flaws })
        }
    }

    /// The first rule that gives to the owner of the record's territory.
    pub fn asks_territory(&self) -> Option<RuleId> {
        let mut rules = self.rules.iter();
        let asks = rules.find(|rule| rule.target == GiveTo::Territory)?;
        Some(asks.id)
    }

    /// The types of the fields as they were.
    pub fn field_types(&self) -> Fields {
        let typed = |(name, field): (&String, &BookField)| (name.clone(), field.kind);
        self.fields.iter().map(typed).collect()
    }

    /// The names of the fields that the rules read, and the territories where a rule asks for one.
    pub fn fields_read(&self) -> BTreeSet<String> {
        let conditions = self
            .rules
            .iter()
            .filter_map(|rule| Condition::from_json(&rule.condition).ok());
        let mut read = BTreeSet::new();
        for condition in conditions {
            read.extend(condition.fields().into_iter().map(str::to_owned));
        }
        if self.asks_territory().is_some() {
            read.extend(self.territories.fields().into_iter().map(str::to_owned));
        }
        read
    }

    pub fn rule(&self, id: RuleId) -> Option<&BookRule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Every target that it names.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        let of_rules = self.rules.iter().filter_map(|rule| rule.target.target());
        let owners = self.territories.territories.iter().map(|one| one.owner);
        of_rules.chain(owners).chain(self.fallback)
    }
}

/// What one rule set has and another has not, seen from the older to the newer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    Added {
        rule: BookRule,
        position: usize,
    },
    Removed {
        rule: BookRule,
        position: usize,
    },
    /// The same rule with other words: which parts differ.
    Changed {
        before: BookRule,
        after: BookRule,
        parts: Vec<&'static str>,
    },
    /// A rule that stands at another place among those that both have.
    Moved {
        rule: RuleId,
        name: String,
        from: usize,
        to: usize,
    },
    Fallback {
        before: Option<Target>,
        after: Option<Target>,
    },
    Territories(TerritoryChanges),
}

/// How many territories differ, and what some of them are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TerritoryChanges {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
    /// They stand in another order.
    pub moved: bool,
    /// The first of them.
    pub names: Vec<String>,
}

impl TerritoryChanges {
    /// Names that are told; the rest is counted.
    const TOLD: usize = 20;

    /// From the older set to the newer; `None` when nothing differs.
    pub fn between(before: &TerritorySet, after: &TerritorySet) -> Option<Self> {
        if before == after || (before.is_empty() && after.is_empty()) {
            return None;
        }
        let old: HashMap<&str, &Territory<Target>> = by_name(before).collect();
        let mut changes = Self::default();
        for (name, territory) in by_name(after) {
            let count = match old.get(name) {
                None => &mut changes.added,
                Some(was) if *was != territory => &mut changes.changed,
                Some(_) => continue,
            };
            *count = count.saturating_add(1);
            changes.names.push(name.to_owned());
        }
        let new: HashSet<&str> = by_name(after).map(|(name, _)| name).collect();
        let gone = by_name(before).filter(|(name, _)| !new.contains(name));
        for (name, _) in gone {
            changes.removed = changes.removed.saturating_add(1);
            changes.names.push(name.to_owned());
        }
        changes.moved = changes.names.is_empty();
        changes.names.truncate(Self::TOLD);
        Some(changes)
    }
}

fn by_name(set: &TerritorySet) -> impl Iterator<Item = (&str, &Territory<Target>)> {
    set.territories.iter().map(|one| (one.name.as_str(), one))
}

/// Everything that differs, in the order of the newer set; what was removed stands last. Positions
/// count from 1.
pub fn diff(before: &RuleBook, after: &RuleBook) -> Vec<Change> {
    let old: HashMap<RuleId, (usize, &BookRule)> = numbered(before)
        .map(|(at, rule)| (rule.id, (at, rule)))
        .collect();
    let mut changes = Vec::new();
    if before.fallback != after.fallback {
        changes.push(Change::Fallback {
            before: before.fallback,
            after: after.fallback,
        });
    }
    let territories = TerritoryChanges::between(&before.territories, &after.territories);
    changes.extend(territories.map(Change::Territories));
    let kept: BTreeSet<RuleId> = after
        .rules
        .iter()
        .map(|rule| rule.id)
        .filter(|id| old.contains_key(id))
        .collect();
    let stays = staying(before, after, &kept);
    for (position, rule) in numbered(after) {
        let Some((from, was)) = old.get(&rule.id) else {
            let rule = rule.clone();
            changes.push(Change::Added { rule, position });
            continue;
        };
        let parts = parts(was, rule);
        if !parts.is_empty() {
            changes.push(Change::Changed {
                before: (*was).clone(),
                after: rule.clone(),
                parts,
            });
        }
        if !stays.contains(&rule.id) {
            changes.push(Change::Moved {
                rule: rule.id,
                name: rule.name.clone(),
                from: *from,
                to: position,
            });
        }
    }
    let gone = numbered(before).filter(|(_, rule)| !kept.contains(&rule.id));
    changes.extend(gone.map(|(position, rule)| Change::Removed {
        rule: rule.clone(),
        position,
    }));
    changes
}

fn numbered(book: &RuleBook) -> impl Iterator<Item = (usize, &BookRule)> {
    (1..).zip(&book.rules)
}

fn parts(before: &BookRule, after: &BookRule) -> Vec<&'static str> {
    [
        ("name", before.name != after.name),
        ("enabled", before.enabled != after.enabled),
        ("condition", before.condition != after.condition),
        ("target", before.target != after.target),
        ("unavailable", before.unavailable != after.unavailable),
    ]
    .into_iter()
    .filter_map(|(part, differs)| differs.then_some(part))
    .collect()
}

/// The longest run of rules whose order is the same in both: the others are those that were moved.
fn staying(before: &RuleBook, after: &RuleBook, kept: &BTreeSet<RuleId>) -> BTreeSet<RuleId> {
    let place: HashMap<RuleId, usize> = numbered(before).map(|(at, rule)| (rule.id, at)).collect();
    let order: Vec<(RuleId, usize)> = after
        .rules
        .iter()
        .filter(|rule| kept.contains(&rule.id))
        .filter_map(|rule| Some((rule.id, *place.get(&rule.id)?)))
        .collect();
    // The best run that ends at each rule: its length, and the rule before it.
    let mut runs: Vec<(usize, Option<usize>)> = Vec::with_capacity(order.len());
    for (at, (_, here)) in order.iter().enumerate() {
        let earlier = order.iter().zip(&runs).take(at).enumerate();
        let best = earlier
            .filter(|(_, ((_, there), _))| there < here)
            .max_by_key(|(_, (_, (length, _)))| *length)
            .map(|(before, (_, (length, _)))| (length.saturating_add(1), Some(before)));
        runs.push(best.unwrap_or((1, None)));
    }
    let mut at = runs
        .iter()
        .enumerate()
        .max_by_key(|(_, (length, _))| *length)
        .map(|(at, _)| at);
    let mut stays = BTreeSet::new();
    while let Some(here) = at {
        stays.extend(order.get(here).map(|(id, _)| *id));
        at = runs.get(here).and_then(|(_, before)| *before);
    }
    stays
}
