//! The `[secrets]` section of the configuration. It names places, never values (CX-21).

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

/// Which backend keeps the keys. The section of the other one may be there; it is not read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub backend: Choice,
    #[serde(default)]
    pub vault: Option<VaultConfig>,
    #[serde(default)]
    pub local: Option<LocalConfig>,
}

impl Config {
    /// The one secret that this machine gives the daemon: what opens the backend.
    #[must_use]
    pub fn opener(&self) -> Option<&PrivateFile> {
        match self.backend {
            Choice::Vault => self.vault.as_ref().map(|vault| &vault.secret_id),
            Choice::Local => self.local.as_ref().map(|local| &local.key),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Vault or OpenBao.
    Vault,
    /// A keystore file on this machine.
    Local,
}

/// A file that only this daemon may read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivateFile {
    /// A file that systemd puts in place for the unit (`LoadCredential=`), by its full path.
    /// systemd may grant the read through an access list, which shows as a group's read bit.
    Credential(PathBuf),
    /// A file of mode 0600 or 0400 that belongs to the daemon's user.
    File(PathBuf),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultConfig {
    /// `https://host:port`. Plain http is accepted on loopback only.
    pub address: Url,
    /// PEM file of the authority that signs the server's certificate; the system's when absent.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The AppRole's role id. It names the daemon; alone it admits nobody.
    pub role_id: String,
    /// Holds the AppRole's secret id. Read again at every login, so it can be replaced while
    /// the daemon runs.
    pub secret_id: PrivateFile,
    /// A namespace of Vault Enterprise or OpenBao.
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(default = "approle")]
    pub approle_mount: String,
    #[serde(default = "transit")]
    pub transit_mount: String,
    #[serde(default = "kv")]
    pub kv_mount: String,
    /// For one request, in seconds.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalConfig {
    /// Holds the key-encryption key: exactly 32 random bytes. The built-in file does not say it, since
    /// files are joined key by key, and this one has two names.
    #[serde(default = "unit_key")]
    pub key: PrivateFile,
    /// The keystore, mode 0600, in a directory that the daemon may write.
    pub keystore: PathBuf,
}

fn unit_key() -> PrivateFile {
    PrivateFile::Credential(PathBuf::from(
        "/run/credentials/revkeep.service/key-encryption-key",
    ))
}
fn approle() -> String {
    String::from("approle")
}
fn transit() -> String {
    String::from("transit")
}
fn kv() -> String {
    String::from("secret")
}
const fn timeout_seconds() -> u64 {
    10
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_section_needs_no_more_than_the_places() {
        let config: Config = serde_json::from_value(json!({
            "backend": "vault",
            "vault": {
                "address": "https://vault.corp:8200",
                "role_id": "r",
                "secret_id": { "credential": "/run/credentials/revkeep.service/secret-id" },
            },
            "local": { "key": { "file": "/k" }, "keystore": "/s" },
        }))
        .unwrap();
        let vault = config.vault.unwrap();
        assert_eq!(
            (vault.transit_mount.as_str(), vault.kv_mount.as_str()),
            ("transit", "secret")
        );
        assert_eq!(config.local.unwrap().key, PrivateFile::File("/k".into()));
    }

    #[test]
    fn a_value_has_no_place_in_the_configuration() {
        let with_value = json!({
            "backend": "vault",
            "vault": { "address": "https://v", "role_id": "r", "secret_id": "s.secret" },
        });
        assert!(serde_json::from_value::<Config>(with_value).is_err());
        let unknown = json!({ "backend": "local", "token": "x" });
        assert!(serde_json::from_value::<Config>(unknown).is_err());
    }
}
