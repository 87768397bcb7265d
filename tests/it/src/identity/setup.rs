//! The first account: set-up codes, and who may claim with them (LR-04).

use super::*;

#[tokio::test]
async fn the_first_account_owns_everything_and_is_the_only_one_made_so() {
    let house = House::empty().await;
    assert!(house.identity.setup_needed().await.unwrap());
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    let grant = house.claim(code.expose(), "192.0.2.1").await.unwrap();
    let who = house.who(&grant).await.unwrap();
    assert!(who.roles.has(Role::SuperAdmin) && who.roles.has(Role::Admin) && who.roles.is_owner());
    assert_eq!(grant.view.email.as_deref(), Some(EMAIL));
    assert_eq!(grant.view.tenant.name, "Acme");
    assert!(!house.identity.setup_needed().await.unwrap());

    let again = house.claim(code.expose(), "192.0.2.2").await;
    assert!(matches!(again, Err(IdentityError::SetupDone)));
    let another = house.identity.setup_code_create(&local()).await;
    assert!(matches!(another, Err(IdentityError::SetupDone)));
    assert_eq!(
        house.rows("SELECT action FROM audit_log ORDER BY action"),
        [
            "setup_claim",
            "setup_code_create",
            "sign_in",
            "tenant_create",
            "user_create"
        ]
    );
}

#[tokio::test]
async fn a_setup_code_is_one_of_ours_fresh_and_the_latest() {
    let house = House::empty().await;
    let first = house.identity.setup_code_create(&local()).await.unwrap();
    let second = house.identity.setup_code_create(&local()).await.unwrap();
    let refused = house.claim(first.expose(), "192.0.2.1").await;
    assert!(
        matches!(refused, Err(IdentityError::SetupCode)),
        "a newer code voids the older"
    );
    house.advance(TimeDelta::hours(24));
    let refused = house.claim(second.expose(), "192.0.2.1").await;
    assert!(
        matches!(refused, Err(IdentityError::SetupCode)),
        "a day old"
    );
    assert_eq!(house.rows("SELECT count(*) FROM users"), ["0"]);
}

#[tokio::test]
async fn guessing_setup_codes_ends_after_five() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    for _ in 0..5 {
        let refused = house
            .claim("00000-00000-00000-00000-00000", "192.0.2.66")
            .await;
        assert!(matches!(refused, Err(IdentityError::SetupCode)));
    }
    let locked = house.claim(code.expose(), "192.0.2.66").await;
    assert!(
        matches!(locked, Err(IdentityError::RateLimited { .. })),
        "even with the right code"
    );
    assert!(
        house.claim(code.expose(), "192.0.2.1").await.is_ok(),
        "others are not held up"
    );
}

#[tokio::test]
async fn of_two_claims_at_once_one_wins() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    let claims = join_all([
        house.claim(code.expose(), "192.0.2.1"),
        house.claim(code.expose(), "192.0.2.2"),
    ])
    .await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    assert_eq!(house.rows("SELECT count(*) FROM users"), ["1"]);
    assert_eq!(house.rows("SELECT count(*) FROM tenants"), ["1"]);
}

#[tokio::test]
async fn a_weak_password_is_refused_and_the_code_stays_good() {
    let house = House::empty().await;
    let code = house.identity.setup_code_create(&local()).await.unwrap();
    let claim = SetupClaim {
        code: code.expose().clone(),
        organisation: String::from("Acme"),
        name: String::from("Ada"),
        email: EMAIL.to_owned(),
        password: Secret::new(String::from("short")),
    };
    let refused = house
        .identity
        .setup_claim(claim, &caller("192.0.2.1"))
        .await;
    assert!(matches!(
        refused,
        Err(IdentityError::Input {
            field: "password",
            ..
        })
    ));
    assert!(house.claim(code.expose(), "192.0.2.1").await.is_ok());
}
