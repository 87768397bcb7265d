//! Which of several accounts: the best match, the tie-break that decided, or that none did.

use super::compare::{Account, Confidence, CountryRelation, Found, Lead, Refused, compare};
use super::relation::NameRelation;

/// What set the chosen account apart from the other matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TieBreak {
    /// It is the surer match.
    Confidence,
    /// It alone is in the lead's country.
    Country,
    /// Its name is written more alike.
    Writing,
    /// The others are as good, and it is the oldest: the first in the order given.
    Oldest,
}

impl TieBreak {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confidence => "confidence",
            Self::Country => "country",
            Self::Writing => "writing",
            Self::Oldest => "oldest",
        }
    }
}

/// What was chosen. Places are those in the list of candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Matched {
        at: usize,
        found: Found,
        /// `None`: there was no other match.
        tie_break: Option<TieBreak>,
        /// The other matches, in the order given.
        others: Vec<(usize, Found)>,
    },
    /// Several match by the name alone or by the domain alone: any choice would be a guess.
    Ambiguous { among: Vec<(usize, Found)> },
    /// No candidate matches; why each does not.
    Unmatched { refused: Vec<(usize, Refused)> },
}

/// Chooses among the candidates, which stand in their order of age, the oldest first.
pub fn choose(lead: &Lead, candidates: &[Account]) -> Choice {
    let (mut matches, mut refused) = (Vec::new(), Vec::new());
    for (at, account) in candidates.iter().enumerate() {
        match compare(lead, account) {
            Ok(found) => matches.push((at, found)),
            Err(why) => refused.push((at, why)),
        }
    }
    if matches.is_empty() {
        return Choice::Unmatched { refused };
    }
    let (best, tie_break) = narrow(&matches);
    let (Some((at, found)), rest) = (best.first().copied(), best.get(1..).unwrap_or_default())
    else {
        return Choice::Unmatched { refused };
    };
    if !rest.is_empty() && found.confidence == Confidence::Fair {
        return Choice::Ambiguous { among: best };
    }
    // A domain that other accounts write from too may be a parent's.
    let at_domain = |(_, why): &(usize, Refused)| {
        matches!(why, Refused::OtherNameAtDomain | Refused::DomainNotOwn)
    };
    if found.by_domain_alone() && refused.iter().any(at_domain) {
        return Choice::Ambiguous { among: matches };
    }
    matches.retain(|(other, _)| *other != at);
    Choice::Matched {
        at,
        found,
        tie_break,
        others: matches,
    }
}

type Matches = Vec<(usize, Found)>;
/// How good a match is in one regard: the more the better.
type Rank = fn(&Found) -> u8;

/// The best of the matches, and the last step that left some out; several are left only where no
/// step but age tells them apart.
fn narrow(matches: &[(usize, Found)]) -> (Matches, Option<TieBreak>) {
    let steps: [(TieBreak, Rank); 3] = [
        (TieBreak::Confidence, by_confidence),
        (TieBreak::Country, by_country),
        (TieBreak::Writing, by_writing),
    ];
    let (mut left, mut decided) = (matches.to_vec(), None);
    for (step, rank) in steps {
        let best = left.iter().map(|(_, found)| rank(found)).max();
        let before = left.len();
        left.retain(|(_, found)| Some(rank(found)) == best);
        if left.len() < before {
            decided = Some(step);
        }
    }
    if left.len() > 1 {
        decided = Some(TieBreak::Oldest);
    }
    (left, decided)
}

const fn by_confidence(found: &Found) -> u8 {
    match found.confidence {
        Confidence::Certain => 2,
        Confidence::High => 1,
        Confidence::Fair => 0,
    }
}

const fn by_country(found: &Found) -> u8 {
    match found.country {
        CountryRelation::Same => 2,
        CountryRelation::Unknown => 1,
        CountryRelation::Different => 0,
    }
}

const fn by_writing(found: &Found) -> u8 {
    match found.name {
        NameRelation::Same => 6,
        NameRelation::Reordered => 5,
        NameRelation::Acronym => 4,
        NameRelation::Typo => 3,
        NameRelation::Short => 2,
        NameRelation::OtherScript => 1,
        NameRelation::Missing | NameRelation::Different => 0,
    }
}
