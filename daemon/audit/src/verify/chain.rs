//! The heads, one after the other: each readable, signed by a trusted key, and over the one before it.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use db::{Auditor, DbError, StoredHead};

use super::count;
use crate::{
    finding::{Fault, Finding, Findings},
    head::Head,
    tree::Hash,
};

/// Heads of one page.
const PAGE: i64 = 500;

/// What is known of the heads that were read and passed.
pub(super) struct Chain<'t> {
    trusted: &'t [Hash],
    /// The number that was read last.
    read: u64,
    seen: u64,
    /// The head that was read last; `None` when it could not be read.
    previous: Option<Head>,
    /// The last one that was passed.
    last: Option<Head>,
    /// When everything that was there had been sealed, by the last head that says so.
    complete_at: Option<DateTime<Utc>>,
    pruned: Option<DateTime<Utc>>,
    notices: Vec<String>,
    /// The newest head when verification began. Those that a sealer adds meanwhile are not its matter.
    newest: u64,
    ended: bool,
}

impl<'t> Chain<'t> {
    pub(super) const fn new(trusted: &'t [Hash]) -> Self {
        Self {
            trusted,
            read: 0,
            seen: 0,
            previous: None,
            last: None,
            complete_at: None,
            pruned: None,
            notices: Vec::new(),
            newest: 0,
            ended: false,
        }
    }

    /// Learns which head is the newest, and which rows went by retention, which counts for all positions.
    ///
    /// The sealer repeats what the last head said, so a time counts from the head that named it first, and
    /// only if that one and the head before it can be believed: what came in behind a forged head was never
    /// said by Revkeep, though the heads after it are signed.
    pub(super) fn expect(
        &mut self,
        auditor: &mut Auditor,
        newest: Option<&StoredHead>,
    ) -> Result<(), DbError> {
        self.newest = newest.map_or(0, |row| count(row.number));
        // What was named once is never taken back.
        let named = newest.and_then(Head::stored);
        if named.is_none_or(|head| head.statement.pruned.is_none()) {
            return Ok(());
        }
        let (mut read, mut before) = (0, None::<Head>);
        while read < self.newest {
            let page = auditor.heads_after(super::place(read), PAGE)?;
            if page.is_empty() {
                break;
            }
            for row in &page {
                read = count(row.number);
                let head = Head::stored(row).filter(|head| !self.is_later(head));
                if let Some(head) = &head {
                    let said = before.as_ref().and_then(|head| head.statement.pruned);
                    if head.statement.pruned != said && self.says_itself(head, before.as_ref()) {
                        self.pruned = head.statement.pruned;
                    }
                }
                before = head;
            }
        }
        Ok(())
    }

    /// Whether a head that can be believed stands on one that can be, or is the first.
    fn says_itself(&self, head: &Head, before: Option<&Head>) -> bool {
        let follows = match before {
            Some(before) => self.believes(before) && head.statement.previous == before.hash(),
            None => head.statement.number == 1,
        };
        follows && self.believes(head)
    }

    fn believes(&self, head: &Head) -> bool {
        self.trusted.contains(&head.statement.key) && head.signature_holds()
    }

    pub(super) const fn is_later(&self, head: &Head) -> bool {
        head.statement.number > self.newest
    }

    pub(super) const fn seen(&self) -> u64 {
        self.seen
    }
    pub(super) const fn last_signed(&self) -> Option<&Head> {
        self.last.as_ref()
    }
    pub(super) const fn complete_at(&self) -> Option<DateTime<Utc>> {
        self.complete_at
    }
    pub(super) const fn pruned(&self) -> Option<DateTime<Utc>> {
        self.pruned
    }
    pub(super) fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// The next heads that can be believed. Nothing when there are no more.
    pub(super) fn next_page(
        &mut self,
        auditor: &mut Auditor,
        findings: &mut Findings,
    ) -> Result<VecDeque<Head>, DbError> {
        let mut believed = VecDeque::new();
        while believed.is_empty() && !self.ended {
            let page = auditor.heads_after(super::place(self.read), PAGE)?;
            self.ended = page.is_empty();
            for row in &page {
                believed.extend(self.read_head(row, findings));
            }
        }
        Ok(believed)
    }

    /// Reads one; answers it when its signature counts.
    fn read_head(&mut self, row: &StoredHead, findings: &mut Findings) -> Option<Head> {
        let number = count(row.number);
        let mut find = |fault, from, to, detail: &str| {
            findings.add(Finding::new(fault, from, to, detail.to_owned()));
        };
        let due = self.read.saturating_add(1);
        let follows = number == due;
        if !follows {
            find(
                Fault::HeadMissing,
                due,
                number.saturating_sub(1),
                "no such head is stored",
            );
        }
        (self.read, self.seen) = (number, self.seen.saturating_add(1));
        let Some(head) = Head::stored(row) else {
            let detail = "it cannot be read, or its columns say something else than its statement";
            find(Fault::HeadChanged, number, number, detail);
            self.previous = None;
            return None;
        };
        let before = self.previous.replace(head.clone());
        let chained = match &before {
            Some(before) => {
                head.statement.previous == before.hash()
                    && head.statement.size >= before.statement.size
            }
            None => number != 1 || head.statement.previous == [0; 32],
        };
        if follows && !chained {
            find(
                Fault::ChainBroken,
                number,
                number,
                "it does not follow on the head before it",
            );
        }
        if !self.trusted.contains(&head.statement.key) {
            find(
                Fault::KeyUnknown,
                number,
                number,
                "the key that it names is none of Revkeep's",
            );
            return None;
        }
        if !head.signature_holds() {
            find(
                Fault::SignatureBad,
                number,
                number,
                "the signature is not over this statement",
            );
            return None;
        }
        Some(head)
    }

    /// The walk is at the head's size.
    pub(super) fn passed(&mut self, head: Head) {
        let stated = &head.statement;
        if let Some(last) = self
            .last
            .as_ref()
            .filter(|last| last.statement.cluster != stated.cluster)
        {
            self.notices.push(format!(
                "From head {} on, the database is in another cluster ({}, before {}): it was restored or moved.",
                stated.number, stated.cluster, last.statement.cluster
            ));
        }
        if stated.complete {
            self.complete_at = Some(stated.at);
        }
        self.last = Some(head);
    }
}
