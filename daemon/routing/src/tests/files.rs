//! Rules as a file: the same rules come out that went in, each flaw is told with its place, and nothing is
//! overwritten that was not looked at.

use kernel::Classified;
use layer::Object;
use serde_json::{Value as Json, json};

use super::bed::{Bed, country};
use crate::{Target, rule_list, rules_apply, rules_draft, rules_export, rules_plan};

async fn exported(bed: &Bed) -> Json {
    let text = bed.run(|tx| rules_export(tx, Object::Lead)).await.unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn what_is_exported_changes_nothing_when_it_is_planned() {
    let bed = Bed::routing().await;
    let rep = Target::User {
        rep_id: bed.reps[1],
    };
    bed.rule("Austria", country("AT"), rep).await;
    bed.configure(Some(Target::Queue {
        queue_id: bed.queue,
    }))
    .await;
    bed.publish().await;
    let file = exported(&bed).await;
    assert_eq!(file["rules"][0]["give_to"], json!({ "pool": "DACH" }));
    assert_eq!(
        file["rules"][1]["give_to"],
        json!({ "rep": "Bo", "salesforce_id": "005xx0000000002AAA" })
    );
    assert_eq!(file["fallback"]["queue"], "Unassigned");
    let text = file.to_string();
    let plan = bed
        .run(move |tx| rules_plan(tx, Object::Lead, &text))
        .await
        .unwrap();
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
}

#[tokio::test]
async fn a_file_is_planned_and_then_published_over_the_draft_that_was_seen() {
    let bed = Bed::routing().await;
    let before = bed.run(|tx| rule_list(tx, Object::Lead)).await.unwrap().0;
    let mut file = exported(&bed).await;
    file["rules"][0]["when"] = country("FR");
    let new = json!({ "name": "Austria", "when": country("AT"), "give_to": { "rep": "Ada" } });
    file["rules"].as_array_mut().unwrap().insert(0, new);
    let text = file.to_string();
    let (planned, applied, stale) = (text.clone(), text.clone(), text);
    let plan = bed
        .run(move |tx| rules_plan(tx, Object::Lead, &planned))
        .await
        .unwrap();
    assert_eq!(
        plan.said,
        [
            "+ Rule “Austria” at position 1, to the rep “Ada”.",
            "~ Rule “Germany”: condition."
        ]
    );
    // Somebody saves a rule between plan and apply: their work is not lost.
    let pool = Target::Pool { pool_id: bed.pool };
    bed.rule("Theirs", country("IT"), pool).await;
    let seen = plan.draft_version;
    let refused = bed
        .run(move |tx| rules_apply(tx, Object::Lead, &stale, seen, ""))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "version_conflict");
    let draft = bed.run(|tx| rules_draft(tx, Object::Lead)).await.unwrap();
    assert_eq!(draft.changes.len(), 1);

    let seen = draft.draft_version;
    let version = bed
        .run(move |tx| rules_apply(tx, Object::Lead, &applied, seen, "From git"))
        .await
        .unwrap();
    assert_eq!((version.version, version.note.as_str()), (2, "From git"));
    assert_eq!(bed.fetch(0..1, "AT").await.proposed, 1);
    assert_eq!(bed.fetch(1..2, "FR").await.proposed, 1);
    // A rule of the same name is the same rule.
    let after = bed.run(|tx| rule_list(tx, Object::Lead)).await.unwrap().0;
    assert_eq!(after[1].id(), before[0].id());
    assert_eq!(after.len(), 2);
}

#[tokio::test]
async fn each_flaw_of_a_file_is_told_with_its_place_and_nothing_is_written() {
    let bed = Bed::routing().await;
    let draft = bed.router().await.rules_version;
    let file = json!({
        "revkeep_rules": 1, "object": "Lead", "fallback": { "pool": "Nobody's" },
        "rules": [
            { "name": "Gone field", "when": { "all": [{ "field": "Salary__c", "op": "gt", "value": 1 }] }, "give_to": { "pool": "DACH" } },
            { "name": " ", "when": country("DE"), "give_to": { "pool": "DACH", "rep": "Ada" } },
        ],
    });
    let text = file.to_string();
    let refused = bed
        .run(move |tx| rules_apply(tx, Object::Lead, &text, draft, ""))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "rules_file_invalid");
    let places: Vec<&str> = refused
        .flaws()
        .iter()
        .map(|flaw| flaw.path.as_str())
        .collect();
    assert_eq!(
        places,
        [
            "fallback",
            "rules[0].when.all[0].field",
            "rules[1].name",
            "rules[1].give_to"
        ]
    );
    for text in [
        "{",
        "[]",
        "{\"revkeep_rules\":1,\"object\":\"Lead\",\"fallback\":null,\"rules\":[],\"extra\":1}",
    ] {
        let refused = bed
            .run(move |tx| rules_plan(tx, Object::Lead, text))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), "rules_file_invalid", "{text}");
    }
    let other = exported(&bed)
        .await
        .to_string()
        .replace("\"Lead\"", "\"Contact\"");
    let refused = bed
        .run(move |tx| rules_plan(tx, Object::Lead, &other))
        .await
        .unwrap_err();
    assert_eq!(refused.flaws()[0].code, "object_differs");
    assert_eq!(bed.router().await.rules_version, draft);
}
