//! Claims on marks, and what becomes of them. Written by hand because marks and log move together in
//! one statement; every value is bound.
//!
//! Rows are found by one look into an index for each record and changed by their place ([`db::by_place`]).

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{error::RoutingError, store::marks::column};

/// A proposed write that somebody now holds.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Claimed {
    #[diesel(sql_type = SqlUuid)]
    pub assignment_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub decided_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    pub record_id: String,
    #[diesel(sql_type = Text)]
    pub new_owner: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub previous_owner: Option<String>,
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
}

/// What is due is locked, claimed, and told with its decision.
macro_rules! take {
    ($what:literal, $order:literal, $set:literal) => {
        concat!(
            "WITH due AS MATERIALIZED ( \
                SELECT r.ctid AS place FROM routing_records r \
                WHERE r.tenant_id = $1 AND r.router_id = $2 AND ",
            $what,
            $order,
            " LIMIT $6 FOR UPDATE SKIP LOCKED \
             ), taken AS ( \
                UPDATE routing_records r SET ",
            $set,
            "claim = $4, claim_until = $5, updated_at = $3 \
                WHERE r.tenant_id = $1 AND r.ctid = ANY (ARRAY(SELECT place FROM due)) \
                RETURNING r.record_id, r.assignment_id, r.assignment_at, r.attempts \
             ) \
             SELECT a.assignment_id, a.decided_at, taken.record_id, a.new_owner, a.previous_owner, \
                    taken.attempts \
             FROM taken CROSS JOIN LATERAL ( \
                SELECT a.assignment_id, a.decided_at, a.new_owner, a.previous_owner FROM assignments a \
                WHERE a.tenant_id = $1 AND a.decided_at = taken.assignment_at \
                  AND a.assignment_id = taken.assignment_id LIMIT 1 \
             ) AS a"
        )
    };
}

/// What is to be written, in no order: everything is taken before a push ends, and sorting all of it
/// for each batch would make the cost of a record grow with their number.
const TO_WRITE: &str = take!(
    "r.state IN ('proposed', 'waiting') AND (r.next_attempt_at IS NULL OR r.next_attempt_at <= $3)",
    "",
    "state = 'claimed', "
);

/// What is to be looked up, because nobody knows whether it was written.
const TO_READ: &str = take!(
    "r.state = 'in_doubt' AND (r.claim_until IS NULL OR r.claim_until < $3)",
    " ORDER BY r.updated_at, r.record_id",
    ""
);

/// Takes work under a new claim: what is to be written (`in_doubt` false), or what is to be looked up
/// (true).
#[expect(
    clippy::disallowed_methods,
    reason = "SKIP LOCKED and both tables in one statement"
)]
pub(crate) fn claim_take(
    tx: &mut TenantTx<'_>,
    router: Uuid,
    claim: Uuid,
    until: DateTime<Utc>,
    limit: i64,
    in_doubt: bool,
) -> Result<Vec<Claimed>, RoutingError> {
    let statement = if in_doubt { TO_READ } else { TO_WRITE };
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    Ok(diesel::sql_query(statement)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(router)
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(claim)
        .bind::<Timestamptz, _>(until)
        .bind::<BigInt, _>(limit)
        .load(tx.conn())?)
}

/// Claims whose holder did not report in time: nobody knows whether the owner was written.
#[expect(clippy::disallowed_methods, reason = "both tables in one statement")]
pub(crate) fn claims_expire(tx: &mut TenantTx<'_>, router: Uuid) -> Result<usize, RoutingError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    Ok(diesel::sql_query(
        "WITH lost AS ( \
            UPDATE routing_records r SET state = 'in_doubt', reason_code = 'claim_lost', claim = NULL, \
                   claim_until = NULL, updated_at = $3 \
            WHERE r.tenant_id = $1 AND r.router_id = $2 AND r.state = 'claimed' AND r.claim_until < $3 \
            RETURNING r.assignment_id, r.assignment_at \
         ) \
         UPDATE assignments a SET state = 'in_doubt', outcome_code = 'claim_lost' FROM lost \
         WHERE a.tenant_id = $1 AND a.decided_at = lost.assignment_at AND a.assignment_id = lost.assignment_id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(router)
    .bind::<Timestamptz, _>(now)
    .execute(tx.conn())?)
}

/// What is known now about a record that a claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Written,
    Failed,
    InDoubt,
    /// Waits for a cause that is not the record's.
    Held,
    /// Not written: proposed as before.
    Again,
    Ended,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::Held => "held",
            Self::Again => "again",
            Self::Ended => "ended",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) record_id: String,
    pub(crate) claim: Uuid,
    pub(crate) decided_at: DateTime<Utc>,
    /// When the CRM was asked, if it was.
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) verb: Verb,
    pub(crate) code: Option<String>,
}

/// When what did not go well is looked at again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Later {
    /// Attempts after which it is given up.
    pub(crate) most: i32,
    pub(crate) retry: DateTime<Utc>,
    /// Before this, Salesforce may still be at work on a call that was cut.
    pub(crate) doubt: DateTime<Utc>,
}

/// Where a record stands after it was settled.
#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = Text)]
    pub(crate) record_id: String,
    #[diesel(sql_type = Text)]
    pub(crate) state: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) reason_code: Option<String>,
    #[diesel(sql_type = Integer)]
    pub(crate) attempts: i32,
    #[diesel(sql_type = SqlUuid)]
    pub(crate) assignment_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(crate) rep_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    pub(crate) new_owner: String,
}

/// Where the marks and log entries of a batch lie.
#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Text)]
    mark: String,
    #[diesel(sql_type = Text)]
    entry: String,
}

const FIND: &str = "SELECT r.place AS mark, a.place AS entry \
     FROM unnest($3, $4) AS told (record_id, claim) \
     CROSS JOIN LATERAL (SELECT r.ctid::text AS place, r.claim, r.assignment_id, r.assignment_at \
        FROM routing_records r \
        WHERE r.tenant_id = $1 AND r.object = $2 AND r.record_id = told.record_id LIMIT 1) AS r \
     CROSS JOIN LATERAL (SELECT a.ctid::text AS place FROM assignments a \
        WHERE a.tenant_id = $1 AND a.decided_at = r.assignment_at \
          AND a.assignment_id = r.assignment_id LIMIT 1) AS a \
     WHERE r.claim = told.claim";

/// A claim stands on a mark only while it is claimed or read back.
const SETTLE: &str = "WITH told AS MATERIALIZED ( \
        SELECT * FROM unnest($3, $4, $5, $6, $7) AS page (record_id, claim, sent_at, verb, code) \
     ), settled AS ( \
        UPDATE routing_records r SET \
            state = CASE t.verb WHEN 'written' THEN 'assigned' WHEN 'in_doubt' THEN 'in_doubt' \
                WHEN 'held' THEN 'waiting' WHEN 'again' THEN 'proposed' WHEN 'ended' THEN 'given_up' \
                ELSE CASE WHEN r.attempts + 1 >= $8 THEN 'given_up' ELSE 'failed' END END, \
            attempts = r.attempts + CASE t.verb WHEN 'failed' THEN 1 ELSE 0 END, \
            reason_code = CASE t.verb WHEN 'written' THEN NULL WHEN 'again' THEN NULL ELSE t.code END, \
            next_attempt_at = CASE t.verb WHEN 'failed' THEN $9 WHEN 'held' THEN $9 END, \
            claim = NULL, claim_until = CASE t.verb WHEN 'in_doubt' THEN $10 END, updated_at = $2 \
        FROM told t \
        WHERE r.tenant_id = $1 AND r.ctid = ANY ($11::text[]::tid[]) \
          AND r.record_id = t.record_id AND r.claim = t.claim \
        RETURNING r.record_id, r.state, r.reason_code, r.attempts, r.assignment_id, \
                  t.sent_at, t.verb, t.code \
     ) \
     UPDATE assignments a SET \
        state = CASE s.verb WHEN 'written' THEN 'assigned' WHEN 'in_doubt' THEN 'in_doubt' \
            WHEN 'held' THEN 'proposed' WHEN 'again' THEN 'proposed' ELSE 'failed' END, \
        sent_at = COALESCE(s.sent_at, a.sent_at), \
        written_at = CASE s.verb WHEN 'written' THEN $2 END, \
        outcome_code = s.code \
     FROM settled s \
     WHERE a.tenant_id = $1 AND a.decided_at >= $12 AND a.decided_at <= $13 \
       AND a.ctid = ANY ($14::text[]::tid[]) AND a.assignment_id = s.assignment_id \
     RETURNING s.record_id, s.state, s.reason_code, s.attempts, a.assignment_id, a.rep_id, a.new_owner";

/// Moves marks and log entries to where they stand now. Of records that their claim no longer holds,
/// nothing is changed and nothing answered.
#[expect(
    clippy::disallowed_methods,
    reason = "marks and log move in one statement"
)]
pub(crate) fn settle(
    tx: &mut TenantTx<'_>,
    object: &str,
    told: &[Told],
    later: Later,
) -> Result<Vec<Row>, RoutingError> {
    let decided = told.iter().map(|told| told.decided_at);
    // The months whose partitions are looked into.
    let (Some(first), Some(last)) = (decided.clone().min(), decided.max()) else {
        return Ok(Vec::new());
    };
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let records = column(told, |told| told.record_id.as_str());
    let claims = column(told, |told| told.claim);
    let places: Vec<Place> = diesel::sql_query(FIND)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Text, _>(object)
        .bind::<Array<Text>, _>(&records)
        .bind::<Array<SqlUuid>, _>(&claims)
        .load(tx.conn())?;
    db::by_place(tx, |tx| {
        Ok(diesel::sql_query(SETTLE)
            .bind::<SqlUuid, _>(tenant)
            .bind::<Timestamptz, _>(now)
            .bind::<Array<Text>, _>(&records)
            .bind::<Array<SqlUuid>, _>(&claims)
            .bind::<Array<Nullable<Timestamptz>>, _>(column(told, |told| told.sent_at))
            .bind::<Array<Text>, _>(column(told, |told| told.verb.name()))
            .bind::<Array<Nullable<Text>>, _>(column(told, |told| told.code.as_deref()))
            .bind::<Integer, _>(later.most)
            .bind::<Timestamptz, _>(later.retry)
            .bind::<Timestamptz, _>(later.doubt)
            .bind::<Array<Text>, _>(column(&places, |place| place.mark.as_str()))
            .bind::<Timestamptz, _>(first)
            .bind::<Timestamptz, _>(last)
            .bind::<Array<Text>, _>(column(&places, |place| place.entry.as_str()))
            .load(tx.conn())?)
    })
}
