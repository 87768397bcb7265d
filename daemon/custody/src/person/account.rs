//! A person with an account: they ask for their erasure, an administrator does it. The account goes when it
//! served this tenant alone; the log keeps the id, and the key of what it sealed of them is destroyed.

use async_trait::async_trait;
use audit::Entry;
use db::{TenantTx, Unit};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};
use jobs::{Handler, Job, JobError, NewJob};
use kernel::{Action, CaseId, Classified, ErrorKind, ExportId, Principal, UserId};
use schema::{people, person_cases, tenant_exports};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    case::{Case, Stored, close, stored},
    needle::Needle,
};
use crate::{Custody, erasure::SETTLE, error::CustodyError, making::remove};

pub(super) const ERASE: &str = "person.erase";

pub(crate) struct PersonErase(pub(crate) Custody);

#[derive(Deserialize)]
struct Payload {
    case: CaseId,
}

#[async_trait]
impl Handler for PersonErase {
    fn kind(&self) -> &'static str {
        ERASE
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Payload { case } = job.read()?;
        let who = job.principal();
        let Err(error) = self.0.case_erase(&who, case).await else {
            return Ok(());
        };
        if error.kind() == ErrorKind::Internal {
            let code = error.code();
            let failing = self.0.db.run(&who, move |tx| {
                close(tx, case, &["erasing"], "failed", Some(code))
            });
            failing.await?;
        }
        Err(error.into())
    }
}

impl Custody {
    /// The open case about one's own account, if there is one.
    pub async fn own_erasure(&self, who: &Principal) -> Result<Option<Case>, CustodyError> {
        let own = who.user().ok_or(CustodyError::NoCase)?;
        let found = self.db.run(who, move |tx| open_of(tx, own)).await?;
        Ok(found.map(Case::from))
    }

    /// Asks for the erasure of one's own account; an administrator does it.
    pub async fn erasure_ask(&self, who: &Principal) -> Result<Case, CustodyError> {
        let own = who.user().ok_or(CustodyError::NoCase)?;
        let case = CaseId::generate(self.db.clock().as_ref());
        let row = self
            .db
            .run(who, move |tx| {
                // A visitor from the appliance is no member, and nothing is held of them here.
                member(tx, own)?;
                insert(tx, case, own, own, "asked")?;
                Entry::new(Action::ErasureAsk, "user", own).write(tx)?;
                stored(tx, case)?.ok_or(CustodyError::NoCase)
            })
            .await?;
        Ok(row.into())
    }

    /// Takes that back, as long as nobody has done it.
    pub async fn erasure_withdraw(&self, who: &Principal) -> Result<(), CustodyError> {
        let own = who.user().ok_or(CustodyError::NoCase)?;
        self.db
            .run(who, move |tx| {
                let open = open_of(tx, own)?.ok_or(CustodyError::NoCase)?;
                let case = CaseId::from_uuid(open.case_id);
                if !close(tx, case, &["asked"], "closed", Some("withdrawn"))? {
                    return Err(CustodyError::NoCase);
                }
                Ok(Entry::new(Action::ErasureWithdraw, "user", own).write(tx)?)
            })
            .await
    }

    /// Shuts a member out at once, and erases what is held of them shortly after. `confirm`: their address.
    pub async fn member_erase(
        &self,
        who: &Principal,
        subject: UserId,
        confirm: &str,
    ) -> Result<Case, CustodyError> {
        let by = who.user().ok_or(CustodyError::NotOwner)?;
        let sealed = self.db.run(who, move |tx| member(tx, subject)).await?;
        let address = identity::people_address(&self.vault, subject, &sealed).await?;
        if !Needle::new(address.expose()).is_ok_and(|address| address.is(confirm)) {
            return Err(CustodyError::AddressWrong);
        }
        self.identity.member_leave(who, subject).await?;
        let fresh = CaseId::generate(self.db.clock().as_ref());
        let row = self
            .db
            .run(who, move |tx| {
                let due = tx.now() + SETTLE;
                let case = match open_of(tx, subject)? {
                    Some(open) if open.state == "asked" => CaseId::from_uuid(open.case_id),
                    Some(_) => return Err(CustodyError::ErasureRunning),
                    None => {
                        insert(tx, fresh, subject, by, "asked")?;
                        fresh
                    }
                };
                diesel::update(person_cases::table.find((tx.tenant().uuid(), case.uuid())))
                    .set((
                        person_cases::state.eq("erasing"),
                        person_cases::due_at.eq(due),
                    ))
                    .execute(tx.conn())?;
                jobs::enqueue(
                    tx,
                    NewJob::new(ERASE, json!({ "case": case }))
                        .at(due)
                        .attempts(100),
                )?;
                Entry::new(Action::PersonErase, "user", subject)
                    .after(json!({ "due_at": due }))
                    .write(tx)?;
                db::hint(tx, "exports")?;
                stored(tx, case)?.ok_or(CustodyError::NoCase)
            })
            .await?;
        Ok(row.into())
    }

    async fn case_erase(&self, who: &Principal, case: CaseId) -> Result<(), CustodyError> {
        let found = self
            .db
            .run_unsealed(who, move |tx| stored(tx, case))
            .await?;
        let Some(row) = found.filter(|row| row.state == "erasing") else {
            return Ok(());
        };
        match row.subject {
            Some(subject) => {
                self.account_erase(who, case, UserId::from_uuid(subject))
                    .await
            }
            None => self.finds_erase(who, case).await,
        }
    }

    async fn account_erase(
        &self,
        who: &Principal,
        case: CaseId,
        subject: UserId,
    ) -> Result<(), CustodyError> {
        for export in self.archives(who, subject).await? {
            remove(self.directory(who.tenant, export)).await?;
        }
        let (target, now) = (who.tenant, self.db.clock().now());
        let erased = self
            .db
            .system(move |tx| tx.account_erase(target, case, now))
            .await?;
        let Some(whole) = erased else {
            return self.still_in(who, case).await;
        };
        fail::fail_point!("person_erase_rows");
        self.archives_drop(who, case).await?;
        self.db
            .run(who, move |tx| {
                let counts = stored(tx, case)?.map(|row| row.counts);
                if close(tx, case, &["erasing"], "erased", None)? {
                    Entry::new(Action::PersonErase, "user", subject)
                        .after(json!({ "account_gone": whole, "counts": counts }))
                        .write(tx)?;
                }
                Ok(())
            })
            .await
    }

    /// The person was let in again meanwhile, so nothing is erased.
    async fn still_in(&self, who: &Principal, case: CaseId) -> Result<(), CustodyError> {
        let closing = self.db.run(who, move |tx| {
            if close(tx, case, &["erasing"], "failed", Some("person_still_in"))? {
                Entry::new(Action::PersonErase, "person_case", case)
                    .failed("person_still_in")
                    .write(tx)?;
            }
            Ok::<_, CustodyError>(())
        });
        closing.await
    }

    /// Archives of the person's own data, on disk or not.
    async fn archives(
        &self,
        who: &Principal,
        subject: UserId,
    ) -> Result<Vec<ExportId>, CustodyError> {
        let found: Vec<Uuid> = self
            .db
            .run_unsealed(who, move |tx| {
                Ok::<_, CustodyError>(
                    tenant_exports::table
                        .filter(tenant_exports::tenant_id.eq(tx.tenant().uuid()))
                        .filter(tenant_exports::scope.eq("account"))
                        .filter(tenant_exports::subject.eq(subject.uuid()))
                        .select(tenant_exports::export_id)
                        .load(tx.conn())?,
                )
            })
            .await?;
        Ok(found.into_iter().map(ExportId::from_uuid).collect())
    }
}

/// The sealed address of a member.
fn member(tx: &mut TenantTx<'_>, user: UserId) -> Result<Vec<u8>, CustodyError> {
    people::table
        .filter(people::tenant_id.eq(tx.tenant().uuid()))
        .filter(people::user_id.eq(user.uuid()))
        .select(people::email_sealed)
        .first(tx.conn())
        .optional()?
        .ok_or(CustodyError::NoCase)
}

fn insert(
    tx: &mut TenantTx<'_>,
    case: CaseId,
    subject: UserId,
    by: UserId,
    state: &str,
) -> Result<(), CustodyError> {
    let now = tx.now();
    diesel::insert_into(person_cases::table)
        .values((
            person_cases::tenant_id.eq(tx.tenant().uuid()),
            person_cases::case_id.eq(case.uuid()),
            person_cases::kind.eq("account"),
            person_cases::subject.eq(subject.uuid()),
            person_cases::asked_by.eq(by.uuid()),
            person_cases::asked_at.eq(now),
            person_cases::state.eq(state),
        ))
        .execute(tx.conn())
        .map_err(db::DbError::from)
        .map_err(|error| match error {
            db::DbError::Duplicate(_) => CustodyError::ErasureRunning,
            other => other.into(),
        })?;
    Ok(db::hint(tx, "exports")?)
}

fn open_of(tx: &mut TenantTx<'_>, subject: UserId) -> Result<Option<Stored>, CustodyError> {
    Ok(person_cases::table
        .filter(person_cases::tenant_id.eq(tx.tenant().uuid()))
        .filter(person_cases::subject.eq(subject.uuid()))
        .filter(person_cases::state.eq_any(["asked", "erasing"]))
        .select(Stored::as_select())
        .for_update()
        .first(tx.conn())
        .optional()?)
}
