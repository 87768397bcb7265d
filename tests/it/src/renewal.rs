//! The certificate renewed by the daemon itself, from a real authority (OpenBao's, RFC 8555) that knocks at
//! port 443 of the name before it issues (RFC 8737).

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::{PermissionsExt as _, chown},
};

use openssl::{
    ssl::{SslConnector, SslMethod, SslVerifyMode},
    x509::X509,
};
use reqwest::Method;
use serde_json::{Value, json};
use stack::{
    accounts,
    cable::Cable,
    daemon::{Daemon, DaemonOptions},
    names::Names,
    ports,
    postgres::Durability,
    tls::TestCa,
    world::World,
};

use crate::live::{superuser, until};

const NAME: &str = "revkeep.acme.test";
const ISSUER: &str = "An authority of the intranet";

/// An address of this machine's own that nothing else of a test uses: the authority asks for port 443 and
/// no other.
fn own_address() -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 64, middle, low | 1)
}

/// OpenBao issues for whatever proves to have its name, which it looks up at `names`.
async fn authority(world: &World, names: &Names) -> String {
    let bao = &world.openbao;
    let at = format!("{}/v1/pki", bao.address());
    let headers = ["Replay-Nonce", "Link", "Location", "Retry-After"];
    for (path, body) in [
        ("sys/mounts/pki", json!({ "type": "pki" })),
        (
            "sys/mounts/pki/tune",
            json!({ "allowed_response_headers": headers, "max_lease_ttl": "87600h" }),
        ),
        (
            "pki/root/generate/internal",
            json!({ "common_name": ISSUER, "ttl": "87600h" }),
        ),
        ("pki/config/cluster", json!({ "path": at })),
        (
            "pki/config/acme",
            json!({ "enabled": true, "eab_policy": "not-required", "dns_resolver": names.address.to_string() }),
        ),
    ] {
        let (status, said) = bao.request(Method::POST, path, Some(body)).await.unwrap();
        assert!(status.is_success(), "{path}: {status} {said}");
    }
    format!("{at}/acme/directory")
}

/// A daemon that serves a certificate for another name, and is to renew it.
async fn daemon(world: &World, directory: &str, port: u16) -> Daemon {
    let file = world.directory().join("renewed").join("server.pem");
    let folder = file.parent().unwrap();
    fs::create_dir(folder).unwrap();
    let leaf = TestCa::new().unwrap().leaf(&["localhost"]).unwrap();
    fs::write(&file, [leaf.key, leaf.certificate].concat()).unwrap();
    let account = accounts::account(accounts::DAEMON).unwrap();
    for path in [folder, &file] {
        chown(path, Some(account.uid), Some(account.gid)).unwrap();
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let trusted = world.directory().join("trusted.pem");
    let both = [
        fs::read(&world.ca_file).unwrap(),
        fs::read(world.openbao.ca_file()).unwrap(),
    ];
    fs::write(&trusted, both.concat()).unwrap();
    let options = DaemonOptions {
        port: Some(port),
        endpoints: vec![
            world
                .openbao
                .address()
                .trim_start_matches("https://")
                .to_owned(),
        ],
        instead: format!(
            "[site]\npublic_url = \"https://{NAME}\"\n\
             [server]\ncertificate = {file:?}\nprivate_key = {file:?}\n\
             [acme]\ndirectory = {directory:?}\ncontact = \"it@acme.example\"\n\
             [egress]\nca_file = {trusted:?}\n"
        ),
        do_not_wait: true,
        ..DaemonOptions::default()
    };
    world.daemon(options).await.unwrap()
}

/// What a client is shown that speaks `protocols`.
fn shown(address: SocketAddr, protocols: &[u8]) -> Result<X509, String> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_alpn_protos(protocols).unwrap();
    let socket = TcpStream::connect(address).map_err(|error| error.to_string())?;
    let stream = builder
        .build()
        .connect(NAME, socket)
        .map_err(|error| error.to_string())?;
    stream
        .ssl()
        .peer_certificate()
        .ok_or_else(|| "nothing".to_owned())
}

const HTTP: &[u8] = b"\x08http/1.1";
const CHALLENGE: &[u8] = b"\x0aacme-tls/1";

fn issuer(certificate: &X509) -> String {
    let entry = certificate.issuer_name().entries().next().unwrap();
    String::from_utf8(entry.data().as_slice().to_vec()).unwrap()
}

fn renewals(world: &World, outcome: &str) -> i64 {
    use diesel::{RunQueryDsl, dsl::sql, select, sql_types::BigInt};
    select(sql::<BigInt>(&format!(
        "(SELECT count(*) FROM audit_log WHERE action = 'certificate_renew' AND outcome = '{outcome}')"
    )))
    .get_result(&mut superuser(world))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_asked_for_proven_and_served_without_a_hand() {
    let world = World::start(Durability::Tests).await.unwrap();
    let (at, port) = (own_address(), ports::free().unwrap());
    let names = Names::serve(NAME, at).unwrap();
    let directory = authority(&world, &names).await;
    let address = SocketAddr::from((at, 443));
    let _cable = Cable::from(address, port).unwrap();
    let daemon = daemon(&world, &directory, port).await;

    let certificate = until("no certificate was issued", async || {
        match shown(address, HTTP) {
            Ok(leaf) if issuer(&leaf) == ISSUER => Ok(leaf),
            other => Err(format!("{other:?}\n{}", daemon.log())),
        }
    })
    .await;
    assert_eq!(
        certificate
            .subject_alt_names()
            .unwrap()
            .get(0)
            .unwrap()
            .dnsname(),
        Some(NAME)
    );
    until("the renewal is not on record", async || {
        (renewals(&world, "done") == 1)
            .then_some(())
            .ok_or_else(|| daemon.log())
    })
    .await;
    let folder = world.directory().join("renewed");
    for name in ["server.pem", "acme-account.json"] {
        let mode = fs::metadata(folder.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    // Nobody is challenged any more, so that nobody gets an answer.
    assert!(shown(address, CHALLENGE).is_err());
    let told = daemon.command(&["certificate", "show"]).unwrap();
    assert_eq!(
        (&told["well"], &told["renewed_from"]),
        (&json!(true), &json!(directory))
    );
    let refused = daemon.command(&["certificate", "request"]).unwrap();
    assert_eq!(
        refused.pointer("/error/code"),
        Some(&Value::from("renewed_by_daemon"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_name_leads_elsewhere_none_is_issued_and_the_former_is_served() {
    let world = World::start(Durability::Tests).await.unwrap();
    let port = ports::free().unwrap();
    // Nobody listens there.
    let names = Names::serve(NAME, Ipv4Addr::new(127, 63, 255, 254)).unwrap();
    let directory = authority(&world, &names).await;
    let daemon = daemon(&world, &directory, port).await;

    until("the failure is not on record", async || {
        (renewals(&world, "failed") == 1)
            .then_some(())
            .ok_or_else(|| daemon.log())
    })
    .await;
    let leaf = shown(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), HTTP).unwrap();
    assert_eq!(issuer(&leaf), "Revkeep test authority");
    let told = daemon.command(&["check"]).unwrap();
    let said = told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["subject"] == "renewal")
        .unwrap_or_else(|| panic!("{told}"));
    assert_eq!(said["verdict"], "warn", "{said}");
    assert!(
        said["detail"].as_str().unwrap().contains("failed 1 times"),
        "{said}"
    );
}
