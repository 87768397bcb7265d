//! Second factors (LR-14 to LR-16, LM-10, LM-89, CX-18): codes, recovery, challenges, step-up, and what
//! is tried against them.

mod challenges;
mod codes;
mod enrolment;
mod reset;
mod step_up;

use chrono::TimeDelta;
use futures_util::future::join_all;
use identity::{FactorAnswer, FactorKind, Grant, Identity, IdentityError, SignInStep};
use kernel::{Principal, Secret};

use crate::{
    identity::{EMAIL, House, PASSWORD, WRONG, caller, token},
    phone::Phone,
};

const HOME: &str = "192.0.2.1";

/// Ada, who has an authenticator app, in the session in which she set it up.
struct Ada {
    house: House,
    phone: Phone,
    grant: Grant,
    who: Principal,
    recovery: Vec<String>,
}

fn totp(code: impl Into<String>) -> FactorAnswer {
    FactorAnswer::Totp(Secret::new(code.into()))
}

fn recovery(code: &str) -> FactorAnswer {
    FactorAnswer::Recovery(Secret::new(code.to_owned()))
}

impl Ada {
    async fn enrolled() -> Self {
        let (house, grant) = House::set_up().await;
        let phone = Phone::new(std::sync::Arc::clone(&house.bed.clock));
        let who = house.who(&grant).await.unwrap();
        let setup = house.identity.totp_begin(&who, None, &caller(HOME)).await;
        phone.add(setup.unwrap().secret.expose());
        let code = Secret::new(phone.code());
        let codes = house.identity.totp_confirm(&who, &code).await.unwrap();
        Self {
            house,
            phone,
            grant,
            who,
            recovery: codes
                .unwrap()
                .iter()
                .map(|code| code.expose().clone())
                .collect(),
        }
    }

    const fn identity(&self) -> &Identity {
        &self.house.identity
    }

    /// The right password from `from`: the cookie that waits for a factor.
    async fn challenge(&self, from: &str) -> String {
        match self.house.sign_in_step(EMAIL, PASSWORD, from).await {
            Ok(SignInStep::Factor(challenge)) => challenge.cookie.expose().clone(),
            Ok(SignInStep::Done(_)) => panic!("the password alone let somebody in"),
            Err(error) => panic!("{error}"),
        }
    }

    async fn answer(
        &self,
        cookie: &str,
        answer: FactorAnswer,
        from: &str,
    ) -> Result<Grant, IdentityError> {
        self.identity()
            .sign_in_factor(cookie, answer, &caller(from))
            .await
    }

    async fn sign_in(&self, from: &str) -> Grant {
        let cookie = self.challenge(from).await;
        self.answer(&cookie, totp(self.phone.code()), from)
            .await
            .unwrap()
    }

    fn counters(&self) -> Vec<String> {
        self.house.rows(
            "SELECT scope || ' ' || failures FROM attempt_counters WHERE failures > 0 ORDER BY 1",
        )
    }
}

fn is_void(result: &Result<Grant, IdentityError>) -> bool {
    matches!(result, Err(IdentityError::ChallengeVoid))
}

fn left(result: &Result<Grant, IdentityError>) -> Option<i32> {
    match result {
        Err(IdentityError::FactorInvalid { remaining }) => Some(*remaining),
        _ => None,
    }
}
