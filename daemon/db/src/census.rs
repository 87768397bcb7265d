//! Counts of what must not be in the tables, across tenants and without content, for `revkeep verify`.

use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
};

use crate::{error::DbError, system::SystemTx};

/// How many rows break one rule.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Counted {
    /// The rule, such as `sessions_beyond_cap`.
    #[diesel(sql_type = Text)]
    pub rule: String,
    /// Rows that were looked at.
    #[diesel(sql_type = BigInt)]
    pub seen: i64,
    #[diesel(sql_type = BigInt)]
    pub broken: i64,
}

impl SystemTx<'_> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a definer function of the golden list"
    )]
    pub fn verify_census(&mut self) -> Result<Vec<Counted>, DbError> {
        Ok(sql_query("SELECT * FROM verify_census()").load(self.conn())?)
    }
}
