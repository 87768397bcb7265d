//! Rules, pools and routers as people change them, together and against each other.

use kernel::Classified;
use layer::{Object, field_list};
use serde_json::json;

use super::bed::{Bed, country, settings};
use crate::{
    PoolInput, RouterInput, RoutingError, RuleInput, Target, field_remove, pool_create,
    pool_delete, pool_get, pool_list, pool_update, router_configure, rule_create, rule_delete,
    rule_list, rule_reorder, rule_update,
};

fn code<T: std::fmt::Debug>(outcome: Result<T, RoutingError>) -> &'static str {
    outcome.unwrap_err().code()
}

#[tokio::test]
async fn a_change_to_what_somebody_else_changed_is_refused() {
    let bed = Bed::routing().await;
    let (rules, rules_version) = bed.run(|tx| rule_list(tx, Object::Lead)).await.unwrap();
    let (id, version) = (rules[0].id(), rules[0].version);
    let input = RuleInput {
        unavailable: crate::Unavailable::Wait,
        name: String::from("DACH"),
        enabled: true,
        condition: country("AT"),
        target: Target::Pool { pool_id: bed.pool }.into(),
    };
    let change = || {
        let input = input.clone();
        bed.run(move |tx| rule_update(tx, id, version, &input))
    };
    assert_eq!(change().await.unwrap().version, version + 1);
    assert_eq!(code(change().await), "version_conflict");
    assert_eq!(
        code(bed.run(move |tx| rule_delete(tx, id, version)).await),
        "version_conflict"
    );
    let reorder = bed
        .run(move |tx| rule_reorder(tx, Object::Lead, &[id], rules_version))
        .await;
    assert_eq!(code(reorder), "version_conflict");

    let router = bed.router().await;
    let stale = RouterInput {
        version: Some(router.version - 1),
        ..settings("Status = 'New'")
    };
    assert_eq!(
        code(bed.run(move |tx| router_configure(tx, &stale)).await),
        "version_conflict"
    );
}

#[tokio::test]
async fn rules_are_put_in_order_and_an_order_that_forgets_one_is_refused() {
    let bed = Bed::routing().await;
    let pool = Target::Pool { pool_id: bed.pool };
    let second = bed.rule("Austria", country("AT"), pool).await;
    let third = bed.rule("Switzerland", country("CH"), pool).await;
    let (rules, version) = bed.run(|tx| rule_list(tx, Object::Lead)).await.unwrap();
    let first = rules[0].id();
    let incomplete = vec![third, first];
    let refused = bed
        .run(move |tx| rule_reorder(tx, Object::Lead, &incomplete, version))
        .await;
    assert_eq!(code(refused), "order_invalid");
    let twice = vec![third, third, first];
    let refused = bed
        .run(move |tx| rule_reorder(tx, Object::Lead, &twice, version))
        .await;
    assert_eq!(code(refused), "order_invalid");
    let order = vec![third, first, second];
    let wanted = order.clone();
    let (rules, after) = bed
        .run(move |tx| rule_reorder(tx, Object::Lead, &wanted, version))
        .await
        .unwrap();
    assert_eq!(rules.iter().map(crate::Rule::id).collect::<Vec<_>>(), order);
    assert_eq!(after, version + 1);
}

#[tokio::test]
async fn a_rule_that_cannot_run_is_refused_with_the_flaws() {
    let bed = Bed::routing().await;
    let save = |condition, target, name: &str| {
        let input = RuleInput {
            unavailable: crate::Unavailable::Wait,
            name: name.to_owned(),
            enabled: true,
            condition,
            target: Target::into(target),
        };
        bed.run(move |tx| rule_create(tx, Object::Lead, &input))
    };
    let pool = Target::Pool { pool_id: bed.pool };
    let unknown = json!({"all": [{"field": "Salary__c", "op": "gt", "value": 1}]});
    let refused = save(unknown, pool, "x").await.unwrap_err();
    assert_eq!(refused.code(), "condition_invalid");
    assert_eq!(refused.field().as_deref(), Some("condition.all[0].field"));
    let nobody = Target::User {
        rep_id: super::rep_id(77),
    };
    assert_eq!(
        code(save(country("DE"), nobody, "x").await),
        "target_unknown"
    );
    assert_eq!(code(save(country("DE"), pool, "  ").await), "name_invalid");
}

#[tokio::test]
async fn what_is_in_use_stays() {
    let bed = Bed::routing().await;
    let pool = bed.pool;
    assert_eq!(
        code(bed.run(move |tx| pool_delete(tx, pool)).await),
        "pool_in_use"
    );
    let fields = bed
        .run(|tx| Ok(field_list(tx, Object::Lead)?))
        .await
        .unwrap();
    let named = |name: &str| fields.iter().find(|field| field.name == name).unwrap().id();
    let (country_field, company) = (named("Country"), named("Company"));
    let refused = bed
        .run(move |tx| field_remove(tx, country_field))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "field_in_use");
    assert!(
        refused.message().contains("Germany"),
        "{}",
        refused.message()
    );
    bed.run(move |tx| field_remove(tx, company)).await.unwrap();

    let (rules, _) = bed.run(|tx| rule_list(tx, Object::Lead)).await.unwrap();
    let (id, version) = (rules[0].id(), rules[0].version);
    bed.run(move |tx| rule_delete(tx, id, version))
        .await
        .unwrap();
    bed.configure(Some(Target::Pool { pool_id: pool })).await;
    assert_eq!(
        code(bed.run(move |tx| pool_delete(tx, pool)).await),
        "pool_in_use"
    );
    bed.configure(None).await;
    bed.publish().await;
    bed.run(move |tx| pool_delete(tx, pool)).await.unwrap();
    bed.run(move |tx| field_remove(tx, country_field))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rule_that_names_a_field_waits_for_its_removal_and_is_then_refused() {
    let bed = Bed::routing().await;
    let fields = bed
        .run(|tx| Ok(field_list(tx, Object::Lead)?))
        .await
        .unwrap();
    let company = fields
        .iter()
        .find(|field| field.name == "Company")
        .unwrap()
        .id();
    let condition = json!({"all": [{"field": "Company", "op": "is_not_empty"}]});
    let target = Target::Pool { pool_id: bed.pool };
    let input = RuleInput {
        unavailable: crate::Unavailable::Wait,
        name: String::from("Named"),
        enabled: true,
        condition,
        target: target.into(),
    };
    let (removed, is_removed) = tokio::sync::oneshot::channel();
    let (saved, is_saved) = std::sync::mpsc::channel();
    let remove = bed.run(move |tx| {
        field_remove(tx, company)?;
        removed.send(()).unwrap();
        // The rule must wait for this transaction, so it cannot be saved before it ends.
        Ok(is_saved
            .recv_timeout(std::time::Duration::from_millis(500))
            .is_ok())
    });
    let save = async {
        is_removed.await.unwrap();
        let outcome = bed
            .run(move |tx| rule_create(tx, Object::Lead, &input))
            .await;
        // Nobody listens any more once the removal is through.
        let _ = saved.send(());
        outcome
    };
    let (removed, saved) = tokio::join!(remove, save);
    assert!(
        !removed.unwrap(),
        "the rule was saved while its field was being removed"
    );
    assert_eq!(code(saved), "condition_invalid");
}

#[tokio::test]
async fn a_pool_keeps_the_turns_it_owes_when_it_changes() {
    let bed = Bed::routing().await;
    bed.fetch(0..1, "DE").await;
    let (pool, mut reps) = (bed.pool, bed.reps.clone());
    // Of all with the same credit the smallest id goes first: whoever had that turn stays.
    reps.sort();
    let members: Vec<_> = reps.iter().take(2).map(|rep| (*rep, 1)).collect();
    let input = PoolInput {
        calendar: None,
        caps: crate::Caps::default(),
        name: String::from("DACH 2"),
        members,
    };
    let change = input.clone();
    let changed = bed
        .run(move |tx| pool_update(tx, pool, 1, &change))
        .await
        .unwrap();
    assert_eq!((changed.members.len(), changed.pool.version), (2, 2));
    // One of the two had the first turn; the next one is the other's.
    bed.fetch(1..2, "DE").await;
    let stale = bed.run(move |tx| pool_update(tx, pool, 1, &input)).await;
    assert_eq!(code(stale), "version_conflict");
    let batch = bed.claim().await;
    assert_ne!(batch.items[0].new_owner, batch.items[1].new_owner);
    bed.report(&batch, crate::WriteResult::Written).await;
    let entry = bed.run(move |tx| pool_get(tx, pool)).await.unwrap();
    for member in entry.members {
        assert_eq!((member.assigned_7d, member.share_7d), (1, Some(0.5)));
        assert!((member.share_ideal - 0.5).abs() < 1e-9);
    }
}

#[tokio::test]
async fn members_are_known_reps_once_each_with_a_weight() {
    let bed = Bed::new().await;
    let ada = bed.reps[0];
    for members in [
        vec![(ada, 0)],
        vec![(ada, 1001)],
        vec![(ada, 1), (ada, 2)],
        vec![(super::rep_id(5), 1)],
    ] {
        let input = PoolInput {
            calendar: None,
            caps: crate::Caps::default(),
            name: String::from("Odd"),
            members,
        };
        assert_eq!(
            code(bed.run(move |tx| pool_create(tx, &input)).await),
            "members_invalid"
        );
    }
    let taken = PoolInput {
        calendar: None,
        caps: crate::Caps::default(),
        name: String::from("DACH"),
        members: vec![(ada, 1)],
    };
    assert_eq!(
        code(bed.run(move |tx| pool_create(tx, &taken)).await),
        "name_taken"
    );
    assert_eq!(bed.run(pool_list).await.unwrap().len(), 1);
}

#[tokio::test]
async fn changed_criteria_start_a_new_baseline() {
    let bed = Bed::routing().await;
    let before = bed.router().await;
    let same = RouterInput {
        version: Some(before.version),
        cycle_seconds: 5,
        ..settings("Status = 'Open'")
    };
    let router = bed
        .run(move |tx| router_configure(tx, &same))
        .await
        .unwrap();
    assert_eq!(
        (router.state.as_str(), router.epoch),
        ("active", before.epoch)
    );
    let wider = RouterInput {
        version: Some(router.version),
        ..settings("Status != 'Closed'")
    };
    let router = bed
        .run(move |tx| router_configure(tx, &wider))
        .await
        .unwrap();
    assert_eq!(
        (router.state.as_str(), router.epoch),
        ("baselining", before.epoch + 1)
    );
}
