use proptest::prelude::*;
use serde_json::json;

use super::*;

fn ada() -> Value {
    json!({
        "id": "user_1", "externalId": "X1", "userName": "Ada@Acme.example", "active": true,
        "name": { "familyName": "Lovelace" },
        "emails": [
            { "value": "ada@acme.example", "type": "work", "primary": true },
            { "value": "ada@home.example", "type": "home" },
        ],
        "meta": { "lastModified": "2026-05-13T04:42:34.5Z" },
    })
}

fn finds(text: &str) -> bool {
    parse(text)
        .unwrap_or_else(|flaw| panic!("{text}: {flaw:?}"))
        .matches(&ada())
}

/// The examples of RFC 7644 section 3.4.2.2, and what providers send.
#[test]
fn filters_find_what_the_standard_says() {
    for text in [
        "userName eq \"ada@acme.example\"",
        "USERNAME Eq \"ADA@ACME.EXAMPLE\"",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"ada\"",
        "name.familyName co \"Love\"",
        "emails co \"home.example\"",
        "emails.value ew \"home.example\"",
        "emails[type eq \"work\" and value co \"@acme.example\"]",
        "emails[not (type eq \"work\")]",
        "meta.lastModified gt \"2026-05-13T04:42:34Z\"",
        "meta.lastModified ge \"2026-05-13T06:42:34.5+02:00\"",
        "active eq true",
        "externalId pr and not (displayName pr)",
        "active eq false or active eq true and userName pr",
        "(active eq false or active eq true) and id eq \"user_1\"",
        "externalId ne \"x1\"",
        "title ne \"x\"",
    ] {
        assert!(finds(text), "{text}");
    }
    for text in [
        "userName eq \"ada\"",
        "externalId eq \"x1\"",
        "emails[type eq \"work\" and value co \"home.example\"]",
        "meta.lastModified lt \"2026-05-13T04:42:34Z\"",
        "meta.lastModified gt \"yesterday\"",
        "active eq \"true\"",
        "active eq false or active eq true and title pr",
        "urn:example:2.0:User:userName pr",
    ] {
        assert!(!finds(text), "{text}");
    }
}

#[test]
fn what_is_no_filter_is_refused() {
    for text in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq ada",
        "userName eq \"ada",
        "userName eq \"ada\" and",
        "(userName pr",
        "userName pr)",
        "emails[type pr",
        "not userName pr",
        "userName is \"ada\"",
        "active gt true",
        "userName eq [\"ada\"]",
        "userName eq {}",
        "1 eq 1",
        "userName pr; DROP TABLE users",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let nested = |depth: usize| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(MOST_DEPTH - 1)).is_ok());
    assert_eq!(
        parse(&nested(MOST_DEPTH)),
        Err(NoFilter("it is nested too deeply"))
    );
    let not = format!("{}a pr{}", "not (".repeat(40), ")".repeat(40));
    assert!(parse(&not).is_err());
    assert!(parse(&"(".repeat(MOST_BYTES)).is_err());
    let long = |bytes: usize| format!("a eq \"{}\"", "x".repeat(bytes - 7));
    assert!(parse(&long(MOST_BYTES)).is_ok());
    assert_eq!(
        parse(&long(MOST_BYTES + 1)),
        Err(NoFilter("it is too long"))
    );
    // As many links as fit: read, matched and dropped without a stack of its own for each.
    let chain = vec!["a pr"; MOST_BYTES / 9].join(" and ");
    assert!(!parse(&chain).unwrap().matches(&ada()));
}

#[test]
fn paths_name_a_place() {
    let place = parse_place("emails[type eq \"work\"].value").unwrap();
    assert_eq!(
        (place.attribute.as_str(), place.part.as_deref()),
        ("emails", Some("value"))
    );
    assert!(place.filter.unwrap().matches(&json!({ "type": "WORK" })));
    let place = parse_place("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName").unwrap();
    assert_eq!(
        (place.attribute.as_str(), place.part.as_deref()),
        ("name", Some("givenname"))
    );
    for text in ["", "a.b.c", "a[b pr", "a[b pr]c", "a b", "[a pr]", ".a"] {
        assert!(parse_place(text).is_err(), "{text}");
    }
}

/// As RFC 7644 figure 1 writes it, with every parenthesis.
fn print(filter: &Filter) -> String {
    let name = |name: &Name| match &name.part {
        Some(part) => format!("{}.{part}", name.attribute),
        None => name.attribute.clone(),
    };
    match filter {
        Filter::And(one, other) => format!("({} and {})", print(one), print(other)),
        Filter::Or(one, other) => format!("({} or {})", print(one), print(other)),
        Filter::Not(inner) => format!("not ({})", print(inner)),
        Filter::Within(of, inner) => format!("{}[{}]", name(of), print(inner)),
        Filter::Present(of) => format!("{} pr", name(of)),
        Filter::Compare(of, operator, value) => {
            let word = match operator {
                Operator::Equal => "eq",
                Operator::NotEqual => "ne",
                Operator::Contains => "co",
                Operator::StartsWith => "sw",
                Operator::EndsWith => "ew",
                Operator::Greater => "gt",
                Operator::GreaterOrEqual => "ge",
                Operator::Less => "lt",
                Operator::LessOrEqual => "le",
            };
            format!("{} {word} {value}", name(of))
        }
    }
}

fn any_name() -> impl Strategy<Value = Name> {
    let word = "[a-z][a-z0-9_-]{0,8}";
    (word, proptest::option::of(word)).prop_map(|(attribute, part)| Name { attribute, part })
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let text =
        any::<String>().prop_map(|text| Value::from(text.chars().take(20).collect::<String>()));
    let value = prop_oneof![text, any::<i32>().prop_map(Value::from)];
    let operator = proptest::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Contains,
        Operator::StartsWith,
        Operator::EndsWith,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Less,
        Operator::LessOrEqual,
    ]);
    let leaf = prop_oneof![
        any_name().prop_map(Filter::Present),
        (any_name(), operator, value)
            .prop_map(|(name, operator, value)| Filter::Compare(name, operator, value)),
        (any_name(), any::<bool>()).prop_map(|(name, flag)| Filter::Compare(
            name,
            Operator::Equal,
            Value::from(flag)
        )),
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone()
                .prop_map(|(one, other)| Filter::And(one.into(), other.into())),
            pair.prop_map(|(one, other)| Filter::Or(one.into(), other.into())),
            inner.clone().prop_map(|inner| Filter::Not(inner.into())),
            (any_name(), inner).prop_map(|(name, inner)| Filter::Within(name, inner.into())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(filter in any_filter()) {
        let text = print(&filter);
        prop_assume!(text.len() <= MOST_BYTES);
        prop_assert_eq!(parse(&text), Ok(filter), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), noise in "[a-z(\\[\\]). \"eqandornot]{0,80}") {
        for text in [text, noise] {
            if let Ok(filter) = parse(&text) {
                filter.matches(&ada());
            }
            let _ = parse_place(&text);
        }
    }

    #[test]
    fn not_turns_an_answer_round(filter in any_filter()) {
        let is = filter.matches(&ada());
        prop_assert_eq!(Filter::Not(filter.into()).matches(&ada()), !is);
    }
}
