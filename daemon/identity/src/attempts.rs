//! Counters of failed attempts, shared by all daemons (CX-13, LR-09, LM-09).
//!
//! An attempt is charged before it is judged and refunded when it succeeds, so a hundred guesses at
//! once count as a hundred. Keys are HMACs: a row names nobody.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use db::{AuthTx, Unit};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl, insert_into};
use kernel::Secret;
use schema::attempt_counters::dsl;

use crate::{config::ATTEMPT_WINDOW, email::keyed_hash, error::IdentityError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptScope {
    SignInAddress,
    SignInAccount,
    SetupAddress,
    RefreshAddress,
    /// Codes of an authenticator app, by account, from wherever they come.
    FactorAccount,
    PasswordChange,
    ResetAccount,
    ResetAddress,
    DeviceAsk,
    UserCode,
    /// Sign-in through a directory, by its account, from wherever it comes.
    DirectoryAccount,
}

impl AttemptScope {
    const fn name(self) -> &'static str {
        match self {
            Self::SignInAddress => "sign_in_address",
            Self::SignInAccount => "sign_in_account",
            Self::SetupAddress => "setup_address",
            Self::RefreshAddress => "refresh_address",
            Self::FactorAccount => "factor_account",
            Self::PasswordChange => "password_change",
            Self::ResetAccount => "reset_account",
            Self::ResetAddress => "reset_address",
            Self::DeviceAsk => "device_ask",
            Self::UserCode => "user_code",
            Self::DirectoryAccount => "directory_account",
        }
    }
}

/// One counter and where it locks.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    scope: AttemptScope,
    key: Vec<u8>,
    most: i32,
    window: TimeDelta,
}

impl Limit {
    /// `who` is empty, or what is tried besides the network address (the account's keyed hash).
    pub(crate) fn new(
        secret: &Secret<Vec<u8>>,
        scope: AttemptScope,
        address: IpAddr,
        who: &[u8],
        most: u32,
    ) -> Result<Self, IdentityError> {
        let network = network(address);
        let key = keyed_hash(
            secret,
            &[b"attempt", scope.name().as_bytes(), &network, who],
        )?;
        Ok(Self {
            scope,
            key,
            most: i32::try_from(most).unwrap_or(i32::MAX),
            window: ATTEMPT_WINDOW,
        })
    }

    /// Whatever network it is tried from.
    pub(crate) fn anywhere(
        secret: &Secret<Vec<u8>>,
        scope: AttemptScope,
        who: &[u8],
        most: u32,
    ) -> Result<Self, IdentityError> {
        let key = keyed_hash(secret, &[b"attempt", scope.name().as_bytes(), who])?;
        Ok(Self {
            scope,
            key,
            most: i32::try_from(most).unwrap_or(i32::MAX),
            window: ATTEMPT_WINDOW,
        })
    }

    pub(crate) fn within(self, window: TimeDelta) -> Self {
        Self { window, ..self }
    }
}

/// IPv4 by address, IPv6 by /64: whoever has one address of a /64 has them all.
pub(crate) fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().into_iter().take(8).collect(),
    }
}

/// What a counter's row says at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    window_start: DateTime<Utc>,
    failures: i32,
    locked_until: Option<DateTime<Utc>>,
}

impl Count {
    /// The row with what has run out left behind. What lies a window ahead was written before the clock went
    /// back: no two daemons' clocks differ as much.
    fn at(self, window: TimeDelta, now: DateTime<Utc>) -> Self {
        let locked = self.locked_until.is_some_and(|until| until > now);
        if !locked && self.window_start + window <= now
            || self.locked_until.is_some_and(|until| until <= now)
            || self.window_start > now + window
        {
            return Self {
                window_start: now,
                failures: 0,
                locked_until: None,
            };
        }
        self
    }

    /// How long to wait, when no attempt is free.
    fn refusal(self, most: i32, window: TimeDelta, now: DateTime<Utc>) -> Option<TimeDelta> {
        match self.locked_until {
            Some(until) if until > now => Some(until - now),
            _ if self.failures >= most => Some(self.window_start + window - now),
            _ => None,
        }
    }
}

/// Takes one attempt from every counter, or from none and says how long to wait.
pub(crate) fn charge(
    tx: &mut AuthTx<'_>,
    limits: &[Limit],
) -> Result<Option<TimeDelta>, IdentityError> {
    let now = tx.now();
    let mut counts = Vec::with_capacity(limits.len());
    for limit in limits {
        let count = locked_row(tx, limit)?.at(limit.window, now);
        if let Some(wait) = count.refusal(limit.most, limit.window, now) {
            return Ok(Some(wait));
        }
        counts.push(count);
    }
    for (limit, count) in limits.iter().zip(counts) {
        store(
            tx,
            limit,
            Count {
                failures: count.failures.saturating_add(1),
                ..count
            },
        )?;
    }
    Ok(None)
}

/// The attempt failed. Says which counters this one locked.
pub(crate) fn settle_failure(
    tx: &mut AuthTx<'_>,
    limits: &[Limit],
) -> Result<Vec<AttemptScope>, IdentityError> {
    let now = tx.now();
    let mut locked = Vec::new();
    for limit in limits {
        let count = locked_row(tx, limit)?.at(limit.window, now);
        if count.failures >= limit.most && count.locked_until.is_none() {
            store(
                tx,
                limit,
                Count {
                    locked_until: Some(now + limit.window),
                    ..count
                },
            )?;
            locked.push(limit.scope);
        }
    }
    forget_old(tx)?;
    Ok(locked)
}

/// The attempt succeeded: the account's counter starts anew, the network's gets its attempt back.
pub(crate) fn settle_success(tx: &mut AuthTx<'_>, limits: &[Limit]) -> Result<(), IdentityError> {
    for limit in limits {
        let count = locked_row(tx, limit)?;
        let failures = match limit.scope {
            AttemptScope::SignInAccount
            | AttemptScope::PasswordChange
            | AttemptScope::DirectoryAccount => 0,
            AttemptScope::SignInAddress
            | AttemptScope::SetupAddress
            | AttemptScope::RefreshAddress
            | AttemptScope::FactorAccount
            | AttemptScope::ResetAccount
            | AttemptScope::ResetAddress
            | AttemptScope::DeviceAsk
            | AttemptScope::UserCode => count.failures.saturating_sub(1).max(0),
        };
        store(tx, limit, Count { failures, ..count })?;
    }
    Ok(())
}

/// The attempt was neither failure nor success yet: every counter gets it back, and none starts anew.
pub(crate) fn refund(tx: &mut AuthTx<'_>, limits: &[Limit]) -> Result<(), IdentityError> {
    for limit in limits {
        let count = locked_row(tx, limit)?;
        let failures = count.failures.saturating_sub(1).max(0);
        store(tx, limit, Count { failures, ..count })?;
    }
    Ok(())
}

fn locked_row(tx: &mut AuthTx<'_>, limit: &Limit) -> Result<Count, IdentityError> {
    let now = tx.now();
    insert_into(dsl::attempt_counters)
        .values((
            dsl::scope.eq(limit.scope.name()),
            dsl::key.eq(&limit.key),
            dsl::window_start.eq(now),
            dsl::failures.eq(0),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())?;
    let (window_start, failures, locked_until) = dsl::attempt_counters
        .find((limit.scope.name(), &limit.key))
        .select((dsl::window_start, dsl::failures, dsl::locked_until))
        .for_update()
        .first(tx.conn())?;
    Ok(Count {
        window_start,
        failures,
        locked_until,
    })
}

fn store(tx: &mut AuthTx<'_>, limit: &Limit, count: Count) -> Result<(), IdentityError> {
    diesel::update(dsl::attempt_counters.find((limit.scope.name(), &limit.key)))
        .set((
            dsl::window_start.eq(count.window_start),
            dsl::failures.eq(count.failures),
            dsl::locked_until.eq(count.locked_until),
        ))
        .execute(tx.conn())?;
    Ok(())
}

/// Failures are rare enough to sweep up after themselves.
fn forget_old(tx: &mut AuthTx<'_>) -> Result<(), IdentityError> {
    let now = tx.now();
    diesel::delete(
        dsl::attempt_counters
            .filter(dsl::window_start.lt(now - TimeDelta::days(1)))
            .filter(dsl::locked_until.is_null().or(dsl::locked_until.lt(now))),
    )
    .execute(tx.conn())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, ManualClock};

    use super::*;

    #[test]
    fn one_network_is_one_key_however_it_is_written() {
        let net = |text: &str| network(text.parse().unwrap());
        assert_eq!(
            net("2001:db8:1:2::1"),
            net("2001:db8:1:2:ffff:ffff:ffff:ffff")
        );
        assert_ne!(net("2001:db8:1:2::1"), net("2001:db8:1:3::1"));
        assert_eq!(net("::ffff:192.0.2.7"), net("192.0.2.7"));
        assert_ne!(net("192.0.2.7"), net("192.0.2.8"));
    }

    #[test]
    fn a_key_differs_by_scope_account_and_network() {
        let secret = Secret::new(vec![1; 32]);
        let key = |scope, address: &str, who: &[u8]| {
            Limit::new(&secret, scope, address.parse().unwrap(), who, 5)
                .unwrap()
                .key
        };
        let base = key(AttemptScope::SignInAccount, "192.0.2.7", b"ada");
        assert_ne!(base, key(AttemptScope::SignInAccount, "192.0.2.7", b"eve"));
        assert_ne!(base, key(AttemptScope::SignInAccount, "192.0.2.8", b"ada"));
        assert_ne!(base, key(AttemptScope::SignInAddress, "192.0.2.7", b"ada"));
    }

    #[test]
    fn a_lock_of_a_clock_that_was_ahead_is_void() {
        let now = ManualClock::at(1_800_000_000).now();
        let ahead = |by| Count {
            window_start: now + by,
            failures: 5,
            locked_until: Some(now + by + ATTEMPT_WINDOW),
        };
        let hour = ahead(TimeDelta::hours(1)).at(ATTEMPT_WINDOW, now);
        assert_eq!(hour.refusal(5, ATTEMPT_WINDOW, now), None);
        // Another daemon's clock, a little ahead, forgives nothing.
        let skewed = ahead(TimeDelta::seconds(30)).at(ATTEMPT_WINDOW, now);
        assert!(skewed.refusal(5, ATTEMPT_WINDOW, now).is_some());
    }

    #[test]
    fn a_lock_lasts_its_time_and_then_nothing_is_remembered() {
        let clock = ManualClock::at(1_800_000_000);
        let count = Count {
            window_start: clock.now(),
            failures: 5,
            locked_until: Some(clock.now() + ATTEMPT_WINDOW),
        };
        clock.advance(ATTEMPT_WINDOW - TimeDelta::seconds(1));
        assert_eq!(
            count
                .at(ATTEMPT_WINDOW, clock.now())
                .refusal(5, ATTEMPT_WINDOW, clock.now()),
            Some(TimeDelta::seconds(1))
        );
        clock.advance(TimeDelta::seconds(1));
        assert_eq!(
            count
                .at(ATTEMPT_WINDOW, clock.now())
                .refusal(5, ATTEMPT_WINDOW, clock.now()),
            None
        );
        assert_eq!(count.at(ATTEMPT_WINDOW, clock.now()).failures, 0);
    }

    #[test]
    fn attempts_in_flight_count_before_they_are_judged() {
        let clock = ManualClock::at(1_800_000_000);
        let count = Count {
            window_start: clock.now(),
            failures: 5,
            locked_until: None,
        };
        assert_eq!(
            count
                .at(ATTEMPT_WINDOW, clock.now())
                .refusal(5, ATTEMPT_WINDOW, clock.now()),
            Some(ATTEMPT_WINDOW)
        );
        let count = Count {
            failures: 4,
            ..count
        };
        assert_eq!(
            count
                .at(ATTEMPT_WINDOW, clock.now())
                .refusal(5, ATTEMPT_WINDOW, clock.now()),
            None
        );
    }

    #[test]
    fn a_window_that_began_late_keeps_its_lock() {
        let clock = ManualClock::at(1_800_000_000);
        let start = clock.now();
        clock.advance(ATTEMPT_WINDOW - TimeDelta::seconds(10));
        let count = Count {
            window_start: start,
            failures: 5,
            locked_until: Some(clock.now() + ATTEMPT_WINDOW),
        };
        clock.advance(TimeDelta::minutes(1));
        assert!(
            count
                .at(ATTEMPT_WINDOW, clock.now())
                .refusal(5, ATTEMPT_WINDOW, clock.now())
                .is_some(),
            "the window alone is over"
        );
    }
}
