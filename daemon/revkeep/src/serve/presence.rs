//! Says that this daemon is there, and tells who else is, for `revkeep status`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use db::{DaemonNode, Db, DbConfig, DbError, ServerNode, Standing};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::parts::own_name;

/// How often a daemon says that it is there.
const EVERY: Duration = Duration::from_secs(5);
/// Silent for longer than three times that, and for no pause of the database's that is still ordinary.
const SILENT: TimeDelta = TimeDelta::seconds(20);

pub(super) async fn run(db: Db, mut stop: watch::Receiver<bool>) {
    let started_at = db.clock().now();
    loop {
        if let Err(error) = seen(&db, started_at).await {
            log::debug!("this daemon is not on the list of nodes yet: {error}");
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    if let Err(error) = db.system(|tx| tx.daemon_gone(&own_name())).await {
        log::debug!("this daemon stays on the list of nodes for a day: {error}");
    }
}

async fn seen(db: &Db, started_at: DateTime<Utc>) -> Result<(), DbError> {
    let at = db.clock().now();
    let version = env!("CARGO_PKG_VERSION");
    db.system(move |tx| tx.daemon_seen(&own_name(), version, started_at, at))
        .await
}

/// The daemons and the database's servers, as `revkeep status --json` prints them. While no server takes
/// writes nobody knows of other daemons, and the list is empty.
pub(super) async fn nodes(db: &Db, config: &DbConfig) -> Value {
    let at = db.clock().now();
    let config = config.clone();
    let (daemons, servers) = tokio::join!(
        db.system(move |tx| tx.daemons_census(at)),
        tokio::task::spawn_blocking(move || db::servers(&config)),
    );
    let daemons: Vec<Value> = daemons
        .unwrap_or_default()
        .iter()
        .map(|node| daemon(node, at))
        .collect();
    let servers = servers.unwrap_or_default();
    // Of the primary, which alone writes it.
    let written = servers
        .iter()
        .find(|node| node.standing == Standing::Primary)
        .and_then(|node| node.position);
    let servers: Vec<Value> = servers.iter().map(|node| server(node, written)).collect();
    json!({ "daemons": daemons, "database": servers })
}

fn daemon(node: &DaemonNode, at: DateTime<Utc>) -> Value {
    let silent = at - node.seen_at;
    json!({
        "name": node.name,
        "version": node.version,
        "started_at": node.started_at.to_rfc3339(),
        "seen_at": node.seen_at.to_rfc3339(),
        "state": if silent > SILENT { "silent" } else { "alive" },
        "leases": node.leases,
        "jobs": node.jobs,
        "asked": node.name == own_name(),
    })
}

fn server(node: &ServerNode, written: Option<i64>) -> Value {
    let (role, detail) = match &node.standing {
        Standing::Primary => ("primary", ""),
        Standing::Standby => ("standby", ""),
        Standing::Away(why) => ("away", why.as_str()),
    };
    let behind = match (&node.standing, written, node.position) {
        (Standing::Standby, Some(written), Some(replayed)) => {
            Some(written.saturating_sub(replayed).max(0))
        }
        _ => None,
    };
    json!({
        "host": node.host,
        "role": role,
        "detail": detail,
        "version": node.version,
        "behind_bytes": behind,
    })
}
