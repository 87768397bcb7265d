//! An identity provider in the test: it writes responses, and signs what it is told to sign, rightly or not.

use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_xml::NodeSet;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    hash::{MessageDigest, hash},
    nid::Nid,
    pkey::{Id, PKey, Private},
    rsa::Rsa,
    sign::Signer,
    x509::{X509, X509NameBuilder},
};

use crate::protocol::{Answer, Asked, Claims, Question, Refusal};

pub(super) const ISSUER: &str = "https://idp.example/entity";
pub(super) const AUDIENCE: &str = "https://revkeep.example/sso/saml/p/metadata";
pub(super) const ACS: &str = "https://revkeep.example/sso/saml/p/acs";
pub(super) const REQUEST: &str = "_request-1";
/// Where a signature is to stand.
pub(super) const HERE: &str = "{signature}";

pub(super) const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";
pub(super) const ENC: &str = "http://www.w3.org/2001/04/xmlenc#";
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub(super) fn at(seconds: i64) -> String {
    (now() + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) struct Idp {
    key: PKey<Private>,
    pub(super) certificate: String,
}

impl Idp {
    pub(super) fn rsa(bits: u32) -> Self {
        Self::of(PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap())
    }

    pub(super) fn ec(curve: Nid) -> Self {
        let group = EcGroup::from_curve_name(curve).unwrap();
        Self::of(PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap())
    }

    fn of(key: PKey<Private>) -> Self {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "idp.example").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let serial = BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        // Long over: what counts is the administrator's word, not a certificate's dates.
        builder
            .set_not_before(&Asn1Time::from_unix(1).unwrap())
            .unwrap();
        builder
            .set_not_after(&Asn1Time::from_unix(2).unwrap())
            .unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let der = builder.build().to_der().unwrap();
        Self {
            key,
            certificate: STANDARD.encode(der),
        }
    }

    /// Puts a signature of the element with `id` where `HERE` stands in `xml`.
    pub(super) fn sign(&self, xml: &str, id: &str) -> String {
        self.sign_as(xml, id, &Form::default())
    }

    pub(super) fn sign_as(&self, xml: &str, id: &str, form: &Form) -> String {
        let signature = self.signature(&xml.replace(HERE, ""), id, form);
        xml.replace(HERE, &signature)
    }

    /// A signature of the element with `id` of `xml`, which holds none yet.
    pub(super) fn signature(&self, xml: &str, id: &str, form: &Form) -> String {
        let digest = hash(form.digest, &canonical(xml, id)).unwrap();
        let info = form.info(
            &form.reference.replace("{id}", id),
            &STANDARD.encode(digest),
        );
        let whole = format!("<ds:Signature xmlns:ds=\"{DSIG}\">{info}</ds:Signature>");
        let signed = canonical_first_child(&whole);
        let value = match &form.secret {
            Some(secret) => mac(secret, &signed),
            None => self.value(&signed, form),
        };
        whole.replace(
            "</ds:Signature>",
            &format!(
                "<ds:SignatureValue>{}</ds:SignatureValue>{}</ds:Signature>",
                STANDARD.encode(value),
                form.after
            ),
        )
    }

    fn value(&self, bytes: &[u8], form: &Form) -> Vec<u8> {
        let mut signer = Signer::new(form.hash, &self.key).unwrap();
        let made = signer.sign_oneshot_to_vec(bytes).unwrap();
        if self.key.id() != Id::EC {
            return made;
        }
        let size = i32::try_from(self.key.bits().div_ceil(8)).unwrap();
        let pair = EcdsaSig::from_der(&made).unwrap();
        let mut value = pair.r().to_vec_padded(size).unwrap();
        value.extend(pair.s().to_vec_padded(size).unwrap());
        value
    }

    /// What the reader is asked, with this provider's certificate as the one that is trusted.
    pub(super) fn asked(&self, xml: &str) -> Asked {
        Asked {
            response: STANDARD.encode(xml),
            issuer: ISSUER.to_owned(),
            certificates: vec![self.certificate.clone()],
            audience: AUDIENCE.to_owned(),
            acs_url: ACS.to_owned(),
            in_response_to: REQUEST.to_owned(),
            now: now(),
            skew_seconds: 60,
        }
    }

    pub(super) fn read(&self, xml: &str) -> Result<Claims, Refusal> {
        read(&self.asked(xml))
    }
}

pub(super) fn read(asked: &Asked) -> Result<Claims, Refusal> {
    match crate::answer(&Question::Response(asked.clone())) {
        Answer::Claims(claims) => Ok(claims),
        Answer::Refused { code } => Err(code),
        Answer::Metadata(_) => panic!("claims were asked for"),
    }
}

fn mac(secret: &[u8], bytes: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(secret).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    signer.sign_oneshot_to_vec(bytes).unwrap()
}

/// How a signature is written.
pub(super) struct Form {
    pub(super) method: String,
    pub(super) hash: MessageDigest,
    pub(super) digest_method: String,
    pub(super) digest: MessageDigest,
    pub(super) canonicalisation: String,
    pub(super) transforms: String,
    /// `{id}` stands for the element's ID.
    pub(super) reference: String,
    /// After the signature's value: KeyInfo, Object.
    pub(super) after: String,
    /// A shared secret in place of the key.
    pub(super) secret: Option<Vec<u8>>,
    /// A second reference, or nothing.
    pub(super) more: String,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            method: format!("{MORE}rsa-sha256"),
            hash: MessageDigest::sha256(),
            digest_method: format!("{ENC}sha256"),
            digest: MessageDigest::sha256(),
            canonicalisation: EXCLUSIVE.to_owned(),
            transforms: format!(
                "<ds:Transform Algorithm=\"{DSIG}enveloped-signature\"/><ds:Transform Algorithm=\"{EXCLUSIVE}\"/>"
            ),
            reference: String::from("#{id}"),
            after: String::new(),
            secret: None,
            more: String::new(),
        }
    }
}

impl Form {
    fn info(&self, uri: &str, digest: &str) -> String {
        format!(
            "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"{}\"/><ds:SignatureMethod Algorithm=\"{}\"/>\
             <ds:Reference URI=\"{uri}\"><ds:Transforms>{}</ds:Transforms><ds:DigestMethod Algorithm=\"{}\"/>\
             <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>{}</ds:SignedInfo>",
            self.canonicalisation, self.method, self.transforms, self.digest_method, self.more
        )
    }
}

fn canonical(xml: &str, id: &str) -> Vec<u8> {
    let doc = uppsala::parse(xml).unwrap();
    let nodes = doc.descendants(doc.root());
    let element = nodes
        .into_iter()
        .find(|node| doc.get_attribute(*node, "ID") == Some(id))
        .unwrap();
    let set = NodeSet::tree_without_comments(element, &doc);
    canonicalize_doc::<&str>(&doc, C14nMode::Exclusive, Some(&set), &[]).unwrap()
}

fn canonical_first_child(xml: &str) -> Vec<u8> {
    let doc = uppsala::parse(xml).unwrap();
    let child = doc.first_child(doc.document_element().unwrap()).unwrap();
    let set = NodeSet::tree_without_comments(child, &doc);
    canonicalize_doc::<&str>(&doc, C14nMode::Exclusive, Some(&set), &[]).unwrap()
}

/// An assertion about Alice that is right in everything; tests replace parts of its text.
pub(super) fn assertion(id: &str, subject: &str) -> String {
    format!(
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\">\
         <saml:Issuer>{ISSUER}</saml:Issuer>{HERE}\
         <saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">{subject}</saml:NameID>\
         <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
         <saml:SubjectConfirmationData InResponseTo=\"{REQUEST}\" Recipient=\"{ACS}\" NotOnOrAfter=\"{end}\"/></saml:SubjectConfirmation></saml:Subject>\
         <saml:Conditions NotBefore=\"{now}\" NotOnOrAfter=\"{end}\"><saml:AudienceRestriction><saml:Audience>{AUDIENCE}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
         <saml:AuthnStatement AuthnInstant=\"{now}\" SessionIndex=\"_session\"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
         <saml:AttributeStatement><saml:Attribute Name=\"mail\"><saml:AttributeValue>{subject}</saml:AttributeValue></saml:Attribute>\
         <saml:Attribute Name=\"groups\"><saml:AttributeValue>ops</saml:AttributeValue><saml:AttributeValue>all</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>\
         </saml:Assertion>",
        now = at(0),
        end = at(300),
    )
}

pub(super) fn response(inner: &str) -> String {
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_response\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{ACS}\" InResponseTo=\"{REQUEST}\">\
         <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{ISSUER}</saml:Issuer>\
         <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{inner}</samlp:Response>",
        at(0)
    )
}

pub(super) const ALICE: &str = "alice@acme.example";
pub(super) const MALLORY: &str = "mallory@evil.example";

/// A right response about Alice.
pub(super) fn good(idp: &Idp) -> String {
    response(&idp.sign(&assertion("_a1", ALICE), "_a1"))
}

/// The right response, with `from` made `to` before anything is signed.
pub(super) fn changed(idp: &Idp, from: &str, to: &str) -> String {
    let text = assertion("_a1", ALICE);
    assert!(text.contains(from), "{from}");
    response(&idp.sign(&text.replace(from, to), "_a1"))
}
