//! A real rsyslog on loopback that writes down what it receives, a line for each message. It dies with the
//! value that holds it.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{ports, process, tls::TestCa};

const RSYSLOGD: &str = "/usr/sbin/rsyslogd";
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// What it listens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// RFC 5425; a client's certificate is not asked for.
    Tls,
    /// RFC 5425, from clients whose certificate the authority signed.
    TlsWithCertificates,
    Tcp,
    Udp,
    /// Confirmed when it is written.
    Relp,
    /// The same over TLS, from clients whose certificate the authority signed: librelp asks for one.
    RelpTls,
}

pub struct Rsyslog {
    input: Input,
    process: Option<Child>,
    pub port: u16,
    /// PEM of the authority that signed the server's certificate.
    pub authority: String,
    /// A client's certificate and key by the same authority, PEM.
    pub client: (String, String),
    scratch: tempfile::TempDir,
    /// How far [`Rsyslog::received`] has read.
    read: u64,
}

impl Rsyslog {
    /// A receiver whose certificate is for `names`.
    pub async fn start(input: Input, names: &[&str]) -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let directory = scratch.path();
        let ca = TestCa::new()?;
        ca.write(directory)?;
        ca.leaf(names)?.write(directory, "server")?;
        let client = ca.client("revkeep")?;
        let port = ports::free()?;
        fs::write(
            directory.join("rsyslog.conf"),
            configuration(directory, input, port),
        )?;
        let mut server = Self {
            input,
            process: None,
            port,
            authority: String::from_utf8(ca.pem()?)?,
            client: (
                String::from_utf8(client.certificate)?,
                String::from_utf8(client.key)?,
            ),
            scratch,
            read: 0,
        };
        server.up().await?;
        Ok(server)
    }

    /// Starts it again after [`Rsyslog::down`] or [`Rsyslog::kill`].
    pub async fn up(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "rsyslogd runs already");
        let directory = self.scratch.path();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(directory.join("rsyslogd.log"))?;
        let mut command = Command::new(RSYSLOGD);
        command
            .args(["-n", "-f"])
            .arg(directory.join("rsyslog.conf"))
            .arg("-i")
            .arg(directory.join("rsyslogd.pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = process::spawn(command, libc::SIGKILL)
            .context("rsyslogd cannot be started: run ./dev setup")?;
        self.process = Some(child);
        self.listens().await
    }

    async fn listens(&mut self) -> Result<()> {
        let mut tick = tokio::time::interval(Duration::from_millis(25));
        let (port, directory) = (self.port, self.scratch.path().to_owned());
        let waiting = async {
            loop {
                tick.tick().await;
                let listens = match self.input {
                    Input::Udp => listed("/proc/net/udp", port),
                    _ => listed("/proc/net/tcp", port),
                };
                if listens {
                    return;
                }
            }
        };
        if tokio::time::timeout(STARTED_WITHIN, waiting).await.is_err() {
            let log = fs::read_to_string(directory.join("rsyslogd.log")).unwrap_or_default();
            bail!("rsyslogd did not start:\n{log}");
        }
        Ok(())
    }

    /// Ends it as systemd would.
    pub fn down(&mut self) -> Result<()> {
        self.end(libc::SIGTERM)
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) -> Result<()> {
        self.end(libc::SIGKILL)
    }

    fn end(&mut self, signal: libc::c_int) -> Result<()> {
        if let Some(mut child) = self.process.take() {
            process::signal(&child, signal);
            child.wait()?;
        }
        Ok(())
    }

    /// The whole lines that were written since the last question: message id, structured data, message.
    pub fn received(&mut self) -> Result<Vec<String>> {
        let Ok(mut file) = fs::File::open(self.scratch.path().join("received.log")) else {
            return Ok(Vec::new());
        };
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        bytes.truncate(whole);
        self.read += u64::try_from(whole)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().map(str::to_owned).collect())
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Whether a socket of this machine listens on the port, as the kernel lists them.
fn listed(table: &str, port: u16) -> bool {
    let local = format!("0100007F:{port:04X} ");
    fs::read_to_string(table).is_ok_and(|text| {
        text.lines()
            .any(|line| line.contains(&format!(" {local}00000000:0000")))
    })
}

fn configuration(directory: &Path, input: Input, port: u16) -> String {
    let at = |name: &str| -> PathBuf { directory.join(name) };
    let tls = |mode: &str| {
        format!(
            "global(DefaultNetstreamDriver=\"gtls\" DefaultNetstreamDriverCAFile={:?} DefaultNetstreamDriverCertFile={:?} DefaultNetstreamDriverKeyFile={:?})\n\
             module(load=\"imtcp\" StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"{mode}\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n",
            at("ca.pem"),
            at("server.pem"),
            at("server.key"),
        )
    };
    // Without a queue a message is written before it is confirmed.
    let relp = |more: &str| {
        format!(
            "main_queue(queue.type=\"Direct\")\nmodule(load=\"imrelp\")\ninput(type=\"imrelp\" address=\"127.0.0.1\" port=\"{port}\"{more})\n"
        )
    };
    let listens = match input {
        Input::Tls => tls("anon"),
        Input::TlsWithCertificates => tls("x509/certvalid"),
        Input::Tcp => format!(
            "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n"
        ),
        Input::Udp => format!(
            "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")\n"
        ),
        Input::Relp => relp(""),
        Input::RelpTls => relp(&format!(
            " tls=\"on\" tls.authMode=\"certvalid\" tls.caCert={:?} tls.myCert={:?} tls.myPrivKey={:?}",
            at("ca.pem"),
            at("server.pem"),
            at("server.key"),
        )),
    };
    format!(
        "global(workDirectory={directory:?} maxMessageSize=\"64k\")\n\
         {listens}\
         template(name=\"line\" type=\"string\" string=\"%msgid% %structured-data% %msg%\\n\")\n\
         if $app-name == \"revkeep\" then action(type=\"omfile\" file={:?} template=\"line\")\n",
        at("received.log"),
    )
}
