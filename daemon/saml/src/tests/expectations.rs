//! Rightly signed, and for somebody else, for another time, or for no request of ours.

use chrono::TimeDelta;

use super::forge::{
    ACS, ALICE, AUDIENCE, ISSUER, Idp, REQUEST, assertion, at, changed, good, now, read, response,
};
use crate::protocol::Refusal;

#[test]
fn an_assertion_for_others_is_refused() {
    let idp = Idp::rsa(2_048);
    let audience = format!("<saml:Audience>{AUDIENCE}</saml:Audience>");
    let restriction = format!("<saml:AudienceRestriction>{audience}</saml:AudienceRestriction>");
    let other = "<saml:Audience>https://other.example</saml:Audience>";
    let recipient = format!("Recipient=\"{ACS}\"");
    let request = format!("InResponseTo=\"{REQUEST}\"");
    for (from, to, code) in [
        (audience.as_str(), other, Refusal::Audience),
        (audience.as_str(), "", Refusal::Audience),
        (restriction.as_str(), "", Refusal::Audience),
        (
            AUDIENCE,
            "https://revkeep.example/sso/saml/p/metadata/",
            Refusal::Audience,
        ),
        (
            recipient.as_str(),
            "Recipient=\"https://evil.example/\"",
            Refusal::Destination,
        ),
        (recipient.as_str(), "", Refusal::Destination),
        (
            request.as_str(),
            "InResponseTo=\"_request-2\"",
            Refusal::InResponseTo,
        ),
        (request.as_str(), "", Refusal::Unsolicited),
        (ISSUER, "https://evil.example/entity", Refusal::Issuer),
        ("cm:bearer", "cm:sender-vouches", Refusal::Subject),
        (
            "SAML:1.1:nameid-format:emailAddress",
            "SAML:2.0:nameid-format:transient",
            Refusal::Subject,
        ),
        (
            &format!("{ALICE}</saml:NameID>"),
            "</saml:NameID>",
            Refusal::Subject,
        ),
        ("Version=\"2.0\"", "Version=\"1.1\"", Refusal::Shape),
    ] {
        assert_eq!(
            idp.read(&changed(&idp, from, to)),
            Err(code),
            "{from} -> {to}"
        );
    }
}

#[test]
fn every_restriction_must_name_us() {
    let idp = Idp::rsa(2_048);
    let ours = format!("<saml:Audience>{AUDIENCE}</saml:Audience>");
    let other = "<saml:Audience>https://other.example</saml:Audience>";
    assert!(
        idp.read(&changed(&idp, &ours, &format!("{other}{ours}")))
            .is_ok()
    );
    let second = format!("{ours}</saml:AudienceRestriction><saml:AudienceRestriction>{other}");
    assert_eq!(
        idp.read(&changed(&idp, &ours, &second)),
        Err(Refusal::Audience)
    );
    let unknown = "</saml:AudienceRestriction><saml:Condition/></saml:Conditions>";
    assert_eq!(
        idp.read(&changed(
            &idp,
            "</saml:AudienceRestriction></saml:Conditions>",
            unknown
        )),
        Err(Refusal::Condition)
    );
}

#[test]
fn an_assertion_out_of_its_time_is_refused() {
    let idp = Idp::rsa(2_048);
    for (seconds, code) in [
        (-61, Refusal::NotYet),
        (-3_600, Refusal::NotYet),
        (360, Refusal::Expired),
        (86_400, Refusal::Expired),
    ] {
        let mut asked = idp.asked(&good(&idp));
        asked.now = now() + TimeDelta::seconds(seconds);
        assert_eq!(read(&asked), Err(code), "{}", at(seconds));
    }
    // Each end counts by itself.
    let condition = format!(
        "<saml:Conditions NotBefore=\"{}\" NotOnOrAfter=\"{}\"",
        at(0),
        at(300)
    );
    let confirmed = format!("Recipient=\"{ACS}\" NotOnOrAfter=\"{}\"", at(300));
    let spoken = format!("IssueInstant=\"{}\"", at(0));
    let session = "SessionIndex=\"_session\"";
    for (from, to, code) in [
        (
            &condition,
            format!("<saml:Conditions NotOnOrAfter=\"{}\"", at(-60)),
            Refusal::Expired,
        ),
        (
            &condition,
            format!("<saml:Conditions NotBefore=\"{}\"", at(61)),
            Refusal::NotYet,
        ),
        (
            &confirmed,
            format!("Recipient=\"{ACS}\" NotOnOrAfter=\"{}\"", at(-60)),
            Refusal::Expired,
        ),
        (&confirmed, format!("Recipient=\"{ACS}\""), Refusal::Shape),
        (
            &confirmed,
            format!("Recipient=\"{ACS}\" NotOnOrAfter=\"soon\""),
            Refusal::Shape,
        ),
        (
            &spoken,
            format!("IssueInstant=\"{}\"", at(61)),
            Refusal::NotYet,
        ),
        (&spoken, String::new(), Refusal::Shape),
        (
            &session.to_owned(),
            format!("SessionNotOnOrAfter=\"{}\"", at(-60)),
            Refusal::Expired,
        ),
    ] {
        assert_eq!(idp.read(&changed(&idp, from, &to)), Err(code), "{to}");
    }
}

#[test]
fn what_a_response_says_outside_must_fit_as_well() {
    let idp = Idp::rsa(2_048);
    let right = good(&idp);
    let request = format!("InResponseTo=\"{REQUEST}\"");
    let with = |from: &str, to: &str| idp.read(&right.replacen(from, to, 1));
    assert_eq!(with(&request, ""), Err(Refusal::Unsolicited));
    assert_eq!(
        with(&request, "InResponseTo=\"_x\""),
        Err(Refusal::InResponseTo)
    );
    let destination = format!("Destination=\"{ACS}\"");
    assert_eq!(
        with(&destination, "Destination=\"https://evil.example/\""),
        Err(Refusal::Destination)
    );
    assert_eq!(with(ISSUER, "https://evil.example"), Err(Refusal::Issuer));
    assert_eq!(
        with("status:Success", "status:Responder"),
        Err(Refusal::Status)
    );
    assert_eq!(with("samlp:Response", "samlp:Answer"), Err(Refusal::Xml));
    assert!(with(&format!(" {destination}"), "").is_ok());
}

#[test]
fn a_response_without_a_sign_in_at_the_provider_is_refused() {
    let idp = Idp::rsa(2_048);
    let text = assertion("_a1", ALICE);
    let from = text.find("<saml:AuthnStatement").unwrap();
    let to = text.find("<saml:AttributeStatement").unwrap();
    let without = format!("{}{}", &text[..from], &text[to..]);
    let read = idp.read(&response(&idp.sign(&without, "_a1")));
    assert_eq!(read, Err(Refusal::Shape));
}
