//! `revkeep certificate` beside a running daemon: what it puts in place is served without a restart, what it
//! refuses changes nothing, and it goes back.

use std::{fs, path::Path, process::Command};

use kernel::{Clock as _, SystemClock};
use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkcs12::Pkcs12,
    pkey::PKey,
    ssl::{SslConnector, SslMethod, SslVerifyMode},
    x509::{X509, extension::SubjectAlternativeName},
};
use serde_json::Value;
use stack::{
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    tls::TestCa,
    world::World,
};
use tempfile::TempDir;

use crate::live::superuser;

/// The certificate that a browser is shown now.
fn served(daemon: &Daemon) -> X509 {
    let port = daemon.url.rsplit_once(':').unwrap().1.parse().unwrap();
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    let socket = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let stream = builder.build().connect("localhost", socket).unwrap();
    stream.ssl().peer_certificate().unwrap()
}

fn print(certificate: &X509) -> String {
    let digest = certificate.digest(MessageDigest::sha256()).unwrap();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn code(told: &Value) -> &str {
    told.pointer("/error/code")
        .and_then(Value::as_str)
        .unwrap_or("")
}

fn install(daemon: &Daemon, file: &Path, more: &[&str]) -> Value {
    let file = file.to_str().unwrap();
    daemon
        .command(&[&["certificate", "install", file], more].concat())
        .unwrap()
}

/// A daemon, an authority that is not its own, and the certificate that browsers were shown at first.
struct Site {
    world: World,
    daemon: Daemon,
    folder: TempDir,
    ca: TestCa,
    before: String,
}

impl Site {
    async fn start() -> Self {
        let world = World::start(Durability::Tests).await.unwrap();
        let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
        let before = print(&served(&daemon));
        Self {
            world,
            daemon,
            folder: TempDir::new().unwrap(),
            ca: TestCa::new().unwrap(),
            before,
        }
    }
}

#[tokio::test]
async fn what_an_authority_signs_is_served_at_once_and_taken_back() {
    let Site {
        world,
        daemon,
        folder,
        ca,
        before,
    } = Site::start().await;
    let client = daemon.client().unwrap();
    let live = format!("{}/health/live", daemon.url);
    assert!(
        client
            .get(&live)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );

    let asked = daemon
        .command(&["certificate", "request", "--name", "192.0.2.7"])
        .unwrap();
    assert_eq!(
        asked["names"],
        serde_json::json!(["localhost", "192.0.2.7"])
    );
    let request = fs::read(asked["request"].as_str().unwrap()).unwrap();
    assert_eq!(print(&served(&daemon)), before, "a request changes nothing");
    let mut pem = ca.signed(&request, &["localhost", "192.0.2.7"]).unwrap();
    // An authority sends its own certificate as well; the root is not passed on.
    pem.splice(0..0, ca.pem().unwrap());
    let file = folder.path().join("answer.pem");
    fs::write(&file, &pem).unwrap();
    let told = install(&daemon, &file, &[]);

    let now = served(&daemon);
    assert_eq!(told["fingerprint"], print(&now));
    assert_ne!(print(&now), before);
    assert_eq!(told["issuer"], "Revkeep test authority");
    assert_eq!(told["well"], true, "{told}");
    // A connection that was open before goes on.
    assert!(
        client
            .get(&live)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let on_record: i64 = count(&world, "certificate_reload");
    assert_eq!(on_record, 1);

    daemon.command(&["certificate", "undo"]).unwrap();
    assert_eq!(print(&served(&daemon)), before);
    let again = daemon.command(&["certificate", "undo"]).unwrap();
    assert_eq!(code(&again), "nothing_before", "{again}");
}

fn count(world: &World, action: &str) -> i64 {
    use diesel::{RunQueryDsl, dsl::sql, select, sql_types::BigInt};
    select(sql::<BigInt>(&format!(
        "(SELECT count(*) FROM audit_log WHERE action = '{action}')"
    )))
    .get_result(&mut superuser(world))
    .unwrap()
}

#[tokio::test]
async fn pkcs12_is_taken_with_its_password_alone() {
    let Site {
        world: _world,
        daemon,
        folder,
        ca,
        before,
    } = Site::start().await;
    let leaf = ca.leaf(&["localhost"]).unwrap();
    let certificate = X509::from_pem(&leaf.certificate).unwrap();
    let sealed = Pkcs12::builder()
        .name("server")
        .pkey(&PKey::private_key_from_pem(&leaf.key).unwrap())
        .cert(&certificate)
        .key_algorithm(Nid::AES_256_CBC)
        .cert_algorithm(Nid::AES_256_CBC)
        .build2("correct horse")
        .unwrap();
    let file = folder.path().join("server.p12");
    fs::write(&file, sealed.to_der().unwrap()).unwrap();
    let arguments = ["certificate", "install", file.to_str().unwrap()];

    let wrong = daemon.command_with(&arguments, "battery staple\n").unwrap();
    assert_eq!(code(&wrong), "password_wrong", "{wrong}");
    assert_eq!(print(&served(&daemon)), before);
    let told = daemon.command_with(&arguments, "correct horse\n").unwrap();
    assert_eq!(told["fingerprint"], print(&certificate), "{told}");
    assert_eq!(print(&served(&daemon)), print(&certificate));
}

#[tokio::test]
async fn what_browsers_would_refuse_is_not_taken() {
    let Site {
        world,
        daemon,
        folder,
        ca,
        before,
    } = Site::start().await;
    let own = ca.leaf(&["localhost"]).unwrap();
    let own = own.write(folder.path(), "own").unwrap();
    let other = ca.leaf(&["other.example"]).unwrap();
    let other = other.write(folder.path(), "other").unwrap();
    let weak = rsa_1024(folder.path());
    let over = ended(folder.path());
    let text = folder.path().join("text");
    fs::write(&text, "-----BEGIN NOTHING-----\n").unwrap();
    let key = |file: &Path| format!("--key={}", file.display());

    for (file, more, expected) in [
        (&own.certificate, vec![], "key_of_another"),
        (&own.certificate, vec![key(&other.key)], "key_of_another"),
        (&other.certificate, vec![key(&other.key)], "other_name"),
        (&weak.0, vec![key(&weak.1)], "key_weak"),
        (&over.0, vec![key(&over.1)], "not_valid_now"),
        (&text, vec![], "certificate_unreadable"),
        (&folder.path().join("none"), vec![], "certificate_file"),
    ] {
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let told = install(&daemon, file, &more);
        assert_eq!(code(&told), expected, "{told}");
        assert_eq!(print(&served(&daemon)), before, "{expected}");
    }
    let left: Vec<_> = fs::read_dir(world.directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".try") || name.ends_with(".former"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // And what may be taken is, with a key of its own.
    let told = install(&daemon, &own.certificate, &[&key(&own.key)]);
    assert_eq!(told["fingerprint"], print(&served(&daemon)));
}

/// By the system's own program: a key that browsers refuse.
fn rsa_1024(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let files = (folder.join("weak.pem"), folder.join("weak.key"));
    let run = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-newkey",
            "rsa:1024",
        ])
        .args([
            "-days",
            "30",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-out",
        ])
        .arg(&files.0)
        .arg("-keyout")
        .arg(&files.1)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    files
}

/// One that ended the day before yesterday.
fn ended(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let day =
        |days: i64| Asn1Time::from_unix(SystemClock.now().timestamp() + days * 86_400).unwrap();
    let key = PKey::from_ec_key(
        EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap(),
    )
    .unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&day(-30)).unwrap();
    builder.set_not_after(&day(-2)).unwrap();
    let name = SubjectAlternativeName::new()
        .dns("localhost")
        .build(&builder.x509v3_context(None, None))
        .unwrap();
    builder.append_extension(name).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let files = (folder.join("ended.pem"), folder.join("ended.key"));
    fs::write(&files.0, builder.build().to_pem().unwrap()).unwrap();
    fs::write(&files.1, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    files
}
