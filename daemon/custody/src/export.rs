//! The verbs of an export: an owner asks for it, looks at it and cancels it.

use async_trait::async_trait;
use audit::Entry;
use chrono::{DateTime, Utc};
use db::{TenantTx, Unit};
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods,
    OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};
use jobs::{Handler, Job, JobError, NewJob};
use kernel::{Action, CaseId, ExportId, Principal, UserId};
use schema::tenant_exports;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Custody,
    error::CustodyError,
    making::{FileState, MAKE, remove},
    scope::Scope,
};

pub(crate) const EXPIRE: &str = "export.expire";
/// Why an archive is gone before its time.
const PERSON_ERASED: &str = "person_erased";

/// Exports that the console lists.
const LISTED: i64 = 50;

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = tenant_exports)]
pub(crate) struct Stored {
    pub(crate) export_id: Uuid,
    pub(crate) asked_by: Uuid,
    pub(crate) asked_at: DateTime<Utc>,
    pub(crate) state: String,
    pub(crate) wrapped: Option<Vec<u8>>,
    files: Value,
    pub(crate) expected: Option<i64>,
    pub(crate) generation: i64,
    pub(crate) ready_at: Option<DateTime<Utc>>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) claimed_at: Option<DateTime<Utc>>,
    pub(crate) ended_at: Option<DateTime<Utc>>,
    pub(crate) error_code: Option<String>,
    scope: String,
    subject: Option<Uuid>,
}

/// What an export's end changes: the key of its files goes.
#[derive(AsChangeset)]
#[diesel(table_name = tenant_exports, treat_none_as_null = true)]
struct Ended<'a> {
    state: &'a str,
    wrapped: Option<Vec<u8>>,
    ended_at: DateTime<Utc>,
    error_code: Option<&'a str>,
}

impl<'a> Ended<'a> {
    fn new(state: &'a str, error_code: Option<&'a str>, ended_at: DateTime<Utc>) -> Self {
        Self {
            state,
            wrapped: None,
            ended_at,
            error_code,
        }
    }
}

/// Who stands before an archive: an owner, for the tenant; or a person, for their own data alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Owner,
    Person,
}

impl Asker {
    pub(crate) fn user(self, who: &Principal) -> Result<UserId, CustodyError> {
        match self {
            Self::Owner => owner(who),
            Self::Person => who.user().ok_or(CustodyError::NotOwner),
        }
    }

    /// Whether there is such an export for them at all.
    pub(crate) fn sees(self, who: &Principal, row: &Stored) -> bool {
        match self {
            Self::Owner => row.scope != "account",
            Self::Person => row.scope == "account" && row.subject == who.user().map(UserId::uuid),
        }
    }
}

impl Stored {
    pub(crate) fn scope(&self) -> Result<Scope, CustodyError> {
        Scope::read(&self.scope, self.subject)
    }

    pub(crate) fn is_in_the_making(&self) -> bool {
        matches!(self.state.as_str(), "waiting" | "running")
    }

    pub(crate) fn files(&self) -> Result<Vec<FileState>, CustodyError> {
        serde_json::from_value(self.files.clone()).map_err(|_| CustodyError::Unreadable)
    }
}

/// An export as its organisation sees it.
#[derive(Clone, Debug)]
pub struct Export {
    pub id: ExportId,
    pub asked_by: UserId,
    pub asked_at: DateTime<Utc>,
    /// `waiting`, `running`, `ready`, `downloading`, `downloaded`, `cancelled`, `failed` or `expired`.
    pub state: String,
    /// Rows so far, and as many as were counted at the start.
    pub rows: u64,
    pub expected: Option<i64>,
    /// Tables that are whole.
    pub files: usize,
    /// Bytes in the clear.
    pub bytes: u64,
    pub ready_at: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub error_code: Option<String>,
    /// `tenant`, `account` or `person`.
    pub scope: &'static str,
}

impl TryFrom<Stored> for Export {
    type Error = CustodyError;

    fn try_from(row: Stored) -> Result<Self, CustodyError> {
        let (files, scope) = (row.files()?, row.scope()?.name());
        Ok(Self {
            scope,
            id: ExportId::from_uuid(row.export_id),
            asked_by: UserId::from_uuid(row.asked_by),
            asked_at: row.asked_at,
            state: row.state,
            rows: files.iter().map(|file| file.rows).sum(),
            expected: row.expected,
            files: files.iter().filter(|file| file.sha256.is_some()).count(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            ready_at: row.ready_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            error_code: row.error_code,
        })
    }
}

impl Custody {
    /// Asks for an export of the whole tenant.
    pub async fn export_create(&self, who: &Principal) -> Result<Export, CustodyError> {
        let asker = owner(who)?;
        self.ask_export(who, asker, Scope::Tenant).await
    }

    /// Asks for an export of one's own data: the account, and what this tenant holds of it.
    pub async fn own_export_create(&self, who: &Principal) -> Result<Export, CustodyError> {
        let asker = Asker::Person.user(who)?;
        self.ask_export(who, asker, Scope::Account(asker)).await
    }

    pub(crate) async fn ask_export(
        &self,
        who: &Principal,
        asker: UserId,
        scope: Scope,
    ) -> Result<Export, CustodyError> {
        let export = ExportId::generate(self.db.clock().as_ref());
        let action = match scope {
            Scope::Tenant => Action::ExportCreate,
            Scope::Account(_) | Scope::Person(_) => Action::PersonExport,
        };
        let row = self
            .db
            .run(who, move |tx| {
                let now = tx.now();
                diesel::insert_into(tenant_exports::table)
                    .values((
                        tenant_exports::tenant_id.eq(tx.tenant().uuid()),
                        tenant_exports::export_id.eq(export.uuid()),
                        tenant_exports::asked_by.eq(asker.uuid()),
                        tenant_exports::asked_at.eq(now),
                        tenant_exports::scope.eq(scope.name()),
                        tenant_exports::subject.eq(scope.subject()),
                    ))
                    .execute(tx.conn())
                    .map_err(db::DbError::from)
                    .map_err(|error| match error {
                        db::DbError::Duplicate(_) => CustodyError::ExportRunning,
                        other => other.into(),
                    })?;
                jobs::enqueue(
                    tx,
                    NewJob::new(MAKE, json!({ "export": export })).attempts(20),
                )?;
                Entry::new(action, "export", export).write(tx)?;
                db::hint(tx, "exports")?;
                stored(tx, export)?.ok_or(CustodyError::NoExport)
            })
            .await?;
        row.try_into()
    }

    /// The newest exports of the tenant and of people who were searched for, newest first.
    pub async fn export_list(&self, who: &Principal) -> Result<Vec<Export>, CustodyError> {
        self.listed(who, None).await
    }

    /// The newest exports of one's own data, newest first.
    pub async fn own_export_list(&self, who: &Principal) -> Result<Vec<Export>, CustodyError> {
        let own = Asker::Person.user(who)?;
        self.listed(who, Some(own)).await
    }

    async fn listed(
        &self,
        who: &Principal,
        own: Option<UserId>,
    ) -> Result<Vec<Export>, CustodyError> {
        let rows: Vec<Stored> = self
            .db
            .run(who, move |tx| {
                let mut wanted = tenant_exports::table
                    .filter(tenant_exports::tenant_id.eq(tx.tenant().uuid()))
                    .order((
                        tenant_exports::asked_at.desc(),
                        tenant_exports::export_id.desc(),
                    ))
                    .limit(LISTED)
                    .select(Stored::as_select())
                    .into_boxed();
                wanted = match own {
                    None => wanted.filter(tenant_exports::scope.ne("account")),
                    Some(own) => wanted
                        .filter(tenant_exports::scope.eq("account"))
                        .filter(tenant_exports::subject.eq(own.uuid())),
                };
                Ok::<_, CustodyError>(wanted.load(tx.conn())?)
            })
            .await?;
        rows.into_iter().map(Export::try_from).collect()
    }

    /// Stops an export, or throws away what was made and not downloaded.
    pub async fn export_cancel(
        &self,
        who: &Principal,
        export: ExportId,
    ) -> Result<(), CustodyError> {
        self.cancel(who, export, Asker::Owner).await
    }

    /// The same of one's own data.
    pub async fn own_export_cancel(
        &self,
        who: &Principal,
        export: ExportId,
    ) -> Result<(), CustodyError> {
        self.cancel(who, export, Asker::Person).await
    }

    async fn cancel(
        &self,
        who: &Principal,
        export: ExportId,
        asker: Asker,
    ) -> Result<(), CustodyError> {
        let by = who.clone();
        self.db
            .run(who, move |tx| {
                stored(tx, export)?
                    .filter(|row| asker.sees(&by, row))
                    .ok_or(CustodyError::NoExport)?;
                asker.user(&by)?;
                let open = ["waiting", "running", "ready"];
                if !end(tx, export, &open, "cancelled", None)? {
                    return Err(CustodyError::ExportEnded);
                }
                Ok(Entry::new(Action::ExportCancel, "export", export).write(tx)?)
            })
            .await?;
        remove(self.directory(who.tenant, export)).await
    }

    /// Gives a broken export up, with the reason for its owner.
    pub(crate) async fn export_fail(
        &self,
        who: &Principal,
        export: ExportId,
        code: &'static str,
    ) -> Result<(), CustodyError> {
        self.db
            .run(who, move |tx| {
                if end(tx, export, &["waiting", "running"], "failed", Some(code))? {
                    Entry::new(Action::ExportFinish, "export", export)
                        .failed(code)
                        .write(tx)?;
                }
                Ok::<_, CustodyError>(())
            })
            .await?;
        remove(self.directory(who.tenant, export)).await
    }

    /// Throws away what may still have somebody in it whose data was erased: archives of the whole organisation,
    /// and of that very case. One in the making may be past that person's rows, and is broken off.
    pub(crate) async fn archives_drop(
        &self,
        who: &Principal,
        case: CaseId,
    ) -> Result<(), CustodyError> {
        let dropped = self
            .db
            .run(who, move |tx| {
                let broken = drop_all(tx, case, &["running"], "failed")?;
                for export in &broken {
                    Entry::new(Action::ExportFinish, "export", export)
                        .failed(PERSON_ERASED)
                        .write(tx)?;
                }
                let gone = drop_all(tx, case, &["ready", "downloading"], "expired")?;
                for export in &gone {
                    Entry::new(Action::ExportExpire, "export", export)
                        .after(json!({ "reason": PERSON_ERASED }))
                        .write(tx)?;
                }
                db::hint(tx, "exports")?;
                Ok::<_, CustodyError>([broken, gone].concat())
            })
            .await?;
        for export in dropped {
            remove(self.directory(who.tenant, export)).await?;
        }
        Ok(())
    }
}

/// Throws an archive away when its days are over.
pub(crate) struct ExportExpire(pub(crate) Custody);

#[derive(Deserialize)]
struct Payload {
    export: ExportId,
}

#[async_trait]
impl Handler for ExportExpire {
    fn kind(&self) -> &'static str {
        EXPIRE
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Payload { export } = job.read()?;
        let who = job.principal();
        self.0
            .db
            .run(&who, move |tx| {
                if end(tx, export, &["ready", "downloading"], "expired", None)? {
                    Entry::new(Action::ExportExpire, "export", export).write(tx)?;
                }
                Ok::<_, CustodyError>(())
            })
            .await?;
        Ok(remove(self.0.directory(who.tenant, export)).await?)
    }
}

/// Only an owner, and a person.
pub(crate) fn owner(who: &Principal) -> Result<UserId, CustodyError> {
    who.user()
        .filter(|_| who.roles.is_owner())
        .ok_or(CustodyError::NotOwner)
}

/// An export of the tenant, locked until the unit of work ends.
pub(crate) fn stored(
    tx: &mut TenantTx<'_>,
    export: ExportId,
) -> Result<Option<Stored>, CustodyError> {
    Ok(tenant_exports::table
        .find((tx.tenant().uuid(), export.uuid()))
        .select(Stored::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}

fn drop_all(
    tx: &mut TenantTx<'_>,
    case: CaseId,
    from: &[&str],
    to: &str,
) -> Result<Vec<ExportId>, CustodyError> {
    let whole = tenant_exports::scope.eq("tenant");
    let own = tenant_exports::subject.assume_not_null().eq(case.uuid());
    let now = tx.now();
    let dropped: Vec<Uuid> = diesel::update(tenant_exports::table)
        .filter(tenant_exports::tenant_id.eq(tx.tenant().uuid()))
        .filter(tenant_exports::state.eq_any(from))
        .filter(whole.or(own))
        .set((
            Ended::new(to, Some(PERSON_ERASED), now),
            tenant_exports::generation.eq(tenant_exports::generation + 1),
        ))
        .returning(tenant_exports::export_id)
        .get_results(tx.conn())?;
    Ok(dropped.into_iter().map(ExportId::from_uuid).collect())
}

/// Ends it, if it is in one of these states.
pub(crate) fn end(
    tx: &mut TenantTx<'_>,
    export: ExportId,
    from: &[&str],
    to: &str,
    code: Option<&str>,
) -> Result<bool, CustodyError> {
    let now = tx.now();
    let ended = diesel::update(tenant_exports::table)
        .filter(tenant_exports::tenant_id.eq(tx.tenant().uuid()))
        .filter(tenant_exports::export_id.eq(export.uuid()))
        .filter(tenant_exports::state.eq_any(from))
        .set((
            Ended::new(to, code, now),
            tenant_exports::generation.eq(tenant_exports::generation + 1),
        ))
        .execute(tx.conn())?;
    db::hint(tx, "exports")?;
    Ok(ended == 1)
}
