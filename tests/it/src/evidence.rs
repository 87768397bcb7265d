//! LM-77, CX-25, OB-25: tampering by whoever owns the database, a superuser included, is found and
//! located. Each attack is made on the real PostgreSQL with its triggers switched off.

use std::sync::Arc;

use audit::{Entry, Fault, Hash, Report, SealError, Sealed, Sealer};
use chrono::TimeDelta;
use db::{Auditor, Db, DbError};
use diesel::{PgConnection, connection::SimpleConnection};
use kernel::{Action, Principal, SharedClock, TenantId};
use sha2::{Digest, Sha256};

use crate::{
    harness::{Bed, column, connect, open},
    live::until,
};

mod attacks;
mod commands;
mod cost;
mod proofs;
mod restore;
mod sealing;

/// Leaves under the lowest stored subtree.
const TILE: usize = 256;

/// A log that is sealed under several heads.
pub(crate) struct Log {
    pub(crate) bed: Bed,
    pub(crate) sealer: Sealer,
    pub(crate) who: Principal,
}

/// Writes rows in one transaction, dated by the clock of the database unless `at` says otherwise.
fn write(conn: &mut PgConnection, who: &Principal, rows: usize, at: &str) {
    conn.batch_execute(&format!(
        "INSERT INTO audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id, detail_sealed) \
         SELECT '{}', {at} + make_interval(secs => i / 1000.0), gen_random_uuid(), 'human', 'user_' || i, 'rule_update', 'done', 'rule', 'rule_' || i, sha256(i::text::bytea) \
         FROM generate_series(1, {rows}) i",
        who.tenant.uuid()
    ))
    .unwrap();
}

impl Log {
    /// As many rows as each number says, each under a head of its own.
    pub(crate) async fn of(batches: &[usize]) -> Self {
        let bed = Bed::new();
        let who = bed.tenant();
        let log = Self {
            sealer: Sealer::new(bed.db.clone(), bed.vault.clone()),
            bed,
            who,
        };
        for rows in batches {
            log.write(*rows, "now()");
            log.seal().await;
        }
        log
    }

    fn write(&self, rows: usize, at: &str) {
        write(
            &mut connect(&self.bed.database, "revkeep_owner"),
            &self.who,
            rows,
            at,
        );
    }

    /// Seals until nothing waits. Other tests' transactions hold the horizon of their cluster back.
    async fn seal(&self) -> Vec<Sealed> {
        let mut all = Vec::new();
        until("rows wait to be sealed", async || {
            all.extend(seal_once(&self.bed.db, &self.sealer).await.unwrap());
            let loose = self.superuser("SELECT count(*) FROM audit_log WHERE audit_id NOT IN (SELECT audit_id FROM audit_leaves)");
            if loose == ["0"] { Ok(()) } else { Err(format!("{loose:?}")) }
        })
        .await;
        all
    }

    pub(crate) fn auditor(&self) -> Auditor {
        Auditor::open(&self.bed.database.config()).unwrap()
    }

    async fn keys(&self) -> Vec<Hash> {
        let keys = self.sealer.keys().await.unwrap();
        keys.iter().map(|key| key.bytes).collect()
    }

    async fn verify(&self) -> Report {
        audit::verify(&mut self.auditor(), &self.keys().await, |_, _, _| {}).unwrap()
    }

    /// What verification finds: fault, first and last place.
    async fn faults(&self) -> Vec<(Fault, u64, u64)> {
        let report = self.verify().await;
        assert_eq!(report.more, 0);
        let found = report.findings.iter();
        found
            .map(|finding| (finding.fault, finding.from, finding.to))
            .collect()
    }

    /// Runs statements as a superuser whom no trigger stops.
    fn tamper(&self, sql: &str) {
        connect(&self.bed.database, "postgres")
            .batch_execute(&format!("SET session_replication_role = replica; {sql}"))
            .unwrap();
    }

    fn superuser(&self, sql: &str) -> Vec<String> {
        column(&mut connect(&self.bed.database, "postgres"), sql)
    }

    /// The heads, as an archive keeps them.
    fn archive(&self) -> String {
        let heads = self.auditor().heads_after(0, 1_000).unwrap();
        let lines = heads.iter().map(|row| {
            let head = audit::Head::stored(row).unwrap();
            serde_json::to_string(&head.line()).unwrap()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    async fn compare(&self, archive: &str) -> Vec<(Fault, u64, u64)> {
        let keys = self.keys().await;
        let compared =
            audit::compare(&mut self.auditor(), &keys, archive.as_bytes(), |_| {}).unwrap();
        let found = compared.findings.iter();
        found
            .map(|finding| (finding.fault, finding.from, finding.to))
            .collect()
    }
}

/// Takes the lease, seals one batch, gives it back.
pub(crate) async fn seal_once(db: &Db, sealer: &Sealer) -> Result<Option<Sealed>, SealError> {
    let who = Principal::system(TenantId::PLATFORM, None);
    let fence = db
        .run_unsealed(&who, |tx| {
            jobs::lease_acquire(tx, audit::LEASE, "test", TimeDelta::seconds(60))
        })
        .await
        .unwrap()
        .expect("somebody else holds the lease");
    let sealed = sealer.seal("test", fence.number()).await;
    db.run_unsealed(&who, move |tx| {
        jobs::lease_release(tx, audit::LEASE, "test", fence)
    })
    .await
    .unwrap();
    sealed
}

/// The id of the row at a position, quoted for SQL.
fn row_at(position: usize) -> String {
    format!("(SELECT audit_id FROM audit_leaves WHERE position = {position})")
}
