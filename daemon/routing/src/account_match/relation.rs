//! How two company names stand to each other.

use super::{
    name::CompanyName,
    words::{COMMON, PLACE, UNIT, WEAK},
};

/// How the lead's company is written, measured against the account's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameRelation {
    /// The same words.
    Same,
    /// The same words in another order, or without words such as `Group`.
    Reordered,
    /// One or two letters differ.
    Typo,
    /// One is made of the other's first letters.
    Acronym,
    /// The lead's is a short form of the account's: words are left out or cut short.
    Short,
    /// One is in a script that has no single Latin writing, the other is Latin: they cannot be compared.
    OtherScript,
    /// The lead, or the account, has no name.
    Missing,
    Different,
}

impl NameRelation {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Reordered => "reordered",
            Self::Typo => "typo",
            Self::Acronym => "acronym",
            Self::Short => "short",
            Self::OtherScript => "other_script",
            Self::Missing => "missing",
            Self::Different => "different",
        }
    }
}

/// Compares a lead's company with an account's name. `label` is the domain they have in common,
/// without its public suffix, where they have one: some acronyms are known by it alone.
pub fn relate(lead: &CompanyName, account: &CompanyName, label: Option<&str>) -> NameRelation {
    if lead.is_empty() || account.is_empty() {
        return NameRelation::Missing;
    }
    if lead.joined() == account.joined() {
        return NameRelation::Same;
    }
    if lead.is_foreign() != account.is_foreign() {
        return NameRelation::OtherScript;
    }
    if lead.is_foreign() {
        return foreign(lead, account);
    }
    let (ours, theirs) = (lead.strong(), account.strong());
    if same_words(&ours, &theirs) {
        return NameRelation::Reordered;
    }
    if is_acronym(&ours, &theirs, label) || is_acronym(&theirs, &ours, label) {
        return NameRelation::Acronym;
    }
    if is_typo(&ours, &theirs) {
        return NameRelation::Typo;
    }
    if is_short(&ours, &theirs) {
        return NameRelation::Short;
    }
    NameRelation::Different
}

/// Whether a name says which firm it is by itself: it has a word that few firms have, and enough of
/// them that another firm hardly has the same.
pub(super) fn is_distinct(name: &CompanyName) -> bool {
    if name.is_foreign() {
        return name.joined().chars().count() >= 4;
    }
    let strong = name.strong();
    let rare = |word: &&&str| !is_common(word);
    let longest = strong
        .iter()
        .filter(rare)
        .map(|word| word.len())
        .max()
        .unwrap_or(0);
    longest >= 7 || (longest >= 4 && strong.len() >= 2)
}

/// Whether a domain's label is made from a name: it holds a word of it, or the name's beginning.
pub(super) fn label_fits(label: &str, name: &CompanyName) -> bool {
    let label = super::fold::skeleton(&label.replace('-', ""));
    if name.is_empty() || name.is_foreign() || label.len() < 2 {
        return false;
    }
    let strong = name.strong();
    let word = |word: &&str| word.len() >= 4 && !is_common(word) && label.contains(*word);
    let whole = strong.concat();
    let begins = label.len() >= 4 && (whole.starts_with(&label) || label.contains(&whole));
    strong.iter().any(word)
        || begins
        || label == initials(&strong)
        || (strong.len() == 1 && whole == label)
}

fn is_common(word: &str) -> bool {
    COMMON.contains(&word) || WEAK.contains(&word) || PLACE.contains(&word)
}

fn same_words(ours: &[&str], theirs: &[&str]) -> bool {
    let sorted = |words: &[&str]| {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        words.sort_unstable();
        words
    };
    ours.concat() == theirs.concat() || sorted(ours) == sorted(theirs)
}

fn initials(words: &[&str]) -> String {
    words
        .iter()
        .filter_map(|word| word.chars().next())
        .collect()
}

/// `short` is one word of first letters of `long`; or, where the domain is that word too, of any
/// letters of it in order.
fn is_acronym(short: &[&str], long: &[&str], label: Option<&str>) -> bool {
    let [short] = short else { return false };
    if !(2..=6).contains(&short.len()) {
        return false;
    }
    // `ABB Sweden` is not what ABB stands for.
    if long.first().is_none_or(|word| word.starts_with(*short)) {
        return false;
    }
    let by_first = long.len() >= 2 && initials(long) == **short;
    let by_label = label == Some(*short) && in_order(short, &long.concat());
    by_first || by_label
}

/// Whether `short` begins as `long` does and its letters come in it in order.
fn in_order(short: &str, long: &str) -> bool {
    let mut letters = long.chars();
    short.chars().next() == long.chars().next()
        && short.len() < long.len()
        && short.chars().all(|c| letters.any(|other| other == c))
}

/// One letter in a name of five to nine, two in a longer one; numbers are never typing errors.
fn is_typo(ours: &[&str], theirs: &[&str]) -> bool {
    let (ours, theirs) = (ours.concat(), theirs.concat());
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let allowed = match ours.len().min(theirs.len()) {
        0..5 => return false,
        5..10 => 1,
        _ => 2,
    };
    ours.len().abs_diff(theirs.len()) <= allowed
        && digits(&ours) == digits(&theirs)
        && strsim::osa_distance(&ours, &theirs) <= allowed
}

/// Each word of the lead's stands in the account's or is a cut form of one that does; what the
/// account has beyond is neither a part of a firm nor a place.
fn is_short(ours: &[&str], theirs: &[&str]) -> bool {
    let mut left: Vec<&str> = theirs.to_vec();
    let mut told = false;
    for word in ours {
        let exact = left.iter().position(|other| other == word);
        let Some(at) = exact.or_else(|| left.iter().position(|other| is_cut(word, other))) else {
            return false;
        };
        left.remove(at);
        told |= !is_common(word);
    }
    told && !left
        .iter()
        .any(|word| UNIT.contains(word) || PLACE.contains(word))
}

/// One of the words is a cut form of the other: `constr` of `construcciones`, `pumps` of `pump`.
fn is_cut(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    short.len() >= 3 && long.starts_with(short) || short.len() >= 4 && in_order(short, long)
}

fn foreign(lead: &CompanyName, account: &CompanyName) -> NameRelation {
    let (ours, theirs) = (lead.joined(), account.joined());
    let short = if ours.len() < theirs.len() {
        ours
    } else {
        theirs
    };
    if short.chars().count() >= 3 && (ours.contains(theirs) || theirs.contains(ours)) {
        return NameRelation::Short;
    }
    NameRelation::Different
}
