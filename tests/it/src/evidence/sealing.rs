//! The sealer: one at a time, behind no write, through outages, every row once.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

async fn entry(db: &Db, who: &Principal, n: usize) {
    db.run(who, move |tx| {
        Entry::new(Action::RuleUpdate, "rule", format!("rule_{n}"))
            .after(serde_json::json!({ "n": n }))
            .write(tx)
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_writers_beside_the_sealer_leave_no_gap() {
    const EACH: usize = 60;
    let log = Log::of(&[]).await;
    let mut config = log.bed.database.config();
    config.app_connections = 10;
    let db = open(&config, Arc::clone(&log.bed.clock) as SharedClock);
    db.set_audit_keyring(Arc::new(audit::Keyring::new(
        db.clone(),
        log.bed.vault.clone(),
    )));
    let sealer = Sealer::new(db.clone(), log.bed.vault.clone());
    // Each writes on until some heads were made meanwhile.
    let heads = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (db, who, heads) = (db.clone(), log.who.clone(), Arc::clone(&heads));
            tokio::spawn(async move {
                let mut n = 0;
                while n < EACH || heads.load(Ordering::SeqCst) < 3 {
                    entry(&db, &who, writer * EACH + n).await;
                    n += 1;
                }
                n
            })
        })
        .collect();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let sealed = seal_once(&db, &sealer).await.unwrap();
        heads.fetch_add(usize::from(sealed.is_some()), Ordering::SeqCst);
    }
    let mut rows = 0;
    for writer in writers {
        rows += writer.await.unwrap();
    }
    log.seal().await;
    let counted = log.superuser(
        "SELECT count(*) || ' ' || max(position) + 1 || ' ' || count(DISTINCT audit_id) FROM audit_leaves",
    );
    assert_eq!(counted, [format!("{rows} {rows} {rows}")]);
    assert_eq!(log.faults().await, []);
}

/// A transaction that began first and commits last: nothing is sealed past it, and it is not forgotten.
#[tokio::test]
async fn a_row_that_commits_late_is_sealed_when_it_does() {
    let log = Log::of(&[10]).await;
    let mut slow = connect(&log.bed.database, "revkeep_owner");
    slow.batch_execute("BEGIN").unwrap();
    write(&mut slow, &log.who, 3, "now()");
    log.write(5, "now()");
    while seal_once(&log.bed.db, &log.sealer).await.unwrap().is_some() {}
    assert_eq!(log.superuser("SELECT count(*) FROM audit_leaves"), ["10"]);
    slow.batch_execute("COMMIT").unwrap();
    log.seal().await;
    assert_eq!(log.superuser("SELECT count(*) FROM audit_leaves"), ["18"]);
    assert_eq!(log.faults().await, []);
}

#[tokio::test]
async fn a_sealer_that_was_slow_stores_nothing() {
    let log = Log::of(&[10]).await;
    let who = Principal::system(TenantId::PLATFORM, None);
    let take = async |owner: &'static str| {
        log.bed
            .db
            .run_unsealed(&who, move |tx| {
                jobs::lease_acquire(tx, audit::LEASE, owner, TimeDelta::seconds(60))
            })
            .await
            .unwrap()
    };
    let slow = take("slow").await.unwrap();
    assert!(take("other").await.is_none());
    log.bed.clock.advance(TimeDelta::seconds(61));
    let other = take("other").await.unwrap();
    log.write(5, "now()");
    let late = log.sealer.seal("slow", slow.number()).await;
    // While another test holds the horizon back there is nothing to seal for either.
    assert!(
        matches!(late, Err(SealError::Superseded) | Ok(None)),
        "{late:?}"
    );
    until("the row is not due", async || {
        match log.sealer.seal("slow", slow.number()).await {
            Err(SealError::Superseded) => Ok(()),
            said => Err(format!("{said:?}")),
        }
    })
    .await;
    assert_eq!(log.superuser("SELECT count(*) FROM audit_leaves"), ["10"]);
    let sealed = log.sealer.seal("other", other.number()).await.unwrap();
    assert_eq!(sealed.unwrap().rows, 5);
    assert_eq!(log.faults().await, []);
}

#[tokio::test]
async fn while_the_backend_is_sealed_rows_wait_and_then_go_on() {
    let log = Log::of(&[10]).await;
    log.bed.seal_vault();
    log.write(5, "now()");
    until("the row is not due", async || {
        match log.sealer.is_due().await {
            Ok(true) => Ok(()),
            said => Err(format!("{said:?}")),
        }
    })
    .await;
    let refused = seal_once(&log.bed.db, &log.sealer).await;
    assert!(matches!(refused, Err(SealError::Vault(_))), "{refused:?}");
    let standing = log.sealer.standing().await.unwrap();
    assert_eq!(
        (standing.waiting, standing.head.unwrap().statement.number),
        (5, 1)
    );
    log.bed.unseal_vault();
    log.seal().await;
    assert_eq!(log.faults().await, []);
}

#[tokio::test]
async fn a_key_that_was_rotated_signs_the_next_head_and_the_older_still_counts() {
    let log = Log::of(&[10]).await;
    log.bed
        .vault
        .rotate_signing_key(audit::SIGNING_KEY)
        .await
        .unwrap();
    log.write(5, "now()");
    log.seal().await;
    let keys = log
        .superuser("SELECT count(DISTINCT split_part(statement, E'\\nkey ', 2)) FROM audit_heads");
    assert_eq!(keys, ["2"]);
    assert_eq!(log.faults().await, []);
}

#[tokio::test]
async fn nothing_new_makes_no_head_until_an_hour_has_passed() {
    let log = Log::of(&[10]).await;
    assert!(seal_once(&log.bed.db, &log.sealer).await.unwrap().is_none());
    log.bed.clock.advance(TimeDelta::minutes(61));
    let head = seal_once(&log.bed.db, &log.sealer).await.unwrap().unwrap();
    assert_eq!((head.rows, head.head.statement.size), (0, 10));
    assert_eq!(log.faults().await, []);
}

/// Sealing on top of a last head that was changed would hide it.
#[tokio::test]
async fn a_tampered_last_head_is_not_built_upon() {
    let log = Log::of(&[10]).await;
    log.tamper("UPDATE audit_heads SET frontier = sha256('x') || substr(frontier, 33)");
    log.write(5, "now()");
    let refused = seal_once(&log.bed.db, &log.sealer).await;
    assert!(
        matches!(refused, Err(SealError::Tampered(_))),
        "{refused:?}"
    );
}

/// The sealer refuses the one head that is there, and adds none.
async fn not_built_upon(log: &Log) {
    let refused = seal_once(&log.bed.db, &log.sealer).await;
    assert!(
        matches!(refused, Err(SealError::Tampered(_))),
        "{refused:?}"
    );
    assert_eq!(log.superuser("SELECT count(*) FROM audit_heads"), ["1"]);
}

/// A statement that says more than was signed would be repeated under the next signature.
#[tokio::test]
async fn a_last_head_that_says_something_else_than_was_signed_is_not_built_upon() {
    let log = Log::of(&[10]).await;
    log.tamper("UPDATE audit_heads SET statement = replace(statement, 'pruned -', 'pruned 2999-01-01T00:00:00.000000Z')");
    log.write(5, "now()");
    not_built_upon(&log).await;
}

/// A head that fits in every way but that its key is the attacker's, and that lies in the future, so that
/// nothing would be due.
#[tokio::test]
async fn a_last_head_signed_by_a_foreign_key_is_not_built_upon() {
    let log = Log::of(&[10]).await;
    let rows = log.auditor().heads_after(0, 1).unwrap();
    let mut statement = audit::Head::stored(&rows[0]).unwrap().statement;
    let key = openssl::pkey::PKey::generate_ed25519().unwrap();
    statement.key = key.raw_public_key().unwrap().try_into().unwrap();
    statement.at += TimeDelta::hours(87_600);
    let text = statement.to_text();
    let mut signer = openssl::sign::Signer::new_without_digest(&key).unwrap();
    let signature = signer.sign_oneshot_to_vec(text.as_bytes()).unwrap();
    log.tamper(&format!(
        "UPDATE audit_heads SET at = at + interval '87600 hours', statement = E'{}', signature = '\\x{}'",
        text.replace('\n', "\\n"),
        audit::hex(&signature)
    ));
    log.write(5, "now()");
    assert!(log.sealer.is_due().await.unwrap());
    not_built_upon(&log).await;
}

/// Heads were taken away and their leaves left: nothing can be sealed in their place, and it is said.
#[tokio::test]
async fn positions_that_are_taken_are_no_other_sealer() {
    let log = Log::of(&[10, 10]).await;
    log.tamper("DELETE FROM audit_heads WHERE number = 2");
    log.write(5, "now()");
    until("the row is not due", async || {
        match seal_once(&log.bed.db, &log.sealer).await {
            Err(SealError::Tampered("positions behind the last head are taken")) => Ok(()),
            said => Err(format!("{said:?}")),
        }
    })
    .await;
    assert_eq!(log.superuser("SELECT count(*) FROM audit_heads"), ["1"]);
    assert_eq!(log.superuser("SELECT count(*) FROM audit_leaves"), ["20"]);
}

#[tokio::test]
async fn hostile_sql_in_a_tenants_unit_can_seal_nothing_and_read_nothing_of_others() {
    let log = Log::of(&[10]).await;
    let stranger = log.bed.tenant();
    for statement in [
        "INSERT INTO audit_leaves VALUES ('{t}', 99, now(), gen_random_uuid(), sha256('x'))",
        "INSERT INTO audit_heads VALUES (99, 9, now(), 's', sha512('x'), '')",
        "INSERT INTO audit_nodes VALUES (8, 9, sha256('x'))",
        "UPDATE audit_leaves SET hash = sha256('x')",
        "DELETE FROM audit_leaves",
        "TRUNCATE audit_heads",
        "SELECT * FROM audit_heads",
        "SELECT 1 / (NOT audit_seal('test', 1, 2, 10, '{}', '{}', '{}', '{}', '{}', '{}', '{}', 10, now(), 's', sha512('x'), ''))::int",
    ] {
        let statement = statement.replace("{t}", &stranger.tenant.uuid().to_string());
        let run = statement.clone();
        let done = log
            .bed
            .db
            .run(&stranger, move |tx| {
                Ok::<_, DbError>(db::Unit::conn(tx).batch_execute(&run)?)
            })
            .await;
        let harmless = statement.starts_with("SELECT 1 /");
        assert_eq!(done.is_ok(), harmless, "{statement}: {done:?}");
    }
    let read = log
        .bed
        .db
        .run(&stranger, |tx| {
            let mut rows = |sql: &str| column(db::Unit::conn(tx), sql).remove(0);
            Ok::<_, DbError>([
                rows("SELECT count(*) FROM audit_leaves"),
                rows("SELECT count(*) FROM audit_unsealed('0', '18446744073709551615', 100)"),
                rows("SELECT count(*) FROM audit_last_head()"),
                rows("SELECT count(*) FROM audit_horizon()"),
            ])
        })
        .await
        .unwrap();
    assert_eq!(read, ["0", "0", "0", "0"]);
    let own = log
        .bed
        .db
        .run(&log.who, |tx| {
            Ok::<_, DbError>(column(
                db::Unit::conn(tx),
                "SELECT count(*) FROM audit_leaves",
            ))
        })
        .await
        .unwrap();
    assert_eq!(own, ["10"]);
    assert_eq!(log.faults().await, []);
}

#[test]
fn nobody_changes_the_evidence_not_even_its_owner() {
    let bed = Bed::new();
    bed.seeded();
    bed.owner("INSERT INTO audit_heads VALUES (1, 1, now(), 's', sha512('x'), ''); INSERT INTO audit_nodes VALUES (8, 0, sha256('x'))");
    for role in [
        "revkeep_owner",
        "revkeep_app",
        "revkeep_auth",
        "revkeep_auditor",
    ] {
        let mut conn = connect(&bed.database, role);
        for table in ["audit_leaves", "audit_nodes", "audit_heads"] {
            for statement in [
                format!(
                    "UPDATE {table} SET {} = NULL",
                    if table == "audit_heads" {
                        "size"
                    } else {
                        "hash"
                    }
                ),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
            ] {
                let refused = conn.batch_execute(&statement).unwrap_err().to_string();
                assert!(
                    refused.contains("append-only") || refused.contains("permission denied"),
                    "{role}: {statement}: {refused}"
                );
            }
        }
    }
}

/// However long the log is, a look for what is new reads what is new. The function's own statement is
/// run, with its settings, from the mark of the last head on.
#[tokio::test]
async fn the_sealer_reaches_new_rows_by_an_index() {
    let log = Log::of(&[3_000, 3_000]).await;
    log.write(20, "now()");
    let mut conn = connect(&log.bed.database, "postgres");
    conn.batch_execute("ANALYZE").unwrap();
    let mark = column(
        &mut conn,
        "SELECT split_part(split_part(statement, E'\\nmark ', 2), E'\\n', 1) FROM audit_heads ORDER BY number DESC LIMIT 1",
    );
    let body = column(
        &mut conn,
        "SELECT prosrc FROM pg_proc WHERE proname = 'audit_unsealed'",
    )
    .remove(0);
    let statement = body
        .replace("(SELECT public.is_worker())", "true")
        .replace("low::xid8", &format!("'{}'::xid8", mark[0]))
        .replace("high::xid8", "'18446744073709551615'::xid8")
        .replace("least(greatest(most, 0), 10000)", "5000");
    assert!(
        !statement.contains("most") && statement.contains("record_send"),
        "{statement}"
    );
    conn.batch_execute("BEGIN; SET LOCAL enable_seqscan = off")
        .unwrap();
    let found = column(
        &mut conn,
        &format!("SELECT count(*) FROM ({statement}) new_rows"),
    );
    assert_eq!(found, ["20"]);
    let read = column(
        &mut conn,
        "SELECT sum(seq_tup_read) || ' ' || sum(idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname LIKE 'audit\\_l%'",
    );
    let (walked, fetched) = read[0].split_once(' ').unwrap();
    assert_eq!(walked, "0", "rows were reached by walking the log");
    assert!(
        fetched.parse::<u32>().unwrap() < 100,
        "{fetched} rows were fetched for 20"
    );
}
