//! Second factors (LR-14 to LR-16, LM-10, LM-89, CX-18): codes, recovery, challenges, step-up, and what
//! is tried against them.

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

/// LR-14, LR-15, LR-16.
#[tokio::test]
async fn an_app_counts_once_it_has_shown_a_code_and_brings_eight_recovery_codes() {
    let (house, grant) = House::set_up().await;
    let phone = Phone::new(std::sync::Arc::clone(&house.bed.clock));
    let who = house.who(&grant).await.unwrap();
    let before = house.identity.factors(&who).await.unwrap();
    assert!(before.required && before.prompt && before.totp.is_none());

    let begin = async || house.identity.totp_begin(&who, None, &caller(HOME)).await;
    let first = begin().await.unwrap();
    assert!(first.otpauth_url.expose().contains("canary%2Dada%40acme"));
    assert!(first.qr_svg.expose().starts_with("<svg"));
    phone.add(first.secret.expose());
    let code = Secret::new(phone.code());
    let second = begin().await.unwrap();
    let old = house.identity.totp_confirm(&who, &code).await;
    assert!(
        matches!(old, Err(IdentityError::FactorCode)),
        "the newer secret voids the older"
    );
    let waiting = house.sign_in_step(EMAIL, PASSWORD, HOME).await.unwrap();
    assert!(
        matches!(waiting, SignInStep::Done(_)),
        "what was never confirmed locks nobody out"
    );

    phone.add(second.secret.expose());
    let code = Secret::new(phone.code());
    let codes = house.identity.totp_confirm(&who, &code).await.unwrap();
    let mut codes: Vec<_> = codes
        .unwrap()
        .iter()
        .map(|code| code.expose().clone())
        .collect();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), 8);
    let after = house.identity.factors(&who).await.unwrap();
    assert!(after.totp.is_some() && !after.prompt);
    assert_eq!(after.recovery.unwrap().remaining, 8);
    assert!(matches!(begin().await, Err(IdentityError::FactorExists)));
    let stored = house.rows("SELECT encode(hash, 'escape') FROM recovery_codes");
    assert!(stored.iter().all(|row| !codes.contains(row)));
    assert_eq!(
        house.rows("SELECT action FROM audit_log WHERE action LIKE 'factor%'"),
        ["factor_add"]
    );
}

/// A secret sealed for one person and column opens for no other.
#[tokio::test]
async fn a_secret_copied_to_another_person_is_worthless() {
    let ada = Ada::enrolled().await;
    let (_, eve) = ada.house.bed.seeded();
    ada.house.bed.owner(&format!(
        "DELETE FROM totp_factors WHERE user_id = '{0}'; \
         INSERT INTO totp_factors SELECT '{0}', secret_sealed, created_at, confirmed_at, NULL FROM totp_factors LIMIT 1; \
         UPDATE totp_factors SET secret_sealed = (SELECT secret_sealed FROM totp_factors WHERE user_id = '{0}') WHERE user_id <> '{0}'; \
         UPDATE totp_factors SET secret_sealed = (SELECT device_sealed FROM sessions WHERE device_sealed IS NOT NULL LIMIT 1) WHERE user_id <> '{0}'",
        eve.uuid()
    ));
    let cookie = ada.challenge(HOME).await;
    let refused = ada.answer(&cookie, totp(ada.phone.code()), HOME).await;
    assert!(
        matches!(refused, Err(IdentityError::Vault(_))),
        "a ciphertext of another column"
    );
}

#[tokio::test]
async fn the_first_factor_takes_the_password_and_each_change_a_fresh_factor() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    house.advance(TimeDelta::minutes(5));
    let begin = async |password: Option<&str>| {
        let password = password.map(|text| Secret::new(text.to_owned()));
        house
            .identity
            .totp_begin(&who, password, &caller(HOME))
            .await
    };
    assert!(
        matches!(begin(None).await, Err(IdentityError::PasswordNeeded)),
        "a session that was left open"
    );
    let wrong = begin(Some(WRONG)).await;
    assert!(matches!(wrong, Err(IdentityError::InvalidCredentials)));
    assert_eq!(
        house.rows("SELECT failures FROM attempt_counters WHERE scope = 'sign_in_account'"),
        ["1"],
        "a guess counts"
    );
    assert!(begin(Some(PASSWORD)).await.is_ok());

    let ada = Ada::enrolled().await;
    ada.house.advance(TimeDelta::minutes(5));
    let codes = ada.identity().recovery_codes_create(&ada.who).await;
    assert!(matches!(codes, Err(IdentityError::FreshFactorRequired)));
    let removed = ada.identity().totp_remove(&ada.who).await;
    assert!(matches!(removed, Err(IdentityError::FreshFactorRequired)));
}

#[tokio::test]
async fn the_first_factor_ends_the_sessions_that_were_opened_without_one() {
    let (house, grant) = House::set_up().await;
    let SignInStep::Done(other) = house.sign_in_step(EMAIL, PASSWORD, HOME).await.unwrap() else {
        panic!("no factor yet");
    };
    let who = house.who(&grant).await.unwrap();
    let phone = Phone::new(std::sync::Arc::clone(&house.bed.clock));
    let setup = house.identity.totp_begin(&who, None, &caller(HOME)).await;
    phone.add(setup.unwrap().secret.expose());
    let code = Secret::new(phone.code());
    house.identity.totp_confirm(&who, &code).await.unwrap();
    assert!(house.who(&grant).await.is_ok());
    assert!(matches!(
        house.who(&other).await,
        Err(IdentityError::SessionRevoked)
    ));
}

#[tokio::test]
async fn a_code_is_good_once_for_any_daemon_and_so_are_the_ones_before_it() {
    let ada = Ada::enrolled().await;
    let other = ada.house.second_daemon().await;
    let earlier = ada.phone.code();
    let code = ada.phone.code();
    let cookies = [ada.challenge(HOME).await, ada.challenge(HOME).await];
    let here = caller(HOME);
    let both = join_all([
        ada.identity()
            .sign_in_factor(&cookies[0], totp(&code), &here),
        other.sign_in_factor(&cookies[1], totp(&code), &here),
    ])
    .await;
    assert_eq!(both.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(both.iter().filter_map(left).collect::<Vec<_>>(), [2]);
    let cookie = ada.challenge(HOME).await;
    assert_eq!(left(&ada.answer(&cookie, totp(&code), HOME).await), Some(2));
    let skipped = ada.answer(&cookie, totp(&earlier), HOME).await;
    assert_eq!(left(&skipped), Some(1), "an older step than the last used");
    let next = ada.answer(&cookie, totp(ada.phone.code()), HOME).await;
    assert!(next.is_ok());
    // A session that is open does not take a used code either.
    ada.identity().step_up_begin(&ada.who).await.unwrap();
    let replayed = ada.identity().step_up(&ada.who, totp(&code)).await;
    assert!(matches!(
        replayed,
        Err(IdentityError::FactorInvalid { remaining: 2 })
    ));
}

/// LM-10.
#[tokio::test]
async fn three_wrong_answers_void_the_challenge_and_count_for_the_account() {
    let ada = Ada::enrolled().await;
    let cookie = ada.challenge(HOME).await;
    assert_eq!(ada.counters(), Vec::<String>::new(), "the right password");
    let wrong = ada.phone.wrong_code();
    for remaining in [2, 1] {
        let refused = ada.answer(&cookie, totp(&wrong), HOME).await;
        assert_eq!(left(&refused), Some(remaining));
    }
    assert!(is_void(&ada.answer(&cookie, totp(&wrong), HOME).await));
    let late = ada.answer(&cookie, totp(ada.phone.code()), HOME).await;
    assert!(is_void(&late), "the right code is too late");
    assert_eq!(
        ada.counters(),
        ["factor_account 3", "sign_in_account 3", "sign_in_address 3"]
    );
    assert_eq!(
        ada.house
            .rows("SELECT code FROM audit_log WHERE action = 'factor_refuse' ORDER BY code"),
        ["challenge_void", "factor_invalid", "factor_invalid"]
    );
}

/// Whoever has the password and guesses gets five codes in a quarter of an hour, by however many
/// challenges, sessions and networks.
#[tokio::test]
async fn guessing_codes_ends_after_five_whatever_the_way() {
    let ada = Ada::enrolled().await;
    let wrong = ada.phone.wrong_code();
    for guess in 0..4 {
        let from = format!("198.51.100.{guess}");
        let cookie = ada.challenge(&from).await;
        let refused = ada.answer(&cookie, totp(&wrong), &from).await;
        assert_eq!(left(&refused), Some(2), "a challenge and a network each");
    }
    ada.identity().step_up_begin(&ada.who).await.unwrap();
    let fifth = ada.identity().step_up(&ada.who, totp(&wrong)).await;
    assert!(matches!(fifth, Err(IdentityError::FactorInvalid { .. })));

    let from = "198.51.100.99";
    let cookie = ada.challenge(from).await;
    let right = ada.answer(&cookie, totp(ada.phone.code()), from).await;
    assert!(
        matches!(right, Err(IdentityError::RateLimited { .. })),
        "even the right code waits"
    );
    let other_way = ada.answer(&cookie, recovery(&ada.recovery[0]), from).await;
    assert!(
        other_way.is_ok(),
        "what nobody can guess lets the owner in meanwhile"
    );
    ada.house.advance(TimeDelta::minutes(15));
    ada.sign_in(from).await;
}

#[tokio::test]
async fn right_passwords_buy_no_further_guesses() {
    let ada = Ada::enrolled().await;
    let wrong = ada.phone.wrong_code();
    let mut judged = 0;
    for _ in 0..10 {
        let cookie = match ada.house.sign_in_step(EMAIL, PASSWORD, HOME).await {
            Ok(SignInStep::Factor(challenge)) => challenge.cookie.expose().clone(),
            Ok(SignInStep::Done(_)) => panic!("the password alone let somebody in"),
            Err(error) => {
                assert!(matches!(error, IdentityError::RateLimited { .. }));
                break;
            }
        };
        let refused = ada.answer(&cookie, totp(&wrong), HOME).await;
        judged += usize::from(left(&refused).is_some());
    }
    assert_eq!(judged, 5);
}

#[tokio::test]
async fn a_hundred_answers_at_once_are_judged_one_by_one() {
    let ada = Ada::enrolled().await;
    let cookie = ada.challenge(HOME).await;
    let wrong = ada.phone.wrong_code();
    let answers = join_all((0..30).map(|_| ada.answer(&cookie, totp(&wrong), HOME))).await;
    assert_eq!(answers.iter().filter_map(left).count(), 2);
    assert_eq!(answers.iter().filter(|answer| is_void(answer)).count(), 28);
    assert_eq!(
        ada.house
            .rows("SELECT count(*) FROM audit_log WHERE action = 'factor_refuse'"),
        ["3"]
    );
}

/// LR-15.
#[tokio::test]
async fn a_recovery_code_is_good_once_and_for_its_person_alone() {
    let ada = Ada::enrolled().await;
    let typed = ada.recovery[0].to_lowercase().replace('-', " ");
    let cookie = ada.challenge(HOME).await;
    assert!(ada.answer(&cookie, recovery(&typed), HOME).await.is_ok());
    let cookie = ada.challenge(HOME).await;
    let again = ada.answer(&cookie, recovery(&ada.recovery[0]), HOME).await;
    assert_eq!(left(&again), Some(2), "used");
    let state = ada.identity().factors(&ada.who).await.unwrap().recovery;
    assert_eq!(
        state.map(|state| (state.remaining, state.total)),
        Some((7, 8))
    );

    // Her own code, as if it were another person's in the database, and back.
    let (_, eve) = ada.house.bed.seeded();
    ada.house.bed.owner(&format!(
        "DELETE FROM recovery_codes WHERE length(hash) < 32; \
         UPDATE recovery_codes SET user_id = '{}' WHERE used_at IS NULL",
        eve.uuid()
    ));
    let moved = ada.answer(&cookie, recovery(&ada.recovery[1]), HOME).await;
    assert_eq!(left(&moved), Some(1));
    let cookie = ada.challenge(HOME).await;
    let new = ada
        .identity()
        .recovery_codes_create(&ada.who)
        .await
        .unwrap();
    assert_eq!(new.len(), 8);
    let old = ada.answer(&cookie, recovery(&ada.recovery[1]), HOME).await;
    assert_eq!(left(&old), Some(2), "new codes void the old");
    let fresh = ada.answer(&cookie, recovery(new[0].expose()), HOME).await;
    assert!(fresh.is_ok());
    assert_eq!(
        ada.house
            .rows("SELECT count(*) FROM audit_log WHERE action = 'recovery_code_use'"),
        ["2"]
    );
    // It lets its owner in; it opens nothing by itself.
    ada.identity().step_up_begin(&ada.who).await.unwrap();
    let opened = ada
        .identity()
        .step_up(&ada.who, recovery(new[1].expose()))
        .await;
    assert!(matches!(opened, Err(IdentityError::ChallengeVoid)));
}

#[tokio::test]
async fn a_challenge_is_no_session_ends_with_its_use_and_waits_ten_minutes() {
    let ada = Ada::enrolled().await;
    let cookie = ada.challenge(HOME).await;
    let refreshed = ada.identity().session_refresh(&cookie, &caller(HOME)).await;
    assert!(matches!(refreshed, Err(IdentityError::SessionRevoked)));
    let authenticated = ada.identity().authenticate(&cookie, &caller(HOME)).await;
    assert!(matches!(authenticated, Err(IdentityError::InvalidToken(_))));
    let grant = ada.answer(&cookie, totp(ada.phone.code()), HOME).await;
    let session = token(&grant.unwrap());
    assert_ne!(session, cookie);
    let again = ada.answer(&cookie, totp(ada.phone.code()), HOME).await;
    assert!(is_void(&again), "used");
    let by_session = ada.answer(&session, totp(ada.phone.code()), HOME).await;
    assert!(is_void(&by_session), "a refresh token is no challenge");
    for nonsense in ["", "x", &"A".repeat(43), &"A".repeat(4_000)] {
        assert!(is_void(&ada.answer(nonsense, totp("123456"), HOME).await));
    }
    let late = ada.challenge(HOME).await;
    ada.house.advance(TimeDelta::minutes(10));
    assert!(is_void(
        &ada.answer(&late, totp(ada.phone.code()), HOME).await
    ));
}

#[tokio::test]
async fn who_is_deactivated_between_password_and_code_stays_out() {
    let ada = Ada::enrolled().await;
    let cookie = ada.challenge(HOME).await;
    ada.house
        .bed
        .owner("UPDATE users SET state = 'deactivated'");
    let refused = ada.answer(&cookie, totp(ada.phone.code()), HOME).await;
    assert!(is_void(&refused));
    assert_eq!(
        ada.house.rows("SELECT count(*) FROM sessions"),
        ["1"],
        "no second session was opened"
    );
}

/// LR-12: with a factor or without, a wrong password is told and traced in the same way.
#[tokio::test]
async fn only_the_right_password_tells_that_there_is_a_factor() {
    let ada = Ada::enrolled().await;
    let mut told = Vec::new();
    for (email, from) in [(EMAIL, "192.0.2.10"), ("nobody@acme.example", "192.0.2.11")] {
        let refused = ada.house.sign_in_step(email, WRONG, from).await;
        told.push(refused.err().map(|error| error.to_string()).unwrap());
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(
        ada.house.rows("SELECT count(*) FROM factor_challenges"),
        ["0"]
    );
    let Ok(SignInStep::Factor(challenge)) = ada.house.sign_in_step(EMAIL, PASSWORD, HOME).await
    else {
        panic!("no question for a factor");
    };
    assert_eq!(challenge.factors, [FactorKind::Totp, FactorKind::Recovery]);
}

/// A step-up counts in its own session, for five minutes.
#[tokio::test]
async fn a_proof_is_fresh_for_five_minutes_in_its_session_alone() {
    let ada = Ada::enrolled().await;
    let elsewhere = ada.sign_in("192.0.2.20").await;
    let elsewhere = ada.house.who(&elsewhere).await.unwrap();
    ada.house.advance(TimeDelta::minutes(5));
    for who in [&ada.who, &elsewhere] {
        let stale = ada.identity().factor_fresh(who).await;
        assert!(matches!(stale, Err(IdentityError::FreshFactorRequired)));
    }
    let without = ada
        .identity()
        .step_up(&ada.who, totp(ada.phone.code()))
        .await;
    assert!(
        matches!(without, Err(IdentityError::ChallengeVoid)),
        "nothing was begun"
    );
    ada.identity().step_up_begin(&ada.who).await.unwrap();
    let theirs = ada
        .identity()
        .step_up(&elsewhere, totp(ada.phone.code()))
        .await;
    assert!(
        matches!(theirs, Err(IdentityError::ChallengeVoid)),
        "another session's question"
    );
    let code = totp(ada.phone.code());
    ada.identity().step_up(&ada.who, code).await.unwrap();
    assert!(ada.identity().factor_fresh(&ada.who).await.is_ok());
    let stale = ada.identity().factor_fresh(&elsewhere).await;
    assert!(matches!(stale, Err(IdentityError::FreshFactorRequired)));
    let refreshed = ada
        .identity()
        .session_refresh(&token(&ada.grant), &caller(HOME))
        .await
        .unwrap();
    assert!(refreshed.view.fresh_until.is_some());
    ada.house.advance(TimeDelta::minutes(5));
    let stale = ada.identity().factor_fresh(&ada.who).await;
    assert!(matches!(stale, Err(IdentityError::FreshFactorRequired)));
}

#[tokio::test]
async fn three_wrong_answers_void_a_step_up_and_a_newer_one_voids_the_older() {
    let ada = Ada::enrolled().await;
    ada.identity().step_up_begin(&ada.who).await.unwrap();
    ada.identity().step_up_begin(&ada.who).await.unwrap();
    let open =
        "SELECT count(*) FROM factor_challenges WHERE purpose = 'step_up' AND ended_at IS NULL";
    assert_eq!(ada.house.rows(open), ["1"]);
    let wrong = ada.phone.wrong_code();
    for _ in 0..3 {
        let refused = ada.identity().step_up(&ada.who, totp(&wrong)).await;
        assert!(refused.is_err());
    }
    let late = ada
        .identity()
        .step_up(&ada.who, totp(ada.phone.code()))
        .await;
    assert!(matches!(late, Err(IdentityError::ChallengeVoid)));
}

/// Tenant B asks everybody for a factor, or knows the person as its admin: whoever has not proven one
/// in this session does not get in by switching.
#[tokio::test]
async fn a_tenant_switch_meets_the_targets_rule() {
    let (house, grant) = House::set_up().await;
    let who = house.who(&grant).await.unwrap();
    let (other, _) = house.bed.seeded();
    let user = who.user().unwrap();
    house.bed.owner(&format!(
        "UPDATE users SET super_admin = false; UPDATE memberships SET roles = ARRAY['member'], owner = false; \
         INSERT INTO memberships (tenant_id, user_id, roles) VALUES ('{}', '{}', ARRAY['member'])",
        other.uuid(),
        user.uuid()
    ));
    house.identity.forget_all();
    let refresh = async |token: &str| {
        house
            .identity
            .session_refresh(token, &caller(HOME))
            .await
            .unwrap()
    };
    let member = refresh(&token(&grant)).await;
    let who = house.who(&member).await.unwrap();
    house
        .bed
        .owner("UPDATE tenants SET factor_for_all = true WHERE name = 'T'");
    let refused = house.identity.tenant_switch(&who, other).await;
    assert!(matches!(
        refused,
        Err(IdentityError::FactorEnrolmentRequired)
    ));
    house.bed.owner(
        "UPDATE tenants SET factor_for_all = false; \
         UPDATE memberships SET roles = ARRAY['admin'] WHERE tenant_id <> (SELECT tenant_id FROM sessions ORDER BY created_at LIMIT 1)",
    );
    let refused = house.identity.tenant_switch(&who, other).await;
    assert!(matches!(
        refused,
        Err(IdentityError::FactorEnrolmentRequired)
    ));
    assert!(
        house.who(&member).await.is_ok(),
        "the session stays where it was"
    );

    let phone = Phone::new(std::sync::Arc::clone(&house.bed.clock));
    let setup = house.identity.totp_begin(&who, None, &caller(HOME)).await;
    phone.add(setup.unwrap().secret.expose());
    let code = Secret::new(phone.code());
    house.identity.totp_confirm(&who, &code).await.unwrap();
    house.bed.owner("UPDATE sessions SET factor_at = NULL");
    let refused = house.identity.tenant_switch(&who, other).await;
    assert!(matches!(refused, Err(IdentityError::FreshFactorRequired)));
    house.identity.step_up_begin(&who).await.unwrap();
    let code = totp(phone.code());
    house.identity.step_up(&who, code).await.unwrap();
    assert!(house.identity.tenant_switch(&who, other).await.is_ok());
}

#[tokio::test]
async fn a_reset_leaves_no_factor_and_no_session() {
    let ada = Ada::enrolled().await;
    let waiting = ada.challenge(HOME).await;
    let (by, user) = (ada.who.clone(), ada.who.user().unwrap());
    let scope = db::AuthScope {
        tenant: Some(by.tenant),
        user: Some(user),
    };
    ada.house
        .bed
        .db
        .auth(scope, move |tx| identity::factors_reset(tx, &by, user))
        .await
        .unwrap();
    ada.identity().forget_all();
    assert!(matches!(
        ada.house.who(&ada.grant).await,
        Err(IdentityError::SessionRevoked)
    ));
    let late = ada.answer(&waiting, recovery(&ada.recovery[0]), HOME).await;
    assert!(is_void(&late), "a question from before");
    let again = ada.house.sign_in_step(EMAIL, PASSWORD, HOME).await.unwrap();
    let SignInStep::Done(grant) = again else {
        panic!("a factor is left");
    };
    let who = ada.house.who(&grant).await.unwrap();
    let own = ada.identity().factors(&who).await.unwrap();
    assert!(own.totp.is_none() && own.recovery.is_none() && own.prompt && own.required);
    assert_eq!(
        ada.house
            .rows("SELECT actor_kind FROM audit_log WHERE action = 'factors_reset'"),
        ["human"]
    );
}
