//! `[identity]` of the configuration, and the numbers that controls fix.

use chrono::TimeDelta;
use serde::Deserialize;

/// CX-01: an access token of the web app.
pub const ACCESS_LIFE: TimeDelta = TimeDelta::minutes(15);
/// CX-01: the absolute cap on a session and its refresh chain.
pub const SESSION_LIFE: TimeDelta = TimeDelta::days(7);
/// CX-02: how long the answer to a refresh may have been lost.
pub const REFRESH_GRACE: TimeDelta = TimeDelta::seconds(30);
/// How long a daemon believes what it read of a session.
pub(crate) const STANDING_LIFE: TimeDelta = TimeDelta::seconds(5);
/// LM-09, LR-09: how far back failures count, and how long a lockout lasts.
pub(crate) const ATTEMPT_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// A set-up code that nobody used.
pub(crate) const SETUP_CODE_LIFE: TimeDelta = TimeDelta::hours(24);

/// The numbers that the sources leave open are ours to publish (CX-30).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A session that was not used for this long is over.
    pub inactivity_minutes: u32,
    /// Failed sign-ins from one address (IPv6: one /64) in 15 minutes before it is locked out.
    pub failures_per_address: u32,
    /// Failed sign-ins on one account from one address in 15 minutes before it is locked out.
    pub failures_per_account: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            inactivity_minutes: 60,
            failures_per_address: 20,
            failures_per_account: 5,
        }
    }
}

impl Config {
    pub(crate) fn inactivity(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.inactivity_minutes))
    }
}
