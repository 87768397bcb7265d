//! Why a record has no owner from us yet, and what to do about it.

/// Attempts after which a record is given up (LR-51).
pub const MAX_ATTEMPTS: i32 = 10;

/// A record that nobody can route is a failure with a reason, never silence (LR-49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// No rule matches and the router has no fallback: an error in the configuration (LR-50).
    NoRuleNoFallback,
    /// The rules that match give to the owner of the record's territory, it lies in none, and the router
    /// has no fallback.
    NoTerritory,
    /// The rule's pool has no member who is available.
    NobodyAvailable,
    /// The rule names one rep, who is not available.
    RepUnavailable,
    /// The rule names a rep, a pool or a queue that is no longer known.
    TargetMissing,
}

impl FailureCode {
    pub const ALL: [Self; 5] = [
        Self::NoRuleNoFallback,
        Self::NoTerritory,
        Self::NobodyAvailable,
        Self::RepUnavailable,
        Self::TargetMissing,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            Self::NoRuleNoFallback => "no_rule_no_fallback",
            Self::NoTerritory => "no_territory",
            Self::NobodyAvailable => "nobody_available",
            Self::RepUnavailable => "rep_unavailable",
            Self::TargetMissing => "target_missing",
        }
    }

    /// The reason of a record that waits for somebody, where its decision would else fail with this.
    pub const fn waiting_code(self) -> &'static str {
        match self {
            Self::RepUnavailable => WAITING_FOR_REP,
            Self::NoRuleNoFallback
            | Self::NoTerritory
            | Self::NobodyAvailable
            | Self::TargetMissing => WAITING_FOR_POOL,
        }
    }

    /// Whether a failure of this code is tried again by deciding anew, not by writing again: the
    /// decision failed, the CRM refused the owner that was decided on, or what was decided is out
    /// of date.
    pub fn asks_new_decision(code: &str) -> bool {
        Self::ALL.iter().any(|known| known.code() == code)
            || [
                OWNER_REFUSED,
                OWNER_CHANGED,
                ROUTING_RESTARTED,
                WAITING_FOR_POOL,
                WAITING_FOR_REP,
            ]
            .contains(&code)
    }
}

/// Nobody of the pool is available now, and somebody will be.
pub const WAITING_FOR_POOL: &str = "waiting_for_pool";

/// The rep that the rule names is not available now, and will be.
pub const WAITING_FOR_REP: &str = "waiting_for_rep";

/// The CRM refused the new owner: inactive, or without access to the record.
pub const OWNER_REFUSED: &str = "owner_refused";

/// Somebody else gave the record another owner before ours was written.
pub const OWNER_CHANGED: &str = "owner_changed";

/// The decision is from before the router's last baseline (LR-30).
pub const ROUTING_RESTARTED: &str = "routing_restarted";

/// A reason code in words: what happened, and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub title: &'static str,
    pub reason: &'static str,
    pub next_step: &'static str,
}

/// What a reason code means. Codes that the connector brings and that are not listed say so.
pub fn explain(code: &str) -> Explanation {
    let (title, reason, next_step) = match code {
        "no_rule_no_fallback" => (
            "No rule and no fallback",
            "Configuration error: no enabled rule matches this record, and the router has no fallback.",
            "Add a rule that matches, or set a fallback; the record is then tried again by itself.",
        ),
        "no_territory" => (
            "No territory",
            "The rules that match give to the owner of the record's territory, and it lies in none; the router has no fallback.",
            "Add a territory that holds it, add a rule after these, or set a fallback; the record is then tried again by itself.",
        ),
        "nobody_available" => (
            "Nobody available",
            "No rep of the pool is available, and none comes back by themselves: away, inactive in Salesforce, or off for more than 400 days.",
            "Switch a rep back or add one to the pool; the record is then tried again by itself.",
        ),
        "rep_unavailable" => (
            "Rep unavailable",
            "The rep that the rule names is away, inactive in Salesforce, or off for more than 400 days.",
            "Switch the rep back or give the rule another target.",
        ),
        WAITING_FOR_POOL => (
            "Waiting for the pool",
            "Nobody of the pool is available now: outside working hours, on leave, or with a cap used up.",
            "Nothing: it is decided about again when the first of them is available, and at once when somebody changes rules, pools or availability.",
        ),
        WAITING_FOR_REP => (
            "Waiting for the rep",
            "The rep that the rule names is not available now: outside working hours, on leave, or with a cap used up.",
            "Nothing: it is decided about again when the rep is available, and at once when somebody changes rules, pools or availability.",
        ),
        "target_missing" => (
            "Target missing",
            "The rule or the fallback names a rep, pool or queue that is no longer known.",
            "Give it another target, or synchronise reps and queues.",
        ),
        OWNER_REFUSED => (
            "Owner refused",
            "Salesforce refused the new owner: inactive, or not allowed to own this record.",
            "Check the user in Salesforce, then synchronise reps. The next attempt decides anew.",
        ),
        "row_locked" => (
            "Record locked",
            "Somebody else was saving the record at that moment.",
            "Nothing: it is tried again in the next cycle.",
        ),
        "record_locked_for_approval" => (
            "Locked for approval",
            "The record is in an approval process and cannot be edited.",
            "Finish the approval in Salesforce, then retry.",
        ),
        "validation_rule" => (
            "Validation rule",
            "A validation rule in Salesforce refused the change.",
            "Mend the record or the validation rule in Salesforce, then retry.",
        ),
        "access_denied" => (
            "Access denied",
            "The connected Salesforce user may not edit the owner of this record.",
            "Give the integration user edit rights on the record's owner, then retry.",
        ),
        "record_converted" => (
            "Lead converted",
            "The lead was converted before its owner could be written.",
            "Nothing: a converted lead is not routed.",
        ),
        "record_gone" => (
            "Record deleted",
            "The record is no longer in Salesforce.",
            "Nothing, unless it was deleted by mistake.",
        ),
        OWNER_CHANGED => (
            "Owner changed meanwhile",
            "Somebody else gave the record another owner before ours was written.",
            "Look at the record in Salesforce. Retry only if the rules are to replace that owner.",
        ),
        ROUTING_RESTARTED => (
            "Routing was restarted",
            "It was decided and not yet written when routing stopped. What matches when routing starts again counts as handled.",
            "Nothing, or retry: the rules then decide anew.",
        ),
        "claim_lost" => (
            "Outcome unknown",
            "The daemon stopped before Salesforce's answer was stored.",
            "Nothing: the owner is read back from Salesforce before anything else is done.",
        ),
        "connection_broken" => (
            "Connection broken",
            "Salesforce is not connected, so nothing was sent.",
            "Reconnect Salesforce; the record then goes on by itself.",
        ),
        "connection_unavailable" => (
            "Salesforce unreachable",
            "Salesforce did not answer, so nothing was changed.",
            "Nothing: it is tried again by itself.",
        ),
        "sealed" => (
            "Secrets sealed",
            "The secrets backend is sealed, so Salesforce cannot be reached.",
            "Unseal it; the record then goes on by itself.",
        ),
        "api_limit" => (
            "API limit",
            "Salesforce's daily API limit, or our budget of it, is used up.",
            "Wait until the limit renews, or raise the budget; the record then goes on by itself.",
        ),
        _ => (
            "Refused by Salesforce",
            "Salesforce refused the change with a code that has no further explanation here.",
            "Look the code up in Salesforce, mend the cause, then retry.",
        ),
    };
    Explanation {
        title,
        reason,
        next_step,
    }
}
