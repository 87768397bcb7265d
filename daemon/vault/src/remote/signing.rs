//! Signing keys in the transit engine: Ed25519, made there, never exportable.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use vaultrs::{
    api::transit::{
        KeyType,
        requests::{CreateKeyRequest, SignDataRequest},
        responses::ReadKeyData,
    },
    transit,
};

use super::{
    Remote,
    fault::{fault, says, status},
};
use crate::{error::VaultError, signing::PublicKey};

impl Remote {
    pub(super) async fn transit_signing_key(&self, name: &str) -> Result<(), VaultError> {
        let (mount, name) = (self.transit_mount.as_str(), &key_name(name));
        self.call(|session| async move {
            let mut kind = CreateKeyRequest::builder();
            kind.key_type(KeyType::Ed25519);
            transit::key::create(&session.client, mount, name, Some(&mut kind)).await
        })
        .await?
        .map_err(|error| fault(&error))
    }

    pub(super) async fn transit_public_keys(
        &self,
        name: &str,
    ) -> Result<Vec<PublicKey>, VaultError> {
        let (mount, key) = (self.transit_mount.as_str(), &key_name(name));
        let read = self
            .call(|session| async move { transit::key::read(&session.client, mount, key).await })
            .await?;
        let described = match read {
            Ok(described) => described,
            Err(error) if status(&error) == Some(404) => {
                return Err(VaultError::NoSecret(name.to_owned()));
            }
            Err(error) => return Err(fault(&error)),
        };
        let ReadKeyData::Asymmetric(versions) = described.keys else {
            return Err(VaultError::Backend(format!(
                "{key} is not a key that signs"
            )));
        };
        versions
            .into_iter()
            .map(|(version, entry)| {
                let unreadable =
                    || VaultError::Backend(format!("version {version} of {key} cannot be read"));
                let bytes = BASE64.decode(&entry.public_key).map_err(|_| unreadable())?;
                PublicKey::new(version.parse().map_err(|_| unreadable())?, &bytes)
            })
            .collect()
    }

    pub(super) async fn transit_sign(
        &self,
        name: &str,
        version: u32,
        message: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let (mount, key) = (self.transit_mount.as_str(), &key_name(name));
        let message = &BASE64.encode(message);
        let signed = self
            .call(|session| async move {
                let mut by = SignDataRequest::builder();
                by.key_version(u64::from(version));
                transit::data::sign(&session.client, mount, key, message, Some(&mut by)).await
            })
            .await?;
        match signed {
            Ok(answer) => answer
                .signature
                .strip_prefix(&format!("vault:v{version}:"))
                .and_then(|signature| BASE64.decode(signature).ok())
                .ok_or_else(|| {
                    VaultError::Backend(String::from(
                        "a signature does not read vault:v<n>:<base64>",
                    ))
                }),
            Err(error) if says(&error, "not found") => Err(VaultError::NoSecret(name.to_owned())),
            Err(error) => Err(fault(&error)),
        }
    }

    pub(super) async fn transit_rotate_signing_key(&self, name: &str) -> Result<(), VaultError> {
        let (mount, key) = (self.transit_mount.as_str(), &key_name(name));
        let rotated = self
            .call(|session| async move { transit::key::rotate(&session.client, mount, key).await })
            .await?;
        match rotated {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(404) || says(&error, "not found") => {
                Err(VaultError::NoSecret(name.to_owned()))
            }
            Err(error) => Err(fault(&error)),
        }
    }
}

/// The policy in `config/vault` grants each of these by its full name.
fn key_name(name: &str) -> String {
    format!("revkeep-{name}")
}
