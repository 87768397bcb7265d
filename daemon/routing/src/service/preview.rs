//! Which of the last records a condition would match, without writing anything and without giving
//! anybody a turn.

use db::{DbError, TenantTx};
use kernel::RuleId;
use layer::Object;
use serde_json::{Map, Value as Json};

use crate::{
    error::RoutingError,
    model::{
        compile::{Compiled, Lost, Record, Slots},
        condition::Condition,
    },
    service::{log::record_title, rulebook::condition_of},
    store::{Rule, router_of, rules_of},
};

/// How many records a preview looks at, and how many it shows.
const CONSIDERED: u16 = 200;
const SHOWN: usize = 50;

#[derive(Debug)]
pub struct Preview {
    pub considered: usize,
    pub matching: usize,
    /// Of the matching ones, those that an earlier enabled rule takes.
    pub taken_by_earlier: usize,
    pub items: Vec<PreviewItem>,
}

#[derive(Debug)]
pub struct PreviewItem {
    pub record_id: String,
    pub title: Option<String>,
    pub matches: bool,
    pub taken_by: Option<(RuleId, String)>,
    /// Paths of the terms that explain why it does not match.
    pub failed_terms: Vec<String>,
}

/// Tries `condition` on the last records of the layer. With `rule`, only the rules that stand
/// before that one are earlier; without, all of them are, as a new rule is the last.
pub fn rule_preview(
    tx: &mut TenantTx<'_>,
    object: Object,
    condition: &Json,
    rule: Option<RuleId>,
) -> Result<Preview, RoutingError> {
    let condition = Condition::from_json(condition).map_err(RoutingError::Condition)?;
    let fields = layer::field_types(tx, object)?;
    let mut slots = Slots::default();
    let tried = Compiled::new(&condition, &fields, &mut slots).map_err(RoutingError::Condition)?;
    let earlier = earlier(tx, object, rule)?;
    let earlier: Vec<(&Rule, Compiled)> = earlier
        .iter()
        .filter_map(|rule| {
            let condition = condition_of(rule).ok()?;
            Some((rule, Compiled::new(&condition, &fields, &mut slots).ok()?))
        })
        .collect();
    let none = Map::new();
    let records = layer::records_last(tx, object, CONSIDERED)?;
    let items: Vec<PreviewItem> = records
        .iter()
        .map(|row| {
            let read = slots.read(row.fields.as_object().unwrap_or(&none));
            let mut lost = Vec::new();
            let matches = tried.matches(&read, &mut lost);
            PreviewItem {
                record_id: row.record_id.clone(),
                title: record_title(row),
                matches,
                taken_by: if matches {
                    taker(&earlier, &read)
                } else {
                    None
                },
                failed_terms: paths(&tried, &lost),
            }
        })
        .collect();
    let matching = items.iter().filter(|item| item.matches).count();
    let taken_by_earlier = items.iter().filter(|item| item.taken_by.is_some()).count();
    let considered = items.len();
    let items = items.into_iter().take(SHOWN).collect();
    Ok(Preview {
        considered,
        matching,
        taken_by_earlier,
        items,
    })
}

fn earlier(
    tx: &mut TenantTx<'_>,
    object: Object,
    rule: Option<RuleId>,
) -> Result<Vec<Rule>, RoutingError> {
    let Some(router) = router_of(tx, object)? else {
        return rule.map_or(Ok(Vec::new()), |_| Err(DbError::NotFound.into()));
    };
    let rules = rules_of(tx, router.router_id)?;
    let before = rules
        .into_iter()
        .take_while(|other| Some(other.id()) != rule);
    Ok(before.filter(|rule| rule.enabled).collect())
}

fn taker(earlier: &[(&Rule, Compiled)], record: &Record) -> Option<(RuleId, String)> {
    let mut lost = Vec::new();
    let (rule, _) = earlier
        .iter()
        .find(|(_, condition)| condition.matches(record, &mut lost))?;
    Some((rule.id(), rule.name.clone()))
}

fn paths(condition: &Compiled, lost: &[Lost]) -> Vec<String> {
    let path = |lost: &Lost| Some(condition.terms().get(usize::from(lost.term))?.path.clone());
    lost.iter().filter_map(path).collect()
}
