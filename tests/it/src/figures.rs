//! `/metrics`: what is told of the whole appliance, and that the shipped dashboard and alerts ask for nothing else.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use stack::daemon::Daemon;

use crate::{
    canary::metrics,
    live::{configured, superuser, until, world},
};

const DASHBOARD: &str = include_str!("../../../packaging/monitoring/grafana.json");
const ALERTS: &str = include_str!("../../../packaging/monitoring/alerts.yml");

/// The text, once a line of it begins like this.
async fn told(daemon: &Daemon, line: &str) -> String {
    until("the figure does not come", async || {
        let text = metrics(daemon).await;
        if text.lines().any(|told| told.starts_with(line)) {
            return Ok(text);
        }
        let name = line.split(['{', ' ']).next().unwrap_or(line);
        let like: Vec<&str> = text.lines().filter(|told| told.starts_with(name)).collect();
        Err(format!("{line}: {like:?}"))
    })
    .await
}

/// Names of metrics in a text: whole words that begin as ours do.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("revkeep_") || word.starts_with("process_"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_and_the_alerts_ask_for_figures_that_there_are() {
    let world = world().await;
    let (daemon, _console) = configured(&world).await;
    told(&daemon, "revkeep_figures_read_at_seconds 1").await;
    // What there is when something waits and something was verified.
    superuser(&world)
        .batch_execute(
            "INSERT INTO jobs (tenant_id, job_id, kind, payload, state, run_at, max_attempts, created_at) \
             SELECT tenant_id, gen_random_uuid(), 'x', '{}', 'queued', now() + interval '1 day', 1, now() FROM tenants LIMIT 1; \
             INSERT INTO routing_records (tenant_id, object, record_id, router_id, state, next_attempt_at, first_seen_at, updated_at) \
             SELECT tenant_id, 'Lead', '00Q000000000001AAA', router_id, 'failed', now() + interval '1 day', now(), now() FROM routers LIMIT 1",
        )
        .unwrap();
    told(&daemon, "revkeep_jobs{kind=\"x\",state=\"queued\"} 1").await;
    told(&daemon, "revkeep_routing_records{state=\"failed\"} 1").await;
    daemon.command(&["verify"]).ok();
    let text = told(&daemon, "revkeep_controls{status=\"failing\"} 0").await;
    let there = names(&text);
    for (file, asked) in [
        ("the dashboard", names(DASHBOARD)),
        ("the alerts", names(ALERTS)),
    ] {
        assert!(asked.len() > 8, "{file} asks for {asked:?}");
        let unknown: Vec<_> = asked.difference(&there).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
    }
    serde_json::from_str::<serde_json::Value>(DASHBOARD).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_amiss_is_a_figure_and_goes_when_it_is_mended() {
    let mut world = world().await;
    let (daemon, _console) = configured(&world).await;
    for part in ["secrets", "database"] {
        told(&daemon, &format!("revkeep_ready{{part=\"{part}\"}} 1")).await;
    }
    told(&daemon, "revkeep_upkeep{rule=\"jobs_dead\"} 0").await;
    superuser(&world)
        .batch_execute(
            "INSERT INTO jobs (tenant_id, job_id, kind, payload, state, run_at, max_attempts, created_at, finished_at) \
             SELECT tenant_id, gen_random_uuid(), 'x', '{}', 'dead', now(), 1, now(), now() FROM tenants LIMIT 1",
        )
        .unwrap();
    told(&daemon, "revkeep_upkeep{rule=\"jobs_dead\"} 1").await;
    superuser(&world)
        .batch_execute("DELETE FROM jobs WHERE kind = 'x'")
        .unwrap();
    told(&daemon, "revkeep_upkeep{rule=\"jobs_dead\"} 0").await;
    world.postgres.stop().unwrap();
    told(&daemon, "revkeep_ready{part=\"database\"} 0").await;
    world.postgres.resume().unwrap();
    told(&daemon, "revkeep_ready{part=\"database\"} 1").await;
}
