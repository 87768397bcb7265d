//! Reading the audit log a page at a time (LM-79). One statement serves a tenant's own log, under row
//! security in its unit of work, and the whole log, as the auditor.
//!
//! Each tenant (and each action, where several are asked for) is walked along an index of its own, newest
//! or oldest first, and no further than the page is long; the pages are then merged. So a page costs the
//! same whatever the log holds.

use chrono::{DateTime, Utc};
use diesel::{
    OptionalExtension, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{auditor::Auditor, error::DbError, tenant::TenantTx, unit::Unit};

/// Which entries. Every text is compared as it is.
#[derive(Clone, Debug)]
pub struct LogQuery {
    pub actor: Option<String>,
    /// Any of these; all of them when absent.
    pub actions: Option<Vec<String>>,
    pub object: Option<String>,
    pub outcome: Option<&'static str>,
    pub entry: Option<Uuid>,
    /// Both ends belong to it.
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

/// Where the page before this one ended.
#[derive(Clone, Copy, Debug)]
pub struct LogPlace {
    pub at: DateTime<Utc>,
    pub audit_id: Uuid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOrder {
    NewestFirst,
    OldestFirst,
}

/// An entry as it is stored, and its place in the sealed tree once it has one.
#[derive(Clone, Debug, QueryableByName)]
pub struct LogRow {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = SqlUuid)]
    pub audit_id: Uuid,
    #[diesel(sql_type = Text)]
    pub actor_kind: String,
    #[diesel(sql_type = Text)]
    pub actor_id: String,
    #[diesel(sql_type = Text)]
    pub action: String,
    #[diesel(sql_type = Text)]
    pub outcome: String,
    #[diesel(sql_type = Text)]
    pub resource_type: String,
    #[diesel(sql_type = Text)]
    pub resource_id: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub request_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub code: Option<String>,
    #[diesel(sql_type = Nullable<diesel::sql_types::Bytea>)]
    pub detail_sealed: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<diesel::sql_types::Bytea>)]
    pub origin_sealed: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub position: Option<i64>,
}

/// Entries of one interval, by outcome.
#[derive(Clone, Debug, QueryableByName)]
pub struct LogCount {
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub done: i64,
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// The oldest entry that was counted in it.
    #[diesel(sql_type = Timestamptz)]
    pub first: DateTime<Utc>,
}

/// Where an entry that has a leaf lies.
#[derive(Clone, Debug, QueryableByName)]
pub struct LeafPlace {
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
}

/// The head that first covered a position.
#[derive(Clone, Debug, QueryableByName)]
pub struct CoveringHead {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
}

/// Of the newest entries, those that have no place yet.
#[derive(Clone, Debug, QueryableByName)]
pub struct Unplaced {
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub since: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Tenant {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
}

/// Parameters in their fixed places: $1 tenants, $2 actions, $3 actor, $4 object, $5 outcome, $6 from,
/// $7 to, $8 and $9 the place after which it goes on, $10 how many, $11 the one entry.
fn walk(query: &LogQuery, columns: &str, after: bool, order: LogOrder) -> String {
    let (beyond, direction) = match order {
        LogOrder::NewestFirst => ("<", "DESC"),
        LogOrder::OldestFirst => (">", "ASC"),
    };
    let mut sql = String::from("SELECT e.* FROM unnest($1) AS t(tenant_id) ");
    if query.actions.is_some() {
        sql.push_str("CROSS JOIN unnest($2) AS w(action) ");
    }
    sql.push_str(&format!(
        "CROSS JOIN LATERAL (SELECT {columns} FROM public.audit_log l \
         WHERE l.tenant_id = t.tenant_id AND l.at >= $6 AND l.at <= $7"
    ));
    let parts = [
        (query.actions.is_some(), " AND l.action = w.action"),
        (query.actor.is_some(), " AND l.actor_id = $3"),
        (query.object.is_some(), " AND l.resource_id = $4"),
        (query.outcome.is_some(), " AND l.outcome = $5"),
        // The planner knows the partial index by this alone, whatever $5 is.
        (
            query.outcome.is_some_and(|outcome| outcome != "done"),
            " AND l.outcome <> 'done'",
        ),
        (query.entry.is_some(), " AND l.audit_id = $11"),
    ];
    for (_, part) in parts.iter().filter(|(wanted, _)| *wanted) {
        sql.push_str(part);
    }
    if after {
        sql.push_str(&format!(
            " AND l.at {beyond}= $8 AND (l.at, l.audit_id) {beyond} ($8, $9)"
        ));
    }
    sql.push_str(&format!(
        " ORDER BY l.at {direction}, l.audit_id {direction} LIMIT $10) e \
         ORDER BY e.at {direction}, e.audit_id {direction} LIMIT $10"
    ));
    sql
}

/// Runs a statement that [`walk`] is part of.
#[expect(
    clippy::disallowed_methods,
    reason = "lateral walks along indexes, which the query builder cannot say"
)]
fn run<R: QueryableByName<diesel::pg::Pg> + 'static>(
    conn: &mut PgConnection,
    sql: String,
    query: &LogQuery,
    tenants: &[Uuid],
    after: Option<LogPlace>,
    most: i64,
) -> Result<Vec<R>, DbError> {
    let none = Vec::new();
    Ok(sql_query(sql)
        .bind::<Array<SqlUuid>, _>(tenants)
        .bind::<Array<Text>, _>(query.actions.as_ref().unwrap_or(&none))
        .bind::<Nullable<Text>, _>(query.actor.as_deref())
        .bind::<Nullable<Text>, _>(query.object.as_deref())
        .bind::<Nullable<Text>, _>(query.outcome)
        .bind::<Timestamptz, _>(query.from)
        .bind::<Timestamptz, _>(query.to)
        .bind::<Nullable<Timestamptz>, _>(after.map(|place| place.at))
        .bind::<Nullable<SqlUuid>, _>(after.map(|place| place.audit_id))
        .bind::<BigInt, _>(most)
        .bind::<Nullable<SqlUuid>, _>(query.entry)
        .load(conn)?)
}

fn page(
    conn: &mut PgConnection,
    query: &LogQuery,
    tenants: &[Uuid],
    after: Option<LogPlace>,
    order: LogOrder,
    most: i64,
) -> Result<Vec<LogRow>, DbError> {
    let columns = "l.tenant_id, l.at, l.audit_id, l.actor_kind, l.actor_id, l.action, l.outcome, l.resource_type, \
                   l.resource_id, l.request_id, l.code, l.detail_sealed, l.origin_sealed";
    let direction = match order {
        LogOrder::NewestFirst => "DESC",
        LogOrder::OldestFirst => "ASC",
    };
    // OFFSET 0 keeps the planner from comparing all leaves: one look into their index for each entry.
    let sql = format!(
        "SELECT r.*, leaf.position FROM ({}) r LEFT JOIN LATERAL (SELECT v.position FROM public.audit_leaves v \
           WHERE v.audit_id = r.audit_id AND v.at = r.at AND v.tenant_id = r.tenant_id OFFSET 0) leaf ON true \
         ORDER BY r.at {direction}, r.audit_id {direction}",
        walk(query, columns, after.is_some(), order)
    );
    run(conn, sql, query, tenants, after, most)
}

fn counts(
    conn: &mut PgConnection,
    query: &LogQuery,
    tenants: &[Uuid],
    step_seconds: i64,
    most: i64,
) -> Result<Vec<LogCount>, DbError> {
    let sql = format!(
        "SELECT date_bin(make_interval(secs => {step_seconds}), c.at, $6) AS at, \
                count(*) FILTER (WHERE c.outcome = 'done') AS done, count(*) FILTER (WHERE c.outcome = 'refused') AS refused, \
                count(*) FILTER (WHERE c.outcome = 'failed') AS failed, min(c.at) AS first \
         FROM ({}) c GROUP BY 1 ORDER BY 1",
        walk(
            query,
            "l.at, l.audit_id, l.outcome",
            false,
            LogOrder::NewestFirst
        )
    );
    run(conn, sql, query, tenants, None, most)
}

#[expect(
    clippy::disallowed_methods,
    reason = "names its schema, for the auditor"
)]
fn leaf_place(conn: &mut PgConnection, entry: Uuid) -> Result<Option<LeafPlace>, DbError> {
    Ok(
        sql_query("SELECT tenant_id, at FROM public.audit_leaves WHERE audit_id = $1 LIMIT 1")
            .bind::<SqlUuid, _>(entry)
            .get_result(conn)
            .optional()?,
    )
}

/// A page of the tenant's own log.
pub fn log_page(
    tx: &mut TenantTx<'_>,
    query: &LogQuery,
    after: Option<LogPlace>,
    order: LogOrder,
    most: i64,
) -> Result<Vec<LogRow>, DbError> {
    let tenants = [tx.tenant().uuid()];
    page(tx.conn(), query, &tenants, after, order, most)
}

/// The tenant's own entries by interval, of the newest `most`.
pub fn log_counts(
    tx: &mut TenantTx<'_>,
    query: &LogQuery,
    step_seconds: i64,
    most: i64,
) -> Result<Vec<LogCount>, DbError> {
    let tenants = [tx.tenant().uuid()];
    counts(tx.conn(), query, &tenants, step_seconds, most)
}

/// Where an entry of the tenant's own lies, once it has a leaf.
pub fn log_leaf(tx: &mut TenantTx<'_>, entry: Uuid) -> Result<Option<LeafPlace>, DbError> {
    leaf_place(tx.conn(), entry)
}

/// How many of the tenant's own newest `most` entries have no place in the tree yet.
#[expect(
    clippy::disallowed_methods,
    reason = "one look into an index for each entry of a bounded page"
)]
pub fn log_unplaced(tx: &mut TenantTx<'_>, most: i64) -> Result<Unplaced, DbError> {
    let tenant = tx.tenant().uuid();
    Ok(sql_query(
        "SELECT count(*) AS waiting, min(n.at) AS since FROM ( \
           SELECT l.tenant_id, l.at, l.audit_id FROM audit_log l WHERE l.tenant_id = $1 \
           ORDER BY l.at DESC, l.audit_id DESC LIMIT $2) n \
         WHERE NOT EXISTS (SELECT FROM audit_leaves v \
           WHERE v.audit_id = n.audit_id AND v.at = n.at AND v.tenant_id = n.tenant_id OFFSET 0)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<BigInt, _>(most)
    .get_result(tx.conn())?)
}

impl Auditor {
    /// Every tenant that has an entry, the platform among them; one step in the index for each.
    #[expect(clippy::disallowed_methods, reason = "a loose walk along an index")]
    pub fn log_tenants(&mut self) -> Result<Vec<Uuid>, DbError> {
        let found: Vec<Tenant> = sql_query(
            "WITH RECURSIVE t AS ( \
               (SELECT l.tenant_id FROM public.audit_log l ORDER BY l.tenant_id LIMIT 1) \
               UNION ALL \
               SELECT (SELECT l.tenant_id FROM public.audit_log l WHERE l.tenant_id > t.tenant_id ORDER BY l.tenant_id LIMIT 1) \
               FROM t WHERE t.tenant_id IS NOT NULL) \
             SELECT tenant_id FROM t WHERE tenant_id IS NOT NULL",
        )
        .load(self.conn())?;
        Ok(found.into_iter().map(|row| row.tenant_id).collect())
    }

    pub fn log_page(
        &mut self,
        tenants: &[Uuid],
        query: &LogQuery,
        after: Option<LogPlace>,
        order: LogOrder,
        most: i64,
    ) -> Result<Vec<LogRow>, DbError> {
        page(self.conn(), query, tenants, after, order, most)
    }

    pub fn log_counts(
        &mut self,
        tenants: &[Uuid],
        query: &LogQuery,
        step_seconds: i64,
        most: i64,
    ) -> Result<Vec<LogCount>, DbError> {
        counts(self.conn(), query, tenants, step_seconds, most)
    }

    pub fn log_leaf(&mut self, entry: Uuid) -> Result<Option<LeafPlace>, DbError> {
        leaf_place(self.conn(), entry)
    }

    /// The first head over the position.
    #[expect(
        clippy::disallowed_methods,
        reason = "names its schema, for the auditor"
    )]
    pub fn covering_head(&mut self, position: i64) -> Result<Option<CoveringHead>, DbError> {
        Ok(sql_query(
            "SELECT number, at FROM public.audit_heads WHERE size > $1 ORDER BY size, number LIMIT 1",
        )
        .bind::<BigInt, _>(position)
        .get_result(self.conn())
        .optional()?)
    }
}
