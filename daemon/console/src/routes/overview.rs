//! The first page: how routing goes today, and what deserves attention.

use actix_web::web;
use chrono::{DateTime, TimeDelta, Utc};
use db::{TenantTx, Unit};
use http::{Allowed, Problem, Query, Routes};
use identity::{Permission, permit};
use kernel::{RepId, RouterId};
use layer::Object;
use routing::Overview;
use serde::{Deserialize, Serialize};

use super::PROVIDER;
use crate::{
    Console,
    attention::{self, Facts, Health, Need, Step},
    fault::Fault,
};

pub(super) fn routes() -> Routes {
    Routes::new().get("/overview", overview_show)
}

#[derive(Deserialize)]
struct Zone {
    /// A name of the IANA time zone database; the day begins there.
    tz: Option<String>,
}

#[derive(Serialize)]
struct OverviewView {
    health: Health,
    router: Option<RouterView>,
    today: TodayView,
    by_hour: Vec<HourView>,
    by_rep: Vec<RepView>,
    checklist: Vec<Step>,
    needs_me: Vec<Need>,
}

#[derive(Serialize)]
struct RouterView {
    id: RouterId,
    object: String,
    state: String,
    last_cycle_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct TodayView {
    since: DateTime<Utc>,
    routed: i64,
    failed: i64,
    waiting: i64,
    in_doubt: i64,
    baseline: i64,
    given_up: i64,
    median_seconds_to_owner: Option<f64>,
    p90_seconds_to_owner: Option<f64>,
}

#[derive(Serialize)]
struct HourView {
    hour: DateTime<Utc>,
    routed: i64,
    failed: i64,
}

#[derive(Serialize)]
struct RepView {
    rep_id: RepId,
    name: String,
    routed: i64,
    /// 0 to 1, as the next. Zero for who is in no pool that took anything.
    ideal_share: f64,
    share: f64,
}

async fn overview_show(
    who: Allowed<permit::OverviewRead>,
    console: web::Data<Console>,
    Query(zone): Query<Zone>,
) -> Result<web::Json<OverviewView>, Problem> {
    let budget_percent = console.budget_percent;
    let may = |permission: Permission| identity::allows(&who.roles, permission);
    let key_due_days = if may(Permission::SigningKeyRead) {
        key_due_days(&console).await
    } else {
        None
    };
    let failing_controls = if may(Permission::ControlRead) {
        console.controls.failing().await.unwrap_or(0)
    } else {
        0
    };
    let (found, mut facts) = console
        .db
        .run(&who, move |tx| {
            let since = routing::day_start(tx, zone.tz.as_deref().unwrap_or("UTC"))?;
            let found = routing::overview(tx, since)?;
            let facts = facts(tx, &found, budget_percent)?;
            Ok::<_, Fault>((found, facts))
        })
        .await?;
    facts.key_due_days = key_due_days;
    facts.failing_controls = failing_controls;
    Ok(web::Json(OverviewView {
        health: attention::health(&facts, may),
        checklist: attention::checklist(&facts),
        needs_me: attention::needs(&facts, may),
        router: router(&facts),
        today: today(&found),
        by_hour: hours(&found),
        by_rep: shares(found),
    }))
}

/// The page shows without it, should it not be readable just now.
async fn key_due_days(console: &Console) -> Option<i64> {
    let keys = console.identity.signing_key_list().await.ok()?;
    let current = keys.items.iter().find(|key| key.state == "current")?;
    keys.due.then_some(current.age_days)
}

fn facts(tx: &mut TenantTx<'_>, found: &Overview, budget_percent: u8) -> Result<Facts, Fault> {
    let names = routing::names(tx)?;
    let router = routing::router_get(tx, Object::Lead)?;
    let rules = match &router {
        Some(_) => routing::rule_list(tx, Object::Lead)?.0,
        None => Vec::new(),
    };
    let fields = layer::field_list(tx, Object::Lead)?;
    Ok(Facts {
        now: tx.now(),
        connection: connections::connection_for_routing(tx, PROVIDER)?,
        budget_percent,
        router,
        accounting: found.accounting,
        dead_jobs: jobs::job_counts(tx)?.dead,
        proposals: layer::intents_waiting(tx)?,
        key_due_days: None,
        failing_controls: 0,
        fields: fields.iter().filter(|field| !field.required).count(),
        reps: names.reps.len(),
        pools: names.pools.len(),
        enabled_rules: rules.iter().filter(|rule| rule.enabled).count(),
    })
}

fn router(facts: &Facts) -> Option<RouterView> {
    let router = facts.router.as_ref()?;
    Some(RouterView {
        id: router.id(),
        object: router.object.clone(),
        state: router.state.clone(),
        last_cycle_at: facts.last_cycle().map(|cycle| cycle.finished_at),
    })
}

fn today(found: &Overview) -> TodayView {
    let sums = &found.accounting;
    TodayView {
        since: found.since,
        routed: found.routed,
        failed: sums.failed,
        waiting: sums.waiting,
        in_doubt: sums.in_doubt,
        baseline: sums.baseline,
        given_up: sums.given_up,
        median_seconds_to_owner: found.median_seconds_to_owner,
        p90_seconds_to_owner: found.p90_seconds_to_owner,
    }
}

fn hours(found: &Overview) -> Vec<HourView> {
    let hour = |hour: &routing::Hour| HourView {
        hour: found.since + TimeDelta::hours(i64::try_from(hour.hour).unwrap_or(0)),
        routed: hour.routed,
        failed: hour.failed,
    };
    found.by_hour.iter().map(hour).collect()
}

fn shares(found: Overview) -> Vec<RepView> {
    let share = |rep: routing::RepShare| RepView {
        rep_id: rep.rep,
        name: rep.name,
        routed: rep.routed,
        ideal_share: rep.ideal_share.unwrap_or(0.0),
        share: rep.share.unwrap_or(0.0),
    };
    found.by_rep.into_iter().map(share).collect()
}
