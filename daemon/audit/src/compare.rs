//! Comparison with an archive of heads that the database's owner cannot reach, such as a SIEM's: what the
//! archive knows and the database no longer says. It finds what a consistent forgery hides from
//! verification: a database that was put back to an earlier state.

use std::{collections::HashMap, io::BufRead};

use db::{Auditor, DbError};
use serde::Serialize;

use crate::{
    archive::Archived,
    finding::{Fault, Finding, Findings},
    head::{Head, time},
    tree::Hash,
    verify::{count, place},
};

/// Heads of the archive that are compared at a time.
const PAGE: usize = 500;

/// The outcome.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Heads of the archive that were compared.
    pub heads: u64,
    /// Lines of the archive that are about something else.
    pub other_lines: u64,
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more: u64,
}

impl Comparison {
    /// Whether the database says all that the archive does.
    pub const fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Why an archive could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error("the audit log could not be read")]
    Db(#[from] DbError),
    #[error("the archive could not be read")]
    Archive(#[from] std::io::Error),
}

/// Compares the heads in `archive`, lines in any order and of any form that [`Archived`] knows, among other
/// lines, with the database.
pub fn compare(
    auditor: &mut Auditor,
    trusted: &[Hash],
    mut archive: impl BufRead,
    mut progress: impl FnMut(u64),
) -> Result<Comparison, CompareError> {
    let (mut heads, mut other_lines, mut findings) = (0_u64, 0_u64, Findings::default());
    let last = auditor.last_head()?;
    let reach = last
        .as_ref()
        .map_or((0, 0), |head| (count(head.number), count(head.size)));
    let mut page = Vec::with_capacity(PAGE);
    let (mut line, mut number) = (Vec::new(), 0_u64);
    while archive.read_until(b'\n', &mut line)? > 0 {
        number = number.saturating_add(1);
        let found = Archived::in_line(&line);
        line.clear();
        if found.heads.is_empty() && !found.unreadable {
            other_lines = other_lines.saturating_add(1);
        }
        let mut foreign = found.unreadable;
        for head in found.heads {
            if trusted.contains(&head.statement.key) && head.signature_holds() {
                heads = heads.saturating_add(1);
                page.push(head);
            } else {
                foreign = true;
            }
        }
        if foreign {
            let detail = "not a head that Revkeep signed".to_owned();
            findings.add(Finding::new(Fault::ArchiveLine, number, number, detail));
        }
        if page.len() >= PAGE {
            hold_against(auditor, &mut page, reach, &mut findings)?;
            progress(heads);
        }
    }
    hold_against(auditor, &mut page, reach, &mut findings)?;
    progress(heads);
    let (findings, more) = findings.done();
    Ok(Comparison {
        heads,
        other_lines,
        findings,
        more,
    })
}

/// Looks for each head of the page in the database, which reaches to a number and a size.
fn hold_against(
    auditor: &mut Auditor,
    page: &mut Vec<Head>,
    (last_number, last_size): (u64, u64),
    findings: &mut Findings,
) -> Result<(), DbError> {
    let numbers: Vec<i64> = page
        .iter()
        .map(|head| place(head.statement.number))
        .collect();
    let stored: HashMap<u64, _> = auditor
        .heads_of(&numbers)?
        .into_iter()
        .map(|row| (count(row.number), row))
        .collect();
    for head in page.drain(..) {
        let stated = &head.statement;
        let found =
            |fault, detail: String| Finding::new(fault, stated.number, stated.number, detail);
        match stored.get(&stated.number) {
            Some(row) if row.statement == head.text() && row.signature == head.signature => {}
            Some(_) => findings.add(found(
                Fault::HeadDiffers,
                format!("the archive's head {} is over {} positions at {} and another one than the database's", stated.number, stated.size, time(stated.at)),
            )),
            None if stated.number > last_number => findings.add(found(
                Fault::RolledBack,
                format!(
                    "the database ends at head {last_number} with {last_size} positions; the archive has head {} of {} with {}",
                    stated.number,
                    time(stated.at),
                    stated.size
                ),
            )),
            None => findings.add(found(
                Fault::HeadMissing,
                format!("the archive has this head of {}", time(stated.at)),
            )),
        }
    }
    Ok(())
}
