//! What `/_sim/` takes and gives, as both its server and [`crate::Admin`] see it.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::model::id::Id;

/// An application that may ask for grants. Without redirect addresses, any address is taken.
/// An account for the page that shows codes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthenticatorAccount {
    pub name: String,
    /// Base32.
    pub secret: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Client {
    pub id: String,
    pub secret: String,
    #[serde(default)]
    pub redirect_uris: Vec<String>,
}

/// Someone who can sign in on the login page; also an active User of the organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    pub username: String,
    pub password: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// A refresh gives a new refresh token, and the one presented is dead.
    pub rotation: bool,
    /// The most records of one page, whatever the client asks.
    pub page_size: usize,
    /// Requests after which an access token expires.
    pub access_token_uses: Option<u64>,
    /// Seconds of the simulator's clock after which an access token expires.
    pub access_token_seconds: Option<i64>,
    /// How long a token request is in hand, so that another with the same token meets it.
    pub refresh_hold_ms: u64,
    /// API requests allowed in all; one more is refused with REQUEST_LIMIT_EXCEEDED.
    pub daily_limit: u64,
    pub require_secret: bool,
    pub require_pkce: bool,
}

/// One field of one write that reached a record. A refused write has its code; one that was
/// stored has `OK`, even when the answer was lost on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteEntry {
    /// From 1, without gaps.
    pub seq: u64,
    pub time: String,
    pub sobject: String,
    pub id: Id,
    pub field: String,
    pub old: Json,
    pub new: Json,
    pub user: Id,
    pub grant: u64,
    /// Of the grant: 0 as authorised, one more with each refresh.
    pub generation: u64,
    /// [`RequestEntry::seq`] of the request that carried it.
    pub request: u64,
    pub code: String,
}

/// A request as it came. Tokens, secrets and passwords are not kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestEntry {
    pub seq: u64,
    pub time: String,
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Zero when the connection was dropped instead of an answer.
    pub status: u16,
    pub grant: Option<u64>,
    pub generation: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantReport {
    /// From 1.
    pub grant: u64,
    pub client: String,
    pub user: Id,
    pub scope: String,
    pub generation: u64,
    pub refreshes: u64,
    /// Times that a refresh token already used was presented.
    pub reuses: u64,
    /// Refreshes refused because one with the same token was in hand.
    pub collisions: u64,
    /// Why it ended; none while it lives.
    pub ended: Option<String>,
    pub live_access_tokens: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokensReport {
    pub grants: Vec<GrantReport>,
    pub frozen_users: Vec<Id>,
}

/// What goes wrong, and for which requests. Empty conditions match everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    #[serde(default)]
    pub method: Option<String>,
    /// A regular expression over the path.
    #[serde(default)]
    pub path: Option<String>,
    /// The request names this record, in its path, query or body.
    #[serde(default)]
    pub record: Option<Id>,
    /// Matching requests (records, for [`Effect::Row`]) let through first.
    #[serde(default)]
    pub skip: u64,
    /// Matching requests (records) hit after that; all when absent.
    #[serde(default)]
    pub count: Option<u64>,
    pub effect: Effect,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// Answered with this error, without being processed.
    Status {
        status: u16,
        code: String,
        message: String,
    },
    /// Processed after a pause.
    Latency { ms: u64 },
    /// The connection closes before the request is processed.
    DropBefore,
    /// The request is processed, and the connection closes instead of an answer.
    DropAfter,
    /// The request is processed, and a gateway answers with this status in its place.
    StatusAfter { status: u16 },
    /// The access token presented expires first.
    ExpireSession,
    /// The grant of the token presented is revoked first.
    RevokeGrant,
    /// REQUEST_LIMIT_EXCEEDED.
    Limit,
    /// Each write to a matching record is refused with this code.
    Row { code: String, message: String },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FaultReport {
    pub fault: Fault,
    pub hits: u64,
}

/// A write that leaves `field` with exactly this value is refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ValidationRule {
    pub sobject: String,
    pub field: String,
    pub equals: Json,
    pub code: String,
    pub message: String,
}

/// A field added to an object, or an existing one hidden by field-level security.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FieldChange {
    pub sobject: String,
    pub name: String,
    /// A describe's type name; needed for a new field.
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub hidden: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockCommand {
    /// Milliseconds since 1970-01-01 UTC; the clock runs on from there.
    Set(i64),
    /// Milliseconds, forward or back.
    Advance(i64),
    /// The machine's time again.
    Real,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClockReport {
    pub millis: i64,
    pub time: String,
}

/// Records to make. The same seed gives the same records, but for their times.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Generate {
    pub seed: u64,
    /// Active users, besides those who can sign in.
    pub users: u32,
    pub inactive_users: u32,
    /// Queues that serve Lead.
    pub queues: u32,
    pub leads: u32,
    pub accounts: u32,
    pub contacts: u32,
    /// Owner of the leads and contacts; the first who can sign in, when absent.
    pub owner: Option<Id>,
    /// One lead in this many has a hostile name; 0 for none.
    pub hostile_every: u32,
    /// The creation times lie evenly over this many seconds before now.
    pub spread_seconds: u32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Generated {
    pub users: Vec<Id>,
    pub inactive_users: Vec<Id>,
    pub queues: Vec<Id>,
    pub leads: Vec<Id>,
    pub accounts: Vec<Id>,
    pub contacts: Vec<Id>,
}

/// One new lead every so often, until stopped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trickle {
    pub every_ms: u64,
    #[serde(default)]
    pub seed: u64,
    #[serde(default)]
    pub hostile_every: u32,
    /// How many in all; without end when absent.
    #[serde(default)]
    pub count: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    pub ids: Vec<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRow {
    pub id: Id,
    pub owner: Option<Id>,
    /// When the record came, as a record shows it.
    pub created: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stats {
    pub records: std::collections::BTreeMap<String, u64>,
    pub requests: u64,
    /// Entries of the write log.
    pub writes: u64,
    pub api_used: u64,
    pub refreshes: u64,
    pub reuses: u64,
    pub collisions: u64,
    pub frozen_users: u64,
    pub trickled: u64,
}

/// A grant made without the login page, for tests that are not about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantCommand {
    pub username: String,
    pub client_id: String,
    pub scope: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Granted {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub instance_url: String,
    /// The identity address; ends in the organisation's and the user's id.
    pub id: String,
}
