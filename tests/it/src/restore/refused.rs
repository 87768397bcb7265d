//! What is not restored, and that nothing is changed by it.

use std::{fs, iter, path::PathBuf};

use age::{Encryptor, secrecy::ExposeSecret, x25519};
use kernel::Secret;
use vault::Vault;

use super::*;
use crate::{backup::clear, live::section};

/// A world whose daemon is stopped, and an archive of it.
struct Stopped {
    world: World,
    program: PathBuf,
    config: PathBuf,
    archive: PathBuf,
}

async fn stopped() -> Stopped {
    let (world, daemon) = sealed().await;
    let (archive, _) = created(&daemon, &[]);
    let (program, config) = (daemon.program().to_owned(), daemon.config.clone());
    assert!(daemon.stop().await.unwrap().success());
    run(&world, "UPDATE tenants SET name = 'Later'");
    Stopped {
        world,
        program,
        config,
        archive,
    }
}

impl Stopped {
    /// The code with which it is refused; nothing is changed.
    fn refused(&self, by: &[&str]) -> (String, String) {
        let arguments = [&[self.archive.to_str().unwrap(), "--replace"], by].concat();
        let told = restored(&self.program, &self.config, &arguments);
        assert_eq!(databases(&self.world), ["revkeep"], "{told}");
        assert_eq!(names(&self.world), ["Later"], "{told}");
        let text = |key: &str| told["error"][key].as_str().unwrap_or_default().to_owned();
        (text("code"), text("message"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_archive_and_a_wrong_key_change_nothing() {
    let stopped = stopped().await;
    let other = stopped.world.directory().join("other-identity");
    let key = x25519::Identity::generate();
    fs::write(&other, key.to_string().expose_secret()).unwrap();
    let (code, message) = stopped.refused(&["--identity", other.to_str().unwrap()]);
    assert_eq!(code, "backup_wrong_key");
    assert!(message.contains("--identity"), "{message}");

    let whole = fs::read(&stopped.archive).unwrap();
    let by = identity(&stopped.world);
    for at in [whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&stopped.archive, flipped).unwrap();
        assert_eq!(stopped.refused(&by).0, "backup_damaged", "{at}");
    }
    for left in [whole.len() - 1, whole.len() / 2] {
        fs::write(&stopped.archive, &whole[..left]).unwrap();
        assert_eq!(stopped.refused(&by).0, "backup_damaged", "{left}");
    }
    fs::write(&stopped.archive, "no archive").unwrap();
    assert_ne!(stopped.refused(&by).0, "");
}

/// Whoever has the public key can make an archive that says it is of a newer version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_of_a_newer_version_changes_nothing() {
    let stopped = stopped().await;
    let tar = clear(&stopped.world, &stopped.archive);
    let text = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let at = tar
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .unwrap();
    let mut newer = tar;
    newer[at + "\"version\": \"".len()] = b'9';
    let key: x25519::Identity = fs::read_to_string(&stopped.world.backup_identity)
        .unwrap()
        .parse()
        .unwrap();
    let recipient = key.to_public();
    let lock = Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient)).unwrap();
    let mut file = lock
        .wrap_output(fs::File::create(&stopped.archive).unwrap())
        .unwrap();
    std::io::Write::write_all(&mut file, &newer).unwrap();
    file.finish().unwrap();
    let (code, message) = stopped.refused(&identity(&stopped.world));
    assert_eq!(code, "backup_newer", "{message}");
    assert!(message.contains("9."), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_of_other_keys_changes_nothing_and_which_they_are_is_said() {
    let stopped = stopped().await;
    let setup = stopped.world.directory().join("setup/revkeep.toml");
    let clock = std::sync::Arc::new(kernel::SystemClock);
    let vault = Vault::new(section(&setup, "secrets"), clock).unwrap();
    // A newer version beside the old is no difference.
    vault.rotate_signing_key("audit").await.unwrap();
    let other = Secret::new(vec![7; 32]);
    vault
        .put_named_secret("password-pepper", &other)
        .await
        .unwrap();
    let (code, message) = stopped.refused(&[]);
    assert_eq!(code, "backup_keys_differ", "{message}");
    assert!(
        message.contains("the secret password-pepper is another one here"),
        "{message}"
    );
    assert!(
        !message.contains("signing") && !message.contains("platform"),
        "{message}"
    );
}
