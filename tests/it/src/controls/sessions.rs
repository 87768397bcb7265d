//! CX-01: what the holder of an access token makes of it once its time is over.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use identity::{Caller, Grant};
use kernel::Secret;
use serde_json::Value;

use crate::identity::House;

async fn admitted(house: &House, token: &str) -> bool {
    let caller = Caller {
        address: "192.0.2.1".parse().unwrap(),
        user_agent: String::from("thief/1.0"),
        request: None,
    };
    house.identity.authenticate(token, &caller).await.is_ok()
}

/// The token with its life made longer by an hour, under the signature that it has.
fn stretched(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        panic!("{} parts", parts.len());
    };
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["exp"] = (claims["exp"].as_i64().unwrap() + 3600).into();
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{header}.{claims}.{signature}")
}

/// The same without a signature at all.
fn unsigned(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let longer = stretched(token);
    let claims = longer.split('.').nth(1).unwrap();
    format!("{header}.{claims}.")
}

#[tokio::test]
async fn a_stolen_access_token_is_worth_nothing_after_fifteen_minutes() {
    let (house, grant) = House::set_up().await;
    let Grant { access_token, .. } = &grant;
    assert!(admitted(&house, access_token).await);
    for forged in [stretched(access_token), unsigned(access_token)] {
        assert!(!admitted(&house, &forged).await, "{forged}");
    }
    house.bed.clock.advance(TimeDelta::seconds(15 * 60 - 1));
    assert!(admitted(&house, access_token).await, "it lives too short");
    house.bed.clock.advance(TimeDelta::seconds(1));
    assert!(!admitted(&house, access_token).await, "it lives too long");
    for forged in [stretched(access_token), unsigned(access_token)] {
        assert!(!admitted(&house, &forged).await, "{forged}");
    }
}

/// A thief who keeps renewing is out after seven days, whoever of the two renewed last.
#[tokio::test]
async fn a_stolen_refresh_token_that_is_renewed_all_the_time_ends_with_its_session() {
    let (house, grant) = House::set_up().await;
    let caller = |agent: &str| Caller {
        address: "198.51.100.9".parse().unwrap(),
        user_agent: agent.to_owned(),
        request: None,
    };
    let mut held: Secret<String> =
        Secret::new(grant.refresh.as_ref().unwrap().token.expose().clone());
    let mut renewed = 0;
    loop {
        house.bed.clock.advance(TimeDelta::minutes(50));
        let Ok(next) = house
            .identity
            .session_refresh(held.expose(), &caller("thief/1.0"))
            .await
        else {
            break;
        };
        renewed += 1;
        assert!(renewed <= 7 * 24 * 60 / 50, "it outlives seven days");
        held = Secret::new(next.refresh.unwrap().token.expose().clone());
    }
    assert_eq!(renewed, 7 * 24 * 60 / 50);
    let again = house
        .identity
        .session_refresh(held.expose(), &caller("thief/1.0"))
        .await;
    assert!(again.is_err());
}
