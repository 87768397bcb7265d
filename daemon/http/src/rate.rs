//! Rate classes (CX-30): a token bucket per network or person, in this daemon's memory. The counters
//! that lock accounts are identity's and shared by all daemons; these spare the machine.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{GrantId, ScimTokenId, UserId};

/// More keys than this at once: those whose bucket is full again are forgotten.
const MOST: usize = 50_000;

/// Whose bucket a request is charged to: a network's, a person's, that of a provider's token, or of what a person let a
/// program do. IPv6 is counted
/// by /64. A program's key has its minute in the database, where all daemons count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    SignIn(Network),
    Network(Network),
    Person(UserId),
    Provisioner(ScimTokenId),
    Grant(GrantId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network(u64);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            // The unspecified /64 prefix cannot send, so IPv4 has it for itself.
            IpAddr::V4(address) => Self(u64::from(u32::from(address))),
            IpAddr::V6(address) => {
                Self(u64::try_from(u128::from(address) >> 64).unwrap_or(u64::MAX))
            }
        }
    }
}

pub(crate) struct RateLimits {
    sign_ins: i64,
    requests: i64,
    buckets: Mutex<HashMap<Key, Bucket>>,
}

/// The time at which the bucket will be full again says all there is to say (the generic cell rate
/// algorithm, as in ATM Forum TM 4.0).
struct Bucket {
    full_at: DateTime<Utc>,
}

impl RateLimits {
    pub(crate) fn new(sign_ins_per_minute: u32, requests_per_minute: u32) -> Self {
        Self {
            sign_ins: i64::from(sign_ins_per_minute.max(1)),
            requests: i64::from(requests_per_minute.max(1)),
            buckets: Mutex::default(),
        }
    }

    /// Takes one request from the key's bucket, or says how long to wait for one.
    pub(crate) fn charge(&self, key: Key, now: DateTime<Utc>) -> Result<(), Duration> {
        let per_minute = match key {
            Key::SignIn(_) => self.sign_ins,
            Key::Network(_) | Key::Person(_) | Key::Provisioner(_) | Key::Grant(_) => self.requests,
        };
        let minute = TimeDelta::minutes(1);
        let one = TimeDelta::microseconds(60_000_000 / per_minute);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST {
            buckets.retain(|_, bucket| bucket.full_at > now);
        }
        let bucket = buckets.entry(key).or_insert(Bucket { full_at: now });
        // An empty bucket is full in a minute: one that says later was filled before the clock went back, and
        // whoever comes is not to wait for what nobody remembers.
        if bucket.full_at < now || bucket.full_at > now + minute {
            bucket.full_at = now;
        }
        let full_at = bucket.full_at + one;
        if full_at - now > minute {
            return Err((full_at - now - minute).to_std().unwrap_or_default());
        }
        bucket.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, ManualClock};

    use super::*;

    fn network(text: &str) -> Network {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn ten_sign_ins_a_minute_and_not_one_more() {
        let clock = ManualClock::at(1_800_000_000);
        let limits = RateLimits::new(10, 600);
        let key = Key::SignIn(network("192.0.2.7"));
        for _ in 0..10 {
            assert!(limits.charge(key, clock.now()).is_ok());
        }
        let wait = limits.charge(key, clock.now()).unwrap_err();
        assert_eq!(wait, Duration::from_secs(6));
        assert!(
            limits
                .charge(Key::SignIn(network("192.0.2.8")), clock.now())
                .is_ok()
        );
        assert!(
            limits
                .charge(Key::Network(network("192.0.2.7")), clock.now())
                .is_ok()
        );
        clock.advance(TimeDelta::from_std(wait).unwrap());
        assert!(limits.charge(key, clock.now()).is_ok());
        assert!(limits.charge(key, clock.now()).is_err());
    }

    #[test]
    fn a_clock_that_goes_back_an_hour_costs_nobody_a_wait() {
        let clock = ManualClock::at(1_800_000_000);
        let limits = RateLimits::new(10, 600);
        let key = Key::SignIn(network("192.0.2.7"));
        limits.charge(key, clock.now()).unwrap();
        clock.advance(TimeDelta::hours(-1));
        assert!((0..10).all(|_| limits.charge(key, clock.now()).is_ok()));
        assert!(limits.charge(key, clock.now()).is_err());
    }

    #[test]
    fn a_refused_request_costs_nothing() {
        let clock = ManualClock::at(1_800_000_000);
        let limits = RateLimits::new(10, 600);
        let key = Key::SignIn(network("192.0.2.7"));
        for _ in 0..1_000 {
            let _ = limits.charge(key, clock.now());
        }
        clock.advance(TimeDelta::minutes(1));
        assert!((0..10).all(|_| limits.charge(key, clock.now()).is_ok()));
    }

    #[test]
    fn a_network_cannot_evade_by_its_own_many_addresses() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.7"), network("192.0.2.7"));
    }

    #[test]
    fn memory_is_bounded_by_who_is_active() {
        let clock = ManualClock::at(1_800_000_000);
        let limits = RateLimits::new(10, 600);
        for n in 0..u64::try_from(MOST).unwrap() {
            limits
                .charge(Key::Network(Network(n)), clock.now())
                .unwrap();
        }
        clock.advance(TimeDelta::minutes(2));
        limits
            .charge(Key::Network(Network(1)), clock.now())
            .unwrap();
        assert_eq!(limits.buckets.lock().unwrap().len(), 1);
    }
}
