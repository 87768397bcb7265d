//! What an administrator answers once: everything about this machine that set-up cannot know.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::SetupError;

/// The commented example that `revkeep setup --example` prints.
pub(super) const EXAMPLE: &str = include_str!("../../../../packaging/answers.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    /// As people type it in the browser.
    pub(super) host_name: String,
    #[serde(default)]
    pub(super) certificate: Certificate,
    pub(super) secrets: Secrets,
    #[serde(default)]
    pub(super) database: Database,
    pub(super) mail: Option<Mail>,
    pub(super) network: Network,
}

#[derive(Debug, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Certificate {
    /// To begin with, beside a request to be signed by the organisation's authority.
    #[default]
    SelfSigned,
    /// Files that are there: PEM with `private_key`, or PKCS#12 with `password_file`. They are judged and
    /// copied.
    Files {
        certificate: PathBuf,
        private_key: Option<PathBuf>,
        password_file: Option<PathBuf>,
    },
    /// Asked for and renewed by the daemon (RFC 8555).
    Acme {
        directory: String,
        contact: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "backend", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Secrets {
    /// A keystore on this machine.
    Local,
    /// Vault or OpenBao.
    Vault {
        address: String,
        ca_file: Option<PathBuf>,
        role_id: String,
        /// Read once, sealed for the unit, and not touched.
        secret_id_file: PathBuf,
    },
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Database {
    /// PostgreSQL on this machine, through its Unix socket.
    #[default]
    Local,
    /// Prepared by somebody else: roles, database and pg_ident map are there, and root may become
    /// revkeep_owner. Migrations run.
    Prepared,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mail {
    /// `host:port`
    pub(super) server: String,
    pub(super) security: String,
    pub(super) user: Option<String>,
    pub(super) from: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub(super) profile: Profile,
    /// Addresses or networks that the daemon may reach, as systemd's IPAddressAllow= writes them.
    #[serde(default)]
    pub(super) reach: Vec<String>,
    /// The same services by name, `host:port`, as egress checks them.
    #[serde(default)]
    pub(super) private_endpoints: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Profile {
    Airgap,
    Proxy,
    Direct,
}

impl Profile {
    /// The drop-in that the package ships, to which set-up adds the addresses.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Airgap => include_str!("../../../../packaging/systemd/network/airgap.conf"),
            Self::Proxy => include_str!("../../../../packaging/systemd/network/proxy.conf"),
            Self::Direct => include_str!("../../../../packaging/systemd/network/direct.conf"),
        }
    }
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Airgap => "airgap",
            Self::Proxy => "proxy",
            Self::Direct => "direct",
        }
    }
}

impl Answers {
    pub(crate) fn read(file: &Path) -> Result<Self, SetupError> {
        let refused = |why: String| SetupError::Answers(file.to_owned(), why);
        let text = std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
        Self::parse(&text).map_err(refused)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let answers: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        answers.check()?;
        Ok(answers)
    }

    /// What would otherwise be found out half-way, or change the meaning of a file that is written.
    fn check(&self) -> Result<(), String> {
        let host = self.host_name.as_str();
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if host.len() > 253 || !host.split('.').all(label) {
            return Err(format!("host_name {host:?} is no host name"));
        }
        let address = |address: &str| {
            !address.is_empty()
                && address
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || b".:/".contains(&byte))
        };
        match self.network.reach.iter().find(|reach| !address(reach)) {
            Some(reach) => Err(format!("network.reach: {reach:?} is no address or network")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_an_answer() {
        let answers = Answers::parse(EXAMPLE).unwrap();
        assert_eq!(answers.host_name, "revkeep.example.internal");
        assert_eq!(answers.database, Database::Local);
        assert_eq!(answers.network.profile, Profile::Airgap);
    }

    #[test]
    fn what_would_change_a_file_s_meaning_is_refused() {
        let with = |host: &str, reach: &str| {
            Answers::parse(&format!(
                "host_name = {host:?}\n[secrets]\nbackend = \"local\"\n[network]\nprofile = \"direct\"\nreach = [{reach:?}]\n"
            ))
        };
        assert!(with("a.example", "192.0.2.0/24").is_ok());
        for host in ["", "a b", "a/b", "a..b", "a\"b", "a\nb"] {
            assert!(with(host, "::1").is_err(), "{host:?}");
        }
        for reach in ["", "any\nUser=root", "192.0.2.1 any", "example.com"] {
            assert!(with("a.example", reach).is_err(), "{reach:?}");
        }
        assert!(Answers::parse("host_name = \"a\"\npassword = \"x\"").is_err());
    }
}
