//! Any bytes as a SAML response, as metadata and as a question: nobody is ever named by them, since
//! nothing in the corpus is signed by the one certificate that is trusted; and the answer is an answer.

#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use saml::protocol::{Answer, Asked, Question, Refusal};

/// Of a key that nobody has any more: P-256, subject CN=idp.example.
const CERTIFICATE: &str = include_str!("../corpus/saml_certificate.txt");

fn ask(question: &Question) -> Answer {
    let bytes = serde_json::to_vec(question).unwrap();
    let answer = saml::answer_bytes(&bytes);
    let text = serde_json::to_vec(&answer).unwrap();
    assert_eq!(serde_json::from_slice::<Answer>(&text).unwrap(), answer);
    answer
}

fuzz_target!(|bytes: &[u8]| {
    let asked = Asked {
        response: STANDARD.encode(bytes),
        issuer: String::from("https://idp.example/entity"),
        certificates: vec![CERTIFICATE.trim().to_owned()],
        audience: String::from("https://revkeep.example/sso/saml/p/metadata"),
        acs_url: String::from("https://revkeep.example/sso/saml/p/acs"),
        in_response_to: String::from("_request-1"),
        now: DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap(),
        skew_seconds: 60,
    };
    match ask(&Question::Response(asked)) {
        Answer::Refused { code } => assert_ne!(code, Refusal::Certificate),
        told => panic!("{told:?}"),
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let metadata = Question::Metadata {
            xml: text.to_owned(),
        };
        assert!(!matches!(ask(&metadata), Answer::Claims(_)));
    }
    assert!(!matches!(saml::answer_bytes(bytes), Answer::Claims(_)));
});
