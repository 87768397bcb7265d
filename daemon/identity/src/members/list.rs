//! Members as a list shows them: who they are, their roles and factors, a page at a time.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, PgTextExpressionMethods, QueryDsl, Queryable,
    RunQueryDsl, Selectable, SelectableHelper, dsl::count_star,
};
use futures_util::{StreamExt, stream};
use kernel::{Principal, Role, TenantId, UserId};
use schema::members;
use uuid::Uuid;

use crate::{acting::Acting, error::IdentityError, identity::Identity, roles::roles_of};

type Outcome<T> = Result<T, IdentityError>;

/// Addresses that are opened at a time for a list.
const AT_ONCE: usize = 8;

/// A member as colleagues with the permission see them.
#[derive(Clone, Debug)]
pub struct Member {
    pub user: UserId,
    pub name: String,
    /// Absent while the secrets backend cannot open it.
    pub email: Option<String>,
    pub roles: Vec<Role>,
    pub owner: bool,
    pub active: bool,
    pub joined_at: DateTime<Utc>,
    pub last_seen_at: Option<DateTime<Utc>>,
    /// The membership's epoch.
    pub version: i32,
    pub factors: MemberFactors,
    /// Has signed in through a provider of the tenant.
    pub sso: bool,
}

/// Which second factors a person has, without anything of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberFactors {
    pub totp: bool,
    pub passkeys: i64,
    pub recovery_remaining: i64,
}

#[derive(Clone, Debug, Default)]
pub struct MemberFilter {
    /// Part of the name, in any case.
    pub search: Option<String>,
    pub active: Option<bool>,
}

/// One page of members by name, with one row more than asked for when there is a next page.
#[derive(Debug)]
pub struct MemberPage {
    pub items: Vec<Member>,
    pub active: i64,
    pub deactivated: i64,
    /// Of the active ones.
    pub without_factor: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = members)]
pub(crate) struct MemberRow {
    pub(crate) user_id: Uuid,
    pub(crate) name: String,
    pub(crate) email_sealed: Vec<u8>,
    pub(crate) roles: Vec<String>,
    pub(crate) owner: bool,
    pub(crate) state: String,
    pub(crate) epoch: i32,
    pub(crate) joined_at: DateTime<Utc>,
    pub(crate) last_seen_at: Option<DateTime<Utc>>,
    pub(crate) totp: bool,
    pub(crate) passkeys: i64,
    pub(crate) recovery_remaining: i64,
}

impl Identity {
    pub async fn member_list(
        &self,
        who: &Principal,
        filter: MemberFilter,
        after: Option<(String, UserId)>,
        limit: i64,
    ) -> Outcome<MemberPage> {
        let acting = Acting::of(who)?;
        let ((rows, linked), (active, deactivated, without_factor)) = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                let rows = page(tx, &filter, after, limit)?;
                let linked = linked(tx, &rows)?;
                let counts = (
                    count(tx, "active")?,
                    count(tx, "deactivated")?,
                    count_without_factor(tx)?,
                );
                Ok::<_, IdentityError>(((rows, linked), counts))
            })
            .await?;
        Ok(MemberPage {
            items: self.shown(rows, &linked).await?,
            active,
            deactivated,
            without_factor,
        })
    }

    /// Opens the addresses, a bounded number at a time.
    pub(super) async fn shown(
        &self,
        rows: Vec<MemberRow>,
        linked: &HashSet<Uuid>,
    ) -> Outcome<Vec<Member>> {
        let opened = stream::iter(rows.into_iter().map(|row| async move {
            let user = UserId::from_uuid(row.user_id);
            let email = self.inner.open_email(user, &row.email_sealed).await?;
            Ok(Member {
                user,
                name: row.name,
                email,
                sso: linked.contains(&row.user_id),
                roles: roles_of(&row.roles),
                owner: row.owner,
                active: row.state == "active",
                joined_at: row.joined_at,
                last_seen_at: row.last_seen_at,
                version: row.epoch,
                factors: MemberFactors {
                    totp: row.totp,
                    passkeys: row.passkeys,
                    recovery_remaining: row.recovery_remaining,
                },
            })
        }));
        let opened: Vec<Outcome<Member>> = opened.buffered(AT_ONCE).collect().await;
        opened.into_iter().collect()
    }
}

/// Those of the rows who have an identity at a provider of the tenant.
pub(super) fn linked(tx: &mut AuthTx<'_>, rows: &[MemberRow]) -> Outcome<HashSet<Uuid>> {
    let users: Vec<Uuid> = rows.iter().map(|row| row.user_id).collect();
    crate::sso::linked(tx, &users)
}

/// One member, as the list shows them.
pub(super) fn one(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<MemberRow> {
    Ok(members::table
        .filter(members::tenant_id.eq(tx.tenant().uuid()))
        .filter(members::user_id.eq(user.uuid()))
        .select(MemberRow::as_select())
        .first(tx.conn())?)
}

fn count(tx: &mut AuthTx<'_>, state: &str) -> Outcome<i64> {
    Ok(members::table
        .filter(members::tenant_id.eq(tx.tenant().uuid()))
        .filter(members::state.eq(state))
        .select(count_star())
        .first(tx.conn())?)
}

fn count_without_factor(tx: &mut AuthTx<'_>) -> Outcome<i64> {
    Ok(members::table
        .filter(members::tenant_id.eq(tx.tenant().uuid()))
        .filter(members::state.eq("active"))
        .filter(members::totp.eq(false))
        .filter(members::passkeys.eq(0))
        .select(count_star())
        .first(tx.conn())?)
}

fn page(
    tx: &mut AuthTx<'_>,
    filter: &MemberFilter,
    after: Option<(String, UserId)>,
    limit: i64,
) -> Outcome<Vec<MemberRow>> {
    let tenant: TenantId = tx.tenant();
    let mut query = members::table
        .filter(members::tenant_id.eq(tenant.uuid()))
        .order((members::name, members::user_id))
        .limit(limit.saturating_add(1))
        .select(MemberRow::as_select())
        .into_boxed();
    if let Some(active) = filter.active {
        let state = if active { "active" } else { "deactivated" };
        query = query.filter(members::state.eq(state));
    }
    if let Some(search) = filter.search.as_deref().filter(|text| !text.is_empty()) {
        query = query.filter(members::name.ilike(contains(search)));
    }
    if let Some((name, user)) = after {
        let later = members::name
            .gt(name.clone())
            .or(members::name.eq(name).and(members::user_id.gt(user.uuid())));
        query = query.filter(later);
    }
    Ok(query.load(tx.conn())?)
}

/// A LIKE pattern for text that contains `search` literally.
fn contains(search: &str) -> String {
    let mut pattern = String::from("%");
    for letter in search.chars().take(100) {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_search_is_taken_literally() {
        assert_eq!(contains("Ada"), "%Ada%");
        assert_eq!(contains("100%_\\"), "%100\\%\\_\\\\%");
    }
}
