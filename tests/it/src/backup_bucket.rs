//! Archives in a bucket elsewhere, in a real S3 (Ceph's gateway): they arrive whole, come back as they were, and what
//! is amiss is told.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rusty_s3::{Credentials, S3Action};
use serde_json::Value;
use stack::{
    ceph::{self, Ceph},
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    world::World,
};

use crate::backup::{configure, created, identity, verified};

struct Afar {
    world: World,
    daemon: Daemon,
    ceph: Ceph,
}

impl Afar {
    async fn open() -> Self {
        let world = World::start(Durability::Tests).await.unwrap();
        let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
        let ceph = Ceph::start().await.unwrap();
        let afar = Self {
            world,
            daemon,
            ceph,
        };
        afar.make_bucket();
        afar.configured(ceph::SECRET_KEY, 2);
        afar
    }

    /// Writes what the commands read.
    fn configured(&self, secret: &str, keep: usize) {
        let file = self.daemon.home.join("bucket-key");
        fs::write(&file, format!("{secret}\n")).unwrap();
        let (ca, port) = (&self.ceph.ca_file, self.ceph.port);
        let (endpoint, region) = (self.ceph.endpoint(), self.ceph.region());
        let key = ceph::ACCESS_KEY;
        configure(
            &self.daemon,
            "bucket.toml",
            &format!(
                "[egress]\nca_file = {ca:?}\nprivate_endpoints = [\"localhost:{port}\"]\n\
                 [backup.bucket]\nendpoint = {endpoint:?}\nname = \"archives\"\nregion = {region:?}\nprefix = \"here/\"\n\
                 access_key = {key:?}\nsecret_key = {{ file = {file:?} }}\nkeep = {keep}\n"
            ),
        );
    }

    /// Asks the bucket as its owner, past what is tested.
    fn asked<'a>(&self, action: &impl S3Action<'a>, more: &[&str]) -> Vec<u8> {
        let done = Command::new("curl")
            .args(["--silent", "--show-error", "--fail-with-body", "--cacert"])
            .arg(&self.ceph.ca_file)
            .args(more)
            .arg(action.sign(Duration::from_secs(600)).as_str())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&done.stdout);
        let complaint = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{told}{complaint}");
        done.stdout
    }

    fn bucket(&self) -> (rusty_s3::Bucket, Credentials) {
        let endpoint = self.ceph.endpoint().parse().unwrap();
        let style = rusty_s3::UrlStyle::Path;
        (
            rusty_s3::Bucket::new(endpoint, style, "archives", self.ceph.region()).unwrap(),
            Credentials::new(ceph::ACCESS_KEY, ceph::SECRET_KEY),
        )
    }

    fn make_bucket(&self) {
        let (bucket, key) = self.bucket();
        self.asked(&bucket.create_bucket(&key), &["-X", "PUT"]);
    }

    fn object(&self, name: &str) -> Vec<u8> {
        let (bucket, key) = self.bucket();
        self.asked(&bucket.get_object(Some(&key), &format!("here/{name}")), &[])
    }

    fn put(&self, name: &str, content: &[u8]) {
        let file = self.daemon.home.join("put");
        fs::write(&file, content).unwrap();
        let (bucket, key) = self.bucket();
        let from = file.to_str().unwrap();
        self.asked(
            &bucket.put_object(Some(&key), &format!("here/{name}")),
            &["-T", from],
        );
    }

    fn backup(&self, arguments: &[&str]) -> Value {
        self.daemon
            .command(&[&["backup"], arguments].concat())
            .unwrap()
    }

    fn elsewhere(&self) -> Vec<String> {
        let listed = self.backup(&["list"]);
        let there = listed["bucket"].as_array();
        let there = there.unwrap_or_else(|| panic!("{listed}"));
        let named = |one: &Value| one["name"].as_str().unwrap().to_owned();
        there.iter().map(named).collect()
    }

    async fn close(self) {
        assert!(self.daemon.stop().await.unwrap().success());
    }
}

fn name(archive: &Path) -> &str {
    archive.file_name().unwrap().to_str().unwrap()
}

fn code(told: &Value) -> &str {
    told["error"]["code"]
        .as_str()
        .unwrap_or_else(|| panic!("{told}"))
}

/// A whole Ceph is started once: what is tried of it stands in one test, in the order of a bucket's life.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_arrive_whole_and_come_back_as_they_were() {
    let afar = Afar::open().await;
    let (first, told) = created(&afar.daemon, &[]);
    assert_eq!(
        told["bucket"]["names"],
        serde_json::json!([name(&first)]),
        "{told}"
    );
    assert_eq!(afar.object(name(&first)), fs::read(&first).unwrap());

    // What did not arrive is sent the next time, with a key that was wrong meanwhile.
    afar.configured("another-secret", 2);
    let (second, told) = created(&afar.daemon, &[]);
    assert_eq!(told["bucket"]["problem"][0], "backup_bucket", "{told}");
    let why = told["bucket"]["problem"][1].as_str().unwrap();
    assert!(why.contains("SignatureDoesNotMatch"), "{why}");
    assert!(second.is_file());
    let standing = finding(&afar, "bucket");
    assert_eq!(standing["verdict"], "fail", "{standing}");
    afar.configured(ceph::SECRET_KEY, 2);
    assert_eq!(afar.elsewhere(), [name(&first)]);
    let (third, _) = created(&afar.daemon, &[]);
    assert_eq!(
        afar.elsewhere(),
        [name(&third), name(&second)],
        "the oldest of three goes"
    );
    assert_eq!(finding(&afar, "bucket")["verdict"], "pass");
    assert_eq!(afar.backup(&["send"])["names"], serde_json::json!([]));

    // It comes back, and opens.
    let whole = fs::read(&third).unwrap();
    assert_eq!(code(&afar.backup(&["fetch"])), "backup_here_already");
    forget(&third);
    let fetched = afar.backup(&["fetch"]);
    assert_eq!(fetched["file"].as_str(), third.to_str(), "{fetched}");
    assert_eq!(fs::read(&third).unwrap(), whole);
    assert_eq!(
        verified(&afar.daemon, &third, &identity(&afar.world))["holds"],
        true
    );

    // Somebody who may write to the bucket changes an archive: it is not taken for one.
    forget(&third);
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    afar.put(name(&third), &changed);
    let told = afar.backup(&["fetch", name(&third)]);
    assert_eq!(code(&told), "backup_damaged", "{told}");
    assert!(!third.exists(), "what is damaged was left here");

    // Nor is anything that has no name of an archive, wherever it would like to lie.
    let outside = "deeper/revkeep-20990101T000000.000Z.age";
    for name in [outside.to_owned(), format!("{outside}.sha256")] {
        afar.put(&name, b"theirs");
    }
    assert_eq!(
        code(&afar.backup(&["fetch", outside])),
        "backup_not_in_bucket"
    );
    afar.close().await;
}

fn forget(archive: &Path) {
    fs::remove_file(archive).unwrap();
    fs::remove_file(archive.with_added_extension("sha256")).unwrap();
}

fn finding(afar: &Afar, subject: &str) -> Value {
    let told = afar.daemon.command(&["check"]).unwrap();
    let findings = told["findings"].as_array().unwrap();
    let found = findings.iter().find(|one| one["subject"] == subject);
    found.unwrap_or_else(|| panic!("{told}")).clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_may_not_be_reached_is_told_before_an_archive_is_made() {
    let world = World::start(Durability::Tests).await.unwrap();
    let daemon = world.daemon(DaemonOptions::default()).await.unwrap();
    assert_eq!(
        code(&daemon.command(&["backup", "send"]).unwrap()),
        "backup_no_bucket"
    );
    let bucket = |key: PathBuf| {
        configure(
            &daemon,
            "bucket.toml",
            &format!(
                "[backup.bucket]\nendpoint = \"https://10.1.2.3:9000\"\nname = \"archives\"\nregion = \"r\"\n\
                 access_key = \"a\"\nsecret_key = {{ file = {key:?} }}\nkeep = 2\n"
            ),
        );
    };
    bucket(daemon.home.join("absent"));
    let told = daemon.command(&["backup", "create"]).unwrap();
    assert_eq!(code(&told), "backup_bucket_no_key", "{told}");
    bucket(world.backup_identity.clone());
    // A private address that the configuration does not declare is never asked (CX-20).
    let told = daemon.command(&["backup", "send"]).unwrap();
    assert_eq!(code(&told), "backup_bucket", "{told}");
    assert!(told.to_string().contains("10.1.2.3"), "{told}");
    assert!(daemon.stop().await.unwrap().success());
}
