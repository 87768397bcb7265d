//! Lead routing: rules over the layer's fields, targets with fair turns, and the decision with
//! every reason.
//!
//! The decision is pure: the same rules, state and record give the same answer, so it can be
//! replayed, benchmarked and explained without a database. Writing an owner at the CRM is not
//! here: this crate records an assignment as proposed, and the connector claims it, executes it
//! and reports what happened.

pub mod account_match;
pub mod availability;
mod error;
pub mod model;
mod service;
mod store;
pub mod territory;

pub use error::RoutingError;
pub use model::book::{BookField, BookRule, Change, RuleBook, TerritoryChanges, diff};
pub use model::caps::{Cap, CapReached, Caps, Load, PerWindow, Window, Windows};
pub use model::compile::{Compiled, Fields, Lost, Record, Slots};
pub use model::condition::{Condition, Flaw, Op, Operand, Scalar, Term};
pub use model::decide::{Candidate, Decision, Found, Loss, Outcome, Passed, Standing, decide};
pub use model::failure::{
    Explanation, FailureCode, MAX_ATTEMPTS, OWNER_CHANGED, OWNER_REFUSED, ROUTING_RESTARTED,
    WAITING_FOR_POOL, WAITING_FOR_REP, explain,
};
pub use model::hours::{HoursFlaw, Interval, WeekHours};
pub use model::limits::Limits;
pub use model::open::{Held, Level, OpenLoad, least_open, within_caps};
pub use model::pool::{Member, Pool};
pub use model::reasons::Reasons;
pub use model::recompute::{Again, recompute};
pub use model::rules::{
    GiveTo, Places, Rep, RoutingState, RuleDefinition, RuleSet, Target, Unavailable,
};
pub use model::schedule::{Absence, Off, Presence, Schedule, day_start as zone_day_start};
pub use model::term::operators;
pub use service::{
    absences::{CalendarFile, CalendarRead, time_off_import, time_off_read},
    availability::{
        AvailabilityInput, TimeOffInput, rep_availability_update, time_off_add, time_off_remove,
    },
    explain::{
        Erased, Explained, FailedTerm, InTerritory, Input, RepReason, RuleReason, TerritoryReason,
        Why, assignment_explain, assignment_latest,
    },
    failures::{
        Accounting, FailureCursor, FailureFilter, FailurePage, FailureState, RecordMark,
        accounting, failure_list, failure_reasons, failure_retry, failure_retry_all, record_mark,
    },
    field_use::{FieldUse, fields_used},
    file::{Plan, rules_apply, rules_export, rules_plan},
    holidays::{
        CalendarEntry, CalendarInput, holiday_calendar_create, holiday_calendar_delete,
        holiday_calendar_get, holiday_calendar_list, holiday_calendar_update,
    },
    log::{
        Assignment, AssignmentCursor, AssignmentFilter, AssignmentPage, assignment_list, names,
        record_title, record_titles,
    },
    overview::{Hour, Overview, RepShare, day_start, overview, routed_by_rep},
    pools::{
        PoolEntry, PoolInput, PoolMember, pool_create, pool_delete, pool_get, pool_list,
        pool_update,
    },
    preview::{Preview, PreviewItem, rule_preview},
    propose::{Proposed, propose, propose_claimed},
    recompute::{Recomputed, Sampled, handlers, recompute_sample},
    records::{RecordKey, RecordMarks, record_marks},
    reps::{
        RepEntry, SyncedQueue, SyncedRep, queue_list, queues_sync, rep_list, rep_sync_ask,
        rep_update, reps_sync,
    },
    retry::retry_due,
    routers::{
        CycleError, CycleReport, RouterInput, baseline, baseline_done, cycle_record,
        router_activate, router_configure, router_get, router_list, router_pause, router_resume,
        router_switch_off,
    },
    rulebook::{
        RuleInput, field_remove, field_used_by, rule_create, rule_delete, rule_get, rule_list,
        rule_reorder, rule_update, rules_matched,
    },
    story::{Step, Story, story},
    territories::{
        ImportMode, MAX_TOLD, Territories, TerritoryImport, TerritoryReport, territories,
        territories_export, territories_import, territories_report, territory_write,
    },
    versions::{
        Draft, rules_draft, rules_publish, rules_restore, rules_roll_back, rules_version,
        rules_versions,
    },
    what_if::{WhatIf, WouldBe, what_if},
    write::{
        Batch, Recorded, Report, Settled, Truth, WriteOutcome, WriteResult, claim, claim_in_doubt,
        claims_expire, reconcile, record_outcomes,
    },
};
pub use store::{
    CalendarRow, Holiday, Names, PoolRow, QueueRow, RepRow, Router, Rule, TimeOffRow,
    claims::Claimed, versions::RuleVersion,
};

#[cfg(test)]
mod tests;
