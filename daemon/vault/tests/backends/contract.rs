//! What both backends promise, run against each: a real OpenBao under the shipped policy, and the
//! local keystore.

use std::sync::Arc;

use kernel::{Classified as _, ErrorKind, Secret, TenantId};
use vault::{
    Binding, DataKey, Health, IfMissing, Sealed, Vault, VaultError, Wrapped, signature_holds,
};

use crate::fixture::{Fixture, tenant};

const PLACE: Binding<'static> = Binding {
    provider: "salesforce",
    owner: "conn_1",
    column: "connections.refresh_token",
};

macro_rules! contract {
    ($($clause:ident),* $(,)?) => {
        mod openbao {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() { super::$clause(super::Fixture::openbao().await).await })*
        }
        mod local {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() { super::$clause(super::Fixture::local()).await })*
        }
    };
}

contract! {
    a_value_opens_in_its_place_and_nowhere_else,
    every_seal_has_a_key_of_its_own,
    a_changed_envelope_does_not_open,
    rotation_and_rewrap_keep_every_value,
    rotation_while_serving_loses_nothing,
    a_destroyed_tenant_never_opens_again,
    a_tenant_without_a_key_is_told_so,
    a_sealed_backend_says_so_and_work_resumes,
    a_data_key_serves_many_values_in_one_place,
    a_data_key_leaves_memory_after_ten_minutes,
    a_named_secret_is_made_once_for_all,
    the_platform_has_a_key_that_stays,
    a_signing_key_signs_by_version_and_is_the_same_for_all,
    a_sealed_backend_signs_nothing,
}

fn refused<T: std::fmt::Debug>(result: Result<T, VaultError>) {
    assert!(matches!(result, Err(VaultError::Refused)), "{result:?}");
}

async fn opened(vault: &Vault, tenant: TenantId, sealed: &Sealed) -> Vec<u8> {
    vault
        .open(tenant, &PLACE, sealed)
        .await
        .unwrap()
        .expose()
        .clone()
}

async fn a_value_opens_in_its_place_and_nowhere_else(fixture: Fixture) {
    let vault = &fixture.vault;
    let (ours, theirs) = (tenant(1), tenant(2));
    vault.ensure_tenant_key(ours).await.unwrap();
    vault.ensure_tenant_key(theirs).await.unwrap();
    let sealed = vault.seal(ours, &PLACE, b"refresh-token").await.unwrap();
    let stored = Sealed::parse(&sealed.to_bytes()).unwrap();
    assert_eq!(opened(vault, ours, &stored).await, b"refresh-token");

    refused(vault.open(theirs, &PLACE, &stored).await);
    for elsewhere in [
        Binding {
            provider: "gong",
            ..PLACE
        },
        Binding {
            owner: "conn_2",
            ..PLACE
        },
        Binding {
            column: "connections.access_token",
            ..PLACE
        },
        Binding {
            provider: "salesforceconn_1",
            owner: "",
            ..PLACE
        },
    ] {
        refused(vault.open(ours, &elsewhere, &stored).await);
        refused(vault.rewrap(ours, &elsewhere, &stored).await);
    }
    refused(vault.rewrap(theirs, &PLACE, &stored).await);
}

async fn every_seal_has_a_key_of_its_own(fixture: Fixture) {
    let vault = &fixture.vault;
    vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let one = vault
        .seal(tenant(1), &PLACE, b"same")
        .await
        .unwrap()
        .to_bytes();
    let two = vault
        .seal(tenant(1), &PLACE, b"same")
        .await
        .unwrap()
        .to_bytes();
    // Neither the wrapped key nor the message repeats: the envelopes agree in their header alone.
    let alike = one.iter().zip(&two).take_while(|(a, b)| a == b).count();
    assert!((8..12).contains(&alike), "{alike}");
    assert!(!one.windows(4).any(|window| window == b"same"));
}

async fn a_changed_envelope_does_not_open(fixture: Fixture) {
    let vault = &fixture.vault;
    vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let bytes = vault
        .seal(tenant(1), &PLACE, b"x")
        .await
        .unwrap()
        .to_bytes();
    for at in 8..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        refused(
            vault
                .open(tenant(1), &PLACE, &Sealed::parse(&changed).unwrap())
                .await,
        );
    }
}

async fn rotation_and_rewrap_keep_every_value(fixture: Fixture) {
    let vault = &fixture.vault;
    vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let old = vault.seal(tenant(1), &PLACE, b"before").await.unwrap();
    vault.rotate_tenant_key(tenant(1)).await.unwrap();
    vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let new = vault.seal(tenant(1), &PLACE, b"after").await.unwrap();
    assert_eq!((old.key_version(), new.key_version()), (1, 2));

    let moved = vault.rewrap(tenant(1), &PLACE, &old).await.unwrap();
    assert_eq!(moved.key_version(), 2);
    assert_eq!(opened(vault, tenant(1), &old).await, b"before");
    assert_eq!(opened(vault, tenant(1), &moved).await, b"before");
    assert_eq!(opened(vault, tenant(1), &new).await, b"after");
}

async fn rotation_while_serving_loses_nothing(fixture: Fixture) {
    let vault = fixture.vault.clone();
    vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let workers: Vec<_> = (0..4_u32)
        .map(|worker| {
            let vault = vault.clone();
            tokio::spawn(async move {
                for round in 0..15_u32 {
                    let clear = format!("{worker}/{round}");
                    let sealed = vault
                        .seal(tenant(1), &PLACE, clear.as_bytes())
                        .await
                        .unwrap();
                    let moved = vault.rewrap(tenant(1), &PLACE, &sealed).await.unwrap();
                    assert_eq!(opened(&vault, tenant(1), &sealed).await, clear.as_bytes());
                    assert_eq!(opened(&vault, tenant(1), &moved).await, clear.as_bytes());
                }
            })
        })
        .collect();
    for _ in 0..5 {
        vault.rotate_tenant_key(tenant(1)).await.unwrap();
    }
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(
        vault
            .seal(tenant(1), &PLACE, b"")
            .await
            .unwrap()
            .key_version(),
        6
    );
}

async fn a_destroyed_tenant_never_opens_again(fixture: Fixture) {
    let vault = &fixture.vault;
    for tenant in [tenant(1), tenant(2)] {
        vault.ensure_tenant_key(tenant).await.unwrap();
    }
    let gone = vault.seal(tenant(1), &PLACE, b"gone").await.unwrap();
    let key = vault.new_data_key(tenant(1), &PLACE).await.unwrap();
    let stays = vault.seal(tenant(2), &PLACE, b"stays").await.unwrap();

    vault.destroy_tenant_key(tenant(1)).await.unwrap();
    vault.destroy_tenant_key(tenant(1)).await.unwrap();
    let error = vault.open(tenant(1), &PLACE, &gone).await.unwrap_err();
    assert!(
        matches!(error, VaultError::NoKey(of) if of == tenant(1)),
        "{error:?}"
    );
    assert!(
        vault
            .data_key_in_memory(tenant(1), &PLACE, key.wrapped())
            .is_none()
    );

    vault.ensure_tenant_key(tenant(1)).await.unwrap();
    refused(vault.open(tenant(1), &PLACE, &gone).await);
    refused(vault.data_key(tenant(1), &PLACE, key.wrapped()).await);
    assert_eq!(opened(vault, tenant(2), &stays).await, b"stays");
}

async fn a_tenant_without_a_key_is_told_so(fixture: Fixture) {
    let vault = &fixture.vault;
    let sealing = vault.seal(tenant(9), &PLACE, b"x").await;
    assert!(matches!(sealing, Err(VaultError::NoKey(_))), "{sealing:?}");
    let rotating = vault.rotate_tenant_key(tenant(9)).await;
    assert!(
        matches!(rotating, Err(VaultError::NoKey(_))),
        "{rotating:?}"
    );
}

async fn a_sealed_backend_says_so_and_work_resumes(fixture: Fixture) {
    let vault = &fixture.vault;
    vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let sealed = vault.seal(tenant(1), &PLACE, b"kept").await.unwrap();
    let key = vault.new_data_key(tenant(1), &PLACE).await.unwrap();
    assert_eq!(vault.health().await, Health::Ready);

    fixture.seal().await;
    let error = vault.open(tenant(1), &PLACE, &sealed).await.unwrap_err();
    assert!(matches!(error, VaultError::Sealed(_)), "{error:?}");
    assert_eq!(
        (error.kind(), error.is_waiting()),
        (ErrorKind::Sealed, true)
    );
    assert!(matches!(vault.health().await, Health::Sealed(reason) if !reason.is_empty()));
    assert!(matches!(
        vault.seal(tenant(1), &PLACE, b"").await,
        Err(VaultError::Sealed(_))
    ));
    assert!(matches!(
        vault.named_secret("pepper", IfMissing::Generate(32)).await,
        Err(VaultError::Sealed(_))
    ));
    // What was opened before goes on, for the log must be written.
    let again = vault
        .data_key(tenant(1), &PLACE, key.wrapped())
        .await
        .unwrap();
    again.seal_with(b"row", b"x").unwrap();

    fixture.unseal().await;
    assert_eq!(vault.health().await, Health::Ready);
    assert_eq!(opened(vault, tenant(1), &sealed).await, b"kept");
}

async fn a_data_key_serves_many_values_in_one_place(fixture: Fixture) {
    let vault = &fixture.vault;
    for tenant in [tenant(1), tenant(2)] {
        vault.ensure_tenant_key(tenant).await.unwrap();
    }
    let key = vault.new_data_key(tenant(1), &PLACE).await.unwrap();
    let row = key.seal_with(b"row 1", b"before and after").unwrap();
    refused(key.open_with(b"row 2", &row));

    let wrapped = Wrapped::parse(&key.wrapped().to_bytes()).unwrap();
    let other = fixture.another_daemon();
    let reopened = other.data_key(tenant(1), &PLACE, &wrapped).await.unwrap();
    assert_eq!(
        reopened.open_with(b"row 1", &row).unwrap().expose(),
        b"before and after"
    );

    // Neither the backend nor the memory gives the key out in another place.
    let elsewhere = Binding {
        owner: "conn_2",
        ..PLACE
    };
    for vault in [vault, &other] {
        refused(vault.data_key(tenant(1), &elsewhere, &wrapped).await);
        refused(vault.data_key(tenant(2), &PLACE, &wrapped).await);
    }
    let strange: Arc<DataKey> = vault.new_data_key(tenant(1), &PLACE).await.unwrap();
    refused(strange.open_with(b"row 1", &row));

    vault.rotate_tenant_key(tenant(1)).await.unwrap();
    let moved = vault
        .rewrap_data_key(tenant(1), &PLACE, &wrapped)
        .await
        .unwrap();
    assert_eq!(moved.key_version(), 2);
    let moved = other.data_key(tenant(1), &PLACE, &moved).await.unwrap();
    assert_eq!(
        moved.open_with(b"row 1", &row).unwrap().expose(),
        b"before and after"
    );
}

async fn a_data_key_leaves_memory_after_ten_minutes(fixture: Fixture) {
    let vault = &fixture.vault;
    vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let key = vault.new_data_key(tenant(1), &PLACE).await.unwrap();
    let kept = || {
        vault
            .data_key_in_memory(tenant(1), &PLACE, key.wrapped())
            .is_some()
    };
    fixture.clock.advance(chrono::Duration::seconds(599));
    assert!(kept());
    fixture.clock.advance(chrono::Duration::seconds(2));
    assert!(!kept());
}

async fn a_named_secret_is_made_once_for_all(fixture: Fixture) {
    let vault = &fixture.vault;
    let missing = vault.named_secret("pepper", IfMissing::Fail).await;
    assert!(matches!(missing, Err(VaultError::NoSecret(name)) if name == "pepper"));

    let askers: Vec<_> = (0..6)
        .map(|_| {
            let daemon = fixture.another_daemon();
            tokio::spawn(async move {
                let made = daemon
                    .named_secret("pepper", IfMissing::Generate(32))
                    .await
                    .unwrap();
                made.expose().clone()
            })
        })
        .collect();
    let first = vault
        .named_secret("pepper", IfMissing::Generate(32))
        .await
        .unwrap();
    assert_eq!(first.expose().len(), 32);
    for asker in askers {
        assert_eq!(&asker.await.unwrap(), first.expose());
    }

    let new = Secret::new(b"put by hand".to_vec());
    vault.put_named_secret("pepper", &new).await.unwrap();
    let found = fixture
        .another_daemon()
        .named_secret("pepper", IfMissing::Fail)
        .await
        .unwrap();
    assert_eq!(found.expose(), new.expose());

    for name in ["", "../sys/seal", "a/b", "UPPER", "a b", &"x".repeat(65)] {
        let refused = vault.named_secret(name, IfMissing::Generate(8)).await;
        assert!(matches!(refused, Err(VaultError::Config(_))), "{name}");
    }
}

async fn the_platform_has_a_key_that_stays(fixture: Fixture) {
    let vault = &fixture.vault;
    let platform = TenantId::PLATFORM;
    vault.ensure_tenant_key(platform).await.unwrap();
    vault.ensure_tenant_key(platform).await.unwrap();
    let sealed = vault.seal(platform, &PLACE, b"kept").await.unwrap();
    vault.rotate_tenant_key(platform).await.unwrap();
    assert!(matches!(
        vault.destroy_tenant_key(platform).await,
        Err(VaultError::Denied(_))
    ));
    assert_eq!(opened(vault, platform, &sealed).await, b"kept");
}

async fn a_signing_key_signs_by_version_and_is_the_same_for_all(fixture: Fixture) {
    let (vault, other) = (&fixture.vault, fixture.another_daemon());
    let keys = vault.signing_keys("audit").await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(other.signing_keys("audit").await.unwrap(), keys);
    let first = keys[0];
    let signature = vault.sign("audit", first.version, b"head").await.unwrap();
    assert!(signature_holds(&first.bytes, b"head", &signature));
    assert!(!signature_holds(&first.bytes, b"heads", &signature));
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        assert!(!signature_holds(&first.bytes, b"head", &changed), "{at}");
    }

    other.rotate_signing_key("audit").await.unwrap();
    let keys = vault.signing_keys("audit").await.unwrap();
    assert_eq!((keys.len(), keys[0]), (2, first));
    let second = keys[1];
    assert_eq!(second.version, first.version + 1);
    let newer = other.sign("audit", second.version, b"head").await.unwrap();
    assert!(signature_holds(&second.bytes, b"head", &newer));
    assert!(!signature_holds(&first.bytes, b"head", &newer));
    let older = other.sign("audit", first.version, b"again").await.unwrap();
    assert!(signature_holds(&first.bytes, b"again", &older));
    assert!(vault.sign("audit", 9, b"head").await.is_err());
}

async fn a_sealed_backend_signs_nothing(fixture: Fixture) {
    let vault = &fixture.vault;
    let version = vault.signing_keys("audit").await.unwrap()[0].version;
    fixture.seal().await;
    for refused in [
        vault.sign("audit", version, b"head").await.map(drop),
        vault.signing_keys("audit").await.map(drop),
        vault.rotate_signing_key("audit").await,
    ] {
        assert!(matches!(refused, Err(VaultError::Sealed(_))), "{refused:?}");
    }
    fixture.unseal().await;
    vault.sign("audit", version, b"head").await.unwrap();
}
