//! Versions and certificates (LM-31, LR-43, OB-28).

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
