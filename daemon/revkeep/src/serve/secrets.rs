//! What an administrator on the machine does with secrets: brings one, or asks for a recovery key. Each
//! is in the audit log of the platform before it is done, and so is a failure.

use audit::AuditError;
use db::{Db, DbError};
use kernel::{Action, Actor, Classified, ErrorKind, Principal, Secret};
use vault::{Choice, Vault, VaultError};

/// Secrets that an administrator may bring. Those that Revkeep makes itself are never overwritten: what
/// was made with them would be unusable.
const SETTABLE: [&str; 1] = [delivery::SMTP_PASSWORD];

#[derive(Debug, thiserror::Error)]
pub(super) enum SecretError {
    #[error("the audit entry could not be written")]
    Audit(#[from] AuditError),
    #[error("the secret could not be stored")]
    Vault(#[from] VaultError),
    #[error("no such secret")]
    Unknown,
    #[error("there is no local keystore")]
    NoKeystore,
}

impl From<DbError> for SecretError {
    fn from(error: DbError) -> Self {
        Self::Audit(error.into())
    }
}

impl Classified for SecretError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Audit(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Unknown | Self::NoKeystore => ErrorKind::Invalid,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Audit(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Unknown => "secret_unknown",
            Self::NoKeystore => "no_keystore",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Audit(error) => error.message(),
            Self::Vault(error) => format!("{} ({error})", error.message()),
            Self::Unknown => format!(
                "The secrets that can be set are: {}. Nothing was stored.",
                SETTABLE.join(", ")
            ),
            Self::NoKeystore => {
                "The secrets are in Vault, which is recovered by its own means.".to_owned()
            }
        }
    }
}

/// Stores a secret in place of what was there.
pub(super) async fn secret_set(
    (db, vault): (&Db, &Vault),
    asker: &Actor,
    name: &str,
    value: Secret<String>,
) -> Result<(), SecretError> {
    let known = SETTABLE
        .into_iter()
        .find(|known| *known == name)
        .ok_or(SecretError::Unknown)?;
    note(db, asker, Action::SecretSet, known, None).await?;
    let value = Secret::new(value.expose().clone().into_bytes());
    if let Err(error) = vault.put_named_secret(known, &value).await {
        note(db, asker, Action::SecretSet, known, Some(error.code())).await?;
        return Err(error.into());
    }
    Ok(())
}

/// A new recovery key for the local keystore.
pub(super) async fn recovery_key(
    db: &Db,
    config: &vault::Config,
    asker: &Actor,
) -> Result<Secret<String>, SecretError> {
    let (Choice::Local, Some(local)) = (config.backend, config.local.clone()) else {
        return Err(SecretError::NoKeystore);
    };
    let action = Action::RecoveryKeyCreate;
    note(db, asker, action, "recovery-key", None).await?;
    let made = tokio::task::spawn_blocking(move || vault::renew_recovery_key(&local))
        .await
        .unwrap_or_else(|error| Err(VaultError::Backend(error.to_string())));
    if let Err(error) = &made {
        note(db, asker, action, "recovery-key", Some(error.code())).await?;
    }
    Ok(made?)
}

async fn note(
    db: &Db,
    asker: &Actor,
    action: Action,
    name: &'static str,
    failed: Option<&'static str>,
) -> Result<(), SecretError> {
    let who = Principal::of_appliance(asker);
    db.run(&who, move |tx| {
        let entry = audit::Entry::new(action, "secret", name);
        match failed {
            None => entry.write(tx)?,
            Some(code) => entry.failed(code).write(tx)?,
        }
        Ok(())
    })
    .await
}
