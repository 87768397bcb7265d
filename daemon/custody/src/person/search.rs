//! The job that looks for a person in every table of the tenant: page after page, each noted with what was
//! found in it, so that a run that was cut short goes on there.

use async_trait::async_trait;
use audit::Entry;
use chrono::TimeDelta;
use db::Unit;
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use jobs::{Handler, Job, JobError, NewJob};
use kernel::{Action, CaseId, Classified, ErrorKind, Principal};
use schema::{person_cases, person_finds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    case::{Case, close, stored, term},
    needle::{Needle, Traces},
};
use crate::{
    Custody,
    error::CustodyError,
    export::owner,
    opening::Opener,
    person::{case::binding, erasing::CLOSE},
    reader::{self, Row},
    registry::{self, Table, searched},
    scope::Scope,
};

pub(super) const SEARCH: &str = "person.search";
/// More than this is no search for one person.
const MOST_FINDS: i64 = 10_000;

pub(crate) struct PersonSearch(pub(crate) Custody);

#[derive(Deserialize)]
struct Payload {
    case: CaseId,
}

#[async_trait]
impl Handler for PersonSearch {
    fn kind(&self) -> &'static str {
        SEARCH
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Payload { case } = job.read()?;
        let who = job.principal();
        let Err(error) = self.0.search(&who, case).await else {
            return Ok(());
        };
        let passes = matches!(
            error.kind(),
            ErrorKind::Sealed | ErrorKind::Unavailable | ErrorKind::Conflict
        );
        if !passes || job.attempts >= job.max_attempts {
            let code = error.code();
            let failing = self.0.db.run(&who, move |tx| {
                close(tx, case, &["searching"], "failed", Some(code))
            });
            failing.await?;
        }
        Err(error.into())
    }
}

/// Where a search goes on: in this table, after this row.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Place {
    table: String,
    after: Option<Vec<String>>,
}

/// A search, held by one run.
struct Looking<'a> {
    custody: &'a Custody,
    who: &'a Principal,
    case: CaseId,
    needle: Needle,
    opener: Opener,
    scanned: i64,
    expected: i64,
    generation: i64,
}

impl Custody {
    /// Asks where in the tenant's data a person stands, by their address or name.
    pub async fn person_search(&self, who: &Principal, term: &str) -> Result<Case, CustodyError> {
        let by = owner(who)?;
        let needle = Needle::new(term)?;
        let case = CaseId::generate(self.db.clock().as_ref());
        self.vault.ensure_tenant_key(who.tenant).await?;
        let sealed = self
            .vault
            .seal(
                who.tenant,
                &binding(&case.to_string()),
                needle.as_str().as_bytes(),
            )
            .await?
            .to_bytes();
        let row = self
            .db
            .run(who, move |tx| {
                let now = tx.now();
                diesel::insert_into(person_cases::table)
                    .values((
                        person_cases::tenant_id.eq(tx.tenant().uuid()),
                        person_cases::case_id.eq(case.uuid()),
                        person_cases::kind.eq("search"),
                        person_cases::term_sealed.eq(sealed),
                        person_cases::asked_by.eq(by.uuid()),
                        person_cases::asked_at.eq(now),
                        person_cases::state.eq("searching"),
                    ))
                    .execute(tx.conn())?;
                let job = NewJob::new(SEARCH, json!({ "case": case })).attempts(20);
                jobs::enqueue(tx, job)?;
                Entry::new(Action::PersonSearch, "person_case", case).write(tx)?;
                db::hint(tx, "exports")?;
                stored(tx, case)?.ok_or(CustodyError::NoCase)
            })
            .await?;
        self.shown(who, row).await
    }

    async fn search(&self, who: &Principal, case: CaseId) -> Result<(), CustodyError> {
        let found = self
            .db
            .run_unsealed(who, move |tx| stored(tx, case))
            .await?;
        let Some(row) = found.filter(|row| row.state == "searching") else {
            return Ok(());
        };
        let sealed = row.term_sealed.as_deref().ok_or(CustodyError::Unreadable)?;
        let needle = Needle::new(&term(&self.vault, who.tenant, case, sealed).await?)?;
        let place: Option<Place> = row
            .place
            .map(serde_json::from_value)
            .transpose()
            .map_err(|_| CustodyError::Unreadable)?;
        let mut tables = registry::tables(&self.db, who, Scope::Tenant).await?;
        tables.retain(|table| searched(&table.name));
        let mut expected = 0;
        for table in &tables {
            expected += reader::count(&self.db, who, Scope::Tenant, table).await?;
        }
        let mut looking = Looking {
            custody: self,
            who,
            case,
            needle,
            opener: Opener::new(&self.db, &self.vault, who),
            scanned: row.scanned,
            expected: row.expected.unwrap_or(expected),
            generation: row.generation,
        };
        for table in &tables {
            let after = match &place {
                Some(place) if table.name < place.table => continue,
                Some(place) if table.name == place.table => place.after.clone(),
                _ => None,
            };
            if !looking.table(table, after).await? {
                return Ok(());
            }
        }
        looking.finish().await
    }
}

impl Looking<'_> {
    /// Looks through the rest of a table; `false` when the case was closed meanwhile.
    async fn table(
        &mut self,
        table: &Table,
        mut after: Option<Vec<String>>,
    ) -> Result<bool, CustodyError> {
        loop {
            let (db, who) = (&self.custody.db, self.who);
            let page = reader::page(db, who, Scope::Tenant, table, after).await?;
            after = page.rows.last().map(|row| row.place.clone());
            self.scanned += i64::try_from(page.rows.len()).unwrap_or_default();
            let mut found = Vec::new();
            for row in page.rows {
                found.extend(self.row(table, row).await?);
            }
            let more = page.more && after.is_some();
            let place = Place {
                table: table.name.clone(),
                after: after.clone(),
            };
            if !self.store(place, found).await? {
                return Ok(false);
            }
            fail::fail_point!("person_search_page");
            if !more {
                return Ok(true);
            }
        }
    }

    async fn row(
        &mut self,
        table: &Table,
        row: Row,
    ) -> Result<Option<(Vec<String>, Traces)>, CustodyError> {
        let key = row.place.clone();
        let line = self.opener.line(table, row).await?;
        Ok(self.needle.traces(&line)?.map(|traces| (key, traces)))
    }

    /// Notes what a page had, and how far the search is.
    async fn store(
        &mut self,
        place: Place,
        found: Vec<(Vec<String>, Traces)>,
    ) -> Result<bool, CustodyError> {
        let (case, generation) = (self.case, self.generation);
        let (scanned, expected) = (self.scanned, self.expected);
        let stays = self
            .custody
            .db
            .run_unsealed(self.who, move |tx| {
                let tenant = tx.tenant().uuid();
                let table = place.table.clone();
                let noted: Value =
                    serde_json::to_value(place).map_err(|_| CustodyError::Unreadable)?;
                let changed = diesel::update(person_cases::table.find((tenant, case.uuid())))
                    .filter(person_cases::generation.eq(generation))
                    .filter(person_cases::state.eq("searching"))
                    .set((
                        person_cases::place.eq(noted),
                        person_cases::scanned.eq(scanned),
                        person_cases::expected.eq(expected),
                        person_cases::generation.eq(generation + 1),
                    ))
                    .execute(tx.conn())?;
                if changed == 0 {
                    let open = stored(tx, case)?.is_some_and(|row| row.state == "searching");
                    return if open {
                        Err(CustodyError::Superseded)
                    } else {
                        Ok(false)
                    };
                }
                for (key, traces) in found {
                    diesel::insert_into(person_finds::table)
                        .values((
                            person_finds::tenant_id.eq(tenant),
                            person_finds::case_id.eq(case.uuid()),
                            person_finds::place.eq(&table),
                            person_finds::row_key.eq(key),
                            person_finds::own.eq(traces.own),
                            person_finds::fields.eq(traces.fields),
                        ))
                        .on_conflict_do_nothing()
                        .execute(tx.conn())?;
                }
                let total: i64 = person_finds::table
                    .filter(person_finds::tenant_id.eq(tenant))
                    .filter(person_finds::case_id.eq(case.uuid()))
                    .count()
                    .get_result(tx.conn())?;
                if total > MOST_FINDS {
                    return Err(CustodyError::TooMany);
                }
                db::hint(tx, "exports")?;
                Ok(true)
            })
            .await?;
        self.generation += 1;
        Ok(stays)
    }

    async fn finish(self) -> Result<(), CustodyError> {
        let case = self.case;
        let days = TimeDelta::days(i64::from(self.custody.export.keep_days.max(1)));
        self.custody
            .db
            .run(self.who, move |tx| {
                let ends = tx.now() + days;
                let found =
                    diesel::update(person_cases::table.find((tx.tenant().uuid(), case.uuid())))
                        .filter(person_cases::state.eq("searching"))
                        .set((
                            person_cases::state.eq("found"),
                            person_cases::place.eq(None::<Value>),
                        ))
                        .execute(tx.conn())?;
                if found == 1 {
                    let job = NewJob::new(CLOSE, json!({ "case": case })).at(ends);
                    jobs::enqueue(tx, job)?;
                    db::hint(tx, "exports")?;
                }
                Ok(())
            })
            .await
    }
}
