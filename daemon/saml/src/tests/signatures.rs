use base64::{Engine, engine::general_purpose::STANDARD};
use openssl::{hash::MessageDigest, nid::Nid};

use super::forge::{ALICE, DSIG, ENC, EXCLUSIVE, Form, Idp, MORE, assertion, good, read, response};
use crate::protocol::Refusal;

fn signed_as(idp: &Idp, form: Form) -> Result<(), Refusal> {
    let signed = idp.sign_as(&assertion("_a1", ALICE), "_a1", &form);
    idp.read(&response(&signed)).map(drop)
}

#[test]
fn weak_algorithms_and_shared_secrets_sign_nothing() {
    let idp = Idp::rsa(2_048);
    let sha1 = Form {
        method: format!("{DSIG}rsa-sha1"),
        hash: MessageDigest::sha1(),
        ..Form::default()
    };
    assert_eq!(signed_as(&idp, sha1), Err(Refusal::Algorithm));
    let sha1 = Form {
        digest_method: format!("{DSIG}sha1"),
        digest: MessageDigest::sha1(),
        ..Form::default()
    };
    assert_eq!(signed_as(&idp, sha1), Err(Refusal::Algorithm));
    for method in ["rsa-md5", "hmac-sha256", "none", ""] {
        // The certificate is known to everybody: as a secret it must open nothing.
        let form = Form {
            method: format!("{MORE}{method}"),
            secret: Some(STANDARD.decode(&idp.certificate).unwrap()),
            ..Form::default()
        };
        assert_eq!(signed_as(&idp, form), Err(Refusal::Algorithm), "{method}");
    }
    let form = Form {
        digest_method: format!("{ENC}ripemd160"),
        ..Form::default()
    };
    assert_eq!(signed_as(&idp, form), Err(Refusal::Algorithm));
}

#[test]
fn a_reference_covers_the_assertion_as_it_stands_and_nothing_else() {
    let idp = Idp::rsa(2_048);
    let enveloped = format!("<ds:Transform Algorithm=\"{DSIG}enveloped-signature\"/>");
    let exclusive = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"/>");
    for reference in [
        "",
        "#other",
        "{id}",
        "#xpointer(/)",
        "https://evil.example/#{id}",
    ] {
        let form = Form {
            reference: reference.to_owned(),
            ..Form::default()
        };
        assert_eq!(
            signed_as(&idp, form),
            Err(Refusal::SignatureShape),
            "{reference}"
        );
    }
    let xslt = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/>";
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>not(ancestor::node())</ds:XPath></ds:Transform>";
    for transforms in [
        String::new(),
        enveloped.clone(),
        exclusive.clone(),
        format!("{exclusive}{enveloped}"),
        format!("{enveloped}{xslt}"),
        format!("{enveloped}{xpath}{exclusive}"),
        format!("{enveloped}{exclusive}{exclusive}"),
    ] {
        let form = Form {
            transforms: transforms.clone(),
            ..Form::default()
        };
        assert!(signed_as(&idp, form).is_err(), "{transforms}");
    }
    let second = Form {
        more: String::from("<ds:Reference URI=\"#_response\"/>"),
        ..Form::default()
    };
    assert_eq!(signed_as(&idp, second), Err(Refusal::SignatureShape));
    let inclusive = Form {
        canonicalisation: String::from("http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        ..Form::default()
    };
    assert_eq!(signed_as(&idp, inclusive), Err(Refusal::Algorithm));
}

#[test]
fn a_key_that_the_document_brings_is_not_looked_at() {
    let (idp, other) = (Idp::rsa(2_048), Idp::rsa(2_048));
    let info = |certificate: &str| {
        format!(
            "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        )
    };
    for certificate in [&idp.certificate, &other.certificate] {
        let form = Form {
            after: info(certificate),
            ..Form::default()
        };
        let signed = other.sign_as(&assertion("_a1", ALICE), "_a1", &form);
        assert_eq!(idp.read(&response(&signed)), Err(Refusal::Signature));
        // And a right signature stays right, whatever certificate it carries.
        let signed = idp.sign_as(&assertion("_a1", ALICE), "_a1", &form);
        assert!(idp.read(&response(&signed)).is_ok());
    }
}

#[test]
fn a_certificate_that_is_weak_or_broken_makes_the_provider_unusable() {
    for idp in [Idp::rsa(1_024), Idp::ec(Nid::SECP224R1)] {
        assert_eq!(idp.read(&good(&Idp::rsa(2_048))), Err(Refusal::Certificate));
    }
    let idp = Idp::rsa(2_048);
    for certificates in [
        vec![],
        vec![String::from("x")],
        vec![idp.certificate.clone(); 21],
    ] {
        let mut asked = idp.asked(&good(&idp));
        asked.certificates = certificates;
        assert_eq!(read(&asked), Err(Refusal::Certificate));
    }
}

#[test]
fn a_signature_of_another_kind_of_key_is_none() {
    let (rsa, ec) = (Idp::rsa(2_048), Idp::ec(Nid::X9_62_PRIME256V1));
    let form = Form {
        method: format!("{MORE}ecdsa-sha256"),
        ..Form::default()
    };
    assert_eq!(signed_as(&rsa, form), Err(Refusal::Signature));
    assert_eq!(signed_as(&ec, Form::default()), Err(Refusal::Signature));
}
