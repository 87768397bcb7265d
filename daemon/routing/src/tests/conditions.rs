//! Reading, checking, compiling and testing conditions.

use layer::FieldType;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::{condition, fields, record, reference};
use crate::{
    Compiled, Condition, Op, Operand, Scalar, Term,
    model::compile::Slots,
    model::condition::{MAX_DEPTH, MAX_TERMS},
    operators,
};

/// Whether a condition matches, and the paths of the terms that explain a loss.
fn run(condition: &Condition, fields_of_record: &Map<String, Json>) -> (bool, Vec<String>) {
    let mut slots = Slots::default();
    let compiled = Compiled::new(condition, &fields(), &mut slots).unwrap();
    let mut lost = Vec::new();
    let matched = compiled.matches(&slots.read(fields_of_record), &mut lost);
    let path =
        |lost: &crate::model::compile::Lost| compiled.terms()[usize::from(lost.term)].path.clone();
    (matched, lost.iter().map(path).collect())
}

fn term_holds(field: &str, op: &str, value: Json, actual: Json) -> bool {
    let json = json!({"all": [{"field": field, "op": op, "value": value}]});
    run(&condition(json), &record(json!({ field: actual }))).0
}

/// The codes and paths of what is wrong.
fn flaws(json: &Json) -> Vec<(String, &'static str)> {
    let outcome = Condition::from_json(json).and_then(|condition| {
        Compiled::new(&condition, &fields(), &mut Slots::default()).map(|_| ())
    });
    outcome
        .unwrap_err()
        .into_iter()
        .map(|flaw| (flaw.path, flaw.code))
        .collect()
}

fn flaw(json: Json) -> (String, &'static str) {
    let found = flaws(&json);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn at(path: &str, code: &'static str) -> (String, &'static str) {
    (path.to_owned(), code)
}

#[test]
fn text_is_compared_without_case_and_ids_with_it() {
    assert!(term_holds(
        "Company",
        "eq",
        json!("ACME GmbH"),
        json!("acme gmbh")
    ));
    assert!(term_holds(
        "Company",
        "starts_with",
        json!("ÉCO"),
        json!("école")
    ));
    assert!(term_holds(
        "Company",
        "ends_with",
        json!("GMBH"),
        json!("Acme GmbH")
    ));
    assert!(term_holds(
        "Country",
        "in",
        json!(["DE", "at"]),
        json!("AT")
    ));
    assert!(!term_holds("Company", "contains", json!("e"), json!("é")));
    let id = "701xx000000abcDAAA";
    assert!(term_holds(
        "CampaignId",
        "eq",
        json!("701xx000000abcD"),
        json!(id)
    ));
    assert!(!term_holds(
        "CampaignId",
        "eq",
        json!("701xx000000ABCD"),
        json!(id)
    ));
}

#[test]
fn an_empty_value_equals_nothing_and_is_in_no_range() {
    for actual in [json!(null), json!(""), json!("  ")] {
        assert!(term_holds("Company", "ne", json!("x"), actual.clone()));
        assert!(term_holds(
            "Company",
            "not_in",
            json!(["x"]),
            actual.clone()
        ));
        assert!(!term_holds("Company", "eq", json!("x"), actual.clone()));
        assert!(!term_holds(
            "Company",
            "contains",
            json!("x"),
            actual.clone()
        ));
        assert!(term_holds("Company", "is_empty", json!(null), actual));
    }
    assert!(!term_holds("Employees", "lt", json!(5), json!(null)));
    assert!(term_holds("Employees", "ne", json!(5), json!(null)));
    assert!(term_holds("OptIn", "is_false", json!(null), json!(null)));
}

#[test]
fn ranges_include_both_ends_of_between() {
    for (actual, inside) in [(9, false), (10, true), (20, true), (21, false)] {
        assert_eq!(
            term_holds("Employees", "between", json!([10, 20]), json!(actual)),
            inside
        );
    }
    let day = |actual| term_holds("Signed", "lte", json!("2026-02-01"), json!(actual));
    assert!(day("2026-02-01") && !day("2026-02-02"));
    let same_instant = json!("2026-02-01T00:00:00.000+0000");
    assert!(term_holds(
        "CreatedDate",
        "eq",
        json!("2026-02-01T01:00:00+01:00"),
        same_instant
    ));
}

#[test]
fn a_value_of_another_type_counts_as_empty() {
    assert!(!term_holds("Employees", "gt", json!(1), json!("12")));
    assert!(term_holds(
        "Employees",
        "is_empty",
        json!(null),
        json!("12")
    ));
}

#[test]
fn a_loss_names_the_terms_that_explain_it() {
    let condition = condition(json!({"all": [
        {"field": "OptIn", "op": "is_true"},
        {"any": [
            {"field": "Country", "op": "eq", "value": "DE"},
            {"all": [
                {"field": "Employees", "op": "gt", "value": 10},
                {"field": "Company", "op": "is_not_empty"},
            ]},
        ]},
    ]}));
    let lead = record(json!({"OptIn": true, "Country": "FR", "Employees": 50}));
    let arms = ["condition.all[1].any[0]", "condition.all[1].any[1].all[1]"];
    assert_eq!(
        run(&condition, &lead),
        (false, arms.map(String::from).to_vec())
    );
    let opted_out = record(json!({"Country": "DE"}));
    assert_eq!(
        run(&condition, &opted_out),
        (false, vec![String::from("condition.all[0]")])
    );
    let good = record(json!({"OptIn": true, "Country": "DE"}));
    assert_eq!(run(&condition, &good), (true, vec![]));
}

#[test]
fn each_flaw_is_named_with_its_path() {
    let term = |field: &str, op: &str, value: Json| json!({"all": [{"field": field, "op": op, "value": value}]});
    let value = "condition.all[0].value";
    assert_eq!(
        flaw(term("Secret__c", "eq", json!("x"))),
        at("condition.all[0].field", "field_unknown")
    );
    assert_eq!(
        flaw(term("Employees", "contains", json!("x"))),
        at("condition.all[0].op", "op_not_for_type")
    );
    assert_eq!(
        flaw(term("Company", "like", json!("x"))),
        at("condition.all[0].op", "op_unknown")
    );
    assert_eq!(
        flaw(term("Employees", "gt", json!("10"))),
        at(value, "value_type")
    );
    assert_eq!(
        flaw(term("Employees", "gt", json!(true))),
        at(value, "value_type")
    );
    assert_eq!(
        flaw(term("Employees", "between", json!([2, 1]))),
        at(value, "range_reversed")
    );
    assert_eq!(
        flaw(term("Employees", "between", json!([2]))),
        at(value, "value_shape")
    );
    assert_eq!(
        flaw(term("Employees", "in", json!(2))),
        at(value, "value_shape")
    );
    assert_eq!(
        flaw(term("Employees", "in", json!([]))),
        at(value, "list_length")
    );
    assert_eq!(
        flaw(term("Company", "eq", json!(["a"]))),
        at(value, "value_shape")
    );
    assert_eq!(
        flaw(term("Company", "eq", json!(" "))),
        at(value, "value_blank")
    );
    assert_eq!(
        flaw(term("Company", "eq", json!(null))),
        at(value, "value_missing")
    );
    assert_eq!(
        flaw(term("Company", "is_empty", json!("a"))),
        at(value, "value_unexpected")
    );
    assert_eq!(
        flaw(term("Signed", "eq", json!("2026-02-30"))),
        at(value, "value_type")
    );
    assert_eq!(
        flaw(term("CreatedDate", "eq", json!("2026-02-03"))),
        at(value, "value_type")
    );
    assert_eq!(
        flaw(term("Company", "eq", json!("x".repeat(1021)))),
        at(value, "text_too_long")
    );
    assert_eq!(flaw(json!({"all": []})), at("condition.all", "group_empty"));
    assert_eq!(
        flaw(json!({"all": {}})),
        at("condition.all", "list_expected")
    );
    assert_eq!(flaw(json!([])), at("condition", "object_expected"));
    assert_eq!(
        flaw(json!({"field": "OptIn", "op": "is_true"})),
        at("condition", "group_expected")
    );
    assert_eq!(
        flaw(json!({"all": [], "any": []})),
        at("condition", "group_ambiguous")
    );
}

#[test]
fn a_misspelt_key_is_refused_and_not_read_as_a_wider_rule() {
    let json = json!({"all": [{"field": "OptIn", "op": "is_true"}], "al": []});
    assert_eq!(flaw(json), at("condition.al", "key_unknown"));
}

#[test]
fn every_flaw_is_told_at_once() {
    let json = json!({"any": [
        {"field": "Nope", "op": "eq", "value": "x"},
        {"field": "Employees", "op": "gt", "value": "x"},
    ]});
    assert_eq!(flaws(&json).len(), 2);
}

#[test]
fn size_and_depth_have_limits() {
    let nested = |groups: usize| {
        (0..groups).fold(
            json!({"field": "OptIn", "op": "is_true"}),
            |inner, _| json!({"all": [inner]}),
        )
    };
    assert!(Condition::from_json(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(flaws(&nested(MAX_DEPTH + 1))[0].1, "too_deep");
    let wide =
        |terms: usize| json!({"any": vec![json!({"field": "OptIn", "op": "is_true"}); terms]});
    assert!(Condition::from_json(&wide(MAX_TERMS)).is_ok());
    assert_eq!(flaw(wide(MAX_TERMS + 1)).1, "too_many_terms");
    assert_eq!(flaws(&wide(100_000)).len(), 1);
}

fn scalar(kind: FieldType) -> BoxedStrategy<Scalar> {
    match kind {
        FieldType::Number => (-3_i64..4).prop_map(|n| Scalar::Number(n.into())).boxed(),
        FieldType::Date => (1_u32..4)
            .prop_map(|d| Scalar::Text(format!("2026-01-{d:02}")))
            .boxed(),
        FieldType::DateTime => (0_u32..4)
            .prop_map(|h| Scalar::Text(format!("2026-01-01T{h:02}:00:00Z")))
            .boxed(),
        FieldType::Id => "[ab][AB]"
            .prop_map(|tail| Scalar::Text(format!("00Q0000000000{tail}")))
            .boxed(),
        _ => "[aAbBéÉ]{1,3}".prop_map(Scalar::Text).boxed(),
    }
}

fn term() -> impl Strategy<Value = Condition> {
    let all: Vec<_> = fields().into_iter().collect();
    proptest::sample::select(all).prop_flat_map(|(field, kind)| {
        proptest::sample::select(operators(kind)).prop_flat_map(move |op| {
            let field = field.clone();
            let value: BoxedStrategy<Option<Operand>> = match op {
                Op::IsEmpty | Op::IsNotEmpty | Op::IsTrue | Op::IsFalse => Just(None).boxed(),
                Op::In | Op::NotIn => proptest::collection::vec(scalar(kind), 1..4)
                    .prop_map(|many| Some(Operand::Many(many)))
                    .boxed(),
                // Equal ends are always in order, whatever the type.
                Op::Between => scalar(kind)
                    .prop_map(|one| Some(Operand::Many(vec![one.clone(), one])))
                    .boxed(),
                _ => scalar(kind).prop_map(|one| Some(Operand::One(one))).boxed(),
            };
            value.prop_map(move |value| {
                Condition::Term(Term {
                    field: field.clone(),
                    op,
                    value,
                })
            })
        })
    })
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let inner = term().prop_recursive(3, 24, 4, |inner| {
        let nodes = proptest::collection::vec(inner, 1..4);
        prop_oneof![
            nodes.clone().prop_map(Condition::All),
            nodes.prop_map(Condition::Any)
        ]
    });
    proptest::collection::vec(inner, 1..4).prop_map(Condition::All)
}

fn any_record() -> impl Strategy<Value = Map<String, Json>> {
    let value = |kind: FieldType| match kind {
        FieldType::Boolean => {
            prop_oneof![Just(Json::Null), any::<bool>().prop_map(Json::Bool)].boxed()
        }
        _ => prop_oneof![
            Just(Json::Null),
            Just(if kind == FieldType::Number {
                Json::Null
            } else {
                json!(" ")
            }),
            scalar(kind).prop_map(|scalar| serde_json::to_value(scalar).unwrap()),
            scalar(kind).prop_map(|scalar| serde_json::to_value(scalar).unwrap()),
        ]
        .boxed(),
    };
    fields()
        .into_iter()
        .map(|(name, kind)| value(kind).prop_map(move |json| (name.clone(), json)))
        .collect::<Vec<_>>()
        .prop_map(|pairs| pairs.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_compiled_form_agrees_with_the_plain_one(
        condition in any_condition(), record in any_record(),
    ) {
        let (matched, lost) = run(&condition, &record);
        prop_assert_eq!(matched, reference::matches(&condition, &fields(), &record));
        prop_assert_eq!(matched, lost.is_empty());
    }

    #[test]
    fn json_reads_back_to_the_same_condition(condition in any_condition()) {
        let json = serde_json::to_value(&condition).unwrap();
        prop_assert_eq!(Condition::from_json(&json).unwrap(), condition);
    }
}
