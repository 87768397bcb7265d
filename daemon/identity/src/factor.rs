//! Second factors (LR-14 to LR-16, LM-10, LM-89, CX-18): authenticator apps, passkeys and recovery
//! codes; who must have one; and the challenges that ask for it.
//!
//! A person's factors belong to the person, not to a tenant. Whether one is required depends on the
//! tenant that the session is in, so it is asked anew with every request, by [`FactorStanding`].

mod by_passkey;
mod challenge;
mod enrol;
mod own_passkeys;
pub(crate) mod passkey;
mod proof;
mod recovery;
mod step_up;
mod store;
mod totp;

use chrono::{DateTime, TimeDelta, Utc};
use db::SessionStanding;
use kernel::{Principal, Role};

use crate::{error::IdentityError, identity::Identity, permission::Permission, session::human};

pub use by_passkey::PasskeySignIn;
pub use challenge::FactorChallenge;
pub use enrol::{OwnFactors, OwnPasskey, TotpSetup, factors_reset};
pub use proof::FactorAnswer;
pub use recovery::RecoveryState;
pub use step_up::StepUp;

pub(crate) use challenge::challenge;
pub(crate) use passkey::Site;
pub(crate) use proof::totp_binding;

/// How long a proven factor opens what needs a fresh one.
pub(crate) const FRESH: TimeDelta = TimeDelta::minutes(5);
/// How long a challenge waits for its answer.
const CHALLENGE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// LM-10: wrong answers that void a challenge.
const MOST_FAILURES: i32 = 3;
/// Wrong codes of one account in 15 minutes, whichever challenges, sessions and networks they come
/// by. A code is right by chance three times in a million (three steps are accepted), so whoever
/// has the password and guesses day and night needs more than a year for an even chance.
const GUESSES_PER_ACCOUNT: u32 = 5;

/// What a person can answer a challenge with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    Totp,
    Passkey,
    Recovery,
}

impl FactorKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::Recovery => "recovery",
        }
    }
}

/// How a session stands with second factors, in the tenant that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorStanding {
    /// The person has one.
    pub enrolled: bool,
    /// By role (admin, reviewer, super_admin), or because the tenant asks everybody.
    pub required: bool,
    proven_at: Option<DateTime<Utc>>,
}

impl FactorStanding {
    pub(crate) fn of(session: &SessionStanding) -> Self {
        let by_role = [Role::Admin, Role::Reviewer]
            .into_iter()
            .any(|role| session.roles.iter().any(|held| held == role.name()));
        Self {
            enrolled: session.has_factor,
            required: by_role || session.super_admin || session.factor_for_all,
            proven_at: session.factor_at,
        }
    }

    /// Until when acts that need a fresh factor go through without another question.
    pub fn fresh_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = self.proven_at.filter(|_| self.enrolled)? + FRESH;
        (until > now).then_some(until)
    }

    /// Whether the session may use `permission`, which its roles grant. Where a factor is required
    /// it must exist and have been proven in this very session.
    pub fn check(&self, permission: Permission, now: DateTime<Utc>) -> Result<(), IdentityError> {
        let fresh = permission.needs_fresh_factor();
        if (self.required || fresh) && !self.enrolled {
            return Err(IdentityError::FactorEnrolmentRequired);
        }
        if self.required && self.proven_at.is_none() {
            return Err(IdentityError::FreshFactorRequired);
        }
        if fresh && self.fresh_until(now).is_none() {
            return Err(IdentityError::FreshFactorRequired);
        }
        Ok(())
    }

    /// Whether the session may move into this tenant.
    pub(crate) fn check_entry(&self) -> Result<(), IdentityError> {
        if !self.required {
            return Ok(());
        }
        if !self.enrolled {
            return Err(IdentityError::FactorEnrolmentRequired);
        }
        match self.proven_at {
            Some(_) => Ok(()),
            None => Err(IdentityError::FreshFactorRequired),
        }
    }
}

impl Identity {
    /// For acts that open a door and that every person may do: who has a factor has proven it within
    /// the last minutes.
    pub async fn factor_fresh(&self, who: &Principal) -> Result<(), IdentityError> {
        let (_, session) = human(who)?;
        let standing = self.inner.standing_of(who, session).await?;
        let factor = FactorStanding::of(&standing);
        if !factor.enrolled || factor.fresh_until(self.inner.clock.now()).is_some() {
            return Ok(());
        }
        Err(IdentityError::FreshFactorRequired)
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, ManualClock};

    use super::*;

    fn standing(enrolled: bool, required: bool, proven: Option<DateTime<Utc>>) -> FactorStanding {
        FactorStanding {
            enrolled,
            required,
            proven_at: proven,
        }
    }

    #[test]
    fn a_required_factor_must_exist_and_have_been_proven_here() {
        let now = ManualClock::at(1_800_000_000).now();
        let code = |standing: FactorStanding, permission| {
            use kernel::Classified;
            standing.check(permission, now).err().map(|e| e.code())
        };
        let (read, edit) = (Permission::RuleRead, Permission::MemberEdit);
        let long_ago = Some(now - FRESH);
        let enrol = Some("factor_enrolment_required");
        let fresh = Some("fresh_factor_required");
        assert_eq!(code(standing(false, false, None), read), None);
        assert_eq!(code(standing(false, true, None), read), enrol);
        assert_eq!(code(standing(false, false, None), edit), enrol);
        assert_eq!(code(standing(true, false, None), read), None);
        assert_eq!(code(standing(true, true, None), read), fresh);
        assert_eq!(code(standing(true, true, long_ago), read), None);
        assert_eq!(code(standing(true, true, long_ago), edit), fresh);
        assert_eq!(code(standing(true, true, Some(now)), edit), None);
        // A proof that outlived its factor is worth nothing.
        assert_eq!(code(standing(false, true, Some(now)), read), enrol);
        assert_eq!(standing(false, true, Some(now)).fresh_until(now), None);
    }
}
