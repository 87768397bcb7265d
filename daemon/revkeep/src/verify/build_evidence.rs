//! What the build of this program found out about it (LM-65, LM-66): the results of its checks in a manifest,
//! signed by a key that the build was given. The public half is in the program, and the program's version and
//! hash are in the manifest, so that nobody else's results count. Without a manifest the controls that rest on
//! it stay absent; with one that shows something else they fail.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::Path,
    sync::OnceLock,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::verdict::Standing;

/// Hexadecimal, of an Ed25519 key (RFC 8032); given to the compiler by whoever builds a release.
#[cfg(not(feature = "failpoints"))]
const KEY: Option<&str> = option_env!("REVKEEP_BUILD_KEY");
/// The build that tests attack believes the key whose 32 secret bytes are all 7; a release lacks the feature.
#[cfg(feature = "failpoints")]
const KEY: Option<&str> = Some("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c");
const _: () = assert!(
    match KEY {
        Some(key) => key.len() == 64,
        None => true,
    },
    "REVKEEP_BUILD_KEY is set and is no key: 64 hexadecimal digits, as ./dev evidence --public prints them"
);
const FORMAT: &str = "revkeep-build-1";
/// No manifest is longer.
const MOST_BYTES: u64 = 1 << 20;
/// What became known since a build was checked is not in its results.
const MOST_DAYS: i64 = 180;
/// How far two honest clocks may be apart.
const CLOCKS_APART: TimeDelta = TimeDelta::days(1);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: String,
    /// Of the program.
    version: String,
    commit: String,
    made_at: DateTime<Utc>,
    /// SHA-256 of the program, hexadecimal.
    program: String,
    checks: BTreeMap<String, Check>,
    /// SHA-256 of what else the build made, by name.
    #[expect(dead_code, reason = "for whoever compares the files of a package")]
    files: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    passed: bool,
    evidence: String,
}

/// What there is of it.
#[derive(Debug)]
pub(super) enum BuildEvidence {
    /// Nothing claims anything; why not.
    Missing(String),
    /// Something claims what it cannot show; why not.
    Void(String),
    Shown(Manifest),
}

impl BuildEvidence {
    /// Reads the manifest of this program; its signature stands beside it with `.sig` at the end.
    pub(super) fn found(manifest: Option<&Path>, now: DateTime<Utc>) -> Self {
        let Some(path) = manifest else {
            return Self::Missing("verify.build_manifest names no file".to_owned());
        };
        let Some(key) = KEY else {
            return Self::Missing("this program was built without a key for evidence".to_owned());
        };
        match read(path) {
            Ok((text, signature, program)) => Self::judged(&text, &signature, key, program, now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::Missing(format!("{} is not there", path.display()))
            }
            Err(error) => Self::Void(format!("{} cannot be read: {error}", path.display())),
        }
    }

    /// `signature` and `key` in hexadecimal; `program`: the hash of what runs.
    fn judged(text: &[u8], signature: &str, key: &str, program: &str, now: DateTime<Utc>) -> Self {
        let void = |why: &str| Self::Void(format!("the build's manifest {why}"));
        let key = bytes(key).and_then(|key| <[u8; 32]>::try_from(key).ok());
        let (Some(key), Some(signature)) = (key, bytes(signature)) else {
            return void("has no signature that can be read");
        };
        if !vault::signature_holds(&key, text, &signature) {
            return void("is not signed by the key of this program's build");
        }
        match serde_json::from_slice::<Manifest>(text) {
            Ok(shown) => match shown.other_than(program, now) {
                Some(why) => void(&why),
                None => Self::Shown(shown),
            },
            Err(_) => void("cannot be understood"),
        }
    }

    /// Where a control stands that rests on these checks of the build: it needs all of them.
    pub(super) fn says(&self, checks: &[String]) -> (Standing, String) {
        match self {
            Self::Missing(why) => (
                Standing::Absent,
                format!("No evidence of the build: {why}."),
            ),
            Self::Void(why) => (Standing::Failing, format!("Evidence that is void: {why}.")),
            Self::Shown(manifest) => manifest.says(checks),
        }
    }
}

impl Manifest {
    /// Why it speaks of something else than `program`, which runs now.
    fn other_than(&self, program: &str, now: DateTime<Utc>) -> Option<String> {
        let version = env!("CARGO_PKG_VERSION");
        let days = (now - self.made_at).num_days();
        if self.format != FORMAT {
            Some(format!("is of the format {}", self.format))
        } else if self.version != version {
            Some(format!(
                "is of version {}, and this is {version}",
                self.version
            ))
        } else if self.program != program {
            Some(format!(
                "is of another program, the one of commit {}",
                self.commit
            ))
        } else if self.made_at - now > CLOCKS_APART {
            Some(format!("was made in the future, on {}", self.made_at))
        } else if days > MOST_DAYS {
            Some(format!(
                "is {days} days old; what became known since is not in it"
            ))
        } else {
            None
        }
    }

    /// A check that failed weighs more than one that was not made.
    fn says(&self, checks: &[String]) -> (Standing, String) {
        let of = |name: &String| self.checks.get(name);
        let failed = |name: &&String| of(name).is_some_and(|check| !check.passed);
        if let Some(name) = checks.iter().find(failed) {
            let said = of(name).map_or("", |check| check.evidence.as_str());
            return (
                Standing::Failing,
                format!(
                    "The check {name} failed in the build of commit {}: {said}.",
                    self.commit
                ),
            );
        }
        if let Some(name) = checks.iter().find(|name| of(name).is_none()) {
            return (
                Standing::Absent,
                format!("The build of commit {} made no check {name}.", self.commit),
            );
        }
        let said: Vec<String> = checks
            .iter()
            .filter_map(|name| Some(format!("{name}: {}", of(name)?.evidence)))
            .collect();
        let day = self.made_at.date_naive();
        (
            Standing::BuildEvidence,
            format!(
                "Build of commit {}, checked on {day}. {}.",
                self.commit,
                said.join(". ")
            ),
        )
    }
}

/// The manifest, its signature, and the hash of the running program, whatever was installed in its place since.
fn read(path: &Path) -> io::Result<(Vec<u8>, String, &'static str)> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sig");
    let text = small(path)?;
    let signature = match small(Path::new(&beside)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let signature = String::from_utf8_lossy(&signature).into_owned();
    Ok((text, signature, running()?))
}

/// A file that nobody can make so long that reading it would hurt.
fn small(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    fs::File::open(path)?
        .take(MOST_BYTES + 1)
        .read_to_end(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= MOST_BYTES) {
        Ok(text)
    } else {
        Err(io::ErrorKind::FileTooLarge.into())
    }
}

/// The hash of the running program, which is the same for as long as it runs.
fn running() -> io::Result<&'static str> {
    static HASH: OnceLock<String> = OnceLock::new();
    if let Some(known) = HASH.get() {
        return Ok(known);
    }
    let hash = hash_of(Path::new("/proc/self/exe"))?;
    Ok(HASH.get_or_init(|| hash))
}

/// SHA-256 of a file that need not fit into memory, in hexadecimal.
fn hash_of(path: &Path) -> io::Result<String> {
    let (mut file, mut hash) = (fs::File::open(path)?, Sha256::new());
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(audit::hex(&hash.finalize())),
            read => hash.update(piece.get(..read).unwrap_or_default()),
        }
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.trim().as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use openssl::{
        pkey::{Id, PKey},
        sign::Signer,
    };
    use serde_json::{Value, json};

    use super::*;

    const PROGRAM: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 7, 1, 0, 0, 0).unwrap()
    }

    fn manifest() -> Value {
        json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "commit": "1cb1005",
            "made_at": "2026-06-30T12:00:00+00:00",
            "program": PROGRAM,
            "checks": {
                "advisories": { "passed": true, "evidence": "nothing found" },
                "secrets": { "passed": true, "evidence": "0 secrets" },
            },
            "files": {},
        })
    }

    /// The signature of the key whose secret bytes are all `seed`, and its public half.
    fn signed(text: &[u8], seed: u8) -> (String, String) {
        let key = PKey::private_key_from_raw_bytes(&[seed; 32], Id::ED25519).unwrap();
        let signature = Signer::new_without_digest(&key)
            .unwrap()
            .sign_oneshot_to_vec(text)
            .unwrap();
        (
            audit::hex(&signature),
            audit::hex(&key.raw_public_key().unwrap()),
        )
    }

    fn judged(manifest: &Value) -> BuildEvidence {
        let text = manifest.to_string();
        let (signature, key) = signed(text.as_bytes(), 7);
        BuildEvidence::judged(text.as_bytes(), &signature, &key, PROGRAM, now())
    }

    fn says(evidence: &BuildEvidence, checks: &[&str]) -> (Standing, String) {
        let checks: Vec<String> = checks.iter().map(|&name| name.to_owned()).collect();
        evidence.says(&checks)
    }

    #[test]
    fn a_signed_manifest_bears_out_what_rests_on_its_checks() {
        let (standing, said) = says(&judged(&manifest()), &["secrets", "advisories"]);
        assert_eq!(
            standing,
            Standing::BuildEvidence,
            "never enforced, which only a live probe is"
        );
        assert_eq!(
            said,
            "Build of commit 1cb1005, checked on 2026-06-30. secrets: 0 secrets. advisories: nothing found."
        );
    }

    #[test]
    fn without_a_manifest_it_is_absent_and_says_so() {
        for none in [
            BuildEvidence::found(None, now()),
            BuildEvidence::found(Some(Path::new("/nonexistent/manifest.json")), now()),
        ] {
            let (standing, said) = says(&none, &["secrets"]);
            assert_eq!(standing, Standing::Absent);
            assert!(said.starts_with("No evidence of the build: "), "{said}");
        }
    }

    #[test]
    fn what_is_changed_unsigned_or_of_another_key_is_void() {
        let text = manifest().to_string();
        let (signature, key) = signed(text.as_bytes(), 7);
        let (theirs, their_key) = signed(text.as_bytes(), 8);
        let flipped = text.replace("0 secrets", "1 secrets");
        for (what, text, signature, key) in [
            ("a flipped byte", &flipped, &signature, &key),
            ("another key's signature", &text, &theirs, &key),
            ("another key in the program", &text, &signature, &their_key),
            ("no signature", &text, &String::new(), &key),
            ("no hexadecimal", &text, &"zz".repeat(64), &key),
        ] {
            let evidence = BuildEvidence::judged(text.as_bytes(), signature, key, PROGRAM, now());
            let (standing, said) = says(&evidence, &["secrets"]);
            assert_eq!(standing, Standing::Failing, "{what}: {said}");
        }
        let sound = BuildEvidence::judged(text.as_bytes(), &signature, &key, PROGRAM, now());
        assert_eq!(says(&sound, &["secrets"]).0, Standing::BuildEvidence);
    }

    #[test]
    fn what_is_signed_and_of_something_else_is_void() {
        for (key, value, names) in [
            ("version", json!("0.0.1"), "is of version 0.0.1"),
            (
                "program",
                json!("00"),
                "another program, the one of commit 1cb1005",
            ),
            ("format", json!("revkeep-build-2"), "format revkeep-build-2"),
            ("made_at", json!("2026-01-01T00:00:00Z"), "is 181 days old"),
            ("made_at", json!("2026-07-03T00:00:00Z"), "in the future"),
            ("made_at", json!("yesterday"), "cannot be understood"),
            ("more", json!(1), "cannot be understood"),
        ] {
            let mut other = manifest();
            other[key] = value;
            let (standing, said) = says(&judged(&other), &["secrets"]);
            assert_eq!(standing, Standing::Failing, "{key}: {said}");
            assert!(said.contains(names), "{key}: {said}");
        }
    }

    #[test]
    fn a_check_that_failed_fails_by_name_and_one_that_was_not_made_is_absent() {
        let mut failed = manifest();
        failed["checks"]["advisories"] = json!({ "passed": false, "evidence": "1 found" });
        let failed = judged(&failed);
        assert_eq!(says(&failed, &["secrets"]).0, Standing::BuildEvidence);
        for checks in [
            &["secrets", "advisories"][..],
            &["licences", "advisories"][..],
        ] {
            let (standing, said) = says(&failed, checks);
            assert_eq!(standing, Standing::Failing, "{said}");
            assert!(said.contains("The check advisories failed"), "{said}");
        }
        let (standing, said) = says(&failed, &["secrets", "licences"]);
        assert_eq!(standing, Standing::Absent);
        assert!(said.contains("made no check licences"), "{said}");
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let long = tempfile::NamedTempFile::new().unwrap();
        long.as_file().set_len(MOST_BYTES + 1).unwrap();
        let evidence = BuildEvidence::found(Some(long.path()), now());
        assert!(
            matches!(&evidence, BuildEvidence::Void(why) if why.contains("cannot be read")),
            "{evidence:?}"
        );
    }
}
