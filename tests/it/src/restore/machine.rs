//! "Backup, purge, restore on a second machine": what a person has then is the archive, the key of backups and the
//! recovery key of the keystore. Everything else comes out of the archive.

use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::PathBuf,
    process::Stdio,
};

use kernel::Secret;
use stack::accounts::{self, Account};
use vault::{LocalConfig, PrivateFile};

use super::*;

/// An appliance that keeps its keys in a keystore of its machine.
struct First {
    world: World,
    home: PathBuf,
    keys: PathBuf,
    program: PathBuf,
    archive: PathBuf,
    port: u16,
    recovery: Secret<String>,
}

fn account() -> Account {
    accounts::account(accounts::DAEMON).unwrap()
}

/// The daemon's, with all that is in it.
fn give(folder: &Path) {
    let Account { uid, gid } = account();
    let inside = fs::read_dir(folder).unwrap();
    for path in inside.map(|entry| entry.unwrap().path()) {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
    chown(folder, Some(uid), Some(gid)).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
}

async fn first() -> First {
    let world = World::start(Durability::Tests).await.unwrap();
    let keys = world.directory().join("local");
    fs::create_dir(&keys).unwrap();
    let local = LocalConfig {
        key: PrivateFile::File(keys.join("key")),
        keystore: keys.join("keystore"),
    };
    let recovery = vault::create_keystore(&local).unwrap().recovery.unwrap();
    let instead = format!(
        "[secrets]\nbackend = \"local\"\n[secrets.local]\nkeystore = {:?}\nkey = {{ file = {:?} }}\n",
        local.keystore,
        keys.join("key")
    );
    world.prepare_database(&instead).unwrap();
    give(&keys);
    let options = DaemonOptions {
        more: "[audit]\nseal_seconds = 1\n".to_owned(),
        instead,
        ..DaemonOptions::default()
    };
    let daemon = world.daemon(options).await.unwrap();
    daemon.command(&["setup"]).unwrap();
    run(
        &world,
        &format!("INSERT INTO tenants (tenant_id, name) VALUES (gen_random_uuid(), '{CANARY}')"),
    );
    is_sealed(&world).await;
    let (archive, _) = created(&daemon, &[]);
    let first = First {
        home: daemon.home.clone(),
        program: daemon.program().to_owned(),
        port: daemon.url.rsplit(':').next().unwrap().parse().unwrap(),
        keys,
        archive,
        recovery,
        world,
    };
    assert!(daemon.stop().await.unwrap().success());
    first
}

impl First {
    /// Nothing is left but the archive.
    fn purge(&mut self) {
        self.world.postgres.stop().unwrap();
        fs::remove_file(self.config()).unwrap();
        fs::remove_dir_all(self.home.join("conf.d")).unwrap();
        fs::remove_dir_all(&self.keys).unwrap();
        fs::remove_file(self.world.directory().join("machine-key")).unwrap();
        // The package makes the daemon's folder.
        fs::create_dir(&self.keys).unwrap();
        give(&self.keys);
    }

    fn config(&self) -> PathBuf {
        self.home.join("revkeep.toml")
    }

    fn restored(&self, more: &[&str]) -> Value {
        let by = identity(&self.world);
        let archive = self.archive.to_str().unwrap();
        let arguments = [&[archive, by[0], by[1]], more].concat();
        restored(&self.program, &self.config(), &arguments)
    }

    /// `revkeep keys recover`, with the recovery key typed in.
    fn recover(&self) {
        let mut child = Command::new(&self.program)
            .args(["keys", "recover", "--json", "--config"])
            .arg(self.config())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut typed = child.stdin.take().unwrap();
        writeln!(typed, "{}", self.recovery.expose()).unwrap();
        drop(typed);
        assert!(child.wait().unwrap().success());
        give(&self.keys);
    }
}

fn paths(told: &Value) -> Vec<PathBuf> {
    let files = told["files"].as_array().unwrap_or_else(|| panic!("{told}"));
    let path = |file: &Value| PathBuf::from(file["file"].as_str().unwrap());
    files.iter().map(path).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_purged_is_restored_on_a_second_machine() {
    let mut first = first().await;
    first.purge();
    let second = World::start(Durability::Tests).await.unwrap();
    let files = [
        first.config(),
        first.home.join("conf.d/instead.toml"),
        first.keys.join("keystore"),
    ];
    let mut planned = paths(&first.restored(&["--files", "--plan"]));
    planned.sort();
    let mut wanted = files.to_vec();
    wanted.sort();
    assert_eq!(planned, wanted);
    assert!(files.iter().all(|file| !file.exists()));

    assert_eq!(paths(&first.restored(&["--files"])).len(), files.len());
    let look = |file: &PathBuf| {
        let there = fs::metadata(file).unwrap();
        (there.mode() & 0o777, there.uid(), there.gid())
    };
    let Account { uid, gid } = account();
    assert_eq!(look(&files[0]), (0o640, 0, gid));
    assert_eq!(look(&files[1]), (0o640, 0, gid));
    assert_eq!(look(&files[2]), (0o600, uid, gid));
    assert_eq!(paths(&first.restored(&["--files"])), Vec::<PathBuf>::new());

    // PostgreSQL is elsewhere on this one: which of the two counts is asked.
    let host = second.postgres.socket_directory();
    let own = first.home.join("conf.d/99-second.toml");
    fs::write(&own, format!("[database]\nhost = {host:?}\n")).unwrap();
    let refused = first.restored(&[]);
    assert_eq!(
        refused["error"]["code"], "restore_files_differ",
        "{refused}"
    );
    let said = refused["error"]["message"].as_str().unwrap();
    assert!(said.contains("database.host is "), "{said}");
    // The keystore alone opens nothing.
    let keep = ["--differing", "keep"];
    let refused = first.restored(&keep);
    assert_eq!(refused["error"]["code"], "backup_keys", "{refused}");
    assert_eq!(names(&second), Vec::<String>::new());
    assert_eq!(databases(&second), ["revkeep"]);

    first.recover();
    let back = first.restored(&keep);
    assert_eq!(back["replaced"], false, "{back}");
    assert_eq!(paths(&back), Vec::<PathBuf>::new());
    assert_eq!(names(&second), [CANARY]);
    let daemon = first.world.serve(&first.home, first.port).await.unwrap();
    let status = daemon.command(&["status"]).unwrap();
    assert_eq!(status["quarantine"]["quarantined"], true, "{status}");
    let verified = daemon.command(&["audit", "verify"]).unwrap();
    assert_eq!(verified["holds"], true, "{verified}");
    assert!(daemon.stop().await.unwrap().success());
}

/// What was put in place goes again when the database does not come: a restore does all or nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_were_put_in_place_go_again_when_the_restore_fails() {
    let (world, daemon) = sealed().await;
    let (archive, _) = created(&daemon, &[]);
    let (program, config) = (daemon.program().to_owned(), daemon.config.clone());
    assert!(daemon.stop().await.unwrap().success());
    let more = config.with_file_name("conf.d").join("more.toml");
    fs::write(&more, "[worker]\nparallel = 3\n").unwrap();
    let arguments = [archive.to_str().unwrap(), "--differing", "take"];
    let refused = restored(&program, &config, &arguments);
    assert_eq!(refused["error"]["code"], "restore_not_empty", "{refused}");
    let left = fs::read_dir(more.parent().unwrap()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["instead.toml", "more.toml"]);

    let with = [&arguments[..], &["--replace"]].concat();
    let back = restored(&program, &config, &with);
    assert_eq!(paths(&back), std::slice::from_ref(&more), "{back}");
    assert_eq!(back["files"][0]["written"], false, "{back}");
    assert!(!more.exists());
    let kept = back["files"][0]["kept"].as_str().unwrap();
    assert!(fs::read_to_string(kept).unwrap().contains("parallel"));
    assert_eq!(names(&world), [CANARY]);
}
