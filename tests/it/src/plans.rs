//! The plan test: each list and search, run as the runtime role under row security on tables that
//! mostly hold another tenant's rows, reaches its rows by an index. The server's own counters of this
//! transaction say how many rows were read by walking a whole table: none may be.

use db::{AuthScope, DbError, TenantTx, Unit};
use diesel::{ExpressionMethods, RunQueryDsl, connection::SimpleConnection};
use kernel::{Principal, TenantId};
use layer::Object;
use routing::{AssignmentFilter, FailureFilter};

use schema::refresh_tokens;

use crate::{
    harness::{Bed, column, connect},
    identity::House,
};

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
UPDATE reps SET cap_hour = 2, cap_day = 3, cap_week = 5;
UPDATE pools SET cap_day = 1;
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
        ("rep_list, with what caps count", |tx| {
            let reps = routing::rep_list(tx, None).unwrap();
            assert!(reps.iter().all(|rep| rep.load.week > 0));
            reps.len()
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

/// A refresh, however many tokens there are: the statements that look for one, under row security.
#[tokio::test]
async fn a_refresh_reaches_its_tokens_by_an_index() {
    let (house, grant) = House::set_up().await;
    house.bed.owner(
        "INSERT INTO refresh_tokens (token_id, session_id, user_id, hash, issued_at, successor_id) \
         SELECT gen_random_uuid(), session_id, user_id, sha256(i::text::bytea), now(), gen_random_uuid() \
         FROM sessions, generate_series(1, 20000) i",
    );
    connect(&house.bed.database, "postgres")
        .batch_execute("ANALYZE")
        .unwrap();
    let user = grant.view.user;
    let scope = AuthScope {
        tenant: Some(TenantId::from_uuid(grant.view.tenant.tenant_id)),
        user: Some(user),
    };
    let walked = house.bed.db.auth(scope, |tx| {
        let found = tx.refresh_token_by_hash(&[7; 32])?;
        assert!(found.is_none());
        diesel::update(refresh_tokens::table)
            .filter(refresh_tokens::successor_id.eq(uuid::Uuid::now_v7()))
            .set(refresh_tokens::successor_sealed.eq(None::<Vec<u8>>))
            .execute(tx.conn())?;
        Ok::<_, DbError>(column(
            tx.conn(),
            "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'refresh_tokens'",
        ))
    });
    assert_eq!(walked.await.unwrap(), ["0"]);
}

/// Rows of the large tables that were reached in this transaction, by whatever way but their place.
fn reached(tx: &mut TenantTx<'_>) -> u64 {
    column(
        tx.conn(),
        "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables \
         WHERE relname ~ '^(layer_records|layer_values|routing_records|assignments.*)$'",
    )
    .remove(0)
    .parse()
    .unwrap()
}

/// Leads as the cycle fetches them.
fn leads(from: u32, to: u32, stamp: chrono::DateTime<chrono::Utc>) -> Vec<layer::ImportRow> {
    let fields = serde_json::json!({ "Company": "Acme" });
    let row = |n: u32| layer::ImportRow {
        record_id: format!("00Qxx00000{n:05}AAA"),
        owner_id: Some("005xx0000000900AAA".to_owned()),
        source_created_at: Some(stamp),
        source_modified_at: stamp,
        fields: fields.as_object().unwrap().clone(),
    };
    (from..to).map(row).collect()
}

/// What a batch of the write path may reach: some rows of each table for each record, and none of the
/// others. In a young database, which has no statistics, and whose tables grow under the first wave.
#[tokio::test]
async fn a_batch_reaches_its_own_rows_whatever_the_tables_hold() {
    const WAVE: u32 = 4_000;
    const BATCH: u32 = 200;
    /// Rows of five tables for a record, some of them looked at twice.
    const EACH: u64 = 12;
    let bed = Bed::new();
    let who = bed.tenant();
    let tables = "layer_records layer_values routing_records assignments_default";
    let mut superuser = connect(&bed.database, "postgres");
    let partitions = column(
        &mut superuser,
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'assignments'::regclass",
    );
    for table in tables.split(' ').map(str::to_owned).chain(partitions) {
        superuser
            .batch_execute(&format!(
                "ALTER TABLE {table} SET (autovacuum_enabled = false)"
            ))
            .unwrap();
    }
    let stamp = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let (router, epoch) = bed.db.run(&who, routed_by_fallback).await.unwrap();
    let batches = bed
        .db
        .run(&who, move |tx| {
            let (mut batches, mut most) = (Vec::new(), 0);
            for page in 0..WAVE / 2_000 {
                let rows = leads(page * 2_000, page * 2_000 + 2_000, stamp);
                layer::import(tx, Object::Lead, &rows).unwrap();
                let proposed = routing::propose_claimed(
                    tx,
                    router,
                    epoch,
                    &rows,
                    usize::try_from(BATCH).unwrap(),
                    chrono::TimeDelta::seconds(90),
                );
                batches.extend(proposed.unwrap().1);
                most = reached(tx);
            }
            assert!(
                most <= u64::from(WAVE) * EACH,
                "the wave reached {most} rows"
            );
            Ok::<_, DbError>(batches)
        })
        .await
        .unwrap();
    assert_eq!(batches.len(), usize::try_from(WAVE / BATCH).unwrap());
    let mut batches = batches.into_iter();
    let mut step = async |name: &str, work: fn(&mut TenantTx<'_>, Step)| {
        let step = Step {
            router,
            epoch,
            batch: batches.next().unwrap(),
            stamp,
        };
        let reached = bed
            .db
            .run(&who, move |tx| {
                work(tx, step);
                Ok::<_, DbError>(reached(tx))
            })
            .await
            .unwrap();
        assert!(
            (1..=u64::from(BATCH) * EACH).contains(&reached),
            "{name} reached {reached} rows for {BATCH} records"
        );
    };
    step("record_outcomes", |tx, step| {
        assert_eq!(
            step.settled(tx, routing::WriteResult::Written).assigned,
            200
        );
    })
    .await;
    step("record_outcomes of what was not sent", |tx, step| {
        assert_eq!(step.settled(tx, routing::WriteResult::Unsent).waiting, 200);
    })
    .await;
    step("claim", |tx, step| {
        let lease = chrono::TimeDelta::seconds(90);
        let batch = routing::claim(tx, step.router, 200, lease).unwrap();
        assert_eq!(batch.items.len(), 200);
    })
    .await;
    step("import of what has not changed", |tx, step| {
        let imported = layer::import(tx, Object::Lead, &leads(400, 600, step.stamp)).unwrap();
        assert_eq!(imported.records, 0);
    })
    .await;
    step("import of what changed", |tx, step| {
        let stamp = step.stamp + chrono::TimeDelta::seconds(1);
        let imported = layer::import(tx, Object::Lead, &leads(200, 400, stamp)).unwrap();
        assert_eq!(imported.records, 200);
    })
    .await;
}

struct Step {
    router: kernel::RouterId,
    epoch: i32,
    batch: routing::Batch,
    stamp: chrono::DateTime<chrono::Utc>,
}

impl Step {
    fn settled(self, tx: &mut TenantTx<'_>, result: routing::WriteResult) -> routing::Settled {
        let outcome = |item: &routing::Claimed| routing::WriteOutcome {
            record_id: item.record_id.clone(),
            result: result.clone(),
        };
        let report = routing::Report {
            sent_at: None,
            outcomes: self.batch.items.iter().map(outcome).collect(),
            batch: self.batch,
        };
        let doubt = chrono::TimeDelta::seconds(60);
        routing::record_outcomes(tx, self.router, self.epoch, &[report], doubt)
            .unwrap()
            .settled
    }
}

/// An active router that gives everything to one rep.
fn routed_by_fallback(
    tx: &mut TenantTx<'_>,
) -> Result<(kernel::RouterId, i32), routing::RoutingError> {
    let rep = routing::SyncedRep {
        external_id: "005xx0000000001AAA".to_owned(),
        name: "Ada".to_owned(),
        active: true,
    };
    routing::reps_sync(tx, &[rep])?;
    let rep_id = routing::rep_list(tx, None)?.remove(0).rep.id();
    routing::router_configure(
        tx,
        &routing::RouterInput {
            object: Object::Lead,
            enrollment: "Status = 'Open'".to_owned(),
            canonical: "SELECT Id FROM Lead WHERE Status = 'Open' AND IsConverted = false"
                .to_owned(),
            fallback: Some(routing::Target::User { rep_id }),
            cycle_seconds: 60,
            version: None,
        },
    )?;
    layer::field_add(
        tx,
        &layer::NewField {
            object: Object::Lead,
            name: "Company".to_owned(),
            label: "Company".to_owned(),
            kind: layer::FieldType::String,
            class: layer::DataClass::CrmBusiness,
            reason: "Found by it".to_owned(),
            searchable: true,
        },
    )?;
    let router = routing::router_activate(tx, Object::Lead)?;
    let now = tx.now();
    let router = routing::baseline_done(tx, router.id(), router.epoch, now, 0)?;
    Ok((router.id(), router.epoch))
}
