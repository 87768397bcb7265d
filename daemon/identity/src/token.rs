//! The access token: a signed JWT that lives 15 minutes (30 for a program) and is held in memory
//! (CX-01, CX-03). What it claims is checked against the session's standing at each request.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Header, Validation};
use kernel::{SessionId, TenantId, UserId};
use serde::{Deserialize, Serialize};

use crate::{error::IdentityError, keys::KeySet};

const ISSUER: &str = "revkeep";
const AUDIENCE: &str = "revkeep-console";
/// Two daemons' clocks may differ by this much.
const SKEW_SECONDS: i64 = 30;
/// Ours are below 1 KiB; nothing longer is worth decoding.
const MOST_BYTES: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    pub(crate) sub: UserId,
    pub(crate) sid: SessionId,
    pub(crate) tid: TenantId,
    /// The membership's epoch: any change of roles voids older tokens.
    pub(crate) epoch: i32,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    iss: String,
    aud: String,
}

impl Claims {
    pub(crate) fn new(
        (sub, sid, tid): (UserId, SessionId, TenantId),
        epoch: i32,
        issued: DateTime<Utc>,
        expires: DateTime<Utc>,
    ) -> Self {
        Self {
            sub,
            sid,
            tid,
            epoch,
            iat: issued.timestamp(),
            exp: expires.timestamp(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
        }
    }
}

pub(crate) fn sign(keys: &KeySet, claims: &Claims) -> Result<String, IdentityError> {
    let mut header = Header::new(keys.algorithm());
    header.kid = Some(keys.current_kid().to_owned());
    jsonwebtoken::encode(&header, claims, keys.signer())
        .map_err(|_| IdentityError::Crypto("signing an access token"))
}

/// A token whose header was read. Nothing that it says is believed before [`Presented::verify`].
pub(crate) struct Presented<'a> {
    token: &'a str,
    key: String,
    algorithm: Algorithm,
}

impl<'a> Presented<'a> {
    /// Reads which key it says that it was signed with, so that a key that was just published can be
    /// fetched first.
    pub(crate) fn read(token: &'a str) -> Result<Self, IdentityError> {
        if token.len() > MOST_BYTES {
            return Err(IdentityError::InvalidToken("too long"));
        }
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| IdentityError::InvalidToken("header"))?;
        Ok(Self {
            token,
            key: header.kid.ok_or(IdentityError::InvalidToken("no key id"))?,
            algorithm: header.alg,
        })
    }

    pub(crate) fn key_id(&self) -> &str {
        &self.key
    }

    /// Checks signature, algorithm, issuer, audience and time. The key decides the algorithm, not the token.
    pub(crate) fn verify(
        &self,
        keys: &KeySet,
        now: DateTime<Utc>,
    ) -> Result<Claims, IdentityError> {
        let verifier = keys
            .verifier(&self.key)
            .ok_or(IdentityError::InvalidToken("unknown key"))?;
        if self.algorithm != verifier.algorithm {
            return Err(IdentityError::InvalidToken("algorithm"));
        }
        let claims =
            jsonwebtoken::decode::<Claims>(self.token, &verifier.key, &verifier.validation)
                .map_err(|_| IdentityError::InvalidToken("signature or claims"))?
                .claims;
        let now = now.timestamp();
        if claims.exp <= now {
            return Err(IdentityError::InvalidToken("expired"));
        }
        if claims.iat > now.saturating_add(SKEW_SECONDS) {
            return Err(IdentityError::InvalidToken("issued in the future"));
        }
        Ok(claims)
    }
}

/// What a token of a key must say.
pub(crate) fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The library would read the machine's clock; the expiry is checked by ours.
    validation.validate_exp = false;
    validation
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use chrono::TimeDelta;
    use jsonwebtoken::EncodingKey;
    use kernel::{Clock, ManualClock};
    use serde_json::{Value, json};

    use super::*;
    use crate::{config::SigningAlgorithm, keys::NewKey};

    fn verify(keys: &KeySet, token: &str, now: DateTime<Utc>) -> Result<Claims, IdentityError> {
        Presented::read(token)?.verify(keys, now)
    }

    struct Bench {
        clock: ManualClock,
        keys: KeySet,
        claims: Claims,
    }

    fn bench() -> Bench {
        bench_of(SigningAlgorithm::RS256)
    }

    fn bench_of(algorithm: SigningAlgorithm) -> Bench {
        let clock = ManualClock::at(1_800_000_000);
        let key = NewKey::generate(&clock, algorithm).unwrap();
        let keys = KeySet::build(&[key.as_current()]).unwrap();
        let ids = (
            UserId::generate(&clock),
            SessionId::generate(&clock),
            TenantId::generate(&clock),
        );
        let now = clock.now();
        let claims = Claims::new(ids, 3, now, now + crate::config::ACCESS_LIFE);
        Bench {
            clock,
            keys,
            claims,
        }
    }

    fn reason(result: Result<Claims, IdentityError>) -> &'static str {
        match result {
            Err(IdentityError::InvalidToken(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!(
            "{}.{}.{}",
            part(header),
            part(claims),
            URL_SAFE_NO_PAD.encode(signature)
        )
    }

    #[test]
    fn a_token_reads_back_until_it_expires() {
        let bench = bench();
        let token = sign(&bench.keys, &bench.claims).unwrap();
        assert_eq!(
            verify(&bench.keys, &token, bench.clock.now()).unwrap(),
            bench.claims
        );
        bench.clock.advance(TimeDelta::seconds(899));
        assert!(verify(&bench.keys, &token, bench.clock.now()).is_ok());
        bench.clock.advance(TimeDelta::seconds(1));
        assert_eq!(
            reason(verify(&bench.keys, &token, bench.clock.now())),
            "expired"
        );
    }

    /// CX-03: each algorithm reads back under its own key, and no token of one passes as another's.
    #[test]
    fn every_algorithm_signs_and_none_stands_in_for_another() {
        let benches = [
            bench_of(SigningAlgorithm::RS256),
            bench_of(SigningAlgorithm::PS256),
            bench_of(SigningAlgorithm::EdDSA),
        ];
        for ours in &benches {
            let token = sign(&ours.keys, &ours.claims).unwrap();
            assert_eq!(
                verify(&ours.keys, &token, ours.clock.now()).unwrap(),
                ours.claims
            );
            let now = ours.clock.now();
            for theirs in &benches {
                let algorithm = theirs.keys.algorithm();
                if algorithm == ours.keys.algorithm() {
                    continue;
                }
                let mut header = Header::new(algorithm);
                header.kid = Some(ours.keys.current_kid().to_owned());
                let claims = &ours.claims;
                let token = jsonwebtoken::encode(&header, claims, theirs.keys.signer()).unwrap();
                assert_eq!(reason(verify(&ours.keys, &token, now)), "algorithm");
            }
        }
    }

    #[test]
    fn no_signature_is_no_token() {
        let bench = bench();
        let claims = serde_json::to_value(&bench.claims).unwrap();
        let kid = bench.keys.current_kid();
        for alg in ["none", "None", "NONE"] {
            let token = forged(&json!({"alg": alg, "kid": kid}), &claims, b"");
            assert_eq!(
                reason(verify(&bench.keys, &token, bench.clock.now())),
                "header"
            );
        }
    }

    /// The classic confusion: the public key, which everyone has, used as an HMAC key.
    #[test]
    fn the_public_key_is_no_hmac_key() {
        let bench = bench();
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(bench.keys.current_kid().to_owned());
        let public = bench.keys.jwks().to_string();
        let token = jsonwebtoken::encode(
            &header,
            &bench.claims,
            &EncodingKey::from_secret(public.as_bytes()),
        )
        .unwrap();
        assert_eq!(
            reason(verify(&bench.keys, &token, bench.clock.now())),
            "algorithm"
        );
    }

    #[test]
    fn a_stronger_algorithm_of_the_same_key_is_not_ours_either() {
        let bench = bench();
        for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
            let mut header = Header::new(algorithm);
            header.kid = Some(bench.keys.current_kid().to_owned());
            let token = jsonwebtoken::encode(&header, &bench.claims, bench.keys.signer()).unwrap();
            assert_eq!(
                reason(verify(&bench.keys, &token, bench.clock.now())),
                "algorithm"
            );
        }
    }

    #[test]
    fn a_key_id_is_required_and_must_be_known() {
        let bench = bench();
        let mut header = Header::new(Algorithm::RS256);
        let token = jsonwebtoken::encode(&header, &bench.claims, bench.keys.signer()).unwrap();
        assert_eq!(
            reason(verify(&bench.keys, &token, bench.clock.now())),
            "no key id"
        );
        for hostile in [
            "../../etc/passwd",
            "/dev/null",
            "' OR state = 'current' --",
            "key_00000000000000000000000000000000",
            "",
        ] {
            header.kid = Some(hostile.to_owned());
            let token = jsonwebtoken::encode(&header, &bench.claims, bench.keys.signer()).unwrap();
            assert_eq!(
                reason(verify(&bench.keys, &token, bench.clock.now())),
                "unknown key",
                "{hostile}"
            );
        }
    }

    #[test]
    fn another_daemons_key_under_our_key_id_signs_nothing() {
        let ours = bench();
        let theirs = bench();
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(ours.keys.current_kid().to_owned());
        let token = jsonwebtoken::encode(&header, &ours.claims, theirs.keys.signer()).unwrap();
        assert_eq!(
            reason(verify(&ours.keys, &token, ours.clock.now())),
            "signature or claims"
        );
    }

    #[test]
    fn a_claim_changed_missing_foreign_or_added_is_refused() {
        let bench = bench();
        let good = serde_json::to_value(&bench.claims).unwrap();
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(bench.keys.current_kid().to_owned());
        for (field, value) in [
            ("aud", json!("revkeep-gateway")),
            ("iss", json!("elsewhere")),
            ("sub", json!("rule_0192")),
            ("exp", json!("never")),
            ("exp", Value::Null),
            ("admin", json!(true)),
        ] {
            let mut claims = good.clone();
            claims[field] = value;
            let token = jsonwebtoken::encode(&header, &claims, bench.keys.signer()).unwrap();
            assert_eq!(
                reason(verify(&bench.keys, &token, bench.clock.now())),
                "signature or claims",
                "{field}"
            );
        }
        for field in ["aud", "iss", "sub", "sid", "tid", "epoch", "exp", "iat"] {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(field);
            let token = jsonwebtoken::encode(&header, &claims, bench.keys.signer()).unwrap();
            assert!(
                verify(&bench.keys, &token, bench.clock.now()).is_err(),
                "{field}"
            );
        }
    }

    #[test]
    fn a_body_exchanged_under_a_good_signature_is_refused() {
        let bench = bench();
        let token = sign(&bench.keys, &bench.claims).unwrap();
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let mut claims = serde_json::to_value(&bench.claims).unwrap();
        claims["epoch"] = json!(99);
        parts[1] = URL_SAFE_NO_PAD.encode(claims.to_string());
        assert!(verify(&bench.keys, &parts.join("."), bench.clock.now()).is_err());
    }

    #[test]
    fn noise_is_refused() {
        let bench = bench();
        for token in ["", ".", "..", "a.b.c", "🦀.🦀.🦀", &"A".repeat(5000)] {
            assert!(verify(&bench.keys, token, bench.clock.now()).is_err());
        }
    }

    #[test]
    fn a_token_of_the_future_is_refused() {
        let bench = bench();
        let token = sign(&bench.keys, &bench.claims).unwrap();
        let earlier = bench.clock.now() - TimeDelta::minutes(5);
        assert_eq!(
            reason(verify(&bench.keys, &token, earlier)),
            "issued in the future"
        );
    }
}
