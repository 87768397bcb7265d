//! The questions that second factors answer.

use chrono::{DateTime, Utc};
use db::{AuthTx, Unit};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, delete, insert_into, update,
};
use kernel::{SessionId, UserId};
use schema::factor_challenges;
use serde_json::Value as Json;
use uuid::Uuid;

use super::Outcome;
use crate::factor::MOST_FAILURES;

#[derive(Insertable)]
#[diesel(table_name = factor_challenges)]
pub(in crate::factor) struct NewChallenge {
    pub(in crate::factor) challenge_id: Uuid,
    pub(in crate::factor) user_id: Uuid,
    pub(in crate::factor) purpose: &'static str,
    pub(in crate::factor) hash: Option<Vec<u8>>,
    pub(in crate::factor) session_id: Option<Uuid>,
    pub(in crate::factor) tenant_id: Option<Uuid>,
    pub(in crate::factor) ceremony: Option<Json>,
    pub(in crate::factor) created_at: DateTime<Utc>,
    pub(in crate::factor) expires_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = factor_challenges)]
pub(in crate::factor) struct ChallengeRow {
    pub(in crate::factor) challenge_id: Uuid,
    pub(in crate::factor) purpose: String,
    pub(in crate::factor) tenant_id: Option<Uuid>,
    pub(in crate::factor) failures: i32,
    pub(in crate::factor) ceremony: Option<Json>,
    pub(in crate::factor) expires_at: DateTime<Utc>,
    pub(in crate::factor) ended_at: Option<DateTime<Utc>>,
}

impl ChallengeRow {
    pub(in crate::factor) fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none() && self.expires_at > now && self.failures < MOST_FAILURES
    }
}

/// Stores the challenge; those of the person that ran out a day ago are forgotten.
pub(in crate::factor) fn challenge_insert(
    tx: &mut AuthTx<'_>,
    challenge: &NewChallenge,
) -> Outcome<()> {
    let old = tx.now() - chrono::TimeDelta::days(1);
    delete(
        factor_challenges::table
            .filter(factor_challenges::user_id.eq(challenge.user_id))
            .filter(factor_challenges::expires_at.lt(old)),
    )
    .execute(tx.conn())?;
    insert_into(factor_challenges::table)
        .values(challenge)
        .execute(tx.conn())?;
    Ok(())
}

pub(in crate::factor) fn challenge(tx: &mut AuthTx<'_>, id: Uuid) -> Outcome<Option<ChallengeRow>> {
    Ok(factor_challenges::table
        .find(id)
        .select(ChallengeRow::as_select())
        .first(tx.conn())
        .optional()?)
}

/// Locks it: the answers to one challenge are judged one after the other.
pub(in crate::factor) fn challenge_lock(
    tx: &mut AuthTx<'_>,
    id: Uuid,
) -> Outcome<Option<ChallengeRow>> {
    Ok(factor_challenges::table
        .find(id)
        .select(ChallengeRow::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// The newest challenge of a session for `purpose`.
pub(in crate::factor) fn challenge_of_session(
    tx: &mut AuthTx<'_>,
    session: SessionId,
    purpose: &'static str,
) -> Outcome<Option<ChallengeRow>> {
    Ok(factor_challenges::table
        .filter(factor_challenges::session_id.eq(session.uuid()))
        .filter(factor_challenges::purpose.eq(purpose))
        .filter(factor_challenges::ended_at.is_null())
        .order(factor_challenges::created_at.desc())
        .select(ChallengeRow::as_select())
        .first(tx.conn())
        .optional()?)
}

pub(in crate::factor) fn challenge_fail(tx: &mut AuthTx<'_>, id: Uuid) -> Outcome<i32> {
    let now = tx.now();
    let failures = update(factor_challenges::table.find(id))
        .set(factor_challenges::failures.eq(factor_challenges::failures + 1))
        .returning(factor_challenges::failures)
        .get_result(tx.conn())?;
    if failures >= MOST_FAILURES {
        update(factor_challenges::table.find(id))
            .set(factor_challenges::ended_at.eq(now))
            .execute(tx.conn())?;
    }
    Ok(failures)
}

pub(in crate::factor) fn challenge_end(tx: &mut AuthTx<'_>, id: Uuid) -> Outcome<()> {
    let now = tx.now();
    update(factor_challenges::table.find(id))
        .set(factor_challenges::ended_at.eq(now))
        .execute(tx.conn())?;
    Ok(())
}

/// Voids what a session has begun for `purpose`.
pub(in crate::factor) fn challenges_end_of_session(
    tx: &mut AuthTx<'_>,
    session: SessionId,
    purpose: &'static str,
) -> Outcome<()> {
    let now = tx.now();
    update(
        factor_challenges::table
            .filter(factor_challenges::session_id.eq(session.uuid()))
            .filter(factor_challenges::purpose.eq(purpose))
            .filter(factor_challenges::ended_at.is_null()),
    )
    .set(factor_challenges::ended_at.eq(now))
    .execute(tx.conn())?;
    Ok(())
}

/// Voids every question that waits for the person.
pub(in crate::factor) fn challenges_end_all(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<()> {
    let now = tx.now();
    update(
        factor_challenges::table
            .filter(factor_challenges::user_id.eq(user.uuid()))
            .filter(factor_challenges::ended_at.is_null()),
    )
    .set(factor_challenges::ended_at.eq(now))
    .execute(tx.conn())?;
    Ok(())
}
