//! A folder of a configuration, and archives that come to it.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::backup::manifest::tests::manifest;

const MAIN: &str = "configuration/revkeep.toml";
const SETUP: &str = "configuration/conf.d/50-setup.toml";

struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(machine.path("conf.d")).unwrap();
        fs::create_dir(machine.path("state")).unwrap();
        for (name, text) in files {
            fs::write(machine.path(name), text).unwrap();
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| error.kind().to_string())
    }

    /// All files, and nothing else than those.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let folders = ["", "conf.d", "state"];
        let entries = folders
            .iter()
            .flat_map(|folder| fs::read_dir(self.path(folder)).unwrap());
        let paths = entries.map(|entry| entry.unwrap().path());
        let files = paths.filter(|path| path.is_file());
        files
            .map(|path| (path.clone(), fs::read(&path).unwrap()))
            .collect()
    }

    /// Sets where a keystore lies.
    fn local(&self) -> String {
        let keystore = self.path("state/keystore");
        format!("[secrets]\nbackend = \"local\"\n[secrets.local]\nkeystore = {keystore:?}\n")
    }

    fn look(
        &self,
        archive: &[(&str, &str)],
        differing: Option<Differing>,
        keystore: bool,
    ) -> Result<Files, BackupError> {
        let parts = archive
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_owned()));
        Files::compare(
            &self.path("revkeep.toml"),
            manifest(),
            &Parts(parts.collect()),
            (differing, keystore),
            DateTime::UNIX_EPOCH,
        )
    }
}

const URL: &str = "[site]\npublic_url = \"https://a.example\"\n";

#[test]
fn a_machine_without_settings_gets_those_of_the_archive_and_its_keystore() {
    // The package's file is there: it sets nothing that is not so anyway.
    let machine = Machine::new(&[("revkeep.toml", Config::manual())]);
    let setup = format!("{URL}{}", machine.local());
    let archive = [
        (MAIN, "# The administrator's own words.\n"),
        (SETUP, &setup),
        (KEYSTORE, "keys"),
    ];
    let before = machine.files();
    let plan = machine.look(&archive, None, true).unwrap().plan();
    assert_eq!(machine.files(), before);
    let done = machine.look(&archive, None, true).unwrap().apply().unwrap();
    assert_eq!(done.stay(), plan);
    assert_eq!(machine.text("conf.d/50-setup.toml"), setup);
    assert_eq!(machine.text("state/keystore"), "keys");
    assert_eq!(
        machine.text("revkeep.toml.before-19700101t000000"),
        Config::manual()
    );
    let mode = |name: &str| {
        fs::metadata(machine.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(
        (mode("revkeep.toml"), mode("conf.d/50-setup.toml")),
        (0o640, 0o640)
    );
    assert_eq!(mode("state/keystore"), 0o600);
    let again = machine.look(&archive, None, true).unwrap();
    assert_eq!(again.plan(), []);
}

#[test]
fn settings_that_differ_are_named_and_nothing_is_changed_before_somebody_chose() {
    let here = "[site]\npublic_url = \"https://b.example\"\n";
    let machine = Machine::new(&[("conf.d/50-setup.toml", here), ("conf.d/60-own.toml", "")]);
    let archive = [(MAIN, ""), (SETUP, URL)];
    let before = machine.files();
    let refused = machine.look(&archive, None, false).err().unwrap();
    assert_eq!(refused.code(), "restore_files_differ");
    let said = refused.to_string();
    assert!(
        said.contains(r#"site.public_url is "https://b.example" and was "https://a.example""#),
        "{said}"
    );
    let kept = machine
        .look(&archive, Some(Differing::Keep), false)
        .unwrap();
    assert_eq!(kept.plan(), []);

    // Taken, and taken back when what comes after goes wrong.
    let taken = || {
        machine
            .look(&archive, Some(Differing::Take), false)
            .unwrap()
    };
    let placed = taken().apply().unwrap();
    assert_eq!(machine.text("conf.d/50-setup.toml"), URL);
    drop(placed);
    assert_eq!(machine.files(), before);
    let changed = taken().apply().unwrap().stay();
    assert_eq!(changed.len(), 3);
    assert!(!machine.path("conf.d/60-own.toml").exists());
    assert_eq!(
        machine.text("conf.d/50-setup.toml.before-19700101t000000"),
        here
    );
    let is = settings(&super::here(&machine.path("revkeep.toml")).unwrap()).unwrap();
    assert_eq!(is["site.public_url"], "https://a.example");
}

#[test]
fn comments_and_the_order_of_files_are_no_difference() {
    let machine = Machine::new(&[("revkeep.toml", URL)]);
    let other = format!("# Changed on Monday.\n{URL}");
    let same = machine.look(&[(MAIN, ""), (SETUP, &other)], None, true);
    assert_eq!(same.unwrap().plan(), []);
}

/// One that is here has newer keys, and has not those that were destroyed since.
#[test]
fn a_keystore_that_is_here_is_replaced_by_word_alone_and_never_beside_a_database() {
    let machine = Machine::new(&[("state/keystore", "newer")]);
    fs::write(machine.path("revkeep.toml"), machine.local()).unwrap();
    let main = machine.local();
    let archive = [(MAIN, main.as_str()), (KEYSTORE, "older")];
    for differing in [None, Some(Differing::Keep), Some(Differing::Take)] {
        let beside = machine.look(&archive, differing, false).unwrap();
        assert_eq!(beside.plan(), []);
    }
    let refused = machine.look(&archive, None, true).err().unwrap();
    assert!(refused.to_string().contains("state/keystore"), "{refused}");
    let kept = machine.look(&archive, Some(Differing::Keep), true).unwrap();
    assert_eq!(kept.plan(), []);
    let taken = machine.look(&archive, Some(Differing::Take), true).unwrap();
    taken.apply().unwrap().stay();
    assert_eq!(machine.text("state/keystore"), "older");
    assert_eq!(
        machine.text("state/keystore.before-19700101t000000"),
        "newer"
    );
    fs::remove_file(machine.path("state/keystore")).unwrap();
    let missing = machine.look(&archive, None, false).unwrap();
    assert_eq!(missing.plan().len(), 1);
}

#[test]
fn a_configuration_that_this_program_cannot_use_is_taken_back() {
    let machine = Machine::new(&[("revkeep.toml", "")]);
    let before = machine.files();
    let archive = [(MAIN, "nonsense = 1\n")];
    let refused = machine.look(&archive, None, true).unwrap().apply();
    assert_eq!(refused.err().unwrap().code(), "restore_files_unfit");
    assert_eq!(machine.files(), before);
    let refused = machine
        .look(&[(MAIN, "no toml")], None, true)
        .err()
        .unwrap();
    assert_eq!(refused.code(), "restore_files_unfit");
}

/// Whoever has the public key can make an archive.
#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let machine = Machine::new(&[]);
    for name in [
        "configuration/conf.d/../../out.toml",
        "configuration/conf.d/.toml",
        "configuration/conf.d/.hidden.toml",
        "configuration/conf.d/a/b.toml",
        "configuration/conf.d/no-suffix",
        "configuration/etc/a.toml",
        "configuration//etc/a.toml",
        "configuration/../a.toml",
    ] {
        let refused = machine.look(&[(MAIN, ""), (name, URL)], None, true).err();
        assert_eq!(refused.unwrap().code(), "backup_not_one", "{name}");
    }
    let two = machine.look(&[(MAIN, URL), ("configuration/b.toml", URL)], None, true);
    assert_eq!(two.err().unwrap().code(), "backup_not_one");
}
