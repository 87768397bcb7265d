//! What it costs to verify the sealed log, in the verifying process. The floor reads the same rows and
//! looks at none. The same again over a tenth of the rows tells whether a long log costs more for each row.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use db::{Auditor, Db};
use kernel::{SharedClock, SystemClock};
use stack::database::{self, Database};
use vault::{Choice, Config, LocalConfig, PrivateFile, Vault};

use crate::{
    report::{self, Figure, Limit},
    sealed_log,
};

const RATE_BAR: f64 = 150_000.0;
/// Cost of a row in the whole log over its cost in a tenth of it.
const GROWTH_BAR: f64 = 1.25;
/// Rows of one page of the floor.
const PAGE: i64 = 10_000;

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
        let db = Db::new(&database.config(), Arc::new(SystemClock))?;
        db.unlock(database::context_key());
        let keys = runtime.block_on(sealed_log::write(&database, &db, vault, rows))?;
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
        let mut position = 0;
        while position < i64::from(self.rows) {
            std::hint::black_box(auditor.leaves(position, position + PAGE)?);
            position += PAGE;
        }
        Ok(())
    }
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
