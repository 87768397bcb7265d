//! A real OpenLDAP server on loopback, with TLS of its own authority and a small organisation in it. It dies
//! with the value that holds it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{ports, process, tls::TestCa};

const SLAPD: &str = "/usr/sbin/slapd";
const STARTED_WITHIN: Duration = Duration::from_secs(30);

pub const BASE: &str = "dc=corp,dc=example";
/// The service account, which may read everybody.
pub const ACCOUNT: &str = "cn=revkeep,dc=corp,dc=example";
pub const ACCOUNT_PASSWORD: &str = "Canary-service-account-1";
const ROOT: &str = "cn=root,dc=corp,dc=example";
const ROOT_PASSWORD: &str = "root";
/// Of everybody in the directory.
pub const PASSWORD: &str = "Canary-directory-7-battery";

/// Sales operators are a group of names; `ops` names ada, whose entry says so (the overlay memberof).
const PEOPLE: &str = "\
dn: dc=corp,dc=example
objectClass: domain
dc: corp

dn: cn=revkeep,dc=corp,dc=example
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: revkeep
userPassword: Canary-service-account-1

dn: ou=people,dc=corp,dc=example
objectClass: organizationalUnit
ou: people

dn: ou=moved,dc=corp,dc=example
objectClass: organizationalUnit
ou: moved

dn: ou=groups,dc=corp,dc=example
objectClass: organizationalUnit
ou: groups

dn: uid=ada,ou=people,dc=corp,dc=example
objectClass: inetOrgPerson
uid: ada
cn: Ada Lovelace
sn: Lovelace
displayName: Ada of the directory
mail: canary-ada.directory@acme.example
userPassword: Canary-directory-7-battery

dn: uid=bob,ou=people,dc=corp,dc=example
objectClass: inetOrgPerson
uid: bob
uid: robert
cn: Bob
sn: Babbage
mail: canary-bob.directory@acme.example
userPassword: Canary-directory-7-battery

dn: uid=twin,ou=people,dc=corp,dc=example
objectClass: inetOrgPerson
uid: twin
cn: Twin
sn: One
userPassword: Canary-directory-7-battery

dn: cn=other twin,ou=people,dc=corp,dc=example
objectClass: inetOrgPerson
uid: twin
cn: other twin
sn: Two
userPassword: Canary-directory-7-battery

dn: ou=elsewhere,ou=people,dc=corp,dc=example
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://localhost:9/ou=elsewhere,dc=other
";

const GROUPS: &str = "\
dn: cn=Ops,ou=groups,dc=corp,dc=example
changetype: add
objectClass: groupOfNames
cn: Ops
member: uid=ada,ou=people,dc=corp,dc=example
";

pub struct Slapd {
    process: Child,
    /// TLS from the first byte.
    pub ldaps: u16,
    /// StartTLS, or whatever a client says.
    pub ldap: u16,
    /// PEM of the authority that signed the server's certificate.
    pub authority: String,
    log_file: PathBuf,
    scratch: tempfile::TempDir,
}

impl Slapd {
    /// A server whose certificate is for `names`.
    pub async fn start(names: &[&str]) -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let directory = scratch.path();
        let ca = TestCa::new()?;
        ca.write(directory)?;
        ca.leaf(names)?.write(directory, "server")?;
        fs::create_dir(directory.join("data"))?;
        let config = directory.join("slapd.conf");
        fs::write(&config, configuration(directory))?;
        let people = directory.join("people.ldif");
        fs::write(&people, PEOPLE)?;
        let added = Command::new(SLAPD)
            .args(["-T", "add", "-q", "-f"])
            .arg(&config)
            .arg("-l")
            .arg(&people)
            .output()
            .context("slapd cannot be started: run ./dev setup")?;
        ensure!(
            added.status.success(),
            "slapadd: {}",
            String::from_utf8_lossy(&added.stderr)
        );
        let (ldaps, ldap) = (ports::free()?, ports::free()?);
        let log_file = directory.join("slapd.log");
        let mut command = Command::new(SLAPD);
        // 256: connections, operations and results, a line each.
        command
            .args(["-d", "256", "-f"])
            .arg(&config)
            .arg("-h")
            .arg(format!("ldaps://127.0.0.1:{ldaps} ldap://127.0.0.1:{ldap}"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log_file)?);
        let server = Self {
            process: process::spawn(command, libc::SIGKILL)?,
            ldaps,
            ldap,
            authority: String::from_utf8(ca.pem()?)?,
            log_file,
            scratch,
        };
        server.started().await?;
        server.modify(GROUPS)?;
        Ok(server)
    }

    async fn started(&self) -> Result<()> {
        let mut tick = tokio::time::interval(Duration::from_millis(25));
        let waiting = async {
            while !self.log().contains("slapd starting") {
                tick.tick().await;
            }
        };
        if tokio::time::timeout(STARTED_WITHIN, waiting).await.is_err() {
            bail!("slapd did not start:\n{}", self.log());
        }
        Ok(())
    }

    /// The same as [`Self::authority`].
    pub fn authority_file(&self) -> PathBuf {
        self.scratch.path().join("ca.pem")
    }

    /// Changes the directory by LDIF (RFC 2849), as its root.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        let mut command = Command::new("ldapmodify");
        command
            .args(["-x", "-D", ROOT, "-w", ROOT_PASSWORD, "-H"])
            .arg(format!("ldaps://localhost:{}", self.ldaps))
            .env("LDAPTLS_CACERT", self.authority_file())
            // The name in the certificate may be another one on purpose.
            .env("LDAPTLS_REQCERT", "allow")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .context("ldapmodify cannot be started: run ./dev setup")?;
        child
            .stdin
            .take()
            .context("ldapmodify has no input")?
            .write_all(ldif.as_bytes())?;
        let done = child.wait_with_output()?;
        ensure!(
            done.status.success(),
            "ldapmodify: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }

    /// What the server has written about connections and operations: of each before it answers, and of its
    /// end at some time after.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log_file).unwrap_or_default()
    }

    /// How often somebody has tried to bind as `dn`.
    pub fn binds(&self, dn: &str) -> usize {
        let wanted = format!(" BIND dn=\"{dn}\" method=128");
        self.log()
            .lines()
            .filter(|line| line.ends_with(&wanted))
            .count()
    }

    /// How many connections there were, and how often somebody has tried to bind.
    pub fn heard(&self) -> (usize, usize) {
        let log = self.log();
        let lines = |end: &dyn Fn(&str) -> bool| log.lines().filter(|line| end(line)).count();
        (
            lines(&|line| line.contains(" ACCEPT from ")),
            lines(&|line| line.ends_with(" method=128")),
        )
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(directory: &Path) -> String {
    let at = |name: &str| directory.join(name).display().to_string();
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         moduleload memberof\n\
         pidfile {}\n\
         TLSCertificateFile {}\n\
         TLSCertificateKeyFile {}\n\
         # Who asks for a base that is not here is sent elsewhere.\n\
         referral ldap://localhost:9\n\
         database mdb\n\
         maxsize 16777216\n\
         suffix {BASE}\n\
         rootdn {ROOT}\n\
         rootpw {ROOT_PASSWORD}\n\
         directory {}\n\
         index objectClass,uid eq\n\
         overlay memberof\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to * by users read by * none\n",
        at("slapd.pid"),
        at("server.pem"),
        at("server.key"),
        at("data"),
    )
}
