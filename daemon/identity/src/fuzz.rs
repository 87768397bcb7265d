//! Doors for the fuzz targets, which are built with `--cfg fuzzing` and nothing else is: outside bytes go
//! into the parsers that meet them first, and what must hold of any bytes is asserted here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Clock, ManualClock, UserId};
use serde_json::{Value, json};
use sha2::Sha256;
use webauthn_rs_core::proto::{Credential, PublicKeyCredential};

use crate::{
    code,
    config::SigningAlgorithm,
    factor::passkey::{Ceremony, Site},
    key_text,
    keys::{KeySet, NewKey},
    link::LinkToken,
    opaque::{RefreshToken, sha256},
    token::Presented,
};

/// A verifier whose signing key nobody else has.
pub struct Tokens {
    clock: ManualClock,
    keys: KeySet,
    key_id: String,
    public: Vec<u8>,
}

impl Tokens {
    #[expect(
        clippy::unwrap_used,
        reason = "a fuzz target stops at what it cannot set up"
    )]
    pub fn new() -> Self {
        let clock = ManualClock::at(1_800_000_000);
        let key = NewKey::generate(&clock, SigningAlgorithm::RS256).unwrap();
        let keys = KeySet::build(&[key.as_current()]).unwrap();
        Self {
            key_id: keys.current_kid().to_owned(),
            public: key.public_pem.into_bytes(),
            clock,
            keys,
        }
    }

    /// Whatever the text is, nobody signed it.
    pub fn refuse(&self, text: &str) {
        let read = Presented::read(text)
            .and_then(|presented| presented.verify(&self.keys, self.clock.now()));
        assert!(read.is_err(), "a token that nobody signed: {text}");
    }

    /// The same for a token of these parts: with no signature, with one of bytes, and with the one that
    /// the public key makes as a password.
    pub fn refuse_parts(&self, header: &str, claims: &str, signature: &[u8]) {
        let header = header.replace("KID", &self.key_id);
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        self.refuse(&format!("{signed}."));
        self.refuse(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)));
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.public) {
            mac.update(signed.as_bytes());
            let made = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
            self.refuse(&format!("{signed}.{made}"));
        }
    }
}

/// What cookies, links and keys carry: it is ours to the letter, or it is refused.
pub fn opaque(text: &str) {
    if let Some(token) = RefreshToken::parse(text) {
        assert_eq!(token.hash(), sha256(text.as_bytes()));
        assert_eq!(token.into_text().expose(), text);
    }
    if let Some(token) = LinkToken::parse(text) {
        assert_eq!(token.into_text().expose(), text);
    }
    if let Some((key, secret)) = key_text::parse(text) {
        let whole = format!("{}_{}", key_text::prefix(key), secret.expose());
        assert!(text.starts_with(&whole), "{text}");
    }
    let typed = code::canonical(text);
    assert_eq!(code::canonical(&typed), typed);
}

/// Whatever a directory answers.
pub fn ldap_answer(bytes: &[u8]) {
    crate::sso::fuzz_ldap_answer(bytes);
}

/// A site, and one question of each kind that it asked.
pub struct Passkeys {
    site: Site,
    creation: Ceremony,
    question: Ceremony,
    user: UserId,
}

impl Passkeys {
    #[expect(
        clippy::unwrap_used,
        reason = "a fuzz target stops at what it cannot set up"
    )]
    pub fn new() -> Self {
        let site = Site::new("https://revkeep.acme.example").unwrap();
        let user = UserId::from_uuid(uuid::Uuid::from_u128(1));
        let creation = site.create((user, "ada@acme.example", "Ada"), &[]).unwrap();
        let question = site.ask(Vec::new()).unwrap();
        Self {
            site,
            creation,
            question,
            user,
        }
    }

    /// Any JSON, in the place of either answer.
    pub fn refuse(&self, answer: &Value) {
        let created = self.created(answer.clone());
        assert!(created.is_none(), "a passkey out of nothing: {answer}");
        self.ask(answer.clone(), &[]);
    }

    /// An answer to the question that was asked, with the bytes as what the authenticator says. An
    /// attestation may be well formed, since it needs no signature; then its passkey is asked for.
    pub fn answer(&self, attestation: &[u8], authenticator: &[u8], signature: &[u8]) {
        let id = URL_SAFE_NO_PAD.encode(b"a passkey");
        let created = self.created(json!({
            "id": id, "rawId": id, "type": "public-key", "extensions": {},
            "response": {
                "attestationObject": URL_SAFE_NO_PAD.encode(attestation),
                "clientDataJSON": client_data("webauthn.create", &self.creation),
            },
        }));
        let known: Vec<Credential> = created.into_iter().collect();
        self.ask(
            json!({
                "id": id, "rawId": id, "type": "public-key", "extensions": {},
                "response": {
                    "authenticatorData": URL_SAFE_NO_PAD.encode(authenticator),
                    "clientDataJSON": client_data("webauthn.get", &self.question),
                    "signature": URL_SAFE_NO_PAD.encode(signature),
                    "userHandle": null,
                },
            }),
            &known,
        );
    }

    fn created(&self, answer: Value) -> Option<Credential> {
        self.site.created(self.creation.state.clone(), answer).ok()
    }

    /// Nobody signed the answer.
    fn ask(&self, answer: Value, known: &[Credential]) {
        let Ok(answer) = serde_json::from_value::<PublicKeyCredential>(answer) else {
            return;
        };
        let state = self.question.state.clone();
        let proven = self.site.proven(state, &answer, self.user, known);
        assert!(!matches!(proven, Ok(Some(_))), "an answer nobody signed");
    }
}

fn client_data(kind: &str, ceremony: &Ceremony) -> String {
    let challenge = ceremony.options.pointer("/publicKey/challenge");
    let data = json!({
        "type": kind, "challenge": challenge, "origin": "https://revkeep.acme.example", "crossOrigin": false,
    });
    URL_SAFE_NO_PAD.encode(data.to_string())
}
