//! Cases as they are stored and shown.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};
use kernel::{CaseId, Principal, TenantId, UserId};
use schema::{person_cases, person_finds};
use serde_json::Value;
use uuid::Uuid;
use vault::{Binding, Sealed, Vault};

use crate::{Custody, error::CustodyError};

/// Cases that the console lists, and finds of one case.
const LISTED: i64 = 50;
const FINDS: i64 = 200;
/// Where what was found can be erased; elsewhere an administrator wrote it, or it is an account.
const ERASABLE: [&str; 4] = ["layer_records", "reps", "time_off", "invitations"];

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = person_cases)]
pub(crate) struct Stored {
    pub(crate) case_id: Uuid,
    pub(crate) kind: String,
    pub(crate) subject: Option<Uuid>,
    pub(crate) term_sealed: Option<Vec<u8>>,
    asked_by: Uuid,
    asked_at: DateTime<Utc>,
    pub(crate) state: String,
    pub(crate) place: Option<Value>,
    pub(crate) scanned: i64,
    pub(crate) expected: Option<i64>,
    pub(crate) generation: i64,
    due_at: Option<DateTime<Utc>>,
    pub(crate) whole: Option<bool>,
    pub(crate) counts: Value,
    ended_at: Option<DateTime<Utc>>,
    error_code: Option<String>,
}

/// What was asked about one person.
#[derive(Clone, Debug)]
pub struct Case {
    pub id: CaseId,
    /// `account` or `search`.
    pub kind: String,
    /// The person with the account.
    pub subject: Option<UserId>,
    /// What is looked for, while the case is open; for the owner alone.
    pub term: Option<String>,
    pub asked_by: UserId,
    pub asked_at: DateTime<Utc>,
    /// `asked`, `searching`, `found`, `erasing`, `erased`, `closed` or `failed`.
    pub state: String,
    /// Rows looked at, and as many as were counted at the start.
    pub scanned: i64,
    pub expected: Option<i64>,
    /// From then on rows of an account go.
    pub due_at: Option<DateTime<Utc>>,
    /// Whether the account itself is gone, too; otherwise it serves another organisation.
    pub whole: Option<bool>,
    /// Erased rows by table.
    pub counts: BTreeMap<String, i64>,
    pub ended_at: Option<DateTime<Utc>>,
    pub error_code: Option<String>,
}

/// A row in which the person was found.
#[derive(Clone, Debug)]
pub struct Find {
    /// The table.
    pub place: String,
    /// Its key without the tenant.
    pub key: Vec<String>,
    /// A value is the person's and nothing else; otherwise they are named in one.
    pub own: bool,
    /// Where in the row.
    pub fields: Vec<String>,
    pub erasable: bool,
}

impl From<Stored> for Case {
    fn from(row: Stored) -> Self {
        let counts = row.counts.as_object().into_iter().flatten();
        Self {
            counts: counts
                .filter_map(|(table, rows)| Some((table.clone(), rows.as_i64()?)))
                .collect(),
            id: CaseId::from_uuid(row.case_id),
            kind: row.kind,
            subject: row.subject.map(UserId::from_uuid),
            term: None,
            asked_by: UserId::from_uuid(row.asked_by),
            asked_at: row.asked_at,
            state: row.state,
            scanned: row.scanned,
            expected: row.expected,
            due_at: row.due_at,
            whole: row.whole,
            ended_at: row.ended_at,
            error_code: row.error_code,
        }
    }
}

impl Custody {
    /// The newest cases of the tenant, newest first. What they look for is the owner's alone to see.
    pub async fn case_list(&self, who: &Principal) -> Result<Vec<Case>, CustodyError> {
        let rows: Vec<Stored> = self
            .db
            .run(who, |tx| {
                Ok::<_, CustodyError>(
                    person_cases::table
                        .filter(person_cases::tenant_id.eq(tx.tenant().uuid()))
                        .order((person_cases::asked_at.desc(), person_cases::case_id.desc()))
                        .limit(LISTED)
                        .select(Stored::as_select())
                        .load(tx.conn())?,
                )
            })
            .await?;
        let mut cases = Vec::with_capacity(rows.len());
        for row in rows {
            cases.push(self.shown(who, row).await?);
        }
        Ok(cases)
    }

    pub(super) async fn shown(&self, who: &Principal, row: Stored) -> Result<Case, CustodyError> {
        let sealed = row.term_sealed.clone();
        let mut case = Case::from(row);
        if let Some(sealed) = sealed.filter(|_| who.roles.is_owner()) {
            case.term = Some(term(&self.vault, who.tenant, case.id, &sealed).await?);
        }
        Ok(case)
    }
}

/// A case, locked until the unit of work ends.
pub(super) fn stored(tx: &mut TenantTx<'_>, case: CaseId) -> Result<Option<Stored>, CustodyError> {
    Ok(person_cases::table
        .find((tx.tenant().uuid(), case.uuid()))
        .select(Stored::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

/// Where a case found the person: what is the person's own first.
pub(super) fn finds(tx: &mut TenantTx<'_>, case: CaseId) -> Result<Vec<Find>, CustodyError> {
    let rows: Vec<(String, Vec<String>, bool, Vec<String>)> = person_finds::table
        .filter(person_finds::tenant_id.eq(tx.tenant().uuid()))
        .filter(person_finds::case_id.eq(case.uuid()))
        .order((
            person_finds::own.desc(),
            person_finds::place,
            person_finds::row_key,
        ))
        .limit(FINDS)
        .select((
            person_finds::place,
            person_finds::row_key,
            person_finds::own,
            person_finds::fields,
        ))
        .load(tx.conn())?;
    let finds = rows.into_iter().map(|(place, key, own, fields)| Find {
        erasable: ERASABLE.contains(&place.as_str()),
        place,
        key,
        own,
        fields,
    });
    Ok(finds.collect())
}

/// Ends a case, if it is in one of these states: what it looked for and where is gone with it.
pub(super) fn close(
    tx: &mut TenantTx<'_>,
    case: CaseId,
    from: &[&str],
    to: &str,
    code: Option<&str>,
) -> Result<bool, CustodyError> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let ended = diesel::update(person_cases::table.find((tenant, case.uuid())))
        .filter(person_cases::state.eq_any(from))
        .set((
            person_cases::state.eq(to),
            person_cases::term_sealed.eq(None::<Vec<u8>>),
            person_cases::place.eq(None::<Value>),
            person_cases::ended_at.eq(now),
            person_cases::error_code.eq(code),
            person_cases::generation.eq(person_cases::generation + 1),
        ))
        .execute(tx.conn())?;
    if ended == 1 {
        diesel::delete(person_finds::table)
            .filter(person_finds::tenant_id.eq(tenant))
            .filter(person_finds::case_id.eq(case.uuid()))
            .execute(tx.conn())?;
        db::hint(tx, "exports")?;
    }
    Ok(ended == 1)
}

/// What a case looks for.
pub(crate) async fn term(
    vault: &Vault,
    tenant: TenantId,
    case: CaseId,
    sealed: &[u8],
) -> Result<String, CustodyError> {
    let owner = case.to_string();
    let clear = vault
        .open(tenant, &binding(&owner), &Sealed::parse(sealed)?)
        .await?;
    String::from_utf8(clear.expose().clone()).map_err(|_| CustodyError::Unreadable)
}

/// The place of what a case looks for.
pub(super) fn binding(owner: &str) -> Binding<'_> {
    Binding {
        provider: "custody",
        owner,
        column: "person_cases.term_sealed",
    }
}
