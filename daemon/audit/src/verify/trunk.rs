//! The tree while it is built anew: once from the leaves, and once with the stored subtrees in the place
//! of leaves that contradict them. A signed root tells which of the two is true.

use std::collections::HashMap;

use db::{Auditor, DbError};

use super::{count, place};
use crate::{
    finding::{Fault, Finding, Findings},
    head::Head,
    tree::{Frontier, Hash, Node, STEP, TILE},
};

/// The tree up to the walk's position.
#[derive(Default)]
pub(super) struct Trunk {
    /// Whole tiles as their leaves make them; a tile with a gap as it is stored.
    by_leaves: Frontier,
    /// Whole tiles as they are stored; one that is not stored as its leaves make it.
    by_nodes: Frontier,
    /// The tile that is not whole yet.
    tile: Frontier,
    /// A leaf of it is missing.
    holed: bool,
    /// Stored roots of the tiles ahead.
    nodes: HashMap<u64, Hash>,
    /// First positions of tiles that say one thing by their leaves and another as stored.
    contradicting: Vec<u64>,
    /// Positions below are proven by a signed root.
    proven: u64,
    /// Whether the last root that was held against the tree was another.
    differs: bool,
}

impl Trunk {
    /// Reads the stored roots of the tiles that end in `from..=to`.
    pub(super) fn fetch_nodes(
        &mut self,
        auditor: &mut Auditor,
        from: u64,
        to: u64,
    ) -> Result<(), DbError> {
        let level = i32::try_from(STEP).unwrap_or(i32::MAX);
        let rows = auditor.nodes(level, place(from / TILE), place(to.div_ceil(TILE)))?;
        self.nodes = rows
            .into_iter()
            .filter_map(|row| Some((count(row.ordinal), row.hash.try_into().ok()?)))
            .collect();
        Ok(())
    }

    pub(super) fn leaf(&mut self, hash: Hash) {
        self.tile.push(hash);
    }

    /// A leaf is missing here.
    pub(super) const fn gap(&mut self) {
        self.holed = true;
    }

    /// A tile ends at `position`.
    pub(super) fn close_tile(
        &mut self,
        auditor: &mut Auditor,
        position: u64,
        findings: &mut Findings,
    ) -> Result<(), DbError> {
        let ordinal = (position / TILE).saturating_sub(1);
        let made = self.tile.only().filter(|_| !self.holed);
        let stored = self.nodes.get(&ordinal).copied();
        (self.tile, self.holed) = (Frontier::default(), false);
        if stored.is_none() {
            findings.add(node_finding(&Node {
                level: STEP,
                ordinal,
                hash: [0; 32],
            }));
        } else if made.is_some() && made != stored {
            self.contradicting.push(ordinal.saturating_mul(TILE));
        }
        // With neither there is nothing to go on from: no later root will be right.
        let lost = [0; 32];
        let agree = self.by_leaves == self.by_nodes;
        let nodes = self
            .by_leaves
            .push_subtree(STEP, made.or(stored).unwrap_or(lost));
        self.by_nodes
            .push_subtree(STEP, stored.or(made).unwrap_or(lost));
        for node in nodes.iter().filter(|_| agree) {
            let level = i32::try_from(node.level).unwrap_or(i32::MAX);
            let ordinal = place(node.ordinal);
            let rows = auditor.nodes(level, ordinal, ordinal.saturating_add(1))?;
            if !rows.iter().any(|row| row.hash == node.hash) {
                findings.add(node_finding(node));
            }
        }
        Ok(())
    }

    /// Holds the tree of `position` leaves against a head that can be believed.
    pub(super) fn hold_against(&mut self, head: &Head, position: u64, findings: &mut Findings) {
        let stated = &head.statement;
        if self.holed || stated.size != position {
            // The missing leaf is what was found; the whole tile is checked when it ends.
            return;
        }
        if self.by_leaves.root_with(&self.tile) == stated.root {
            for first in self.contradicting.drain(..) {
                findings.add(node_finding(&Node {
                    level: STEP,
                    ordinal: first / TILE,
                    hash: [0; 32],
                }));
            }
            self.by_nodes = self.by_leaves.clone();
        } else if self.by_nodes.root_with(&self.tile) == stated.root {
            for first in self.contradicting.drain(..) {
                findings.add(Finding::new(
                    Fault::LeafChanged,
                    first,
                    first.saturating_add(TILE - 1),
                    "leaves among these are not those that were signed; the stored subtree is"
                        .to_owned(),
                ));
            }
            self.by_leaves = self.by_nodes.clone();
        } else {
            if !self.differs {
                findings.add(Finding::new(
                    Fault::RootDiffers,
                    self.proven,
                    stated.size.saturating_sub(1),
                    format!(
                        "head {} signed another tree over these positions",
                        stated.number
                    ),
                ));
            }
            self.differs = true;
            return;
        }
        (self.differs, self.proven) = (false, position);
    }
}

fn node_finding(node: &Node) -> Finding {
    let first = node.ordinal << node.level;
    let last = first.saturating_add((1 << node.level) - 1);
    let detail = format!(
        "the stored subtree over the positions {first} to {last} is not that of its leaves"
    );
    Finding::new(Fault::NodeChanged, node.ordinal, node.ordinal, detail)
}
