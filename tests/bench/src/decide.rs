//! `bench decide`: how many records a second the decision gets through on one core.
//!
//! 50 rules of 3 conditions; 90 % of the records match one rule each, spread evenly over the
//! rules, 10 % go to the fallback. Each record is read from its JSON fields, decided, and its
//! reasons put into the form that the routing log stores. The floor is the same loop, reading
//! included, with a trivial decision. Two layouts of the same rules are measured: in one the
//! condition that tells the rules apart stands first, in the other last, so that nearly every
//! condition of every losing rule is run.

use std::{hint::black_box, sync::Arc};

use anyhow::{Context as _, anyhow};
use kernel::{PoolId, RepId, RuleId};
use routing::{
    Condition, Decision, Fields, Member, Outcome, Pool, Reasons, Rep, RoutingState, RuleDefinition,
    RuleSet, Target, decide,
};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::{
    core_time::on_core,
    report::{self, Figure, Limit},
};

const RULES: u32 = 50;
const REPS: u32 = 10;
const BAR: f64 = 200_000.0;
const COUNTRIES: [&str; 5] = ["Germany", "France", "Österreich", "Italy", "Spain"];
const OWNER: &str = "005xx0000000999AAA";

pub(crate) fn run(records: usize, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let leads = leads(records);
    [
        ("telling_condition_first", true),
        ("telling_condition_last", false),
    ]
    .into_iter()
    .map(|(figure, first)| measure(figure, &rules(first)?, &leads, rounds))
    .collect()
}

fn measure(
    figure: &'static str,
    rules: &RuleSet,
    leads: &[Map<String, Json>],
    rounds: usize,
) -> anyhow::Result<Figure> {
    check_spread(rules, leads)?;
    let mut state = state();
    let (mut ours, mut floors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let floor = rate(leads, |lead| trivial(rules, lead))?;
        let rate = rate(leads, |lead| {
            let decision = decide(rules, &mut state, &rules.read(lead), OWNER);
            let reasons = Reasons::of(&decision, rules);
            (decision, reasons)
        })?;
        report::progress(&format!(
            "decide {figure} {round}/{rounds}: {rate:.0} records/s, floor {floor:.0}"
        ));
        ours.push(rate);
        floors.push(floor);
        ratios.push(floor / rate);
    }
    let (value, interval) = report::median(&mut ours).context("no rounds")?;
    let (floor, _) = report::median(&mut floors).context("no rounds")?;
    let (ratio, ratio_interval) = report::median(&mut ratios).context("no rounds")?;
    let blank = Figure::new("decide", figure, "records/s", rounds);
    Ok(Figure {
        value,
        interval,
        floor,
        ratio,
        ratio_interval,
        ..blank
    }
    .bounded(Limit::AtLeast(BAR)))
}

/// Records a second of `work` on one core, over all leads.
fn rate<T>(
    leads: &[Map<String, Json>],
    mut work: impl FnMut(&Map<String, Json>) -> T,
) -> anyhow::Result<f64> {
    let start = on_core()?;
    for lead in leads {
        black_box(work(black_box(lead)));
    }
    let spent = on_core()?.saturating_sub(start);
    let records = u32::try_from(leads.len()).context("too many records")?;
    Ok(f64::from(records) / spent.as_secs_f64())
}

/// The floor: reads the record and gives it to one rep, without a rule.
fn trivial(rules: &RuleSet, lead: &Map<String, Json>) -> (Decision, Reasons) {
    black_box(rules.read(lead));
    let outcome = Outcome::Assigned {
        target: pool(),
        rep: Some(rep_id(0)),
        new_owner: Arc::from(OWNER),
        already_owner: false,
    };
    let decision = Decision {
        rule: Some(0),
        outcome,
        losses: Vec::new(),
        candidates: Vec::new(),
        passed: Vec::new(),
        territories: Vec::new(),
    };
    (decision, Reasons::default())
}

/// What is measured is what is claimed: every rule matches its even share, 10 % match none.
fn check_spread(rules: &RuleSet, leads: &[Map<String, Json>]) -> anyhow::Result<()> {
    let mut state = state();
    let mut matched = vec![0_usize; rules.rules().len()];
    for lead in leads {
        let decision = decide(rules, &mut state, &rules.read(lead), OWNER);
        if let Some(count) = decision.rule.and_then(|rule| matched.get_mut(rule)) {
            *count = count.saturating_add(1);
        }
    }
    let share = leads.len().saturating_mul(9) / 10 / rules.rules().len();
    let even = matched.iter().all(|count| count.abs_diff(share) <= 1);
    if even {
        Ok(())
    } else {
        Err(anyhow!("matches are not spread evenly: {matched:?}"))
    }
}

fn rules(telling_first: bool) -> anyhow::Result<RuleSet> {
    let definitions = (0..RULES)
        .map(|n| rule(n, telling_first))
        .collect::<anyhow::Result<Vec<_>>>()?;
    RuleSet::compile(&definitions, Some(pool()), &fields())
        .map_err(|broken| anyhow!("rule {} is broken: {:?}", broken.rule, broken.flaws))
}

fn rule(n: u32, telling_first: bool) -> anyhow::Result<RuleDefinition> {
    let low = n.saturating_add(1).saturating_mul(100);
    let band = json!({"field": "NumberOfEmployees", "op": "between", "value": [low, low.saturating_add(99)]});
    let country = json!({"field": "Country", "op": "in", "value": COUNTRIES});
    let mail = json!({"field": "Email", "op": "ends_with", "value": "@example.com"});
    let terms = if telling_first {
        [band, country, mail]
    } else {
        [country, mail, band]
    };
    let condition = Condition::from_json(&json!({ "all": terms }))
        .map_err(|flaws| anyhow!("condition is broken: {flaws:?}"))?;
    let id = RuleId::from_uuid(Uuid::from_u128(
        u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    ));
    Ok(RuleDefinition {
        id,
        version: 3,
        enabled: true,
        condition,
        target: pool().into(),
        unavailable: routing::Unavailable::Wait,
    })
}

fn fields() -> Fields {
    use layer::FieldType::{Number, Picklist, String as Text};
    [
        ("Country", Picklist),
        ("Email", Text),
        ("NumberOfEmployees", Number),
    ]
    .into_iter()
    .map(|(name, kind)| (name.to_owned(), kind))
    .collect()
}

/// Leads with a dozen fields, of which the rules read three. Every tenth lead's size is in no band.
fn leads(count: usize) -> Vec<Map<String, Json>> {
    let lead = |(n, country): (usize, &&str)| {
        let routed = n
            .saturating_sub(n / 10)
            .saturating_sub(usize::from(n % 10 == 9));
        let band = if n % 10 == 9 {
            0
        } else {
            (routed % 50).saturating_add(1).saturating_mul(100)
        };
        let fields = json!({
            "Id": format!("00Qxx00000{n:05}AAA"), "FirstName": "Ada", "LastName": format!("Example {n}"),
            "Company": format!("Example {n} GmbH"), "Title": "Head of Sales", "Country": country,
            "Email": format!("Ada.{n}@Example.com"), "Phone": "+49 30 1234567", "LeadSource": "Web",
            "Industry": "Software", "NumberOfEmployees": band, "OwnerId": OWNER,
        });
        match fields {
            Json::Object(fields) => fields,
            _ => Map::new(),
        }
    };
    (0..count).zip(COUNTRIES.iter().cycle()).map(lead).collect()
}

fn rep_id(n: u32) -> RepId {
    RepId::from_uuid(Uuid::from_u128(
        u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    ))
}

fn pool() -> Target {
    Target::Pool {
        pool_id: PoolId::from_uuid(Uuid::from_u128(1)),
    }
}

fn state() -> RoutingState {
    let rep = |n| Rep {
        id: rep_id(n),
        salesforce_user_id: Arc::from(format!("005xx0000000{n:03}AAA")),
        active: true,
        paused: false,
        limits: routing::Limits::default(),
    };
    let member = |n: u32| Member {
        rep: rep_id(n),
        weight: n.saturating_add(1),
        credit: 0,
    };
    let pool = Pool {
        members: (0..REPS).map(member).collect(),
    };
    RoutingState::new(
        (0..REPS).map(rep),
        [],
        [(PoolId::from_uuid(Uuid::from_u128(1)), pool)],
    )
}
