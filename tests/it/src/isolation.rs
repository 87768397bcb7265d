//! OB-04, OB-05, LM-17, LM-18, LM-38, CX-12: what each database role reaches, attacked with SQL.

use db::{DbError, Unit};
use diesel::{
    ExpressionMethods, PgConnection, QueryDsl, RunQueryDsl, connection::SimpleConnection, sql_query,
};
use kernel::{Principal, TenantId};

use crate::harness::{Bed, column, connect};

const RUNTIME: [&str; 5] = [
    "revkeep_app",
    "revkeep_auth",
    "revkeep_gateway",
    "revkeep_agents",
    "revkeep_auditor",
];

/// What the auditor reads across tenants.
const AUDITED: [&str; 2] = ["audit_log", "audit_leaves"];

fn tenant_tables(conn: &mut PgConnection) -> Vec<String> {
    column(
        conn,
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relrowsecurity ORDER BY 1",
    )
}

#[test]
fn without_a_context_every_role_sees_nothing_and_writes_nothing() {
    let bed = Bed::new();
    bed.seeded();
    let tables = tenant_tables(&mut connect(&bed.database, "revkeep_owner"));
    assert!(tables.len() > 20, "{tables:?}");
    for role in RUNTIME {
        let mut conn = connect(&bed.database, role);
        for context in ["", "nonsense", "a|b|c|d|e|f"] {
            for table in &tables {
                conn.batch_execute(&format!(
                    "SELECT set_config('revkeep.context', '{context}', false)"
                ))
                .unwrap();
                if role == "revkeep_auditor" && AUDITED.contains(&table.as_str()) {
                    continue; // sees every tenant's audit rows, and nothing else: asserted below
                }
                reaches_nothing(&mut conn, role, table);
            }
        }
    }
}

/// Counts zero where SELECT is granted; changes zero rows where UPDATE or DELETE is.
fn reaches_nothing(conn: &mut PgConnection, role: &str, table: &str) {
    let granted = |conn: &mut PgConnection, right: &str| {
        column(
            conn,
            &format!("SELECT has_table_privilege('public.{table}', '{right}')"),
        ) == ["true"]
    };
    if granted(conn, "SELECT") {
        assert_eq!(
            column(conn, &format!("SELECT count(*) FROM {table}")),
            ["0"],
            "{role} reads {table}"
        );
    } else {
        assert!(
            conn.batch_execute(&format!("SELECT 1 FROM {table}"))
                .is_err(),
            "{role} reads {table} without a right"
        );
    }
    if granted(conn, "DELETE") {
        let gone = sql_query(format!("DELETE FROM {table}")).execute(conn);
        assert_eq!(gone, Ok(0), "{role} deletes from {table}");
    }
    if granted(conn, "UPDATE") {
        let filter = format!("table_name = '{table}' AND column_name LIKE '%\\_id'");
        let key = column(
            conn,
            &format!("SELECT min(column_name) FROM information_schema.columns WHERE {filter}"),
        )
        .remove(0);
        let changed = sql_query(format!("UPDATE {table} SET {key} = {key}")).execute(conn);
        assert_eq!(changed, Ok(0), "{role} updates {table}");
    }
    for statement in [
        format!("TRUNCATE {table}"),
        format!("DROP TABLE {table}"),
        format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
    ] {
        assert!(
            conn.batch_execute(&statement).is_err(),
            "{role}: {statement}"
        );
    }
}

#[tokio::test]
async fn a_tenant_reaches_its_own_rows_alone() {
    let bed = Bed::new();
    let (ours, _) = bed.seeded();
    let (theirs, _) = bed.seeded();
    let tables = tenant_tables(&mut connect(&bed.database, "revkeep_owner"));
    bed.db
        .run(&Principal::system(ours, None), move |tx| {
            let mut seen = 0;
            for table in &tables {
                let readable = column(tx.conn(), &format!("SELECT has_table_privilege('public.{table}', 'SELECT')")) == ["true"];
                let keyed = column(tx.conn(), &format!("SELECT count(*) FROM information_schema.columns WHERE table_name = '{table}' AND column_name = 'tenant_id'")) == ["1"];
                if !(readable && keyed) {
                    continue;
                }
                let theirs_seen = column(tx.conn(), &format!("SELECT count(*) FROM {table} WHERE tenant_id <> '{}'", ours.uuid()));
                let ours_seen = column(tx.conn(), &format!("SELECT count(*) FROM {table}"));
                assert_eq!(theirs_seen, ["0"], "{table}");
                assert_ne!(ours_seen, ["0"], "{table}");
                seen += 1;
            }
            assert!(seen > 15, "only {seen} tables were looked at");
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    let stolen = bed
        .db
        .run(&Principal::system(ours, None), move |tx| {
            insert_rep(tx, theirs)
        })
        .await;
    assert!(stolen.is_err(), "a row was written into another tenant");
}

fn insert_rep(tx: &mut db::TenantTx<'_>, tenant: TenantId) -> Result<(), DbError> {
    use schema::reps;
    let now = tx.now();
    diesel::insert_into(reps::table)
        .values((
            reps::tenant_id.eq(tenant.uuid()),
            reps::rep_id.eq(kernel::id::uuid_at(&kernel::SystemClock)),
            reps::external_id.eq("stolen"),
            reps::name.eq("n"),
            reps::active.eq(true),
            reps::synced_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// The hostile statements that an injection could run inside another tenant's unit of work.
#[tokio::test]
async fn hostile_sql_inside_a_unit_of_work_stays_in_its_tenant() {
    let bed = Bed::new();
    let (ours, _) = bed.seeded();
    let (theirs, their_user) = bed.seeded();
    let attacks: Vec<String> = vec![
        format!(
            "SELECT set_config('revkeep.context', '{}|{}|system|' || pg_backend_pid() || '|9999999999|00', true)",
            theirs.uuid(),
            their_user.uuid()
        ),
        format!(
            "SELECT set_config('revkeep.context', replace(current_setting('revkeep.context'), '{}', '{}'), true)",
            ours.uuid(),
            theirs.uuid()
        ),
        "SELECT set_config('revkeep.context', '', true)".to_owned(),
        "RESET ALL".to_owned(),
        "RESET revkeep.context".to_owned(),
        "SET LOCAL row_security = off".to_owned(),
        "SET LOCAL ROLE revkeep_auth".to_owned(),
        "SET LOCAL SESSION AUTHORIZATION revkeep_owner".to_owned(),
        "CREATE TEMP TABLE context_keys (id int)".to_owned(),
        "CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'"
            .to_owned(),
        "SET LOCAL search_path = pg_temp, public".to_owned(),
        "SELECT * FROM context_keys".to_owned(),
        "SELECT context_part(1)".to_owned(),
        "SELECT pg_read_file('/etc/passwd')".to_owned(),
        "COPY reps TO PROGRAM 'cat'".to_owned(),
        "LISTEN revkeep_hint".to_owned(),
        "SELECT pg_advisory_lock(1)".to_owned(),
        "SELECT * FROM reps_default".to_owned(),
        "SELECT * FROM audit_log_default".to_owned(),
        "SELECT * FROM assignments_default".to_owned(),
        "SELECT * FROM users".to_owned(),
        "SELECT * FROM refresh_tokens".to_owned(),
        "SELECT * FROM signing_keys".to_owned(),
        "ALTER TABLE reps NO FORCE ROW LEVEL SECURITY".to_owned(),
        "DROP POLICY tenant ON reps".to_owned(),
        "GRANT revkeep_owner TO revkeep_app".to_owned(),
        "SELECT user_by_email('\\x00')".to_owned(),
        "SELECT most_common_vals FROM pg_stats WHERE tablename = 'reps'".to_owned(),
    ];
    for attack in attacks {
        let statement = attack.clone();
        let seen = bed
            .db
            .run(&Principal::system(ours, None), move |tx| {
                let _ = tx
                    .conn()
                    .batch_execute(&format!("SAVEPOINT s; {statement}"));
                let _ = tx.conn().batch_execute("ROLLBACK TO SAVEPOINT s; ");
                // And with the statement's effect kept, where it had one.
                let _ = tx.conn().batch_execute(&statement);
                Ok::<_, DbError>(schema_count(tx, theirs))
            })
            .await;
        // An error (an aborted transaction) is a refusal too; a count must be zero.
        if let Ok(count) = seen {
            assert_eq!(count, Some(0), "{attack}");
        }
    }
}

/// Rows of `tenant` in a table that every tenant has; `None` when the transaction is aborted.
fn schema_count(tx: &mut db::TenantTx<'_>, tenant: TenantId) -> Option<i64> {
    use schema::reps;
    reps::table
        .filter(reps::tenant_id.eq(tenant.uuid()))
        .count()
        .get_result(tx.conn())
        .ok()
        .or(Some(0))
}

/// The definer functions work across tenants for the daemon alone: inside a tenant's unit they find
/// nothing and change nothing.
#[tokio::test]
async fn hostile_sql_gets_nothing_from_the_functions_that_work_across_tenants() {
    let bed = Bed::new();
    let (ours, _) = bed.seeded();
    bed.seeded();
    let now = kernel::Clock::now(&kernel::SystemClock);
    let seen = bed.db.system(move |tx| {
        tx.daemon_seen("node:1", "1", now, now)?;
        tx.daemons_census(now)
    });
    let seen: Vec<db::DaemonNode> = seen.await.unwrap();
    assert_eq!(seen.len(), 1, "the daemon itself sees its nodes");
    let found = bed
        .db
        .run(&Principal::system(ours, None), |tx| {
            let mut rows = |sql: &str| column(tx.conn(), sql);
            rows("SELECT daemon_seen('thief', '1', now(), now() + interval '10 days')");
            rows("SELECT daemon_gone('node:1')");
            Ok::<_, DbError>([
                rows("SELECT count(*) FROM jobs_claim(ARRAY['k'], 'thief', now() + interval '1 day', interval '1 day', 100)"),
                rows("SELECT schedules_fire('2100-01-01', 100000)"),
                rows("SELECT jobs_forget('infinity', 100000)"),
                rows("SELECT count(*) FROM jobs_census()"),
                rows("SELECT count(*) FROM daemons_census(now())"),
            ])
        })
        .await
        .unwrap();
    assert_eq!(
        found,
        ["0", "0", "0", "0", "0"].map(|zero| vec![zero.to_owned()])
    );
    let mut owner = connect(&bed.database, "revkeep_owner");
    let untouched = column(
        &mut owner,
        "SELECT count(*) FROM jobs WHERE state = 'queued'",
    );
    assert_eq!(untouched, ["2"]);
    assert_eq!(column(&mut owner, "SELECT name FROM daemons"), ["node:1"]);
    let claimed = bed
        .db
        .system(|tx| {
            tx.jobs_claim(
                &["k"],
                "daemon",
                kernel::Clock::now(&kernel::SystemClock) + chrono::TimeDelta::minutes(1),
                chrono::TimeDelta::minutes(1),
                10,
            )
        })
        .await
        .unwrap();
    assert_eq!(claimed.len(), 2, "the daemon itself claims across tenants");
}

#[tokio::test]
async fn a_transaction_that_failed_inside_is_never_told_as_done() {
    let bed = Bed::new();
    let (ours, _) = bed.seeded();
    let told = bed
        .db
        .run(&Principal::system(ours, None), |tx| {
            let _ = tx.conn().batch_execute("SELECT 1 / 0");
            Ok::<_, DbError>(())
        })
        .await;
    assert!(
        told.is_err(),
        "COMMIT of a failed transaction passed for success"
    );
}

#[tokio::test]
async fn what_a_hostile_statement_leaves_in_the_session_is_gone_in_the_next_unit() {
    let bed = Bed::new();
    let (ours, _) = bed.seeded();
    let (theirs, _) = bed.seeded();
    let mut config = bed.database.config();
    config.app_connections = 1; // the next unit gets the same connection
    let db = crate::harness::open(&config, std::sync::Arc::new(kernel::SystemClock));
    db.run(&Principal::system(ours, None), |tx| {
        tx.conn().batch_execute(
            "SELECT set_config('revkeep.stash', current_setting('revkeep.context'), false); \
             DECLARE loot CURSOR WITH HOLD FOR SELECT name FROM reps; \
             LISTEN revkeep_hint; SELECT pg_advisory_lock(42)",
        )?;
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    let (stash, cursors, locks) = db
        .run(&Principal::system(theirs, None), |tx| {
            Ok::<_, DbError>((
                column(tx.conn(), "SELECT coalesce(current_setting('revkeep.stash', true), '')"),
                column(tx.conn(), "SELECT count(*) FROM pg_cursors WHERE name = 'loot'"),
                column(tx.conn(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"),
            ))
        })
        .await
        .unwrap();
    assert_eq!(
        (stash, cursors, locks),
        (
            vec![String::new()],
            vec!["0".to_owned()],
            vec!["0".to_owned()]
        )
    );
}

#[test]
fn a_context_of_another_backend_or_past_its_time_opens_nothing() {
    let bed = Bed::new();
    let (ours, _) = bed.seeded();
    let mut victim = connect(&bed.database, "revkeep_app");
    let mut thief = connect(&bed.database, "revkeep_app");
    // A genuine context for the victim's backend, made as the door makes it.
    let pid = column(&mut victim, "SELECT pg_backend_pid()").remove(0);
    for (expiry, on_own, on_other) in [("9999999999", "1", "0"), ("1", "0", "0")] {
        let body = format!("{}||system|{pid}|{expiry}", ours.uuid());
        let mac = mac_in_database(&bed, &body);
        let set = format!("SELECT set_config('revkeep.context', '{body}|{mac}', false)");
        victim.batch_execute(&set).unwrap();
        thief.batch_execute(&set).unwrap();
        assert_eq!(
            column(&mut victim, "SELECT count(*) FROM reps"),
            [on_own],
            "expiry {expiry}"
        );
        assert_eq!(
            column(&mut thief, "SELECT count(*) FROM reps"),
            [on_other],
            "expiry {expiry}"
        );
    }
}

fn mac_in_database(bed: &Bed, body: &str) -> String {
    column(
        &mut connect(&bed.database, "revkeep_owner"),
        &format!("SELECT encode(sha256(outer_pad || sha256(inner_pad || convert_to('{body}', 'UTF8'))), 'hex') FROM context_keys"),
    )
    .remove(0)
}

#[test]
fn a_row_that_points_into_another_tenant_is_refused() {
    let bed = Bed::new();
    let (ours, _) = bed.seeded();
    let (_, theirs) = bed.seeded();
    let mut owner = connect(&bed.database, "revkeep_owner");
    let crossing = format!(
        "INSERT INTO pool_members (tenant_id, pool_id, rep_id, weight) VALUES ('{}', '{1}', '{1}', 1)",
        ours.uuid(),
        theirs.uuid()
    );
    let refused = owner.batch_execute(&crossing).unwrap_err().to_string();
    assert!(refused.contains("foreign key"), "{refused}");
}

#[test]
fn nobody_changes_the_audit_log_not_even_its_owner() {
    let bed = Bed::new();
    bed.seeded();
    for role in [
        "revkeep_owner",
        "revkeep_app",
        "revkeep_auth",
        "revkeep_auditor",
    ] {
        let mut conn = connect(&bed.database, role);
        for statement in [
            "UPDATE audit_log SET action = 'y'",
            "DELETE FROM audit_log",
            "TRUNCATE audit_log",
            // Of a statement's triggers a partition has none of its parent's.
            "TRUNCATE audit_log_default",
        ] {
            let outcome = conn.batch_execute(statement);
            assert!(outcome.is_err(), "{role}: {statement}");
        }
    }
    let mut auditor = connect(&bed.database, "revkeep_auditor");
    assert_eq!(
        column(&mut auditor, "SELECT count(*) FROM audit_log"),
        ["1"]
    );
}

#[test]
fn the_daemons_account_cannot_become_owner_or_backup() {
    let bed = Bed::new();
    for (role, admitted) in [
        ("revkeep_app", true),
        ("revkeep_auth", true),
        ("revkeep_owner", false),
        ("revkeep_backup", false),
        ("postgres", false),
    ] {
        let status = std::process::Command::new("runuser")
            .args([
                "-u",
                stack::accounts::DAEMON,
                "--",
                "psql",
                "-qAt",
                "-c",
                "SELECT 1",
            ])
            .args([
                "-h",
                &bed.database.socket_directory,
                "-U",
                role,
                "-d",
                &bed.database.name,
            ])
            .output()
            .unwrap();
        assert_eq!(
            status.status.success(),
            admitted,
            "{role}: {}",
            String::from_utf8_lossy(&status.stderr)
        );
    }
}
