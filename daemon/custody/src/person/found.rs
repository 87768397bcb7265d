//! What the owner does with what a search found: looks at it, exports it, has it erased, or closes the case.

use audit::Entry;
use db::Unit;
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use jobs::NewJob;
use kernel::{Action, CaseId, Principal};
use schema::person_cases;
use serde_json::json;

use super::{
    account::ERASE,
    case::{Case, Find, Stored, close, finds, stored, term},
    needle::Needle,
};
use crate::{
    Custody,
    error::CustodyError,
    export::{Export, owner},
    scope::Scope,
};

impl Custody {
    /// A search and where it found the person.
    pub async fn case_show(
        &self,
        who: &Principal,
        case: CaseId,
    ) -> Result<(Case, Vec<Find>), CustodyError> {
        let may = owner(who);
        let (row, found) = self
            .db
            .run(who, move |tx| {
                let row = stored(tx, case)?.ok_or(CustodyError::NoCase)?;
                may?;
                Entry::new(Action::PersonRead, "person_case", case).write(tx)?;
                Ok::<_, CustodyError>((row, finds(tx, case)?))
            })
            .await?;
        Ok((self.shown(who, row).await?, found))
    }

    /// An archive of the rows that were found.
    pub async fn person_export(
        &self,
        who: &Principal,
        case: CaseId,
    ) -> Result<Export, CustodyError> {
        self.found(who, case).await?;
        let by = owner(who)?;
        self.ask_export(who, by, Scope::Person(case)).await
    }

    /// Has what was found erased: rows with a value that is the person's own, and with `mentions` also those
    /// in which they are only named. `confirm`: what was searched for.
    pub async fn person_erase(
        &self,
        who: &Principal,
        case: CaseId,
        confirm: &str,
        mentions: bool,
    ) -> Result<Case, CustodyError> {
        let row = self.found(who, case).await?;
        owner(who)?;
        let sealed = row.term_sealed.as_deref().ok_or(CustodyError::NoCase)?;
        let term = term(&self.vault, who.tenant, case, sealed).await?;
        if !Needle::new(&term)?.is(confirm) {
            return Err(CustodyError::TermWrong);
        }
        let row = self
            .db
            .run(who, move |tx| {
                let changed =
                    diesel::update(person_cases::table.find((tx.tenant().uuid(), case.uuid())))
                        .filter(person_cases::state.eq("found"))
                        .set((
                            person_cases::state.eq("erasing"),
                            person_cases::mentions.eq(mentions),
                        ))
                        .execute(tx.conn())?;
                if changed == 0 {
                    return Err(CustodyError::ErasureRunning);
                }
                let job = NewJob::new(ERASE, json!({ "case": case })).attempts(100);
                jobs::enqueue(tx, job)?;
                Entry::new(Action::PersonErase, "person_case", case)
                    .after(json!({ "mentions": mentions }))
                    .write(tx)?;
                db::hint(tx, "exports")?;
                stored(tx, case)?.ok_or(CustodyError::NoCase)
            })
            .await?;
        self.shown(who, row).await
    }

    /// Ends a case: forgets what was looked for, or declines what a member asked for.
    pub async fn case_close(&self, who: &Principal, case: CaseId) -> Result<(), CustodyError> {
        let may = owner(who);
        self.db
            .run(who, move |tx| {
                stored(tx, case)?.ok_or(CustodyError::NoCase)?;
                may?;
                let open = ["asked", "searching", "found"];
                if !close(tx, case, &open, "closed", None)? {
                    return Err(CustodyError::CaseEnded);
                }
                Ok(Entry::new(Action::PersonClose, "person_case", case).write(tx)?)
            })
            .await
    }

    /// A search that has found what there is.
    async fn found(&self, who: &Principal, case: CaseId) -> Result<Stored, CustodyError> {
        let row = self.db.run(who, move |tx| stored(tx, case)).await?;
        let row = row
            .filter(|row| row.kind == "search")
            .ok_or(CustodyError::NoCase)?;
        if row.state == "found" {
            Ok(row)
        } else {
            Err(CustodyError::CaseEnded)
        }
    }
}
