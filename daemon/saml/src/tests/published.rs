use openssl::nid::Nid;

use super::forge::Idp;
use crate::{
    Certificate,
    protocol::{Answer, Metadata, Question, Refusal},
};

fn read(xml: &str) -> Result<Metadata, Refusal> {
    match crate::answer(&Question::Metadata {
        xml: xml.to_owned(),
    }) {
        Answer::Metadata(metadata) => Ok(metadata),
        Answer::Refused { code } => Err(code),
        Answer::Claims(_) => panic!("metadata was asked for"),
    }
}

fn key(used: &str, certificate: &str) -> String {
    format!(
        "<md:KeyDescriptor{used}><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>\n {certificate}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )
}

fn entity(role: &str, inner: &str) -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\" https://idp.example/entity\">\
         <!-- as published --><md:{role} protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{inner}</md:{role}></md:EntityDescriptor>"
    )
}

fn service(name: &str, binding: &str, location: &str) -> String {
    format!(
        "<md:{name} Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" Location=\"{location}\"/>"
    )
}

#[test]
fn metadata_says_where_to_go_and_whom_to_trust() {
    let (old, new, other) = (Idp::rsa(2_048), Idp::rsa(2_048), Idp::rsa(2_048));
    let inner = [
        key(" use=\"signing\"", &old.certificate),
        key("", &new.certificate),
        key(" use=\"encryption\"", &other.certificate),
        service(
            "SingleLogoutService",
            "HTTP-Redirect",
            "https://idp.example/out",
        ),
        service(
            "SingleSignOnService",
            "HTTP-POST",
            "https://idp.example/post",
        ),
        service(
            "SingleSignOnService",
            "HTTP-Redirect",
            "https://idp.example/in?a=1&amp;b=2",
        ),
    ]
    .concat();
    let text = format!(
        "\u{feff}<?xml version=\"1.0\"?>\n{}",
        entity("IDPSSODescriptor", &inner)
    );
    let metadata = read(&text).unwrap();
    assert_eq!(metadata.entity_id, "https://idp.example/entity");
    assert_eq!(
        metadata.sign_in_url.as_deref(),
        Some("https://idp.example/in?a=1&b=2")
    );
    assert_eq!(
        metadata.sign_out_url.as_deref(),
        Some("https://idp.example/out")
    );
    assert_eq!(metadata.certificates, [old.certificate, new.certificate]);
    assert!(!metadata.wants_signed_requests);
    let signed = text.replace(
        "IDPSSODescriptor p",
        "IDPSSODescriptor WantAuthnRequestsSigned=\"true\" p",
    );
    assert!(read(&signed).unwrap().wants_signed_requests);
}

#[test]
fn metadata_of_anything_else_is_refused() {
    assert_eq!(read("<a/>"), Err(Refusal::NoProvider));
    assert_eq!(
        read(&entity("SPSSODescriptor", "")),
        Err(Refusal::NoProvider)
    );
    assert_eq!(read("<!DOCTYPE a><a/>"), Err(Refusal::Dtd));
    let one = entity("IDPSSODescriptor", "");
    let several = |inner: &str| {
        format!(
            "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{inner}</md:EntitiesDescriptor>"
        )
    };
    assert!(read(&several(&one)).is_ok());
    assert_eq!(
        read(&several(&format!("{one}{one}"))),
        Err(Refusal::Several)
    );
    assert!(read(&several(&format!("{one}{}", entity("SPSSODescriptor", "")))).is_ok());
}

#[test]
fn a_certificate_is_shown_and_a_useless_one_is_refused() {
    let idp = Idp::rsa(2_048);
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\r\n{}\r\n-----END CERTIFICATE-----\n",
        idp.certificate
    );
    let shown = Certificate::parse(&pem).unwrap();
    assert_eq!(shown.text, idp.certificate);
    assert_eq!(shown.subject, "idp.example");
    assert_eq!(shown.fingerprint.len(), 64);
    assert_eq!(shown.not_after.timestamp(), 2);
    assert!(Certificate::parse(&Idp::rsa(1_024).certificate).is_none());
    assert!(Certificate::parse(&Idp::ec(Nid::SECP224R1).certificate).is_none());
    assert!(Certificate::parse("").is_none());
}
