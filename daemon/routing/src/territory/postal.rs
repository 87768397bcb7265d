//! Ranges of postal codes.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// Codes from one to another, both taken in: `10115` to `10999`, or `SW1` to `SW9`. A code lies in it
/// by its beginning, as long as the ends are: `10115-0001` in the first, `SW1A 1AA` in the second.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Ends")]
pub struct PostalRange {
    from: String,
    until: String,
}

/// A range as it is written, before anybody looked at it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    from: String,
    until: String,
}

impl TryFrom<Ends> for PostalRange {
    type Error = &'static str;

    fn try_from(ends: Ends) -> Result<Self, Self::Error> {
        Self::new(&ends.from, &ends.until).map_err(PostalFlaw::code)
    }
}

/// Why a range is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostalFlaw {
    Empty,
    /// The ends are not of one length, so that what lies between is not clear.
    Lengths,
    /// The end is before the start.
    Backwards,
    /// Longer than any postal code.
    TooLong,
}

impl PostalFlaw {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "postal_empty",
            Self::Lengths => "postal_lengths",
            Self::Backwards => "postal_backwards",
            Self::TooLong => "postal_too_long",
        }
    }
}

/// A code without blanks and signs, in capitals.
pub(super) fn plain(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_uppercase()).collect()
}

impl PostalRange {
    /// # Errors
    /// The first flaw found.
    pub fn new(from: &str, until: &str) -> Result<Self, PostalFlaw> {
        let (from, until) = (plain(from), plain(until));
        if from.is_empty() || until.is_empty() {
            return Err(PostalFlaw::Empty);
        }
        if from.len() > 12 || until.len() > 12 {
            return Err(PostalFlaw::TooLong);
        }
        if from.len() != until.len() {
            return Err(PostalFlaw::Lengths);
        }
        match from.cmp(&until) {
            Ordering::Greater => Err(PostalFlaw::Backwards),
            Ordering::Less | Ordering::Equal => Ok(Self { from, until }),
        }
    }

    /// Whether a code as people write it lies in it; one that is shorter than the ends does not.
    pub fn contains(&self, code: &str) -> bool {
        let code = plain(code);
        let beginning = code.get(..self.from.len());
        beginning.is_some_and(|code| self.from.as_str() <= code && code <= self.until.as_str())
    }

    /// Whether a code can lie in both.
    pub fn meets(&self, other: &Self) -> bool {
        let length = self.from.len().min(other.from.len());
        let cut = |code: &str| code.get(..length).unwrap_or_default().to_owned();
        cut(&self.from) <= cut(&other.until) && cut(&other.from) <= cut(&self.until)
    }

    pub fn from(&self) -> &str {
        &self.from
    }

    pub fn until(&self) -> &str {
        &self.until
    }

    /// First and last code as numbers and their length, where they are made of digits alone.
    pub(super) fn numbers(&self) -> Option<(u64, u64, usize)> {
        Some((
            self.from.parse().ok()?,
            self.until.parse().ok()?,
            self.from.len(),
        ))
    }
}

impl std::fmt::Display for PostalRange {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.from == self.until {
            return out.write_str(&self.from);
        }
        write!(out, "{} to {}", self.from, self.until)
    }
}
