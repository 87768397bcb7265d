//! Everything that a daemon lives among, on loopback: PostgreSQL, OpenBao, Salesforce, a mail server,
//! and one certificate authority that all of them trust.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use age::secrecy::ExposeSecret;
use anyhow::{Context, Result, ensure};
use simulators::Admin;

use crate::{
    accounts::{self, Account, account},
    daemon::{Daemon, DaemonOptions},
    mail::MailServer,
    openbao::{AppRole, OpenBao, Storage, TokenLife},
    ports,
    postgres::{Durability, Postgres},
    scratch::{Scratch, directory},
    simulator::{Place, Simulator, built},
    tls::TestCa,
};

const POLICY: &str = include_str!("../../../config/vault/revkeep-policy.hcl");
pub const ADMIN_TOKEN: &str = "simulator-admin";

/// The servers, and what a daemon needs to know of them. Fields are dropped in order: daemons that
/// are still there should be dropped before.
pub struct World {
    pub postgres: Postgres,
    pub openbao: OpenBao,
    pub simulator: Simulator,
    pub salesforce: Admin,
    pub mail: MailServer,
    pub ca_file: PathBuf,
    /// The administrator's key of backups, which no daemon knows.
    pub backup_identity: PathBuf,
    backup_recipient: String,
    program: PathBuf,
    role: AppRole,
    account: Account,
    scratch: Scratch,
}

impl World {
    /// Starts all servers, prepares the database with the daemon's own `setup`.
    pub async fn start(durability: Durability) -> Result<Self> {
        Self::start_with(durability, Place::Inside).await
    }

    /// The same, with the simulator where `place` says.
    pub async fn start_with(durability: Durability, place: Place) -> Result<Self> {
        let scratch = Scratch::new()?;
        let account = account(accounts::DAEMON)?;
        let ca = TestCa::new()?;
        let ca_file = ca.write(scratch.path())?;
        let leaf = ca.leaf(&["localhost", "127.0.0.1"])?;
        leaf.write(scratch.path(), "server")?;
        // The daemon runs as its own user and reads its key.
        for name in ["server.pem", "server.key"] {
            let path = scratch.path().join(name);
            std::os::unix::fs::chown(&path, Some(account.uid), Some(account.gid))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        }
        let simulator = Simulator::start(place, scratch.path(), ADMIN_TOKEN)?;
        let salesforce = simulator.admin(ADMIN_TOKEN, &ca.pem()?)?;
        let openbao = OpenBao::start(Storage::Memory).await?;
        let role = openbao
            .provision("revkeep", POLICY, TokenLife::default())
            .await?;
        let key = age::x25519::Identity::generate();
        let backup_identity = scratch.path().join("backup-identity");
        fs::write(&backup_identity, key.to_string().expose_secret())?;
        let world = Self {
            backup_identity,
            backup_recipient: key.to_public().to_string(),
            postgres: Postgres::start(durability)?,
            openbao,
            simulator,
            salesforce,
            mail: MailServer::start(scratch.path())?,
            ca_file,
            program: program(scratch.path())?,
            role,
            account,
            scratch,
        };
        world.prepare_database("")?;
        Ok(world)
    }

    /// Starts a daemon and waits until it is ready to serve.
    pub async fn daemon(&self, options: DaemonOptions) -> Result<Daemon> {
        let port = match options.port {
            Some(port) => port,
            None => ports::free()?,
        };
        let home = directory(self.scratch.path(), &format!("daemon-{port}"), self.account)?;
        let config = self.write_config(&home, port, &options)?;
        Daemon::start(
            &self.program,
            &config,
            &home,
            port,
            &self.ca_file,
            self.account,
            &options,
        )
        .await
    }

    /// Starts a daemon on the configuration that is in `home` already.
    pub async fn serve(&self, home: &Path, port: u16) -> Result<Daemon> {
        Daemon::start(
            &self.program,
            &home.join("revkeep.toml"),
            home,
            port,
            &self.ca_file,
            self.account,
            &DaemonOptions::default(),
        )
        .await
    }

    /// The host and port under which the daemon reaches Salesforce.
    pub fn salesforce_host(&self) -> String {
        self.simulator.url.trim_start_matches("https://").to_owned()
    }

    /// A connection string for a database role, for this process's account.
    pub fn dsn(&self, role: &str) -> String {
        self.postgres.dsn(role, "revkeep")
    }

    /// A directory that the daemon's account may read, for a test's own files.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Runs the daemon's own `setup`, with a configuration in which `instead` wins.
    pub fn prepare_database(&self, instead: &str) -> Result<()> {
        let home = directory(self.scratch.path(), "setup", self.account)?;
        let options = DaemonOptions {
            instead: instead.to_owned(),
            ..DaemonOptions::default()
        };
        let config = self.write_config(&home, 0, &options)?;
        let run = Command::new(&self.program)
            .args(["setup", "--database-as", "postgres", "--json", "--config"])
            .arg(&config)
            .output()
            .context("revkeep cannot be started: cargo build -p revkeep")?;
        ensure!(
            run.status.success(),
            "revkeep setup failed: {}{}",
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr)
        );
        Ok(())
    }

    fn write_config(&self, home: &Path, port: u16, options: &DaemonOptions) -> Result<PathBuf> {
        let secret_id = home.join("secret-id");
        fs::write(&secret_id, &self.role.secret_id)?;
        // Set-up reads it as root, the daemon as itself.
        if port != 0 {
            std::os::unix::fs::chown(&secret_id, Some(self.account.uid), Some(self.account.gid))?;
        }
        fs::set_permissions(&secret_id, fs::Permissions::from_mode(0o600))?;
        let (scratch, salesforce) = (self.scratch.path(), self.salesforce_host());
        let mail = format!("localhost:{}", self.mail.port);
        let more = &options.more;
        // All daemons of a world have one, as those of one database must.
        let exports = self.scratch.path().join("exports");
        fs::create_dir_all(&exports)?;
        std::os::unix::fs::chown(&exports, Some(self.account.uid), Some(self.account.gid))?;
        let mut endpoints = vec![salesforce.clone(), mail.clone()];
        endpoints.extend(options.endpoints.iter().cloned());
        let text = format!(
            "[site]\npublic_url = \"https://localhost:{port}\"\n\n\
             [server]\nlisten = \"127.0.0.1:{port}\"\ncertificate = {:?}\nprivate_key = {:?}\n\
             metrics_listen = \"127.0.0.1:{}\"\nshutdown_seconds = 5\nsign_ins_per_minute = 6000\nrequests_per_minute = 60000\n\n\
             [admin]\nsocket = {:?}\n\n\
             [database]\nhost = {:?}\nname = \"revkeep\"\n\n\
             [secrets]\nbackend = \"vault\"\n[secrets.vault]\naddress = {:?}\nca_file = {:?}\nrole_id = {:?}\nsecret_id = {{ file = {:?} }}\n\n\
             [egress]\nca_file = {:?}\nprivate_endpoints = {endpoints:?}\n\n\
             [salesforce]\ndeclared_hosts = [{salesforce:?}]\n\n\
             [export]\ndirectory = {exports:?}\n\n\
             [backup]\ndirectory = {:?}\nrecipients = [{:?}]\naccount = {:?}\nmachine_key = {{ file = {:?} }}\n\n\
             [mail]\nserver = {mail:?}\nfrom = \"Revkeep <revkeep@acme.example>\"\n\n\
             [log]\ntarget = \"terminal\"\n\n{more}",
            scratch.join("server.pem"),
            scratch.join("server.key"),
            ports::free()?,
            home.join("admin.sock"),
            self.postgres.socket_directory(),
            self.openbao.address(),
            self.openbao.ca_file(),
            self.role.role_id,
            secret_id,
            self.ca_file,
            scratch.join("backups"),
            self.backup_recipient,
            accounts::own_name()?,
            scratch.join("machine-key"),
        );
        let path = home.join("revkeep.toml");
        fs::write(&path, text)?;
        let further = home.join("conf.d");
        fs::create_dir_all(&further)?;
        fs::write(further.join("instead.toml"), &options.instead)?;
        Ok(path)
    }
}

/// This build's daemon, put where its account may start it: a home directory keeps others out.
fn program(scratch: &Path) -> Result<PathBuf> {
    let built = built("revkeep")?;
    let program = scratch.join("revkeep");
    if fs::hard_link(&built, &program).is_err() {
        fs::copy(&built, &program)?;
    }
    Ok(program)
}
