//! Signing keys: algorithms, rotation by an operator, and forged tokens (LM-07, LM-67, LM-96, CX-03).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use identity::{Config, Grant, Identity, IdentityError, SigningAlgorithm};
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use serde_json::{Value, json};

use crate::{
    console_desk::Desk,
    identity::{House, caller, token},
};

fn claims(grant: &Grant) -> (Value, Value) {
    let mut parts = grant.access_token.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap_or(Value::Null)
    });
    (parts.next().unwrap(), parts.next().unwrap())
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn refused(house: &House, token: &str) -> bool {
    let answer = house
        .identity
        .authenticate(token, &caller("192.0.2.1"))
        .await;
    matches!(answer, Err(IdentityError::InvalidToken(_)))
}

#[tokio::test]
async fn a_forged_token_opens_nothing() {
    let (house, grant) = House::set_up().await;
    assert!(house.who(&grant).await.is_ok());
    let (header, body) = claims(&grant);
    for alg in ["none", "None", "nOnE", ""] {
        let mut header = header.clone();
        header["alg"] = json!(alg);
        for signature in ["", "AAAA"] {
            let forged = format!("{}.{}.{signature}", part(&header), part(&body));
            assert!(refused(&house, &forged).await, "{alg}");
        }
    }
    // The public key, in every form that anyone can read, as an HMAC key.
    let pem = house
        .rows("SELECT public_pem FROM signing_keys WHERE state = 'current'")
        .remove(0);
    let jwks = house.identity.jwks().unwrap().to_string();
    for key in [pem.as_bytes(), pem.trim().as_bytes(), jwks.as_bytes()] {
        let mut header = header.clone();
        header["alg"] = json!("HS256");
        let signed = format!("{}.{}", part(&header), part(&body));
        let hmac = PKey::hmac(key).unwrap();
        let mut signer = Signer::new(MessageDigest::sha256(), &hmac).unwrap();
        let signature = signer.sign_oneshot_to_vec(signed.as_bytes()).unwrap();
        let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert!(refused(&house, &forged).await);
    }
}

/// A key of the attacker's own, named by a path, by SQL, in the header itself, or by our key's id.
#[tokio::test]
async fn a_key_id_leads_to_our_keys_alone() {
    let (house, grant) = House::set_up().await;
    let (header, body) = claims(&grant);
    let theirs = openssl::rsa::Rsa::generate(2048).unwrap();
    let theirs = PKey::from_rsa(theirs).unwrap();
    let kid = header["kid"].clone();
    let hostile = [
        json!("../../../../dev/null"),
        json!("' UNION SELECT public_pem FROM signing_keys --"),
        json!("key_00000000000000000000000000000000"),
        json!("https://evil.example/jwks.json"),
        kid,
        Value::Null,
        json!(7),
    ];
    for kid in hostile {
        let mut header = header.clone();
        header["kid"] = kid.clone();
        header["jku"] = json!("https://evil.example/jwks.json");
        header["jwk"] = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
        let signed = format!("{}.{}", part(&header), part(&body));
        let mut signer = Signer::new(MessageDigest::sha256(), &theirs).unwrap();
        let signature = signer.sign_oneshot_to_vec(signed.as_bytes()).unwrap();
        let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert!(refused(&house, &forged).await, "{kid}");
    }
}

/// LM-67: the previous key's tokens live until they end; a retired key's are refused though they
/// would still live.
#[tokio::test]
async fn rotation_signs_nobody_out_and_a_retired_key_counts_no_more() {
    let (house, grant) = House::set_up().await;
    let first = house.identity.signing_key_list().await.unwrap();
    let rotated = house.rotate().await.unwrap();
    let states: Vec<&str> = rotated.items.iter().map(|key| key.state.as_str()).collect();
    assert_eq!(states, ["next", "current", "previous"]);
    assert_eq!(
        rotated.items[1].id, first.items[0].id,
        "the next one became current"
    );
    house.advance(TimeDelta::minutes(14));
    assert!(
        house.who(&grant).await.is_ok(),
        "signed by the previous key"
    );
    house.advance(TimeDelta::minutes(1));
    assert!(house.who(&grant).await.is_err(), "until it ends");

    let fresh = house.refresh(&token(&grant)).await.unwrap();
    house.rotate().await.unwrap();
    assert!(house.who(&fresh).await.is_ok());
    house.rotate().await.unwrap();
    assert!(refused(&house, &fresh.access_token).await, "retired");
    let (header, _) = claims(&fresh);
    let jwks = house.identity.jwks().unwrap();
    let published: Vec<&Value> = jwks["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["kid"])
        .collect();
    assert_eq!(published.len(), 3);
    assert!(!published.contains(&&header["kid"]));
    assert_eq!(
        house.rows("SELECT actor_id || count(*) FROM audit_log WHERE action = 'signing_key_rotate' GROUP BY actor_id"),
        ["local:root3"]
    );
}

#[tokio::test]
async fn a_key_is_due_after_ninety_days_and_a_rotation_settles_it() {
    let (house, _) = House::set_up().await;
    house.advance(TimeDelta::days(90) - TimeDelta::seconds(1));
    assert!(!house.identity.signing_key_list().await.unwrap().due);
    house.advance(TimeDelta::seconds(1));
    let list = house.identity.signing_key_list().await.unwrap();
    let current = list
        .items
        .iter()
        .find(|key| key.state == "current")
        .unwrap();
    assert!(list.due && current.age_days == 90, "{list:?}");
    let rotated = house.rotate().await.unwrap();
    assert!(
        !rotated.due,
        "counted from when it began to sign: {rotated:?}"
    );
}

/// CX-03: another algorithm comes with a restart and one rotation, and nobody is signed out by it.
#[tokio::test]
async fn the_algorithm_changes_by_one_rotation() {
    let (house, grant) = House::set_up().await;
    for (algorithm, name, kind) in [
        (SigningAlgorithm::EdDSA, "EdDSA", "OKP"),
        (SigningAlgorithm::PS256, "PS256", "RSA"),
    ] {
        let config = Config {
            signing_algorithm: algorithm,
            ..Config::default()
        };
        let identity = Identity::new(house.bed.db.clone(), house.bed.vault.clone(), config);
        identity.unlock().await.unwrap();
        let before = house.refresh(&token(&grant)).await;
        let by = kernel::Actor::Local {
            os_user: String::from("root"),
        };
        let keys = identity.signing_key_rotate(&by, None, None).await.unwrap();
        assert_eq!(
            (keys.algorithm, keys.items[1].algorithm.as_str()),
            (name, name)
        );
        let jwks = identity.jwks().unwrap();
        let current = keys.items[1].id.to_string();
        let listed = jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["kid"] == current.as_str())
            .unwrap();
        assert_eq!(
            (listed["alg"].as_str(), listed["kty"].as_str()),
            (Some(name), Some(kind))
        );
        assert!(listed.get("d").is_none());
        drop(before);
        let input = identity::SignIn {
            email: crate::identity::EMAIL.to_owned(),
            password: kernel::Secret::new(crate::identity::PASSWORD.to_owned()),
            tenant: None,
        };
        let step = identity.sign_in(input, &caller("192.0.2.1")).await.unwrap();
        let identity::SignInStep::Done(signed) = step else {
            panic!("a factor is asked for")
        };
        assert_eq!(claims(&signed).0["alg"], name);
        let seen = identity
            .authenticate(&signed.access_token, &caller("192.0.2.1"))
            .await;
        assert!(seen.is_ok());
    }
}

/// From the console, by whoever runs the appliance; its age is said on the first page.
#[tokio::test]
async fn a_super_admin_rotates_from_the_console() {
    let desk = Desk::open().await;
    let list = desk.get("/platform/signing-keys").await;
    assert_eq!(
        (&list["algorithm"], &list["due"]),
        (&json!("RS256"), &json!(false))
    );
    let rotated = desk.post("/platform/signing-keys/rotate", json!({})).await;
    assert_eq!(rotated["items"][1]["id"], list["items"][0]["id"]);
    desk.owner("UPDATE signing_keys SET current_since = current_since - interval '91 days' WHERE state = 'current'");
    let overview = desk.get("/overview").await;
    let codes: Vec<&str> = overview["health"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["code"].as_str())
        .collect();
    assert!(codes.contains(&"signing_key_due"), "{overview}");
    assert!(overview["needs_me"].to_string().contains("signing_key_due"));
    desk.running.stop().await;
}
