//! The jobs at a search's end: what was found is erased, or the case is forgotten when its days are over.

use async_trait::async_trait;
use audit::Entry;
use jobs::{Handler, Job, JobError};
use kernel::{Action, CaseId, Principal};
use serde::Deserialize;
use serde_json::json;

use super::case::{close, stored};
use crate::{Custody, error::CustodyError};

pub(super) const CLOSE: &str = "person.close";
/// Places settled in one transaction.
const BATCH: i32 = 200;

pub(crate) struct CaseClose(pub(crate) Custody);

#[derive(Deserialize)]
struct Payload {
    case: CaseId,
}

#[async_trait]
impl Handler for CaseClose {
    fn kind(&self) -> &'static str {
        CLOSE
    }

    async fn run(&self, job: &Job) -> Result<(), JobError> {
        let Payload { case } = job.read()?;
        let who = job.principal();
        let closing = self.0.db.run(&who, move |tx| {
            if close(tx, case, &["found"], "closed", Some("days_over"))? {
                Entry::new(Action::PersonClose, "person_case", case).write(tx)?;
            }
            Ok::<_, CustodyError>(())
        });
        Ok(closing.await?)
    }
}

impl Custody {
    pub(super) async fn finds_erase(
        &self,
        who: &Principal,
        case: CaseId,
    ) -> Result<(), CustodyError> {
        let target = who.tenant;
        loop {
            let now = self.db.clock().now();
            let settled = self
                .db
                .system(move |tx| tx.finds_erase(target, case, now, BATCH))
                .await?;
            fail::fail_point!("person_erase_rows");
            match settled {
                Some(0) => break,
                Some(_) => {}
                None => return Ok(()),
            }
        }
        self.archives_drop(who, case).await?;
        self.db
            .run(who, move |tx| {
                let counts = stored(tx, case)?.map(|row| row.counts);
                if close(tx, case, &["erasing"], "erased", None)? {
                    Entry::new(Action::PersonErase, "person_case", case)
                        .after(json!({ "counts": counts }))
                        .write(tx)?;
                }
                Ok(())
            })
            .await
    }
}
