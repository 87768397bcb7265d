//! What is sealed of people in a tenant's own rows, opened for the tenant's export.

use kernel::{InvitationId, Secret, TenantId, UserId};
use vault::{Sealed, Vault};

use crate::{error::IdentityError, invitations::address_binding, scim::profile_binding};

/// The address that an invitation went to.
pub async fn invitation_address(
    vault: &Vault,
    tenant: TenantId,
    invitation: InvitationId,
    email_sealed: &[u8],
) -> Result<Secret<Vec<u8>>, IdentityError> {
    let owner = invitation.to_string();
    let sealed = Sealed::parse(email_sealed)?;
    Ok(vault
        .open(tenant, &address_binding(&owner), &sealed)
        .await?)
}

/// What a tenant's identity provider said of a person, as JSON.
pub async fn provisioned_profile(
    vault: &Vault,
    tenant: TenantId,
    user: UserId,
    profile_sealed: &[u8],
) -> Result<Secret<Vec<u8>>, IdentityError> {
    let owner = user.to_string();
    let sealed = Sealed::parse(profile_sealed)?;
    Ok(vault
        .open(tenant, &profile_binding(&owner), &sealed)
        .await?)
}
