//! The rows of provisioning.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl,
    OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper, delete,
    dsl::count_star, insert_into, update,
};
use kernel::{GroupId, TenantId, UserId};
use schema::{memberships, scim_group_members, scim_groups, scim_users, users};
use uuid::Uuid;

use super::Outcome;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = scim_users)]
pub(super) struct PersonRow {
    pub(super) tenant_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) user_name_hash: Vec<u8>,
    pub(super) external_hash: Option<Vec<u8>>,
    pub(super) profile_sealed: Vec<u8>,
    pub(super) version: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// What of a person changes when a provider describes them anew.
#[derive(AsChangeset)]
#[diesel(table_name = scim_users, treat_none_as_null = true)]
pub(super) struct PersonChange {
    pub(super) user_name_hash: Vec<u8>,
    pub(super) external_hash: Option<Vec<u8>>,
    pub(super) profile_sealed: Vec<u8>,
    pub(super) version: i64,
    pub(super) updated_at: DateTime<Utc>,
}

/// A provisioned person with state and epoch of the membership.
pub(super) type PersonStanding = (PersonRow, String, i32);

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = scim_groups)]
pub(super) struct GroupRow {
    pub(super) tenant_id: Uuid,
    pub(super) group_id: Uuid,
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) version: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// By what people are found without being read.
pub(super) enum Found {
    UserName(Vec<u8>),
    ExternalId(Vec<u8>),
    Id(UserId),
}

pub(super) fn people_count(tx: &mut AuthTx<'_>) -> Outcome<i64> {
    Ok(scim_users::table
        .filter(scim_users::tenant_id.eq(tx.tenant().uuid()))
        .select(count_star())
        .first(tx.conn())?)
}

/// In the order in which they came.
pub(super) fn people(tx: &mut AuthTx<'_>, skip: i64, most: i64) -> Outcome<Vec<PersonStanding>> {
    let standing = memberships::tenant_id
        .eq(scim_users::tenant_id)
        .and(memberships::user_id.eq(scim_users::user_id));
    Ok(scim_users::table
        .inner_join(memberships::table.on(standing))
        .filter(scim_users::tenant_id.eq(tx.tenant().uuid()))
        .order((scim_users::created_at, scim_users::user_id))
        .offset(skip)
        .limit(most)
        .select((
            PersonRow::as_select(),
            memberships::state,
            memberships::epoch,
        ))
        .load(tx.conn())?)
}

pub(super) fn people_found(tx: &mut AuthTx<'_>, by: &Found) -> Outcome<Vec<PersonStanding>> {
    let standing = memberships::tenant_id
        .eq(scim_users::tenant_id)
        .and(memberships::user_id.eq(scim_users::user_id));
    let query = scim_users::table
        .inner_join(memberships::table.on(standing))
        .filter(scim_users::tenant_id.eq(tx.tenant().uuid()))
        .order((scim_users::created_at, scim_users::user_id))
        .select((
            PersonRow::as_select(),
            memberships::state,
            memberships::epoch,
        ))
        .into_boxed();
    let query = match by {
        Found::UserName(hash) => query.filter(scim_users::user_name_hash.eq(hash)),
        Found::ExternalId(hash) => query.filter(scim_users::external_hash.eq(hash)),
        Found::Id(user) => query.filter(scim_users::user_id.eq(user.uuid())),
    };
    Ok(query.load(tx.conn())?)
}

pub(super) fn person(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<PersonStanding>> {
    Ok(people_found(tx, &Found::Id(user))?.pop())
}

pub(super) fn person_insert(tx: &mut AuthTx<'_>, row: &PersonRow) -> Outcome<()> {
    insert_into(scim_users::table)
        .values(row)
        .execute(tx.conn())?;
    Ok(())
}

pub(super) fn person_update(
    tx: &mut AuthTx<'_>,
    user: UserId,
    change: &PersonChange,
) -> Outcome<()> {
    update(scim_users::table.find((tx.tenant().uuid(), user.uuid())))
        .set(change)
        .execute(tx.conn())?;
    Ok(())
}

/// With the person's places in groups, which change by it.
pub(super) fn person_delete(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<()> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let groups = scim_group_members::table
        .filter(scim_group_members::tenant_id.eq(tenant))
        .filter(scim_group_members::user_id.eq(user.uuid()))
        .select(scim_group_members::group_id);
    let groups: Vec<Uuid> = groups.load(tx.conn())?;
    let changed = scim_groups::table
        .filter(scim_groups::tenant_id.eq(tenant))
        .filter(scim_groups::group_id.eq_any(groups));
    update(changed)
        .set((
            scim_groups::version.eq(scim_groups::version + 1),
            scim_groups::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    delete(scim_users::table.find((tenant, user.uuid()))).execute(tx.conn())?;
    Ok(())
}

/// People whose groups changed are changed themselves.
pub(super) fn people_touch(tx: &mut AuthTx<'_>, users: &[Uuid]) -> Outcome<()> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let changed = scim_users::table
        .filter(scim_users::tenant_id.eq(tenant))
        .filter(scim_users::user_id.eq_any(users));
    update(changed)
        .set((
            scim_users::version.eq(scim_users::version + 1),
            scim_users::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// The name of an account that the tenant owns; the scope is the person's. False for another's.
pub(super) fn account_name(tx: &mut AuthTx<'_>, user: UserId, name: &str) -> Outcome<bool> {
    let own = users::table
        .find(user.uuid())
        .filter(users::home_tenant_id.eq(tx.tenant().uuid()));
    Ok(update(own).set(users::name.eq(name)).execute(tx.conn())? == 1)
}

/// The address of an account that the tenant owns; the scope is the person's. False for another's.
pub(super) fn account_address(
    tx: &mut AuthTx<'_>,
    user: UserId,
    (hash, sealed): (&[u8], &[u8]),
) -> Outcome<bool> {
    let own = users::table
        .find(user.uuid())
        .filter(users::home_tenant_id.eq(tx.tenant().uuid()));
    let changed = update(own)
        .set((users::email_hash.eq(hash), users::email_sealed.eq(sealed)))
        .execute(tx.conn())?;
    Ok(changed == 1)
}

/// Person, group id and name of all groups of these people.
pub(super) fn groups_of(
    tx: &mut AuthTx<'_>,
    people: &[Uuid],
) -> Outcome<Vec<(Uuid, Uuid, String)>> {
    let same = scim_groups::tenant_id
        .eq(scim_group_members::tenant_id)
        .and(scim_groups::group_id.eq(scim_group_members::group_id));
    Ok(scim_group_members::table
        .inner_join(scim_groups::table.on(same))
        .filter(scim_group_members::tenant_id.eq(tx.tenant().uuid()))
        .filter(scim_group_members::user_id.eq_any(people))
        .order((scim_groups::name, scim_groups::group_id))
        .select((
            scim_group_members::user_id,
            scim_groups::group_id,
            scim_groups::name,
        ))
        .load(tx.conn())?)
}

pub(super) fn groups_count(tx: &mut AuthTx<'_>) -> Outcome<i64> {
    Ok(scim_groups::table
        .filter(scim_groups::tenant_id.eq(tx.tenant().uuid()))
        .select(count_star())
        .first(tx.conn())?)
}

/// In the order in which they came.
pub(super) fn groups(tx: &mut AuthTx<'_>) -> Outcome<Vec<GroupRow>> {
    Ok(scim_groups::table
        .filter(scim_groups::tenant_id.eq(tx.tenant().uuid()))
        .order((scim_groups::created_at, scim_groups::group_id))
        .select(GroupRow::as_select())
        .load(tx.conn())?)
}

pub(super) fn group(tx: &mut AuthTx<'_>, id: GroupId) -> Outcome<Option<GroupRow>> {
    Ok(scim_groups::table
        .find((tx.tenant().uuid(), id.uuid()))
        .select(GroupRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

pub(super) fn group_insert(tx: &mut AuthTx<'_>, row: &GroupRow) -> Outcome<()> {
    insert_into(scim_groups::table)
        .values(row)
        .execute(tx.conn())?;
    Ok(())
}

/// False when the version has moved on.
pub(super) fn group_update(
    tx: &mut AuthTx<'_>,
    (id, version): (GroupId, i64),
    (name, external_id): (&str, Option<&str>),
) -> Outcome<bool> {
    let now = tx.now();
    let row = scim_groups::table
        .find((tx.tenant().uuid(), id.uuid()))
        .filter(scim_groups::version.eq(version));
    let changed = update(row)
        .set((
            scim_groups::name.eq(name),
            scim_groups::external_id.eq(external_id),
            scim_groups::version.eq(scim_groups::version + 1),
            scim_groups::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(changed == 1)
}

pub(super) fn group_roles(tx: &mut AuthTx<'_>, id: GroupId, roles: &[&str]) -> Outcome<()> {
    update(scim_groups::table.find((tx.tenant().uuid(), id.uuid())))
        .set(scim_groups::roles.eq(roles))
        .execute(tx.conn())?;
    Ok(())
}

pub(super) fn group_delete(tx: &mut AuthTx<'_>, id: GroupId) -> Outcome<()> {
    delete(scim_groups::table.find((tx.tenant().uuid(), id.uuid()))).execute(tx.conn())?;
    Ok(())
}

/// Group and person, for each place in these groups.
pub(super) fn members(tx: &mut AuthTx<'_>, groups: &[Uuid]) -> Outcome<Vec<(Uuid, Uuid)>> {
    Ok(scim_group_members::table
        .filter(scim_group_members::tenant_id.eq(tx.tenant().uuid()))
        .filter(scim_group_members::group_id.eq_any(groups))
        .order((scim_group_members::group_id, scim_group_members::user_id))
        .select((scim_group_members::group_id, scim_group_members::user_id))
        .load(tx.conn())?)
}

/// How many people are in each group that has some.
pub(super) fn members_counted(tx: &mut AuthTx<'_>) -> Outcome<Vec<(Uuid, i64)>> {
    Ok(scim_group_members::table
        .filter(scim_group_members::tenant_id.eq(tx.tenant().uuid()))
        .group_by(scim_group_members::group_id)
        .select((scim_group_members::group_id, count_star()))
        .load(tx.conn())?)
}

/// Those of `people` who are provisioned.
pub(super) fn known(tx: &mut AuthTx<'_>, people: &[Uuid]) -> Outcome<Vec<Uuid>> {
    Ok(scim_users::table
        .filter(scim_users::tenant_id.eq(tx.tenant().uuid()))
        .filter(scim_users::user_id.eq_any(people))
        .select(scim_users::user_id)
        .load(tx.conn())?)
}

pub(super) fn members_add(tx: &mut AuthTx<'_>, id: GroupId, people: &[Uuid]) -> Outcome<()> {
    let tenant = tx.tenant().uuid();
    let place = |user: &Uuid| {
        (
            scim_group_members::tenant_id.eq(tenant),
            scim_group_members::group_id.eq(id.uuid()),
            scim_group_members::user_id.eq(*user),
        )
    };
    // A statement has 65,535 parameters at most.
    for some in people.chunks(10_000) {
        let rows: Vec<_> = some.iter().map(place).collect();
        insert_into(scim_group_members::table)
            .values(rows)
            .execute(tx.conn())?;
    }
    Ok(())
}

pub(super) fn members_remove(tx: &mut AuthTx<'_>, id: GroupId, people: &[Uuid]) -> Outcome<()> {
    let gone = scim_group_members::table
        .filter(scim_group_members::tenant_id.eq(tx.tenant().uuid()))
        .filter(scim_group_members::group_id.eq(id.uuid()))
        .filter(scim_group_members::user_id.eq_any(people));
    delete(gone).execute(tx.conn())?;
    Ok(())
}

/// Roles that groups give, a line for each person and group.
pub(super) fn roles_given(tx: &mut AuthTx<'_>) -> Outcome<Vec<(Uuid, Vec<String>)>> {
    let same = scim_groups::tenant_id
        .eq(scim_group_members::tenant_id)
        .and(scim_groups::group_id.eq(scim_group_members::group_id));
    Ok(scim_group_members::table
        .inner_join(scim_groups::table.on(same))
        .filter(scim_group_members::tenant_id.eq(tx.tenant().uuid()))
        .select((scim_group_members::user_id, scim_groups::roles))
        .load(tx.conn())?)
}

/// Every provisioned person but the owner, with the roles that are held now.
pub(super) fn roles_held(tx: &mut AuthTx<'_>) -> Outcome<Vec<(Uuid, Vec<String>)>> {
    let standing = memberships::tenant_id
        .eq(scim_users::tenant_id)
        .and(memberships::user_id.eq(scim_users::user_id));
    Ok(scim_users::table
        .inner_join(memberships::table.on(standing))
        .filter(scim_users::tenant_id.eq(tx.tenant().uuid()))
        .filter(memberships::owner.eq(false))
        .order(scim_users::user_id)
        .select((scim_users::user_id, memberships::roles))
        .load(tx.conn())?)
}

/// The tenant that the account is of, as the scope's own person.
pub(super) fn is_home(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<bool> {
    let home = crate::sso::store::person_home_of(tx, user)?;
    Ok(home == Some(TenantId::from_uuid(tx.tenant().uuid())))
}

/// Sealed profiles after `last`, for their keys' renewal.
pub(super) fn profiles_after(
    tx: &mut AuthTx<'_>,
    last: Option<Uuid>,
    most: i64,
) -> Outcome<Vec<(Uuid, Vec<u8>)>> {
    Ok(scim_users::table
        .filter(scim_users::tenant_id.eq(tx.tenant().uuid()))
        .filter(scim_users::user_id.gt(last.unwrap_or_default()))
        .order(scim_users::user_id)
        .limit(most)
        .select((scim_users::user_id, scim_users::profile_sealed))
        .load(tx.conn())?)
}

/// False when the profile has changed meanwhile.
pub(super) fn profile_store(
    tx: &mut AuthTx<'_>,
    user: Uuid,
    (stored, fresh): (&[u8], &[u8]),
) -> Outcome<bool> {
    let row = scim_users::table
        .find((tx.tenant().uuid(), user))
        .filter(scim_users::profile_sealed.eq(stored));
    let changed = update(row)
        .set(scim_users::profile_sealed.eq(fresh))
        .execute(tx.conn())?;
    Ok(changed == 1)
}
