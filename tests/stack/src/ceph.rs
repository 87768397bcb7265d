//! A real S3 on loopback: Ceph's gateway over a cluster of one monitor, one manager and one store in memory. It dies
//! with the value that holds it.
//!
//! What Ceph wants of a cluster this small: cephx (the gateway refuses to do without), one replica, placement by
//! device rather than by host.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{ports, process, tls::TestCa};

const STARTED_WITHIN: Duration = Duration::from_secs(120);
const REGION: &str = "default";

/// A bucket's owner.
pub const ACCESS_KEY: &str = "REVKEEPTESTSACCESS01";
pub const SECRET_KEY: &str = "a-secret-key-of-the-tests-4711";

pub struct Ceph {
    processes: Vec<Child>,
    pub port: u16,
    /// PEM of the authority that signed the gateway's certificate.
    pub ca_file: PathBuf,
    scratch: tempfile::TempDir,
}

impl Ceph {
    pub async fn start() -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let ca = TestCa::new()?;
        let ca_file = ca.write(scratch.path())?;
        let mut ceph = Self {
            processes: Vec::new(),
            port: ports::free()?,
            ca_file,
            scratch,
        };
        let begun = ceph.begin(&ca).await;
        begun.with_context(|| ceph.log_tail())?;
        Ok(ceph)
    }

    /// `https://localhost:PORT`.
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub fn region(&self) -> &'static str {
        REGION
    }

    async fn begin(&mut self, ca: &TestCa) -> Result<()> {
        let directory = self.scratch.path().to_owned();
        let at = |name: &str| directory.join(name).display().to_string();
        for name in ["mon", "mgr", "osd", "rgw", "run", "log"] {
            fs::create_dir(directory.join(name))?;
        }
        let monitor = format!("[v2:127.0.0.1:{}]", ports::free()?);
        let fsid = uuid::Uuid::now_v7().to_string();
        let leaf = ca
            .leaf(&["localhost", "127.0.0.1"])?
            .write(&directory, "gateway")?;
        let gateway = format!(
            "beast ssl_endpoint=127.0.0.1:{} ssl_certificate={} ssl_private_key={}",
            self.port,
            leaf.certificate.display(),
            leaf.key.display()
        );
        let text = configuration(&directory, &fsid, &monitor, &gateway);
        fs::write(directory.join("ceph.conf"), text)?;
        let keyring = at("keyring");
        let tool = |arguments: &[&str]| self.tool("ceph-authtool", arguments);
        tool(&[
            "--create-keyring",
            &keyring,
            "--gen-key",
            "-n",
            "mon.",
            "--cap",
            "mon",
            "allow *",
        ])?;
        for name in ["client.admin", "mgr.x", "client.rgw"] {
            tool(&[
                &keyring,
                "--gen-key",
                "-n",
                name,
                "--cap",
                "mon",
                "allow *",
                "--cap",
                "osd",
                "allow *",
                "--cap",
                "mgr",
                "allow *",
            ])?;
        }
        let map = at("monmap");
        self.tool(
            "monmaptool",
            &["--create", "--addv", "a", &monitor, "--fsid", &fsid, &map],
        )?;
        let made = ["-i", "a", "--mkfs", "--monmap", &map, "--keyring", &keyring];
        self.tool("ceph-mon", &made)?;
        self.spawn("ceph-mon", &["-f", "-i", "a"])?;
        self.spawn("ceph-mgr", &["-f", "-i", "x"])?;
        self.store(&keyring)?;
        self.spawn("radosgw", &["-f", "-n", "client.rgw"])?;
        self.listens().await?;
        self.tool(
            "radosgw-admin",
            &[
                "user",
                "create",
                "--uid=backup",
                "--display-name=Backup",
                "--access-key",
                ACCESS_KEY,
                "--secret-key",
                SECRET_KEY,
            ],
        )
        .map(drop)
    }

    /// The one store.
    fn store(&mut self, keyring: &str) -> Result<()> {
        let id = uuid::Uuid::now_v7().to_string();
        let key = self.tool("ceph-authtool", &["--gen-print-key"])?;
        let file = self.scratch.path().join("osd.json");
        fs::write(
            &file,
            serde_json::json!({ "cephx_secret": key }).to_string(),
        )?;
        let number = self.tool(
            "ceph",
            &["osd", "new", &id, "-i", &file.display().to_string()],
        )?;
        let name = format!("osd.{number}");
        self.tool("ceph-authtool", &[keyring, "-n", &name, "--add-key", &key])?;
        self.tool("ceph-osd", &["-i", &number, "--mkfs", "--osd-uuid", &id])?;
        self.tool(
            "ceph",
            &["osd", "crush", "add", &name, "1.0", "root=default"],
        )?;
        self.spawn("ceph-osd", &["-f", "-i", &number])
    }

    /// Runs a tool to its end; what it printed.
    fn tool(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let limit = STARTED_WITHIN.as_secs().to_string();
        let run = Command::new("timeout")
            .args([&limit, program])
            .args(arguments)
            .env("CEPH_CONF", self.scratch.path().join("ceph.conf"))
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{program} cannot be started: ./dev setup installs it"))?;
        ensure!(
            run.status.success(),
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
        Ok(String::from_utf8(run.stdout)?.trim().to_owned())
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) -> Result<()> {
        let log = File::create(self.scratch.path().join(format!("log/{program}.out")))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("CEPH_CONF", self.scratch.path().join("ceph.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.processes.push(process::spawn(command, libc::SIGKILL)?);
        Ok(())
    }

    async fn listens(&mut self) -> Result<()> {
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        #[expect(clippy::disallowed_methods, reason = "looks whether it listens")]
        tokio::time::timeout(STARTED_WITHIN, async {
            loop {
                tick.tick().await;
                for process in &mut self.processes {
                    if let Some(status) = process.try_wait()? {
                        bail!("a part of Ceph ended: {status}");
                    }
                }
                if tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                    .await
                    .is_ok()
                {
                    return Ok(());
                }
            }
        })
        .await
        .context("Ceph's gateway did not begin to listen")?
    }

    fn log_tail(&self) -> String {
        let mut told = String::from("what Ceph said at the end:");
        let logs = fs::read_dir(self.scratch.path().join("log"));
        for log in logs.into_iter().flatten().flatten() {
            let text = fs::read(log.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let tail: Vec<&str> = text.lines().rev().take(8).collect();
            told.push_str(&format!("\n{}:\n{}", log.path().display(), tail.join("\n")));
        }
        told
    }
}

impl Drop for Ceph {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Both fail only when the process is already gone, which is what is wanted.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn configuration(directory: &Path, fsid: &str, monitor: &str, gateway: &str) -> String {
    let d = directory.display();
    format!(
        "[global]\nfsid = {fsid}\nmon host = {monitor}\nmon initial members = a\n\
         public network = 127.0.0.0/8\ncluster network = 127.0.0.0/8\n\
         auth cluster required = cephx\nauth service required = cephx\nauth client required = cephx\n\
         keyring = {d}/keyring\nrun dir = {d}/run\nadmin socket = {d}/run/$name.$pid.asok\nlog file = {d}/log/$name.log\n\
         osd pool default size = 1\nosd pool default min size = 1\nosd pool default pg num = 4\n\
         osd pool default pg autoscale mode = off\nosd crush chooseleaf type = 0\nmon allow pool size one = true\n\
         mon warn on pool no redundancy = false\nmon data = {d}/mon\nmgr data = {d}/mgr\nosd data = {d}/osd\n\
         osd objectstore = memstore\nmemstore device bytes = 1073741824\nmon data avail crit = 1\n\
         mgr initial modules =\nmgr disabled modules = dashboard restful prometheus cephadm\n\
         [client.rgw]\nkeyring = {d}/keyring\nrgw frontends = {gateway}\nrgw data = {d}/rgw\n\
         rgw run sync thread = false\nrgw enable usage log = false\nrgw dns name = localhost\n"
    )
}
