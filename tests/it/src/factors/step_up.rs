//! A factor that is proven again, and a tenant that asks for one (CX-18).

use super::*;

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
