//! Keys and secrets: where a sealed value opens, how old keys are, who can read the one on disk.

use std::{fs, os::unix::fs::PermissionsExt};

use kernel::{TenantId, id::uuid_at};
use vault::{Binding, PrivateFile, Sealed, Vault, VaultError};

use crate::verify::{
    Sight,
    verdict::{Trouble, Verdict},
};

/// A value sealed for one place opens there, and nowhere else (OB-08).
pub(in crate::verify) async fn sealed_in_place(sight: &Sight) -> Result<Verdict, Trouble> {
    let home = Binding {
        provider: "verify",
        owner: "one",
        column: "probe.value",
    };
    let vault: &Vault = &sight.vault;
    vault.ensure_tenant_key(TenantId::PLATFORM).await?;
    let sealed = vault.seal(TenantId::PLATFORM, &home, b"probe").await?;
    if vault
        .open(TenantId::PLATFORM, &home, &sealed)
        .await?
        .expose()
        != b"probe"
    {
        return Ok(Verdict::Fails(
            "a value does not open in its own place".to_owned(),
        ));
    }
    let elsewhere = [
        (
            "another provider",
            Binding {
                provider: "other",
                ..home
            },
        ),
        (
            "another owner",
            Binding {
                owner: "two",
                ..home
            },
        ),
        (
            "another column",
            Binding {
                column: "probe.other",
                ..home
            },
        ),
    ];
    let mut findings = Vec::new();
    for (what, place) in &elsewhere {
        if vault.open(TenantId::PLATFORM, place, &sealed).await.is_ok() {
            findings.push(format!("a value that was moved to {what} opens"));
        }
    }
    let mut bytes = sealed.to_bytes();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let changed = Sealed::parse(&bytes)?;
    if vault
        .open(TenantId::PLATFORM, &home, &changed)
        .await
        .is_ok()
    {
        findings.push("a changed value opens".to_owned());
    }
    Ok(Verdict::of(
        &findings,
        "a value sealed just now opened in its place; moved to another provider, owner or column, or with one bit changed, it did not",
    ))
}

/// LM-71: on request a tenant's key gets a new version, and what was sealed moves to it. Tried on the key of a
/// tenant that never was.
pub(in crate::verify) async fn tenant_keys_turn(sight: &Sight) -> Result<Verdict, Trouble> {
    let tenant = TenantId::from_uuid(uuid_at(sight.db.clock().as_ref()));
    sight.vault.ensure_tenant_key(tenant).await?;
    let turned = turned(&sight.vault, tenant).await;
    let destroyed = sight.vault.destroy_tenant_key(tenant).await;
    Ok(match turned.and_then(|found| destroyed.map(|()| found)) {
        Ok(findings) => Verdict::of(
            &findings,
            "a tenant's key made just now took a new version; a value sealed before moved to it and opened, and the key was destroyed",
        ),
        Err(VaultError::Denied(why)) => {
            Verdict::Fails(format!("a tenant's key cannot be turned: {why}"))
        }
        Err(error) => return Err(error.into()),
    })
}

async fn turned(vault: &Vault, tenant: TenantId) -> Result<Vec<String>, VaultError> {
    let place = Binding {
        provider: "verify",
        owner: "one",
        column: "probe.value",
    };
    let sealed = vault.seal(tenant, &place, b"probe").await?;
    vault.rotate_tenant_key(tenant).await?;
    let moved = vault.rewrap(tenant, &place, &sealed).await?;
    let mut findings = Vec::new();
    if moved.key_version() <= sealed.key_version() {
        findings.push("a value that was moved is under the old version of its key".to_owned());
    }
    for (what, value) in [("left where it was", &sealed), ("moved", &moved)] {
        if vault.open(tenant, &place, value).await?.expose() != b"probe" {
            findings.push(format!("a value that was {what} does not open"));
        }
    }
    Ok(findings)
}

/// LM-97: whatever fills it, the secret that opens the backend is a file of the daemon's alone.
pub(in crate::verify) async fn opener_closed(sight: &Sight) -> Result<Verdict, Trouble> {
    let opener = sight.config.secrets.opener().ok_or("no secret is named")?;
    let kind = match opener {
        PrivateFile::Credential(_) => "a credential that systemd put in place",
        PrivateFile::File(_) => "a file of the daemon's alone",
    };
    Ok(match opener.look() {
        Ok(()) => Verdict::Holds(format!(
            "what opens the secrets backend is {kind}; the configuration names its place, and has no value"
        )),
        Err(error @ VaultError::UnsafeFile { .. }) => Verdict::Fails(error.to_string()),
        Err(error) => return Err(error.into()),
    })
}

/// LM-67: 90 days.
pub(in crate::verify) async fn signing_key_young(sight: &Sight) -> Result<Verdict, Trouble> {
    let keys = sight.identity.signing_key_list().await?;
    let days = keys
        .items
        .iter()
        .find(|key| key.state == "current")
        .map(|key| key.age_days)
        .ok_or("no key signs")?;
    Ok(if keys.due {
        Verdict::Fails(format!(
            "the key has signed for {days} days; {} are the most: `revkeep keys rotate`",
            keys.rotate_every_days
        ))
    } else {
        Verdict::Holds(format!(
            "the key has signed for {days} of {} days",
            keys.rotate_every_days
        ))
    })
}

/// The algorithm that the configuration names is the one in use (CX-03).
pub(in crate::verify) async fn signing_algorithm_current(
    sight: &Sight,
) -> Result<Verdict, Trouble> {
    let keys = sight.identity.signing_key_list().await?;
    let current = keys
        .items
        .iter()
        .find(|key| key.state == "current")
        .ok_or("no key signs")?;
    Ok(if current.algorithm == keys.algorithm {
        Verdict::Holds(format!("tokens are signed with {}", current.algorithm))
    } else {
        Verdict::Fails(format!(
            "the configuration says {}, and tokens are signed with {}: `revkeep keys rotate` until they agree",
            keys.algorithm, current.algorithm
        ))
    })
}

/// The key of the server's certificate is read by its owner and group alone.
pub(in crate::verify) async fn private_key_closed(sight: &Sight) -> Result<Verdict, Trouble> {
    let path = &sight.config.server.private_key;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    Ok(if mode & 0o027 == 0 {
        Verdict::Holds(format!("the certificate's key has mode {mode:o}"))
    } else {
        Verdict::Fails(format!(
            "{} has mode {mode:o}: others can read or change it",
            path.display()
        ))
    })
}

/// Passwords are held against the lists of breached ones that the configuration names (LM-16, CX-17).
pub(in crate::verify) async fn breach_list_readable(sight: &Sight) -> Result<Verdict, Trouble> {
    let config = &sight.config.identity;
    let profile = config.password_profile.name();
    match &config.breach.hash_file {
        Some(path) => Ok(match identity::breach_list_check(path) {
            Ok(()) => Verdict::Holds(format!(
                "profile {profile}; the list of breached passwords can be searched"
            )),
            Err(why) => Verdict::Fails(format!("{}: {why}", path.display())),
        }),
        None => Ok(Verdict::Holds(format!(
            "profile {profile}; breached passwords from {}",
            if config.breach.mirror.is_some() {
                "the declared mirror"
            } else {
                "the built-in list"
            }
        ))),
    }
}
