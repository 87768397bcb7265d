//! Moves audit keys to the newest version of their tenant's key (OB-07). The entries stay as they are:
//! what they are sealed under is only wrapped anew.

use db::{Db, DbError, TenantTx, Unit};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use kernel::Principal;
use schema::audit_keys;
use uuid::Uuid;
use vault::{RewrapPage, Vault, Wrapped};

use crate::keyring::{KeyError, binding};

/// Keys of one page.
const PAGE: i64 = 100;

/// Subject and wrapped key.
type Stored = (Uuid, Vec<u8>);

/// The page of the tenant's audit keys that follows `last`.
pub async fn audit_keys_rewrap(
    db: &Db,
    vault: &Vault,
    who: &Principal,
    last: Option<Uuid>,
    newest: u32,
) -> Result<RewrapPage, KeyError> {
    let keys = db
        .run_unsealed(who, move |tx| Ok::<_, DbError>(page(tx, last)?))
        .await?;
    let full = i64::try_from(keys.len()).is_ok_and(|read| read == PAGE);
    let mut done = RewrapPage {
        next: keys.last().map(|(subject, _)| *subject).filter(|_| full),
        ..RewrapPage::default()
    };
    for (subject, stored) in keys {
        let wrapped = Wrapped::parse(&stored)?;
        if wrapped.key_version() >= newest {
            done.count(false);
            continue;
        }
        let owner = subject.to_string();
        let fresh = vault
            .rewrap_data_key(who.tenant, &binding(&owner), &wrapped)
            .await?
            .to_bytes();
        let moved = db
            .run_unsealed(who, move |tx| {
                Ok::<_, DbError>(store(tx, subject, &stored, &fresh)?)
            })
            .await?;
        done.count(moved);
    }
    Ok(done)
}

fn page(tx: &mut TenantTx<'_>, last: Option<Uuid>) -> diesel::QueryResult<Vec<Stored>> {
    // The tenant's own key has the smallest subject there is, so the first page begins before it.
    let mut query = audit_keys::table
        .filter(audit_keys::tenant_id.eq(tx.tenant().uuid()))
        .into_boxed();
    if let Some(last) = last {
        query = query.filter(audit_keys::subject.gt(last));
    }
    query
        .order(audit_keys::subject)
        .limit(PAGE)
        .select((audit_keys::subject, audit_keys::wrapped))
        .load(tx.conn())
}

fn store(
    tx: &mut TenantTx<'_>,
    subject: Uuid,
    stored: &[u8],
    fresh: &[u8],
) -> diesel::QueryResult<bool> {
    let changed = diesel::update(
        audit_keys::table
            .filter(audit_keys::tenant_id.eq(tx.tenant().uuid()))
            .filter(audit_keys::subject.eq(subject))
            .filter(audit_keys::wrapped.eq(stored)),
    )
    .set(audit_keys::wrapped.eq(fresh))
    .execute(tx.conn())?;
    Ok(changed == 1)
}
