//! The plan test: each list and search, run as the runtime role under row security on tables that
//! mostly hold another tenant's rows, reaches its rows by an index. The server's own counters of this
//! transaction say how many rows were read by walking a whole table: none may be.

use db::{DbError, TenantTx, Unit};
use diesel::connection::SimpleConnection;
use kernel::Principal;
use layer::Object;
use routing::{AssignmentFilter, FailureFilter};

use crate::harness::{Bed, column, connect};

/// Rows of the other tenant, and of ours: enough that walking the table is the dearer plan.
const THEIRS: u32 = 20_000;
const OURS: u32 = 400;

const FILL: &str = "
UPDATE layer_fields SET searchable = true;
INSERT INTO layer_records (tenant_id, object, record_id, fields, source_modified_at, imported_at)
  SELECT '{t}', 'Lead', '00Q' || lpad(i::text, 15, '0'), '{}', now(), now() - make_interval(secs => i) FROM generate_series(10, {n}) i;
INSERT INTO layer_values (tenant_id, field_id, value, record_id)
  SELECT '{t}', '{u}', 'company ' || i, '00Q' || lpad(i::text, 15, '0') FROM generate_series(10, {n}) i;
INSERT INTO routing_records (tenant_id, object, record_id, router_id, state, reason_code, first_seen_at, updated_at)
  SELECT '{t}', 'Lead', '00Q' || lpad(i::text, 15, '0'), '{u}', CASE i % 4 WHEN 0 THEN 'failed' ELSE 'assigned' END, 'row_locked', now(), now() - make_interval(secs => i) FROM generate_series(10, {n}) i;
INSERT INTO assignments (tenant_id, decided_at, assignment_id, object, record_id, router_id, rules_version, target_kind, target_id, rep_id, rule_id, new_owner, state, reasons)
  SELECT '{t}', now() - make_interval(secs => i), gen_random_uuid(), 'Lead', '00Q' || lpad(i::text, 15, '0'), '{u}', 1, 'user', '{u}', '{u}', '{u}', 'x', 'assigned', '{}' FROM generate_series(10, {n}) i;
INSERT INTO jobs (tenant_id, job_id, kind, payload, state, run_at, max_attempts, created_at)
  SELECT '{t}', gen_random_uuid(), 'k', '{}', CASE i % 50 WHEN 0 THEN 'dead' ELSE 'done' END, now(), 1, now() - make_interval(secs => i) FROM generate_series(10, {n}) i;
";

/// Rows of the large tables that were read without an index so far in this transaction.
fn walked(tx: &mut TenantTx<'_>) -> u64 {
    column(
        tx.conn(),
        "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_xact_user_tables \
         WHERE relname ~ '^(jobs|layer_records|layer_values|routing_records|assignments.*|audit_log.*)$'",
    )
    .remove(0)
    .parse()
    .unwrap()
}

fn filled() -> (Bed, Principal) {
    let bed = Bed::new();
    let (ours, our_user) = bed.seeded();
    let (theirs, their_user) = bed.seeded();
    for (tenant, user, rows) in [(ours, our_user, OURS), (theirs, their_user, THEIRS)] {
        bed.owner(
            &FILL
                .replace("{t}", &tenant.uuid().to_string())
                .replace("{u}", &user.uuid().to_string())
                .replace("{n}", &(rows + 9).to_string()),
        );
    }
    connect(&bed.database, "postgres")
        .batch_execute("ANALYZE")
        .unwrap();
    (bed, Principal::system(ours, None))
}

#[tokio::test]
async fn every_list_and_search_reaches_its_rows_by_an_index() {
    let (bed, who) = filled();
    type Verb = (&'static str, fn(&mut TenantTx<'_>) -> usize);
    let verbs: Vec<Verb> = vec![
        ("job_list", |tx| {
            jobs::job_list(tx, "dead", None, None, 50)
                .unwrap()
                .items
                .len()
        }),
        ("record_list", |tx| {
            layer::record_list(tx, Object::Lead, None, None, 50)
                .unwrap()
                .items
                .len()
        }),
        ("record_list by value", |tx| {
            layer::record_list(tx, Object::Lead, Some("company 10"), None, 50)
                .unwrap()
                .items
                .len()
        }),
        ("records_last", |tx| {
            layer::records_last(tx, Object::Lead, 200).unwrap().len()
        }),
        ("assignment_list", |tx| {
            routing::assignment_list(tx, &AssignmentFilter::default(), None, 50)
                .unwrap()
                .items
                .len()
        }),
        ("assignment_list by record", |tx| {
            let filter = AssignmentFilter {
                record: Some("00Q0000000000000".to_owned()),
                ..AssignmentFilter::default()
            };
            routing::assignment_list(tx, &filter, None, 50)
                .unwrap()
                .items
                .len()
        }),
        ("failure_list", |tx| {
            routing::failure_list(tx, &FailureFilter::default(), None, 50)
                .unwrap()
                .items
                .len()
        }),
        ("failure_reasons", |tx| {
            routing::failure_reasons(tx).unwrap().len()
        }),
        ("accounting", |tx| {
            usize::try_from(routing::accounting(tx).unwrap().assigned).unwrap()
        }),
        ("rules_matched", |tx| {
            routing::rules_matched(tx).unwrap().len()
        }),
        ("record_marks", |tx| {
            routing::record_marks(tx, None, None, 100)
                .unwrap()
                .items
                .len()
        }),
        ("story", |tx| {
            routing::story(tx, Object::Lead, "00Q000000000000010").unwrap();
            1
        }),
    ];
    for (name, verb) in verbs {
        let (found, walked) = bed
            .db
            .run(&who, move |tx| Ok::<_, DbError>((verb(tx), walked(tx))))
            .await
            .unwrap();
        assert!(
            found > 0,
            "{name} found nothing, so its plan proves nothing"
        );
        assert_eq!(walked, 0, "{name} walked whole tables");
    }
}

#[tokio::test]
async fn a_query_that_an_index_cannot_serve_is_found() {
    let (bed, who) = filled();
    let walked = bed
        .db
        .run(&who, |tx| {
            tx.conn().batch_execute(
                "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off",
            )?;
            layer::records_last(tx, Object::Lead, 200).unwrap();
            Ok::<_, DbError>(walked(tx))
        })
        .await
        .unwrap();
    assert!(walked > u64::from(THEIRS), "the counter sees nothing");
}
