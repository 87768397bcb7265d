//! What waits between password and code is no session, and tells nothing (LR-12).

use super::*;

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
