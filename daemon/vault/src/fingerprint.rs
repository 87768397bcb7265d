//! Which keys a backend holds, told without telling any: a backup says by them which keys it was made
//! under, and a restore asks whether they are the keys that are here.
//!
//! A random secret and a public key have a digest. A tenant's key never leaves the backend, so what stands
//! for it is a known text sealed under it: whoever can open that has the key.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kernel::TenantId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    backend::IfMissing,
    binding::{Binding, append},
    envelope::Sealed,
    error::VaultError,
    vault::{Vault, check_name},
};

/// Digests are of this, the key's name and the key, so that none equals a digest made elsewhere.
const DOMAIN: &[u8] = b"revkeep.fingerprint.1";
const PROBE: &[u8] = b"revkeep";

/// One key, without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fingerprint {
    Secret {
        name: String,
        digest: String,
    },
    Signing {
        name: String,
        version: u32,
        digest: String,
    },
    Tenant {
        tenant: TenantId,
        version: u32,
        probe: String,
    },
}

/// What became of a key of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The backend has no such key.
    Missing,
    /// The backend has another key under that name.
    Other,
}

impl Fingerprint {
    /// Which key it is of, for people.
    pub fn of(&self) -> String {
        match self {
            Self::Secret { name, .. } => format!("the secret {name}"),
            Self::Signing { name, version, .. } => {
                format!("version {version} of the signing key {name}")
            }
            Self::Tenant { tenant, .. } if *tenant == TenantId::PLATFORM => {
                String::from("the platform's key")
            }
            Self::Tenant { tenant, .. } => format!("the key of {tenant}"),
        }
    }
}

impl Vault {
    /// Fingerprints of those of these keys that there are. None is made.
    pub async fn fingerprints(
        &self,
        secrets: &[&str],
        signing: &[&str],
        tenants: &[TenantId],
    ) -> Result<Vec<Fingerprint>, VaultError> {
        let mut found = Vec::new();
        for name in secrets {
            if let Some(digest) = self.secret_digest(name).await? {
                let name = (*name).to_owned();
                found.push(Fingerprint::Secret { name, digest });
            }
        }
        for name in signing {
            for (version, digest) in self.signing_digests(name).await? {
                let name = (*name).to_owned();
                found.push(Fingerprint::Signing {
                    name,
                    version,
                    digest,
                });
            }
        }
        for tenant in tenants {
            match self.seal(*tenant, &place(&tenant.to_string()), PROBE).await {
                Ok(sealed) => found.push(Fingerprint::Tenant {
                    tenant: *tenant,
                    version: sealed.key_version(),
                    probe: BASE64.encode(sealed.to_bytes()),
                }),
                Err(VaultError::NoKey(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// How the key that is here differs; `None` when it is the one of the fingerprint.
    pub async fn difference(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Difference>, VaultError> {
        let (wanted, here) = match fingerprint {
            Fingerprint::Secret { name, digest } => (digest, self.secret_digest(name).await?),
            Fingerprint::Signing {
                name,
                version,
                digest,
            } => {
                let mut here = self.signing_digests(name).await?.into_iter();
                (digest, here.find(|(n, _)| n == version).map(|(_, d)| d))
            }
            Fingerprint::Tenant { tenant, probe, .. } => return self.opens(*tenant, probe).await,
        };
        Ok(match here {
            None => Some(Difference::Missing),
            Some(here) if here == *wanted => None,
            Some(_) => Some(Difference::Other),
        })
    }

    async fn opens(&self, tenant: TenantId, probe: &str) -> Result<Option<Difference>, VaultError> {
        let bytes = BASE64
            .decode(probe)
            .map_err(|_| VaultError::Malformed("a fingerprint is not base64"))?;
        let sealed = Sealed::parse(&bytes)?;
        match self
            .open(tenant, &place(&tenant.to_string()), &sealed)
            .await
        {
            Ok(clear) if clear.expose() == PROBE => Ok(None),
            // A key of the other backend, too, is another key.
            Ok(_) | Err(VaultError::Refused | VaultError::Config(_)) => Ok(Some(Difference::Other)),
            Err(VaultError::NoKey(_)) => Ok(Some(Difference::Missing)),
            Err(error) => Err(error),
        }
    }

    async fn secret_digest(&self, name: &str) -> Result<Option<String>, VaultError> {
        match self.named_secret(name, IfMissing::Fail).await {
            Ok(secret) => Ok(Some(digest(name, secret.expose()))),
            Err(VaultError::NoSecret(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn signing_digests(&self, name: &str) -> Result<Vec<(u32, String)>, VaultError> {
        check_name(name)?;
        let mut keys = match self.backend.public_keys(name).await {
            Ok(keys) => keys,
            Err(VaultError::NoSecret(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        keys.sort_by_key(|key| key.version);
        let told = keys
            .iter()
            .map(|key| (key.version, digest(name, &key.bytes)));
        Ok(told.collect())
    }
}

fn digest(name: &str, key: &[u8]) -> String {
    let mut named = DOMAIN.to_vec();
    append(&mut named, name.as_bytes());
    let digest = Sha256::new()
        .chain_update(named)
        .chain_update(key)
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

const fn place(tenant: &str) -> Binding<'_> {
    Binding {
        provider: "backup",
        owner: tenant,
        column: "fingerprint",
    }
}
