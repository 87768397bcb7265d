//! The tenants' keys in the transit engine: one derived key per tenant, bound to a place by the
//! derivation context. (Associated data is no alternative: `rewrap` does not accept it.)

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kernel::{Secret, TenantId};
use vaultrs::{
    api::transit::{
        KeyType,
        requests::{
            CreateKeyRequest, DataKeyType, DecryptDataRequest, GenerateDataKeyRequest,
            RewrapDataRequest, UpdateKeyConfigurationRequest,
        },
    },
    error::ClientError,
    transit,
};
use zeroize::Zeroizing;

use super::{
    Remote,
    fault::{fault, says, status},
};
use crate::{
    cipher::{Key, key_from},
    envelope::{Keeper, Wrapped},
    error::VaultError,
};

impl Remote {
    /// Creating a key that is there changes nothing, so this may be repeated.
    pub(super) async fn create_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        let name = &key_name(tenant);
        let mount = self.transit_mount.as_str();
        self.call(|session| async move {
            let mut derived = CreateKeyRequest::builder();
            derived.derived(true).key_type(KeyType::Aes256Gcm96);
            transit::key::create(&session.client, mount, name, Some(&mut derived)).await
        })
        .await?
        .map_err(|error| fault(&error))?;
        if tenant == TenantId::PLATFORM {
            return Ok(());
        }
        self.call(|session| async move {
            let mut deletable = UpdateKeyConfigurationRequest::builder();
            deletable.deletion_allowed(true);
            transit::key::update(&session.client, mount, name, Some(&mut deletable)).await
        })
        .await?
        .map_err(|error| fault(&error))
    }

    pub(super) async fn rotate_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        let name = &key_name(tenant);
        let mount = self.transit_mount.as_str();
        self.call(|session| async move { transit::key::rotate(&session.client, mount, name).await })
            .await?
            .map_err(|error| key_fault(&error, tenant))
    }

    pub(super) async fn delete_key(&self, tenant: TenantId) -> Result<(), VaultError> {
        let name = &key_name(tenant);
        let mount = self.transit_mount.as_str();
        let deleted = self
            .call(|session| async move { transit::key::delete(&session.client, mount, name).await })
            .await?;
        match deleted {
            Err(error) if !says(&error, "not found") => Err(fault(&error)),
            _ => Ok(()),
        }
    }

    pub(super) async fn transit_data_key(
        &self,
        tenant: TenantId,
        context: &[u8],
    ) -> Result<(Key, Wrapped), VaultError> {
        let (name, context) = (&key_name(tenant), &BASE64.encode(context));
        let mount = self.transit_mount.as_str();
        let answer = self
            .call(|session| async move {
                let mut place = GenerateDataKeyRequest::builder();
                place.context(context.as_str());
                let plain = DataKeyType::Plaintext;
                transit::generate::data_key(&session.client, mount, name, plain, Some(&mut place))
                    .await
            })
            .await?
            .map_err(|error| key_fault(&error, tenant))?;
        let clear = answer.plaintext.map(Zeroizing::new).ok_or_else(|| {
            VaultError::Backend(String::from("a data key came without its clear form"))
        })?;
        Ok((decoded(&clear)?, from_transit(&answer.ciphertext)?))
    }

    pub(super) async fn transit_decrypt(
        &self,
        tenant: TenantId,
        context: &[u8],
        wrapped: &Wrapped,
    ) -> Result<Key, VaultError> {
        let (name, context) = (&key_name(tenant), &BASE64.encode(context));
        let (mount, message) = (self.transit_mount.as_str(), &to_transit(wrapped)?);
        let answer = self
            .call(|session| async move {
                let mut place = DecryptDataRequest::builder();
                place.context(context.as_str());
                transit::data::decrypt(&session.client, mount, name, message, Some(&mut place))
                    .await
            })
            .await?
            .map_err(|error| opening_fault(&error, tenant))?;
        decoded(&Zeroizing::new(answer.plaintext))
    }

    pub(super) async fn transit_rewrap(
        &self,
        tenant: TenantId,
        context: &[u8],
        wrapped: &Wrapped,
    ) -> Result<Wrapped, VaultError> {
        let (name, context) = (&key_name(tenant), &BASE64.encode(context));
        let (mount, message) = (self.transit_mount.as_str(), &to_transit(wrapped)?);
        let answer = self
            .call(|session| async move {
                let mut place = RewrapDataRequest::builder();
                place.context(context.as_str());
                transit::data::rewrap(&session.client, mount, name, message, Some(&mut place)).await
            })
            .await?
            .map_err(|error| opening_fault(&error, tenant))?;
        from_transit(&answer.ciphertext)
    }
}

/// The policy in `config/vault` grants these names and no other.
fn key_name(tenant: TenantId) -> String {
    if tenant == TenantId::PLATFORM {
        String::from("revkeep-platform")
    } else {
        format!("revkeep-t-{}", tenant.uuid().as_hyphenated())
    }
}

fn decoded(clear: &Zeroizing<String>) -> Result<Key, VaultError> {
    let bytes = BASE64
        .decode(clear.as_bytes())
        .map(Secret::new)
        .map_err(|_| VaultError::Backend(String::from("a data key is not base64")))?;
    key_from(bytes.expose())
}

/// `vault:v3:<base64>` in fewer bytes.
fn from_transit(ciphertext: &str) -> Result<Wrapped, VaultError> {
    let parsed = ciphertext.strip_prefix("vault:v").and_then(|rest| {
        let (version, message) = rest.split_once(':')?;
        Some((version.parse().ok()?, BASE64.decode(message).ok()?))
    });
    let (version, message) = parsed.ok_or_else(|| {
        VaultError::Backend(String::from(
            "a wrapped key does not read vault:v<n>:<base64>",
        ))
    })?;
    Ok(Wrapped {
        keeper: Keeper::Transit,
        version,
        message,
    })
}

fn to_transit(wrapped: &Wrapped) -> Result<String, VaultError> {
    if wrapped.keeper != Keeper::Transit {
        return Err(VaultError::Config(format!(
            "a value was sealed by secrets.backend = {:?} and the backend is now \"vault\"",
            wrapped.keeper.name()
        )));
    }
    Ok(format!(
        "vault:v{}:{}",
        wrapped.version,
        BASE64.encode(&wrapped.message)
    ))
}

fn key_fault(error: &ClientError, tenant: TenantId) -> VaultError {
    if status(error) == Some(404) || says(error, "key not found") || says(error, "no existing key")
    {
        VaultError::NoKey(tenant)
    } else {
        fault(error)
    }
}

/// A key that is there and a request that is well-formed leave one reason for status 400: the
/// ciphertext or its context is wrong.
fn opening_fault(error: &ClientError, tenant: TenantId) -> VaultError {
    match key_fault(error, tenant) {
        VaultError::Backend(_) if status(error) == Some(400) => VaultError::Refused,
        other => other,
    }
}
