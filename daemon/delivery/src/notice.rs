//! What is to be told to whom, and which window it falls into.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Failures of this long are told in one mail (LR-52).
pub(crate) const FAILURES_WINDOW: TimeDelta = TimeDelta::minutes(5);
/// At most one mail about a broken connection in this time (LR-53).
pub(crate) const BROKEN_SILENCE: TimeDelta = TimeDelta::hours(24);
/// Thefts of one person's session in this time are told once.
pub(crate) const THEFT_WINDOW: TimeDelta = TimeDelta::hours(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    RoutingFailures,
    ConnectionBroken,
    SessionTheft,
    PasswordChanged,
    PasswordReset,
    AccountLocked,
    NewDevice,
    FactorAdded,
    FactorRemoved,
    RecoveryCodeUsed,
    RecoveryCodesMade,
    Invitation,
    SignUp,
    RolesChanged,
    MemberDeactivated,
    MemberReactivated,
    FactorsReset,
    OwnerGained,
    OwnerLost,
    SupportVisit,
    TrialEnding,
    TrialEnded,
    TenantDeletion,
    TenantKept,
    WebhookStopped,
}

impl Kind {
    /// Whether it is told to the person whom it is about, and not to administrators.
    pub(crate) const fn is_personal(self) -> bool {
        !matches!(
            self,
            Self::RoutingFailures
                | Self::ConnectionBroken
                | Self::TenantDeletion
                | Self::TenantKept
        )
    }

    /// Whether it is about who belongs to a tenant: `people` writes it.
    pub(crate) const fn is_membership(self) -> bool {
        matches!(
            self,
            Self::Invitation
                | Self::SignUp
                | Self::RolesChanged
                | Self::MemberDeactivated
                | Self::MemberReactivated
                | Self::FactorsReset
                | Self::OwnerGained
                | Self::OwnerLost
                | Self::SupportVisit
                | Self::TrialEnding
                | Self::TrialEnded
                | Self::WebhookStopped
        )
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RoutingFailures => "routing_failures",
            Self::ConnectionBroken => "connection_broken",
            Self::SessionTheft => "session_theft",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::AccountLocked => "account_locked",
            Self::NewDevice => "new_device",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::Invitation => "invitation",
            Self::SignUp => "sign_up",
            Self::RolesChanged => "roles_changed",
            Self::MemberDeactivated => "member_deactivated",
            Self::MemberReactivated => "member_reactivated",
            Self::FactorsReset => "factors_reset",
            Self::OwnerGained => "owner_gained",
            Self::OwnerLost => "owner_lost",
            Self::SupportVisit => "support_visit",
            Self::TrialEnding => "trial_ending",
            Self::TrialEnded => "trial_ended",
            Self::TenantDeletion => "tenant_deletion",
            Self::TenantKept => "tenant_kept",
            Self::WebhookStopped => "webhook_stopped",
        }
    }
}

/// Names one row of `notices` inside a tenant; also the payload of the job that sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) window_start: DateTime<Utc>,
    /// The connection, person, invitation or visit that it is about; of a person also `person/detail`,
    /// the session, factor or number that the mail names; of a deletion its day. Empty when there is none.
    pub(crate) subject: String,
}

impl Key {
    /// The notice's name in the audit log and in the job's dedupe key.
    pub(crate) fn id(&self) -> String {
        format!(
            "{}:{}:{}",
            self.kind.name(),
            self.window_start.timestamp(),
            self.subject
        )
    }
}

/// The start of the window that `at` falls into; windows begin at whole multiples since 1970.
pub(crate) fn window(at: DateTime<Utc>, length: TimeDelta) -> DateTime<Utc> {
    let seconds = length.num_seconds().max(1);
    let start = at.timestamp().div_euclid(seconds).saturating_mul(seconds);
    DateTime::from_timestamp(start, 0).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_fall_into_one_window_and_the_next_into_another() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        assert_eq!(window(at(0), FAILURES_WINDOW), at(0));
        assert_eq!(window(at(299), FAILURES_WINDOW), at(0));
        assert_eq!(window(at(300), FAILURES_WINDOW), at(300));
    }
}
