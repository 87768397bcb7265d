//! Streams of the audit log (OB-27) to real receivers: nothing is lost, a tenant's order is kept, what
//! comes twice has the same id, and nobody gets what is not theirs.

mod attacks;
mod loss;

mod settings;

use std::collections::{BTreeMap, HashMap};

use audit::Sealer;
use delivery::{Siem, SiemConfig, Target, TargetInput, Transport};
use diesel::connection::SimpleConnection;
use egress::{Egress, EgressConfig};
use kernel::{Principal, TenantId};
use tokio::sync::watch;

use crate::{
    evidence::seal_once,
    harness::{Bed, column, connect},
    live::until,
};

/// Rows of a log, dated one after the other.
pub(crate) fn rows_sql(tenant: TenantId, rows: usize) -> String {
    format!(
        "INSERT INTO audit_log (tenant_id, at, audit_id, actor_kind, actor_id, action, outcome, resource_type, resource_id) \
         SELECT '{}', now() + make_interval(secs => i / 1000000.0), gen_random_uuid(), 'human', 'user_' || i, 'rule_update', 'done', 'rule', 'rule_' || i \
         FROM generate_series(1, {rows}) i",
        tenant.uuid()
    )
}

/// What an archive has of the log: ids in the order in which they first came, by tenant, with positions.
#[derive(Default)]
pub(crate) struct Archive {
    times: HashMap<String, usize>,
    positions: BTreeMap<String, Vec<i64>>,
    heads: Vec<String>,
}

impl Archive {
    pub(crate) fn take(&mut self, id: &str, tenant: &str, position: Option<i64>) {
        let times = self.times.entry(id.to_owned()).or_default();
        *times += 1;
        if *times > 1 {
            return;
        }
        match position {
            Some(position) => {
                let own = self.positions.entry(tenant.to_owned()).or_default();
                own.push(position);
            }
            None => self.heads.push(id.to_owned()),
        }
    }

    /// A line of rsyslog: message id, structured data, message.
    pub(crate) fn line(&mut self, line: &str) {
        let (id, rest) = line.split_once(' ').unwrap();
        let param = |name: &str| {
            let start = rest.find(&format!(" {name}=\""))? + name.len() + 3;
            rest[start..].split('"').next().map(str::to_owned)
        };
        let tenant = param("tenant").unwrap_or_else(|| panic!("no tenant in {line}"));
        self.take(
            id,
            &tenant,
            param("position").map(|text| text.parse().unwrap()),
        );
    }

    pub(crate) fn has(&self, ids: &[String]) -> Result<(), String> {
        let missing = ids
            .iter()
            .filter(|id| !self.times.contains_key(*id))
            .count();
        if missing == 0 {
            return Ok(());
        }
        Err(format!("{missing} of {} have not come", ids.len()))
    }

    pub(crate) fn tenants(&self) -> Vec<&str> {
        self.positions.keys().map(String::as_str).collect()
    }

    pub(crate) fn heads(&self) -> &[String] {
        &self.heads
    }

    pub(crate) fn repeats(&self) -> usize {
        self.times.values().map(|times| times - 1).sum()
    }

    /// What came first stands in the log's order, tenant by tenant.
    pub(crate) fn assert_in_order(&self) {
        for (tenant, positions) in &self.positions {
            assert!(positions.is_sorted(), "{tenant} out of order");
        }
    }
}

/// A log with two tenants in it, and streams of it that run in this process.
pub(crate) struct Stand {
    pub(crate) bed: Bed,
    pub(crate) sealer: Sealer,
    pub(crate) ours: Principal,
    pub(crate) theirs: Principal,
    pub(crate) platform: Principal,
    files: tempfile::TempDir,
}

impl Stand {
    pub(crate) fn lay() -> Self {
        let bed = Bed::new();
        let (ours, theirs) = (bed.tenant(), bed.tenant());
        Self {
            sealer: Sealer::new(bed.db.clone(), bed.vault.clone()),
            bed,
            ours,
            theirs,
            platform: Principal::system(TenantId::PLATFORM, None),
            files: tempfile::tempdir().unwrap(),
        }
    }

    /// Streams that may reach these ports of this machine.
    pub(crate) fn siem(&self, ports: &[u16]) -> Siem {
        let config = EgressConfig {
            private_endpoints: ports
                .iter()
                .map(|port| format!("localhost:{port}").parse().unwrap())
                .collect(),
            connect_timeout_seconds: 5,
            ..EgressConfig::default()
        };
        let egress = Egress::new(config).unwrap();
        let files = SiemConfig {
            directory: self.files.path().to_owned(),
            ..SiemConfig::default()
        };
        Siem::new(
            &self.bed.db,
            &self.bed.vault,
            &egress,
            &files,
            "revkeep.example",
        )
    }

    pub(crate) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.files.path().join(name)).unwrap_or_default()
    }

    /// As many rows of both tenants, each hundred in turn.
    pub(crate) async fn write(&self, rows: usize) {
        let mut conn = connect(&self.bed.database, "revkeep_owner");
        for _ in 0..rows / 200 {
            for who in [&self.ours, &self.theirs] {
                conn.batch_execute(&rows_sql(who.tenant, 100)).unwrap();
            }
        }
        self.seal().await;
    }

    /// Seals everything that is there. What still runs elsewhere in the cluster holds it back.
    pub(crate) async fn seal(&self) {
        until("rows wait to be sealed", async || {
            seal_once(&self.bed.db, &self.sealer).await.unwrap();
            let loose = self.rows(
                "SELECT (SELECT count(*) FROM audit_log) - (SELECT count(*) FROM audit_leaves)",
            );
            if loose == ["0"] {
                Ok(())
            } else {
                Err(format!("{loose:?}"))
            }
        })
        .await;
    }

    /// The ids of the sealed entries as they stand in what is sent.
    pub(crate) fn ids(&self, of: &Principal) -> Vec<String> {
        let everybody = of.tenant == TenantId::PLATFORM;
        let which = if everybody {
            String::new()
        } else {
            format!(" WHERE tenant_id = '{}'", of.tenant.uuid())
        };
        self.rows(&format!(
            "SELECT replace(audit_id::text, '-', '') FROM audit_leaves{which}"
        ))
    }

    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        column(&mut connect(&self.bed.database, "revkeep_owner"), sql)
    }
}

pub(crate) fn input(transport: Transport, address: &str) -> TargetInput {
    TargetInput::new("Archive", transport, address)
}

/// Streams until it is dropped.
pub(crate) struct Streams(#[expect(dead_code, reason = "its end stops them")] watch::Sender<bool>);

pub(crate) fn streams(siem: &Siem) -> Streams {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(siem.clone().run("test".to_owned(), stopped));
    Streams(stop)
}

/// The only target, as an administrator sees it.
pub(crate) async fn shown(siem: &Siem, who: &Principal) -> Target {
    let mut targets = siem.target_list(who).await.unwrap();
    assert_eq!(targets.len(), 1);
    targets.remove(0)
}

pub(crate) async fn until_failing(siem: &Siem, who: &Principal) -> String {
    until("it does not fail", async || {
        let standing = shown(siem, who).await.standing;
        standing
            .last_error
            .ok_or_else(|| format!("{} sent", standing.sent))
    })
    .await
}
