//! What single sign-on must look up before it knows a tenant, or change across the rows of several
//! people: each a definer function of the golden list.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Bool, Bytea, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{auth::AuthTx, error::DbError, unit::Unit};

/// A mail domain that waits for a super_admin's word.
#[derive(Clone, Debug, QueryableByName)]
pub struct WaitingDomain {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Text)]
    pub tenant_name: String,
    #[diesel(sql_type = Text)]
    pub domain: String,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct TenantOf {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
}

#[derive(QueryableByName)]
struct ProviderOf {
    #[diesel(sql_type = SqlUuid)]
    provider_id: Uuid,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[expect(
    clippy::disallowed_methods,
    reason = "definer functions of the golden list"
)]
impl AuthTx<'_> {
    /// The tenant of the sign-in whose state has this SHA-256.
    pub fn sso_flow_tenant(&mut self, state_hash: &[u8]) -> Result<Option<Uuid>, DbError> {
        let found: Option<TenantOf> = sql_query("SELECT * FROM sso_flow_tenant($1)")
            .bind::<Bytea, _>(state_hash)
            .get_result(self.conn())
            .optional()?;
        Ok(found.map(|row| row.tenant_id))
    }

    /// The tenant of the ticket with this SHA-256.
    pub fn sso_ticket_tenant(&mut self, ticket_hash: &[u8]) -> Result<Option<Uuid>, DbError> {
        let found: Option<TenantOf> = sql_query("SELECT * FROM sso_ticket_tenant($1)")
            .bind::<Bytea, _>(ticket_hash)
            .get_result(self.conn())
            .optional()?;
        Ok(found.map(|row| row.tenant_id))
    }

    /// Whether there is such a provider that speaks SAML, enabled or not.
    pub fn sso_saml_provider(&mut self, provider: Uuid) -> Result<bool, DbError> {
        let answer: Answer = sql_query("SELECT sso_saml_provider($1) AS yes")
            .bind::<SqlUuid, _>(provider)
            .get_result(self.conn())?;
        Ok(answer.yes)
    }

    /// The tenant of an enabled provider.
    pub fn sso_provider_tenant(&mut self, provider: Uuid) -> Result<Option<Uuid>, DbError> {
        let found: Option<TenantOf> = sql_query("SELECT * FROM sso_provider_tenant($1)")
            .bind::<SqlUuid, _>(provider)
            .get_result(self.conn())
            .optional()?;
        Ok(found.map(|row| row.tenant_id))
    }

    /// The enabled provider of a verified mail domain.
    pub fn sso_provider_of_domain(&mut self, domain: &str) -> Result<Option<Uuid>, DbError> {
        let found: Option<ProviderOf> = sql_query("SELECT * FROM sso_provider_of_domain($1)")
            .bind::<Text, _>(domain)
            .get_result(self.conn())
            .optional()?;
        Ok(found.map(|row| row.provider_id))
    }

    /// The tenants that the scope's user may not be in with a password.
    pub fn sso_password_barred(&mut self) -> Result<Vec<Uuid>, DbError> {
        let rows: Vec<TenantOf> =
            sql_query("SELECT * FROM sso_password_barred()").load(self.conn())?;
        Ok(rows.into_iter().map(|row| row.tenant_id).collect())
    }

    /// Ends the sessions that a provider of the scope's tenant opened; how many.
    pub fn sso_sessions_end(&mut self, provider: Uuid, why: &str) -> Result<i64, DbError> {
        let now = self.now();
        let count: Count = sql_query("SELECT sso_sessions_end($1, $2, $3) AS n")
            .bind::<SqlUuid, _>(provider)
            .bind::<Timestamptz, _>(now)
            .bind::<Text, _>(why)
            .get_result(self.conn())?;
        Ok(count.n)
    }

    /// Ends password sessions of the scope's tenant and forgets passwords that open nothing else;
    /// how many were forgotten.
    pub fn sso_only_enforce(&mut self) -> Result<i64, DbError> {
        let now = self.now();
        let count: Count = sql_query("SELECT sso_only_enforce($1) AS n")
            .bind::<Timestamptz, _>(now)
            .get_result(self.conn())?;
        Ok(count.n)
    }

    /// Marks a tenant's domain as proven, if the scope's user is a super_admin. False when there is
    /// no such domain waiting.
    pub fn sso_domain_verify(
        &mut self,
        tenant: Uuid,
        domain: &str,
        by: Uuid,
    ) -> Result<bool, DbError> {
        let now = self.now();
        let answer: Answer = sql_query("SELECT sso_domain_verify($1, $2, $3, $4) AS yes")
            .bind::<SqlUuid, _>(tenant)
            .bind::<Text, _>(domain)
            .bind::<SqlUuid, _>(by)
            .bind::<Timestamptz, _>(now)
            .get_result(self.conn())?;
        Ok(answer.yes)
    }

    /// Domains of all tenants that wait for verification; none unless the scope's user is a
    /// super_admin.
    pub fn sso_domains_waiting(&mut self) -> Result<Vec<WaitingDomain>, DbError> {
        Ok(sql_query("SELECT * FROM sso_domains_waiting()").load(self.conn())?)
    }
}
