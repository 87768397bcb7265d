//! Builds entries and writes them.

use chrono::{DateTime, Utc};
use db::{AuthTx, DbError, MachineTx, TenantTx, Unit};
use diesel::{
    RunQueryDsl as _,
    sql_types::{Array, Bytea, Nullable, SingleValue, SqlType, Text, Timestamptz, Uuid as SqlUuid},
};
use kernel::{
    Action, Actor, AuditId, Classified, ErrorKind, Principal, RequestId, TenantId, UserId,
    port::Sealer, principal::Origin,
};
use schema::audit_log;
use serde_json::Value;
use uuid::Uuid;

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit entry could not be stored")]
    Db(#[from] DbError),
    #[error("the audit key is not at hand, so the change is refused")]
    NoKey,
}

impl From<diesel::result::Error> for AuditError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Classified for AuditError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Db(error) => error.kind(),
            Self::NoKey => ErrorKind::Sealed,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::NoKey => "sealed",
        }
    }
    fn message(&self) -> String {
        match self {
            Self::Db(error) => error.message(),
            Self::NoKey => "The audit log cannot be written while the secrets backend is sealed, so nothing was changed. It works again once an administrator has unsealed it.".to_owned(),
        }
    }
}

/// One line of the audit log before it is written.
#[derive(Debug)]
pub struct Entry {
    action: Action,
    resource_type: &'static str,
    resource_id: String,
    outcome: &'static str,
    code: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
    even_sealed: bool,
    origin: Option<Origin>,
}

/// In the column `code` of an entry whose sealed part could not be kept.
const NOT_KEPT: &str = "detail_not_kept";

impl Entry {
    /// `resource_id` is an id, never a name or an address.
    pub fn new(action: Action, resource_type: &'static str, resource_id: impl ToString) -> Self {
        Self {
            action,
            resource_type,
            resource_id: resource_id.to_string(),
            outcome: "done",
            code: None,
            before: None,
            after: None,
            even_sealed: false,
            origin: None,
        }
    }
    /// For what the daemon tells of requests that were not its own.
    pub fn from(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }
    /// For what must be done even while the audit key is not at hand, such as taking a credential out
    /// of use: the entry is then written without what would be sealed, and says so.
    pub const fn even_sealed(mut self) -> Self {
        self.even_sealed = true;
        self
    }
    pub fn before(mut self, value: Value) -> Self {
        self.before = Some(value);
        self
    }
    pub fn after(mut self, value: Value) -> Self {
        self.after = Some(value);
        self
    }
    /// It was asked for and not permitted.
    pub fn refused(mut self, code: &str) -> Self {
        (self.outcome, self.code) = ("refused", Some(code.to_owned()));
        self
    }
    /// It was tried and did not work.
    pub fn failed(mut self, code: &str) -> Self {
        (self.outcome, self.code) = ("failed", Some(code.to_owned()));
        self
    }

    /// Writes the entry with the principal as its actor.
    pub fn write(self, tx: &mut TenantTx<'_>) -> Result<(), AuditError> {
        write_all(tx, vec![self])
    }

    /// Writes the entry in identity's transaction, which has an actor only once someone is known.
    pub fn write_auth(
        self,
        tx: &mut AuthTx<'_>,
        actor: &Actor,
        origin: Option<&Origin>,
        request: Option<RequestId>,
    ) -> Result<(), AuditError> {
        let author = Author {
            actor,
            origin,
            request,
        };
        let row = self.row(tx, &author)?;
        insert(tx, &[row])
    }

    /// Writes the entry in a machine's transaction, which has no key to seal anything by: the entry says who did
    /// what to which row, and the row says the rest.
    pub fn write_machine(
        self,
        tx: &mut MachineTx<'_>,
        principal: &Principal,
    ) -> Result<(), AuditError> {
        let author = Author {
            actor: &principal.actor,
            origin: None,
            request: principal.request,
        };
        let row = self.row(tx, &author)?;
        insert(tx, &[row])
    }

    fn row<U: Unit>(self, tx: &U, author: &Author<'_>) -> Result<Row, AuditError> {
        let audit_id = AuditId::generate(tx.clock().as_ref());
        let (sealed, code) = match self.sealed(tx, author, audit_id) {
            Ok(sealed) => (sealed, self.code),
            Err(AuditError::NoKey) if self.even_sealed => {
                let code = self.code.or_else(|| Some(NOT_KEPT.to_owned()));
                (SealedPart::default(), code)
            }
            Err(error) => return Err(error),
        };
        Ok(Row {
            tenant_id: tx.tenant().uuid(),
            at: tx.now(),
            audit_id: audit_id.uuid(),
            actor_kind: author.actor.kind(),
            actor_id: author.actor.id(),
            action: self.action.name(),
            outcome: self.outcome,
            resource_type: self.resource_type,
            resource_id: self.resource_id,
            request_id: author.request.map(RequestId::uuid),
            code,
            detail_sealed: sealed.detail,
            origin_sealed: sealed.origin,
        })
    }

    /// What was before and after, and where it was asked for from.
    fn sealed<U: Unit>(
        &self,
        tx: &U,
        author: &Author<'_>,
        audit_id: AuditId,
    ) -> Result<SealedPart, AuditError> {
        let seals = tx.seals();
        let detail = match (&self.before, &self.after) {
            (None, None) => None,
            (before, after) => {
                let text = serde_json::json!({ "before": before, "after": after }).to_string();
                Some(seal(
                    seals.tenant.as_deref(),
                    tx.tenant(),
                    audit_id,
                    "detail",
                    &text,
                )?)
            }
        };
        let origin = match (self.origin.as_ref().or(author.origin), author.actor) {
            // Where an unknown person came from is the tenant's (or platform's) to know.
            (Some(origin), actor) => {
                let key = match actor {
                    Actor::Human { user, .. } => seals
                        .person
                        .as_ref()
                        .filter(|(whose, _)| whose == user)
                        .map(|(_, key)| key.as_ref()),
                    Actor::System { .. }
                    | Actor::Local { .. }
                    | Actor::Provisioner { .. }
                    | Actor::Program { .. }
                    | Actor::Client { .. } => seals.tenant.as_deref(),
                };
                let text = serde_json::json!({ "address": origin.address, "user_agent": origin.user_agent }).to_string();
                Some(seal(key, tx.tenant(), audit_id, "origin", &text)?)
            }
            (None, _) => None,
        };
        Ok(SealedPart { detail, origin })
    }
}

/// Writes many entries of one unit of work in one statement.
pub fn write_all(tx: &mut TenantTx<'_>, entries: Vec<Entry>) -> Result<(), AuditError> {
    let principal = tx.principal().clone();
    let author = Author {
        actor: &principal.actor,
        origin: principal.origin.as_ref(),
        request: principal.request,
    };
    let rows = entries
        .into_iter()
        .map(|entry| entry.row(tx, &author))
        .collect::<Result<Vec<_>, _>>()?;
    insert(tx, &rows)
}

struct Author<'a> {
    actor: &'a Actor,
    origin: Option<&'a Origin>,
    request: Option<RequestId>,
}

/// What of an entry is ciphertext.
#[derive(Default)]
struct SealedPart {
    detail: Option<Vec<u8>>,
    origin: Option<Vec<u8>>,
}

struct Row {
    tenant_id: Uuid,
    at: DateTime<Utc>,
    audit_id: Uuid,
    actor_kind: &'static str,
    actor_id: String,
    action: &'static str,
    outcome: &'static str,
    resource_type: &'static str,
    resource_id: String,
    request_id: Option<Uuid>,
    code: Option<String>,
    detail_sealed: Option<Vec<u8>>,
    origin_sealed: Option<Vec<u8>>,
}

diesel::define_sql_function! {
    /// A row for each element (PostgreSQL's documentation, 9.19). Several in one select list go in step.
    fn unnest<T: SqlType + SingleValue>(elements: Array<T>) -> T;
}

/// All entries in one statement, whole columns as arrays: one with 13 parameters for each row takes
/// longer to be planned than to be done. And its text is always the same, so that a connection prepares
/// it once, where an insert of values would be sent, parsed and planned anew for each entry.
fn insert<U: Unit>(tx: &mut U, rows: &[Row]) -> Result<(), AuditError> {
    if rows.is_empty() {
        return Ok(());
    }
    let elements = (
        unnest::<SqlUuid, _>(column(rows, |row| row.tenant_id)),
        unnest::<Timestamptz, _>(column(rows, |row| row.at)),
        unnest::<SqlUuid, _>(column(rows, |row| row.audit_id)),
        unnest::<Text, _>(column(rows, |row| row.actor_kind)),
        unnest::<Text, _>(column(rows, |row| row.actor_id.as_str())),
        unnest::<Text, _>(column(rows, |row| row.action)),
        unnest::<Text, _>(column(rows, |row| row.outcome)),
        unnest::<Text, _>(column(rows, |row| row.resource_type)),
        unnest::<Text, _>(column(rows, |row| row.resource_id.as_str())),
        unnest::<Nullable<SqlUuid>, _>(column(rows, |row| row.request_id)),
        unnest::<Nullable<Text>, _>(column(rows, |row| row.code.as_deref())),
        unnest::<Nullable<Bytea>, _>(column(rows, |row| row.detail_sealed.as_deref())),
        unnest::<Nullable<Bytea>, _>(column(rows, |row| row.origin_sealed.as_deref())),
    );
    diesel::insert_into(audit_log::table)
        .values(diesel::select(elements))
        .into_columns(audit_log::all_columns)
        .execute(tx.conn())?;
    Ok(())
}

fn column<'a, T>(rows: &'a [Row], of: impl Fn(&'a Row) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

fn seal(
    key: Option<&dyn Sealer>,
    tenant: TenantId,
    id: AuditId,
    column: &str,
    text: &str,
) -> Result<Vec<u8>, AuditError> {
    let place = place(tenant, id, column);
    key.and_then(|key| key.seal(&place, text.as_bytes()))
        .ok_or(AuditError::NoKey)
}

/// The row and column that a ciphertext belongs to.
pub(crate) fn place(tenant: TenantId, id: AuditId, column: &str) -> Vec<u8> {
    [
        tenant.uuid().as_bytes(),
        id.uuid().as_bytes(),
        column.as_bytes(),
    ]
    .concat()
}

/// The subject of a tenant's own key in `audit_keys`.
pub(crate) const TENANT_SUBJECT: Uuid = Uuid::nil();

pub(crate) fn subject(person: Option<UserId>) -> Uuid {
    person.map_or(TENANT_SUBJECT, UserId::uuid)
}
