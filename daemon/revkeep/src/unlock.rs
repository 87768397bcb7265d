//! What the daemon must be told by the secrets backend before it can work, and the patience to wait
//! for it.

use db::ContextKey;
use kernel::Secret;
use vault::{IfMissing, Vault, VaultError};

/// The name under which the backend keeps the key of the tenant context.
const CONTEXT_KEY: &str = "database-context-key";

/// The key of the tenant context. `revkeep setup` made it and told the database.
pub(crate) async fn context_key(vault: &Vault) -> Result<ContextKey, VaultError> {
    read(vault, IfMissing::Fail).await.map(ContextKey::new)
}

/// The same, made when it is missing: for set-up, which tells the database as well.
pub(crate) async fn context_key_or_new(vault: &Vault) -> Result<ContextKey, VaultError> {
    context_bytes_or_new(vault).await.map(ContextKey::new)
}

/// The same in the clear, for the part of set-up that tells another process.
pub(crate) async fn context_bytes_or_new(
    vault: &Vault,
) -> Result<Secret<[u8; ContextKey::BYTES]>, VaultError> {
    read(vault, IfMissing::Generate(ContextKey::BYTES)).await
}

async fn read(
    vault: &Vault,
    if_missing: IfMissing,
) -> Result<Secret<[u8; ContextKey::BYTES]>, VaultError> {
    let bytes = vault.named_secret(CONTEXT_KEY, if_missing).await?;
    let key: [u8; ContextKey::BYTES] = bytes.expose().as_slice().try_into().map_err(|_| {
        VaultError::Backend(format!("{CONTEXT_KEY} has not {} bytes", ContextKey::BYTES))
    })?;
    Ok(Secret::new(key))
}
