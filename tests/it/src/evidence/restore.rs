//! Another cluster, where numbers of transactions begin anew, and retention.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use db::setup::Setup;
use stack::{
    database::{self, Cluster},
    postgres::Durability,
};

use super::*;

/// What is restored: the log and its evidence.
const TABLES: [&str; 10] = [
    "--data-only",
    "--disable-triggers",
    "-t",
    "public.audit_log*",
    "-t",
    "public.audit_leaves",
    "-t",
    "public.audit_nodes",
    "-t",
    "public.audit_heads",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_restored_to_another_cluster_goes_on_without_a_gap() {
    let log = Log::of(&[300]).await;
    // A cluster that had seen far more transactions, and rows that were not sealed when it was dumped.
    log.tamper("SELECT 1");
    log.write(20, "now()");
    log.tamper(
        "UPDATE audit_log SET xid = '900000000000' WHERE audit_id NOT IN (SELECT audit_id FROM audit_leaves)",
    );
    let dumped = database::shared()
        .unwrap()
        .postgres
        .dump("postgres", &log.bed.database.name, &TABLES)
        .unwrap();
    let cluster = Cluster::start(Durability::Tests).unwrap();
    let restored = cluster.database().unwrap();
    load(&restored.dsn("postgres"), &dumped);
    let clock = Arc::clone(&log.bed.clock) as SharedClock;
    let db = open(&restored.config(), clock);
    let sealer = Sealer::new(db.clone(), log.bed.vault.clone());
    write(
        &mut connect(&restored, "revkeep_owner"),
        &log.who,
        5,
        "now()",
    );
    let first = seal_once(&db, &sealer).await.unwrap().unwrap();
    assert_eq!(first.rows, 25);
    write(
        &mut connect(&restored, "revkeep_owner"),
        &log.who,
        7,
        "now()",
    );
    let second = seal_once(&db, &sealer).await.unwrap().unwrap();
    assert_eq!((second.rows, second.head.statement.size), (7, 332));
    let keys = log.keys().await;
    let mut auditor = Auditor::open(&restored.config()).unwrap();
    let report = audit::verify(&mut auditor, &keys, |_, _, _| {}).unwrap();
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!((report.leaves, report.pending), (332, 0));
    assert!(
        report.notices[0].contains("another cluster"),
        "{:?}",
        report.notices
    );
    // What is put in there is found there.
    connect(&restored, "postgres")
        .batch_execute(&format!(
            "INSERT INTO audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id, xid) \
             VALUES ('{}', now(), gen_random_uuid(), 'human', 'x', 'x', 'done', 'x', 'x', '5')",
            log.who.tenant.uuid()
        ))
        .unwrap();
    let report = audit::verify(&mut auditor, &keys, |_, _, _| {}).unwrap();
    assert_eq!(report.findings[0].fault, Fault::RowInserted);
}

fn load(dsn: &str, sql: &str) {
    let mut running = Command::new("psql")
        .args(["-q", "-v", "ON_ERROR_STOP=1", dsn])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    running
        .stdin
        .take()
        .unwrap()
        .write_all(sql.as_bytes())
        .unwrap();
    assert!(running.wait().unwrap().success());
}

/// Months past the retention go after a signed head has said so; their leaves stay, and so does the proof
/// of everything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_takes_whole_months_that_a_signed_head_names() {
    let log = Log::of(&[]).await;
    log.bed.owner(
        "CREATE TABLE audit_log_2020_01 PARTITION OF audit_log FOR VALUES FROM ('2020-01-01') TO ('2020-02-01'); \
         SELECT place_tenant_table('audit_log_2020_01'); \
         CREATE TABLE audit_log_2020_02 PARTITION OF audit_log FOR VALUES FROM ('2020-02-01') TO ('2020-03-01'); \
         SELECT place_tenant_table('audit_log_2020_02')",
    );
    log.write(50, "timestamptz '2020-01-10'");
    log.write(40, "timestamptz '2020-02-10'");
    log.write(30, "now()");
    let before = "2020-02-01T00:00:00Z".parse().unwrap();
    let who = Principal::system(TenantId::PLATFORM, None);
    let fence = log
        .bed
        .db
        .run_unsealed(&who, |tx| {
            jobs::lease_acquire(tx, audit::LEASE, "test", TimeDelta::seconds(60))
        })
        .await
        .unwrap()
        .unwrap()
        .number();
    let early = log.sealer.seal_prune("test", fence, before).await;
    assert!(matches!(early, Err(SealError::Waiting)), "{early:?}");
    log.bed.clock.advance(TimeDelta::seconds(61));
    log.seal().await;

    let owner = || {
        let name = &log.bed.database.name;
        Setup::open(&log.bed.database.config(), "revkeep_owner", name).unwrap()
    };
    let fence = log
        .bed
        .db
        .run_unsealed(&who, |tx| {
            jobs::lease_acquire(tx, audit::LEASE, "test", TimeDelta::seconds(60))
        })
        .await
        .unwrap()
        .unwrap()
        .number();
    // It happens while the log is being verified: the heads had been read.
    let keys = log.keys().await;
    let mut times = 0;
    let report = audit::verify(&mut log.auditor(), &keys, |_, done, _| {
        if done > 0 || std::mem::replace(&mut times, 1) > 0 {
            return;
        }
        let sealed = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(log.sealer.seal_prune("test", fence, before))
        });
        assert_eq!(sealed.unwrap().head.statement.pruned, Some(before));
        assert_eq!(owner().audit_prune(before).unwrap(), ["audit_log_2020_01"]);
    })
    .unwrap();
    assert_eq!(times, 1);
    assert!(report.holds(), "{:?}", report.findings);
    let report = log.verify().await;
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!((report.leaves, report.pruned), (120, 50));

    // A row of today whose leaf is dated back: the heads before it were signed long after that date.
    log.bed.clock.advance(TimeDelta::seconds(61));
    log.write(20, "now()");
    log.seal().await;
    assert_eq!(log.faults().await, []);
    log.tamper(&format!(
        "DELETE FROM audit_log WHERE audit_id = {}",
        row_at(130)
    ));
    log.tamper("UPDATE audit_leaves SET at = '2000-01-01' WHERE position = 130");
    assert_eq!(log.faults().await, [(Fault::RowMissing, 130, 130)]);

    // A month that no head names.
    log.bed.owner("DROP TABLE audit_log_2020_02");
    assert_eq!(
        log.faults().await,
        [(Fault::RowMissing, 50, 89), (Fault::RowMissing, 130, 130)]
    );
}
