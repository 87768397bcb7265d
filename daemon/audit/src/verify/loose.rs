//! Rows that no leaf speaks of: those that wait to be sealed, and those that were put in.

use chrono::{DateTime, Utc};
use db::{Auditor, DbError, LooseRow};

use crate::{
    finding::{Fault, Finding, Findings},
    head::{Head, time},
};

/// Rows that are looked at with one statement.
const PAGE: i64 = 20_000;

#[derive(Default)]
pub(super) struct Loose {
    pub(super) pending: u64,
    pub(super) pending_since: Option<DateTime<Utc>>,
    pub(super) notice: Option<String>,
}

/// Looks at every row for one without a leaf. `progress` gets how many pages' worth were looked at.
pub(super) fn look(
    auditor: &mut Auditor,
    last: Option<&Head>,
    findings: &mut Findings,
    mut progress: impl FnMut(u64),
) -> Result<Loose, DbError> {
    let mut loose = Loose::default();
    let cluster = auditor.cluster()?;
    // In the cluster of the last head, every row of a transaction before its mark was sealed.
    let mark = last
        .filter(|head| head.statement.cluster == cluster.id && head.statement.cursor.is_none())
        .map(|head| head.statement.mark);
    if last.is_some() && mark.is_none() {
        loose.notice = Some(
            "The database has come to another cluster and was not sealed there to the end yet, so rows that were put in cannot be told from rows that wait.".to_owned(),
        );
    }
    let (mut from, mut seen, mut ahead) = (Some(0), 0_u64, Vec::new());
    while let Some(next) = from {
        let (rows, after) = auditor.loose_rows(next, PAGE)?;
        for row in rows {
            let xid = row.xid()?;
            if mark.is_some_and(|mark| xid < mark) {
                let detail = "every row of its transaction was sealed without it";
                findings.add(inserted(&row, xid, detail));
            } else if xid >= cluster.next_xid {
                ahead.push(row);
            } else {
                loose.wait(&row);
            }
        }
        from = after;
        seen = seen.saturating_add(PAGE.unsigned_abs());
        progress(seen);
    }
    // Transactions went on meanwhile; what is still ahead of all of them was never written by one.
    let next_xid = auditor.cluster()?.next_xid;
    for row in ahead {
        let xid = row.xid()?;
        if xid >= next_xid && mark.is_some() {
            findings.add(inserted(&row, xid, "its transaction has not been yet"));
        } else {
            loose.wait(&row);
        }
    }
    Ok(loose)
}

impl Loose {
    fn wait(&mut self, row: &LooseRow) {
        self.pending = self.pending.saturating_add(1);
        self.pending_since = Some(self.pending_since.map_or(row.at, |since| since.min(row.at)));
    }
}

fn inserted(row: &LooseRow, xid: u64, why: &str) -> Finding {
    let detail = format!(
        "row of {} at {} with transaction {xid}: {why}",
        row.tenant_id,
        time(row.at)
    );
    Finding::new(Fault::RowInserted, xid, xid, detail).of_row(row.audit_id)
}
