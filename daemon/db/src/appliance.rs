//! What the appliance's identity providers open, and the end of many people's sessions: looked up or
//! changed across tenants, each by a definer function of the golden list.

use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Bool, Bytea, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{
    auth::{AuthTx, TenantName},
    error::DbError,
    unit::Unit,
};

/// A provider of the appliance, as far as every tenant may know it.
#[derive(Clone, Debug, QueryableByName)]
pub struct ApplianceProvider {
    #[diesel(sql_type = SqlUuid)]
    pub provider_id: Uuid,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Bool)]
    pub enabled: bool,
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
    /// Puts the freshly wrapped secret of a provider of the scope's tenant in the place of `stored`;
    /// false when that is no longer there.
    pub fn sso_secret_rewrap(
        &mut self,
        provider: Uuid,
        stored: &[u8],
        fresh: &[u8],
    ) -> Result<bool, DbError> {
        let answer: Answer = sql_query("SELECT sso_secret_rewrap($1, $2, $3) AS yes")
            .bind::<SqlUuid, _>(provider)
            .bind::<Bytea, _>(stored)
            .bind::<Bytea, _>(fresh)
            .get_result(self.conn())?;
        Ok(answer.yes)
    }

    /// Whether the tenant lets people in through the appliance's providers, and has no enabled one of
    /// its own.
    pub fn sso_appliance_opens(&mut self, tenant: Uuid) -> Result<bool, DbError> {
        let answer: Answer = sql_query("SELECT sso_appliance_opens($1) AS yes")
            .bind::<SqlUuid, _>(tenant)
            .get_result(self.conn())?;
        Ok(answer.yes)
    }

    pub fn sso_appliance_providers(&mut self) -> Result<Vec<ApplianceProvider>, DbError> {
        Ok(sql_query("SELECT * FROM sso_appliance_providers()").load(self.conn())?)
    }

    /// The tenants of the scope's user that the appliance's providers open, by name.
    pub fn sso_appliance_tenants(&mut self) -> Result<Vec<TenantName>, DbError> {
        Ok(sql_query("SELECT * FROM sso_appliance_tenants()").load(self.conn())?)
    }

    /// How many tenants nothing else opens; none unless the scope's user is a super_admin.
    pub fn sso_appliance_reliant(&mut self) -> Result<i64, DbError> {
        let count: Count =
            sql_query("SELECT sso_appliance_reliant() AS n").get_result(self.conn())?;
        Ok(count.n)
    }

    /// Ends what the appliance's providers opened in the scope's tenant; how many.
    pub fn sso_appliance_sessions_end(&mut self, why: &str) -> Result<i64, DbError> {
        let now = self.now();
        let count: Count = sql_query("SELECT sso_appliance_sessions_end($1, $2) AS n")
            .bind::<Timestamptz, _>(now)
            .bind::<Text, _>(why)
            .get_result(self.conn())?;
        Ok(count.n)
    }

    /// Ends the sessions in the scope's tenant, in the platform's scope all of them, but `kept`; how
    /// many.
    pub fn sessions_end(&mut self, why: &str, kept: Option<Uuid>) -> Result<i64, DbError> {
        let now = self.now();
        let count: Count = sql_query("SELECT sessions_end($1, $2, $3) AS n")
            .bind::<Timestamptz, _>(now)
            .bind::<Text, _>(why)
            .bind::<Nullable<SqlUuid>, _>(kept)
            .get_result(self.conn())?;
        Ok(count.n)
    }
}
