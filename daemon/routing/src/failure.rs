//! Why a decision cannot give a record an owner.

/// A record that nobody can route is a failure with a reason, never silence (LR-49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// No rule matches and the router has no fallback: an error in the configuration (LR-50).
    NoRuleNoFallback,
    /// The rule's pool has no member who is active and not paused.
    NobodyAvailable,
    /// The rule names one rep, who is inactive or paused.
    RepUnavailable,
    /// The rule names a rep, a pool or a queue that is no longer known.
    TargetMissing,
}

impl FailureCode {
    pub const ALL: [Self; 4] = [
        Self::NoRuleNoFallback,
        Self::NobodyAvailable,
        Self::RepUnavailable,
        Self::TargetMissing,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            Self::NoRuleNoFallback => "no_rule_no_fallback",
            Self::NobodyAvailable => "nobody_available",
            Self::RepUnavailable => "rep_unavailable",
            Self::TargetMissing => "target_missing",
        }
    }
}
