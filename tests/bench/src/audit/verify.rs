//! What it costs to verify the sealed log, in the verifying process. The floor reads the same rows and
//! looks at none. The same again over a tenth of the rows tells whether a long log costs more for each row.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use chrono::TimeDelta;
use db::{Auditor, Db};
use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};
use kernel::{Principal, SharedClock, SystemClock, TenantId};
use stack::database::{self, Database};
use vault::{Choice, Config, LocalConfig, PrivateFile, Vault};

use crate::report::{self, Figure, Limit};

const RATE_BAR: f64 = 150_000.0;
/// Cost of a row in the whole log over its cost in a tenth of it.
const GROWTH_BAR: f64 = 1.25;
/// Rows of one transaction, and of one page of the floor.
const BATCH: u32 = 5_000;

pub(crate) fn measure(rows: u32, rounds: u16) -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let directory = tempfile::tempdir()?;
    let vault = local_vault(directory.path())?;
    let large = Log::new(&runtime, &vault, rows)?;
    let small = Log::new(&runtime, &vault, rows / 10)?;
    let (mut ours, mut floors, mut ratios, mut growths) = (vec![], vec![], vec![], vec![]);
    for round in 1..=rounds {
        let floor = large.rate(Log::read)?;
        let rate = large.rate(Log::verify)?;
        let small = small.rate(Log::verify)?;
        report::progress(&format!(
            "audit {round}/{rounds}: {rate:.0} rows/s verified, {small:.0} of the short log; {floor:.0} read"
        ));
        ours.push(rate);
        floors.push(floor);
        ratios.push(floor / rate);
        growths.push(small / rate);
    }
    let rounds = usize::from(rounds);
    let (floor, _) = report::median(&mut floors).context("no rounds")?;
    let (value, interval) = report::median(&mut ours).context("no rounds")?;
    let (ratio, ratio_interval) = report::median(&mut ratios).context("no rounds")?;
    let verified = Figure {
        value,
        interval,
        floor,
        ratio,
        ratio_interval,
        ..Figure::new("audit", "rows_verified_per_second", "rows/s", rounds)
    };
    let (ratio, ratio_interval) = report::median(&mut growths).context("no rounds")?;
    let growth = Figure {
        value,
        interval,
        floor,
        ratio,
        ratio_interval,
        ..Figure::new("audit", "cost_growth", "rows/s", rounds)
    };
    Ok(vec![
        verified.bounded(Limit::AtLeast(RATE_BAR)),
        growth.bounded(Limit::RatioAtMost(GROWTH_BAR)),
    ])
}

/// A sealed log in a database of its own.
struct Log {
    database: Database,
    keys: Vec<audit::Hash>,
    rows: u32,
}

impl Log {
    fn new(runtime: &tokio::runtime::Runtime, vault: &Vault, rows: u32) -> Result<Self> {
        let database = database::shared()?.database()?;
        fill(&database, rows)?;
        report::progress(&format!("audit: sealing {rows} rows"));
        let db = Db::new(&database.config(), Arc::new(SystemClock))?;
        db.unlock(database::context_key());
        let sealer = audit::Sealer::new(db.clone(), vault.clone());
        let keys = runtime.block_on(seal(&db, &sealer))?;
        Ok(Self {
            database,
            keys,
            rows,
        })
    }

    /// Rows a second of `work` by this process's own time on a core.
    fn rate(&self, work: impl FnOnce(&Self, &mut Auditor) -> Result<()>) -> Result<f64> {
        let mut auditor = Auditor::open(&self.database.config())?;
        let start = on_cpu()?;
        work(self, &mut auditor)?;
        let spent = on_cpu()?.saturating_sub(start);
        Ok(f64::from(self.rows) / spent.as_secs_f64())
    }

    fn verify(&self, auditor: &mut Auditor) -> Result<()> {
        let report = audit::verify(auditor, &self.keys, |_, _, _| {})?;
        ensure!(report.holds(), "found {:?}", report.findings);
        ensure!(
            report.leaves == u64::from(self.rows),
            "{} leaves",
            report.leaves
        );
        Ok(())
    }

    fn read(&self, auditor: &mut Auditor) -> Result<()> {
        let (mut position, step) = (0, i64::from(BATCH) * 2);
        while position < i64::from(self.rows) {
            std::hint::black_box(auditor.leaves(position, position + step)?);
            position += step;
        }
        Ok(())
    }
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

fn local_vault(directory: &Path) -> Result<Vault> {
    let local = LocalConfig {
        key: PrivateFile::File(directory.join("key")),
        keystore: directory.join("keystore"),
    };
    vault::create_keystore(&local)?;
    let config = Config {
        backend: Choice::Local,
        vault: None,
        local: Some(local),
    };
    let clock: SharedClock = Arc::new(SystemClock);
    Ok(Vault::new(config, clock)?)
}

/// The time that this thread has been on a core.
fn on_cpu() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_ascii_whitespace().next();
    let nanoseconds = nanoseconds.context("schedstat is empty")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}
