//! A data key that is used for many values, for callers that cannot afford one key per value: the
//! audit log writes its rows inside a database transaction, where nothing may be awaited.

use kernel::{Secret, TenantId};

use crate::{
    binding::append,
    cipher::{self, Key},
    envelope::Wrapped,
    error::VaultError,
};

/// A data key in the clear with its wrapped form, which the caller stores. Sealing and opening
/// are local and never wait. One key may seal 2^32 values; start a new one long before.
pub struct DataKey {
    pub(crate) key: Key,
    pub(crate) wrapped: Wrapped,
    pub(crate) tenant: TenantId,
    pub(crate) context: Vec<u8>,
}

impl DataKey {
    /// The form to store; [`crate::Vault::data_key`] opens it again.
    pub const fn wrapped(&self) -> &Wrapped {
        &self.wrapped
    }
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Seals one value. `associated` names its place under this key, for example the id of the
    /// row: it opens nowhere else.
    pub fn seal_with(&self, associated: &[u8], clear: &[u8]) -> Result<Vec<u8>, VaultError> {
        cipher::seal(&self.key, &self.place(associated), clear)
    }

    /// Opens what [`DataKey::seal_with`] returned for the same `associated`.
    pub fn open_with(
        &self,
        associated: &[u8],
        message: &[u8],
    ) -> Result<Secret<Vec<u8>>, VaultError> {
        cipher::open(&self.key, &self.place(associated), message)
    }

    fn place(&self, associated: &[u8]) -> Vec<u8> {
        let mut place = self.context.clone();
        append(&mut place, associated);
        place
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataKey")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}
