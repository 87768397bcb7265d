//! LM-95: a backup is one encrypted file that its keys open and nobody else, and a damaged one is told.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use age::{Decryptor, secrecy::ExposeSecret, x25519};
use serde_json::Value;
use stack::{
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    world::World,
};

use crate::{harness::column, live::superuser};

const CANARY: &str = "Canary-backup-4711";

/// A world with a tenant whose name is the canary, and its daemon.
async fn world() -> (World, Daemon) {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    run(
        &world,
        &format!("INSERT INTO tenants (tenant_id, name) VALUES (gen_random_uuid(), '{CANARY}')"),
    );
    (world, daemon)
}

pub(crate) fn run(world: &World, sql: &str) {
    use diesel::connection::SimpleConnection;
    superuser(world).batch_execute(sql).unwrap();
}

/// More configuration of this daemon's commands.
pub(crate) fn configure(daemon: &Daemon, name: &str, text: &str) {
    let folder = daemon.home.join("conf.d");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

pub(crate) fn created(daemon: &Daemon, more: &[&str]) -> (PathBuf, Value) {
    let told = daemon
        .command(&[&["backup", "create"], more].concat())
        .unwrap();
    let file = told["file"].as_str().unwrap_or_else(|| panic!("{told}"));
    (PathBuf::from(file), told)
}

pub(crate) fn verified(daemon: &Daemon, archive: &Path, by: &[&str]) -> Value {
    let archive = archive.to_str().unwrap();
    daemon
        .command(&[&["backup", "verify", archive], by].concat())
        .unwrap()
}

pub(crate) fn identity(world: &World) -> [&str; 2] {
    ["--identity", world.backup_identity.to_str().unwrap()]
}

pub(crate) fn clear(world: &World, archive: &Path) -> Vec<u8> {
    let key: x25519::Identity = fs::read_to_string(&world.backup_identity)
        .unwrap()
        .parse()
        .unwrap();
    let opened = Decryptor::new(fs::File::open(archive).unwrap()).unwrap();
    let mut clear = Vec::new();
    let keys = std::iter::once(&key as &dyn age::Identity);
    opened
        .decrypt(keys)
        .unwrap()
        .read_to_end(&mut clear)
        .unwrap();
    clear
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_holds_everything_and_only_its_keys_open_it() {
    let (world, daemon) = world().await;
    // The key of the audit log is made when it is first asked for.
    daemon.command(&["audit", "keys"]).unwrap();
    let (archive, told) = created(&daemon, &[]);
    assert_eq!(told["checked"], "opened", "{told}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&archive), mode(archive.parent().unwrap())),
        (0o600, 0o700)
    );
    let ciphertext = fs::read(&archive).unwrap();
    assert!(!holds(&ciphertext, CANARY) && !holds(&ciphertext, "PGDMP"));

    // With tools that are not ours: a tar, and in it a dump that pg_restore reads.
    let folder = tempfile::tempdir().unwrap();
    piped(
        "tar",
        &["-x", "-C", folder.path().to_str().unwrap()],
        &clear(&world, &archive),
    );
    let mut pieces: Vec<_> = fs::read_dir(folder.path().join("database"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pieces.sort();
    let dump: Vec<u8> = pieces
        .iter()
        .flat_map(|piece| fs::read(piece).unwrap())
        .collect();
    let sql = String::from_utf8(piped("pg_restore", &["-f", "-"], &dump)).unwrap();
    assert!(sql.contains(CANARY) && sql.contains("COPY public.tenants"));
    assert!(
        !sql.contains("context_keys (id"),
        "the key of the tenant context is in the dump"
    );
    let configuration = folder.path().join("configuration/revkeep.toml");
    assert_eq!(
        fs::read(configuration).unwrap(),
        fs::read(&daemon.config).unwrap()
    );

    // What it states is what there was.
    let told = verified(&daemon, &archive, &identity(&world));
    let manifest = &told["manifest"];
    assert_eq!(manifest["tables"]["tenants"], 1, "{told}");
    let newest = column(
        &mut superuser(&world),
        "SELECT max(version) FROM __diesel_schema_migrations",
    );
    assert_eq!(
        manifest["schema"].as_str(),
        newest.first().map(String::as_str)
    );
    let kinds: Vec<_> = manifest["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["kind"])
        .collect();
    // The pepper, the index of addresses, the audit log's, and the platform's: the tenant has none yet.
    assert_eq!(
        kinds,
        ["secret", "secret", "signing", "tenant"],
        "{manifest}"
    );
    assert!(daemon.stop().await.unwrap().success());
}

fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || to.write_all(&input));
    let done = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(done.status.success(), "{program}");
    done.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_and_a_wrong_key_are_told_apart() {
    let (world, daemon) = world().await;
    let (archive, _) = created(&daemon, &[]);
    let whole = fs::read(&archive).unwrap();
    let other = world.directory().join("other-identity");
    fs::write(
        &other,
        x25519::Identity::generate().to_string().expose_secret(),
    )
    .unwrap();
    let by_other = ["--identity", other.to_str().unwrap()];
    let code = |by: &[&str]| {
        let told = verified(&daemon, &archive, by);
        assert_ne!(told["holds"], told["code"].is_string(), "{told}");
        told["code"].as_str().unwrap_or("holds").to_owned()
    };
    assert_eq!(code(&[]), "holds");
    assert_eq!(code(&identity(&world)), "holds");
    assert_eq!(code(&by_other), "backup_wrong_key");

    for at in [whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&archive, flipped).unwrap();
        assert_eq!(code(&identity(&world)), "backup_damaged", "{at}");
        assert_eq!(code(&[]), "backup_damaged", "{at}");
    }
    for left in [whole.len() - 1, whole.len() / 2] {
        fs::write(&archive, &whole[..left]).unwrap();
        assert_eq!(code(&identity(&world)), "backup_damaged", "{left}");
    }
    fs::write(&archive, b"age-encryption.org/v1 no more").unwrap();
    assert_eq!(code(&identity(&world)), "backup_damaged");
    fs::write(&archive, CANARY).unwrap();
    assert_ne!(code(&identity(&world)), "holds");

    // Where no key is, the checksum of the ciphertext tells, and its form when there is none.
    fs::remove_file(world.directory().join("machine-key")).unwrap();
    fs::write(&archive, &whole).unwrap();
    assert_eq!(verified(&daemon, &archive, &[])["checked"], "checksum");
    let mut flipped = whole.clone();
    flipped[whole.len() - 1] ^= 1;
    fs::write(&archive, flipped).unwrap();
    assert_eq!(code(&[]), "backup_damaged");
    fs::write(&archive, &whole).unwrap();
    fs::remove_file(archive.with_added_extension("sha256")).unwrap();
    assert_eq!(verified(&daemon, &archive, &[])["checked"], "form");
    fs::write(&archive, &whole[..200]).unwrap();
    assert_ne!(code(&[]), "holds");
    assert!(daemon.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_machine_opens_its_newest_backup_and_none_before() {
    let (world, daemon) = world().await;
    configure(&daemon, "keep.toml", "[backup]\nkeep = 2\n");
    let (first, _) = created(&daemon, &[]);
    let (second, _) = created(&daemon, &[]);
    assert_eq!(verified(&daemon, &first, &[])["code"], "backup_wrong_key");
    assert_eq!(verified(&daemon, &second, &[])["holds"], true);
    assert_eq!(verified(&daemon, &first, &identity(&world))["holds"], true);

    let (third, told) = created(&daemon, &[]);
    assert_eq!(told["removed"], serde_json::json!([first]));
    assert!(!first.exists() && !first.with_added_extension("sha256").exists());
    let listed = daemon.command(&["backup", "list"]).unwrap();
    let files: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["file"])
        .collect();
    assert_eq!(files, [third.to_str().unwrap(), second.to_str().unwrap()]);

    // A passphrase stands alone, and comes from a file or standard input.
    let word = world.directory().join("passphrase");
    fs::write(&word, "correct horse battery\n").unwrap();
    let by_word = ["--passphrase-file", word.to_str().unwrap()];
    let (fourth, told) = created(&daemon, &by_word);
    assert_eq!(told["checked"], "opened", "{told}");
    assert_eq!(verified(&daemon, &fourth, &by_word)["holds"], true);
    assert_eq!(verified(&daemon, &fourth, &[])["code"], "backup_wrong_key");
    let typed = [
        "backup",
        "verify",
        fourth.to_str().unwrap(),
        "--passphrase-file",
        "-",
    ];
    let told = daemon
        .command_with(&typed, "correct horse battery\n")
        .unwrap();
    assert_eq!(told["holds"], true, "{told}");
    assert!(daemon.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_fails_leaves_nothing_behind() {
    let (world, daemon) = world().await;
    let (kept, _) = created(&daemon, &[]);
    run(&world, "REVOKE SELECT ON notices FROM revkeep_backup");
    let refused = daemon.command(&["backup", "create"]).unwrap();
    assert_eq!(
        refused["error"]["code"], "backup_program_failed",
        "{refused}"
    );
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("notices"),
        "{refused}"
    );
    let left: Vec<_> = fs::read_dir(kept.parent().unwrap()).unwrap().collect();
    assert_eq!(
        left.len(),
        3,
        "the archive, its checksum and the lock: {left:?}"
    );
    configure(&daemon, "none.toml", "[backup]\nrecipients = []\n");
    let refused = daemon.command(&["backup", "create"]).unwrap();
    assert_eq!(
        refused["error"]["code"], "backup_no_recipients",
        "{refused}"
    );
    assert!(daemon.stop().await.unwrap().success());
}
