//! What one page of a rewrap did.

use uuid::Uuid;

/// Sealed values under older versions of their key, moved to the newest a page at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RewrapPage {
    /// Sealed values that were looked at.
    pub seen: u64,
    /// Of them, those that were older and are stored anew. A value that changed meanwhile is new.
    pub moved: u64,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Uuid>,
}

impl RewrapPage {
    /// Counts one value.
    pub const fn count(&mut self, moved: bool) {
        self.seen = self.seen.saturating_add(1);
        if moved {
            self.moved = self.moved.saturating_add(1);
        }
    }
}
