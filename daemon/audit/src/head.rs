//! A head: what was signed about the log at one time. Its statement is text, a line for each field, so
//! that whoever has it can read it and check it without us.

use chrono::{DateTime, SecondsFormat, Utc};
use db::StoredHead;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::tree::{Hash, hex, unhex};

const FORMAT: &str = "revkeep audit head 1";
/// The name of the signing key in the secrets backend.
pub const SIGNING_KEY: &str = "audit";

/// What a head states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Heads are numbered from 1 without a gap.
    pub number: u64,
    /// Leaves of the tree.
    pub size: u64,
    pub root: Hash,
    /// [`Head::hash`] of the head before; zeros before the first.
    pub previous: Hash,
    pub at: DateTime<Utc>,
    /// PostgreSQL's identifier of the cluster in which `mark` counts.
    pub cluster: String,
    /// Each row of a transaction before this one is in the tree.
    pub mark: u64,
    /// While a log from another cluster is taken in: the transaction at which that goes on.
    pub cursor: Option<u64>,
    /// Whether nothing older was waiting, so that a row dated long before `at` and sealed later came late.
    pub complete: bool,
    /// Rows dated before this time may be gone by retention; their leaves stay.
    pub pruned: Option<DateTime<Utc>>,
    /// The public key that verifies the signature.
    pub key: Hash,
}

impl Statement {
    pub fn to_text(&self) -> String {
        let mark = |mark: &Option<u64>| mark.map_or_else(|| "-".to_owned(), |n| n.to_string());
        format!(
            "{FORMAT}\nnumber {}\nsize {}\nroot {}\nprevious {}\nat {}\ncluster {}\nmark {}\ncursor {}\ncomplete {}\npruned {}\nkey {}\n",
            self.number,
            self.size,
            hex(&self.root),
            hex(&self.previous),
            time(self.at),
            self.cluster,
            self.mark,
            mark(&self.cursor),
            if self.complete { "yes" } else { "no" },
            self.pruned.map_or_else(|| "-".to_owned(), time),
            hex(&self.key),
        )
    }

    /// Reads a statement; every text is one written one way or none at all.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != FORMAT {
            return None;
        }
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let parsed = Self {
            number: field("number")?.parse().ok()?,
            size: field("size")?.parse().ok()?,
            root: hash(field("root")?)?,
            previous: hash(field("previous")?)?,
            at: moment(field("at")?)?,
            cluster: field("cluster")?.to_owned(),
            mark: field("mark")?.parse().ok()?,
            cursor: optional(field("cursor")?, |text| text.parse().ok())?,
            complete: match field("complete")? {
                "yes" => true,
                "no" => false,
                _ => return None,
            },
            pruned: optional(field("pruned")?, moment)?,
            key: hash(field("key")?)?,
        };
        (parsed.to_text() == text).then_some(parsed)
    }
}

/// A statement and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub statement: Statement,
    text: String,
    pub signature: Vec<u8>,
}

/// A head as the journal, `revkeep audit heads` and an archive carry it: one JSON object on a line. What
/// counts is the statement; the rest repeats it for whoever searches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeadLine {
    pub number: u64,
    pub size: u64,
    pub at: String,
    pub root: String,
    pub statement: String,
    pub signature: String,
}

impl Head {
    pub fn new(text: &str, signature: &[u8]) -> Option<Self> {
        Some(Self {
            statement: Statement::parse(text)?,
            text: text.to_owned(),
            signature: signature.to_vec(),
        })
    }

    /// A stored head whose columns say what its statement says.
    pub fn stored(row: &StoredHead) -> Option<Self> {
        let head = Self::new(&row.statement, &row.signature)?;
        let stated = (
            i64::try_from(head.statement.number).ok()?,
            i64::try_from(head.statement.size).ok()?,
            head.statement.at,
        );
        (stated == (row.number, row.size, row.at)).then_some(head)
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the next head names as its predecessor.
    pub fn hash(&self) -> Hash {
        Sha256::new()
            .chain_update(&self.text)
            .chain_update(&self.signature)
            .finalize()
            .into()
    }

    /// Whether the key that the statement names signed it. Whether that key is to be trusted is another
    /// question.
    pub fn signature_holds(&self) -> bool {
        vault::signature_holds(&self.statement.key, self.text.as_bytes(), &self.signature)
    }

    pub fn line(&self) -> HeadLine {
        HeadLine {
            number: self.statement.number,
            size: self.statement.size,
            at: time(self.statement.at),
            root: hex(&self.statement.root),
            statement: self.text.clone(),
            signature: hex(&self.signature),
        }
    }

    pub fn from_line(line: &HeadLine) -> Option<Self> {
        Self::new(&line.statement, &unhex(&line.signature)?)
    }
}

/// Microseconds and `Z`: what PostgreSQL stores, in one writing.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

/// A public key as `revkeep audit keys` prints it.
pub fn key(text: &str) -> Option<Hash> {
    hash(text)
}

pub(crate) fn hash(text: &str) -> Option<Hash> {
    unhex(text)?.try_into().ok()
}

/// `-` for nothing.
fn optional<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        "-" => Some(None),
        text => read(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        Statement {
            number: 7,
            size: 1_000,
            root: [1; 32],
            previous: [2; 32],
            at: DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap(),
            cluster: "7412".to_owned(),
            mark: 99,
            cursor: None,
            complete: true,
            pruned: None,
            key: [3; 32],
        }
    }

    #[test]
    fn what_was_written_reads_back_and_nothing_else_does() {
        let pruned = Statement {
            cursor: Some(4),
            complete: false,
            pruned: Some(DateTime::UNIX_EPOCH),
            ..statement()
        };
        for statement in [statement(), pruned] {
            let text = statement.to_text();
            assert_eq!(Statement::parse(&text), Some(statement));
            assert_eq!(Statement::parse(text.trim_end()), None);
            assert_eq!(Statement::parse(&format!("{text}\n")), None);
            assert_eq!(
                Statement::parse(&text.replace("size 1000", "size 01000")),
                None
            );
            assert_eq!(Statement::parse(&text.replace("root 01", "root 0X")), None);
            assert_eq!(Statement::parse(&text.replace("head 1", "head 2")), None);
        }
    }

    #[test]
    fn a_head_whose_columns_say_otherwise_is_none() {
        let row = StoredHead {
            number: 7,
            size: 1_000,
            at: statement().at,
            statement: statement().to_text(),
            signature: vec![0; 64],
            frontier: Vec::new(),
        };
        assert!(Head::stored(&row).is_some());
        assert!(
            Head::stored(&StoredHead {
                size: 999,
                ..row.clone()
            })
            .is_none()
        );
        assert!(Head::stored(&StoredHead { number: 8, ..row }).is_none());
    }
}
