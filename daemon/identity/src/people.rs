//! Names of colleagues, for whoever shows who did something. Read through the view `people`, which
//! holds members of the current tenant and nobody else.

use std::collections::HashMap;

use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use kernel::{Secret, TenantId, UserId};
use schema::people;
use uuid::Uuid;
use vault::{Sealed, Vault};

use crate::{error::IdentityError, grant::email_binding};

/// The names of these people, by id. Who is no member any more is missing.
pub fn people_names(
    tx: &mut TenantTx<'_>,
    users: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, String>, IdentityError> {
    let users: Vec<Uuid> = users.into_iter().collect();
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, String)> = people::table
        .filter(people::tenant_id.eq(tx.tenant().uuid()))
        .filter(people::user_id.eq_any(users))
        .select((people::user_id, people::name))
        .load(tx.conn())
        .map_err(db::DbError::from)?;
    Ok(rows.into_iter().collect())
}

/// The address of a member, opened from what the view `people` holds, for a mail that is being sent.
pub async fn people_address(
    vault: &Vault,
    user: UserId,
    email_sealed: &[u8],
) -> Result<Secret<String>, IdentityError> {
    let owner = user.to_string();
    let sealed = Sealed::parse(email_sealed)?;
    let clear = vault
        .open(TenantId::PLATFORM, &email_binding(&owner), &sealed)
        .await?;
    std::str::from_utf8(clear.expose())
        .map(|address| Secret::new(address.to_owned()))
        .map_err(|_| IdentityError::Crypto("a sealed address"))
}
