//! What is sealed of people, opened for the export of a tenant or of the person's own data.

use kernel::{InvitationId, Secret, SessionId, TenantId, UserId};
use vault::{Sealed, Vault};

use crate::{
    error::IdentityError, grant::device_binding, invitations::address_binding,
    scim::profile_binding,
};

/// Address and user agent at a session's beginning, as JSON.
pub async fn session_origin(
    vault: &Vault,
    session: SessionId,
    device_sealed: &[u8],
) -> Result<Secret<Vec<u8>>, IdentityError> {
    let owner = session.to_string();
    let sealed = Sealed::parse(device_sealed)?;
    Ok(vault
        .open(TenantId::PLATFORM, &device_binding(&owner), &sealed)
        .await?)
}

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
