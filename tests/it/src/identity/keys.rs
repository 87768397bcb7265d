//! Signing keys: shared by daemons, rotated while tokens live (LM-07).

use super::*;

/// LM-07: keys are shared by daemons, rotate while tokens live, and their private halves are sealed.
#[tokio::test]
async fn keys_rotate_under_two_daemons_without_anyone_noticing() {
    let (house, grant) = House::set_up().await;
    let other = house.second_daemon().await;
    assert_eq!(house.identity.jwks().unwrap(), other.jwks().unwrap());
    house.rotate().await.unwrap();
    assert!(
        house.who(&grant).await.is_ok(),
        "the previous key still counts"
    );
    let renewed = house.refresh(&token(&grant)).await.unwrap();
    let there = other
        .authenticate(&renewed.access_token, &caller("192.0.2.1"))
        .await;
    assert!(there.is_ok(), "the next key was known in advance");
    house.rotate().await.unwrap();
    assert!(
        matches!(house.who(&grant).await, Err(IdentityError::InvalidToken(_))),
        "two keys back"
    );
    house.advance(TimeDelta::seconds(10));
    let newest = house.refresh(&token(&renewed)).await.unwrap();
    assert!(
        other
            .authenticate(&newest.access_token, &caller("192.0.2.1"))
            .await
            .is_ok()
    );
    let states = house.rows("SELECT state FROM signing_keys ORDER BY state");
    assert_eq!(states, ["current", "next", "previous", "retired"]);
}

/// Before the secrets backend has spoken nobody signs in, and nothing says why to whom.
#[tokio::test]
async fn without_its_keys_identity_does_nothing() {
    let bed = Bed::new();
    let identity = Identity::new(bed.db.clone(), bed.vault.clone(), Config::default());
    let input = SignIn {
        email: EMAIL.to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        tenant: None,
    };
    let refused = identity.sign_in(input, &caller("192.0.2.1")).await;
    assert!(matches!(refused, Err(IdentityError::Locked)));
    assert!(matches!(identity.jwks(), Err(IdentityError::Locked)));
    let refused = identity
        .session_refresh(&"A".repeat(43), &caller("192.0.2.1"))
        .await;
    assert!(matches!(refused, Err(IdentityError::Locked)));
}
