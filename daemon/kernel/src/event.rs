//! The catalogue of events that a domain publishes in its transaction and that others subscribe to.
//! Payloads carry ids and codes, never a name, an address or a secret (CX-32).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, InvitationId, SessionId, SignUpId, UserId, VisitId, WebhookId};

/// Something that happened, as others may hear of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Records could not be routed: how many in one batch, by the stable code of the reason. One
    /// event tells of many, so that fifty thousand failures are not fifty thousand jobs (LR-52).
    RecordsFailed {
        count: u64,
        reasons: BTreeMap<String, u64>,
    },
    /// A connection stopped working until a person reconnects it; `reason` is a stable code.
    ConnectionBroken {
        connection: ConnectionId,
        reason: String,
    },
    /// A used refresh token came back: every session of the user was ended (CX-02).
    SessionTheft {
        user: UserId,
    },
    /// The person has a new password.
    PasswordChanged {
        user: UserId,
    },
    /// Somebody asked for a link to a new password, for an account that may not exist: `account` is
    /// the keyed hash of the address, in hexadecimal.
    PasswordResetAsked {
        account: String,
    },
    /// Sign-in was locked after failures on an account that may not exist.
    AccountLocked {
        account: String,
    },
    /// The person signed in from a device that was not seen before.
    NewDevice {
        user: UserId,
        session: SessionId,
    },
    /// The person has one second factor more, or one less: `totp` or `passkey`.
    FactorAdded {
        user: UserId,
        factor: String,
    },
    FactorRemoved {
        user: UserId,
        factor: String,
    },
    /// A recovery code took the place of a factor at sign-in; `remaining` are left.
    RecoveryCodeUsed {
        user: UserId,
        remaining: i64,
    },
    /// The person has new recovery codes; the old ones are void.
    RecoveryCodesMade {
        user: UserId,
    },
    /// Somebody is invited, or invited again: the mail makes the link.
    Invitation {
        invitation: InvitationId,
    },
    /// Somebody wants to join with an organisation of their own: the mail makes the link.
    SignUp {
        sign_up: SignUpId,
    },
    /// A member's roles were changed by another.
    RolesChanged {
        user: UserId,
    },
    /// A member was shut out of the tenant, or let in again.
    MemberDeactivated {
        user: UserId,
    },
    MemberReactivated {
        user: UserId,
    },
    /// An administrator took a member's second factors away.
    FactorsReset {
        user: UserId,
    },
    /// The tenant has another owner.
    OwnerChanged {
        from: UserId,
        to: UserId,
    },
    /// A super_admin entered the tenant (CX-33).
    SupportVisit {
        visit: VisitId,
    },
    /// The trial ends soon.
    TrialEnding,
    /// The trial is over: the tenant is read-only.
    TrialEnded,
    /// The tenant will be erased, unless somebody takes it back before.
    TenantDeletion {
        due_at: DateTime<Utc>,
    },
    /// The deletion was taken back.
    TenantKept,
    /// A webhook was switched off because nothing reached it any more.
    WebhookStopped {
        webhook: WebhookId,
    },
}

impl Event {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RecordsFailed { .. } => "records_failed",
            Self::ConnectionBroken { .. } => "connection_broken",
            Self::SessionTheft { .. } => "session_theft",
            Self::PasswordChanged { .. } => "password_changed",
            Self::PasswordResetAsked { .. } => "password_reset_asked",
            Self::AccountLocked { .. } => "account_locked",
            Self::NewDevice { .. } => "new_device",
            Self::FactorAdded { .. } => "factor_added",
            Self::FactorRemoved { .. } => "factor_removed",
            Self::RecoveryCodeUsed { .. } => "recovery_code_used",
            Self::RecoveryCodesMade { .. } => "recovery_codes_made",
            Self::Invitation { .. } => "invitation",
            Self::SignUp { .. } => "sign_up",
            Self::RolesChanged { .. } => "roles_changed",
            Self::MemberDeactivated { .. } => "member_deactivated",
            Self::MemberReactivated { .. } => "member_reactivated",
            Self::FactorsReset { .. } => "factors_reset",
            Self::OwnerChanged { .. } => "owner_changed",
            Self::SupportVisit { .. } => "support_visit",
            Self::TrialEnding => "trial_ending",
            Self::TrialEnded => "trial_ended",
            Self::TenantDeletion { .. } => "tenant_deletion",
            Self::TenantKept => "tenant_kept",
            Self::WebhookStopped { .. } => "webhook_stopped",
        }
    }
}
