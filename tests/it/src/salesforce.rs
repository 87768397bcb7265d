//! The routing cycle against Salesforce: what matches gets an owner once, and everything that does not
//! go well is told (LR-26 to LR-31, LR-49, LR-51).

mod availability;

use std::sync::Arc;

use chrono::TimeDelta;
use jobs::{Worker, WorkerConfig};
use kernel::Classified;
use layer::Object;
use routing::{Accounting, PoolInput, RouterInput, RoutingError, Target};
use serde_json::{Value, json};
use simulators::wire::{Effect, Fault, Generate, WriteEntry};

use crate::{
    harness::{column, connect},
    org::Org,
};

const ENROLLMENT: &str = "SELECT Id FROM Lead WHERE Status = 'Open - Not Contacted'";

/// Twice the time that a write may take.
const TWICE: TimeDelta = TimeDelta::seconds(60);

pub(crate) struct Routed {
    pub(crate) org: Org,
    worker: Worker,
}

fn rows(org: &Org, sql: &str) -> Vec<String> {
    column(&mut connect(&org.bed.database, "revkeep_owner"), sql)
}

fn on_write(effect: Effect) -> Fault {
    Fault {
        method: Some("PATCH".to_owned()),
        path: None,
        record: None,
        skip: 0,
        count: Some(1),
        effect,
    }
}

impl Routed {
    /// A router that is active, with a baseline of `before` leads and a pool of all reps.
    pub(crate) async fn active(before: u32) -> Self {
        let org = Org::connected().await;
        let wanted = Generate {
            seed: 1,
            users: 4,
            inactive_users: 1,
            queues: 1,
            leads: before,
            spread_seconds: 600,
            ..Generate::default()
        };
        org.admin.generate(&wanted).await.unwrap();
        let handlers = salesforce::handlers(&org.bed.db, &org.client());
        let worker = Worker::new(
            org.bed.db.clone(),
            "test".to_owned(),
            WorkerConfig::default(),
            handlers,
        );
        worker.run_due().await.unwrap();
        let routed = Self { org, worker };
        routed.configure().await;
        routed.cycle().await;
        routed
    }

    async fn configure(&self) {
        let work = |tx: &mut db::TenantTx<'_>| {
            let reps = routing::rep_list(tx, None)?;
            let members = reps
                .iter()
                .filter(|rep| rep.rep.active && rep.rep.name != "Iris Integration")
                .map(|rep| (rep.rep.id(), 1))
                .collect();
            let pool = routing::pool_create(
                tx,
                &PoolInput {
                    calendar: None,
                    caps: routing::Caps::default(),
                    name: "All".to_owned(),
                    members,
                },
            )?;
            let input = RouterInput {
                object: Object::Lead,
                enrollment: ENROLLMENT.to_owned(),
                canonical: format!("{ENROLLMENT} AND IsConverted = FALSE"),
                fallback: Some(Target::Pool {
                    pool_id: pool.pool.id(),
                }),
                cycle_seconds: 2,
                version: None,
            };
            routing::router_configure(tx, &input)?;
            routing::router_activate(tx, Object::Lead).map(drop)
        };
        self.org.bed.db.run(&self.org.person, work).await.unwrap();
    }

    /// Lets the schedule come due once.
    pub(crate) async fn cycle(&self) {
        self.org.bed.clock.advance(TimeDelta::seconds(3));
        self.worker.run_due().await.unwrap();
    }

    pub(crate) async fn arrive(&self, seed: u64, leads: u32) -> Vec<String> {
        let wanted = Generate {
            seed,
            leads,
            ..Generate::default()
        };
        let made = self.org.admin.generate(&wanted).await.unwrap();
        made.leads.iter().map(ToString::to_string).collect()
    }

    async fn accounting(&self) -> Accounting {
        self.org
            .bed
            .db
            .run(&self.org.daemon, routing::accounting)
            .await
            .unwrap()
    }

    async fn writes(&self) -> Vec<WriteEntry> {
        let writes = self.org.admin.writes(0).await.unwrap();
        assert!(
            writes
                .iter()
                .all(|entry| entry.sobject == "Lead" && entry.field == "OwnerId"),
            "something other than an owner was written"
        );
        writes
    }

    async fn last_cycle(&self) -> Value {
        let router = self
            .org
            .bed
            .db
            .run(&self.org.daemon, |tx| routing::router_get(tx, Object::Lead))
            .await
            .unwrap();
        router.unwrap().last_cycle.unwrap()
    }
}

/// Record by record: our log of assigned owners is Salesforce's log of accepted writes.
fn agrees(org: &Org, writes: &[WriteEntry]) {
    let mut ours = rows(
        org,
        "SELECT record_id || ' ' || new_owner FROM assignments WHERE state = 'assigned' AND outcome_code IS DISTINCT FROM 'already_owner'",
    );
    let mut theirs: Vec<String> = writes
        .iter()
        .filter(|entry| entry.code == "OK")
        .map(|entry| format!("{} {}", entry.id, entry.new.as_str().unwrap_or_default()))
        .collect();
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_is_baseline_and_what_comes_gets_an_owner_once() {
    let routed = Routed::active(450).await;
    assert_eq!(routed.accounting().await.baseline, 450);
    assert!(
        routed.writes().await.is_empty(),
        "a record of the baseline was written"
    );
    routed.arrive(2, 530).await;
    for _ in 0..3 {
        routed.cycle().await;
    }
    let accounting = routed.accounting().await;
    assert_eq!(
        (accounting.baseline, accounting.assigned, accounting.total()),
        (450, 530, 980)
    );
    let writes = routed.writes().await;
    assert_eq!(writes.len(), 530);
    agrees(&routed.org, &writes);
    let requests = routed.org.admin.requests(0).await.unwrap();
    let patches: Vec<_> = requests
        .iter()
        .filter(|entry| entry.method == "PATCH")
        .collect();
    assert_eq!(patches.len(), 3, "530 owners are written 200 at a time");
    let header = |entry: &&simulators::wire::RequestEntry| {
        entry.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("sforce-auto-assign") && value == "false"
        })
    };
    assert!(patches.iter().all(header));
    assert_eq!(
        rows(&routed.org, "SELECT state FROM jobs WHERE state = 'dead'"),
        [] as [&str; 0]
    );
    let limits = routed.org.connection().await.limits.unwrap();
    assert!(limits.used > 0 && limits.max > limits.used);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_was_lost_is_read_back_and_not_repeated() {
    let routed = Routed::active(5).await;
    routed.arrive(2, 30).await;
    routed
        .org
        .admin
        .fault(&on_write(Effect::DropAfter))
        .await
        .unwrap();
    routed.cycle().await;
    assert_eq!(routed.accounting().await.in_doubt, 30);
    routed.cycle().await;
    assert_eq!(
        routed.accounting().await.in_doubt,
        30,
        "Salesforce may be at work on the call yet"
    );
    routed.org.bed.clock.advance(TWICE);
    routed.cycle().await;
    let accounting = routed.accounting().await;
    assert_eq!((accounting.assigned, accounting.in_doubt), (30, 0));
    let writes = routed.writes().await;
    assert_eq!(writes.len(), 30, "an owner was written twice");
    agrees(&routed.org, &writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_never_arrived_is_read_back_and_then_done() {
    let routed = Routed::active(5).await;
    routed.arrive(2, 30).await;
    routed
        .org
        .admin
        .fault(&on_write(Effect::DropBefore))
        .await
        .unwrap();
    routed.cycle().await;
    routed.org.bed.clock.advance(TWICE);
    for _ in 0..2 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.assigned, 30);
    let writes = routed.writes().await;
    assert_eq!(writes.len(), 30);
    agrees(&routed.org, &writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_a_dead_daemon_is_settled_by_what_salesforce_says() {
    let routed = Routed::active(5).await;
    let leads = routed.arrive(2, 3).await;
    // Decided and claimed, and nobody knows what came of it.
    routed
        .org
        .admin
        .fault(&on_write(Effect::Limit))
        .await
        .unwrap();
    routed.cycle().await;
    assert_eq!(routed.accounting().await.waiting, 3, "held by the limit");
    let gone = leads[0].to_string();
    routed.org.bed.owner("UPDATE routing_records SET state = 'claimed', claim = gen_random_uuid(), claim_until = '2020-01-01' WHERE state = 'waiting'");
    routed
        .org
        .admin
        .load("Lead", &[json!({ "Id": gone, "IsDeleted": true })])
        .await
        .unwrap();
    for _ in 0..3 {
        routed.cycle().await;
    }
    let accounting = routed.accounting().await;
    assert_eq!((accounting.assigned, accounting.given_up), (2, 1));
    assert_eq!(
        rows(
            &routed.org,
            "SELECT reason_code FROM routing_records WHERE state = 'given_up'"
        ),
        ["record_gone"]
    );
    agrees(&routed.org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_record_fails_with_its_reason_and_is_tried_ten_times_at_most() {
    let routed = Routed::active(5).await;
    let leads = routed.arrive(2, 3).await;
    let refused = Fault {
        record: simulators::Id::parse(&leads[1]),
        count: None,
        ..on_write(Effect::Row {
            code: "UNABLE_TO_LOCK_ROW".to_owned(),
            message: "locked".to_owned(),
        })
    };
    routed.org.admin.fault(&refused).await.unwrap();
    routed.cycle().await;
    let accounting = routed.accounting().await;
    assert_eq!((accounting.assigned, accounting.failed), (2, 1));
    assert_eq!(
        rows(
            &routed.org,
            "SELECT record_id || ' ' || reason_code FROM routing_records WHERE state = 'failed'"
        ),
        [format!("{} row_locked", leads[1])]
    );
    for _ in 0..15 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.given_up, 1);
    let tries = routed
        .writes()
        .await
        .iter()
        .filter(|entry| entry.code == "UNABLE_TO_LOCK_ROW")
        .count();
    assert_eq!(tries, 10);
    agrees(&routed.org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_session_is_renewed_once_and_the_cycle_goes_on() {
    let routed = Routed::active(5).await;
    routed.arrive(2, 450).await;
    routed.org.admin.expire_sessions().await.unwrap();
    routed.cycle().await;
    let stats = routed.org.admin.stats().await.unwrap();
    assert_eq!((stats.refreshes, stats.reuses), (1, 0));
    routed
        .org
        .admin
        .fault(&on_write(Effect::ExpireSession))
        .await
        .unwrap();
    routed.arrive(3, 10).await;
    routed.cycle().await;
    assert_eq!(routed.accounting().await.assigned, 460);
    assert_eq!(routed.org.admin.stats().await.unwrap().refreshes, 2);
    agrees(&routed.org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_stops_the_cycle_and_nothing_is_lost() {
    let routed = Routed::active(5).await;
    routed.org.admin.revoke_grants().await.unwrap();
    routed.arrive(2, 20).await;
    routed.cycle().await;
    assert_eq!(
        routed.last_cycle().await["error"]["code"],
        "connection_broken"
    );
    let before = routed.org.admin.stats().await.unwrap().requests;
    routed.cycle().await;
    assert_eq!(
        routed.org.admin.stats().await.unwrap().requests,
        before,
        "a broken connection was called"
    );
    routed.org.login(false).await.unwrap();
    routed.cycle().await;
    assert_eq!(routed.accounting().await.assigned, 20);
    assert_eq!(routed.last_cycle().await["error"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_its_budget_pulling_stops_and_decided_owners_are_still_written() {
    let routed = Routed::active(5).await;
    let mut settings = routed.org.admin.settings().await.unwrap();
    settings.daily_limit = routed.org.admin.stats().await.unwrap().api_used + 4;
    routed.org.admin.set_settings(&settings).await.unwrap();
    routed.arrive(2, 600).await;
    routed.cycle().await;
    assert_eq!(routed.last_cycle().await["error"]["code"], "api_limit");
    let (fetched, assigned) = (
        routed.last_cycle().await["fetched"].as_i64().unwrap(),
        routed.accounting().await.assigned,
    );
    assert!(
        fetched < 600 && assigned > 100,
        "{fetched} fetched, {assigned} written"
    );
    settings.daily_limit = 1_000_000;
    routed.org.admin.set_settings(&settings).await.unwrap();
    for _ in 0..2 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.assigned, 600);
    agrees(&routed.org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_salesforce_hides_is_told_and_no_cycle_dies_of_it() {
    let routed = Routed::active(5).await;
    let hidden = simulators::wire::FieldChange {
        sobject: "Lead".to_owned(),
        name: "Status".to_owned(),
        kind: None,
        hidden: true,
    };
    routed.org.admin.field(&hidden).await.unwrap();
    routed.arrive(2, 5).await;
    routed.cycle().await;
    assert_eq!(
        routed.last_cycle().await["error"]["code"],
        "salesforce_query_refused"
    );
    assert_eq!(
        rows(
            &routed.org,
            "SELECT count(*) FROM jobs WHERE state = 'dead'"
        ),
        ["0"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_write_each_record_once() {
    let routed = Routed::active(5).await;
    let tokens = crate::org::tokens_of(&routed.org.bed, &routed.org.provider, "two");
    let client = salesforce::SalesforceClient::new(&routed.org.egress, tokens, &routed.org.config);
    let handlers = salesforce::handlers(&routed.org.bed.db, &client);
    let other = Arc::new(Worker::new(
        routed.org.bed.db.clone(),
        "two".to_owned(),
        WorkerConfig::default(),
        handlers,
    ));
    for round in 0..4 {
        routed.arrive(10 + round, 90).await;
        routed.org.admin.expire_sessions().await.unwrap();
        routed.org.bed.clock.advance(TimeDelta::seconds(3));
        let (one, two) = tokio::join!(routed.worker.run_due(), other.run_due());
        one.unwrap();
        two.unwrap();
    }
    routed.cycle().await;
    assert_eq!(routed.accounting().await.assigned, 360);
    let writes = routed.writes().await;
    assert_eq!(writes.len(), 360);
    agrees(&routed.org, &writes);
    let stats = routed.org.admin.stats().await.unwrap();
    assert_eq!((stats.reuses, stats.collisions), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_see_the_fields_and_counts_of_salesforce_itself() {
    use connections::RoutingSource;
    let routed = Routed::active(40).await;
    let source = salesforce::SalesforceSource::new(routed.org.bed.db.clone(), routed.org.client());
    let fields = source
        .available_fields(&routed.org.person, "Lead")
        .await
        .unwrap();
    let email = fields.iter().find(|field| field.name == "Email").unwrap();
    assert!(email.personal && email.kind == "string");
    let counts = source
        .enrollment_counts(&routed.org.person, "Lead", ENROLLMENT)
        .await
        .unwrap();
    assert_eq!((counts.matching, counts.total), (40, 40));
    let hostile = source
        .enrollment_counts(
            &routed.org.person,
            "Lead",
            "SELECT Id FROM Opportunity WHERE Amount > 1",
        )
        .await;
    assert_eq!(hostile.unwrap_err().code, "enrollment_refused");
    assert!(
        source
            .available_fields(&routed.org.person, "Opportunity")
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_that_was_paused_routes_nothing_and_resumes_with_a_new_baseline() {
    let routed = Routed::active(5).await;
    let change =
        async |verb: fn(&mut db::TenantTx<'_>, Object) -> Result<routing::Router, RoutingError>| {
            routed
                .org
                .bed
                .db
                .run(&routed.org.person, move |tx| verb(tx, Object::Lead))
                .await
                .unwrap();
        };
    change(routing::router_pause).await;
    routed.arrive(2, 12).await;
    routed.cycle().await;
    change(routing::router_resume).await;
    routed.cycle().await;
    routed.arrive(3, 7).await;
    routed.cycle().await;
    let accounting = routed.accounting().await;
    assert_eq!((accounting.baseline, accounting.assigned), (17, 7));
}

/// LR-30, LR-31: a proposal that waited is out of date when a person gave the record to somebody, and
/// when routing was stopped meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_is_not_written_over_a_person_nor_after_a_pause() {
    let routed = Routed::active(5).await;
    let leads = routed.arrive(2, 4).await;
    let limit = on_write(Effect::Limit);
    routed.org.admin.fault(&limit).await.unwrap();
    routed.cycle().await;
    assert_eq!(routed.accounting().await.waiting, 4, "held by the limit");
    let somebody = format!(
        "SELECT external_id FROM reps WHERE active AND external_id NOT IN \
             (SELECT unnest(ARRAY[new_owner, previous_owner]) FROM assignments WHERE record_id = '{}')",
        leads[0]
    );
    let taken = rows(&routed.org, &somebody).remove(0);
    routed
        .org
        .admin
        .load("Lead", &[json!({ "Id": leads[0], "OwnerId": taken })])
        .await
        .unwrap();
    routed.cycle().await;
    let written: Vec<_> = routed.writes().await;
    assert!(
        written
            .iter()
            .filter(|entry| entry.code == "OK")
            .all(|entry| entry.id.to_string() != leads[0]),
        "a person's decision was overwritten: {written:?}"
    );
    let accounting = routed.accounting().await;
    assert_eq!((accounting.assigned, accounting.given_up), (3, 1));

    routed.arrive(3, 6).await;
    routed.org.admin.fault(&limit).await.unwrap();
    routed.cycle().await;
    let before = routed.writes().await.len();
    let change =
        |verb: fn(&mut db::TenantTx<'_>, Object) -> Result<routing::Router, RoutingError>| {
            let org = &routed.org;
            org.bed
                .db
                .run(&org.person, move |tx| verb(tx, Object::Lead))
        };
    change(routing::router_pause).await.unwrap();
    change(routing::router_resume).await.unwrap();
    for _ in 0..3 {
        routed.cycle().await;
    }
    assert_eq!(routed.writes().await.len(), before);
    let reasons = rows(
        &routed.org,
        "SELECT reason_code || ' ' || count(*) FROM routing_records WHERE state = 'given_up' GROUP BY reason_code ORDER BY 1",
    );
    assert_eq!(reasons, ["owner_changed 1", "routing_restarted 6"]);
}

/// A write that would outlast its claim is not sent: another daemon may find out by then what became
/// of the record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_not_sent_when_its_claim_ends_too_soon() {
    let routed = Routed::active(5).await;
    let lead = routed.arrive(2, 1).await.remove(0);
    let org = &routed.org;
    let clock: kernel::SharedClock = org.bed.clock.clone();
    let owner = rows(org, "SELECT external_id FROM reps WHERE active").remove(0);
    let patch =
        salesforce::OwnerPatch::new(Object::Lead, lead.parse().unwrap(), owner.parse().unwrap())
            .unwrap();
    let connection = org.client().routing(&org.daemon).await.unwrap();
    let sent = async |left: TimeDelta| {
        let deadline = salesforce::Deadline {
            clock: &clock,
            until: clock.now() + left,
        };
        connection.owners_write(&[patch], &deadline).await
    };
    let late = sent(TWICE - TimeDelta::milliseconds(1)).await.unwrap_err();
    assert_eq!((late.code(), late.in_doubt()), ("claim_over", false));
    assert!(routed.writes().await.is_empty());
    sent(TWICE).await.unwrap();
    assert_eq!(routed.writes().await.len(), 1);
}

/// LR-50: a router that can give nobody a record says so, record by record, and sends nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_rule_and_fallback_each_lead_is_told_as_an_error_in_the_configuration() {
    let routed = Routed::active(5).await;
    let org = &routed.org;
    let configure = async |fallback: fn(Option<Target>) -> Option<Target>| {
        let work = move |tx: &mut db::TenantTx<'_>| {
            let router = routing::router_get(tx, Object::Lead)?.unwrap();
            let pool = routing::pool_list(tx)?.remove(0).pool.id();
            let input = RouterInput {
                object: Object::Lead,
                enrollment: router.enrollment.clone(),
                canonical: router.canonical.clone(),
                fallback: fallback(Some(Target::Pool { pool_id: pool })),
                cycle_seconds: 2,
                version: Some(router.version),
            };
            routing::router_configure(tx, &input).map(drop)
        };
        org.bed.db.run(&org.person, work).await.unwrap();
    };
    configure(|_| None).await;
    // The rules that there are must not help: one is off, the other matches nothing.
    let rules = |tx: &mut db::TenantTx<'_>| {
        let pool = routing::pool_list(tx)?.remove(0).pool.id();
        for (name, enabled, status) in [
            ("Off", false, "Open - Not Contacted"),
            ("Nothing", true, "No such status"),
        ] {
            let input = routing::RuleInput {
                unavailable: routing::Unavailable::Wait,
                name: name.to_owned(),
                enabled,
                condition: json!({"all": [{"field": "OwnerId", "op": "eq", "value": status}]}),
                target: Target::Pool { pool_id: pool },
            };
            routing::rule_create(tx, Object::Lead, &input)?;
        }
        Ok::<_, RoutingError>(())
    };
    org.bed.db.run(&org.person, rules).await.unwrap();
    routed.arrive(2, 7).await;
    for _ in 0..2 {
        routed.cycle().await;
    }
    assert!(routed.writes().await.is_empty());
    assert_eq!(
        rows(
            org,
            "SELECT state || ' ' || reason_code || ' ' || count(*) FROM routing_records WHERE state <> 'baseline' GROUP BY state, reason_code"
        ),
        ["failed no_rule_no_fallback 7"]
    );
    let said = routing::explain("no_rule_no_fallback");
    assert!(said.reason.starts_with("Configuration error"), "{said:?}");
    // Mended, each of them gets its owner.
    configure(|pool| pool).await;
    for _ in 0..2 {
        routed.cycle().await;
    }
    assert_eq!(routed.accounting().await.assigned, 7);
    agrees(org, &routed.writes().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_leaves_no_dead_letter_each_hour() {
    let routed = Routed::active(5).await;
    routed.org.admin.revoke_grants().await.unwrap();
    for _ in 0..3 {
        routed.org.bed.clock.advance(TimeDelta::seconds(3_700));
        routed.worker.run_due().await.unwrap();
    }
    let dead = rows(
        &routed.org,
        "SELECT kind || ' ' || state FROM jobs WHERE state NOT IN ('done', 'queued')",
    );
    assert_eq!(dead, [] as [&str; 0]);
    let ran = rows(
        &routed.org,
        "SELECT count(*) >= 3 FROM jobs WHERE kind = 'reps.sync' AND state = 'done'",
    );
    assert_eq!(ran, ["true"], "the job did not run");
}
