//! `[identity]` of the configuration, and the numbers that controls fix.

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, de::Error};

use crate::{breach::BreachConfig, password::BCRYPT_COST, policy::PasswordProfile};

/// CX-01: an access token of the web app.
pub const ACCESS_LIFE: TimeDelta = TimeDelta::minutes(15);
/// CX-01: an access token of a program that is no browser.
pub const CLIENT_ACCESS_LIFE: TimeDelta = TimeDelta::minutes(30);
/// CX-01: the absolute cap on a session and its refresh chain.
pub const SESSION_LIFE: TimeDelta = TimeDelta::days(7);
/// CX-02: how long the answer to a refresh may have been lost.
pub const REFRESH_GRACE: TimeDelta = TimeDelta::seconds(30);
/// How long a daemon believes what it read of a session.
pub(crate) const STANDING_LIFE: TimeDelta = TimeDelta::seconds(5);
/// LM-09, LR-09: how far back failures count, and how long a lockout lasts.
pub(crate) const ATTEMPT_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// LM-11: how far back requests for a reset count.
pub(crate) const RESET_WINDOW: TimeDelta = TimeDelta::hours(1);
/// LR-11: how long a reset link lives.
pub(crate) const RESET_LIFE: TimeDelta = TimeDelta::hours(1);
/// LM-67: an older signing key is due for rotation.
pub const ROTATE_EVERY: TimeDelta = TimeDelta::days(90);
/// A set-up code that nobody used.
pub(crate) const SETUP_CODE_LIFE: TimeDelta = TimeDelta::hours(24);

/// The numbers that the sources leave open are ours to publish (CX-30).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A session that was not used for this long is over.
    #[serde(deserialize_with = "positive")]
    pub inactivity_minutes: u32,
    /// Failed sign-ins from one address (IPv6: one /64) in 15 minutes before it is locked out.
    #[serde(deserialize_with = "positive")]
    pub failures_per_address: u32,
    /// Failed sign-ins on one account from one address in 15 minutes before it is locked out.
    #[serde(deserialize_with = "positive")]
    pub failures_per_account: u32,
    /// Links to a new password that one address may ask for in an hour, whatever the accounts.
    #[serde(deserialize_with = "positive")]
    pub resets_per_address: u32,
    /// Which rules a new password must meet (CX-16).
    pub password_profile: PasswordProfile,
    /// Each step doubles the work of a check. Hashes of a lower cost are made anew on sign-in.
    #[serde(deserialize_with = "cost")]
    pub bcrypt_cost: u32,
    /// What the next signing key is made for.
    pub signing_algorithm: SigningAlgorithm,
    pub breach: BreachConfig,
    /// Whether anyone may sign up with an organisation of their own, on a trial (CX-27).
    pub signup_enabled: bool,
}

/// How access tokens are signed (CX-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SigningAlgorithm {
    RS256,
    PS256,
    EdDSA,
}

/// Nobody could sign in with a zero.
fn positive<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    match u32::deserialize(d)? {
        0 => Err(D::Error::custom(
            "the numbers of [identity] must be above zero",
        )),
        number => Ok(number),
    }
}

/// CX-15: never below the floor.
fn cost<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    let cost = u32::deserialize(d)?;
    if (BCRYPT_COST..=20).contains(&cost) {
        Ok(cost)
    } else {
        Err(D::Error::custom(format!(
            "identity.bcrypt_cost must be {BCRYPT_COST} to 20"
        )))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            inactivity_minutes: 60,
            failures_per_address: 20,
            failures_per_account: 5,
            resets_per_address: 30,
            password_profile: PasswordProfile::Complexity,
            bcrypt_cost: BCRYPT_COST,
            signing_algorithm: SigningAlgorithm::RS256,
            breach: BreachConfig::default(),
            signup_enabled: false,
        }
    }
}

impl Config {
    pub(crate) fn inactivity(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.inactivity_minutes))
    }
}
