//! The Merkle tree of RFC 6962 section 2.1, over SHA-256: hashes, and a tree that only grows and keeps
//! no more of itself than its whole subtrees at the right edge. Pure.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// Levels of the tree between two that are stored: 256 leaves under one stored node.
pub(crate) const STEP: u32 = 8;
/// Leaves under the lowest stored node.
pub(crate) const TILE: u64 = 1 << STEP;

pub(crate) fn leaf_hash(stored: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(stored)
        .finalize()
        .into()
}

pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// A whole subtree of 2^level leaves, the `ordinal`th of its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) level: u32,
    pub(crate) ordinal: u64,
    pub(crate) hash: Hash,
}

/// The right edge of a tree: its whole subtrees, largest first, one for each bit of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frontier {
    size: u64,
    peaks: Vec<(u32, Hash)>,
}

impl Frontier {
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; answers the stored nodes that it completed, lowest first.
    pub(crate) fn push(&mut self, leaf: Hash) -> Vec<Node> {
        self.push_subtree(0, leaf)
    }

    /// Adds a whole subtree of 2^level leaves, where the size is a multiple of that.
    pub(crate) fn push_subtree(&mut self, level: u32, hash: Hash) -> Vec<Node> {
        let mut done = Vec::new();
        let (mut level, mut hash) = (level, hash);
        self.size = self.size.saturating_add(1 << level);
        while let Some((_, left)) = self.peaks.pop_if(|(peak, _)| *peak == level) {
            hash = node_hash(&left, &hash);
            level += 1;
            if level % STEP == 0 {
                done.push(Node {
                    level,
                    ordinal: (self.size >> level).saturating_sub(1),
                    hash,
                });
            }
        }
        self.peaks.push((level, hash));
        done
    }

    /// The root of the tree; of an empty one the hash of nothing.
    pub(crate) fn root(&self) -> Hash {
        self.root_with(&Self::default())
    }

    /// The root of this tree with `edge`, a smaller one, at its right.
    pub(crate) fn root_with(&self, edge: &Self) -> Hash {
        let mut peaks = self.peaks.iter().chain(&edge.peaks).rev();
        let Some((_, last)) = peaks.next() else {
            return Sha256::digest([]).into();
        };
        peaks.fold(*last, |right, (_, left)| node_hash(left, &right))
    }

    /// The subtree that the whole tree is, when it is one.
    pub(crate) fn only(&self) -> Option<Hash> {
        match self.peaks.as_slice() {
            [(_, hash)] => Some(*hash),
            _ => None,
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|(_, hash)| *hash).collect()
    }

    /// Reads what [`Frontier::to_bytes`] wrote for a tree of this size.
    pub(crate) fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let levels = (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1);
        let (hashes, rest) = bytes.as_chunks::<32>();
        let peaks: Vec<_> = levels.zip(hashes.iter().copied()).collect();
        let fits = rest.is_empty()
            && hashes.len() == peaks.len()
            && u32::try_from(peaks.len()) == Ok(size.count_ones());
        fits.then_some(Self { size, peaks })
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes of lower-case hexadecimal.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962 section 2.1, word for word.
    pub(crate) fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&defined(&leaves[..split]), &defined(&leaves[split..]))
            }
        }
    }

    pub(crate) fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    /// The inputs and roots of the test data that certificate-transparency implementations share.
    #[test]
    fn roots_are_those_of_the_published_vectors() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Frontier::default();
        assert_eq!(
            hex(&tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (input, root) in inputs.iter().zip(roots) {
            tree.push(leaf_hash(&unhex(input).unwrap()));
            assert_eq!(hex(&tree.root()), root, "{} leaves", tree.size());
        }
    }

    #[test]
    fn a_growing_tree_has_the_defined_root_at_every_size() {
        let leaves = leaves(1_100);
        let mut tree = Frontier::default();
        for (count, leaf) in leaves.iter().enumerate() {
            for node in tree.push(*leaf) {
                let first = usize::try_from(node.ordinal << node.level).unwrap();
                assert_eq!(
                    node.hash,
                    defined(&leaves[first..first + (1 << node.level)])
                );
                assert_eq!(first + (1 << node.level), count + 1);
            }
            let size = count + 1;
            assert_eq!(tree.root(), defined(&leaves[..size]), "{size}");
            let again = Frontier::from_bytes(tree.size(), &tree.to_bytes()).unwrap();
            assert_eq!(again, tree);
        }
        assert_eq!(Frontier::from_bytes(3, &[0; 33]), None);
    }

    #[test]
    fn a_tile_at_the_edge_makes_the_same_root() {
        let leaves = leaves(700);
        let (mut trunk, mut tile) = (Frontier::default(), Frontier::default());
        for (count, leaf) in leaves.iter().enumerate() {
            tile.push(*leaf);
            if tile.size() == TILE {
                trunk.push_subtree(STEP, tile.only().unwrap());
                tile = Frontier::default();
            }
            assert_eq!(trunk.root_with(&tile), defined(&leaves[..=count]));
        }
    }
}
