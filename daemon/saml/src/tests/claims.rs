use base64::{Engine, engine::general_purpose::STANDARD};
use openssl::{hash::MessageDigest, nid::Nid};

use super::forge::{ALICE, Form, HERE, Idp, MORE, assertion, at, good, now, read, response};
use crate::protocol::{Attribute, Refusal};

#[test]
fn a_signed_assertion_says_who_somebody_is() {
    let idp = Idp::rsa(2_048);
    let claims = idp.read(&good(&idp)).unwrap();
    assert_eq!(claims.assertion_id, "_a1");
    assert_eq!(claims.subject, ALICE);
    assert!(claims.subject_format.unwrap().ends_with(":emailAddress"));
    assert_eq!(
        claims.expires_at,
        now() + chrono::TimeDelta::seconds(360),
        "the end of its confirmation, and the clock's slack"
    );
    let attribute = |name: &str, values: &[&str]| Attribute {
        name: name.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    assert_eq!(
        claims.attributes,
        [
            attribute("mail", &[ALICE]),
            attribute("groups", &["ops", "all"])
        ]
    );
}

#[test]
fn either_certificate_counts_while_the_provider_changes_its_key() {
    let (old, new) = (Idp::rsa(2_048), Idp::rsa(2_048));
    for signer in [&old, &new] {
        let mut asked = old.asked(&good(signer));
        asked.certificates = vec![old.certificate.clone(), new.certificate.clone()];
        assert!(read(&asked).is_ok());
    }
}

#[test]
fn every_accepted_algorithm_is_accepted() {
    let rsa = Idp::rsa(2_048);
    for (curve, family) in [
        (None, "rsa"),
        (Some(Nid::X9_62_PRIME256V1), "ecdsa"),
        (Some(Nid::SECP384R1), "ecdsa"),
        (Some(Nid::SECP521R1), "ecdsa"),
    ] {
        let ec = curve.map(Idp::ec);
        let idp = ec.as_ref().unwrap_or(&rsa);
        for (name, hash) in [
            ("sha256", MessageDigest::sha256()),
            ("sha384", MessageDigest::sha384()),
            ("sha512", MessageDigest::sha512()),
        ] {
            let form = Form {
                method: format!("{MORE}{family}-{name}"),
                hash,
                ..Form::default()
            };
            let signed = idp.sign_as(&assertion("_a1", ALICE), "_a1", &form);
            assert!(idp.read(&response(&signed)).is_ok(), "{family} {name}");
        }
    }
}

#[test]
fn a_response_may_be_signed_besides_its_assertion() {
    let idp = Idp::rsa(2_048);
    let both = good(&idp).replace("<samlp:Status>", &format!("{HERE}<samlp:Status>"));
    assert!(idp.read(&idp.sign(&both, "_response")).is_ok());
}

#[test]
fn line_breaks_in_base64_and_a_clock_that_is_off_a_little_are_usual() {
    let idp = Idp::rsa(2_048);
    let mut asked = idp.asked(&good(&idp));
    asked.response = asked
        .response
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8(line.to_vec()).unwrap() + "\r\n")
        .collect();
    assert!(read(&asked).is_ok());
    for seconds in [-60, 359] {
        asked.now = now() + chrono::TimeDelta::seconds(seconds);
        assert!(read(&asked).is_ok(), "{}", at(seconds));
    }
}

/// Signed by samlp 8.0.0 (xml-crypto), in three of its ways; the document's own certificate stands for the
/// one that an administrator would have entered.
#[test]
fn what_another_implementation_signed_is_read() {
    for text in [
        include_str!("../../../../tests/fuzz/corpus/saml_response/signed.xml"),
        include_str!("../../../../tests/fuzz/corpus/saml_response/both.xml"),
        include_str!("../../../../tests/fuzz/corpus/saml_response/prefixed.xml"),
    ] {
        let between = |from: &str, to: &str| {
            let rest = &text[text.find(from).unwrap() + from.len()..];
            rest[..rest.find(to).unwrap()].to_owned()
        };
        let idp = Idp::rsa(2_048);
        let mut asked = idp.asked(text);
        asked.now = between("IssueInstant=\"", "\"").parse().unwrap();
        assert_eq!(
            read(&asked),
            Err(Refusal::Signature),
            "nobody trusts it yet"
        );
        asked.certificates = vec![between("X509Certificate>", "<")];
        let claims = read(&asked).unwrap();
        assert_eq!(claims.subject, "bob-0001");
        let groups = claims
            .attributes
            .iter()
            .find(|attribute| attribute.name.ends_with("/groups"));
        assert_eq!(groups.unwrap().values, ["a", "b"]);
        asked.response = STANDARD.encode(text.replace("bob-0001", "bob-0002"));
        assert!(read(&asked).is_err());
    }
}
