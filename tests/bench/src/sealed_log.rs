//! A log to measure with: many rows, sealed, in a database that has none yet.

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use db::Db;
use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};
use kernel::{Principal, TenantId};
use stack::database::Database;
use vault::Vault;

use crate::report;

/// Rows of one transaction.
const BATCH: u32 = 5_000;

/// Writes and seals as many rows, and gives the keys that its heads are signed with.
pub(crate) async fn write(
    database: &Database,
    db: &Db,
    vault: &Vault,
    rows: u32,
) -> Result<Vec<audit::Hash>> {
    fill(database, rows)?;
    report::progress(&format!("sealing {rows} rows"));
    seal(db, &audit::Sealer::new(db.clone(), vault.clone())).await
}

/// Rows like those of a person's change of a rule.
fn fill(database: &Database, rows: u32) -> Result<()> {
    let mut owner = PgConnection::establish(&database.dsn("revkeep_owner"))?;
    let mut left = rows;
    while left > 0 {
        let batch = left.min(BATCH);
        #[expect(clippy::disallowed_methods, reason = "rows to measure with")]
        owner.batch_execute(&format!(
            "INSERT INTO audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id, request_id, detail_sealed, origin_sealed) \
             SELECT '01900000-0000-7000-8000-000000000001', now() + make_interval(secs => i / 1000000.0), gen_random_uuid(), 'human', 'user_01900000000070008000000000000001', \
                    'rule_update', 'done', 'rule', 'rule_01900000000070008000000000000001', gen_random_uuid(), \
                    sha512(i::text::bytea) || sha512((i + 1)::text::bytea), sha512((i + 2)::text::bytea) \
             FROM generate_series(1, {batch}) i"
        ))?;
        left -= batch;
    }
    let mut admin = PgConnection::establish(&database.dsn("postgres"))?;
    #[expect(clippy::disallowed_methods, reason = "as autovacuum would")]
    admin.batch_execute("VACUUM ANALYZE")?;
    Ok(())
}

async fn seal(db: &Db, sealer: &audit::Sealer) -> Result<Vec<audit::Hash>> {
    let who = Principal::system(TenantId::PLATFORM, None);
    let fence = db
        .run_unsealed(&who, |tx| {
            jobs::lease_acquire(tx, audit::LEASE, "bench", TimeDelta::hours(12))
        })
        .await?
        .context("the lease is held")?;
    while sealer.seal("bench", fence.number()).await?.is_some() {}
    Ok(sealer.keys().await?.iter().map(|key| key.bytes).collect())
}
