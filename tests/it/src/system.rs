//! The System page: what the appliance tells its operator, from the same facts as `revkeep status` and
//! `doctor`, and from nobody's data.

use chrono::{DateTime, TimeDelta, Utc};
use db::{DbError, Sample, SampleStep, Unit};
use diesel::connection::SimpleConnection;
use kernel::{Clock, Principal, SystemClock};
use serde_json::Value;

use crate::{
    harness::{Bed, column},
    live::{configured, superuser, until, world},
};

const SYSTEM: &str = "/platform/system";

fn sample(at: DateTime<Utc>) -> Sample {
    Sample {
        at,
        answers: 60,
        errors: 1,
        p50_ms: Some(2.0),
        p95_ms: Some(40.0),
        memory: 50_000_000,
        disk_free: 9_000,
        waiting: 3,
        waited_seconds: 4,
        dead: 0,
        database_bytes: 1_000,
        connections: 5,
        unsealed: 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_tells_what_the_commands_tell() {
    let world = world().await;
    let (daemon, console) = configured(&world).await;
    superuser(&world)
        .batch_execute(
            "INSERT INTO jobs (tenant_id, job_id, kind, payload, state, run_at, max_attempts, created_at, finished_at) \
             SELECT tenant_id, gen_random_uuid(), 'x', '{}', kinds.state, now() + away, 1, now(), CASE kinds.state WHEN 'dead' THEN now() END \
             FROM tenants, (VALUES ('dead', interval '0'), ('queued', interval '-1 hour'), ('queued', interval '1 day')) AS kinds (state, away)",
        )
        .unwrap();
    let told = until("no sample of a minute is told", async || {
        let told = console.get(SYSTEM).await.unwrap();
        // Each is written by a task of its own.
        let daemons = told["nodes"]["daemons"].as_array();
        if told["recent"].is_object() && daemons.is_some_and(|daemons| !daemons.is_empty()) {
            Ok(told)
        } else {
            Err(told.to_string())
        }
    })
    .await;
    let status = daemon.command(&["status"]).unwrap();
    for fact in ["version", "address", "started_at"] {
        let at = |value: &Value| value.as_str().map(|text| text.replace('Z', "+00:00"));
        assert_eq!(at(&told[fact]), at(&status[fact]), "{fact}");
    }
    assert_eq!(told["reasons"], serde_json::json!([]));
    let own = &told["nodes"]["daemons"][0];
    assert_eq!(own["name"], status["nodes"]["daemons"][0]["name"], "{told}");
    let server = &told["nodes"]["database"][0];
    assert_eq!(server["role"], "primary", "{told}");
    assert!(server["version"].as_str().unwrap().starts_with("15"));

    let x: Vec<&Value> = told["queue"]["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|kind| kind["kind"] == "x")
        .collect();
    assert_eq!(x.len(), 2, "{told}");
    assert_eq!((&x[0]["state"], &x[0]["jobs"]), (&"dead".into(), &1.into()));
    // The one of tomorrow waits, and is not late.
    assert_eq!((&x[1]["jobs"], &x[1]["due"]), (&2.into(), &1.into()));
    assert!(told["queue"]["waited_seconds"].as_i64().unwrap() >= 3_600);

    let database = &told["database"];
    assert!(database["bytes"].as_i64().unwrap() > 1_000_000, "{told}");
    assert!(database["connections"].as_i64().unwrap() >= 1, "{told}");
    assert_eq!(database["migrations"]["pending"], serde_json::json!([]));
    assert_eq!(database["tables"].as_array().unwrap().len(), 8);
    assert_eq!(told["secrets"]["backend"], "vault");
    assert!(told["certificate"]["days"].as_i64().unwrap() > 0, "{told}");
    assert!(told["disks"][0]["free"].as_u64().unwrap() > 0, "{told}");
    assert_eq!(told["backup"], Value::Null);

    let findings = console.get(&format!("{SYSTEM}/findings")).await.unwrap();
    let doctor = daemon.command(&["doctor", "--all"]).unwrap_or_default();
    let subjects = |told: &Value| -> Vec<String> {
        let all = told["findings"].as_array().unwrap();
        all.iter()
            .map(|finding| finding["subject"].to_string())
            // The folder of backups is root's: the command looks into it, and the daemon cannot.
            .filter(|subject| !["\"backup\"", "\"rehearsal\""].contains(&subject.as_str()))
            .collect()
    };
    assert_eq!(subjects(&findings), subjects(&doctor), "{findings}");
    let text = findings.to_string();
    assert!(text.contains("jobs were given up"), "{text}");
    // Whoever asks again at once is told the same.
    let again = console.get(&format!("{SYSTEM}/findings")).await.unwrap();
    assert_eq!(findings["at"], again["at"]);

    for span in ["hour", "day", "week"] {
        let series = console
            .get(&format!("{SYSTEM}/series?span={span}"))
            .await
            .unwrap();
        let last = series["points"].as_array().unwrap().last().unwrap();
        assert!(last["database_bytes"].as_i64().unwrap() > 0, "{series}");
    }
    assert!(
        console
            .get(&format!("{SYSTEM}/series?span=century"))
            .await
            .is_err()
    );
    assert!(daemon.stop().await.unwrap().success());
}

/// The page is of a backup that the command told of, and the log has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_on_record_and_on_the_page() {
    let world = world().await;
    let (daemon, console) = configured(&world).await;
    let made = daemon.command(&["backup", "create"]).unwrap();
    let told = console.get(SYSTEM).await.unwrap();
    assert_eq!(told["backup"]["detail"]["size"], made["size"], "{told}");
    assert_eq!(told["backup"]["detail"]["checked"], "opened");
    let entries = column(
        &mut superuser(&world),
        "SELECT outcome FROM audit_log WHERE action = 'backup_create' AND actor_id LIKE 'local:%'",
    );
    assert_eq!(entries, ["done"]);
    assert!(daemon.stop().await.unwrap().success());
}

/// So is a rehearsal, and one that failed has failed on record, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_is_on_record_and_on_the_page() {
    let world = world().await;
    let (daemon, console) = configured(&world).await;
    assert_eq!(console.get(SYSTEM).await.unwrap()["rehearsal"], Value::Null);
    let made = daemon.command(&["backup", "create"]).unwrap();
    let tried = daemon.command(&["restore", "--rehearse"]).unwrap();
    assert_eq!(tried["holds"], true, "{tried}");
    let told = console.get(SYSTEM).await.unwrap();
    let detail = &told["rehearsal"]["detail"];
    assert_eq!(detail["rows"], tried["rows"], "{told}");
    assert_eq!(detail["taken_at"], made["taken_at"], "{told}");
    assert_eq!(detail["code"], Value::Null, "{told}");

    std::fs::write(made["file"].as_str().unwrap(), "no archive").unwrap();
    let tried = daemon.command(&["restore", "--rehearse"]).unwrap();
    assert_eq!(tried["holds"], false, "{tried}");
    let told = console.get(SYSTEM).await.unwrap();
    assert_eq!(told["rehearsal"]["detail"]["code"], tried["code"], "{told}");
    let entries = column(
        &mut superuser(&world),
        "SELECT outcome FROM audit_log WHERE action = 'backup_rehearse' AND actor_id LIKE 'local:%' ORDER BY at",
    );
    assert_eq!(entries, ["done", "failed"]);
    assert!(daemon.stop().await.unwrap().success());
}

#[tokio::test]
async fn samples_of_all_daemons_are_drawn_together_and_old_ones_go() {
    let bed = Bed::new();
    let now = SystemClock.now();
    let minute = move |ago: i64| now - TimeDelta::minutes(ago);
    let steps = bed.db.system(move |tx| {
        tx.daemon_sampled("a:1", &sample(now - TimeDelta::days(9)))?;
        for ago in [2, 1] {
            tx.daemon_sampled("a:1", &sample(minute(ago)))?;
            let slow = Sample {
                p95_ms: Some(90.0),
                disk_free: 4_000,
                ..sample(minute(ago))
            };
            tx.daemon_sampled("b:2", &slow)?;
            // The same minute again changes nothing.
            tx.daemon_sampled(
                "b:2",
                &Sample {
                    answers: 9_999,
                    ..slow
                },
            )?;
        }
        tx.daemon_series(now - TimeDelta::days(20), TimeDelta::minutes(1))
    });
    let steps: Vec<SampleStep> = steps.await.unwrap();
    assert_eq!(
        steps.len(),
        2,
        "what is older than eight days is gone: {steps:?}"
    );
    for step in &steps {
        assert_eq!((step.daemons, step.minutes), (2, 1));
        assert_eq!((step.answers, step.errors), (120, 2), "load is added up");
        assert_eq!(step.p95_ms, Some(90.0), "of the rest the worst counts");
        assert_eq!((step.disk_free, step.waiting), (4_000, 3));
    }
    let whole = bed
        .db
        .system(move |tx| tx.daemon_series(now - TimeDelta::days(20), TimeDelta::days(1)));
    let whole: Vec<SampleStep> = whole.await.unwrap();
    assert_eq!(whole.iter().map(|step| step.answers).sum::<i64>(), 240);
}

/// Inside a tenant's unit of work none of it is told, and nothing can be made up.
#[tokio::test]
async fn a_tenant_learns_nothing_of_the_appliance() {
    let bed = Bed::new();
    let (ours, _) = bed.seeded();
    let now = SystemClock.now();
    let seen = bed.db.system(move |tx| {
        tx.daemon_sampled("a:1", &sample(now))?;
        tx.upkeep_mark("backup", now, &serde_json::json!({ "size": 1 }))?;
        tx.upkeep_marked()
    });
    let seen: Vec<db::UpkeepMark> = seen.await.unwrap();
    assert_eq!(seen.len(), 1);
    let found = bed
        .db
        .run(&Principal::system(ours, None), |tx| {
            let mut rows = |sql: &str| column(tx.conn(), sql);
            rows("SELECT upkeep_mark('backup', now() + interval '1 day', '{\"size\": 2}')");
            rows("SELECT daemon_sampled('thief', now(), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)");
            rows("SELECT daemon_sampled('thief', now() + interval '1 year', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)");
            Ok::<_, DbError>([
                rows("SELECT count(*) FROM queue_census(now() + interval '1 year')"),
                rows("SELECT count(*) FROM leases_census('-infinity')"),
                rows("SELECT count(*) FROM daemon_series('-infinity', 60)"),
                rows("SELECT count(*) FROM rewraps_open()"),
                rows("SELECT count(*) FROM upkeep_marked()"),
            ])
        })
        .await
        .unwrap();
    assert_eq!(
        found,
        ["0", "0", "0", "0", "0"].map(|zero| vec![zero.to_owned()])
    );
    let mut owner = crate::harness::connect(&bed.database, "revkeep_owner");
    assert_eq!(
        column(&mut owner, "SELECT daemon FROM daemon_samples"),
        ["a:1"]
    );
    assert_eq!(
        column(&mut owner, "SELECT detail ->> 'size' FROM upkeep_marks"),
        ["1"]
    );
    let open = bed
        .db
        .run(&Principal::system(ours, None), |tx| {
            let read = tx.conn().batch_execute("SELECT * FROM daemon_samples");
            Ok::<_, DbError>(read.is_ok())
        })
        .await;
    assert!(!matches!(open, Ok(true)), "the table itself is open");
}
