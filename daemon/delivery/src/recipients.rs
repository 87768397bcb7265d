//! Who of a tenant is told, and at which address. Addresses are opened when a mail is sent and kept no longer.

use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use kernel::{Role, Secret, UserId};
use schema::people;
use uuid::Uuid;
use vault::Vault;

use crate::error::DeliveryError;

/// A person whose address is still sealed.
pub(crate) struct Recipient {
    user: UserId,
    email_sealed: Vec<u8>,
}

/// The tenant's administrators.
pub(crate) fn recipients(tx: &mut TenantTx<'_>) -> Result<Vec<Recipient>, DeliveryError> {
    type Row = (Uuid, Vec<u8>, Vec<String>);
    let rows: Vec<Row> = people::table
        .filter(people::tenant_id.eq(tx.tenant().uuid()))
        .filter(people::state.eq("active"))
        .order(people::user_id)
        .select((people::user_id, people::email_sealed, people::roles))
        .load(tx.conn())?;
    let wanted = |(_, _, roles): &Row| roles.iter().any(|role| role == Role::Admin.name());
    Ok(rows
        .into_iter()
        .filter(wanted)
        .map(|(user, email_sealed, _)| Recipient {
            user: UserId::from_uuid(user),
            email_sealed,
        })
        .collect())
}

pub(crate) async fn addresses(
    vault: &Vault,
    recipients: &[Recipient],
) -> Result<Vec<Secret<String>>, DeliveryError> {
    let mut addresses = Vec::with_capacity(recipients.len());
    for recipient in recipients {
        addresses
            .push(identity::people_address(vault, recipient.user, &recipient.email_sealed).await?);
    }
    Ok(addresses)
}
