//! Which rules read which fields of the layer, all at once, for the page that shows the layer.

use std::collections::HashMap;

use db::TenantTx;
use kernel::RuleId;
use uuid::Uuid;

use crate::{
    error::RoutingError,
    model::{book::BookRule, condition::Condition, rules::GiveTo},
    service::routers::router_list,
    store::versions::{books_standing, rules_standing},
};

/// Rules by the object and name of a field that they read.
pub type FieldUse = HashMap<(String, String), Vec<(RuleId, String)>>;

/// Which rules read which fields, in the draft or among those that decide. A rule whose stored
/// condition cannot be read any more reads nothing; its own page says that it is broken.
pub fn fields_used(tx: &mut TenantTx<'_>) -> Result<FieldUse, RoutingError> {
    let objects: HashMap<Uuid, String> = router_list(tx)?
        .into_iter()
        .map(|router| (router.router_id, router.object))
        .collect();
    let mut used = FieldUse::new();
    let mut uses = |object: &str, field: &str, rule: &BookRule| {
        let users = used
            .entry((object.to_owned(), field.to_owned()))
            .or_default();
        if !users.iter().any(|(id, _)| *id == rule.id) {
            users.push((rule.id, rule.name.clone()));
        }
    };
    for (router, rule) in rules_standing(tx)? {
        let (Some(object), Ok(condition)) =
            (objects.get(&router), Condition::from_json(&rule.condition))
        else {
            continue;
        };
        for field in condition.fields() {
            uses(object, field, &rule);
        }
    }
    // A rule that gives to the owner of a territory reads what the territories read.
    for (router, book) in books_standing(tx)? {
        let mut rules = book.rules.iter();
        let asking = rules.find(|rule| rule.target == GiveTo::Territory);
        if let (Some(object), Some(rule)) = (objects.get(&router), asking) {
            for field in book.territories.fields() {
                uses(object, field, rule);
            }
        }
    }
    Ok(used)
}
