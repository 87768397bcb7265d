//! Signature wrapping, in the eight forms of Somorovsky et al. ("On Breaking SAML", 2012) and a few more: a
//! right signature of Alice's assertion, in a document that says Mallory.

use super::forge::{ALICE, DSIG, Form, HERE, Idp, MALLORY, assertion, changed, good, response};
use crate::{
    keys::keys,
    protocol::Refusal,
    signature,
    xml::{ASSERTION, SIGNATURE, Xml},
};

/// Alice's assertion in three parts: whole and signed, without its signature, and the signature alone.
struct Signed {
    idp: Idp,
    whole: String,
    bare: String,
    signature: String,
}

impl Signed {
    fn new() -> Self {
        let idp = Idp::rsa(2_048);
        let bare = assertion("_a1", ALICE).replace(HERE, "");
        let signature = idp.signature(&bare, "_a1", &Form::default());
        let whole = assertion("_a1", ALICE).replace(HERE, &signature);
        assert!(idp.read(&response(&whole)).is_ok());
        Self {
            idp,
            whole,
            bare,
            signature,
        }
    }

    /// Mallory's assertion with `inner` where a signature would stand.
    fn evil(id: &str, inner: &str) -> String {
        assertion(id, MALLORY).replace(HERE, inner)
    }

    fn refused(&self, code: Refusal, name: &str, inner: &str) {
        assert_eq!(self.idp.read(&response(inner)), Err(code), "{name}");
    }

    /// Alice's signature with `inner` in it.
    fn around(&self, inner: &str) -> String {
        self.signature.replace(
            "</ds:Signature>",
            &format!("<ds:Object>{inner}</ds:Object></ds:Signature>"),
        )
    }
}

#[test]
fn a_signed_assertion_beside_around_or_inside_a_forged_one_is_refused() {
    let signed = Signed::new();
    let Signed { whole, bare, .. } = &signed;
    for (id, two, moved) in [
        ("_a1", Refusal::DuplicateId, Refusal::Signature),
        ("_evil", Refusal::Several, Refusal::SignatureShape),
    ] {
        let evil = Signed::evil(id, "");
        let with = Signed::evil(id, &signed.signature);
        for (name, inner) in [
            ("3: before", format!("{evil}{whole}")),
            ("3: after", format!("{whole}{evil}")),
            (
                "4: around",
                evil.replace("</saml:Assertion>", &format!("{whole}</saml:Assertion>")),
            ),
            ("5: original behind", format!("{with}{bare}")),
            (
                "6: original in the signature",
                Signed::evil(id, &signed.around(bare)),
            ),
            (
                "7: in extensions",
                format!("<samlp:Extensions>{evil}</samlp:Extensions>{whole}"),
            ),
            (
                "7: original in extensions",
                format!("<samlp:Extensions>{whole}</samlp:Extensions>{evil}"),
            ),
            ("8: in an object", Signed::evil(id, &signed.around(whole))),
        ] {
            signed.refused(two, name, &inner);
        }
        signed.refused(moved, "signature moved", &with);
    }
    let value = Signed::evil("_evil", "").replacen(MALLORY, &format!("{MALLORY}{whole}"), 1);
    signed.refused(Refusal::Several, "in a value", &value);
}

/// The walls around it, each by itself: no stranger among a response's children, no signature anywhere
/// but where one belongs.
#[test]
fn nothing_stands_where_it_does_not_belong() {
    let signed = Signed::new();
    let Signed {
        whole, signature, ..
    } = &signed;
    let extended = format!("<samlp:Extensions><x/></samlp:Extensions>{whole}");
    signed.refused(Refusal::Shape, "extensions", &extended);
    let text = response(whole);
    let beside = text.replace("</samlp:Status>", &format!("{signature}</samlp:Status>"));
    assert_eq!(
        signed.idp.read(&beside),
        Err(Refusal::SignatureShape),
        "a signature in the status"
    );
}

#[test]
fn a_signed_response_inside_or_beside_a_forged_one_is_refused() {
    let idp = Idp::rsa(2_048);
    let inner = idp.sign(&assertion("_a1", ALICE), "_a1");
    let text = response(&inner).replace("<samlp:Status>", &format!("{HERE}<samlp:Status>"));
    let original = text.replace(HERE, "");
    let signature = idp.signature(&original, "_response", &Form::default());
    assert!(idp.read(&text.replace(HERE, &signature)).is_ok());

    let evil = response(&assertion("_evil", MALLORY).replace(HERE, ""));
    for (id, code) in [
        ("_response", Refusal::DuplicateId),
        ("_other", Refusal::Several),
    ] {
        let evil = evil.replace("ID=\"_response\"", &format!("ID=\"{id}\""));
        let object = signature.replace(
            "</ds:Signature>",
            &format!("<ds:Object>{original}</ds:Object></ds:Signature>"),
        );
        for (name, inserted) in [
            ("1", object),
            ("2", format!("{signature}{original}")),
            ("2, turned", format!("{original}{signature}")),
        ] {
            let forged = evil.replace("<samlp:Status>", &format!("{inserted}<samlp:Status>"));
            assert_eq!(idp.read(&forged), Err(code), "{name}");
        }
    }
}

/// The last wall, whatever the counting before it let through: a signature speaks for the element that
/// it stands in, and for no other.
#[test]
fn a_signature_speaks_for_its_own_parent_alone() {
    let signed = Signed::new();
    let evil = Signed::evil("_evil", &signed.signature);
    let text = response(&format!("{evil}{}", signed.bare));
    let xml = Xml::parse(&text).unwrap();
    let assertions = xml.named(xml.root, ASSERTION, "Assertion").unwrap();
    let moved = xml.named(assertions[0], SIGNATURE, "Signature").unwrap()[0];
    let trusted = keys(std::slice::from_ref(&signed.idp.certificate)).unwrap();
    for element in [assertions[0], assertions[1], xml.root] {
        assert_eq!(
            signature::verify(&xml, element, moved, &trusted),
            Err(Refusal::SignatureShape)
        );
    }
    // With the ID made right as well, the digest is not.
    let evil = Signed::evil("_a1", &signed.signature);
    assert_eq!(signed.idp.read(&response(&evil)), Err(Refusal::Signature));
}

#[test]
fn an_assertion_without_a_signature_of_its_own_is_refused() {
    let idp = Idp::rsa(2_048);
    let bare = assertion("_a1", ALICE).replace(HERE, "");
    assert_eq!(idp.read(&response(&bare)), Err(Refusal::Unsigned));
    let text = response(&bare).replace("<samlp:Status>", &format!("{HERE}<samlp:Status>"));
    assert_eq!(
        idp.read(&idp.sign(&text, "_response")),
        Err(Refusal::Unsigned)
    );
    // Nor does a wrong signature around count for less than none.
    let text = good(&idp).replace("<samlp:Status>", &format!("{HERE}<samlp:Status>"));
    let other = Idp::rsa(2_048);
    assert_eq!(
        idp.read(&other.sign(&text, "_response")),
        Err(Refusal::Signature)
    );
}

#[test]
fn a_text_that_a_comment_cuts_is_refused() {
    let idp = Idp::rsa(2_048);
    let inserted = good(&idp).replace(
        &format!("{ALICE}</saml:NameID>"),
        "alice@acme.example<!---->.evil.example</saml:NameID>",
    );
    assert_eq!(idp.read(&inserted), Err(Refusal::Comment));
    // Signed by the provider itself for another name, then cut: the signature still holds.
    let longer = changed(&idp, ALICE, "alice@acme.example.evil.example");
    assert!(idp.read(&longer).is_ok());
    let cut = longer.replace("example.evil.example", "example<!-- -->.evil.example");
    assert_eq!(idp.read(&cut), Err(Refusal::Comment));
    let cut = longer.replace("example.evil.example", "example<?x?>.evil.example");
    assert_eq!(idp.read(&cut), Err(Refusal::Comment));
}

#[test]
fn anything_that_is_changed_after_signing_is_refused() {
    let idp = Idp::rsa(2_048);
    let right = good(&idp);
    for (from, to) in [
        (ALICE, MALLORY),
        (">ops<", ">super<"),
        ("_session", "_session2"),
        ("ID=\"_a1\"", "ID=\"_a2\""),
    ] {
        assert!(idp.read(&right.replace(from, to)).is_err(), "{from}");
    }
    let twice = right.replace(
        "</ds:Signature>",
        &format!("</ds:Signature><x xmlns=\"{DSIG}\"/>"),
    );
    assert!(idp.read(&twice).is_err());
}

#[test]
fn encrypted_assertions_are_refused_by_name() {
    let idp = Idp::rsa(2_048);
    let encrypted =
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>";
    assert_eq!(idp.read(&response(encrypted)), Err(Refusal::Encrypted));
}
