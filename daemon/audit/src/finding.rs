//! What verification finds, and where.

use kernel::AuditId;
use serde::Serialize;
use uuid::Uuid;

/// How the database says something else than was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The row's bytes are not those that were sealed.
    RowChanged,
    /// The row is gone.
    RowMissing,
    /// A row that was never sealed, among transactions of which every row was.
    RowInserted,
    /// A row that came long after the time that it bears.
    RowBackdated,
    /// Rows stand in another order than they were sealed in.
    RowReordered,
    /// Positions without a leaf.
    LeafMissing,
    /// Leaves that are not those of the signed tree.
    LeafChanged,
    /// Leaves that no head covers.
    LeafBeyondHead,
    /// A stored subtree that is not one of the signed tree.
    NodeChanged,
    /// The tree under a head has another root than was signed.
    RootDiffers,
    /// Heads are missing.
    HeadMissing,
    /// A head cannot be read, or its columns say something else than its statement.
    HeadChanged,
    /// A head does not follow on the one before it.
    ChainBroken,
    /// The signature is not over this statement.
    SignatureBad,
    /// A key signed it that is not Revkeep's.
    KeyUnknown,
    /// The archive has heads that the database has not: it was put back to an earlier state.
    RolledBack,
    /// The archive has another head of this number.
    HeadDiffers,
    /// A line of the archive is no head that Revkeep signed.
    ArchiveLine,
}

impl Fault {
    /// What `from` and `to` of a finding count.
    const fn counts(self) -> &'static str {
        match self {
            Self::RowChanged
            | Self::RowMissing
            | Self::RowBackdated
            | Self::RowReordered
            | Self::LeafMissing
            | Self::LeafChanged
            | Self::LeafBeyondHead
            | Self::RootDiffers => "position",
            Self::RowInserted => "row",
            Self::NodeChanged => "node",
            Self::HeadMissing
            | Self::HeadChanged
            | Self::ChainBroken
            | Self::SignatureBad
            | Self::KeyUnknown
            | Self::RolledBack
            | Self::HeadDiffers => "head",
            Self::ArchiveLine => "line",
        }
    }
}

/// One place, or several that touch, where the same is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub fault: Fault,
    /// What `from` and `to` count: position, head, row, node or line.
    pub of: &'static str,
    pub from: u64,
    /// The last one, included.
    pub to: u64,
    /// The row at `from`, where it is about rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_id: Option<AuditId>,
    pub detail: String,
}

impl Finding {
    pub(crate) fn new(fault: Fault, from: u64, to: u64, detail: String) -> Self {
        Self {
            fault,
            of: fault.counts(),
            from,
            to,
            audit_id: None,
            detail,
        }
    }

    pub(crate) fn of_row(self, audit_id: Uuid) -> Self {
        Self {
            audit_id: Some(AuditId::from_uuid(audit_id)),
            ..self
        }
    }
}

/// Findings in the order in which they were made; what touches is one.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    more: u64,
}

/// As many are kept; the rest are counted.
const MOST: usize = 1_000;

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        if let Some(last) = self.found.iter_mut().rev().find(|last| {
            last.fault == finding.fault && last.to.checked_add(1) == Some(finding.from)
        }) {
            last.to = finding.to;
            return;
        }
        if self.found.len() < MOST {
            self.found.push(finding);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// What was found, and how much more there was.
    pub(crate) fn done(self) -> (Vec<Finding>, u64) {
        (self.found, self.more)
    }
}
