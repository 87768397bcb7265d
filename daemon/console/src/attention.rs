//! What deserves attention: the state of the whole in a few lines, what waits for the person who
//! asks, and the first steps. Pure; the rows are read elsewhere.

use chrono::{DateTime, TimeDelta, Utc};
use connections::{Connection, State};
use identity::Permission as P;
use routing::{Accounting, CycleReport, Router};
use serde::Serialize;

const CONNECTIONS: &str = "/settings/connections";
const LAYER: &str = "/machines/data-layer";
const POOLS: &str = "/routing/pools";
const RULES: &str = "/routing/rules";
const FAILURES: &str = "/routing/failures";
const PROPOSALS: &str = "/machines/proposals";
const SIGNING_KEYS: &str = "/appliance/signing-keys";
const CONTROLS: &str = "/appliance/controls";
const DEAD_JOBS: &str = "/appliance/jobs?state=dead";

/// A cycle is late when three of them, and two minutes, have passed without one.
const LATE_CYCLES: i32 = 3;
const LATE_AT_LEAST: TimeDelta = TimeDelta::minutes(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    Ok,
    Info,
    Warn,
    Bad,
}

#[derive(Debug, Serialize)]
pub(crate) struct HealthItem {
    pub(crate) code: String,
    pub(crate) severity: Severity,
    title: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'static str>,
}

#[derive(Serialize)]
pub(crate) struct Health {
    /// The worst of the items.
    pub(crate) status: Severity,
    pub(crate) items: Vec<HealthItem>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Need {
    pub(crate) code: &'static str,
    title: &'static str,
    detail: String,
    link: &'static str,
    count: i64,
}

#[derive(Serialize)]
pub(crate) struct Step {
    pub(crate) key: &'static str,
    pub(crate) done: bool,
    link: &'static str,
}

/// What the rows say.
pub(crate) struct Facts {
    pub(crate) now: DateTime<Utc>,
    pub(crate) connection: Option<Connection>,
    pub(crate) budget_percent: u8,
    pub(crate) router: Option<Router>,
    pub(crate) accounting: Accounting,
    pub(crate) dead_jobs: i64,
    /// What programs propose and nobody decided yet.
    pub(crate) proposals: i64,
    /// Days since the signing key became current, when it is due for rotation and the person may know.
    pub(crate) key_due_days: Option<i64>,
    /// Controls that the last run found failing, when the person may know.
    pub(crate) failing_controls: i64,
    /// Fields that a person put into the layer.
    pub(crate) fields: usize,
    pub(crate) reps: usize,
    pub(crate) pools: usize,
    pub(crate) enabled_rules: usize,
}

impl Facts {
    pub(crate) fn last_cycle(&self) -> Option<CycleReport> {
        let report = self.router.as_ref()?.last_cycle.clone()?;
        serde_json::from_value(report).ok()
    }

    fn connected(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|found| found.state == State::Connected)
    }

    fn router_state(&self) -> &str {
        self.router
            .as_ref()
            .map_or("off", |router| router.state.as_str())
    }

    /// An active router whose last cycle is too long ago.
    fn late_since(&self) -> Option<DateTime<Utc>> {
        let router = self
            .router
            .as_ref()
            .filter(|router| router.state == "active")?;
        let seconds = i64::from(router.cycle_seconds.saturating_mul(LATE_CYCLES));
        let allowed = TimeDelta::seconds(seconds).max(LATE_AT_LEAST);
        let last = self.last_cycle().map(|cycle| cycle.finished_at);
        let since = last.max(router.activated_at)?;
        (self.now - since > allowed).then_some(since)
    }
}

/// The state of the whole, worst first, for whoever `may` do what.
pub(crate) fn health(facts: &Facts, may: impl Fn(P) -> bool) -> Health {
    let found = [
        connection_item(facts, &may),
        limits_item(facts, &may),
        cycle_item(facts),
        late_item(facts),
        router_item(facts),
        failures_item(facts),
        doubt_item(facts),
        jobs_item(facts, &may),
        key_item(facts),
        controls_item(facts),
    ];
    let mut items: Vec<HealthItem> = found.into_iter().flatten().collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.severity));
    if items.is_empty() {
        items.push(item("ok", Severity::Ok, "All well", String::new(), None));
    }
    let status = items
        .iter()
        .map(|item| item.severity)
        .max()
        .unwrap_or(Severity::Ok);
    Health { status, items }
}

fn item(
    code: impl Into<String>,
    severity: Severity,
    title: &'static str,
    detail: impl Into<String>,
    link: Option<&'static str>,
) -> HealthItem {
    HealthItem {
        code: code.into(),
        severity,
        title,
        detail: detail.into(),
        link,
    }
}

fn connection_item(facts: &Facts, may: &impl Fn(P) -> bool) -> Option<HealthItem> {
    let link = may(P::ConnectionRead).then_some(CONNECTIONS);
    let running = !matches!(facts.router_state(), "off");
    let lost = if running {
        Severity::Bad
    } else {
        Severity::Info
    };
    let Some(connection) = &facts.connection else {
        let detail = "Nobody has set up the connection yet.";
        return Some(item(
            "connection_not_configured",
            lost,
            "Salesforce: not connected",
            detail,
            link,
        ));
    };
    match (connection.state, connection.broken) {
        (State::Connected, _) => None,
        (State::Broken, Some(broken)) => {
            let detail = format!("{} {}", broken.code.message(), broken.code.next_step());
            Some(item(
                broken.code.name(),
                Severity::Bad,
                "Salesforce: reconnect",
                detail,
                link,
            ))
        }
        _ => {
            let detail = "An administrator connects it under Connections.";
            Some(item(
                "connection_not_connected",
                lost,
                "Salesforce: not connected",
                detail,
                link,
            ))
        }
    }
}

fn limits_item(facts: &Facts, may: &impl Fn(P) -> bool) -> Option<HealthItem> {
    let limits = facts.connection.as_ref()?.limits?;
    let budget = i64::from(limits.max) * i64::from(facts.budget_percent) / 100;
    (i64::from(limits.used) >= budget).then(|| {
        let detail = format!(
            "{} of the {} requests that Revkeep may use of a day's {} are used up. Fetching pauses until Salesforce counts anew.",
            limits.used, budget, limits.max
        );
        let link = may(P::ConnectionRead).then_some(CONNECTIONS);
        item("api_budget", Severity::Warn, "Salesforce: request budget used up", detail, link)
    })
}

fn cycle_item(facts: &Facts) -> Option<HealthItem> {
    if matches!(facts.router_state(), "off" | "paused") {
        return None;
    }
    let error = facts.last_cycle()?.error?;
    Some(item(
        error.code,
        Severity::Bad,
        "The last routing cycle failed",
        error.message,
        Some(RULES),
    ))
}

fn late_item(facts: &Facts) -> Option<HealthItem> {
    let since = facts.late_since()?;
    let detail = format!(
        "The last one ended at {} UTC.",
        since.format("%Y-%m-%d %H:%M")
    );
    Some(item(
        "cycle_late",
        Severity::Bad,
        "No routing cycle for a while",
        detail,
        Some(RULES),
    ))
}

fn router_item(facts: &Facts) -> Option<HealthItem> {
    let (code, severity, title, detail) = match facts.router_state() {
        "active" => return None,
        "paused" => (
            "router_paused",
            Severity::Warn,
            "Routing is paused",
            "No lead gets an owner until somebody resumes it.",
        ),
        "baselining" => (
            "router_baselining",
            Severity::Info,
            "Routing is about to begin",
            "Leads that match already are being marked as handled.",
        ),
        _ => (
            "router_off",
            Severity::Info,
            "Routing is off",
            "No lead gets an owner from Revkeep.",
        ),
    };
    Some(item(code, severity, title, detail, Some(RULES)))
}

fn failures_item(facts: &Facts) -> Option<HealthItem> {
    let sums = &facts.accounting;
    let count = sums.failed.saturating_add(sums.given_up);
    (count > 0).then(|| {
        let detail = format!(
            "{count} without an owner, {} of them given up.",
            sums.given_up
        );
        item(
            "failures",
            Severity::Warn,
            "Leads could not be routed",
            detail,
            Some(FAILURES),
        )
    })
}

fn doubt_item(facts: &Facts) -> Option<HealthItem> {
    let count = facts.accounting.in_doubt;
    (count > 0).then(|| {
        let detail = format!("{count} are read back from Salesforce before anything else is done.");
        item(
            "in_doubt",
            Severity::Info,
            "Writes with an unknown outcome",
            detail,
            Some(FAILURES),
        )
    })
}

fn jobs_item(facts: &Facts, may: &impl Fn(P) -> bool) -> Option<HealthItem> {
    (facts.dead_jobs > 0 && may(P::JobRead)).then(|| {
        let detail = format!("{} ended without having worked.", facts.dead_jobs);
        item(
            "dead_jobs",
            Severity::Warn,
            "Jobs were given up",
            detail,
            Some(DEAD_JOBS),
        )
    })
}

fn key_item(facts: &Facts) -> Option<HealthItem> {
    let days = facts.key_due_days?;
    Some(item(
        "signing_key_due",
        Severity::Warn,
        "The signing key is due for rotation",
        format!("It has signed for {days} days; 90 are the most."),
        Some(SIGNING_KEYS),
    ))
}

fn controls_item(facts: &Facts) -> Option<HealthItem> {
    let failing = facts.failing_controls;
    (failing > 0).then(|| {
        item(
            "controls_failing",
            Severity::Bad,
            "A control is failing",
            format!("The last run found {failing} of them failing on this appliance."),
            Some(CONTROLS),
        )
    })
}

/// What waits for this person: only what they may settle.
pub(crate) fn needs(facts: &Facts, may: impl Fn(P) -> bool) -> Vec<Need> {
    let sums = &facts.accounting;
    let broken = facts.connection.as_ref().and_then(|found| found.broken);
    let reconnect = broken
        .filter(|_| may(P::ConnectionEdit))
        .map(|broken| Need {
            code: "reconnect",
            title: "Reconnect Salesforce",
            detail: broken.code.next_step().to_owned(),
            link: CONNECTIONS,
            count: 1,
        });
    let paused = (facts.router_state() == "paused" && may(P::RouterOperate)).then(|| Need {
        code: "router_paused",
        title: "Routing is paused",
        detail: String::from("Resume it, or switch it off."),
        link: RULES,
        count: 1,
    });
    let counted = |permission, code, title, detail: &str, link, count| {
        (count > 0 && may(permission)).then(|| Need {
            code,
            title,
            detail: detail.to_owned(),
            link,
            count,
        })
    };
    let given_up = counted(
        P::FailureRetry,
        "given_up",
        "Leads were given up",
        "All attempts failed. Mend the cause, then retry.",
        "/routing/failures?state=given_up",
        sums.given_up,
    );
    let failed = counted(
        P::FailureRetry,
        "failed",
        "Leads failed",
        "They are tried again by themselves; the reason says whether that will help.",
        "/routing/failures?state=failed",
        sums.failed,
    );
    let jobs = counted(
        P::JobRetry,
        "dead_jobs",
        "Jobs were given up",
        "Retry or discard them.",
        DEAD_JOBS,
        facts.dead_jobs,
    );
    let proposals = counted(
        P::IntentDecide,
        "proposals",
        "Programs propose something",
        "Nothing happens until somebody decides.",
        PROPOSALS,
        facts.proposals,
    );
    let key = facts
        .key_due_days
        .filter(|_| may(P::SigningKeyRotate))
        .map(|_| Need {
            code: "signing_key_due",
            title: "Rotate the signing key",
            detail: String::from("Nobody is signed out by it."),
            link: SIGNING_KEYS,
            count: 1,
        });
    [reconnect, paused, given_up, failed, proposals, jobs, key]
        .into_iter()
        .flatten()
        .collect()
}

/// The way to a router that runs. Looking at a preview leaves no row, so that step counts as done
/// with what it needs: saved criteria and a rule.
pub(crate) fn checklist(facts: &Facts) -> Vec<Step> {
    let step = |key, done, link| Step { key, done, link };
    let activated = facts
        .router
        .as_ref()
        .is_some_and(|router| router.activated_at.is_some() || router.state == "baselining");
    let rules = facts.enabled_rules > 0;
    vec![
        step("connect", facts.connected(), CONNECTIONS),
        step("fields", facts.fields > 0, LAYER),
        step("reps", facts.reps > 0, POOLS),
        step("pool", facts.pools > 0, POOLS),
        step("rule", rules, RULES),
        step(
            "preview",
            activated || (rules && facts.router.is_some()),
            RULES,
        ),
        step("activate", activated, RULES),
    ]
}
