//! A simulator on the loopback with a certificate of its own, and a client that trusts it.

use std::sync::OnceLock;

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    x509::{X509, X509NameBuilder, extension::SubjectAlternativeName},
};
use reqwest::{Certificate, Client, Method, Response, redirect};
use serde_json::{Value as Json, json};

use crate::{
    Admin, CLIENT_ID, CLIENT_SECRET, Config, Running, USERNAME, start,
    wire::{GrantCommand, Granted},
};

pub(crate) struct Fixture {
    pub(crate) admin: Admin,
    pub(crate) http: Client,
    pub(crate) running: Running,
}

/// One self-signed certificate for all tests of the process: certificate and key, PEM.
fn certificate() -> &'static (Vec<u8>, Vec<u8>) {
    static MADE: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "localhost").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let serial = BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder
            .set_not_before(&Asn1Time::days_from_now(0).unwrap())
            .unwrap();
        builder
            .set_not_after(&Asn1Time::days_from_now(2).unwrap())
            .unwrap();
        let names = SubjectAlternativeName::new()
            .ip("127.0.0.1")
            .dns("localhost")
            .build(&builder.x509v3_context(None, None))
            .unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let key = key.private_key_to_pem_pkcs8().unwrap();
        (builder.build().to_pem().unwrap(), key)
    })
}

impl Fixture {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test's own client of a simulator on the loopback"
    )]
    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let (certificate, key) = certificate().clone();
        let mut config = Config::new(certificate.clone(), key, "admin-token");
        config.settings.refresh_hold_ms = 0;
        change(&mut config);
        let running = start(config).unwrap();
        let admin = running.admin(&certificate).unwrap();
        let http = Client::builder()
            .tls_certs_only(Certificate::from_pem_bundle(&certificate).unwrap())
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            admin,
            http,
            running,
        }
    }

    pub(crate) async fn grant(&self) -> Granted {
        let command = GrantCommand {
            username: USERNAME.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            scope: "api refresh_token".to_owned(),
        };
        self.admin.grant(&command).await.unwrap()
    }

    /// A refresh grant: status and body.
    pub(crate) async fn refresh(&self, token: &str) -> (u16, Json) {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
            .await
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> (u16, Json) {
        let client = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let form: Vec<_> = client.iter().chain(form).collect();
        let url = format!("{}/services/oauth2/token", self.running.url);
        read(self.http.post(url).form(&form).send().await.unwrap()).await
    }

    /// A call of the REST API below `/services/data/v65.0/`, with a body or without.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Json>,
    ) -> (u16, Json) {
        read(self.send(method, path, token, body).await.unwrap()).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Json>,
    ) -> reqwest::Result<Response> {
        let url = format!("{}/services/data/v65.0/{path}", self.running.url);
        let request = self.http.request(method, url).bearer_auth(token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await
    }

    pub(crate) async fn query(&self, token: &str, text: &str) -> (u16, Json) {
        let url = format!("{}/services/data/v65.0/query/", self.running.url);
        let request = self.http.get(url).query(&[("q", text)]).bearer_auth(token);
        read(request.send().await.unwrap()).await
    }

    /// Loads leads with these last names; answers their ids.
    pub(crate) async fn leads(&self, names: &[&str]) -> Vec<String> {
        let records: Vec<Json> = names
            .iter()
            .map(|name| json!({ "LastName": name, "Company": "Acme" }))
            .collect();
        let loaded = self.admin.load("Lead", &records).await.unwrap();
        loaded.ids.iter().map(ToString::to_string).collect()
    }
}

async fn read(response: Response) -> (u16, Json) {
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Json::Null))
}
