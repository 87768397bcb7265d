//! The corpora of tests/golden/soql: the grammar beside Salesforce's own parser, and the guard
//! beside the verdicts that were written for it by hand.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeZone, Utc};
use serde_json::Value;

use crate::{
    guard::{AllowList, Enrollment, Field, FieldType, Object, Warning},
    parse,
};

const GRAMMAR: &str = include_str!("../../../tests/golden/soql/grammar.jsonl");
const DIFFERENCES: &str = include_str!("../../../tests/golden/soql/differences.json");
const GUARD: &str = include_str!("../../../tests/golden/soql/guard.jsonl");

fn rows(file: &str) -> Vec<Value> {
    file.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

#[test]
fn the_grammar_agrees_with_salesforce_and_each_difference_is_explained() {
    let explained: BTreeMap<String, String> = serde_json::from_str(DIFFERENCES).unwrap();
    let mut used = BTreeSet::new();
    let rows = rows(GRAMMAR);
    assert!(rows.len() >= 250, "{} queries", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let query = text(row, "query");
        let verdict = parse(query).map_or_else(|error| error.code.as_str(), |_| "accept");
        if verdict != text(row, "revkeep") {
            wrong.push(format!("{verdict}: {query:?}"));
        }
        let differs = (verdict == "accept") != (text(row, "salesforce") == "accept");
        // A difference may only make Revkeep the stricter of the two.
        assert!(
            !(differs && verdict == "accept"),
            "accepted against Salesforce: {query:?}"
        );
        assert_eq!(
            differs,
            explained.contains_key(text(row, "why")),
            "{query:?}"
        );
        used.insert(text(row, "why").to_owned());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        explained.keys().all(|reason| used.contains(reason)),
        "a reason is not used"
    );
}

#[test]
fn what_is_printed_of_each_query_reads_back_to_the_same_tree() {
    let rows = rows(GRAMMAR).into_iter().chain(rows(GUARD));
    for query in rows.filter_map(|row| parse(text(&row, "query")).ok()) {
        let printed = query.to_string();
        assert_eq!(parse(&printed).as_ref(), Ok(&query), "{printed}");
    }
}

fn allow() -> AllowList {
    let custom = [
        ("Score__c", FieldType::Decimal),
        ("Topics__c", FieldType::MultiPicklist),
        ("Due__c", FieldType::Date),
        ("Vip__c", FieldType::Boolean),
        ("Call__c", FieldType::Time),
    ];
    custom
        .iter()
        .fold(AllowList::standard(), |allow, (name, kind)| {
            allow.allow(Object::Lead, Field::new(name, *kind).unwrap())
        })
}

#[test]
fn the_guard_gives_each_hostile_or_odd_query_its_verdict() {
    let rows = rows(GUARD);
    assert!(rows.len() >= 150, "{} queries", rows.len());
    let now = Utc.with_ymd_and_hms(2026, 7, 15, 9, 30, 0).unwrap();
    let allow = allow();
    let mut wrong = Vec::new();
    for row in &rows {
        let object = row["object"]
            .as_str()
            .map_or(Object::Lead, |name| Object::named(name).unwrap());
        let judged = Enrollment::guard(text(row, "query"), object, &allow, now);
        let verdict = match &judged {
            Err(error) => error.code.as_str(),
            Ok(enrollment) if enrollment.warnings().contains(&Warning::MatchesNothing) => {
                Warning::MatchesNothing.as_str()
            }
            Ok(_) => "accept",
        };
        let sent = judged
            .map(|enrollment| enrollment.to_string())
            .unwrap_or_default();
        let as_expected = row["sent"].as_str().is_none_or(|expected| expected == sent);
        if verdict != text(row, "verdict") || !as_expected {
            wrong.push(format!(
                "{verdict}, not {}: {} sent {sent}",
                text(row, "verdict"),
                text(row, "query")
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
