//! Keys of programs (LR-33, CX-19): shown once, hashed, one tenant each, refused at once when revoked.

use std::time::Instant;

use chrono::TimeDelta;
use identity::{IdentityError, IssuedState, NewApiKey, Refusal};
use kernel::{
    ApiKeyId, Role,
    port::{KeyCheck, KeyRefusal},
};

use crate::members::{Company, refused};

fn new(scopes: &[&str]) -> NewApiKey {
    NewApiKey {
        name: String::from("Warehouse export"),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: None,
    }
}

async fn made(company: &Company, expires: Option<TimeDelta>) -> (ApiKeyId, String) {
    let key = NewApiKey {
        expires_at: expires.map(|life| company.house.bed.db.clock().now() + life),
        ..new(&["records:read"])
    };
    let identity = &company.house.identity;
    let (key, secret) = identity.api_key_create(&company.ada, key).await.unwrap();
    (key.id, secret.expose().clone())
}

#[tokio::test]
async fn a_key_is_shown_once_and_stored_as_bcrypt() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let (id, text) = made(&company, None).await;
    assert!(text.starts_with(&format!("rk_{}_", id.uuid().as_simple())));
    let holder = identity.check(&text).await.unwrap();
    assert_eq!((holder.tenant, holder.key), (company.ada.tenant, id));
    assert_eq!(holder.scopes, ["records:read"]);
    assert!(!holder.read_only);
    let secret = text.rsplit('_').next().unwrap();
    let row = company.house.rows("SELECT k::text FROM api_keys k");
    assert!(!row[0].contains(secret) && !row[0].contains(&secret[..40]));
    assert!(row[0].contains("$2b$12$"), "{}", row[0]);
    let kept = company.house.rows(
        "SELECT coalesce(string_agg(resource_id || coalesce(encode(detail_sealed, 'escape'), ''), ' '), '') FROM audit_log",
    );
    assert!(!kept[0].contains(secret));
    let listed = identity.api_key_list(&company.ada).await.unwrap();
    assert_eq!(listed[0].state, IssuedState::Active);
    assert!(listed[0].last_used_at.is_some());
    assert!(text.starts_with(&listed[0].prefix));
    assert!(!listed[0].prefix.contains(secret));
}

#[tokio::test]
async fn a_revoked_key_is_refused_here_at_once_and_everywhere_within_five_seconds() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let (id, text) = made(&company, None).await;
    let second = company.house.second_daemon().await;
    assert!(identity.check(&text).await.is_ok());
    assert!(second.check(&text).await.is_ok());
    identity.api_key_revoke(&company.ada, id).await.unwrap();
    assert_eq!(identity.check(&text).await, Err(KeyRefusal::Unknown));
    company.house.advance(TimeDelta::seconds(5));
    assert_eq!(
        second.check(&text).await,
        Err(KeyRefusal::Unknown),
        "without a hint"
    );

    let (id, text) = made(&company, None).await;
    assert!(second.check(&text).await.is_ok());
    identity.api_key_revoke(&company.ada, id).await.unwrap();
    second.forget_api_keys(company.ada.tenant);
    assert_eq!(
        second.check(&text).await,
        Err(KeyRefusal::Unknown),
        "by a hint at once"
    );
}

#[tokio::test]
async fn a_key_is_proven_once_and_then_recognised_for_a_minute() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let (_, text) = made(&company, None).await;
    let bcrypt = Instant::now();
    identity.check(&text).await.unwrap();
    let bcrypt = bcrypt.elapsed();
    let cached = Instant::now();
    for _ in 0..20 {
        identity.check(&text).await.unwrap();
    }
    assert!(
        cached.elapsed() < bcrypt,
        "20 recognitions cost less than one proof"
    );
    let used = "SELECT last_used_at FROM api_keys";
    let first = company.house.rows(used);
    company.house.advance(TimeDelta::seconds(59));
    identity.check(&text).await.unwrap();
    assert_eq!(company.house.rows(used), first, "recognised");
    company.house.advance(TimeDelta::seconds(1));
    identity.check(&text).await.unwrap();
    assert_ne!(company.house.rows(used), first, "proven anew");
}

#[tokio::test]
async fn a_wrong_secret_is_refused_beside_a_cached_right_one() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let (_, one) = made(&company, None).await;
    let (_, two) = made(&company, None).await;
    assert!(identity.check(&one).await.is_ok() && identity.check(&two).await.is_ok());
    // Well formed, with the id of one key and the secret of another.
    let (id, _) = one.rsplit_once('_').unwrap();
    let (_, secret) = two.rsplit_once('_').unwrap();
    let body = format!("{id}_{}", &secret[..40]);
    let sum: String = openssl::sha::sha256(body.as_bytes())[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let crossed = format!("{body}{sum}");
    assert_eq!(identity.check(&crossed).await, Err(KeyRefusal::Unknown));
    for wrong in [
        "",
        "rk_",
        &one[..one.len() - 1],
        &format!("{one} "),
        &one.to_uppercase(),
    ] {
        assert_eq!(
            identity.check(wrong).await,
            Err(KeyRefusal::Unknown),
            "{wrong}"
        );
    }
    assert!(
        identity.check(&one).await.is_ok(),
        "and the right one still serves"
    );
}

#[tokio::test]
async fn a_key_ends_with_its_time() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    let (_, text) = made(&company, Some(TimeDelta::seconds(30))).await;
    assert!(identity.check(&text).await.is_ok());
    company.house.advance(TimeDelta::seconds(29));
    assert!(identity.check(&text).await.is_ok());
    company.house.advance(TimeDelta::seconds(1));
    assert_eq!(
        identity.check(&text).await,
        Err(KeyRefusal::Unknown),
        "cached or not"
    );
    let listed = identity.api_key_list(&company.ada).await.unwrap();
    assert_eq!(listed[0].state, IssuedState::Expired);
}

#[tokio::test]
async fn a_key_serves_one_tenant_and_is_that_tenants_to_revoke() {
    let company = Company::open().await;
    let olga = company.other("Beta", "olga@beta.example").await;
    let identity = &company.house.identity;
    let (id, text) = made(&company, None).await;
    let foreign = identity.api_key_revoke(&olga.who, id).await;
    assert_eq!(refused(foreign), Refusal::UnknownThing);
    assert!(identity.api_key_list(&olga.who).await.unwrap().is_empty());
    assert_eq!(
        identity.check(&text).await.unwrap().tenant,
        company.ada.tenant
    );
    company
        .house
        .bed
        .owner("UPDATE tenants SET state = 'read_only'");
    company.house.advance(TimeDelta::seconds(5));
    assert!(
        identity.check(&text).await.unwrap().read_only,
        "as its tenant"
    );
}

#[tokio::test]
async fn a_key_has_scopes_of_the_list_and_an_end_that_is_to_come() {
    let company = Company::open().await;
    let identity = &company.house.identity;
    for scopes in [
        &[][..],
        &["everything"],
        &["records:read", "records:read"],
        &["*"],
    ] {
        let bad = identity.api_key_create(&company.ada, new(scopes)).await;
        assert!(matches!(
            bad,
            Err(IdentityError::Input {
                field: "scopes",
                ..
            })
        ));
    }
    let past = NewApiKey {
        expires_at: Some(company.house.bed.db.clock().now()),
        ..new(&["records:read"])
    };
    let bad = identity.api_key_create(&company.ada, past).await;
    assert!(matches!(
        bad,
        Err(IdentityError::Input {
            field: "expires_at",
            ..
        })
    ));
    let bob = company
        .join(&company.ada, "bob@acme.example", &[Role::Member])
        .await;
    assert!(!identity::allows(
        &bob.who.roles,
        identity::Permission::ApiKeyEdit
    ));
}
