//! Seals the credential of the secrets backend for the unit (systemd-creds(1)), makes the local keystore,
//! and asks the backend for the key of the tenant context.
//!
//! Files of the daemon are the daemon's from their first byte: what touches the keystore runs as its
//! account, in a process of its own that gets the credential in a file which is gone afterwards.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
};

use db::ContextKey;
use kernel::{Secret, SystemClock};
use serde::{Deserialize, Serialize};
use vault::{Choice, LocalConfig, PrivateFile, Vault, VaultError};

use super::{
    Ground, Made, SetupError,
    answers::Secrets,
    system::{self, ROOT},
};
use crate::{config::Config, unlock};

/// Where systemd looks for what the unit names.
const STORE: &str = "/etc/credstore.encrypted";
/// Where the credential lies in the clear while the child runs, in memory; the file is the daemon's alone,
/// and its folder root's.
const OPENED: &str = "/run/revkeep-setup";
const KEY_BYTES: usize = 32;

/// What the child says, on a pipe to its parent.
#[derive(Serialize, Deserialize)]
struct Said {
    recovery_key: Option<String>,
    context_key: [u8; ContextKey::BYTES],
}

/// The name by which the unit knows the credential.
const fn credential(backend: Choice) -> &'static str {
    match backend {
        Choice::Local => "key-encryption-key",
        Choice::Vault => "vault-secret-id",
    }
}

const fn backend(answer: &Secrets) -> Choice {
    match answer {
        Secrets::Local => Choice::Local,
        Secrets::Vault { .. } => Choice::Vault,
    }
}

fn sealed(backend: Choice) -> PathBuf {
    Path::new(STORE).join(format!("revkeep.{}", credential(backend)))
}

pub(super) fn look(ground: &Ground) -> Result<Option<String>, SetupError> {
    let answer = &ground.answers.secrets;
    if sealed(backend(answer)).exists() && has_keystore(ground, answer)? {
        return Ok(None);
    }
    Ok(Some(match answer {
        Secrets::Local => format!(
            "seal a new key as {}, and make the keystore",
            sealed(backend(answer)).display()
        ),
        Secrets::Vault { address, .. } => {
            format!(
                "seal the secret id for {address} as {}",
                sealed(backend(answer)).display()
            )
        }
    }))
}

fn has_keystore(ground: &Ground, answer: &Secrets) -> Result<bool, SetupError> {
    let local = ground.config()?.secrets.local;
    Ok(match (answer, local) {
        (Secrets::Local, Some(local)) => local.keystore.exists(),
        (Secrets::Local, None) => false,
        (Secrets::Vault { .. }, _) => true,
    })
}

pub(super) fn apply(ground: &Ground, made: &mut Made) -> Result<(), SetupError> {
    let answer = &ground.answers.secrets;
    if !sealed(backend(answer)).exists() {
        if matches!(answer, Secrets::Local) && has_keystore(ground, answer)? {
            return Err(SetupError::Secrets(format!(
                "there is a keystore, and the key that opens it is not in {}. Bring it back with `revkeep keys recover --to FILE` and seal it with `systemd-creds encrypt --name={}`",
                sealed(backend(answer)).display(),
                credential(backend(answer))
            )));
        }
        seal(answer)?;
    }
    let said = ask_child(ground)?;
    made.recovery_key = said.recovery_key.map(Secret::new);
    Ok(())
}

/// The key of the tenant context, for the database step.
pub(super) fn context_key(ground: &Ground) -> Result<ContextKey, SetupError> {
    Ok(ContextKey::new(Secret::new(ask_child(ground)?.context_key)))
}

/// Encrypts by the host's key, and by the TPM where there is one.
fn seal(answer: &Secrets) -> Result<(), SetupError> {
    let clear = match answer {
        Secrets::Local => {
            let mut key = vec![0; KEY_BYTES];
            openssl::rand::rand_bytes(&mut key)?;
            Secret::new(key)
        }
        Secrets::Vault { secret_id_file, .. } => {
            let text = fs::read_to_string(secret_id_file)
                .map_err(|error| SetupError::File(secret_id_file.clone(), error))?;
            Secret::new(text.trim().as_bytes().to_owned())
        }
    };
    let name = format!("--name={}", credential(backend(answer)));
    let encrypted = system::run(
        "systemd-creds",
        &["encrypt", &name, "-", "-"],
        clear.expose(),
    )?;
    system::write(&sealed(backend(answer)), encrypted.expose(), 0o600, ROOT)
}

/// The key of a keystore that came from another machine, sealed for this one's unit. Answers where it lies.
pub(crate) fn seal_recovered(
    local: &LocalConfig,
    recovery: &Secret<String>,
) -> Result<PathBuf, SetupError> {
    let place = sealed(Choice::Local);
    if place.exists() {
        return Err(SetupError::Secrets(format!(
            "{} is there, and is not overwritten",
            place.display()
        )));
    }
    let opened = Opened(Path::new(OPENED).join(format!("recovered.{}", std::process::id())));
    fs::create_dir_all(OPENED).map_err(|error| SetupError::File(PathBuf::from(OPENED), error))?;
    vault::recover_key(local, recovery, Some(&opened.0)).map_err(|error| match error {
        VaultError::Refused => SetupError::Secrets(
            "this is not the recovery key of this keystore; nothing was written".to_owned(),
        ),
        other => SetupError::Secrets(other.to_string()),
    })?;
    let name = format!("--name={}", credential(Choice::Local));
    let from = opened.0.to_string_lossy();
    let encrypted = system::run("systemd-creds", &["encrypt", &name, &from, "-"], &[])?;
    system::write(&place, encrypted.expose(), 0o600, ROOT)?;
    Ok(place)
}

/// Runs [`child`] as the daemon's account, with the credential opened for it.
fn ask_child(ground: &Ground) -> Result<Said, SetupError> {
    let owner = system::account("revkeep")?;
    let opened = Opened::credential(backend(&ground.answers.secrets), owner)?;
    let asked = Asked {
        file: &ground.file,
        subcommand: "setup-secrets",
        input: &[],
    };
    let said = asked.of(owner, Some(&opened))?;
    serde_json::from_slice(said.expose()).map_err(|error| SetupError::Secrets(error.to_string()))
}

/// Runs one of this program's own subcommands as the daemon's account, which alone may use the secrets
/// backend: that of the file with the daemon's credential, or, where systemd keeps it, the unit's.
pub(crate) fn as_daemon(
    (config, file): (&Config, &Path),
    subcommand: &str,
    input: &[u8],
) -> Result<Secret<Vec<u8>>, SetupError> {
    let asked = Asked {
        file,
        subcommand,
        input,
    };
    let secrets = &config.secrets;
    let private = match secrets.backend {
        Choice::Local => secrets.local.as_ref().map(|local| &local.key),
        Choice::Vault => secrets.vault.as_ref().map(|vault| &vault.secret_id),
    };
    if let Some(PrivateFile::File(own)) = private {
        let there = fs::metadata(own).map_err(|error| SetupError::File(own.clone(), error))?;
        let owner = system::Account {
            user: there.uid(),
            group: there.gid(),
        };
        return asked.of(owner, None);
    }
    let owner = system::account("revkeep")?;
    let opened = Opened::credential(secrets.backend, owner)?;
    asked.of(owner, Some(&opened))
}

/// A subcommand of this program that runs as the daemon's account.
struct Asked<'a> {
    file: &'a Path,
    subcommand: &'a str,
    input: &'a [u8],
}

impl Asked<'_> {
    fn of(
        &self,
        owner: system::Account,
        opened: Option<&Opened>,
    ) -> Result<Secret<Vec<u8>>, SetupError> {
        let own = std::env::current_exe()
            .map_err(|error| SetupError::File(PathBuf::from("/proc/self/exe"), error))?;
        let mut command = Command::new(own);
        command.arg("--config").arg(self.file).arg(self.subcommand);
        if let Some(opened) = opened {
            command.arg("--credential").arg(&opened.0);
        }
        if owner != system::own() {
            command.uid(owner.user).gid(owner.group);
        }
        let name = format!("revkeep {}", self.subcommand);
        system::finish(&name, &mut command, self.input)
    }
}

/// A file that is gone when this is.
struct Opened(PathBuf);

impl Opened {
    /// The daemon's credential of this backend, decrypted.
    fn credential(backend: Choice, owner: system::Account) -> Result<Self, SetupError> {
        let name = format!("--name={}", credential(backend));
        let from = sealed(backend).to_string_lossy().into_owned();
        let clear = system::run("systemd-creds", &["decrypt", &name, &from, "-"], &[])?;
        Self::write(clear.expose(), owner)
    }

    fn write(clear: &[u8], owner: system::Account) -> Result<Self, SetupError> {
        // A rehearsal may run beside a set-up.
        let file = Self(Path::new(OPENED).join(format!("credential.{}", std::process::id())));
        system::write(&file.0, clear, 0o400, owner)?;
        Ok(file)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
        if let Some(folder) = self.0.parent() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// `revkeep setup-secrets`: the part that runs as the daemon's account.
pub(crate) fn child(mut config: Config, opened: &Path, json: bool) -> ExitCode {
    with_credential(&mut config, opened);
    match asked(&config) {
        Ok(said) => {
            crate::commands::say(&said);
            ExitCode::SUCCESS
        }
        Err(error) => crate::commands::fail(json, "secrets", &error),
    }
}

/// The configuration with the daemon's credential where it was opened.
pub(crate) fn with_credential(config: &mut Config, opened: &Path) {
    let opened = PrivateFile::File(opened.to_owned());
    match config.secrets.backend {
        Choice::Local => {
            if let Some(local) = &mut config.secrets.local {
                local.key = opened;
            }
        }
        Choice::Vault => {
            if let Some(vault) = &mut config.secrets.vault {
                vault.secret_id = opened;
            }
        }
    }
}

fn asked(config: &Config) -> Result<String, String> {
    let mut recovery_key = None;
    if let (Choice::Local, Some(local)) = (config.secrets.backend, &config.secrets.local) {
        let created = vault::create_keystore(local).map_err(|error| error.to_string())?;
        recovery_key = created.recovery.map(|key| key.expose().clone());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let bytes = runtime
        .block_on(async {
            let vault = Vault::new(config.secrets.clone(), Arc::new(SystemClock))?;
            unlock::context_bytes_or_new(&vault).await
        })
        .map_err(|error| error.to_string())?;
    let said = Said {
        recovery_key,
        context_key: *bytes.expose(),
    };
    serde_json::to_string(&said).map_err(|error| error.to_string())
}
