//! SAML sign-in against a real database, with the real process that reads responses (OB-11, CX-14, CX-34).
//! What the reader refuses is tested in crate `saml`; a real provider signs people in in `tests/peers/saml`.

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

#[tokio::test]
async fn only_the_browser_that_began_ends_a_sign_in_and_once() {
    let table = Table::lay().await;
    let (away, other) = (table.leave().await, table.leave().await);
    for cookie in [None, Some("x"), Some(other.cookie.expose().as_str())] {
        let fresh = table.leave().await;
        let id = format!("_{}", fresh.state);
        let ticket = table.respond(&fresh, &id).await.unwrap();
        assert_eq!(
            table.complete(ticket.expose(), cookie).await,
            "sso_flow_void"
        );
        let own = Some(fresh.cookie.expose().as_str());
        assert_eq!(
            table.complete(ticket.expose(), own).await,
            "sso_flow_void",
            "void since"
        );
    }
    let ticket = table.respond(&away, "_1").await.unwrap();
    let own = Some(away.cookie.expose().as_str());
    assert_eq!(table.complete(ticket.expose(), own).await, "ok");
    assert_eq!(table.complete(ticket.expose(), own).await, "sso_flow_void");
    assert_eq!(code(table.respond(&away, "_2").await), "sso_flow_void");

    // The other's ticket is too old after two minutes.
    let ticket = table.respond(&other, "_3").await.unwrap();
    table.place.house.bed.clock.advance(TimeDelta::seconds(120));
    let own = Some(other.cookie.expose().as_str());
    assert_eq!(table.complete(ticket.expose(), own).await, "sso_flow_void");
}

#[tokio::test]
async fn an_assertion_counts_once_until_it_is_too_old_anyway() {
    let table = Table::lay().await;
    let first = table.leave().await;
    assert!(table.respond(&first, "_once").await.is_ok());
    let second = table.leave().await;
    assert_eq!(code(table.respond(&second, "_once").await), "saml_replayed");
    assert_eq!(
        table
            .place
            .house
            .rows("SELECT code FROM audit_log WHERE action = 'sign_in_refuse'"),
        ["saml_replayed"]
    );
    table.place.house.bed.clock.advance(TimeDelta::seconds(361));
    let third = table.leave().await;
    assert!(table.respond(&third, "_later").await.is_ok());
    assert_eq!(
        table
            .place
            .house
            .rows("SELECT count(*) FROM sso_assertions"),
        ["1"],
        "what is too old is forgotten"
    );
}

#[tokio::test]
async fn a_response_to_nobody_or_through_another_provider_is_refused() {
    let table = Table::lay().await;
    let away = table.leave().await;
    let sso = &table.place.sso;
    let respond = async |provider, state: Option<&str>, away: &Away| {
        let sent = (state, table.response(away, "_n"));
        code(sso.saml_respond(provider, sent, &caller()).await)
    };
    let own = table.provider.id;
    assert_eq!(respond(own, None, &away).await, "saml_unsolicited");
    assert_eq!(respond(own, Some(""), &away).await, "saml_unsolicited");
    assert_eq!(respond(own, Some("x"), &away).await, "sso_flow_void");
    let other = ProviderId::generate(&kernel::SystemClock);
    assert_eq!(
        respond(other, Some(&away.state), &away).await,
        "sso_flow_void"
    );
    // It says that it answers the first sign-in, and comes with the second's state.
    let (first, second) = (table.leave().await, table.leave().await);
    assert_eq!(
        respond(own, Some(&second.state), &first).await,
        "saml_in_response_to"
    );
    let old = table.leave().await;
    table.place.house.bed.clock.advance(TimeDelta::seconds(600));
    assert_eq!(respond(own, Some(&old.state), &old).await, "sso_flow_void");
}

#[tokio::test]
async fn somebody_new_becomes_a_member_of_the_providers_tenant_alone() {
    let table = Table::lay().await;
    let away = table.leave().await;
    let ticket = table.respond(&away, "_1").await.unwrap();
    let own = Some(away.cookie.expose().as_str());
    let (sso, caller) = (&table.place.sso, caller());
    let done = sso.saml_complete(ticket.expose(), own, &caller).await;
    let Ended::SignedIn(grant) = done.unwrap() else {
        panic!("nothing was to be linked");
    };
    assert_eq!(grant.view.tenant.tenant_id, table.place.tenant.uuid());
    let rows = |sql: &str| table.place.house.rows(sql);
    assert_eq!(
        rows("SELECT issuer || ' ' || subject FROM sso_identities"),
        [format!("{ENTITY} grace-1")]
    );
    assert_eq!(
        rows(
            "SELECT roles::text || home_tenant_id::text FROM memberships JOIN users USING (user_id) WHERE NOT owner"
        ),
        [format!("{{member}}{}", table.place.tenant.uuid())]
    );
    assert_eq!(
        rows("SELECT count(*) FROM sessions WHERE sso_tenant_id = tenant_id"),
        ["1"]
    );
    assert_eq!(
        rows(
            "SELECT DISTINCT action FROM audit_log WHERE actor_id = (SELECT 'user_' || replace(user_id::text, '-', '') FROM sso_identities) ORDER BY 1"
        ),
        ["identity_link", "member_create", "sign_in", "user_create"]
    );
    // Nobody without a tenant sees any of it.
    let mut app = connect(&table.place.house.bed.database, "revkeep_auth");
    assert_eq!(
        column(&mut app, "SELECT count(*) FROM sso_identities"),
        ["0"]
    );
    assert_eq!(column(&mut app, "SELECT count(*) FROM sso_tickets"), ["0"]);
}

/// What an administrator types is a request of ours: it passes the guard as every other.
#[tokio::test]
async fn metadata_by_address_is_fetched_from_nowhere_inside() {
    let place = Place::open().await;
    let fetch = async |url: &str| code(place.sso.saml_metadata_fetch(url).await);
    for url in [
        "https://127.0.0.1/metadata",
        "https://[::1]/metadata",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.7:8443/metadata",
    ] {
        assert_eq!(fetch(url).await, "egress_refused", "{url}");
    }
    for url in [
        "http://idp.example/metadata",
        "file:///etc/passwd",
        "https://user@idp.example/",
        "",
    ] {
        assert!(
            ["saml_address_invalid", "text_invalid"].contains(&fetch(url).await),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_provider_that_could_never_work_is_not_stored() {
    let place = Place::open().await;
    let who = place.who(&place.grant).await.unwrap();
    let idp = Idp::new();
    let create = async |change: fn(&mut SamlInput)| {
        let mut input = idp.input();
        change(&mut input);
        code(
            place
                .sso
                .provider_create(&who, form(Protocol::Saml(input)))
                .await,
        )
    };
    for (change, wanted) in [
        (
            (|input| input.metadata = Some(String::from("<!DOCTYPE a><a/>"))) as fn(&mut SamlInput),
            "saml_metadata_invalid",
        ),
        (|input| input.issuer = None, "text_invalid"),
        (
            |input| input.sign_in_url = Some(String::from("http://idp.example/")),
            "saml_address_invalid",
        ),
        (
            |input| input.sign_in_url = Some(String::from("javascript:alert(1)")),
            "saml_address_invalid",
        ),
        (
            |input| input.sign_out_url = Some(String::from("ftp://idp.example/")),
            "saml_address_invalid",
        ),
        (
            |input| input.certificates.clear(),
            "saml_certificate_invalid",
        ),
        (
            |input| input.certificates = vec![String::from("x")],
            "saml_certificate_invalid",
        ),
        (
            |input| input.certificates = vec![input.certificates[0].clone(); 11],
            "saml_certificate_invalid",
        ),
        (|_| {}, "ok"),
    ] {
        assert_eq!(create(change).await, wanted);
    }
}

/// The process as the kernel sees it, before it has read a byte.
#[tokio::test]
async fn the_process_that_reads_has_no_rights_and_little_of_everything() {
    let mut process = Command::new(stack::simulator::built("revkeep").unwrap())
        .arg("saml-verify")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let read =
        |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", process.id())).unwrap();
    let status = until("the process enters its sandbox", async || {
        let status = read("status");
        if status.contains("Seccomp:\t2") {
            Ok(status)
        } else {
            Err(status)
        }
    })
    .await;
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    assert!(status.contains("Threads:\t1"), "{status}");
    let limits = read("limits");
    for (name, most) in [
        ("Max data size", "67108864"),
        ("Max cpu time", "2"),
        ("Max open files", "3"),
        ("Max processes", "0"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let hard = line.trim_start_matches(name).split_whitespace().nth(1);
        assert_eq!(hard, Some(most), "{line}");
    }
    drop(process.stdin.take());
    let output = process.wait_with_output().unwrap();
    assert_eq!(
        output.stdout,
        b"{\"answer\":\"refused\",\"code\":\"question\"}"
    );
}

/// A stand-in for the program says how it was started, and then never ends.
#[tokio::test]
async fn the_process_gets_no_environment_no_descriptor_and_two_seconds() {
    let place = Place::open().await;
    let directory = tempfile::tempdir().unwrap();
    let (program, told) = (
        directory.path().join("reader"),
        directory.path().join("told"),
    );
    let script = format!(
        "#!/bin/sh\necho \"$@\" >{0}\n/usr/bin/env >>{0}\n/bin/ls -l /proc/$$/fd >>{0}\nexec /bin/sleep 600\n",
        told.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let sso = Sso::new(
        place.house.identity.clone(),
        &egress(),
        "https://revkeep.example",
        &program,
    );
    let who = place.who(&place.grant).await.unwrap();
    let input = SamlInput {
        metadata: Some(String::from("<a/>")),
        ..SamlInput::default()
    };
    // Open in this process, as are the sockets to the database.
    let _secret = std::fs::File::create(directory.path().join("secret")).unwrap();
    let started = std::time::Instant::now();
    let done = sso.provider_create(&who, form(Protocol::Saml(input))).await;
    assert_eq!(code(done), "saml_reader_failed");
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "it was waited for"
    );
    let told = std::fs::read_to_string(told).unwrap();
    let (head, descriptors) = told.split_once("total ").unwrap();
    let (arguments, environment) = head.split_once('\n').unwrap();
    assert_eq!(arguments, "saml-verify");
    for line in environment.lines() {
        let shells_own = ["PWD=", "OLDPWD=", "SHLVL=", "_="];
        assert!(
            shells_own.iter().any(|name| line.starts_with(name)),
            "{line}"
        );
    }
    assert!(
        descriptors.contains("reader"),
        "the shell's own script: {descriptors}"
    );
    for foreign in ["socket:", "secret"] {
        assert!(!descriptors.contains(foreign), "{descriptors}");
    }
}

#[tokio::test]
async fn the_doors_of_a_provider_answer_browsers_and_take_no_cookie() {
    let desk = Desk::open().await;
    let body = json!({
        "kind": "saml", "name": "P", "enabled": false, "create_members": false,
        "saml": { "issuer": ENTITY, "sign_in_url": "https://idp.example/in", "certificates": [Idp::new().certificate] },
    });
    let provider = desk.post("/sso/providers", body).await;
    let id = provider["id"].as_str().unwrap();
    assert_eq!(
        provider["saml"]["certificates"][0]["subject"],
        "idp.example"
    );
    assert_eq!(provider["redirect_uri"], provider["saml"]["acs_url"]);
    for (body, error) in [
        ("", "saml_form"),
        ("SAMLResponse=x", "saml_unsolicited"),
        ("SAMLResponse=x&RelayState=x", "sso_flow_void"),
    ] {
        let answer = desk.form(&format!("/sso/saml/{id}/acs"), body).await;
        let to = answer.headers()["location"].to_str().unwrap().to_owned();
        let page = format!("https://revkeep.example/sso/saml#error={error}");
        assert_eq!((answer.status().as_u16(), to), (303, page));
        assert!(answer.headers().get("set-cookie").is_none());
    }
    let (status, told) = desk
        .call(
            Method::POST,
            "/sso/saml/complete",
            Some(&json!({ "ticket": "x" })),
        )
        .await;
    assert_eq!(
        (status, told["code"].as_str()),
        (401, Some("sso_flow_void"))
    );
    desk.running.stop().await;
}
