//! Sample texts. Texts are ordered by code point in lower case; an organisation's own collation may
//! order some characters otherwise.

use std::collections::BTreeSet;

use super::domain::{Sample, Test, bounds};
use crate::value::{LikePattern, PatternPiece};

/// The longest text that a filterable field holds.
const MAX_LENGTH: usize = 255;
/// The first visible character: no text begins before it.
const LOWEST: char = '!';

/// The number of characters that a pattern is written with.
pub(super) fn length(pattern: &LikePattern) -> usize {
    pattern.0.iter().map(piece_length).sum()
}

fn piece_length(piece: &PatternPiece) -> usize {
    match piece {
        PatternPiece::Literal(text) => text.chars().count(),
        PatternPiece::AnyOne | PatternPiece::AnyRun => 1,
    }
}

pub(super) fn samples(tests: &[Test]) -> Vec<Sample> {
    let constants = constants(tests);
    let patterns = patterns(tests);
    let fresh = fresh(&constants, &patterns);
    let mut found: BTreeSet<String> =
        [fresh.to_string(), LOWEST.to_string(), char::MAX.to_string()].into();
    for constant in &constants {
        // The text itself, and the nearest that is longer and so comes after it.
        found.insert(constant.clone());
        found.insert(format!("{constant}!"));
    }
    for pattern in &patterns {
        found.insert(instance(pattern, fresh, false));
        found.insert(instance(pattern, fresh, true));
        let shortest = pattern
            .0
            .iter()
            .filter(|piece| **piece != PatternPiece::AnyRun)
            .map(piece_length)
            .sum::<usize>();
        let lengths = [shortest.saturating_sub(1), shortest, shortest + 1];
        let wanted = lengths.into_iter().filter(|length| *length <= MAX_LENGTH);
        found.extend(wanted.map(|length| fresh.to_string().repeat(length)));
    }
    found.extend(joined(&patterns, fresh));
    let possible = |text: &String| {
        let length = text.chars().count();
        (1..=MAX_LENGTH).contains(&length) && !text.starts_with(|first| first < LOWEST)
    };
    found
        .into_iter()
        .filter(possible)
        .map(Sample::Text)
        .collect()
}

fn constants(tests: &[Test]) -> Vec<String> {
    let text = |sample| match sample {
        Sample::Text(text) => Some(text),
        _ => None,
    };
    bounds(tests).into_iter().filter_map(text).collect()
}

fn patterns(tests: &[Test]) -> Vec<&LikePattern> {
    let mut found = Vec::new();
    for test in tests {
        if let Test::Like(pattern) = test {
            found.push(pattern);
        }
    }
    found
}

/// A letter that neither a constant nor a pattern holds.
fn fresh(constants: &[String], patterns: &[&LikePattern]) -> char {
    let literals = patterns
        .iter()
        .flat_map(|pattern| &pattern.0)
        .filter_map(|piece| match piece {
            PatternPiece::Literal(text) => Some(text),
            PatternPiece::AnyOne | PatternPiece::AnyRun => None,
        });
    let used: BTreeSet<char> = constants
        .iter()
        .chain(literals)
        .flat_map(|text| text.chars())
        .collect();
    // Hangul syllables: 11,172 letters without case; a statement could use them all, but then
    // hardly in one field, and a repeated sample only loses precision.
    ('\u{ac00}'..='\u{d7a3}')
        .find(|letter| !used.contains(letter))
        .unwrap_or('\u{ac00}')
}

/// A text that the pattern matches, with runs empty or of one fresh letter.
fn instance(pattern: &LikePattern, fresh: char, runs: bool) -> String {
    let mut text = String::new();
    for piece in &pattern.0 {
        match piece {
            PatternPiece::Literal(literal) => text.push_str(&literal.to_lowercase()),
            PatternPiece::AnyOne => text.push(fresh),
            PatternPiece::AnyRun if runs => text.push(fresh),
            PatternPiece::AnyRun => {}
        }
    }
    text
}

/// Beyond so many patterns, not every pair of them is joined.
const MAX_JOINED: usize = 12;

/// Texts that several patterns match at once, as `%a%` and `%b%` both match `ab`: each pair one
/// after the other, and all of them in their order.
fn joined(patterns: &[&LikePattern], fresh: char) -> Vec<String> {
    let texts: Vec<String> = patterns
        .iter()
        .map(|pattern| instance(pattern, fresh, false))
        .collect();
    let paired = texts.iter().take(MAX_JOINED);
    let mut found: Vec<String> = paired
        .clone()
        .flat_map(|first| paired.clone().map(move |second| format!("{first}{second}")))
        .collect();
    found.push(texts.concat());
    found
}

/// Beyond so many named values, not every selection of them is a sample.
const MAX_COMBINED: usize = 8;

/// Selections of a multi-select picklist: one of a value that the query does not name, and every
/// combination of those that it names. Where these are many: each alone, each set as the query
/// names it, and all.
pub(super) fn part_samples(tests: &[Test]) -> Vec<Sample> {
    let mut sets: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for test in tests {
        if let Test::Includes(named) = test {
            sets.extend(named.iter().cloned());
        }
    }
    let exact = bounds(tests).into_iter().filter_map(|sample| match sample {
        Sample::Parts(parts) => Some(parts),
        _ => None,
    });
    sets.extend(exact);
    let all: BTreeSet<String> = sets.iter().flatten().cloned().collect();
    if all.len() <= MAX_COMBINED {
        sets.extend(combinations(&all));
    } else {
        sets.extend(all.iter().map(|part| BTreeSet::from([part.clone()])));
        sets.insert(all);
    }
    sets.insert(BTreeSet::from(["\u{ac00}".to_owned()]));
    sets.into_iter()
        .filter(|set| !set.is_empty())
        .map(Sample::Parts)
        .collect()
}

fn combinations(all: &BTreeSet<String>) -> Vec<BTreeSet<String>> {
    let mut found = vec![BTreeSet::new()];
    for part in all {
        let with_part: Vec<BTreeSet<String>> = found
            .iter()
            .map(|set| set.iter().chain([part]).cloned().collect())
            .collect();
        found.extend(with_part);
    }
    found
}
