//! `bench siem`: the sealed log streamed to a real rsyslog over TLS (RFC 5425), against what changes of the
//! same run append to it, and whether a longer stream takes more memory. The stream runs in this process.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use audit::{AuditError, Entry};
use db::Db;
use delivery::{Siem, SiemConfig, TargetInput, Transport};
use egress::{Egress, EgressConfig};
use kernel::{Action, Personal, Principal, TenantId};
use serde_json::json;
use stack::syslog::{Input, Rsyslog};
use tokio::sync::watch;

use crate::{
    load,
    person::Person,
    report::{self, Figure, Limit},
    sealed_log, usage,
};

const RATE_BAR: f64 = 20_000.0;
/// A stream is at least three times as fast as what is appended.
const APPEND_BAR: f64 = 1.0 / 3.0;
/// The most memory of a stream over the most of its first tenth.
const MEMORY_BAR: f64 = 1.1;
/// Connections that append, each entry in a transaction of its own.
const WRITERS: usize = 8;
const LOOK: Duration = Duration::from_millis(20);

pub(crate) fn run(events: u32, load: load::Load) -> Result<Vec<Figure>> {
    tokio::runtime::Runtime::new()?.block_on(measure(events, load))
}

async fn measure(events: u32, load: load::Load) -> Result<Vec<Figure>> {
    let person = Person::with(|_| {}).await?;
    let who = person.principal().await?;
    sealed_log::write(&person.database, &person.db, &person.vault, events).await?;
    let mut receiver = Rsyslog::start(Input::Tls, &["localhost"]).await?;
    let files = tempfile::tempdir()?;
    let siem = siem(&person, receiver.port, files.path())?;
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(siem.clone().run(String::from("bench"), stopped));
    let (mut streamed, mut appended, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut early, mut late, mut growths) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=load.rounds {
        let stream = stream(&siem, &mut receiver, events).await?;
        let append = append(&person.db, &who, load.lasts).await?;
        report::progress(&format!(
            "siem {round}/{}: {:.0} events/s streamed, {append:.0} appended; {:.0} MB of a tenth, {:.0} MB",
            load.rounds, stream.rate, stream.early_megabytes, stream.megabytes
        ));
        streamed.push(stream.rate);
        appended.push(append);
        ratios.push(append / stream.rate);
        growths.push(stream.megabytes / stream.early_megabytes);
        early.push(stream.early_megabytes);
        late.push(stream.megabytes);
    }
    let (value, interval) = report::median(&mut streamed).context("no rounds")?;
    let (floor, _) = report::median(&mut appended).context("no rounds")?;
    let (ratio, ratio_interval) = report::median(&mut ratios).context("no rounds")?;
    let rate = |name| Figure {
        value,
        interval,
        floor,
        ratio,
        ratio_interval,
        ..Figure::new("siem", name, "events/s", load.rounds)
    };
    let (value, interval) = report::median(&mut late).context("no rounds")?;
    let (floor, _) = report::median(&mut early).context("no rounds")?;
    let (ratio, ratio_interval) = report::median(&mut growths).context("no rounds")?;
    let memory = Figure {
        value,
        interval,
        floor,
        ratio,
        ratio_interval,
        ..Figure::new("siem", "peak_memory", "MB", load.rounds)
    };
    Ok(vec![
        rate("events_per_second").bounded(Limit::AtLeast(RATE_BAR)),
        rate("appended_to_streamed").bounded(Limit::RatioAtMost(APPEND_BAR)),
        memory.bounded(Limit::RatioAtMost(MEMORY_BAR)),
    ])
}

fn siem(person: &Person, port: u16, directory: &std::path::Path) -> Result<Siem> {
    let egress = Egress::new(EgressConfig {
        private_endpoints: vec![format!("localhost:{port}").parse()?],
        ..EgressConfig::default()
    })?;
    let files = SiemConfig {
        directory: directory.to_owned(),
        ..SiemConfig::default()
    };
    let (db, vault) = (&person.db, &person.vault);
    Ok(Siem::new(db, vault, &egress, &files, "revkeep.example"))
}

/// One stream of the whole log.
struct Stream {
    /// Events a second, from the first arrival on.
    rate: f64,
    /// The most memory of the stream, once a tenth had come, and at the end.
    early_megabytes: f64,
    megabytes: f64,
}

async fn stream(siem: &Siem, receiver: &mut Rsyslog, events: u32) -> Result<Stream> {
    usage::forget_peak()?;
    let platform = Principal::system(TenantId::PLATFORM, None);
    let target = siem
        .target_create(&platform, target(receiver), true)
        .await?;
    let mut tick = tokio::time::interval(LOOK);
    let (mut come, mut first, mut early) = (0_u32, None, None);
    while come < events {
        tick.tick().await;
        come = come.saturating_add(arrived(receiver)?);
        if come > 0 {
            first.get_or_insert((Instant::now(), come));
        }
        if come >= events / 10 {
            early.get_or_insert(usage::peak_megabytes(std::process::id())?);
        }
    }
    let (since, before) = first.context("nothing came")?;
    let rate = f64::from(come.saturating_sub(before)) / since.elapsed().as_secs_f64();
    siem.target_delete(&platform, target.id).await?;
    Ok(Stream {
        rate,
        early_megabytes: early.context("nothing came")?,
        megabytes: usage::peak_megabytes(std::process::id())?,
    })
}

/// Entries that have come since the last look: heads and tests have no position.
fn arrived(receiver: &mut Rsyslog) -> Result<u32> {
    let lines = receiver.received()?;
    let entries = lines.iter().filter(|line| line.contains(" position=\""));
    Ok(u32::try_from(entries.count())?)
}

fn target(receiver: &Rsyslog) -> TargetInput {
    let address = format!("localhost:{}", receiver.port);
    TargetInput {
        authorities: Some(receiver.authority.clone()),
        ..TargetInput::new("Archive", Transport::SyslogTls, &address)
    }
}

/// Entries a second of all writers together.
async fn append(db: &Db, who: &Principal, lasts: Duration) -> Result<f64> {
    let mut writers = vec![(db.clone(), who.clone()); WRITERS];
    load::rate(&mut writers, lasts, |(db, who)| async move {
        db.run(&who, |tx| {
            let name = Personal::new("Ada King");
            Entry::new(Action::ProfileUpdate, "user", "user_0")
                .after(json!({ "name": name }))
                .write(tx)
        })
        .await
        .map_err(|error: AuditError| anyhow::Error::from(error))?;
        Ok((db, who))
    })
    .await
}
