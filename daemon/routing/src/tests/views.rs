//! What people are shown: reasons, stories, previews, figures, pages.

use chrono::TimeDelta;
use kernel::{AssignmentId, Classified};
use layer::Object;
use serde_json::json;

use super::bed::{Bed, country, lead_id};
use crate::{
    AssignmentFilter, FailureFilter, RuleInput, Standing, Target, WriteResult, assignment_explain,
    assignment_list, day_start, failure_list, failure_reasons, overview, rep_update, rule_list,
    rule_preview, rule_update, rules_matched,
};

async fn only_assignment(bed: &Bed) -> AssignmentId {
    let page = bed
        .run(|tx| assignment_list(tx, &AssignmentFilter::default(), None, 2))
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1);
    page.items[0].id()
}

#[tokio::test]
async fn a_decision_says_why_each_rule_and_rep_lost() {
    let bed = Bed::routing().await;
    bed.rule("Austria", country("AT"), Target::Pool { pool_id: bed.pool })
        .await;
    bed.publish().await;
    let paused = bed.reps[0];
    bed.run(move |tx| rep_update(tx, paused, true))
        .await
        .unwrap();
    bed.fetch(0..1, "AT").await;
    let id = only_assignment(&bed).await;
    let why = bed.run(move |tx| assignment_explain(tx, id)).await.unwrap();

    let outcomes: Vec<_> = why.why.rules.iter().map(|rule| rule.outcome).collect();
    assert_eq!(outcomes, ["not_matched", "matched"]);
    let lost = &why.why.rules[0];
    assert_eq!(lost.rule.as_ref().unwrap().1, "Germany");
    let term = &lost.failed_terms[0];
    assert_eq!(term.path, "condition.all[0]");
    assert_eq!(
        (term.field.as_str(), term.op, term.actual_kind),
        ("Country", crate::Op::Eq, "picklist")
    );
    assert_eq!(term.expected, "DE");
    let reps: Vec<_> = why
        .why
        .candidates
        .iter()
        .map(|c| (c.rep.as_ref().unwrap().1.as_str(), c.standing))
        .collect();
    // Of two with the same credit the smaller id goes first.
    let (bo, cem) = if bed.reps[1] < bed.reps[2] {
        (Standing::Chosen, Standing::NotTheirTurn)
    } else {
        (Standing::NotTheirTurn, Standing::Chosen)
    };
    let expected = [("Ada", Standing::Paused), ("Bo", bo), ("Cem", cem)];
    assert_eq!(sorted(reps), sorted(expected.to_vec()));
    let input = &why.inputs[0];
    assert_eq!(
        (input.field.as_str(), &input.value, input.erased),
        ("Country", &json!("AT"), None)
    );
    let steps: Vec<_> = why.story.iter().map(|step| step.step).collect();
    assert_eq!(steps, ["fetched", "decided"]);
}

fn sorted(mut reps: Vec<(&str, Standing)>) -> Vec<(&str, Standing)> {
    reps.sort_by_key(|(name, _)| *name);
    reps
}

#[tokio::test]
async fn a_rule_that_changed_since_is_said_to_have_changed_where_its_version_is_not_kept() {
    let bed = Bed::routing().await;
    bed.rule("Austria", country("AT"), Target::Pool { pool_id: bed.pool })
        .await;
    bed.publish().await;
    bed.fetch(0..1, "AT").await;
    bed.superuser("DELETE FROM rule_versions");
    let (rules, _) = bed.run(|tx| rule_list(tx, Object::Lead)).await.unwrap();
    let (id, version) = (rules[0].id(), rules[0].version);
    let input = RuleInput {
        unavailable: crate::Unavailable::Wait,
        name: String::from("Germany"),
        enabled: true,
        condition: country("CH"),
        target: Target::Pool { pool_id: bed.pool }.into(),
    };
    bed.run(move |tx| rule_update(tx, id, version, &input))
        .await
        .unwrap();
    let assignment = only_assignment(&bed).await;
    let why = bed
        .run(move |tx| assignment_explain(tx, assignment))
        .await
        .unwrap();
    assert!(why.why.rules[0].changed_since && why.why.rules[0].failed_terms.is_empty());
    assert!(!why.why.rules[1].changed_since);
    assert_eq!(why.again, crate::Recomputed::NotKept);
    assert!(why.said[0].contains("before versions of the rules were kept"));
}

#[tokio::test]
async fn no_value_of_a_record_stands_in_the_log() {
    let bed = Bed::routing().await;
    bed.fetch(4711..4712, "DE").await;
    let page = bed
        .run(|tx| assignment_list(tx, &AssignmentFilter::default(), None, 2))
        .await
        .unwrap();
    let row = format!("{:?}", page.items[0]);
    assert!(!row.contains("Firm 4711") && !row.contains("DE\""), "{row}");
}

#[tokio::test]
async fn a_preview_counts_what_matches_and_what_earlier_rules_take() {
    let bed = Bed::routing().await;
    bed.fetch(0..10, "DE").await;
    bed.fetch(10..14, "FR").await;
    let any = json!({"any": [
        {"field": "Country", "op": "eq", "value": "FR"},
        {"field": "Company", "op": "eq", "value": "firm 3"},
    ]});
    let shown = bed
        .run(move |tx| rule_preview(tx, Object::Lead, &any, None))
        .await
        .unwrap();
    assert_eq!(
        (shown.considered, shown.matching, shown.taken_by_earlier),
        (14, 5, 1)
    );
    let item = |n| {
        shown
            .items
            .iter()
            .find(|item| item.record_id == lead_id(n))
            .unwrap()
    };
    assert_eq!(item(3).taken_by.as_ref().unwrap().1, "Germany");
    assert_eq!(item(3).title.as_deref(), Some("Firm 3"));
    assert_eq!(
        item(4).failed_terms,
        ["condition.any[0]", "condition.any[1]"]
    );
    assert!(item(11).matches && item(11).taken_by.is_none());
    let bad = json!({"all": []});
    let refused = bed
        .run(move |tx| rule_preview(tx, Object::Lead, &bad, None))
        .await;
    assert_eq!(refused.unwrap_err().code(), "condition_invalid");
    assert!(
        bed.claim().await.items.len() == 10,
        "a preview decides nothing"
    );
}

#[tokio::test]
async fn the_overview_adds_up() {
    let bed = Bed::routing().await;
    let since = bed.run(|tx| day_start(tx, "Europe/Berlin")).await.unwrap();
    let age = kernel::Clock::now(bed.clock.as_ref()) - since;
    assert!(age >= TimeDelta::zero() && age < TimeDelta::hours(25));
    bed.fetch(0..7, "DE").await;
    bed.fetch(7..9, "FR").await;
    bed.report(&bed.claim().await, WriteResult::Written).await;
    let shown = bed.run(move |tx| overview(tx, since)).await.unwrap();
    assert_eq!(
        (
            shown.routed,
            shown.accounting.failed,
            shown.accounting.total()
        ),
        (7, 2, 9)
    );
    assert_eq!(shown.median_seconds_to_owner, Some(30.0));
    assert_eq!(shown.p90_seconds_to_owner, Some(30.0));
    assert_eq!(shown.by_hour.len(), 24);
    assert_eq!(
        shown
            .by_hour
            .iter()
            .map(|hour| (hour.routed, hour.failed))
            .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        (7, 2)
    );
    assert_eq!(
        shown
            .by_rep
            .iter()
            .map(|rep| rep.routed)
            .collect::<Vec<_>>(),
        [3, 2, 2]
    );
    for rep in &shown.by_rep {
        assert!((rep.ideal_share.unwrap() - 1.0 / 3.0).abs() < 1e-9);
    }
    assert_eq!(
        bed.run(rules_matched)
            .await
            .unwrap()
            .into_values()
            .collect::<Vec<_>>(),
        [7]
    );
    let reasons = bed.run(failure_reasons).await.unwrap();
    assert_eq!(reasons, [(String::from("no_rule_no_fallback"), 2)]);
    let nowhere = bed.run(|tx| day_start(tx, "Mars/Olympus'; --")).await;
    assert_eq!(nowhere.unwrap_err().code(), "time_zone_unknown");
}

#[tokio::test]
async fn pages_of_log_and_failures_follow_without_gap() {
    let bed = Bed::routing().await;
    for n in 0..4 {
        bed.fetch(n * 5..n * 5 + 5, "DE").await;
        bed.fetch(100 + n * 5..100 + n * 5 + 5, "FR").await;
        bed.clock.advance(TimeDelta::seconds(1));
    }
    let (mut log, mut cursor) = (Vec::new(), None);
    loop {
        let page = bed
            .run(move |tx| assignment_list(tx, &AssignmentFilter::default(), cursor, 3))
            .await
            .unwrap();
        log.extend(page.items.into_iter().map(|item| item.record_id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let (mut failures, mut cursor) = (Vec::new(), None);
    loop {
        let page = bed
            .run(move |tx| failure_list(tx, &FailureFilter::default(), cursor.as_ref(), 3))
            .await
            .unwrap();
        failures.extend(page.items.into_iter().map(|item| item.record_id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    for mut seen in [log, failures] {
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 20);
    }
    let filter = AssignmentFilter {
        record: Some(lead_id(7)),
        ..AssignmentFilter::default()
    };
    let page = bed
        .run(move |tx| assignment_list(tx, &filter, None, 9))
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1);
}
