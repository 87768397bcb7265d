//! Codes: each is good once, and guessing them ends soon (LR-15, LM-10).

use super::*;

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

/// A server whose clock was an hour fast lets people in as soon as it is right again.
#[tokio::test]
async fn no_used_code_is_taken_again_when_the_clock_goes_back() {
    let ada = Ada::enrolled().await;
    let seen = async || {
        let code = ada.phone.shown();
        let cookie = ada.challenge(HOME).await;
        let granted = ada.answer(&cookie, totp(&code), HOME).await;
        (code, granted.map(|_| ()).map_err(|error| error.to_string()))
    };
    // Past the code that the enrolment used.
    ada.house.advance(TimeDelta::minutes(2));
    let (used, granted) = seen().await;
    assert_eq!(granted, Ok(()));
    ada.house.advance(TimeDelta::minutes(60));
    assert_eq!(seen().await.1, Ok(()));

    ada.house.advance(TimeDelta::minutes(-60));
    let (again, refused) = seen().await;
    assert_eq!(again, used);
    assert!(refused.is_err(), "used in this very step, an hour ago");
    ada.house.advance(TimeDelta::minutes(2));
    assert_eq!(seen().await.1, Ok(()), "not used yet");
    ada.house.advance(TimeDelta::minutes(58));
    assert!(seen().await.1.is_err(), "used before the clock went back");
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
