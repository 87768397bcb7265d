//! What the daemon does for its database by itself: partitions of the coming months, and an end to
//! jobs that were done, to deliveries of webhooks and to proposals of programs.

use diesel::connection::SimpleConnection;
use stack::{daemon::DaemonOptions, postgres::Durability, world::World};

use crate::{
    harness::column,
    live::{superuser, until},
};

/// Of this month rows stand in the default partition already, as after months in which the machine was off.
const BEFORE: &str = "to_char(date_trunc('month', now()) + interval '2 months', 'YYYY_MM')";
const FARTHEST: &str = "to_char(date_trunc('month', now()) + interval '3 months', 'YYYY_MM')";
const WEBHOOK: &str = "00000000-0000-0000-0000-00000000000a";
/// What waited for more than 30 days has expired; what ended more than 90 days ago is gone.
const PROPOSED: [&str; 3] = [
    "approved 92 days: approved",
    "waiting 29 days: waiting",
    "waiting 31 days: expired",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_makes_partitions_ahead_and_forgets_what_was_done() {
    let world = World::start(Durability::Tests).await.unwrap();
    let mut conn = superuser(&world);
    let month = column(&mut conn, &format!("SELECT {FARTHEST}")).remove(0);
    let before = column(&mut conn, &format!("SELECT {BEFORE}")).remove(0);
    conn.batch_execute(&format!(
        "DROP TABLE audit_log_{month}; DROP TABLE audit_log_{before}; \
         INSERT INTO audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id) \
         VALUES (gen_random_uuid(), date_trunc('month', now()) + interval '2 months', gen_random_uuid(), 'system', 's', 'a', 'done', 'r', 'r'); \
         INSERT INTO jobs (tenant_id, job_id, kind, payload, state, run_at, max_attempts, created_at, finished_at) \
         SELECT gen_random_uuid(), gen_random_uuid(), 'test', jsonb_build_object('age', age), state, now(), 1, now(), now() - age \
         FROM (VALUES ('done', interval '8 days'), ('done', interval '6 days'), ('dead', interval '9 days')) AS jobs(state, age); \
         INSERT INTO webhooks (tenant_id, webhook_id, name, url, events, enabled, long_retries, secret_sealed, version, created_at, updated_at) \
         VALUES ('{WEBHOOK}', '{WEBHOOK}', 'W', 'https://hooks.example.com/', '{{}}', true, false, '', 1, now(), now()); \
         INSERT INTO webhook_deliveries (tenant_id, webhook_id, at, event_id, event, body, state) \
         SELECT '{WEBHOOK}', '{WEBHOOK}', now() - age, gen_random_uuid(), age::text, '', 'delivered' \
         FROM (VALUES (interval '31 days'), (interval '29 days')) AS ages(age); \
         INSERT INTO intents (tenant_id, intent_id, kind, subject, wish, reason, grant_id, asked_at, state, decided_at) \
         SELECT '{WEBHOOK}', gen_random_uuid(), 'record_retry', state || ' ' || age, '{{}}', 'Again', gen_random_uuid(), now() - age, state, now() - ended \
         FROM (VALUES ('waiting', interval '31 days', NULL), ('waiting', interval '29 days', NULL), \
                      ('declined', interval '92 days', interval '91 days'), ('approved', interval '92 days', interval '89 days')) AS old(state, age, ended)"
    ))
    .unwrap();
    let there = format!("SELECT to_regclass('public.audit_log_{month}') IS NOT NULL");
    assert_eq!(column(&mut conn, &there), ["false"]);

    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    until("the database is not looked after", async || {
        let made = column(&mut conn, &there);
        let kept = column(
            &mut conn,
            "SELECT state || ' ' || (payload ->> 'age') FROM jobs WHERE kind = 'test' ORDER BY 1",
        );
        let told = column(&mut conn, "SELECT event FROM webhook_deliveries");
        let proposed = column(
            &mut conn,
            "SELECT subject || ': ' || state FROM intents ORDER BY 1",
        );
        let expired = column(
            &mut conn,
            "SELECT actor_kind || ' ' || outcome FROM audit_log WHERE action = 'intent_expire'",
        );
        if made == ["true"]
            && kept == ["dead 9 days", "done 6 days"]
            && told == ["29 days"]
            && proposed == PROPOSED
            && expired == ["system done"]
        {
            Ok(())
        } else {
            Err(format!(
                "{made:?} {kept:?} {told:?} {proposed:?} {expired:?}"
            ))
        }
    })
    .await;
    // A partition that was made later is guarded like the others.
    assert!(
        conn.batch_execute(&format!("TRUNCATE audit_log_{month}"))
            .is_err()
    );
    assert!(daemon.stop().await.unwrap().success());
}
