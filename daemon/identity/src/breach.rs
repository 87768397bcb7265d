//! Passwords that are known from breaches (LM-16, CX-17), without ever asking the internet: a file of
//! hashes on this machine, a mirror of the range service inside the customer's network, or neither.
//!
//! The file is the one that Have I Been Pwned publishes, ordered by hash: lines `SHA1:COUNT` in
//! capitals. It is searched on disk, some forty short reads whatever its size (about 40 GB), and never
//! loaded. The mirror is asked for the first five digits of the hash alone (k-anonymity), with padding.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use egress::{Egress, Http, Method, Purpose, Request};
use kernel::Secret;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::IdentityError;

const DIGITS: usize = 40;
const PREFIX: usize = 5;
/// A line is 40 digits, a colon, a count and an end of line.
const MOST_LINE: u64 = 64;
const MIRROR_TIMEOUT: Duration = Duration::from_secs(5);
/// A range has some thousand lines of 37 to 50 bytes.
const MOST_RANGE_BYTES: usize = 512 * 1024;

/// `[identity.breach]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreachConfig {
    /// The hash file.
    pub hash_file: Option<PathBuf>,
    /// The mirror's address up to the five digits, `https://pwned.example.internal/range/`.
    pub mirror: Option<String>,
}

pub(crate) struct Breaches {
    config: BreachConfig,
    mirror: OnceLock<Http>,
}

impl Breaches {
    pub(crate) const fn new(config: BreachConfig) -> Self {
        Self {
            config,
            mirror: OnceLock::new(),
        }
    }

    pub(crate) fn set_egress(&self, egress: &Egress) {
        let _ = self.mirror.set(egress.http(Purpose::BreachRange));
    }

    /// Whether the password is known. Fails closed: a source that is configured and does not answer
    /// refuses the password for now.
    pub(crate) async fn contains(&self, password: &Secret<String>) -> Result<bool, IdentityError> {
        Ok(self.file_contains(password).await? || self.mirror_contains(password).await?)
    }

    pub(crate) async fn file_contains(
        &self,
        password: &Secret<String>,
    ) -> Result<bool, IdentityError> {
        let Some(path) = self.config.hash_file.clone() else {
            return Ok(false);
        };
        let hash = hash(password);
        tokio::task::spawn_blocking(move || HashFile::open(&path)?.contains(&hash))
            .await
            .map_err(|_| IdentityError::Crypto("searching the breach list"))?
            .map_err(IdentityError::BreachList)
    }

    async fn mirror_contains(&self, password: &Secret<String>) -> Result<bool, IdentityError> {
        let Some(mirror) = &self.config.mirror else {
            return Ok(false);
        };
        let unavailable = |why: String| IdentityError::BreachList(io::Error::other(why));
        let http = self
            .mirror
            .get()
            .ok_or_else(|| unavailable(String::from("there is no way out")))?;
        let hash = hash(password);
        let (prefix, suffix) = hash
            .split_at_checked(PREFIX)
            .ok_or(IdentityError::Crypto("a hash"))?;
        let request = Request::new(Method::Get, format!("{mirror}{prefix}"))
            .header("add-padding", "true")
            .timeout(MIRROR_TIMEOUT)
            .most_response_bytes(MOST_RANGE_BYTES);
        let answer = http
            .send(request)
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        if !answer.is_success() {
            return Err(unavailable(format!(
                "the mirror answered {}",
                answer.status
            )));
        }
        range_contains(&String::from_utf8_lossy(answer.body()), suffix)
            .ok_or_else(|| unavailable(String::from("the mirror answered something else")))
    }
}

/// Whether the list can be searched, for `revkeep check`: its first and last line are as they must be.
pub fn breach_list_check(path: &Path) -> Result<(), String> {
    let file = HashFile::open(path).map_err(|error| error.to_string())?;
    let text = |error: io::Error| error.to_string();
    let first = file.line_at(0).map_err(text)?;
    let last = file
        .line_after(file.length.saturating_sub(MOST_LINE))
        .map_err(text)?;
    match (first.clone(), last.or(first)) {
        (Some((_, first)), Some((_, last))) if digits(&first) <= digits(&last) => Ok(()),
        _ => Err(String::from(
            "it is not the list ordered by hash: lines must read SHA1:COUNT",
        )),
    }
}

/// SHA-1 in capitals: what the lists are made of; nothing is protected by it.
fn hash(password: &Secret<String>) -> Zeroizing<String> {
    let digest = openssl::sha::sha1(password.expose().as_bytes());
    Zeroizing::new(digest.iter().map(|byte| format!("{byte:02X}")).collect())
}

/// `SUFFIX:COUNT` lines; those with the count 0 are padding. `None`: it is no range, so it says nothing
/// about the password.
fn range_contains(body: &str, suffix: &str) -> Option<bool> {
    let mut contains = false;
    for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (found, count) = line.split_once(':')?;
        let sound = found.len() == suffix.len() && found.bytes().all(|b| b.is_ascii_hexdigit());
        let count: u64 = count.parse().ok().filter(|_| sound)?;
        contains |= count > 0 && found.eq_ignore_ascii_case(suffix);
    }
    Some(contains)
}

struct HashFile {
    file: File,
    length: u64,
}

fn digits(line: &str) -> &str {
    line.get(..DIGITS).unwrap_or_default()
}

impl HashFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// Halves the byte range until one line is left. What lies before `low` is smaller than the
    /// wanted hash, what begins at or after `high` is larger.
    fn contains(&self, wanted: &str) -> io::Result<bool> {
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = if middle == 0 {
                self.line_at(0)?
            } else {
                self.line_after(middle.saturating_sub(1))?
            };
            match found {
                Some((start, line)) if start < high => match digits(&line).cmp(wanted) {
                    std::cmp::Ordering::Equal => return Ok(true),
                    std::cmp::Ordering::Less => low = start.saturating_add(1),
                    std::cmp::Ordering::Greater => high = middle,
                },
                _ => high = middle,
            }
        }
        Ok(false)
    }

    /// The first line that begins after `offset`, and where.
    fn line_after(&self, offset: u64) -> io::Result<Option<(u64, String)>> {
        let bytes = self.read(offset, MOST_LINE)?;
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let skip = u64::try_from(end).unwrap_or(MOST_LINE).saturating_add(1);
                self.line_at(offset.saturating_add(skip))
            }
            None if offset.saturating_add(MOST_LINE) >= self.length => Ok(None),
            None => Err(malformed()),
        }
    }

    fn line_at(&self, start: u64) -> io::Result<Option<(u64, String)>> {
        if start >= self.length {
            return Ok(None);
        }
        let bytes = self.read(start, MOST_LINE)?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(&bytes);
        let text = std::str::from_utf8(line).map_err(|_| malformed())?;
        let sound = digits(text).len() == DIGITS
            && digits(text)
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
        if sound {
            Ok(Some((start, text.to_owned())))
        } else {
            Err(malformed())
        }
    }

    fn read(&self, offset: u64, most: u64) -> io::Result<Vec<u8>> {
        let length = most.min(self.length.saturating_sub(offset));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

fn malformed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the breach list has a line that is not SHA1:COUNT",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn file(passwords: impl Iterator<Item = String>, end: &str) -> tempfile::NamedTempFile {
        let mut lines: Vec<String> = passwords
            .enumerate()
            .map(|(n, text)| format!("{}:{}", *hash(&secret(&text)), n * n + 1))
            .collect();
        lines.sort();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "{}{end}", lines.join(end)).unwrap();
        file
    }

    #[test]
    fn a_hash_is_the_published_one() {
        assert_eq!(
            *hash(&secret("password")),
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"
        );
    }

    /// Every line of files of every small size, the first and the last among them, and none other.
    #[test]
    fn the_search_finds_each_line_and_nothing_else() {
        for count in [1_usize, 2, 3, 4, 7, 8, 64, 1_000] {
            for end in ["\n", "\r\n"] {
                let kept = file((0..count).map(|n| format!("known {n}")), end);
                let list = HashFile::open(kept.path()).unwrap();
                breach_list_check(kept.path()).unwrap();
                for n in 0..count {
                    let wanted = hash(&secret(&format!("known {n}")));
                    assert!(list.contains(&wanted).unwrap(), "{n} of {count}");
                    let other = hash(&secret(&format!("unknown {n}")));
                    assert!(!list.contains(&other).unwrap(), "{n} of {count}");
                }
            }
        }
        let empty = tempfile::NamedTempFile::new().unwrap();
        let list = HashFile::open(empty.path()).unwrap();
        assert!(!list.contains(&hash(&secret("x"))).unwrap());
    }

    #[tokio::test]
    async fn a_list_that_is_missing_or_no_list_refuses_for_now() {
        let mut noise = tempfile::NamedTempFile::new().unwrap();
        writeln!(noise, "{}", "password\n".repeat(100)).unwrap();
        for path in [noise.path().to_owned(), PathBuf::from("/nonexistent")] {
            assert!(breach_list_check(&path).is_err());
            let breaches = Breaches::new(BreachConfig {
                hash_file: Some(path),
                mirror: None,
            });
            let found = breaches.contains(&secret("whatever")).await;
            assert!(matches!(found, Err(IdentityError::BreachList(_))));
        }
    }

    #[tokio::test]
    async fn a_mirror_without_a_way_out_refuses_for_now() {
        let breaches = Breaches::new(BreachConfig {
            hash_file: None,
            mirror: Some(String::from("https://pwned.example.internal/range/")),
        });
        let found = breaches.contains(&secret("whatever")).await;
        assert!(matches!(found, Err(IdentityError::BreachList(_))));
    }

    #[test]
    fn what_is_no_range_says_nothing() {
        let suffix = "0018A45C4D1DEF81644B54AB7F969B88D65";
        for body in [
            "<html></html>",
            suffix,
            &format!("{suffix}:"),
            "0018:1",
            "a:b:c",
        ] {
            assert_eq!(range_contains(body, suffix), None, "{body}");
        }
        assert_eq!(range_contains("", suffix), Some(false));
    }

    #[test]
    fn padding_is_no_finding() {
        let body =
            "0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\r\n";
        let contains = |suffix| range_contains(body, suffix);
        assert_eq!(contains("0018A45C4D1DEF81644B54AB7F969B88D65"), Some(true));
        assert_eq!(contains("00D4F6E8FA6EECAD2A3AA415EEC418D38EC"), Some(false));
        assert_eq!(contains("011053FD0102E94D6AE2F8B83D76FAF94F6"), Some(false));
    }
}
