//! What this daemon says of itself for a support bundle.

use chrono::{DateTime, Utc};
use db::DbError;
use http::Reason;

use super::parts::Parts;
use crate::bundle::{Count, Facts, Jobs, Server, Table, facts_of_metrics};

/// What the database does not answer stays empty; the findings say why.
pub(super) async fn gather(parts: &Parts, reasons: &[Reason], started_at: DateTime<Utc>) -> Facts {
    let now = parts.db.clock().now();
    let asked = parts.db.system(move |tx| {
        Ok::<_, DbError>((
            tx.server_facts()?,
            tx.migrations_run()?,
            tx.table_sizes()?,
            tx.upkeep_census(now)?,
            tx.jobs_census()?,
        ))
    });
    let mut facts = Facts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at,
        not_ready: reasons
            .iter()
            .map(|reason| reason.component.to_owned())
            .collect(),
        server: None,
        migrations_pending: Vec::new(),
        migrations_unknown: Vec::new(),
        tables: Vec::new(),
        counts: Vec::new(),
        jobs: Vec::new(),
        metrics: facts_of_metrics(&parts.registry.gather()),
    };
    let Ok((server, run, tables, census, jobs)) = asked.await else {
        return facts;
    };
    let brought = db::schema_versions();
    facts.migrations_pending = missing(&brought, &run);
    facts.migrations_unknown = missing(&run, &brought);
    facts.server = Some(Server {
        version: server.version,
        fsync: server.fsync,
        full_page_writes: server.full_page_writes,
        encrypted: server.encrypted,
        standby: server.standby,
    });
    facts.tables = tables
        .into_iter()
        .map(|table| Table {
            name: table.name,
            bytes: table.bytes,
            rows: table.rows,
        })
        .collect();
    facts.counts = census
        .into_iter()
        .map(|count| Count {
            rule: count.rule,
            seen: count.seen,
            broken: count.broken,
        })
        .collect();
    facts.jobs = jobs
        .into_iter()
        .map(|count| Jobs {
            kind: count.kind,
            state: count.state,
            jobs: count.jobs,
        })
        .collect();
    facts
}

/// Those of `all` that are not among `there`.
pub(super) fn missing(all: &[String], there: &[String]) -> Vec<String> {
    all.iter()
        .filter(|version| !there.contains(version))
        .cloned()
        .collect()
}
