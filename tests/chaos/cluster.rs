//! Three PostgreSQL nodes under Patroni and one etcd, on loopback addresses of their own, from the very
//! configuration that is shipped as the example.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use db::{DbConfig, Standing};
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types::BigInt,
};
use serde_json::Value;
use stack::{
    accounts::{self, Account, account},
    process,
    scratch::{Scratch, directory},
    tls::TestCa,
};

use crate::certificates::{client, config, config_of_owner, section, write_leaf};

const TEMPLATE: &str = include_str!("../../packaging/ha/patroni.yml");
pub(crate) const NODES: u8 = 3;
const WHOLE_WITHIN: Duration = Duration::from_secs(120);
/// Patroni is Python's; it runs as the account of PostgreSQL, which may not look into somebody's home.
const PYTHON: &str = "/usr/bin/python3";

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// PostgreSQL alone: Patroni is there to see it.
    Server,
    /// PostgreSQL and Patroni, as when a machine dies: etcd finds out when the lease runs out.
    Node,
}

/// The nodes, in order of their addresses.
pub(crate) struct Cluster {
    nodes: Vec<Node>,
    etcd: Child,
    /// Shows the nodes' certificate, without which Patroni answers nobody.
    client: reqwest::Client,
    account: Account,
    packages: PathBuf,
    pub(crate) config: DbConfig,
    owner: DbConfig,
    scratch: Scratch,
}

struct Node {
    home: PathBuf,
    patroni: Option<Child>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Cluster {
    /// `packages` is the folder in which Patroni lies, as Python packages.
    pub(crate) async fn start(packages: &Path) -> Result<Self> {
        let (account, scratch) = (account(accounts::POSTGRES)?, Scratch::new()?);
        let ca = TestCa::new()?;
        ca.write(scratch.path())?;
        let daemon = accounts::account(accounts::DAEMON)?;
        let config = config(scratch.path(), &ca, "revkeep", daemon)?;
        // libpq wants a key to be its user's or root's; set-up is root's.
        let owner = config_of_owner(scratch.path(), &ca)?;
        let own = scratch.path().join("packages");
        copy(packages, &own)?;
        let mut cluster = Self {
            nodes: Vec::new(),
            etcd: etcd(scratch.path())?,
            client: client(&ca)?,
            account,
            packages: own,
            config,
            owner,
            scratch,
        };
        for number in 1..=NODES {
            cluster.add(number, &ca)?;
        }
        cluster.wait_whole().await?;
        Ok(cluster)
    }

    /// `[database]` of set-up's configuration: it comes as the owner.
    pub(crate) fn setup_section(&self) -> Result<String> {
        section(&self.owner)
    }

    /// The same of a daemon's.
    pub(crate) fn daemon_section(&self) -> Result<String> {
        section(&self.config)
    }

    /// The node that takes writes.
    pub(crate) fn primary(&self) -> Option<usize> {
        db::servers(&self.config)
            .iter()
            .position(|server| server.standing == Standing::Primary)
    }

    /// Kills, without a warning, what the primary's node runs. Answers which.
    pub(crate) fn kill_primary(&mut self, blow: Blow) -> Result<usize> {
        let victim = self.primary().context("no server takes writes")?;
        let node = self
            .nodes
            .get_mut(victim)
            .context("there is no such node")?;
        if blow == Blow::Node
            && let Some(mut patroni) = node.patroni.take()
        {
            patroni.kill()?;
            patroni.wait()?;
        }
        let pid = fs::read_to_string(node.home.join("data/postmaster.pid"))?;
        let pid: libc::pid_t = pid.lines().next().unwrap_or_default().trim().parse()?;
        #[expect(unsafe_code, reason = "kill(2) on our own PostgreSQL")]
        let killed = unsafe { libc::kill(pid, libc::SIGKILL) };
        ensure!(killed == 0, "PostgreSQL could not be killed");
        Ok(victim)
    }

    /// Starts what a blow left dead, as systemd does, and waits until the cluster could bear the next.
    pub(crate) async fn repair(&mut self) -> Result<()> {
        for number in 0..self.nodes.len() {
            if self
                .nodes
                .get(number)
                .is_some_and(|node| node.patroni.is_none())
            {
                self.start_patroni(number)?;
            }
        }
        self.wait_whole().await
    }

    /// Until Patroni itself names a standby that has every commit. PostgreSQL waits for one before that, but
    /// without its name in etcd nobody may be promoted.
    async fn wait_whole(&self) -> Result<()> {
        let deadline = Instant::now() + WHOLE_WITHIN;
        let mut tick = tokio::time::interval(Duration::from_millis(500));
        loop {
            tick.tick().await;
            let members = self.members().await.unwrap_or_default();
            if is_whole(&members) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "the cluster is not whole within {WHOLE_WITHIN:?}: {members:?}\n{}",
                self.log()
            );
        }
    }

    /// What the first Patroni that answers says of the cluster, as (role, state).
    async fn members(&self) -> Result<Vec<(String, String)>> {
        for number in 1..=NODES {
            let asked = self
                .client
                .get(format!("https://{}:8008/cluster", address(number)))
                .send()
                .await;
            let Ok(answer) = asked else { continue };
            let cluster: Value = answer.json().await?;
            let text = |member: &Value, key: &str| {
                let text = member.get(key).and_then(Value::as_str);
                text.unwrap_or_default().to_owned()
            };
            let members = cluster.get("members").and_then(Value::as_array);
            return Ok(members
                .into_iter()
                .flatten()
                .map(|member| (text(member, "role"), text(member, "state")))
                .collect());
        }
        anyhow::bail!("no Patroni answers")
    }

    /// A number that the primary answers.
    pub(crate) fn count(&self, sql: &str) -> Result<i64> {
        let mut conn = PgConnection::establish(&self.owner_dsn())?;
        #[expect(clippy::disallowed_methods, reason = "a test asks the database itself")]
        let count: Count = sql_query(sql).get_result(&mut conn)?;
        Ok(count.n)
    }

    fn owner_dsn(&self) -> String {
        let file = |path: &Option<String>| path.clone().unwrap_or_default();
        format!(
            "host={} port={} dbname=revkeep user=postgres sslmode=verify-full sslrootcert={} sslcert={} sslkey={} \
             target_session_attrs=read-write connect_timeout=2",
            self.owner.host,
            self.owner.port,
            file(&self.owner.tls_ca),
            file(&self.owner.tls_certificate),
            file(&self.owner.tls_key)
        )
    }

    fn add(&mut self, number: u8, ca: &TestCa) -> Result<()> {
        let home = directory(self.scratch.path(), &format!("db{number}"), self.account)?;
        for below in ["tls", "run"] {
            directory(&home, below, self.account)?;
        }
        let tls = home.join("tls");
        fs::write(tls.join("ca.pem"), ca.pem()?)?;
        write_leaf(&ca.leaf(&[&address(number)])?, &tls, "node", self.account)?;
        write_leaf(&ca.client("patroni")?, &tls, "client", self.account)?;
        let text = TEMPLATE
            .replace("name: db1", &format!("name: db{number}"))
            .replace("192.0.2.11", &address(number))
            .replace(
                "192.0.2.21:2379,192.0.2.22:2379,192.0.2.23:2379",
                &format!("{}:2379", address(0)),
            )
            .replace("protocol: https", "protocol: http")
            .replace("/etc/patroni/tls", &tls.display().to_string())
            .replace(
                "/var/run/postgresql",
                &home.join("run").display().to_string(),
            )
            .replace(
                "/var/lib/postgresql/15/revkeep",
                &home.join("data").display().to_string(),
            )
            .replace(
                "revkeep  postgres       postgres",
                &format!("revkeep  {}  postgres", accounts::POSTGRES),
            );
        fs::write(home.join("patroni.yml"), text)?;
        self.nodes.push(Node {
            home,
            patroni: None,
        });
        self.start_patroni(self.nodes.len().saturating_sub(1))
    }

    fn start_patroni(&mut self, number: usize) -> Result<()> {
        let node = self
            .nodes
            .get_mut(number)
            .context("there is no such node")?;
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(node.home.join("patroni.log"))?;
        let mut command = Command::new(PYTHON);
        command
            .args(["-m", "patroni"])
            .arg(node.home.join("patroni.yml"))
            .env("PYTHONPATH", &self.packages)
            .env("HOME", &node.home)
            .current_dir("/")
            .uid(self.account.uid)
            .gid(self.account.gid)
            .stdout(log.try_clone()?)
            .stderr(log);
        node.patroni =
            Some(process::spawn(command, libc::SIGTERM).context("Patroni cannot be started")?);
        Ok(())
    }

    /// The end of what each node logged.
    pub(crate) fn log(&self) -> String {
        let tail = |node: &Node| {
            let log = fs::read_to_string(node.home.join("patroni.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().rev().take(15).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        self.nodes.iter().map(tail).collect::<Vec<_>>().join("\n\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Patroni stops its PostgreSQL when it is told to stop.
        for node in &self.nodes {
            if let Some(patroni) = &node.patroni {
                process::signal(patroni, libc::SIGTERM);
            }
        }
        for node in &mut self.nodes {
            if let Some(mut patroni) = node.patroni.take() {
                let _ = patroni.wait();
            }
        }
        let _ = self.etcd.kill();
        let _ = self.etcd.wait();
    }
}

/// Of node `number`; 0 is etcd's. Another run on this machine has others.
pub(crate) fn address(number: u8) -> String {
    let run = std::process::id();
    let part = |at: u32| run.wrapping_shr(at) % 200 + 20;
    format!("127.{}.{}.{}", part(8), part(0), 10 + number)
}

/// One takes writes, two follow it, and one of them has every commit.
fn is_whole(members: &[(String, String)]) -> bool {
    let of = |role: &str, state: &str| {
        members
            .iter()
            .filter(|(is, stands)| is == role && stands == state)
            .count()
    };
    of("leader", "running") == 1
        && of("sync_standby", "streaming") == 1
        && of("replica", "streaming") == usize::from(NODES).saturating_sub(2)
}

fn etcd(scratch: &Path) -> Result<Child> {
    let log = fs::File::create(scratch.join("etcd.log"))?;
    let (clients, peers) = (
        format!("http://{}:2379", address(0)),
        format!("http://{}:2380", address(0)),
    );
    let mut command = Command::new("etcd");
    command
        .arg("--data-dir")
        .arg(scratch.join("etcd"))
        .args([
            "--listen-client-urls",
            &clients,
            "--advertise-client-urls",
            &clients,
        ])
        .args([
            "--listen-peer-urls",
            &peers,
            "--initial-advertise-peer-urls",
            &peers,
        ])
        .args(["--initial-cluster", &format!("default={peers}")])
        .stdout(log.try_clone()?)
        .stderr(log);
    process::spawn(command, libc::SIGKILL)
        .context("etcd cannot be started: apt-get install etcd-server")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status()?;
    ensure!(copied.success(), "{} cannot be copied", from.display());
    Ok(())
}
