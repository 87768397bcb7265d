//! One newtype per kind of row. On the wire an id reads `rule_0192…`; in the database it is a
//! bare UUIDv7, so ids sort by the time at which they were made.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::clock::Clock;

/// An id whose text has the wrong prefix or is no UUID.
#[derive(Debug, thiserror::Error)]
#[error("expected an id that reads {prefix}_<uuid>")]
pub struct BadId {
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// A new id, ordered by the clock's time (UUIDv7, RFC 9562 section 5.7).
            pub fn generate(clock: &dyn Clock) -> Self {
                Self(uuid_at(clock))
            }
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or(BadId { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    TenantId = "tenant";
    UserId = "user";
    SessionId = "session";
    SigningKeyId = "key";
    PasskeyId = "passkey";
    AuditId = "audit";
    JobId = "job";
    InvitationId = "inv";
    SignUpId = "signup";
    VisitId = "visit";
    ApiKeyId = "apikey";
    /// A program of others that people let in by OAuth.
    ClientId = "client";
    /// What a person let such a program do.
    GrantId = "grant";
    ConnectionId = "conn";
    FieldId = "field";
    RouterId = "router";
    RuleId = "rule";
    PoolId = "pool";
    RepId = "rep";
    QueueId = "queue";
    CalendarId = "calendar";
    TimeOffId = "timeoff";
    AssignmentId = "asg";
    ProviderId = "provider";
    ScimTokenId = "scimtoken";
    ExportId = "export";
    CaseId = "case";
    GroupId = "group";
    SiemTargetId = "siem";
    WebhookId = "webhook";
    /// What a program asked a person to decide.
    IntentId = "intent";
    /// One event as webhooks tell it; the id of the message in every attempt.
    EventId = "evt";
    /// One HTTP request; also the correlation id of what it causes.
    RequestId = "req";
}

impl TenantId {
    /// Events that belong to no tenant (set-up, unknown sign-ins) carry this reserved tenant (CX-31).
    pub const PLATFORM: Self = Self(Uuid::from_u128(0));
}

/// A UUIDv7 at the clock's time.
pub fn uuid_at(clock: &dyn Clock) -> Uuid {
    let now = clock.now();
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        seconds,
        now.timestamp_subsec_nanos(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn an_id_reads_back_and_another_kind_is_refused() {
        let rule = RuleId::generate(&SystemClock);
        assert_eq!(rule.to_string().parse::<RuleId>().unwrap(), rule);
        assert!(rule.to_string().parse::<PoolId>().is_err());
        assert!("rule_nonsense".parse::<RuleId>().is_err());
    }

    #[test]
    fn ids_sort_by_time() {
        let clock = crate::clock::ManualClock::at(1_800_000_000);
        let first = JobId::generate(&clock);
        clock.advance(chrono::Duration::milliseconds(2));
        assert!(first < JobId::generate(&clock));
    }
}
