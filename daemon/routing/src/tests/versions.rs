//! Drafts and versions: what decides, who wins, the way back, and decisions made again.

use chrono::TimeDelta;
use kernel::{AssignmentId, Classified, FieldId};
use layer::{Object, field_list, import};

use super::bed::{Bed, HOUSE, country, lead_id};
use crate::{
    AssignmentFilter, Change, Recomputed, RoutingError, RuleInput, Target, WouldBe,
    assignment_explain, assignment_list, field_remove, pool_delete, recompute_sample, rule_delete,
    rule_list, rule_update, rules_draft, rules_publish, rules_restore, rules_roll_back,
    rules_version, rules_versions, what_if,
};

impl Bed {
    /// Gives the only rule another condition, in the draft.
    async fn redraft(&self, condition: serde_json::Value) -> i64 {
        let pool = self.pool;
        self.run(move |tx| {
            let (rules, _) = rule_list(tx, Object::Lead)?;
            let input = RuleInput {
                name: rules[0].name.clone(),
                enabled: true,
                condition,
                target: Target::Pool { pool_id: pool }.into(),
                unavailable: crate::Unavailable::Wait,
            };
            rule_update(tx, rules[0].id(), rules[0].version, &input)
        })
        .await
        .unwrap();
        self.router().await.rules_version
    }

    async fn latest(&self) -> AssignmentId {
        let page = self
            .run(|tx| assignment_list(tx, &AssignmentFilter::default(), None, 1))
            .await
            .unwrap();
        page.items[0].id()
    }

    async fn field(&self, name: &'static str) -> FieldId {
        let fields = self
            .run(|tx| Ok(field_list(tx, Object::Lead)?))
            .await
            .unwrap();
        fields.iter().find(|f| f.name == name).unwrap().id()
    }
}

fn code<T: std::fmt::Debug>(outcome: Result<T, RoutingError>) -> &'static str {
    outcome.unwrap_err().code()
}

#[tokio::test]
async fn a_draft_decides_nothing_until_it_is_published() {
    let bed = Bed::routing().await;
    assert_eq!(bed.router().await.published, Some(1));
    let draft = bed.redraft(country("FR")).await;
    assert_eq!(bed.fetch(0..1, "FR").await.failed, 1);
    assert_eq!(bed.fetch(1..2, "DE").await.proposed, 1);
    let told = bed.run(|tx| rules_draft(tx, Object::Lead)).await.unwrap();
    assert!(
        matches!(&told.changes[..], [Change::Changed { parts, .. }] if parts == &["condition"]),
        "{:?}",
        told.changes
    );
    let version = bed
        .run(move |tx| rules_publish(tx, Object::Lead, draft, "France instead"))
        .await
        .unwrap();
    assert_eq!(
        (version.version, version.note.as_str()),
        (2, "France instead")
    );
    assert_eq!(bed.fetch(2..3, "FR").await.proposed, 1);
    assert_eq!(bed.fetch(3..4, "DE").await.failed, 1);
    let told = bed.run(|tx| rules_draft(tx, Object::Lead)).await.unwrap();
    assert!(told.changes.is_empty());
    let again = bed
        .run(move |tx| rules_publish(tx, Object::Lead, draft, ""))
        .await;
    assert_eq!(code(again), "nothing_to_publish");
}

#[tokio::test]
async fn of_two_who_publish_the_second_is_told_that_the_draft_has_changed() {
    let bed = Bed::routing().await;
    let seen = bed.redraft(country("FR")).await;
    bed.redraft(country("AT")).await;
    let stale = bed
        .run(move |tx| rules_publish(tx, Object::Lead, seen, ""))
        .await;
    assert_eq!(code(stale), "version_conflict");
    let restore = bed
        .run(move |tx| rules_restore(tx, Object::Lead, 1, seen))
        .await;
    assert_eq!(code(restore), "version_conflict");
    let back = bed
        .run(move |tx| rules_roll_back(tx, Object::Lead, 1, seen, ""))
        .await;
    assert_eq!(code(back), "version_conflict");
    assert_eq!(bed.router().await.published, Some(1));
}

#[tokio::test]
async fn what_was_published_comes_back_as_a_version_of_its_own() {
    let bed = Bed::routing().await;
    bed.redraft(country("FR")).await;
    bed.publish().await;
    // The rule is deleted meanwhile, and something unfinished stands in the draft.
    bed.run(|tx| {
        let (rules, _) = rule_list(tx, Object::Lead)?;
        rule_delete(tx, rules[0].id(), rules[0].version)
    })
    .await
    .unwrap();
    let seen = bed.router().await.rules_version;
    let third = bed
        .run(move |tx| rules_roll_back(tx, Object::Lead, 1, seen, "France was a mistake"))
        .await
        .unwrap();
    assert_eq!((third.version, third.restores), (3, Some(1)));
    assert_eq!(bed.fetch(0..1, "DE").await.proposed, 1);
    let (rules, _) = bed.run(|tx| rule_list(tx, Object::Lead)).await.unwrap();
    assert_eq!(rules[0].name, "Germany");
    let (versions, next) = bed
        .run(|tx| rules_versions(tx, Object::Lead, None, 2))
        .await
        .unwrap();
    assert_eq!((versions.len(), versions[0].version, next), (2, 3, Some(2)));
    let (_, changes) = bed
        .run(|tx| rules_version(tx, Object::Lead, 3))
        .await
        .unwrap();
    assert!(
        matches!(&changes[..], [Change::Changed { .. }]),
        "{changes:?}"
    );
    // The draft alone goes back, and what decides stays.
    bed.redraft(country("IT")).await;
    let seen = bed.router().await.rules_version;
    let told = bed
        .run(move |tx| rules_restore(tx, Object::Lead, 3, seen))
        .await
        .unwrap();
    assert!(told.changes.is_empty());
    assert_eq!(bed.router().await.published, Some(3));
}

#[tokio::test]
async fn what_decides_holds_its_fields_and_pools_though_the_draft_has_let_them_go() {
    let bed = Bed::routing().await;
    bed.run(|tx| {
        let (rules, _) = rule_list(tx, Object::Lead)?;
        rule_delete(tx, rules[0].id(), rules[0].version)
    })
    .await
    .unwrap();
    let (field, pool) = (bed.field("Country").await, bed.pool);
    let kept = bed.run(move |tx| field_remove(tx, field)).await;
    assert_eq!(code(kept), "field_in_use");
    let kept = bed.run(move |tx| pool_delete(tx, pool)).await;
    assert_eq!(code(kept), "pool_in_use");
    bed.publish().await;
    bed.run(move |tx| field_remove(tx, field)).await.unwrap();
    bed.run(move |tx| pool_delete(tx, pool)).await.unwrap();
    // A version that reads the field cannot come back.
    let seen = bed.router().await.rules_version;
    let back = bed
        .run(move |tx| rules_roll_back(tx, Object::Lead, 1, seen, ""))
        .await;
    assert_eq!(code(back), "rule_broken");
}

#[tokio::test]
async fn a_decision_is_explained_by_the_rules_and_values_of_then() {
    let bed = Bed::routing().await;
    let pool = Target::Pool { pool_id: bed.pool };
    bed.rule("Austria", country("AT"), pool).await;
    bed.publish().await;
    bed.fetch(0..1, "AT").await;
    let id = bed.latest().await;
    bed.redraft(country("FR")).await;
    bed.publish().await;
    // The record itself moves on as well.
    bed.clock.advance(TimeDelta::seconds(5));
    let moved = bed.lead(0, "ES");
    bed.run(move |tx| Ok(import(tx, Object::Lead, &[moved])?))
        .await
        .unwrap();
    let told = bed.run(move |tx| assignment_explain(tx, id)).await.unwrap();
    assert_eq!(told.again, Recomputed::Same);
    assert_eq!(told.version.as_ref().map(|v| v.version), Some(2));
    let said = told.said.join("\n");
    assert!(
        said.contains(
            "Rule “Germany” did not match: it asks that Country is “DE”, and it was “AT”."
        ),
        "{said}"
    );
    assert!(said.contains("Rule “Austria” matched."), "{said}");
    assert!(said.contains("It was this rep's turn."), "{said}");
    assert!(!told.why.rules.iter().any(|rule| rule.changed_since));
}

#[tokio::test]
async fn a_field_that_leaves_takes_its_values_out_of_the_record_of_decisions() {
    let bed = Bed::routing().await;
    bed.fetch(0..1, "DE").await;
    let id = bed.latest().await;
    bed.run(|tx| {
        let (rules, _) = rule_list(tx, Object::Lead)?;
        rule_delete(tx, rules[0].id(), rules[0].version)
    })
    .await
    .unwrap();
    bed.publish().await;
    let field = bed.field("Country").await;
    bed.run(move |tx| field_remove(tx, field)).await.unwrap();
    let told = bed.run(move |tx| assignment_explain(tx, id)).await.unwrap();
    assert!(matches!(told.again, Recomputed::Erased { .. }));
    assert!(told.inputs[0].value.is_null());
    let said = told.said.join("\n");
    assert!(
        said.contains("the field Country left the data layer on"),
        "{said}"
    );
    let router = bed.router().await.router_id;
    let since = bed.clock_day().and_hms_opt(0, 0, 0).unwrap().and_utc() - TimeDelta::days(1);
    let sampled = bed
        .run(move |tx| recompute_sample(tx, router, since))
        .await
        .unwrap();
    assert_eq!((sampled.sampled, sampled.not_recomputable), (1, 1));
}

#[tokio::test]
async fn a_record_that_was_tampered_with_does_not_come_to_the_same() {
    let bed = Bed::routing().await;
    bed.fetch(0..3, "DE").await;
    let router = bed.router().await.router_id;
    let since = bed.clock_day().and_hms_opt(0, 0, 0).unwrap().and_utc() - TimeDelta::days(1);
    let id = bed.latest().await;
    let told = bed.run(move |tx| assignment_explain(tx, id)).await.unwrap();
    assert_eq!(told.again, Recomputed::Same);
    bed.superuser(&format!(
        "UPDATE assignments SET rep_id = (SELECT rep_id FROM reps WHERE rep_id <> assignments.rep_id LIMIT 1) WHERE assignment_id = '{}'",
        id.uuid()
    ));
    let told = bed.run(move |tx| assignment_explain(tx, id)).await.unwrap();
    assert_eq!(told.again, Recomputed::Differs);
    bed.clock.advance(TimeDelta::seconds(1));
    let sampled = bed
        .run(move |tx| recompute_sample(tx, router, since))
        .await
        .unwrap();
    assert!(sampled.sampled >= 1);
    assert_eq!(sampled.sampled, sampled.same + sampled.differ);
    assert!(bed.router().await.recomputed.is_some());
}

#[tokio::test]
async fn what_if_says_where_a_record_would_go_and_writes_nothing() {
    let bed = Bed::routing().await;
    let rows = [bed.lead(0, "DE"), bed.lead(1, "FR")];
    bed.run(move |tx| Ok(import(tx, Object::Lead, &rows)?))
        .await
        .unwrap();
    let ask = |n: u32, draft: bool| {
        let id = lead_id(n);
        bed.run(move |tx| what_if(tx, Object::Lead, &id, draft))
    };
    let first = ask(0, false).await.unwrap();
    let WouldBe::Assigned { rep: Some(rep), .. } = &first.outcome else {
        panic!("{:?}", first.outcome);
    };
    assert_eq!(first.owner.as_deref(), Some(HOUSE));
    // Asked again the turn is still the same rep's, and the decision that follows gives it.
    let again = ask(0, false).await.unwrap();
    assert_eq!(again.outcome, first.outcome);
    assert!(again.said.join("\n").contains("would become the owner"));
    bed.fetch(0..1, "DE").await;
    let id = bed.latest().await;
    let told = bed.run(move |tx| assignment_explain(tx, id)).await.unwrap();
    assert_eq!(told.assignment.rep_id, Some(rep.0.uuid()));

    let lost = ask(1, false).await.unwrap();
    assert_eq!(
        lost.outcome,
        WouldBe::Failed {
            code: "no_rule_no_fallback"
        }
    );
    bed.redraft(country("FR")).await;
    let drafted = ask(1, true).await.unwrap();
    assert!(matches!(drafted.outcome, WouldBe::Assigned { .. }));
    assert_eq!((drafted.version, lost.version), (None, Some(1)));
    assert_eq!(code(ask(99, false).await), "not_found");
}

#[tokio::test]
async fn what_was_published_cannot_be_changed_by_the_role_that_publishes() {
    let bed = Bed::routing().await;
    let refused = bed.as_app("UPDATE rule_versions SET content = '{}'");
    assert!(refused.contains("permission denied"), "{refused}");
    let refused = bed.as_app("DELETE FROM rule_versions");
    assert!(refused.contains("permission denied"), "{refused}");
    let refused = bed.as_app("UPDATE decision_inputs SET cells = '{}'");
    assert!(refused.contains("permission denied"), "{refused}");
}

/// Upgrading: what applied as it was saved is the first version, and decides on.
#[tokio::test]
async fn what_applied_before_versions_were_kept_goes_on_to() {
    let bed = Bed::routing().await;
    bed.superuser("DELETE FROM rule_versions");
    bed.superuser("UPDATE routers SET published = NULL");
    let migration = include_str!("../../../../migrations/00000000000062_rule_versions/up.sql");
    let from = migration.find("INSERT INTO rule_versions").unwrap();
    let statements = migration[from..].split_inclusive(';').take(2);
    statements.for_each(|statement| bed.superuser(statement));
    let router = bed.router().await;
    assert_eq!(router.published, Some(router.rules_version));
    assert_eq!(bed.fetch(0..1, "DE").await.proposed, 1);
    let draft = bed.run(|tx| rules_draft(tx, Object::Lead)).await.unwrap();
    assert!(draft.changes.is_empty(), "{:?}", draft.changes);
    let id = bed.latest().await;
    let told = bed.run(move |tx| assignment_explain(tx, id)).await.unwrap();
    assert_eq!(told.again, Recomputed::Same);
}
