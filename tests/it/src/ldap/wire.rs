//! What stands between Revkeep and a directory, and what a directory may answer.

use std::sync::{Arc, Mutex};

use identity::sso::LdapSignIn;
use kernel::Secret;
use stack::{
    directory::{ACCOUNT, PASSWORD},
    tls::TestCa,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{Table, from, input, reaching};
use crate::sso::code;

/// What a server on the way says to StartTLS, and all that it is sent.
async fn stripper(answer: &'static [u8]) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut first = [0; 31];
            let _ = stream.read_exact(&mut first).await;
            kept.lock().unwrap().extend_from_slice(&first);
            let _ = stream.write_all(answer).await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            kept.lock().unwrap().extend_from_slice(&rest);
        }
    });
    (port, heard)
}

#[tokio::test]
async fn without_trusted_tls_not_a_word_is_said() {
    let table = Table::lay().await;
    let refused = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00";
    // It agrees, and has the answer to a bind ready that nobody asked for under TLS.
    let injected = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
    let nested: &'static [u8] = Box::leak(deep().into_boxed_slice());
    let huge = b"\x30\x84\x7f\xff\xff\xff";
    for (answer, audited) in [
        (refused.as_slice(), "ldap_starttls_refused"),
        (injected.as_slice(), "ldap_not_trusted"),
        (nested, "ldap_malformed"),
        (huge.as_slice(), "ldap_too_large"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(),
            "ldap_malformed",
        ),
    ] {
        let (port, heard) = stripper(answer).await;
        let sso = reaching(&table.place, &[port]);
        let mut settings = table.settings();
        settings.servers = vec![format!("ldap://localhost:{port}")];
        let provider = sso
            .provider_create(&table.who, input(settings))
            .await
            .unwrap();
        let typed = LdapSignIn {
            provider: provider.id,
            user: String::from("ada"),
            password: Secret::new(PASSWORD.to_owned()),
        };
        let done = sso.ldap_sign_in(typed, &from("192.0.2.1")).await;
        assert_eq!(code(done), "ldap_unreachable");
        assert_eq!(table.refusals().last().map(String::as_str), Some(audited));
        let heard = heard.lock().unwrap().clone();
        for secret in ["Canary", "ada", "cn=revkeep"] {
            let found = heard
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} went out in the clear");
        }
        assert!(heard.starts_with(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"));
        sso.provider_delete(&table.who, provider.id).await.unwrap();
    }
    let failures = table.rows("SELECT sum(failures) FROM attempt_counters WHERE scope IN ('directory_account', 'sign_in_address')");
    assert_eq!(failures, ["0"], "nobody has failed at anything");
}

/// An answer of a hundred thousand levels.
fn deep() -> Vec<u8> {
    let mut bytes = Vec::new();
    let levels = 100_000_u32;
    for level in 0..levels {
        bytes.extend_from_slice(&[0x30, 0x84]);
        bytes.extend_from_slice(&((levels - level - 1) * 6).to_be_bytes());
    }
    bytes
}

#[tokio::test]
async fn a_server_proves_its_name_by_the_providers_own_authority() {
    let table = Table::lay().await;
    let other = TestCa::new().unwrap();
    let mut settings = table.settings();
    settings.ca = Some(String::from_utf8(other.pem().unwrap()).unwrap());
    let stranger = table.provider(settings).await;
    assert_eq!(
        code(table.enter(&stranger, "ada", PASSWORD).await),
        "ldap_unreachable"
    );
    let mut settings = table.settings();
    settings.ca = None;
    let system = table.provider(settings).await;
    assert_eq!(
        code(table.enter(&system, "ada", PASSWORD).await),
        "ldap_unreachable"
    );
    assert_eq!(table.refusals(), ["ldap_not_trusted", "ldap_not_trusted"]);
    assert_eq!(table.slapd.binds(ACCOUNT), 0);

    // One of several servers is enough, when it is a right one.
    let mut settings = table.settings();
    settings
        .servers
        .insert(0, String::from("ldaps://localhost:9"));
    let several = table.provider(settings).await;
    assert!(table.enter(&several, "ada", PASSWORD).await.is_ok());

    let misnamed = Table::with_names(&["directory.corp.example"]).await;
    let provider = misnamed.provider(misnamed.settings()).await;
    assert_eq!(
        code(misnamed.enter(&provider, "ada", PASSWORD).await),
        "ldap_unreachable"
    );
    assert_eq!(misnamed.refusals(), ["ldap_not_trusted"]);
    assert_eq!(misnamed.slapd.binds(ACCOUNT), 0);
}

#[tokio::test]
async fn two_entries_of_a_name_open_nothing_and_referrals_lead_nowhere() {
    let table = Table::lay().await;
    let provider = table.provider(table.settings()).await;
    assert_eq!(
        code(table.enter(&provider, "twin", PASSWORD).await),
        "invalid_credentials"
    );
    assert_eq!(table.refusals(), ["ldap_not_unique"]);
    // The base is elsewhere, says the server.
    let mut settings = table.settings();
    settings.base_dn = String::from("dc=other,dc=example");
    let elsewhere = table.provider(settings).await;
    assert_eq!(
        code(table.enter(&elsewhere, "ada", PASSWORD).await),
        "ldap_unreachable"
    );
    assert_eq!(table.refusals(), ["ldap_not_unique", "ldap_result"]);
    let probe = table
        .sso
        .directory_test(&table.who, elsewhere.id, Some("ada"))
        .await
        .unwrap();
    let last = probe.steps.last().unwrap();
    assert_eq!((last.step, last.code), ("search", Some("ldap_result")));
    assert!(
        last.message.as_deref().unwrap().contains("a referral"),
        "{last:?}"
    );
    // One within the base is passed over: the search of ada met it above.
    assert!(table.enter(&provider, "ada", PASSWORD).await.is_ok());
}
