//! The rows of single sign-on.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthTx, Unit};
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl, Selectable, SelectableHelper, delete, insert_into, update,
};
use kernel::{ProviderId, TenantId, UserId};
use schema::{memberships, sso_domains, sso_flows, sso_identities, sso_providers, tenants, users};
use serde_json::Value;
use uuid::Uuid;

use crate::error::IdentityError;

type Outcome<T> = Result<T, IdentityError>;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sso_providers)]
pub(crate) struct ProviderRow {
    pub(crate) tenant_id: Uuid,
    pub(crate) provider_id: Uuid,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) issuer: String,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret_sealed: Option<Vec<u8>>,
    pub(crate) scopes: Vec<String>,
    pub(crate) groups_claim: String,
    pub(crate) role_map: Value,
    pub(crate) create_members: bool,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) sign_in_url: Option<String>,
    pub(crate) sign_out_url: Option<String>,
    pub(crate) certificates: Vec<String>,
    pub(crate) email_attribute: Option<String>,
    pub(crate) name_attribute: Option<String>,
    pub(crate) directory: Option<Value>,
}

/// What an administrator may change of a provider; kind and issuer are what identities hang on.
#[derive(AsChangeset)]
#[diesel(table_name = sso_providers)]
pub(crate) struct ProviderChange {
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) client_id: Option<String>,
    /// `None` keeps the stored one.
    pub(crate) client_secret_sealed: Option<Vec<u8>>,
    pub(crate) scopes: Vec<String>,
    pub(crate) groups_claim: String,
    pub(crate) role_map: Value,
    pub(crate) create_members: bool,
    pub(crate) version: i64,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) sign_in_url: Option<String>,
    /// The inner `None` empties the column, here and below.
    pub(crate) sign_out_url: Option<Option<String>>,
    pub(crate) certificates: Vec<String>,
    pub(crate) email_attribute: Option<Option<String>>,
    pub(crate) name_attribute: Option<Option<String>>,
    pub(crate) directory: Option<Value>,
}

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = sso_domains)]
pub(crate) struct DomainRow {
    pub(crate) domain: String,
    pub(crate) provider_id: Uuid,
    pub(crate) verified_at: Option<DateTime<Utc>>,
}

#[derive(Insertable)]
#[diesel(table_name = sso_flows)]
pub(crate) struct FlowRow {
    pub(crate) tenant_id: Uuid,
    pub(crate) state_hash: Vec<u8>,
    pub(crate) provider_id: Uuid,
    pub(crate) browser_hash: Vec<u8>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    /// The super_admin who is to be linked; nobody where it is a sign-in.
    pub(crate) link_user_id: Option<Uuid>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = memberships)]
pub(crate) struct MemberRow {
    pub(crate) roles: Vec<String>,
    pub(crate) owner: bool,
    pub(crate) state: String,
}

pub(crate) fn providers(tx: &mut AuthTx<'_>) -> Outcome<Vec<ProviderRow>> {
    Ok(sso_providers::table
        .filter(sso_providers::tenant_id.eq(tx.tenant().uuid()))
        .order((sso_providers::name, sso_providers::provider_id))
        .select(ProviderRow::as_select())
        .load(tx.conn())?)
}

pub(crate) fn provider(tx: &mut AuthTx<'_>, id: ProviderId) -> Outcome<Option<ProviderRow>> {
    Ok(sso_providers::table
        .find((tx.tenant().uuid(), id.uuid()))
        .select(ProviderRow::as_select())
        .first(tx.conn())
        .optional()?)
}

/// What a tenant's provider is called.
pub(crate) fn provider_name(
    tx: &mut AuthTx<'_>,
    tenant: Uuid,
    id: ProviderId,
) -> Outcome<Option<String>> {
    Ok(sso_providers::table
        .find((tenant, id.uuid()))
        .select(sso_providers::name)
        .first(tx.conn())
        .optional()?)
}

pub(crate) fn provider_insert(tx: &mut AuthTx<'_>, row: &ProviderRow) -> Outcome<()> {
    insert_into(sso_providers::table)
        .values(row)
        .execute(tx.conn())?;
    Ok(())
}

/// False when the version has moved on.
pub(crate) fn provider_update(
    tx: &mut AuthTx<'_>,
    id: ProviderId,
    version: i64,
    change: &ProviderChange,
) -> Outcome<bool> {
    let row = sso_providers::table
        .find((tx.tenant().uuid(), id.uuid()))
        .filter(sso_providers::version.eq(version));
    Ok(update(row).set(change).execute(tx.conn())? == 1)
}

pub(crate) fn provider_delete(tx: &mut AuthTx<'_>, id: ProviderId) -> Outcome<bool> {
    Ok(delete(sso_providers::table.find((tx.tenant().uuid(), id.uuid()))).execute(tx.conn())? == 1)
}

pub(crate) fn domains(tx: &mut AuthTx<'_>) -> Outcome<Vec<DomainRow>> {
    Ok(sso_domains::table
        .filter(sso_domains::tenant_id.eq(tx.tenant().uuid()))
        .order(sso_domains::domain)
        .select(DomainRow::as_select())
        .load(tx.conn())?)
}

pub(crate) fn domain_verified(tx: &mut AuthTx<'_>, domain: &str) -> Outcome<bool> {
    let found = sso_domains::table
        .find((tx.tenant().uuid(), domain))
        .filter(sso_domains::verified_at.is_not_null())
        .select(sso_domains::domain)
        .first::<String>(tx.conn())
        .optional()?;
    Ok(found.is_some())
}

pub(crate) fn domain_insert(
    tx: &mut AuthTx<'_>,
    domain: &str,
    provider: ProviderId,
) -> Outcome<()> {
    let now = tx.now();
    insert_into(sso_domains::table)
        .values((
            sso_domains::tenant_id.eq(tx.tenant().uuid()),
            sso_domains::domain.eq(domain),
            sso_domains::provider_id.eq(provider.uuid()),
            sso_domains::created_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn domain_delete(tx: &mut AuthTx<'_>, domain: &str) -> Outcome<bool> {
    Ok(delete(sso_domains::table.find((tx.tenant().uuid(), domain))).execute(tx.conn())? == 1)
}

pub(crate) fn flow_insert(tx: &mut AuthTx<'_>, row: &FlowRow) -> Outcome<()> {
    let now = tx.now();
    let old = sso_flows::table
        .filter(sso_flows::tenant_id.eq(tx.tenant().uuid()))
        .filter(sso_flows::expires_at.lt(now - TimeDelta::hours(1)));
    delete(old).execute(tx.conn())?;
    insert_into(sso_flows::table)
        .values(row)
        .execute(tx.conn())?;
    Ok(())
}

/// A sign-in that is under way: provider, the browser's hash, its end, and whom it is to link.
type Flow = (Uuid, Vec<u8>, DateTime<Utc>, Option<Uuid>);

/// Takes the sign-in away, whoever asks.
pub(crate) fn flow_take(tx: &mut AuthTx<'_>, state_hash: &[u8]) -> Outcome<Option<Flow>> {
    Ok(
        delete(sso_flows::table.find((tx.tenant().uuid(), state_hash)))
            .returning((
                sso_flows::provider_id,
                sso_flows::browser_hash,
                sso_flows::expires_at,
                sso_flows::link_user_id,
            ))
            .get_result(tx.conn())
            .optional()?,
    )
}

/// What the provider calls the person.
pub(crate) fn identity_subject(
    tx: &mut AuthTx<'_>,
    provider: ProviderId,
    user: UserId,
) -> Outcome<Option<String>> {
    Ok(sso_identities::table
        .filter(sso_identities::tenant_id.eq(tx.tenant().uuid()))
        .filter(sso_identities::provider_id.eq(provider.uuid()))
        .filter(sso_identities::user_id.eq(user.uuid()))
        .order(sso_identities::last_used_at.desc())
        .select(sso_identities::subject)
        .first(tx.conn())
        .optional()?)
}

pub(crate) fn identity(
    tx: &mut AuthTx<'_>,
    issuer: &str,
    subject: &str,
) -> Outcome<Option<UserId>> {
    let found = sso_identities::table
        .find((tx.tenant().uuid(), issuer, subject))
        .select(sso_identities::user_id)
        .first::<Uuid>(tx.conn())
        .optional()?;
    Ok(found.map(UserId::from_uuid))
}

/// As [`identity`], and whether the person has confirmed it.
pub(crate) fn identity_at(
    tx: &mut AuthTx<'_>,
    issuer: &str,
    subject: &str,
) -> Outcome<Option<(UserId, bool)>> {
    let found = sso_identities::table
        .find((tx.tenant().uuid(), issuer, subject))
        .select((sso_identities::user_id, sso_identities::confirmed_at))
        .first::<(Uuid, Option<DateTime<Utc>>)>(tx.conn())
        .optional()?;
    Ok(found.map(|(user, confirmed)| (UserId::from_uuid(user), confirmed.is_some())))
}

/// Those of `users` that a provider of the tenant has signed in.
pub(crate) fn linked(tx: &mut AuthTx<'_>, users: &[Uuid]) -> Outcome<HashSet<Uuid>> {
    let rows: Vec<Uuid> = sso_identities::table
        .filter(sso_identities::tenant_id.eq(tx.tenant().uuid()))
        .filter(sso_identities::user_id.eq_any(users))
        .select(sso_identities::user_id)
        .distinct()
        .load(tx.conn())?;
    Ok(rows.into_iter().collect())
}

/// True when the identity is new.
pub(crate) fn identity_keep(
    tx: &mut AuthTx<'_>,
    (issuer, subject): (&str, &str),
    provider: ProviderId,
    user: UserId,
) -> Outcome<bool> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let used = update(sso_identities::table.find((tenant, issuer, subject)))
        .set(sso_identities::last_used_at.eq(now))
        .execute(tx.conn())?;
    if used == 1 {
        return Ok(false);
    }
    insert_into(sso_identities::table)
        .values((
            sso_identities::tenant_id.eq(tenant),
            sso_identities::issuer.eq(issuer),
            sso_identities::subject.eq(subject),
            sso_identities::provider_id.eq(provider.uuid()),
            sso_identities::user_id.eq(user.uuid()),
            sso_identities::created_at.eq(now),
            sso_identities::last_used_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(true)
}

/// State and super_admin of the scope's own person.
pub(crate) fn person_standing(
    tx: &mut AuthTx<'_>,
    user: UserId,
) -> Outcome<Option<(String, bool)>> {
    Ok(users::table
        .find(user.uuid())
        .select((users::state, users::super_admin))
        .first(tx.conn())
        .optional()?)
}

/// The tenant's own account from now on: its provider made it.
pub(crate) fn person_home(tx: &mut AuthTx<'_>, user: UserId, home: TenantId) -> Outcome<()> {
    update(users::table.find(user.uuid()))
        .set(users::home_tenant_id.eq(home.uuid()))
        .execute(tx.conn())?;
    Ok(())
}

/// The tenant that owns the account of the scope's own person.
pub(crate) fn person_home_of(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<TenantId>> {
    let home = users::table
        .find(user.uuid())
        .select(users::home_tenant_id)
        .first::<Option<Uuid>>(tx.conn())
        .optional()?;
    Ok(home.flatten().map(TenantId::from_uuid))
}

pub(crate) fn member(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<Option<MemberRow>> {
    Ok(memberships::table
        .find((tx.tenant().uuid(), user.uuid()))
        .select(MemberRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// Sets the roles and voids older access tokens.
pub(crate) fn member_roles(tx: &mut AuthTx<'_>, user: UserId, roles: &[&str]) -> Outcome<()> {
    update(memberships::table.find((tx.tenant().uuid(), user.uuid())))
        .set((
            memberships::roles.eq(roles),
            memberships::epoch.eq(memberships::epoch + 1),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Whether the tenant lets people in through the appliance's providers.
pub(crate) fn appliance_allowed(tx: &mut AuthTx<'_>) -> Outcome<bool> {
    Ok(tenants::table
        .find(tx.tenant().uuid())
        .select(tenants::appliance_sso)
        .first(tx.conn())
        .optional()?
        .unwrap_or(false))
}

pub(crate) fn appliance_allowed_set(tx: &mut AuthTx<'_>, allowed: bool) -> Outcome<()> {
    update(tenants::table.find(tx.tenant().uuid()))
        .set(tenants::appliance_sso.eq(allowed))
        .execute(tx.conn())?;
    Ok(())
}

pub(crate) fn sso_only(tx: &mut AuthTx<'_>) -> Outcome<bool> {
    Ok(tenants::table
        .find(tx.tenant().uuid())
        .select(tenants::sso_only)
        .first(tx.conn())
        .optional()?
        .unwrap_or(false))
}

pub(crate) fn sso_only_set(tx: &mut AuthTx<'_>, only: bool) -> Outcome<()> {
    update(tenants::table.find(tx.tenant().uuid()))
        .set(tenants::sso_only.eq(only))
        .execute(tx.conn())?;
    Ok(())
}
