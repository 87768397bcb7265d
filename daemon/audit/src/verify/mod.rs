//! Verification: reads rows, leaves, subtrees and heads once, in order, a page at a time, and says what
//! is not as it was sealed, and where.
//!
//! What is believed is what a trusted key signed. A row is compared with its leaf, the leaves with the
//! signed roots, each head with the one before. Where leaves and stored subtrees contradict each other,
//! the next signed root tells which of them was changed, so that one change does not make everything
//! after it doubtful.

mod chain;
mod loose;
mod trunk;

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Auditor, DbError, LeafRow};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    finding::{Fault, Finding, Findings},
    head::{Head, HeadLine},
    tree::{Hash, TILE, leaf_hash},
};
use chain::Chain;
use trunk::Trunk;

/// Leaves, with their rows, of one page.
const PAGE: u64 = 10_000;
/// How much later than its own time a row may be sealed after everything older was: clocks of several
/// daemons, and a transaction's own time.
const LATE: TimeDelta = TimeDelta::minutes(15);

/// What verification looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Leaves with their rows, and heads.
    Tree,
    /// Rows that no leaf speaks of.
    Loose,
}

/// The outcome.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Heads and leaves that were looked at.
    pub heads: u64,
    pub leaves: u64,
    /// Leaves whose row went by retention, as a signed head says.
    pub pruned: u64,
    /// Rows that wait to be sealed, and the time of the oldest.
    pub pending: u64,
    pub pending_since: Option<DateTime<Utc>>,
    /// The last head whose signature counts.
    pub last: Option<HeadLine>,
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more: u64,
    /// What whoever reads this should know, though nothing is wrong with it.
    pub notices: Vec<String>,
}

impl Report {
    /// Whether the log is as it was sealed.
    pub const fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Verifies the whole log; `trusted` are the public keys whose signatures count. `progress` gets how much
/// of how much was looked at.
///
/// Where months went by retention meanwhile, the head that says so came after those that were read, and what is
/// missing is looked at once more.
pub fn verify(
    auditor: &mut Auditor,
    trusted: &[Hash],
    mut progress: impl FnMut(Stage, u64, u64),
) -> Result<Report, DbError> {
    let pruned = pruned(auditor)?;
    let report = once(auditor, trusted, &mut progress)?;
    if report.holds() || self::pruned(auditor)? == pruned {
        return Ok(report);
    }
    once(auditor, trusted, &mut progress)
}

/// What the newest head says of it.
fn pruned(auditor: &mut Auditor) -> Result<Option<DateTime<Utc>>, DbError> {
    let newest = auditor.last_head()?.as_ref().and_then(Head::stored);
    Ok(newest.and_then(|head| head.statement.pruned))
}

fn once(
    auditor: &mut Auditor,
    trusted: &[Hash],
    progress: &mut impl FnMut(Stage, u64, u64),
) -> Result<Report, DbError> {
    let newest = auditor.last_head()?;
    let stored = auditor
        .last_position()?
        .map_or(0, |last| count(last).saturating_add(1));
    let total = newest
        .as_ref()
        .map_or(0, |head| count(head.size))
        .min(stored);
    let mut walk = Walk::new(trusted);
    walk.chain.expect(auditor, newest.as_ref())?;
    progress(Stage::Tree, 0, total);
    while walk.position < total {
        let to = walk.position.saturating_add(PAGE).min(total);
        let page = auditor.leaves(place(walk.position), place(to))?;
        walk.trunk.fetch_nodes(auditor, walk.position, to)?;
        for leaf in page {
            walk.leaf(auditor, &leaf)?;
        }
        walk.missing_until(auditor, to)?;
        progress(Stage::Tree, walk.position, total);
    }
    walk.finish(auditor)?;
    walk.beyond(auditor)?;
    let last = walk.chain.last_signed().cloned();
    let loose = loose::look(auditor, last.as_ref(), &mut walk.findings, |done| {
        progress(Stage::Loose, done, total.max(done));
    })?;
    let mut notices = walk.chain.notices();
    notices.extend(loose.notice);
    if last.is_none() {
        notices.push("No head was signed yet, so there is nothing to verify against.".to_owned());
    }
    let (findings, more) = walk.findings.done();
    Ok(Report {
        heads: walk.chain.seen(),
        leaves: walk.leaves,
        pruned: walk.pruned,
        pending: loose.pending,
        pending_since: loose.pending_since,
        last: last.as_ref().map(Head::line),
        findings,
        more,
        notices,
    })
}

/// The order in which rows are sealed under one head: transaction, time, id.
type Order = (u64, DateTime<Utc>, Uuid);

/// Where the walk along the positions is.
struct Walk<'t> {
    position: u64,
    leaves: u64,
    pruned: u64,
    trunk: Trunk,
    chain: Chain<'t>,
    /// Heads that were read and lie at or before no position yet, in order.
    ahead: VecDeque<Head>,
    /// The row before, when it is under the same head.
    before: Option<Order>,
    findings: Findings,
}

impl<'t> Walk<'t> {
    fn new(trusted: &'t [Hash]) -> Self {
        Self {
            position: 0,
            leaves: 0,
            pruned: 0,
            trunk: Trunk::default(),
            chain: Chain::new(trusted),
            ahead: VecDeque::new(),
            before: None,
            findings: Findings::default(),
        }
    }

    fn leaf(&mut self, auditor: &mut Auditor, leaf: &LeafRow) -> Result<(), DbError> {
        self.missing_until(auditor, count(leaf.position))?;
        self.pass_heads(auditor)?;
        self.leaves = self.leaves.saturating_add(1);
        self.row(leaf);
        match leaf.hash.as_slice().try_into() {
            Ok(hash) => self.trunk.leaf(hash),
            Err(_) => self.trunk.gap(),
        }
        self.step(auditor)
    }

    /// Compares the row with its leaf, and its place with its time and transaction.
    fn row(&mut self, leaf: &LeafRow) {
        let position = self.position;
        let found = |fault, detail: String| {
            Finding::new(fault, position, position, detail).of_row(leaf.audit_id)
        };
        let about = || format!("of {} at {}", leaf.tenant_id, crate::head::time(leaf.at));
        let Some(stored) = &leaf.stored else {
            self.before = None;
            if self.may_be_pruned(leaf.at) {
                self.pruned = self.pruned.saturating_add(1);
            } else {
                self.findings.add(found(Fault::RowMissing, about()));
            }
            return;
        };
        if leaf_hash(stored).as_slice() != leaf.hash {
            self.findings.add(found(Fault::RowChanged, about()));
        } else if self
            .chain
            .complete_at()
            .is_some_and(|at| leaf.at < at - LATE)
        {
            self.findings.add(found(Fault::RowBackdated, about()));
        }
        let order = xid_of(stored).map(|xid| (xid, leaf.at, leaf.audit_id));
        if let (Some(before), Some(order)) = (self.before, order)
            && order < before
        {
            self.findings.add(found(
                Fault::RowReordered,
                "its transaction came before the one at the position before".to_owned(),
            ));
        }
        self.before = order;
    }

    /// Whether retention explains that a row dated `at` is gone. A leaf's date is a column that nobody
    /// signed; when its row was sealed is signed. A row that was sealed after a complete head is no older
    /// than that head, but for what came late, so the head has to lie before the pruned time as well.
    fn may_be_pruned(&self, at: DateTime<Utc>) -> bool {
        self.chain.pruned().is_some_and(|before| {
            at < before
                && self
                    .chain
                    .complete_at()
                    .is_none_or(|complete| complete < before + LATE)
        })
    }

    /// Goes on to `to`, over positions that have no leaf.
    fn missing_until(&mut self, auditor: &mut Auditor, to: u64) -> Result<(), DbError> {
        if self.position >= to {
            return Ok(());
        }
        let detail = "no leaf is stored here".to_owned();
        self.findings.add(Finding::new(
            Fault::LeafMissing,
            self.position,
            to.saturating_sub(1),
            detail,
        ));
        self.before = None;
        while self.position < to {
            self.pass_heads(auditor)?;
            self.trunk.gap();
            // To the last position of the tile, or of the gap.
            let edge = (self.position | (TILE - 1)).min(to.saturating_sub(1));
            self.position = edge;
            self.step(auditor)?;
        }
        Ok(())
    }

    fn step(&mut self, auditor: &mut Auditor) -> Result<(), DbError> {
        self.position = self.position.saturating_add(1);
        if self.position.is_multiple_of(TILE) {
            self.trunk
                .close_tile(auditor, self.position, &mut self.findings)?;
        }
        Ok(())
    }

    /// Holds the tree against each head over exactly, or less than, the positions so far.
    fn pass_heads(&mut self, auditor: &mut Auditor) -> Result<(), DbError> {
        loop {
            if self.ahead.is_empty() {
                // Once there are no more, none is asked for again.
                self.ahead = self.chain.next_page(auditor, &mut self.findings)?;
            }
            match self.ahead.front() {
                Some(head) if head.statement.size <= self.position => {}
                _ => return Ok(()),
            }
            if let Some(head) = self.ahead.pop_front() {
                self.trunk
                    .hold_against(&head, self.position, &mut self.findings);
                self.chain.passed(head);
                self.before = None;
            }
        }
    }

    /// The heads that are left, which are over leaves that are not there.
    fn finish(&mut self, auditor: &mut Auditor) -> Result<(), DbError> {
        self.pass_heads(auditor)?;
        let mut size = self.position;
        loop {
            while let Some(head) = self.ahead.pop_front() {
                if !self.chain.is_later(&head) {
                    size = size.max(head.statement.size);
                    self.chain.passed(head);
                }
            }
            self.ahead = self.chain.next_page(auditor, &mut self.findings)?;
            if self.ahead.is_empty() {
                break;
            }
        }
        if size > self.position {
            let detail = "a head is over these positions, and no leaf is stored".to_owned();
            self.findings.add(Finding::new(
                Fault::LeafMissing,
                self.position,
                size.saturating_sub(1),
                detail,
            ));
        }
        Ok(())
    }

    /// Leaves that no head is over. A sealer that works meanwhile stores both at once.
    fn beyond(&mut self, auditor: &mut Auditor) -> Result<(), DbError> {
        let Some(last) = auditor.last_position()? else {
            return Ok(());
        };
        let covered = auditor.last_head()?.map_or(0, |head| count(head.size));
        if count(last) >= covered {
            let detail = "no head is over these leaves: heads were taken away".to_owned();
            self.findings.add(Finding::new(
                Fault::LeafBeyondHead,
                covered,
                count(last),
                detail,
            ));
        }
        Ok(())
    }
}

/// The transaction of a row: the last field of its stored bytes.
fn xid_of(stored: &[u8]) -> Option<u64> {
    stored.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// A stored count; none is negative but by tampering, and then nothing is there.
pub(crate) fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

pub(crate) fn place(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
