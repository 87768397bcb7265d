//! What the tests of stored routing stand on: a database of their own, a tenant with reps, a pool,
//! a queue and a layer policy, and a clock that they move.

use std::sync::Arc;

use chrono::TimeDelta;
use db::{Db, TenantTx};
use diesel::{Connection, RunQueryDsl};
use kernel::{
    Clock, ManualClock, PoolId, Principal, QueueId, RepId, RuleId, SystemClock, TenantId, UserId,
    port::{AuditKeyring, AuditSeals, Sealer},
};
use layer::{DataClass, FieldType, ImportRow, NewField, Object, field_add, import};
use serde_json::{Value as Json, json};
use stack::database::{Database, context_key, shared};

use crate::{
    Accounting, Batch, PoolInput, Proposed, Report, Router, RouterInput, RoutingError, RuleInput,
    Settled, SyncedQueue, SyncedRep, Target, WriteOutcome, WriteResult, accounting, baseline_done,
    claim, failure_reasons, pool_create, propose, queue_list, queues_sync, record_outcomes,
    rep_list, reps_sync, router_activate, router_configure, router_get, rule_create, rules_publish,
};

/// Audit details are not what these tests are about: they are kept as they are.
struct Clear;

impl Sealer for Clear {
    fn seal(&self, _: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        Some(plaintext.to_vec())
    }
}

#[async_trait::async_trait]
impl AuditKeyring for Clear {
    async fn seals(&self, _: TenantId, person: Option<UserId>) -> AuditSeals {
        let of_person = |user| -> (UserId, Arc<dyn Sealer>) { (user, Arc::new(Self)) };
        AuditSeals {
            tenant: Some(Arc::new(Self)),
            person: person.map(of_person),
        }
    }
}

pub(super) struct Bed {
    pub(super) db: Db,
    pub(super) clock: Arc<ManualClock>,
    pub(super) who: Principal,
    pub(super) reps: Vec<RepId>,
    pub(super) pool: PoolId,
    pub(super) queue: QueueId,
    database: Database,
}

pub(super) const LEASE: TimeDelta = TimeDelta::seconds(120);
pub(super) const DOUBT: TimeDelta = TimeDelta::seconds(60);
pub(super) const HOUSE: &str = "005xx0000000900AAA";

impl Bed {
    /// Three reps in a pool with equal weights; no router yet.
    pub(super) async fn new() -> Self {
        let database = shared().unwrap().database().unwrap();
        let clock = Arc::new(ManualClock::at(SystemClock.now().timestamp()));
        let db = open(&database, clock.clone());
        let who = Principal::system(TenantId::generate(&SystemClock), None);
        let (reps, pool, queue) = db.run(&who, furnish).await.unwrap();
        Self {
            db,
            clock,
            who,
            reps,
            pool,
            queue,
            database,
        }
    }

    /// What a second daemon on the same database works with.
    pub(super) fn daemon(&self) -> Db {
        open(&self.database, self.clock.clone())
    }

    /// As [`Bed::new`], with an active router whose only rule gives German leads to the pool.
    pub(super) async fn routing() -> Self {
        let bed = Self::new().await;
        bed.configure(None).await;
        bed.rule("Germany", country("DE"), Target::Pool { pool_id: bed.pool })
            .await;
        bed.activate().await;
        bed
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut TenantTx<'_>) -> Result<T, RoutingError> + Send + 'static,
    ) -> Result<T, RoutingError> {
        self.db.run(&self.who, work).await
    }

    pub(super) async fn configure(&self, fallback: Option<Target>) -> Router {
        let version = self
            .run(|tx| router_get(tx, Object::Lead))
            .await
            .unwrap()
            .map(|r| r.version);
        let input = RouterInput {
            fallback,
            version,
            ..settings("Status = 'Open'")
        };
        self.run(move |tx| router_configure(tx, &input))
            .await
            .unwrap()
    }

    pub(super) async fn rule(&self, name: &str, condition: Json, target: Target) -> RuleId {
        let input = RuleInput {
            unavailable: crate::Unavailable::Wait,
            name: name.to_owned(),
            enabled: true,
            condition,
            target: target.into(),
        };
        self.run(move |tx| rule_create(tx, Object::Lead, &input))
            .await
            .unwrap()
            .id()
    }

    /// Makes the draft decide.
    pub(super) async fn publish(&self) -> i64 {
        let draft = self.router().await.rules_version;
        self.run(move |tx| rules_publish(tx, Object::Lead, draft, ""))
            .await
            .unwrap()
            .version
    }

    pub(super) async fn activate(&self) {
        let now = self.clock.now();
        self.run(move |tx| {
            let router = router_activate(tx, Object::Lead)?;
            baseline_done(tx, router.id(), router.epoch, now, 0)
        })
        .await
        .unwrap();
    }

    pub(super) async fn router(&self) -> Router {
        self.run(|tx| router_get(tx, Object::Lead))
            .await
            .unwrap()
            .unwrap()
    }

    pub(super) fn lead(&self, n: u32, country: &str) -> ImportRow {
        ImportRow {
            record_id: lead_id(n),
            owner_id: Some(HOUSE.to_owned()),
            source_created_at: Some(self.clock.now() - TimeDelta::seconds(30)),
            source_modified_at: self.clock.now(),
            fields: json!({"Country": country, "Company": format!("Firm {n}"), "OwnerId": HOUSE})
                .as_object()
                .unwrap()
                .clone(),
        }
    }

    /// Imports and proposes leads of one country.
    pub(super) async fn fetch(&self, leads: std::ops::Range<u32>, country: &str) -> Proposed {
        let rows: Vec<_> = leads.map(|n| self.lead(n, country)).collect();
        let router = self.router().await;
        self.run(move |tx| {
            import(tx, Object::Lead, &rows)?;
            propose(tx, router.id(), router.epoch, &rows)
        })
        .await
        .unwrap()
    }

    pub(super) async fn claim(&self) -> Batch {
        let id = self.router().await.id();
        self.run(move |tx| claim(tx, id, 200, LEASE)).await.unwrap()
    }

    /// Reports the same result for each record of a claim.
    pub(super) async fn report(&self, batch: &Batch, result: WriteResult) -> Settled {
        let outcome = |item: &crate::Claimed| WriteOutcome {
            record_id: item.record_id.clone(),
            result: result.clone(),
        };
        let report = Report {
            batch: batch.clone(),
            sent_at: Some(self.clock.now()),
            outcomes: batch.items.iter().map(outcome).collect(),
        };
        let router = self.router().await;
        self.run(move |tx| record_outcomes(tx, router.id(), router.epoch, &[report], DOUBT))
            .await
            .unwrap()
            .settled
    }

    /// Runs a statement as whoever may do everything: what an intruder with the database could do.
    pub(super) fn superuser(&self, sql: &str) {
        self.statement("postgres", sql).unwrap();
    }

    /// Runs a statement as the role that works, and tells how it is refused.
    pub(super) fn as_app(&self, sql: &str) -> String {
        self.statement("revkeep_app", sql).unwrap_err().to_string()
    }

    #[expect(clippy::disallowed_methods, reason = "what no verb of this crate does")]
    fn statement(&self, role: &str, sql: &str) -> Result<usize, diesel::result::Error> {
        let mut conn = diesel::PgConnection::establish(&self.database.dsn(role)).unwrap();
        diesel::sql_query(sql).execute(&mut conn)
    }

    /// Today, by UTC.
    pub(super) fn clock_day(&self) -> chrono::NaiveDate {
        self.clock.now().date_naive()
    }

    /// The same records as the CRM has them later, with another owner.
    pub(super) async fn owned_by(&self, leads: std::ops::Range<u32>, owner: &str) {
        self.clock.advance(TimeDelta::seconds(1));
        let rows: Vec<_> = leads
            .map(|n| ImportRow {
                owner_id: Some(owner.to_owned()),
                ..self.lead(n, "DE")
            })
            .collect();
        self.run(move |tx| Ok(import(tx, Object::Lead, &rows)?))
            .await
            .unwrap();
    }

    /// Why records have no owner from us, with how many.
    pub(super) async fn reasons(&self) -> Vec<(String, i64)> {
        self.run(failure_reasons).await.unwrap()
    }

    pub(super) async fn accounting(&self) -> Accounting {
        self.run(accounting).await.unwrap()
    }
}

fn open(database: &Database, clock: Arc<ManualClock>) -> Db {
    let db = Db::new(&database.config(), clock).unwrap();
    db.unlock(context_key());
    db.set_audit_keyring(Arc::new(Clear));
    db
}

fn furnish(tx: &mut TenantTx<'_>) -> Result<(Vec<RepId>, PoolId, QueueId), RoutingError> {
    for (name, kind) in [
        ("Country", FieldType::Picklist),
        ("Company", FieldType::String),
    ] {
        let field = NewField {
            object: Object::Lead,
            name: name.to_owned(),
            label: name.to_owned(),
            kind,
            class: DataClass::CrmBusiness,
            reason: String::from("Territory rules"),
            searchable: true,
        };
        field_add(tx, &field)?;
    }
    let names = ["Ada", "Bo", "Cem"];
    let rep = |(name, n): (&str, u32)| SyncedRep {
        external_id: format!("005xx0000000{n:03}AAA"),
        name: name.to_owned(),
        active: true,
    };
    reps_sync(tx, &names.into_iter().zip(1..).map(rep).collect::<Vec<_>>())?;
    let queue = SyncedQueue {
        external_id: String::from("00Gxx0000000001AAA"),
        name: String::from("Unassigned"),
        objects: vec![String::from("Lead")],
    };
    queues_sync(tx, &[queue])?;
    let reps: Vec<RepId> = rep_list(tx, None)?
        .iter()
        .map(|entry| entry.rep.id())
        .collect();
    let members = reps.iter().map(|rep| (*rep, 1)).collect();
    let pool = pool_create(
        tx,
        &PoolInput {
            calendar: None,
            caps: crate::Caps::default(),
            name: String::from("DACH"),
            members,
        },
    )?;
    let queue = queue_list(tx)?.first().unwrap().id();
    Ok((reps, pool.pool.id(), queue))
}

pub(super) fn settings(enrollment: &str) -> RouterInput {
    RouterInput {
        object: Object::Lead,
        enrollment: enrollment.to_owned(),
        canonical: format!("SELECT Id FROM Lead WHERE {enrollment} AND IsConverted = false"),
        fallback: None,
        cycle_seconds: 60,
        version: None,
    }
}

pub(super) fn country(code: &str) -> Json {
    json!({"all": [{"field": "Country", "op": "eq", "value": code}]})
}

pub(super) fn lead_id(n: u32) -> String {
    format!("00Qxx00000{n:05}AAA")
}
