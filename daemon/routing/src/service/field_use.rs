//! Which rules read which fields of the layer, all at once, for the page that shows the layer.

use std::collections::HashMap;

use db::TenantTx;
use kernel::RuleId;
use uuid::Uuid;

use crate::{
    error::RoutingError,
    service::{routers::router_list, rulebook::condition_of},
    store::rules_all,
};

/// Rules by the object and name of a field that they read.
pub type FieldUse = HashMap<(String, String), Vec<(RuleId, String)>>;

/// Which rules read which fields. A rule whose stored condition cannot be
/// read any more reads nothing; its own page says that it is broken.
pub fn fields_used(tx: &mut TenantTx<'_>) -> Result<FieldUse, RoutingError> {
    let objects: HashMap<Uuid, String> = router_list(tx)?
        .into_iter()
        .map(|router| (router.router_id, router.object))
        .collect();
    let mut used = FieldUse::new();
    for rule in rules_all(tx)? {
        let (Some(object), Ok(condition)) = (objects.get(&rule.router_id), condition_of(&rule))
        else {
            continue;
        };
        for field in condition.fields() {
            used.entry((object.clone(), field.to_owned()))
                .or_default()
                .push((rule.id(), rule.name.clone()));
        }
    }
    Ok(used)
}
