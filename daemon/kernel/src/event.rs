//! The catalogue of events that a domain publishes in its transaction and that others subscribe to.
//! Payloads carry ids and codes, never a name, an address or a secret (CX-32).

use serde::{Deserialize, Serialize};

use crate::id::{AssignmentId, ConnectionId, UserId};

/// Something that happened, as others may hear of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A record's owner was written at the CRM.
    RecordAssigned {
        assignment: AssignmentId,
        record: String,
    },
    /// A record could not be routed; `reason` is a stable code.
    RecordFailed { record: String, reason: String },
    /// A connection stopped working until a person reconnects it; `reason` is a stable code.
    ConnectionBroken {
        connection: ConnectionId,
        reason: String,
    },
    /// A used refresh token came back: every session of the user was ended (CX-02).
    SessionTheft { user: UserId },
}

impl Event {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RecordAssigned { .. } => "record_assigned",
            Self::RecordFailed { .. } => "record_failed",
            Self::ConnectionBroken { .. } => "connection_broken",
            Self::SessionTheft { .. } => "session_theft",
        }
    }
}
