//! Signing in, staying signed in, and what the shipped policy refuses.

use chrono::Duration;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stack::openbao::OpenBao;
use vault::{Binding, Health, IfMissing, PrivateFile, Vault, VaultError};

use crate::fixture::{Fixture, POLICY, tenant, write_private};

const PLACE: Binding<'static> = Binding {
    provider: "p",
    owner: "o",
    column: "c",
};
const TENANT_KEY: &str = "revkeep-t-00000000-0000-0000-0000-000000000001";

impl Fixture {
    fn openbao_server(&self) -> &OpenBao {
        self.server.as_ref().unwrap()
    }

    /// Every token that came from an AppRole login, as the server describes it.
    async fn tokens(&self) -> Vec<Value> {
        let server = self.openbao_server();
        let list = Method::from_bytes(b"LIST").unwrap();
        let (_, listed) = server
            .request(list, "auth/token/accessors", None)
            .await
            .unwrap();
        let mut tokens = Vec::new();
        for accessor in listed["data"]["keys"].as_array().unwrap() {
            let body = Some(json!({ "accessor": accessor }));
            let path = "auth/token/lookup-accessor";
            let (_, found) = server.request(Method::POST, path, body).await.unwrap();
            if found["data"]["path"] == "auth/approle/login" {
                tokens.push(found["data"].clone());
            }
        }
        tokens
    }

    async fn revoke(&self, token: &Value) {
        let body = Some(json!({ "accessor": token["accessor"] }));
        let path = "auth/token/revoke-accessor";
        let (status, _) = self
            .openbao_server()
            .request(Method::POST, path, body)
            .await
            .unwrap();
        assert!(status.is_success());
    }

    /// A token of the daemon's own role.
    async fn own_token(&self) -> String {
        let vault = self.config.vault.clone().unwrap();
        let secret_id = std::fs::read_to_string(self.directory.path().join("secret-id")).unwrap();
        let body = Some(json!({ "role_id": vault.role_id, "secret_id": secret_id }));
        let path = "auth/approle/login";
        let (_, answer) = self
            .openbao_server()
            .request_as("", Method::POST, path, body)
            .await
            .unwrap();
        answer["auth"]["client_token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn the_policy_refuses_all_that_the_daemon_does_not_need() {
    let fixture = Fixture::openbao().await;
    fixture.vault.ensure_tenant_key(tenant(1)).await.unwrap();
    fixture.vault.signing_keys("audit").await.unwrap();
    let platform = kernel::TenantId::PLATFORM;
    fixture.vault.ensure_tenant_key(platform).await.unwrap();
    fixture
        .vault
        .named_secret("pepper", IfMissing::Generate(32))
        .await
        .unwrap();
    let token = fixture.own_token().await;
    let key = |rest: &str| format!("transit/keys/{TENANT_KEY}{rest}");
    let listing = Method::from_bytes(b"LIST").unwrap();
    for (method, path, body) in [
        (Method::GET, key(""), json!({})),
        (listing.clone(), String::from("transit/keys"), json!({})),
        (Method::POST, key("/config"), json!({ "exportable": true })),
        (
            Method::POST,
            key("/config"),
            json!({ "allow_plaintext_backup": true }),
        ),
        (
            Method::POST,
            key("/config"),
            json!({ "min_decryption_version": 2 }),
        ),
        (
            Method::POST,
            key("/config"),
            json!({ "deletion_allowed": false }),
        ),
        (
            Method::POST,
            key("/trim"),
            json!({ "min_available_version": 1 }),
        ),
        (
            Method::POST,
            key("2"),
            json!({ "derived": false, "type": "aes256-gcm96" }),
        ),
        (
            Method::POST,
            key("3"),
            json!({ "derived": true, "exportable": true }),
        ),
        (Method::POST, key("4"), json!({ "type": "rsa-2048" })),
        (
            Method::GET,
            format!("transit/export/encryption-key/{TENANT_KEY}"),
            json!({}),
        ),
        (
            Method::GET,
            format!("transit/backup/{TENANT_KEY}"),
            json!({}),
        ),
        (
            Method::POST,
            format!("transit/encrypt/{TENANT_KEY}"),
            json!({ "plaintext": "" }),
        ),
        (
            Method::POST,
            String::from("transit/keys/other"),
            json!({ "derived": true }),
        ),
        (
            Method::POST,
            String::from("transit/datakey/plaintext/other"),
            json!({}),
        ),
        (
            Method::DELETE,
            String::from("transit/keys/revkeep-platform"),
            json!({}),
        ),
        (
            Method::POST,
            String::from("transit/keys/revkeep-platform/config"),
            json!({ "deletion_allowed": true }),
        ),
        (
            Method::GET,
            String::from("transit/export/signing-key/revkeep-audit"),
            json!({}),
        ),
        (
            Method::POST,
            String::from("transit/keys/revkeep-audit/config"),
            json!({ "exportable": true }),
        ),
        (
            Method::DELETE,
            String::from("transit/keys/revkeep-audit"),
            json!({}),
        ),
        (
            Method::POST,
            String::from("transit/sign/revkeep-other"),
            json!({ "input": "" }),
        ),
        (Method::GET, String::from("secret/data/other"), json!({})),
        (
            Method::DELETE,
            String::from("secret/data/revkeep/pepper"),
            json!({}),
        ),
        (
            Method::POST,
            String::from("secret/destroy/revkeep/pepper"),
            json!({ "versions": [1] }),
        ),
        (listing, String::from("secret/metadata/revkeep"), json!({})),
        (
            Method::DELETE,
            String::from("secret/metadata/revkeep/pepper"),
            json!({}),
        ),
        (Method::POST, String::from("auth/token/create"), json!({})),
        (
            Method::GET,
            String::from("auth/approle/role/revkeep/role-id"),
            json!({}),
        ),
        (
            Method::POST,
            String::from("auth/approle/role/revkeep/secret-id"),
            json!({}),
        ),
        (
            Method::GET,
            String::from("sys/policies/acl/revkeep"),
            json!({}),
        ),
        (
            Method::PUT,
            String::from("sys/policies/acl/revkeep"),
            json!({ "policy": POLICY }),
        ),
        (Method::PUT, String::from("sys/seal"), json!({})),
        (Method::GET, String::from("sys/mounts"), json!({})),
        (Method::GET, String::from("cubbyhole/x"), json!({})),
    ] {
        let request = format!("{method} {path} {body}");
        let (status, answer) = fixture
            .openbao_server()
            .request_as(&token, method, &path, Some(body))
            .await
            .unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN, "{request}: {answer}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_replaced_when_it_has() {
    let fixture = Fixture::openbao().await;
    assert_eq!(fixture.vault.health().await, Health::Ready);
    assert_eq!(fixture.vault.health().await, Health::Ready);
    let first = fixture.tokens().await;
    assert_eq!((first.len(), &first[0]["last_renewal"]), (1, &Value::Null));

    fixture.clock.advance(Duration::minutes(41));
    assert_eq!(fixture.vault.health().await, Health::Ready);
    let renewed = fixture.tokens().await;
    assert_eq!(renewed.len(), 1);
    assert!(renewed[0]["last_renewal"].is_string(), "{}", renewed[0]);

    fixture.clock.advance(Duration::minutes(61));
    assert_eq!(fixture.vault.health().await, Health::Ready);
    assert_eq!(fixture.tokens().await.len(), 2);
}

#[tokio::test]
async fn a_token_that_renewal_cannot_carry_further_is_replaced() {
    let fixture = Fixture::openbao().await;
    fixture.vault.health().await;
    // From now on the server grants a minute and no more, as it does near a token's greatest age.
    let short = json!({ "token_ttl": 60, "token_max_ttl": 60 });
    let role = "auth/approle/role/revkeep";
    fixture
        .openbao_server()
        .request(Method::POST, role, Some(short))
        .await
        .unwrap();
    fixture.clock.advance(Duration::minutes(41));
    assert_eq!(fixture.vault.health().await, Health::Ready);
    assert_eq!(fixture.tokens().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_the_server_forgot_is_replaced_once_for_all_callers() {
    let fixture = Fixture::openbao().await;
    let vault = &fixture.vault;
    vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let sealed = vault.seal(tenant(1), &PLACE, b"kept").await.unwrap();
    let tokens = fixture.tokens().await;
    fixture.revoke(&tokens[0]).await;

    let callers: Vec<_> = (0..20)
        .map(|_| {
            let (vault, sealed) = (vault.clone(), sealed.clone());
            tokio::spawn(async move {
                assert_eq!(
                    vault
                        .open(tenant(1), &PLACE, &sealed)
                        .await
                        .unwrap()
                        .expose(),
                    b"kept"
                );
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(fixture.tokens().await.len(), 1);
}

#[tokio::test]
async fn a_refusal_by_policy_is_final_and_starts_no_new_session() {
    let fixture = Fixture::openbao().await;
    let narrow = "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }";
    let server = fixture.openbao_server();
    let path = "sys/policies/acl/revkeep";
    server
        .request(Method::PUT, path, Some(json!({ "policy": narrow })))
        .await
        .unwrap();
    for _ in 0..3 {
        let refused = fixture.vault.ensure_tenant_key(tenant(1)).await;
        assert!(matches!(refused, Err(VaultError::Denied(_))), "{refused:?}");
    }
    assert_eq!(fixture.tokens().await.len(), 1);
    server
        .request(Method::PUT, path, Some(json!({ "policy": POLICY })))
        .await
        .unwrap();
    fixture.vault.ensure_tenant_key(tenant(1)).await.unwrap();
}

#[tokio::test]
async fn a_wrong_secret_id_is_denied_until_the_file_is_replaced() {
    let fixture = Fixture::openbao().await;
    let path = fixture.directory.path().join("secret-id");
    let right = std::fs::read(&path).unwrap();
    write_private(&path, b"canary-secret-id\n");
    let health = fixture.vault.health().await;
    assert!(
        matches!(&health, Health::Denied(reason) if reason.contains("secret-id")),
        "{health:?}"
    );
    assert!(!format!("{health:?}").contains("canary"));

    std::fs::remove_file(&path).unwrap();
    assert!(matches!(fixture.vault.health().await, Health::Sealed(_)));
    write_private(&path, &right);
    assert_eq!(fixture.vault.health().await, Health::Ready);
}

#[tokio::test]
async fn a_server_that_is_away_mute_or_a_stranger_is_unreachable() {
    let fixture = Fixture::openbao().await;
    let at = |address: String, ca: Option<std::path::PathBuf>| {
        let mut config = fixture.config.clone();
        let vault = config.vault.as_mut().unwrap();
        vault.address = address.parse().unwrap();
        vault.timeout_seconds = 1;
        vault.ca_file = ca.or(vault.ca_file.take());
        Vault::new(config, fixture.clock.clone()).unwrap()
    };
    let closed = stack::ports::free().unwrap();
    let away = at(format!("https://localhost:{closed}"), None);
    assert!(matches!(away.health().await, Health::Unreachable(_)));

    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port();
    let mute_server = at(format!("https://localhost:{port}"), None);
    assert!(matches!(mute_server.health().await, Health::Unreachable(_)));

    let other = stack::tls::TestCa::new()
        .unwrap()
        .write(fixture.directory.path())
        .unwrap();
    let stranger = at(fixture.openbao_server().address().to_owned(), Some(other));
    let health = stranger.health().await;
    assert!(matches!(health, Health::Unreachable(_)), "{health:?}");
}

#[tokio::test]
async fn a_configuration_that_can_never_work_is_refused_at_once() {
    let fixture = Fixture::openbao().await;
    let with = |change: fn(&mut vault::VaultConfig)| {
        let mut config = fixture.config.clone();
        change(config.vault.as_mut().unwrap());
        Vault::new(config, fixture.clock.clone()).err()
    };
    let plain = with(|vault| vault.address = "http://vault.example.com:8200".parse().unwrap());
    assert!(matches!(plain, Some(VaultError::Config(_))), "{plain:?}");
    let no_ca = with(|vault| vault.ca_file = Some("/nonexistent/ca.pem".into()));
    assert!(matches!(no_ca, Some(VaultError::Config(_))), "{no_ca:?}");
    let unused = with(|vault| vault.secret_id = PrivateFile::File("/nonexistent".into()));
    assert!(unused.is_none(), "{unused:?}");
}
