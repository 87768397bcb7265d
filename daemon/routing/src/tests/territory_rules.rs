//! Territories in the rule set: drafted, published, decided by, explained, made again, and brought back.

use kernel::{AssignmentId, Classified};
use layer::{Object, field_list};
use serde_json::json;

use super::bed::{Bed, country, lead_id};
use crate::{
    AssignmentFilter, Change, GiveTo, ImportMode, Recomputed, RoutingError, RuleInput, Target,
    TerritoryImport, assignment_explain, assignment_list, field_remove, fields_used, pool_delete,
    recompute_sample, reps_sync, rule_create, rules_apply, rules_draft, rules_export, rules_plan,
    rules_roll_back, territories, territories_export, territories_import, territories_report,
    territory::{Area, Territory},
    territory_write, what_if,
};

const FILE: &str = "territory,owner,country,field:Company\n\
    DACH,DACH,DE,\nDACH,DACH,AT,\nKey accounts,Ada,DE,Firm 7\nNordics,rep:bo,SE,\n\
    Nordics,005xx0000000002AAA,NO,\nRest,Unassigned,IT,\n";

impl Bed {
    /// A router whose only rule gives every lead to the owner of its territory, of the file.
    async fn with_territories() -> Self {
        let bed = Self::new().await;
        bed.configure(None).await;
        bed.territory_rule("By territory").await;
        bed.import(FILE, ImportMode::Whole).await.unwrap();
        bed.activate().await;
        bed
    }

    async fn territory_rule(&self, name: &'static str) {
        self.run(move |tx| {
            let input = RuleInput {
                name: name.to_owned(),
                enabled: true,
                condition: json!({"all": [{"field": "Company", "op": "is_not_empty"}]}),
                target: GiveTo::Territory,
                unavailable: crate::Unavailable::Wait,
            };
            rule_create(tx, Object::Lead, &input)
        })
        .await
        .unwrap();
    }

    async fn import(&self, text: &str, mode: ImportMode) -> Result<TerritoryImport, RoutingError> {
        let (draft, text) = (self.router().await.rules_version, text.to_owned());
        self.run(move |tx| territories_import(tx, Object::Lead, draft, &text, mode))
            .await
    }

    async fn of(&self, n: u32) -> (AssignmentId, String) {
        let filter = AssignmentFilter {
            record: Some(lead_id(n)),
            ..AssignmentFilter::default()
        };
        let page = self
            .run(move |tx| assignment_list(tx, &filter, None, 1))
            .await
            .unwrap();
        (page.items[0].id(), page.items[0].new_owner.clone())
    }

    async fn explained(&self, n: u32) -> (Vec<String>, Recomputed) {
        let (id, _) = self.of(n).await;
        let told = self
            .run(move |tx| assignment_explain(tx, id))
            .await
            .unwrap();
        (told.said, told.again)
    }

    async fn sets(&self) -> i64 {
        use diesel::{QueryDsl, RunQueryDsl};
        self.run(|tx| {
            use db::Unit;
            Ok(schema::territory_sets::table
                .count()
                .get_result(tx.conn())?)
        })
        .await
        .unwrap()
    }
}

fn code<T: std::fmt::Debug>(outcome: Result<T, RoutingError>) -> &'static str {
    outcome.unwrap_err().code()
}

#[tokio::test]
async fn the_owner_of_the_territory_gets_the_record_and_the_reason_is_told() {
    let bed = Bed::with_territories().await;
    assert_eq!(bed.fetch(0..3, "DE").await.proposed, 3);
    assert_eq!(bed.fetch(7..8, "DE").await.proposed, 1);
    assert_eq!(bed.fetch(10..11, "NO").await.proposed, 1);
    assert_eq!(bed.fetch(11..12, "IT").await.proposed, 1);
    // The exception inside Germany is narrower.
    assert_eq!(bed.of(7).await.1, "005xx0000000001AAA");
    assert_eq!(bed.of(10).await.1, "005xx0000000002AAA");
    assert_eq!(bed.of(11).await.1, "00Gxx0000000001AAA");
    let (said, again) = bed.explained(7).await;
    assert_eq!(again, Recomputed::Same);
    let line = "The record lies in the territory “Key accounts” (DE, Company Firm 7). “DACH” holds it too, with fewer conditions; the narrower area counts.";
    assert!(said.iter().any(|told| told == line), "{said:#?}");
    for n in [0, 1, 2, 10, 11] {
        assert_eq!(bed.explained(n).await.1, Recomputed::Same, "{n}");
    }
    // Who was in the pool then is what counts, whoever owns the territory now.
    bed.import("territory,owner,country\nDACH,Cem,DE\n", ImportMode::Whole)
        .await
        .unwrap();
    bed.publish().await;
    assert_eq!(bed.explained(0).await.1, Recomputed::Same);
    bed.fetch(20..21, "DE").await;
    assert_eq!(bed.of(20).await.1, "005xx0000000003AAA");
    let router = bed.router().await.router_id;
    let sampled = bed
        .run(move |tx| {
            let since = db::Unit::now(tx) - chrono::TimeDelta::days(1);
            recompute_sample(tx, router, since)
        })
        .await
        .unwrap();
    assert_eq!((sampled.differ, sampled.not_recomputable), (0, 0));
    assert!(sampled.same > 0);
}

#[tokio::test]
async fn a_forged_owner_of_a_territory_is_found() {
    let bed = Bed::with_territories().await;
    bed.fetch(10..11, "NO").await;
    bed.superuser(
        "UPDATE territory_sets SET content = replace(content::text, '\"NO\"', '\"FI\"')::jsonb",
    );
    assert_eq!(bed.explained(10).await.1, Recomputed::Differs);
}

#[tokio::test]
async fn a_record_in_no_territory_goes_on_to_the_next_rule_and_else_fails_with_the_reason() {
    let bed = Bed::with_territories().await;
    assert_eq!(bed.fetch(0..1, "FR").await.failed, 1);
    assert_eq!(bed.reasons().await, [(String::from("no_territory"), 1)]);
    let ada = Target::User {
        rep_id: bed.reps[0],
    };
    bed.rule("France", country("FR"), ada).await;
    bed.publish().await;
    assert_eq!(bed.fetch(1..2, "FR").await.proposed, 1);
    let (said, again) = bed.explained(1).await;
    assert_eq!(again, Recomputed::Same);
    let line = "Rule “By territory” matched, but it gives to the owner of the record's territory, and it lies in none, so it went on:";
    assert!(said.iter().any(|told| told == line), "{said:#?}");
    assert!(
        said.iter().any(|told| told == "Rule “France” matched."),
        "{said:#?}"
    );
    let told = bed
        .run(|tx| what_if(tx, Object::Lead, &lead_id(1), false))
        .await
        .unwrap();
    assert!(
        told.said.iter().any(|told| told == line),
        "{:#?}",
        told.said
    );
}

#[tokio::test]
async fn an_inactive_rep_gets_nothing_through_a_territory() {
    let bed = Bed::with_territories().await;
    let synced = |(name, n, active): (&str, u32, bool)| crate::SyncedRep {
        external_id: format!("005xx0000000{n:03}AAA"),
        name: name.to_owned(),
        active,
    };
    let reps: Vec<_> = [("Ada", 1, true), ("Bo", 2, false), ("Cem", 3, true)]
        .into_iter()
        .map(synced)
        .collect();
    bed.run(move |tx| reps_sync(tx, &reps)).await.unwrap();
    let sweden = bed.fetch(0..1, "SE").await;
    assert_eq!((sweden.proposed, sweden.failed), (0, 1));
    assert_eq!(bed.reasons().await, [(String::from("rep_unavailable"), 1)]);
    // In the pool of the territory the others take turns.
    assert_eq!(bed.fetch(1..5, "DE").await.proposed, 4);
    for n in 1..5 {
        assert_ne!(bed.of(n).await.1, "005xx0000000002AAA");
    }
}

#[tokio::test]
async fn an_import_with_wrong_rows_changes_nothing_unless_it_may_leave_them_out() {
    let bed = Bed::with_territories().await;
    let wrong = format!("{FILE}East,Nobody,PL,\nEast,Ada,,\nEast,Cem,PL,\n");
    let before = bed.router().await.rules_version;
    let dry = bed.import(&wrong, ImportMode::DryRun).await.unwrap();
    assert_eq!(
        (dry.rows, dry.wrong, dry.territories, dry.areas),
        (9, 2, 5, 7)
    );
    let told: Vec<_> = dry.errors.iter().map(|e| (e.line, e.code)).collect();
    assert_eq!(told, [(8, "owner_unknown"), (9, "no_condition")]);
    assert_eq!(dry.changes.unwrap().names, ["East"]);
    assert_eq!(
        code(bed.import(&wrong, ImportMode::Whole).await),
        "territory_rows_wrong"
    );
    assert_eq!(bed.router().await.rules_version, before);
    assert_eq!(
        code(
            bed.import("territory,owner\n", ImportMode::WithoutWrong)
                .await
        ),
        "territory_rows_wrong"
    );
    let taken = bed.import(&wrong, ImportMode::WithoutWrong).await.unwrap();
    assert!(taken.taken);
    let all = bed.run(|tx| territories(tx, Object::Lead)).await.unwrap();
    assert_eq!(all.set.territories.len(), 5);
    let stale = bed
        .run(move |tx| territories_import(tx, Object::Lead, before, FILE, ImportMode::Whole))
        .await;
    assert_eq!(code(stale), "version_conflict");
}

#[tokio::test]
async fn ten_thousand_rows_of_which_37_are_wrong_are_taken_over_without_these() {
    let bed = Bed::with_territories().await;
    let row = |n: u32| {
        let owner = if n % 271 == 7 { "Nobody" } else { "Ada" };
        format!("T{},{owner},DE,Firm {n}\n", n / 10)
    };
    let rows: String = (0..10_000).map(row).collect();
    let text = format!("territory,owner,country,field:Company\n{rows}");
    let dry = bed.import(&text, ImportMode::DryRun).await.unwrap();
    assert_eq!((dry.rows, dry.wrong, dry.areas), (10_000, 37, 9_963));
    assert_eq!((dry.errors.len(), dry.errors[0].line), (37, 9));
    bed.import(&text, ImportMode::WithoutWrong).await.unwrap();
    bed.publish().await;
    assert_eq!(bed.fetch(0..50, "DE").await.proposed, 49);
    let exported = bed
        .run(|tx| territories_export(tx, Object::Lead))
        .await
        .unwrap();
    let again = bed.import(&exported, ImportMode::DryRun).await.unwrap();
    assert_eq!((again.wrong, again.areas, again.changes), (0, 9_963, None));
}

#[tokio::test]
async fn one_territory_is_added_changed_and_removed() {
    let bed = Bed::with_territories().await;
    let write = async |was: Option<&'static str>, territory: Option<Territory<Target>>| {
        let draft = bed.router().await.rules_version;
        bed.run(move |tx| territory_write(tx, Object::Lead, draft, was, territory))
            .await
    };
    let one = |name: &str, areas: Vec<Area>| {
        Some(Territory {
            name: name.to_owned(),
            owner: Target::User {
                rep_id: bed.reps[2],
            },
            areas,
        })
    };
    let spain = || {
        vec![Area {
            country: Some(String::from("ES")),
            ..Area::default()
        }]
    };
    write(None, one("Iberia", spain())).await.unwrap();
    assert_eq!(
        code(write(None, one("iberia", spain())).await),
        "name_taken"
    );
    assert_eq!(code(write(None, one("All", vec![])).await), "areas_invalid");
    assert_eq!(
        code(write(None, one("All", vec![Area::default()])).await),
        "areas_invalid"
    );
    let unread = vec![Area {
        industry: Some(String::from("Software")),
        ..Area::default()
    }];
    assert_eq!(
        code(write(None, one("Soft", unread)).await),
        "areas_invalid"
    );
    assert_eq!(
        code(write(Some("Gone"), one("Gone", spain())).await),
        "territory_unknown"
    );
    write(Some("Iberia"), one("Spain", spain())).await.unwrap();
    write(Some("Rest"), None).await.unwrap();
    let all = bed.run(|tx| territories(tx, Object::Lead)).await.unwrap();
    let names: Vec<_> = all
        .set
        .territories
        .iter()
        .map(|t| t.name.as_str())
        .collect();
    assert_eq!(names, ["DACH", "Key accounts", "Nordics", "Spain"]);
    // The published one and the draft's: those of no version go.
    assert_eq!(bed.sets().await, 2);
}

#[tokio::test]
async fn territories_are_published_compared_and_rolled_back_with_the_rules() {
    let bed = Bed::with_territories().await;
    bed.import("territory,owner,country\nDACH,Cem,DE\n", ImportMode::Whole)
        .await
        .unwrap();
    // Not yet: a draft decides nothing.
    bed.fetch(10..11, "NO").await;
    assert_eq!(bed.of(10).await.1, "005xx0000000002AAA");
    let draft = bed.run(|tx| rules_draft(tx, Object::Lead)).await.unwrap();
    let [Change::Territories(found)] = &draft.changes[..] else {
        panic!("{:?}", draft.changes)
    };
    assert_eq!((found.added, found.changed, found.removed), (0, 1, 3));
    bed.publish().await;
    assert_eq!(bed.fetch(11..12, "NO").await.failed, 1);
    assert_eq!(bed.sets().await, 2);
    let seen = bed.router().await.rules_version;
    bed.run(move |tx| rules_roll_back(tx, Object::Lead, 1, seen, ""))
        .await
        .unwrap();
    bed.fetch(12..13, "NO").await;
    assert_eq!(bed.of(12).await.1, "005xx0000000002AAA");
    assert_eq!(bed.explained(10).await.1, Recomputed::Same);
}

#[tokio::test]
async fn a_file_of_rules_carries_the_territories() {
    let bed = Bed::with_territories().await;
    let text = bed.run(|tx| rules_export(tx, Object::Lead)).await.unwrap();
    assert!(text.contains("\"territory\": \"owner\""), "{text}");
    let same = text.clone();
    let plan = bed
        .run(move |tx| rules_plan(tx, Object::Lead, &same))
        .await
        .unwrap();
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
    let changed = text.replace("Firm 7", "Firm 8");
    let (planned, draft) = (changed.clone(), plan.draft_version);
    let plan = bed
        .run(move |tx| rules_plan(tx, Object::Lead, &planned))
        .await
        .unwrap();
    assert_eq!(
        plan.said,
        ["~ Territories: 0 added, 1 changed, 0 removed: “Key accounts”."]
    );
    bed.run(move |tx| rules_apply(tx, Object::Lead, &changed, draft, ""))
        .await
        .unwrap();
    bed.fetch(7..9, "DE").await;
    assert_eq!(bed.of(8).await.1, "005xx0000000001AAA");
    let broken = text
        .replace("\"NO\"", "\"\"")
        .replace("\"name\": \"Rest\"", "\"name\": \"dach\"");
    let refused = bed
        .run(move |tx| rules_plan(tx, Object::Lead, &broken))
        .await
        .unwrap_err();
    let flaws: Vec<_> = refused
        .flaws()
        .iter()
        .map(|f| (f.path.as_str(), f.code))
        .collect();
    assert_eq!(
        flaws,
        [
            ("territories[2]", "areas_invalid"),
            ("territories[3].name", "name_taken")
        ]
    );
}

#[tokio::test]
async fn what_territories_use_is_not_taken_away_under_them() {
    let bed = Bed::with_territories().await;
    let pool = bed.pool;
    assert_eq!(
        code(bed.run(move |tx| pool_delete(tx, pool)).await),
        "pool_owns_territories"
    );
    let used = bed.run(fields_used).await.unwrap();
    let key = (String::from("Lead"), String::from("Country"));
    assert_eq!(used[&key][0].1, "By territory");
    let fields = bed
        .run(|tx| Ok(field_list(tx, Object::Lead)?))
        .await
        .unwrap();
    let country = fields.iter().find(|f| f.name == "Country").unwrap().id();
    assert_eq!(
        code(bed.run(move |tx| field_remove(tx, country)).await),
        "field_in_use"
    );
}

#[tokio::test]
async fn the_report_names_overlaps_and_gaps() {
    let bed = Bed::with_territories().await;
    let report = bed
        .run(|tx| territories_report(tx, Object::Lead))
        .await
        .unwrap();
    let [overlap] = &report.overlaps[..] else {
        panic!("{:?}", report.overlaps)
    };
    assert_eq!(
        (overlap.first.0, overlap.second.0, overlap.nested),
        (0, 1, true)
    );
    assert!(report.gaps.is_empty() && !report.more_overlaps);
}
