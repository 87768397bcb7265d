//! SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same sequence on every machine.

#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`; zero for an empty range.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    /// One of the items. `items` is a fixed list that is never empty.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T], otherwise: &'a T) -> &'a T {
        items
            .get(self.below(items.len()))
            .copied()
            .unwrap_or(otherwise)
    }

    pub(crate) fn text(&mut self, length: usize) -> String {
        (0..length)
            .filter_map(|_| LETTERS.get(self.below(LETTERS.len())))
            .map(|byte| char::from(*byte))
            .collect()
    }
}
