//! XML that is made to hurt whoever reads it.

use super::forge::{ALICE, Idp, good, read};
use crate::protocol::{Answer, MOST_XML_BYTES, Refusal};

fn laughs() -> String {
    let mut dtd = String::from("<!ENTITY l0 \"ha\">");
    for level in 1..12 {
        let ten = format!("&l{};", level - 1).repeat(10);
        dtd.push_str(&format!("<!ENTITY l{level} \"{ten}\">"));
    }
    format!("<!DOCTYPE r [{dtd}]>")
}

#[test]
fn document_types_and_entities_are_refused() {
    let idp = Idp::rsa(2_048);
    let right = good(&idp);
    for dtd in [
        String::from("<!DOCTYPE r>"),
        String::from("<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"),
        String::from("<!DOCTYPE r SYSTEM \"https://evil.example/x.dtd\">"),
        laughs(),
    ] {
        assert_eq!(
            idp.read(&format!("{dtd}{right}")),
            Err(Refusal::Dtd),
            "{dtd}"
        );
        // The parser's own rule, should the first look be gone round.
        assert!(crate::xml::Xml::parse(&format!("<?xml version=\"1.0\"?>\n{dtd}<r/>")).is_err());
    }
    let entity = right.replacen(ALICE, "&l0;", 1);
    assert_eq!(idp.read(&entity), Err(Refusal::Xml));
}

#[test]
fn what_is_huge_or_deep_is_refused() {
    let idp = Idp::rsa(2_048);
    let right = good(&idp);
    let huge = right.replacen(ALICE, &"a".repeat(MOST_XML_BYTES), 1);
    assert_eq!(idp.read(&huge), Err(Refusal::TooLarge));
    let mut asked = idp.asked("");
    asked.response = "A".repeat(2 * MOST_XML_BYTES);
    assert_eq!(read(&asked), Err(Refusal::TooLarge));
    let many = right.replacen(ALICE, &"<a/>".repeat(60_000), 1);
    assert_eq!(idp.read(&many), Err(Refusal::TooLarge));
    for depth in [41, 100_000] {
        let deep = format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert_eq!(idp.read(&deep), Err(Refusal::Xml), "{depth}");
    }
}

#[test]
fn what_is_no_xml_is_refused() {
    let idp = Idp::rsa(2_048);
    for text in [
        "",
        "x",
        "<a>",
        "<a></b>",
        "<a b='1' b='2'/>",
        "<a/><b/>",
        "<p:a/>",
        "&lt;",
    ] {
        assert!(idp.read(text).is_err(), "{text}");
    }
    let mut asked = idp.asked("");
    asked.response = String::from("not base64!");
    assert_eq!(read(&asked), Err(Refusal::Base64));
    asked.response = String::from("/v8=");
    assert_eq!(read(&asked), Err(Refusal::Xml), "no UTF-8");
}

#[test]
fn one_id_for_two_elements_is_refused() {
    let idp = Idp::rsa(2_048);
    let right = good(&idp);
    for (from, to) in [
        ("ID=\"_response\"", "ID=\"_a1\""),
        ("<samlp:Status>", "<samlp:Status id=\"_a1\">"),
        ("<samlp:Status>", "<samlp:Status xml:id=\"_a1\">"),
    ] {
        assert_eq!(
            idp.read(&right.replacen(from, to, 1)),
            Err(Refusal::DuplicateId),
            "{to}"
        );
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what the process would do")]
fn a_question_that_is_none_is_answered_with_a_refusal() {
    for bytes in [
        b"".as_slice(),
        b"{}",
        b"[]",
        b"\xff",
        b"{\"verb\":\"other\"}",
    ] {
        let answer = crate::answer_bytes(bytes);
        assert_eq!(
            answer,
            Answer::Refused {
                code: Refusal::Question
            }
        );
    }
}
