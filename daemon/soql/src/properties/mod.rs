//! Properties over generated trees and generated text.

mod trees;

use chrono::{DateTime, TimeZone, Utc};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    ast::Condition,
    error::Code,
    guard::{AllowList, Enrollment, Object, Warning},
    parse,
};
use trees::any_query;

/// Queries that come close to what the guard lets pass, with a forbidden name now and then.
fn near_miss() -> BoxedStrategy<String> {
    let field = select(vec![
        "City",
        "Status",
        "Owner.Name",
        "l.City",
        "o.Name",
        "Country",
        "SSN__c",
        "Owner.Email",
        "l.Secret__c",
        "o.Password",
        "Owner.Manager.Name",
        "toLabel(Status)",
        "MAX(City)",
    ]);
    let term = (
        field.clone(),
        select(vec!["= 'x'", "LIKE 'a%'", "!= NULL", "IN ('x', 'y')"]),
    );
    let term = term.prop_map(|(field, test)| format!("({field} {test})"));
    let chain = select(vec![" AND ", " OR "]);
    let filter = (vec(term, 1..5), chain).prop_map(|(terms, between)| terms.join(between));
    (field.clone(), filter, option::of(field))
        .prop_map(|(selected, filter, order)| {
            let order = order
                .map(|order| format!(" ORDER BY {order}"))
                .unwrap_or_default();
            format!("SELECT {selected} FROM Lead l, l.Owner o WHERE {filter}{order}")
        })
        .boxed()
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 7, 15, 9, 30, 0).unwrap()
}

/// Every field and relationship that the text of a sent query names, read without the grammar.
fn forbidden_words(sent: &str) -> Vec<&'static str> {
    let outside_strings = sent.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = outside_strings
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    let secret = [
        "SSN__c",
        "Secret__c",
        "Password",
        "Manager",
        "Email",
        "MAX",
        "l",
        "o",
    ];
    secret
        .into_iter()
        .filter(|word| words.contains(word))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_tree_reads_back_to_itself(query in any_query()) {
        let printed = query.to_string();
        prop_assert_eq!(parse(&printed), Ok(query), "{}", printed);
    }

    #[test]
    fn any_text_is_read_or_refused_within_bounds(text in any::<String>()) {
        if let Err(error) = parse(&text) {
            prop_assert!(error.span.is_none_or(|span| text.get(span.start..span.end).is_some()));
        }
    }

    #[test]
    fn a_guarded_query_names_only_what_the_list_has(text in near_miss()) {
        let allow = AllowList::standard().forbid(Object::Lead, "Email");
        if let Ok(enrollment) = Enrollment::guard(&text, Object::Lead, &allow, now()) {
            let sent = enrollment.select(&["Id", "Owner.Name"]).unwrap().to_string();
            prop_assert_eq!(forbidden_words(&sent), Vec::<&str>::new(), "{}", sent);
            let again = Enrollment::guard(&enrollment.to_string(), Object::Lead, &allow, now());
            prop_assert_eq!(again.unwrap().to_string(), enrollment.to_string());
        } else {
            let clean = forbidden_words(&text.replace("l.", "").replace("o.", "Owner."));
            let names_secret = clean.iter().any(|word| !["l", "o"].contains(word));
            let tautology = text.contains("!= NULL");
            let unsortable = text.contains("ORDER BY toLabel");
            prop_assert!(names_secret || tautology || unsortable, "refused without a reason: {}", text);
        }
    }

    #[test]
    fn a_condition_or_its_negation_is_no_filter_and_both_match_nothing(condition in sensible()) {
        let allow = AllowList::standard();
        let judge = |condition: Condition| {
            let text = format!("SELECT Id FROM Lead WHERE {condition}");
            Enrollment::guard(&text, Object::Lead, &allow, now())
        };
        let negated = Condition::Not(Box::new(condition.clone()));
        let either = judge(Condition::Or(vec![condition.clone(), negated.clone()]));
        prop_assert_eq!(either.unwrap_err().code, Code::Tautology, "{}", condition);
        let both = judge(Condition::And(vec![condition.clone(), negated])).unwrap();
        prop_assert_eq!(both.warnings(), [Warning::MatchesNothing], "{}", condition);
        if let Ok(enrollment) = judge(condition) {
            let again = Enrollment::guard(&enrollment.to_string(), Object::Lead, &allow, now());
            prop_assert_eq!(again.unwrap().to_string(), enrollment.to_string());
        }
    }
}

/// Conditions whose names, operators and values the guard lets pass.
fn sensible() -> BoxedStrategy<Condition> {
    let leaves = [
        "City = 'a'",
        "City != 'a'",
        "City > 'b'",
        "City LIKE 'a%'",
        "City LIKE '%b_'",
        "City IN ('a', NULL)",
        "City = NULL",
        "Email LIKE '%@x.com'",
        "Status = 'New'",
        "Status NOT IN ('New', 'Old')",
        "NumberOfEmployees > 5",
        "NumberOfEmployees <= 5",
        "NumberOfEmployees != NULL",
        "AnnualRevenue >= 0.5",
        "AnnualRevenue < -1",
        "CreatedDate >= LAST_N_DAYS:30",
        "CreatedDate = TODAY",
        "LastActivityDate < THIS_MONTH",
        "LastActivityDate = 2026-01-01",
        "CreatedDate < 2026-01-01T00:00:00Z",
        "HOUR_IN_DAY(CreatedDate) > 8",
        "Owner.Type = 'Queue'",
        "OwnerId = '005000000000001'",
        "Id > '00Q000000000009'",
        "Id IN ('00Q000000000001')",
        "IsConverted = FALSE",
        "IsUnreadByOwner = TRUE",
        "toLabel(Status) = 'x'",
        "OwnerId IN (SELECT Id FROM User WHERE IsActive = TRUE)",
    ];
    let leaf = select(leaves.to_vec()).prop_map(|leaf| {
        parse(&format!("SELECT Id FROM Lead WHERE {leaf}"))
            .unwrap()
            .filter
            .unwrap()
    });
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Condition::And),
            vec(inner.clone(), 2..4).prop_map(Condition::Or),
            inner.prop_map(|term| Condition::Not(Box::new(term))),
        ]
    })
    .boxed()
}
