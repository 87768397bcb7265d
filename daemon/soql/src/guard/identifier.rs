//! Ids as numbers, so that ranges of them can be reasoned about. Salesforce orders ids digits
//! first, then upper case, then lower case; fifteen such digits make a number below 62^15.

use std::collections::BTreeSet;

use super::{
    allow::Object,
    domain::{Purpose, Sample},
};

const DIGITS: u128 = 62;
/// The places after the key prefix.
const PER_PREFIX: u128 = DIGITS.pow(12);

/// The number of the first fifteen characters.
pub(super) fn number(id: &str) -> u128 {
    id.bytes().take(15).fold(0, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => 0,
        };
        number * DIGITS + u128::from(digit)
    })
}

fn listed(bounds: &BTreeSet<Sample>) -> Vec<u128> {
    let id = |sample: &Sample| match sample {
        Sample::Id(number) => Some(*number),
        _ => None,
    };
    bounds.iter().filter_map(id).collect()
}

/// The record's own id: within the object's prefix.
pub(super) fn own(object: Object, bounds: &BTreeSet<Sample>, purpose: Purpose) -> Vec<Sample> {
    let low = number(object.key_prefix()) * PER_PREFIX;
    let high = low + PER_PREFIX - 1;
    let listed = listed(bounds);
    let near = listed
        .iter()
        .flat_map(|id| [id.saturating_sub(1), *id, id + 1]);
    let all: BTreeSet<u128> = [low, high].into_iter().chain(near).collect();
    let points: BTreeSet<u128> = listed.iter().copied().collect();
    let counts = |id: &u128| {
        (low..=high).contains(id) && (purpose == Purpose::Match || !points.contains(id))
    };
    all.into_iter().filter(counts).map(Sample::Id).collect()
}

/// Another record's id: those listed, and one that is not.
pub(super) fn foreign(bounds: &BTreeSet<Sample>) -> Vec<Sample> {
    let listed = listed(bounds);
    let fresh = listed.iter().max().map_or(1, |id| id + 1);
    listed.into_iter().chain([fresh]).map(Sample::Id).collect()
}
