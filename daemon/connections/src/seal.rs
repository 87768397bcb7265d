//! How the secrets of a connection are sealed. Each column is bound to tenant, provider, row and
//! column; each token has a data key of its own (OB-07, OB-08).
//!
//! A token's data key is fetched before the provider is called: what the provider answers can then
//! be stored even when the secrets backend was sealed meanwhile. So a token column holds the length
//! of the wrapped key (16 bits, big endian), the wrapped key, and the sealed token.

use std::sync::Arc;

use kernel::{ConnectionId, Secret, TenantId};
use vault::{Binding, DataKey, Sealed, Vault, Wrapped};

use crate::error::ConnectionError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Access,
    Refresh,
}

impl Token {
    const fn column(self) -> &'static str {
        match self {
            Self::Access => "connections.access_sealed",
            Self::Refresh => "connections.refresh_sealed",
        }
    }
}

/// One provider's secrets of one tenant.
pub(crate) struct Seals<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) tenant: TenantId,
    pub(crate) provider: &'a str,
}

impl Seals<'_> {
    /// A fresh key for a token that is not there yet.
    pub(crate) async fn fresh_key(
        &self,
        id: ConnectionId,
        token: Token,
    ) -> Result<Arc<DataKey>, ConnectionError> {
        let owner = id.to_string();
        Ok(self
            .vault
            .new_data_key(self.tenant, &self.binding(&owner, token.column()))
            .await?)
    }

    pub(crate) async fn open_token(
        &self,
        id: ConnectionId,
        token: Token,
        stored: &[u8],
    ) -> Result<Secret<String>, ConnectionError> {
        let (wrapped, message) = split(stored)?;
        let owner = id.to_string();
        let binding = self.binding(&owner, token.column());
        let key = self.vault.data_key(self.tenant, &binding, &wrapped).await?;
        text(&key.open_with(b"", message)?)
    }

    /// The same token under the newest version of the tenant's key; `None` when it has it already.
    pub(crate) async fn rewrap_token(
        &self,
        id: ConnectionId,
        token: Token,
        stored: &[u8],
        newest: u32,
    ) -> Result<Option<Vec<u8>>, ConnectionError> {
        let (wrapped, message) = split(stored)?;
        if wrapped.key_version() >= newest {
            return Ok(None);
        }
        let owner = id.to_string();
        let binding = self.binding(&owner, token.column());
        let wrapped = self
            .vault
            .rewrap_data_key(self.tenant, &binding, &wrapped)
            .await?;
        join(&wrapped, message).map(Some)
    }

    pub(crate) async fn seal_consumer_secret(
        &self,
        id: ConnectionId,
        secret: &Secret<String>,
    ) -> Result<Vec<u8>, ConnectionError> {
        self.seal(&id.to_string(), CONSUMER_SECRET, secret).await
    }

    pub(crate) async fn open_consumer_secret(
        &self,
        id: ConnectionId,
        stored: &[u8],
    ) -> Result<Secret<String>, ConnectionError> {
        self.open(&id.to_string(), CONSUMER_SECRET, stored).await
    }

    pub(crate) async fn rewrap_consumer_secret(
        &self,
        id: ConnectionId,
        stored: &[u8],
        newest: u32,
    ) -> Result<Option<Vec<u8>>, ConnectionError> {
        let owner = id.to_string();
        let binding = self.binding(&owner, CONSUMER_SECRET);
        Ok(self
            .vault
            .rewrap_stored(self.tenant, &binding, stored, newest)
            .await?)
    }

    /// The verifier is bound to the state whose challenge it answers.
    pub(crate) async fn seal_verifier(
        &self,
        state: &str,
        verifier: &Secret<String>,
    ) -> Result<Vec<u8>, ConnectionError> {
        self.seal(state, VERIFIER, verifier).await
    }

    pub(crate) async fn open_verifier(
        &self,
        state: &str,
        stored: &[u8],
    ) -> Result<Secret<String>, ConnectionError> {
        self.open(state, VERIFIER, stored).await
    }

    async fn seal(
        &self,
        owner: &str,
        column: &str,
        clear: &Secret<String>,
    ) -> Result<Vec<u8>, ConnectionError> {
        let binding = self.binding(owner, column);
        self.vault.ensure_tenant_key(self.tenant).await?;
        let sealed = self
            .vault
            .seal(self.tenant, &binding, clear.expose().as_bytes())
            .await?;
        Ok(sealed.to_bytes())
    }

    async fn open(
        &self,
        owner: &str,
        column: &str,
        stored: &[u8],
    ) -> Result<Secret<String>, ConnectionError> {
        let binding = self.binding(owner, column);
        let sealed = Sealed::parse(stored)?;
        text(&self.vault.open(self.tenant, &binding, &sealed).await?)
    }

    const fn binding<'b>(&'b self, owner: &'b str, column: &'b str) -> Binding<'b> {
        Binding {
            provider: self.provider,
            owner,
            column,
        }
    }
}

const CONSUMER_SECRET: &str = "connections.consumer_secret_sealed";
const VERIFIER: &str = "oauth_states.verifier_sealed";

/// Seals without waiting for anything.
pub(crate) fn seal_token(
    key: &DataKey,
    token: &Secret<String>,
) -> Result<Vec<u8>, ConnectionError> {
    let message = key.seal_with(b"", token.expose().as_bytes())?;
    join(key.wrapped(), &message)
}

fn join(wrapped: &Wrapped, message: &[u8]) -> Result<Vec<u8>, ConnectionError> {
    let wrapped = wrapped.to_bytes();
    let length = u16::try_from(wrapped.len()).map_err(|_| ConnectionError::Malformed)?;
    Ok([&length.to_be_bytes(), wrapped.as_slice(), message].concat())
}

fn split(stored: &[u8]) -> Result<(Wrapped, &[u8]), ConnectionError> {
    let (length, rest) = stored
        .split_first_chunk::<2>()
        .ok_or(ConnectionError::Malformed)?;
    let (wrapped, message) = rest
        .split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(ConnectionError::Malformed)?;
    Ok((Wrapped::parse(wrapped)?, message))
}

fn text(clear: &Secret<Vec<u8>>) -> Result<Secret<String>, ConnectionError> {
    std::str::from_utf8(clear.expose())
        .map(|text| Secret::new(text.to_owned()))
        .map_err(|_| ConnectionError::Malformed)
}
