//! How a factor comes to a person (LR-14 to LR-16).

use super::*;

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
