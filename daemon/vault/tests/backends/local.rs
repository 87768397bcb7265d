//! The keystore's files: who may read them, and what stands in them.

use std::os::unix::fs::PermissionsExt as _;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kernel::Secret;
use vault::{
    Binding, Health, IfMissing, LocalConfig, PrivateFile, Vault, VaultError, create_keystore,
    recover_key, renew_recovery_key,
};

use crate::fixture::{Fixture, tenant, write_private};

const PLACE: Binding<'static> = Binding {
    provider: "p",
    owner: "o",
    column: "c",
};

impl Fixture {
    fn local_config(&self) -> LocalConfig {
        self.config.local.clone().unwrap()
    }
    fn key_file(&self) -> std::path::PathBuf {
        self.directory.path().join("key")
    }
}

#[tokio::test]
async fn files_that_others_can_read_are_refused_with_the_way_out() {
    for file in ["key", "keystore.json"] {
        let fixture = Fixture::local();
        let path = fixture.directory.path().join(file);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let health = fixture.another_daemon().health().await;
        assert!(
            matches!(&health, Health::Denied(why) if why.contains("0644") && why.contains("chmod")),
            "{file}: {health:?}"
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(fixture.another_daemon().health().await, Health::Ready);
    }
}

#[tokio::test]
async fn a_wrong_key_a_short_key_and_a_damaged_keystore_are_told_apart() {
    let fixture = Fixture::local();
    write_private(&fixture.key_file(), &[7; 32]);
    let health = fixture.another_daemon().health().await;
    assert!(
        matches!(&health, Health::Denied(why) if why.contains("does not open")),
        "{health:?}"
    );
    write_private(&fixture.key_file(), b"short");
    let health = fixture.another_daemon().health().await;
    assert!(
        matches!(&health, Health::Denied(why) if why.contains("32 random bytes")),
        "{health:?}"
    );

    let fixture = Fixture::local();
    write_private(&fixture.keystore(), b"{\"format\": 1");
    let error = fixture
        .another_daemon()
        .ensure_tenant_key(tenant(1))
        .await
        .unwrap_err();
    assert!(matches!(error, VaultError::Backend(_)), "{error:?}");
}

#[tokio::test]
async fn a_keystore_is_made_once_and_never_in_place_of_a_lost_one() {
    let fixture = Fixture::local();
    let before = std::fs::read(fixture.keystore()).unwrap();
    let created = create_keystore(&fixture.local_config()).unwrap();
    assert!(!created.key_file && !created.keystore && created.recovery.is_none());
    assert_eq!(std::fs::read(fixture.keystore()).unwrap(), before);
    let mode = std::fs::metadata(fixture.keystore())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);

    std::fs::remove_file(fixture.keystore()).unwrap();
    let health = fixture.vault.health().await;
    assert!(matches!(health, Health::Sealed(_)), "{health:?}");
    assert!(fixture.vault.ensure_tenant_key(tenant(1)).await.is_err());
    assert!(!fixture.keystore().exists());
}

#[tokio::test]
async fn a_credential_serves_as_the_key() {
    let fixture = Fixture::local();
    let credential = fixture.directory.path().join("credential");
    write_private(&credential, &[9; 32]);
    std::fs::set_permissions(&credential, std::fs::Permissions::from_mode(0o440)).unwrap();
    let local = LocalConfig {
        key: PrivateFile::Credential(credential),
        keystore: fixture.directory.path().join("other.json"),
    };
    let created = create_keystore(&local).unwrap();
    assert!(!created.key_file && created.keystore && created.recovery.is_some());
    let mut config = fixture.config.clone();
    config.local = Some(local);
    let vault = Vault::new(config, fixture.clock.clone()).unwrap();
    assert_eq!(vault.health().await, Health::Ready);
}

#[tokio::test]
async fn the_recovery_key_brings_a_lost_key_file_back_and_nothing_else_does() {
    let fixture = Fixture::local();
    let local = fixture.local_config();
    fixture.vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let sealed = fixture.vault.seal(tenant(1), &PLACE, b"x").await.unwrap();
    let first = renew_recovery_key(&local).unwrap();
    let recovery = renew_recovery_key(&local).unwrap();
    let text = std::fs::read_to_string(fixture.keystore()).unwrap();
    assert!(!text.contains(recovery.expose().as_str()));

    // While the key file is there it is not touched.
    let lost = std::fs::read(fixture.key_file()).unwrap();
    assert!(recover_key(&local, &recovery, None).is_err());
    assert_eq!(std::fs::read(fixture.key_file()).unwrap(), lost);

    std::fs::remove_file(fixture.key_file()).unwrap();
    assert!(
        fixture
            .another_daemon()
            .open(tenant(1), &PLACE, &sealed)
            .await
            .is_err()
    );
    let mut guess = recovery.expose().clone();
    let last = if guess.ends_with('7') { "8" } else { "7" };
    guess.replace_range(guess.len() - 1.., last);
    for wrong in [first.expose(), &guess] {
        let refused = recover_key(&local, &Secret::new(wrong.clone()), None);
        assert!(matches!(refused, Err(VaultError::Refused)), "{refused:?}");
        assert!(!fixture.key_file().exists());
    }
    recover_key(&local, &recovery, None).unwrap();
    assert_eq!(std::fs::read(fixture.key_file()).unwrap(), lost);
    let mode = std::fs::metadata(fixture.key_file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    let opened = fixture
        .another_daemon()
        .open(tenant(1), &PLACE, &sealed)
        .await
        .unwrap();
    assert_eq!(opened.expose(), b"x");
}

#[tokio::test]
async fn a_credential_is_recovered_into_a_file_that_is_named() {
    let fixture = Fixture::local();
    let mut local = fixture.local_config();
    let recovery = renew_recovery_key(&local).unwrap();
    local.key = PrivateFile::Credential(fixture.directory.path().join("gone"));
    let refused = recover_key(&local, &recovery, None);
    assert!(matches!(refused, Err(VaultError::Config(_))), "{refused:?}");
    let to = fixture.directory.path().join("recovered");
    recover_key(&local, &recovery, Some(&to)).unwrap();
    assert_eq!(
        std::fs::read(to).unwrap(),
        std::fs::read(fixture.key_file()).unwrap()
    );
}

/// OB-08: whichever bit of a stored value is flipped, it does not open.
#[tokio::test]
async fn a_flipped_bit_anywhere_in_a_stored_value_never_opens() {
    let fixture = Fixture::local();
    fixture.vault.ensure_tenant_key(tenant(1)).await.unwrap();
    let sealed = fixture
        .vault
        .seal(tenant(1), &PLACE, b"token")
        .await
        .unwrap();
    let stored = sealed.to_bytes();
    let open = async |bytes: &[u8]| {
        let sealed = vault::Sealed::parse(bytes)?;
        fixture.vault.open(tenant(1), &PLACE, &sealed).await
    };
    assert_eq!(open(&stored).await.unwrap().expose(), b"token");
    for bit in 0..stored.len() * 8 {
        let mut flipped = stored.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&flipped).await.is_err(), "bit {bit} is not looked at");
    }
}

#[tokio::test]
async fn another_daemons_changes_count_at_once() {
    let fixture = Fixture::local();
    let (one, two) = (&fixture.vault, fixture.another_daemon());
    one.ensure_tenant_key(tenant(1)).await.unwrap();
    let sealed = two.seal(tenant(1), &PLACE, b"x").await.unwrap();
    assert!(one.open(tenant(1), &PLACE, &sealed).await.is_ok());
    two.destroy_tenant_key(tenant(1)).await.unwrap();
    let error = one.open(tenant(1), &PLACE, &sealed).await.unwrap_err();
    assert!(matches!(error, VaultError::NoKey(_)), "{error:?}");
}

#[tokio::test]
async fn the_keystore_shows_no_secret_and_forgets_a_destroyed_tenant() {
    let fixture = Fixture::local();
    let vault = &fixture.vault;
    vault.ensure_tenant_key(tenant(0xABCD)).await.unwrap();
    vault
        .put_named_secret("pepper", &Secret::new(b"canary-pepper".to_vec()))
        .await
        .unwrap();
    let key = std::fs::read(fixture.key_file()).unwrap();
    let made = vault
        .named_secret("other", IfMissing::Generate(32))
        .await
        .unwrap();
    let text = || std::fs::read_to_string(fixture.keystore()).unwrap();
    assert!(text().contains("00000000abcd"));
    for secret in [b"canary-pepper".as_slice(), &key, made.expose()] {
        assert!(!text().contains(&BASE64.encode(secret)));
    }
    assert!(!text().contains("canary"));
    vault.destroy_tenant_key(tenant(0xABCD)).await.unwrap();
    assert!(!text().contains("00000000abcd"));
}
