//! Whether a session may act right now. A daemon believes what it read for 5 seconds, so a revoked
//! session is refused everywhere within that time, with or without notifications.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use db::SessionStanding;
use kernel::{Reach, Role, Roles, SessionId, TenantId, UserId};

use crate::{config::STANDING_LIFE, error::IdentityError, token::Claims};

/// More sessions than this in 5 seconds only cost look-ups.
const MOST: usize = 10_000;

/// What was read, and when. `None`: no such session, or no membership any more.
type Read = (Option<SessionStanding>, DateTime<Utc>);

#[derive(Default)]
pub(crate) struct StandingCache(Mutex<HashMap<SessionId, Read>>);

impl StandingCache {
    pub(crate) fn get(
        &self,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Option<Option<SessionStanding>> {
        self.lock()
            .get(&session)
            .filter(|(_, read)| now - *read < STANDING_LIFE && *read <= now)
            .map(|(standing, _)| standing.clone())
    }

    pub(crate) fn keep(
        &self,
        session: SessionId,
        standing: Option<SessionStanding>,
        now: DateTime<Utc>,
    ) {
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.retain(|_, (_, read)| now - *read < STANDING_LIFE);
        }
        if kept.len() < MOST {
            kept.insert(session, (standing, now));
        }
    }

    pub(crate) fn forget(&self, session: SessionId) {
        self.lock().remove(&session);
    }

    pub(crate) fn forget_user(&self, user: UserId) {
        self.retain(|standing| standing.user_id != user.uuid());
    }

    pub(crate) fn forget_tenant(&self, tenant: TenantId) {
        self.retain(|standing| standing.tenant_id != tenant.uuid());
    }

    pub(crate) fn forget_all(&self) {
        self.lock().clear();
    }

    fn retain(&self, keep: impl Fn(&SessionStanding) -> bool) {
        self.lock()
            .retain(|_, (standing, _)| standing.as_ref().is_some_and(&keep));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Read>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the session lives: not ended, not too old, not forgotten in an open browser.
pub(crate) fn check_alive(
    standing: &SessionStanding,
    inactivity: TimeDelta,
    now: DateTime<Utc>,
) -> Result<(), IdentityError> {
    if standing.ended_at.is_some() || standing.user_state != "active" {
        return Err(IdentityError::SessionRevoked);
    }
    if standing.expires_at <= now || standing.last_used_at + inactivity <= now {
        return Err(IdentityError::SessionExpired);
    }
    Ok(())
}

/// Whether the token still says what is so: the same person, tenant and membership epoch.
pub(crate) fn check_claims(
    standing: &SessionStanding,
    claims: &Claims,
    now: DateTime<Utc>,
) -> Result<(), IdentityError> {
    if visit_is_over(standing, now) {
        // A refresh takes the session home.
        return Err(IdentityError::InvalidToken("the visit is over"));
    }
    let same = standing.user_id == claims.sub.uuid()
        && standing.tenant_id == claims.tid.uuid()
        && standing.epoch == claims.epoch;
    // The web app refreshes and gets a token that says what is so now.
    if same {
        Ok(())
    } else {
        Err(IdentityError::InvalidToken("the session has moved on"))
    }
}

/// A visit that was left or ended, or whose time is up.
pub(crate) fn visit_is_over(standing: &SessionStanding, now: DateTime<Utc>) -> bool {
    standing.visit_id.is_some()
        && (standing.visit_left_at.is_some() || standing.visit_ends_at.is_none_or(|end| end <= now))
}

/// The state of a tenant as it is now, whether or not the daily work has noted it yet.
pub(crate) fn tenant_state(
    state: &str,
    trial_ends_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> &str {
    if state == "trial" && trial_ends_at.is_none_or(|end| end <= now) {
        "read_only"
    } else {
        state
    }
}

fn reach(standing: &SessionStanding, now: DateTime<Utc>) -> Reach {
    let state = tenant_state(&standing.tenant_state, standing.trial_ends_at, now);
    match (standing.visit_id, standing.visit_writes, state) {
        (Some(_), Some(true), "active" | "trial") => Reach::SupportWrite,
        (Some(_), _, _) => Reach::SupportRead,
        (None, _, "read_only") => Reach::TrialOver,
        (None, _, _) => Reach::Whole,
    }
}

pub(crate) fn roles(standing: &SessionStanding, now: DateTime<Utc>) -> Roles {
    let held = standing
        .roles
        .iter()
        .filter_map(|name| Role::from_name(name));
    // The flag on the person is the only source of this role, never a membership's list.
    let held = held.filter(|role| *role != Role::SuperAdmin);
    Roles::new(
        held.chain(standing.super_admin.then_some(Role::SuperAdmin)),
        standing.owner,
    )
    .within(reach(standing, now))
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, ManualClock};
    use uuid::Uuid;

    use super::*;

    fn standing(now: DateTime<Utc>) -> SessionStanding {
        SessionStanding {
            user_id: Uuid::from_u128(1),
            tenant_id: Uuid::from_u128(2),
            expires_at: now + TimeDelta::days(7),
            last_used_at: now,
            ended_at: None,
            user_state: String::from("active"),
            super_admin: false,
            roles: vec![String::from("admin")],
            owner: true,
            epoch: 1,
            tenant_state: String::from("active"),
            factor_at: None,
            has_factor: false,
            factor_for_all: false,
            tenant_name: String::from("Acme"),
            trial_ends_at: None,
            visit_id: None,
            visit_reason: None,
            visit_writes: None,
            visit_ends_at: None,
            visit_left_at: None,
        }
    }

    #[test]
    fn what_was_read_is_believed_for_five_seconds_and_no_longer() {
        let clock = ManualClock::at(1_800_000_000);
        let cache = StandingCache::default();
        let session = SessionId::generate(&clock);
        cache.keep(session, Some(standing(clock.now())), clock.now());
        clock.advance(TimeDelta::milliseconds(4_999));
        assert!(cache.get(session, clock.now()).is_some());
        clock.advance(TimeDelta::milliseconds(1));
        assert!(cache.get(session, clock.now()).is_none());
    }

    #[test]
    fn the_cache_is_bounded_and_full_means_slower_never_wrong() {
        let clock = ManualClock::at(1_800_000_000);
        let cache = StandingCache::default();
        for n in 0..MOST + 50 {
            let id = SessionId::from_uuid(Uuid::from_u128(u128::try_from(n).unwrap()));
            cache.keep(id, None, clock.now());
        }
        assert_eq!(cache.lock().len(), MOST);
        clock.advance(STANDING_LIFE);
        let fresh = SessionId::generate(&clock);
        cache.keep(fresh, None, clock.now());
        assert_eq!(cache.lock().len(), 1, "what ran out made room");
        assert_eq!(
            cache.get(fresh, clock.now()).map(|s| s.is_none()),
            Some(true)
        );
    }

    #[test]
    fn a_hint_about_a_tenant_or_person_drops_its_sessions() {
        let clock = ManualClock::at(1_800_000_000);
        let cache = StandingCache::default();
        let session = SessionId::generate(&clock);
        cache.keep(session, Some(standing(clock.now())), clock.now());
        cache.forget_tenant(TenantId::from_uuid(Uuid::from_u128(9)));
        assert!(cache.get(session, clock.now()).is_some());
        cache.forget_tenant(TenantId::from_uuid(Uuid::from_u128(2)));
        assert!(cache.get(session, clock.now()).is_none());
        cache.keep(session, Some(standing(clock.now())), clock.now());
        cache.forget_user(UserId::from_uuid(Uuid::from_u128(1)));
        assert!(cache.get(session, clock.now()).is_none());
    }

    #[test]
    fn ended_old_idle_or_deactivated_is_not_alive() {
        let clock = ManualClock::at(1_800_000_000);
        let (now, idle) = (clock.now(), TimeDelta::minutes(60));
        let good = standing(now);
        assert!(check_alive(&good, idle, now).is_ok());
        let ended = SessionStanding {
            ended_at: Some(now),
            ..good.clone()
        };
        assert!(matches!(
            check_alive(&ended, idle, now),
            Err(IdentityError::SessionRevoked)
        ));
        let gone = SessionStanding {
            user_state: String::from("deactivated"),
            ..good.clone()
        };
        assert!(matches!(
            check_alive(&gone, idle, now),
            Err(IdentityError::SessionRevoked)
        ));
        let later = now + idle;
        assert!(matches!(
            check_alive(&good, idle, later),
            Err(IdentityError::SessionExpired)
        ));
        let busy = SessionStanding {
            last_used_at: now + TimeDelta::days(7),
            ..good
        };
        let cap = now + TimeDelta::days(7);
        assert!(matches!(
            check_alive(&busy, idle, cap),
            Err(IdentityError::SessionExpired)
        ));
    }

    #[test]
    fn a_membership_cannot_make_a_super_admin() {
        let now = ManualClock::at(0).now();
        let mut row = standing(now);
        row.roles.push(String::from("super_admin"));
        assert!(!roles(&row, now).has(Role::SuperAdmin));
        row.super_admin = true;
        assert!(roles(&row, now).has(Role::SuperAdmin));
        assert!(roles(&row, now).has(Role::Admin) && roles(&row, now).is_owner());
    }
}
