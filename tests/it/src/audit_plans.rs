//! Each filter of the audit log's page reaches its entries by an index, in a log that is mostly another
//! tenant's and has many of ours; as the tenant under row security, and as the auditor across tenants.

use audit::{Filter, Outcome, Reader, Scope};
use diesel::connection::SimpleConnection;
use kernel::{Actor, Personal, Principal, Roles, SessionId};
use uuid::Uuid;

use crate::{
    console_desk::reader,
    harness::{Bed, column, connect},
};

const THEIRS: u32 = 40_000;
const OURS: u32 = 20_000;
/// Rows that a page of fifty may reach: its own of each month and action, and their leaves.
const MOST: u64 = 1_500;

struct Log {
    bed: Bed,
    reader: Reader,
    who: Principal,
}

fn filled() -> Log {
    let bed = Bed::new();
    let (ours, user) = bed.seeded();
    let (theirs, _) = bed.seeded();
    for (tenant, rows) in [(theirs, THEIRS), (ours, OURS)] {
        bed.owner(&format!(
            "INSERT INTO audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id) \
             SELECT '{}', now() - make_interval(secs => i * 20), gen_random_uuid(), 'system', 'job_' || (i % 5000), \
                    CASE i % 500 WHEN 0 THEN 'rule_delete' ELSE 'record_assign' END, \
                    CASE i % 400 WHEN 0 THEN 'refused' ELSE 'done' END, 'record', 'asg_' || (i % 4000) \
             FROM generate_series(1, {rows}) i",
            tenant.uuid()
        ));
    }
    bed.owner(
        "INSERT INTO audit_leaves (position, tenant_id, at, audit_id, hash) \
         SELECT 1000 + row_number() OVER (ORDER BY at), tenant_id, at, audit_id, sha256(audit_id::text::bytea) FROM audit_log l \
         WHERE NOT EXISTS (SELECT FROM audit_leaves v WHERE v.audit_id = l.audit_id)",
    );
    connect(&bed.database, "postgres")
        .batch_execute("VACUUM ANALYZE")
        .unwrap();
    let who = Principal {
        tenant: ours,
        actor: Actor::Human {
            user,
            session: SessionId::from_uuid(Uuid::nil()),
        },
        roles: Roles::default(),
        request: None,
        origin: None,
    };
    Log {
        reader: reader(&bed),
        who,
        bed,
    }
}

/// Rows of the log read by walking a table, and by an index, since the counters began anew.
fn read(log: &Log) -> (u64, u64) {
    let mut conn = connect(&log.bed.database, "postgres");
    // A backend hands its counts over when it ends or has been idle; ended here.
    column(
        &mut conn,
        "SELECT count(pg_terminate_backend(pid, 30000)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let rows = column(
        &mut conn,
        "SELECT coalesce(sum(seq_tup_read), 0) || ' ' || coalesce(sum(idx_tup_fetch), 0) FROM pg_stat_user_tables WHERE relname ~ '^audit_(log|leaves)'",
    );
    let (walked, fetched) = rows[0].split_once(' ').unwrap();
    (walked.parse().unwrap(), fetched.parse().unwrap())
}

fn filters() -> Vec<(&'static str, Filter)> {
    let none = Filter::default;
    let some = |text: &str| Some(text.to_owned());
    vec![
        ("all", none()),
        (
            "actor",
            Filter {
                actor: some("job_77"),
                ..none()
            },
        ),
        (
            "action",
            Filter {
                action: some("rule_delete"),
                ..none()
            },
        ),
        (
            "object",
            Filter {
                object: some("asg_123"),
                ..none()
            },
        ),
        (
            "outcome",
            Filter {
                outcome: Some(Outcome::Refused),
                ..none()
            },
        ),
        (
            "words",
            Filter {
                words: Some(Personal::new("rec ass".to_owned())),
                ..none()
            },
        ),
    ]
}

#[tokio::test]
async fn each_filter_reaches_its_entries_by_an_index() {
    let log = filled();
    // Of a later page, which is without the chart: that counts a span, however it is found.
    let from = (
        log.bed.db.clock().now() + chrono::TimeDelta::hours(1),
        kernel::AuditId::from_uuid(Uuid::max()),
    );
    let (mut walked, mut fetched) = read(&log);
    for scope in [Scope::Own, Scope::Whole(None)] {
        for (name, filter) in filters() {
            let page = log
                .reader
                .entry_list(&log.who, scope, &filter, Some(from), 50)
                .await;
            let found = page.unwrap().lines;
            assert!(found.len() > 3, "{scope:?} by {name} found {}", found.len());
            let now = read(&log);
            assert_eq!(now.0, walked, "{scope:?} by {name} walked whole tables");
            let reached = now.1 - fetched;
            assert!(reached < MOST, "{scope:?} by {name} reached {reached} rows");
            (walked, fetched) = now;
        }
    }
}

/// The counters above see a walk.
#[tokio::test]
async fn a_walk_through_the_log_would_be_seen() {
    let log = filled();
    let (before, _) = read(&log);
    let mut auditor = connect(&log.bed.database, "revkeep_auditor");
    column(
        &mut auditor,
        "SELECT count(*) FROM audit_log WHERE code = 'x'",
    );
    drop(auditor);
    assert!(read(&log).0 >= before + u64::from(THEIRS));
}
