//! Versions and certificates (LM-31, LR-43, OB-28).

use std::io::{Read, Write};

use super::*;

fn shake_hands(
    address: SocketAddr,
    ca: PathBuf,
    version: SslVersion,
) -> Result<Option<Vec<u8>>, String> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_ca_file(ca).unwrap();
    // The library itself would refuse the old versions at its usual level.
    builder.set_security_level(0);
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
    builder.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap();
    #[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
    let socket = std::net::TcpStream::connect(address).unwrap();
    let stream = builder
        .build()
        .connect("127.0.0.1", socket)
        .map_err(|error| error.to_string())?;
    Ok(stream.ssl().selected_alpn_protocol().map(<[u8]>::to_vec))
}

/// LM-31. HTTP/2 is offered by the client and not taken.
#[tokio::test]
async fn tls_1_2_and_1_3_and_nothing_older() {
    let site = Site::start(House::empty().await).await;
    let ca = site.ca.write(site.directory.path()).unwrap();
    let address = site.running.address();
    let shake = |version| {
        let ca = ca.clone();
        tokio::task::spawn_blocking(move || shake_hands(address, ca, version))
    };
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        assert_eq!(
            shake(version).await.unwrap(),
            Ok(Some(b"http/1.1".to_vec()))
        );
    }
    for version in [SslVersion::TLS1, SslVersion::TLS1_1] {
        assert!(shake(version).await.unwrap().is_err());
    }
    site.running.stop().await;
}

/// Which of the suites that both know is ours to say (ASVS 12.1.2).
#[tokio::test]
async fn the_order_of_suites_is_the_servers() {
    let site = Site::start(House::empty().await).await;
    let ca = site.ca.write(site.directory.path()).unwrap();
    let address = site.running.address();
    let suites = [
        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
    ];
    for wish in [suites.join(":"), [suites[1], suites[0]].join(":")] {
        let ca = ca.clone();
        let agreed = tokio::task::spawn_blocking(move || agreed_suite(address, ca, &wish));
        let agreed = agreed.await.unwrap();
        assert!(agreed.ends_with("AES256-GCM-SHA384"), "{agreed}");
    }
    site.running.stop().await;
}

fn agreed_suite(address: SocketAddr, ca: PathBuf, wish: &str) -> String {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_ca_file(ca).unwrap();
    builder
        .set_max_proto_version(Some(SslVersion::TLS1_2))
        .unwrap();
    builder.set_cipher_list(wish).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
    let socket = std::net::TcpStream::connect(address).unwrap();
    let stream = builder.build().connect("127.0.0.1", socket).unwrap();
    stream.ssl().current_cipher().unwrap().name().to_owned()
}

/// A request that ends in two places is answered with a refusal, and what follows it on the connection is
/// never read as a request (RFC 9112, section 6.1).
#[tokio::test]
async fn a_length_beside_a_transfer_coding_smuggles_nothing() {
    let site = Site::start(House::empty().await).await;
    let ca = site.ca.write(site.directory.path()).unwrap();
    let address = site.running.address();
    let answers = tokio::task::spawn_blocking(move || smuggle(address, ca)).await;
    let answers = answers.unwrap();
    assert!(answers.starts_with("HTTP/1.1 400 "), "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    site.running.stop().await;
}

fn smuggle(address: SocketAddr, ca: PathBuf) -> String {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_ca_file(ca).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
    let socket = std::net::TcpStream::connect(address).unwrap();
    let mut stream = builder.build().connect("127.0.0.1", socket).unwrap();
    let request = "POST /api/console/v1/session HTTP/1.1\r\nhost: 127.0.0.1\r\nx-revkeep: 1\r\n\
                   content-type: application/json\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n\
                   0\r\n\r\nGET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answers = Vec::new();
    // The server closes the connection: whatever it sent before counts.
    let _ = stream.read_to_end(&mut answers);
    String::from_utf8(answers).unwrap()
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
    let site = Site::start(House::empty().await).await;
    let other = TestCa::new().unwrap();
    let stranger = client(&other);
    assert!(stranger.get(site.url("/health/live")).send().await.is_err());

    std::fs::write(&site.files.certificate, "no certificate").unwrap();
    assert!(matches!(
        site.running.certificate().reload(),
        Err(HttpError::Certificate { .. })
    ));
    let mismatch = other.leaf(&["127.0.0.1"]).unwrap();
    std::fs::write(&site.files.certificate, &mismatch.certificate).unwrap();
    assert!(
        site.running.certificate().reload().is_err(),
        "the key belongs to another certificate"
    );
    let fresh = client(&site.ca);
    assert!(
        fresh.get(site.url("/health/live")).send().await.is_ok(),
        "the old one stays"
    );

    std::fs::write(&site.files.key, &mismatch.key).unwrap();
    site.running.certificate().reload().unwrap();
    assert!(stranger.get(site.url("/health/live")).send().await.is_ok());
    site.running.stop().await;
}
