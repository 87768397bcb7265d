//! Inclusion proofs (RFC 6962 section 2.1.1): that one row is in the tree that a head signed. Whoever has
//! the proof and the public key needs neither the database nor us.

use db::{Auditor, DbError, LeafRow};
use kernel::AuditId;
use serde::{Deserialize, Serialize};

use crate::{
    head::{Head, HeadLine, hash},
    tree::{Frontier, Hash, STEP, hex, leaf_hash, node_hash, unhex},
    verify::{count, place},
};

#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error("the audit log could not be read")]
    Db(#[from] DbError),
    #[error("there is no sealed row with this id")]
    NoRow,
    #[error("the row is gone; its leaf at position {0} remains")]
    RowGone(u64),
    #[error("no head can be read")]
    NoHead,
    #[error("what is stored does not prove it: run `revkeep audit verify`")]
    Broken,
}

/// That the row `stored` stands at `position` under the head.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proof {
    pub audit_id: AuditId,
    pub position: u64,
    /// The row's bytes as PostgreSQL's `record_send` gives them, in hexadecimal.
    pub stored: String,
    /// From the leaf's sibling to the child of the root.
    pub path: Vec<String>,
    pub head: HeadLine,
}

/// Proves the row `audit_id` under the newest head.
pub fn prove(auditor: &mut Auditor, audit_id: AuditId) -> Result<Proof, ProofError> {
    let head = auditor
        .last_head()?
        .as_ref()
        .and_then(Head::stored)
        .ok_or(ProofError::NoHead)?;
    let leaf: LeafRow = auditor.leaf_of(audit_id.uuid())?.ok_or(ProofError::NoRow)?;
    let position = count(leaf.position);
    let stored = leaf.stored.ok_or(ProofError::RowGone(position))?;
    let size = head.statement.size;
    if position >= size {
        return Err(ProofError::Broken);
    }
    let mut path = Vec::new();
    Reader { auditor }.path(position, 0, size, &mut path)?;
    let proof = Proof {
        audit_id,
        position,
        stored: hex(&stored),
        path: path.iter().map(|hash| hex(hash)).collect(),
        head: head.line(),
    };
    if proof.holds() {
        Ok(proof)
    } else {
        Err(ProofError::Broken)
    }
}

impl Proof {
    /// Whether the row is in the tree and the head is signed by the key that it names (RFC 9162 section
    /// 2.1.3.2).
    pub fn holds(&self) -> bool {
        self.root().is_some_and(|root| {
            Head::from_line(&self.head)
                .is_some_and(|head| head.statement.root == root && head.signature_holds())
        })
    }

    fn root(&self) -> Option<Hash> {
        let size = Head::from_line(&self.head)?.statement.size;
        let (mut at, mut last) = (self.position, size.checked_sub(1)?);
        if at > last {
            return None;
        }
        let mut root = leaf_hash(&unhex(&self.stored)?);
        for step in &self.path {
            let step = hash(step)?;
            if last == 0 {
                return None;
            }
            if at % 2 == 1 || at == last {
                root = node_hash(&step, &root);
                while at.is_multiple_of(2) && at != 0 {
                    (at, last) = (at >> 1, last >> 1);
                }
            } else {
                root = node_hash(&root, &step);
            }
            (at, last) = (at >> 1, last >> 1);
        }
        (last == 0).then_some(root)
    }
}

/// Reads roots of subtrees: of few leaves from the leaves, of many from what is stored.
struct Reader<'a> {
    auditor: &'a mut Auditor,
}

impl Reader<'_> {
    /// PATH(position, D[low:high]).
    fn path(
        &mut self,
        position: u64,
        low: u64,
        high: u64,
        path: &mut Vec<Hash>,
    ) -> Result<(), ProofError> {
        let count = high.saturating_sub(low);
        if count <= 1 {
            return Ok(());
        }
        let middle = low.saturating_add(count.next_power_of_two() / 2);
        if position < middle {
            self.path(position, low, middle, path)?;
            path.push(self.root(middle, high)?);
        } else {
            self.path(position, middle, high, path)?;
            path.push(self.root(low, middle)?);
        }
        Ok(())
    }

    /// MTH(D[low:high]).
    fn root(&mut self, low: u64, high: u64) -> Result<Hash, ProofError> {
        let count = high.saturating_sub(low);
        if count.is_power_of_two() {
            return self.subtree(count.trailing_zeros(), low);
        }
        let middle = low.saturating_add(count.next_power_of_two() / 2);
        Ok(node_hash(
            &self.root(low, middle)?,
            &self.root(middle, high)?,
        ))
    }

    /// The root of the whole subtree of 2^level leaves from `low` on.
    fn subtree(&mut self, level: u32, low: u64) -> Result<Hash, ProofError> {
        let stored = level / STEP * STEP;
        let (from, to) = (
            low >> stored,
            (low >> stored).saturating_add(1 << (level - stored)),
        );
        let hashes = if stored == 0 {
            self.auditor.hashes(place(from), place(to))?
        } else {
            let level = i32::try_from(stored).unwrap_or(i32::MAX);
            let rows = self.auditor.nodes(level, place(from), place(to))?;
            rows.into_iter().map(|row| row.hash).collect()
        };
        let mut tree = Frontier::default();
        for hash in hashes {
            tree.push(hash.try_into().map_err(|_| ProofError::Broken)?);
        }
        if tree.size() != to.saturating_sub(from) {
            return Err(ProofError::Broken);
        }
        tree.only().ok_or(ProofError::Broken)
    }
}
