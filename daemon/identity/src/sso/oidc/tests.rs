use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kernel::{Clock, ManualClock};
use openidconnect::JsonWebKeySet;
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    config::SigningAlgorithm,
    keys::{KeySet, NewKey},
};

const ISSUER: &str = "https://idp.example";
const CLIENT: &str = "revkeep";
const NONCE: &str = "nonce-of-this-sign-in";

struct Bench {
    now: DateTime<Utc>,
    key: NewKey,
    metadata: Metadata,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::at(1_800_000_000);
        let key = NewKey::generate(&clock, SigningAlgorithm::RS256).unwrap();
        let set = KeySet::build(&[key.as_current()]).unwrap();
        let keys: JsonWebKeySet<CoreJsonWebKey> =
            serde_json::from_value(set.jwks().clone()).unwrap();
        let metadata: Metadata = serde_json::from_value(json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": "https://idp.example/token",
            "jwks_uri": "https://idp.example/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            "authorization_response_iss_parameter_supported": true,
        }))
        .unwrap();
        Self {
            now: clock.now(),
            key,
            metadata: metadata.set_jwks(keys),
        }
    }

    fn claims(&self) -> Value {
        json!({
            "iss": ISSUER, "aud": CLIENT, "sub": "s-1", "nonce": NONCE,
            "iat": self.now.timestamp(), "exp": self.now.timestamp() + 300,
            "email": "ada@acme.example", "email_verified": true, "groups": ["ops"],
        })
    }

    fn header(&self, algorithm: Algorithm) -> Header {
        let mut header = Header::new(algorithm);
        header.kid = Some(self.key.id.to_string());
        header
    }

    fn signed(&self, claims: &Value) -> String {
        let key = EncodingKey::from_rsa_pem(self.key.private_pem.expose()).unwrap();
        jsonwebtoken::encode(&self.header(Algorithm::RS256), claims, &key).unwrap()
    }

    fn check(&self, token: &str) -> Result<Proven, String> {
        let nonce = Secret::new(NONCE.to_owned());
        let client = client();
        verified(&self.metadata, &client, token, &nonce, self.now)
            .map(|claims| proven(&claims, &client))
            .map_err(|error| refusal(error).to_string())
    }

    fn with(&self, change: impl FnOnce(&mut Map<String, Value>)) -> Result<Proven, String> {
        let mut claims = self.claims();
        change(claims.as_object_mut().unwrap());
        self.check(&self.signed(&claims))
    }
}

fn client() -> Client<'static> {
    Client {
        issuer: ISSUER,
        client_id: CLIENT,
        client_secret: None,
        scopes: &[],
        groups_claim: "groups",
        redirect: "https://revkeep.example/sso/oidc",
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(header), part(claims))
}

#[test]
fn a_token_of_the_provider_says_who_somebody_is() {
    let bench = Bench::new();
    let proven = bench.check(&bench.signed(&bench.claims())).unwrap();
    assert_eq!(proven.issuer, ISSUER);
    assert_eq!(proven.subject, "s-1");
    assert_eq!(proven.email.as_deref(), Some("ada@acme.example"));
    assert_eq!(proven.groups, ["ops"]);
}

#[test]
fn a_token_without_the_providers_signature_says_nothing() {
    let bench = Bench::new();
    for alg in ["none", "None", "NONE"] {
        for header in [
            json!({"alg": alg}),
            json!({"alg": alg, "kid": bench.key.id}),
        ] {
            assert!(
                bench.check(&unsigned(&header, &bench.claims())).is_err(),
                "{header}"
            );
        }
    }
    // What both sides know, or everybody, is no signature: RFC 8725 section 2.1.
    for secret in [b"client-secret".as_slice(), bench.key.public_pem.as_bytes()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let key = EncodingKey::from_secret(secret);
            let token =
                jsonwebtoken::encode(&bench.header(algorithm), &bench.claims(), &key).unwrap();
            assert!(bench.check(&token).is_err(), "{algorithm:?}");
        }
    }
    let stranger = Bench::new();
    let mut header = bench.header(Algorithm::RS256);
    let key = EncodingKey::from_rsa_pem(stranger.key.private_pem.expose()).unwrap();
    let token = jsonwebtoken::encode(&header, &bench.claims(), &key).unwrap();
    assert!(bench.check(&token).unwrap_err().contains("signature"));
    header.kid = Some(String::from("stranger"));
    let token = jsonwebtoken::encode(&header, &bench.claims(), &key).unwrap();
    assert!(bench.check(&token).unwrap_err().contains("unknown"));
}

#[test]
fn a_claim_that_is_foreign_late_or_missing_says_nothing() {
    let bench = Bench::new();
    let now = bench.now.timestamp();
    for (name, value) in [
        ("aud", json!("another")),
        ("aud", json!([CLIENT, "another"])),
        ("aud", json!([])),
        ("iss", json!("https://evil.example")),
        ("iss", json!("https://idp.example/")),
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("exp", json!(now)),
        ("exp", json!("never")),
        ("iat", json!(now + 3_600)),
        ("sub", Value::Null),
    ] {
        let done = bench.with(|claims| {
            claims.insert(name.to_owned(), value.clone());
        });
        assert!(done.is_err(), "{name} {value}");
    }
    for name in ["aud", "iss", "nonce", "exp", "iat", "sub"] {
        let done = bench.with(|claims| {
            claims.remove(name);
        });
        assert!(done.is_err(), "{name}");
    }
}

#[test]
fn an_address_that_the_provider_has_not_verified_is_none() {
    let bench = Bench::new();
    let proven = bench
        .with(|claims| {
            claims.insert(String::from("email_verified"), json!(false));
        })
        .unwrap();
    assert_eq!(proven.email, None);
}

#[test]
fn an_answer_is_of_the_issuer_that_was_asked() {
    let bench = Bench::new();
    assert!(check_answer_issuer(&bench.metadata, ISSUER, Some(ISSUER)).is_ok());
    for told in [None, Some("https://evil.example"), Some("")] {
        assert!(
            check_answer_issuer(&bench.metadata, ISSUER, told).is_err(),
            "{told:?}"
        );
    }
}

#[test]
fn keys_are_read_again_now_and_then_and_no_oftener() {
    let bench = Bench::new();
    let known = |reread_at| Known {
        metadata: bench.metadata.clone(),
        read_at: bench.now,
        reread_at,
    };
    assert!(known(None).may_reread(bench.now), "the first time at once");
    let reread = known(Some(bench.now));
    assert!(!reread.may_reread(bench.now + TimeDelta::seconds(9)));
    assert!(reread.may_reread(bench.now + TimeDelta::seconds(10)));
}

#[test]
fn a_secret_with_any_character_is_form_encoded_first() {
    let header = basic("a:b", &Secret::new(String::from("p+ %")));
    assert_eq!(header.as_str(), "Basic YSUzQWI6cCUyQislMjU=");
}

#[test]
fn only_a_stable_code_reaches_the_log() {
    assert_eq!(stable("access_denied"), "access_denied");
    assert_eq!(stable("<script>"), "unspecified");
    assert_eq!(stable(""), "unspecified");
    assert_eq!(stable(&"a".repeat(61)), "unspecified");
}
