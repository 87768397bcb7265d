//! Approvals: a person's hand on what a machine wants to do.
//!
//! A machine records an intent; a request for approval is bound to the hash of exactly what would be
//! done, so that nothing can be changed after a person has looked at it. Here will live the request,
//! the decision (by a `HumanApprover`, which `identity` alone makes from an interactive session),
//! expiry (an approval that ran out is a denial), and consumption (an approval is good for one
//! execution). Nothing is approved by this version: lead routing acts by rules that a person wrote,
//! and no machine has intents yet. What stands here is the binding that all of it rests on.

use std::fmt;

use sha2::{Digest, Sha256};

/// SHA-256 of exactly the bytes that a person was shown and that will be executed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::ContentHash;

    #[test]
    fn one_changed_byte_is_another_content() {
        let shown = ContentHash::of(b"{\"owner\":\"005xx000001SwiUAAS\"}");
        assert_eq!(
            shown,
            ContentHash::of(b"{\"owner\":\"005xx000001SwiUAAS\"}")
        );
        assert_ne!(
            shown,
            ContentHash::of(b"{\"owner\":\"005xx000001SwiVAAS\"}")
        );
    }
}
