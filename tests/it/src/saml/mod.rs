//! SAML sign-in against a real database, with the real process that reads responses (OB-11, CX-14, CX-34).
//! What the reader refuses is tested in crate `saml`; a real provider signs people in in `tests/peers/saml`.

mod doors;
mod process;
mod responses;
mod settings;

use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use identity::sso::{
    Ended, Kind, Leaving, Protocol, Provider, ProviderInput, SamlInput, Sso, Started,
};
use kernel::{Clock, ProviderId, Secret};
use openssl::{
    asn1::Asn1Time,
    hash::{MessageDigest, hash},
    pkey::{PKey, Private},
    rsa::Rsa,
    sign::Signer,
    x509::{X509, X509NameBuilder},
};
use reqwest::Method;
use serde_json::json;

use crate::{
    console_desk::Desk,
    harness::{column, connect},
    live::until,
    sso::{Place, caller, code, egress},
};

const ENTITY: &str = "https://idp.example/entity";

/// A provider that signs what the test writes.
pub(crate) struct Idp {
    key: PKey<Private>,
    pub(crate) certificate: String,
    entity: &'static str,
}

/// Whom a response is about.
pub(crate) const GRACE: (&str, &str) = ("grace-1", "canary-grace@acme.example");

impl Idp {
    fn new() -> Self {
        Self::at(ENTITY)
    }

    pub(crate) fn at(entity: &'static str) -> Self {
        let key = PKey::from_rsa(Rsa::generate(2_048).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "idp.example").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        let day = Asn1Time::days_from_now(1).unwrap();
        builder.set_not_before(&day).unwrap();
        builder.set_not_after(&day).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let pem = builder.build().to_pem().unwrap();
        Self {
            key,
            certificate: String::from_utf8(pem).unwrap(),
            entity,
        }
    }

    pub(crate) fn input(&self) -> SamlInput {
        SamlInput {
            issuer: Some(self.entity.to_owned()),
            sign_in_url: Some(String::from("https://idp.example/in")),
            certificates: vec![self.certificate.clone()],
            ..SamlInput::default()
        }
    }

    /// A response with the assertion `id`, which is written in canonical form, so that its text is what
    /// is digested.
    pub(crate) fn response(
        &self,
        (entity_id, acs): (&str, &str),
        (request, id): (&str, &str),
        (subject, mail): (&str, &str),
        now: DateTime<Utc>,
    ) -> String {
        let issuer = self.entity;
        let at = |seconds| {
            let time: DateTime<Utc> = now + TimeDelta::seconds(seconds);
            time.to_rfc3339_opts(SecondsFormat::Secs, true)
        };
        let (begin, end) = (at(0), at(300));
        let assertion = format!(
            "<a:Assertion xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" IssueInstant=\"{begin}\" Version=\"2.0\">\
             <a:Issuer>{issuer}</a:Issuer><a:Subject><a:NameID>{subject}</a:NameID>\
             <a:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <a:SubjectConfirmationData InResponseTo=\"{request}\" NotOnOrAfter=\"{end}\" Recipient=\"{acs}\"></a:SubjectConfirmationData></a:SubjectConfirmation></a:Subject>\
             <a:Conditions NotBefore=\"{begin}\" NotOnOrAfter=\"{end}\"><a:AudienceRestriction><a:Audience>{entity}</a:Audience></a:AudienceRestriction></a:Conditions>\
             <a:AuthnStatement AuthnInstant=\"{begin}\"></a:AuthnStatement>\
             <a:AttributeStatement><a:Attribute Name=\"mail\"><a:AttributeValue>{mail}</a:AttributeValue></a:Attribute></a:AttributeStatement></a:Assertion>",
            entity = entity_id
        );
        let digest = STANDARD.encode(hash(MessageDigest::sha256(), assertion.as_bytes()).unwrap());
        let info = format!(
            "<d:SignedInfo xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"><d:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></d:CanonicalizationMethod>\
             <d:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></d:SignatureMethod><d:Reference URI=\"#{id}\"><d:Transforms>\
             <d:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></d:Transform><d:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></d:Transform></d:Transforms>\
             <d:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></d:DigestMethod><d:DigestValue>{digest}</d:DigestValue></d:Reference></d:SignedInfo>"
        );
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        let value = STANDARD.encode(signer.sign_oneshot_to_vec(info.as_bytes()).unwrap());
        let signature = format!(
            "<d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\">{info}<d:SignatureValue>{value}</d:SignatureValue></d:Signature>"
        );
        let signed = assertion.replacen("</a:Issuer>", &format!("</a:Issuer>{signature}"), 1);
        STANDARD.encode(format!(
            "<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r\" Version=\"2.0\" IssueInstant=\"{begin}\" InResponseTo=\"{request}\">\
             <p:Status><p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></p:Status>{signed}</p:Response>"
        ))
    }
}

/// What we are called there, and where its responses go.
pub(crate) fn ours(provider: &Provider) -> (&str, &str) {
    let addresses = &provider.saml.as_ref().unwrap().addresses;
    (&addresses.entity_id, &addresses.acs_url)
}

/// A sign-in that is on its way: what the browser carries.
pub(crate) struct Away {
    pub(crate) cookie: Secret<String>,
    pub(crate) state: String,
    pub(crate) request: String,
}

impl Away {
    pub(crate) fn begun(started: Started) -> Self {
        match started {
            Started::Away(leaving) => Self::of(leaving),
            Started::Directory(name) => panic!("{name} is a directory"),
        }
    }

    /// As the provider reads it out of the request.
    pub(crate) fn of(leaving: Leaving) -> Self {
        Self::at(&leaving.authorize_url, leaving.cookie)
    }

    pub(crate) fn at(authorize_url: &str, cookie: Secret<String>) -> Self {
        let state = authorize_url.split("RelayState=").nth(1).unwrap();
        let hash = hash(
            MessageDigest::sha256(),
            format!("revkeep saml request 1 {state}").as_bytes(),
        );
        let hex: String = hash.unwrap().iter().map(|b| format!("{b:02x}")).collect();
        Self {
            state: state.to_owned(),
            request: format!("_{hex}"),
            cookie,
        }
    }
}

struct Table {
    place: Place,
    idp: Idp,
    provider: Provider,
}

impl Table {
    async fn lay() -> Self {
        let place = Place::open().await;
        let idp = Idp::new();
        let who = place.who(&place.grant).await.unwrap();
        let input = form(Protocol::Saml(idp.input()));
        let provider = place.sso.provider_create(&who, input).await.unwrap();
        assert_eq!(provider.kind, Kind::Saml);
        Self {
            place,
            idp,
            provider,
        }
    }

    async fn leave(&self) -> Away {
        Away::begun(self.place.sso.start(self.provider.id).await.unwrap())
    }

    fn response(&self, away: &Away, id: &str) -> Secret<String> {
        let now = self.place.house.bed.clock.now();
        Secret::new(
            self.idp
                .response(ours(&self.provider), (&away.request, id), GRACE, now),
        )
    }

    async fn respond(
        &self,
        away: &Away,
        id: &str,
    ) -> Result<Secret<String>, identity::IdentityError> {
        let form = (Some(away.state.as_str()), self.response(away, id));
        self.place
            .sso
            .saml_respond(self.provider.id, form, &caller())
            .await
    }

    async fn complete(&self, ticket: &str, cookie: Option<&str>) -> &'static str {
        code(
            self.place
                .sso
                .saml_complete(ticket, cookie, &caller())
                .await,
        )
    }
}

fn form(protocol: Protocol) -> ProviderInput {
    ProviderInput {
        name: String::from("P"),
        enabled: true,
        groups_claim: String::from("groups"),
        role_map: Vec::new(),
        create_members: true,
        protocol,
    }
}
