//! How a decision's reasons are kept in the routing log: short texts, made for a row that is
//! written fifty thousand times and read when somebody asks why.
//!
//! `lost`: one word per losing rule, `<rule>.<version>` followed by `:<term>` for each term that
//! explains the loss (`e` after it: the record's value was empty), by `-` when it was disabled, or by
//! `!` when it matched, had nobody available and passed the record on, or by `~` when it matched, gives to
//! the owner of the record's territory, and the record lies in none.
//! `candidates`: one word per rep, `<rep>.<standing>.<weight>.<credit>`, and for who was off or capped
//! a fifth part: until when, in minutes since 1970 (`-`: not known), after a cap its window's letter.
//! Reps of rules that passed the record on stand first, after a word `@<rule>`; `@` alone then begins
//! those of the target that was used.
//! `territories`: one word per rule that gives to the owner of the record's territory,
//! `<rule>.<territory>.<area>`, places from 0 in that version's territories; where another territory
//! holds the record too, its place follows with how it was beaten, `.<territory>n` by a narrower area or
//! `.<territory>e` by standing earlier. `<rule>.-`: the record lies in none. The text is left out where
//! no rule asked.
//!
//! Each form only added to the one before: what was recorded earlier reads as it always did, and a
//! word that a reader does not know is left out.
//!
//! `<rule>` and `<rep>` are the last 12 hex digits of the id: random in a UUIDv7, and enough to
//! tell a tenant's rules and reps apart. Terms are indexes into that version of the rule; when the
//! rule has changed since, what its terms said is no longer known and the reader is told so.

use chrono::{DateTime, Utc};
use kernel::RuleId;
use serde::{Deserialize, Serialize};
use uuid::{Uuid, fmt::Simple};

use super::{
    caps::{Cap, CapReached},
    compile::Lost,
    decide::{Candidate, Decision, Standing},
    rules::RuleSet,
    schedule::{Absence, Off},
};
use crate::territory::{Located, Won};

/// The recorded form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons {
    pub lost: String,
    pub candidates: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub territories: String,
}

/// The territory that a rule found the record in, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTerritory {
    pub rule: String,
    pub located: Option<Located>,
}

/// A losing rule, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRule {
    pub rule: String,
    pub version: i64,
    /// Empty when the rule was disabled or let the record go on.
    pub terms: Vec<Lost>,
    /// It matched, nobody was available, and it passed the record on.
    pub passed: bool,
    /// It matched, and the record lies in no territory.
    pub outside: bool,
}

/// A rep who was looked at, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRep {
    pub rep: String,
    pub standing: Standing,
    pub weight: u32,
    pub credit: i64,
}

/// The last 12 hex digits of an id.
pub fn tail(id: Uuid) -> String {
    let text = id.as_simple().to_string();
    text.get(20..).unwrap_or_default().to_owned()
}

pub(crate) fn rule_tag(id: RuleId, version: i64) -> String {
    format!("{}.{version}", tail(id.uuid()))
}

impl Reasons {
    /// Records why the others lost.
    pub fn of(decision: &Decision, rules: &RuleSet) -> Self {
        Self {
            lost: lost_text(decision, rules),
            candidates: candidates_text(decision, rules),
            territories: territories_text(decision, rules),
        }
    }

    /// The territory of the record at each rule that asked for it, in order.
    pub fn territories(&self) -> Vec<FoundTerritory> {
        self.territories
            .split_ascii_whitespace()
            .filter_map(read_territory)
            .collect()
    }

    /// The losing rules, in the order in which they were tried. A word that cannot be read is left
    /// out: it was not written by [`Reasons::of`].
    pub fn rules(&self) -> Vec<LostRule> {
        self.lost
            .split_ascii_whitespace()
            .filter_map(read_rule)
            .collect()
    }

    /// The reps of the target that was used.
    pub fn reps(&self) -> Vec<LostRep> {
        self.groups()
            .pop()
            .map(|(_, reps)| reps)
            .unwrap_or_default()
    }

    /// The reps of each rule that passed the record on, by the rule's tail, in order.
    pub fn passed(&self) -> Vec<(String, Vec<LostRep>)> {
        let mut groups = self.groups();
        groups.pop();
        groups
    }

    /// The reps of each target that was tried, in order, after the rule that passed the record on; the
    /// last are those of the target that was used.
    pub(crate) fn groups(&self) -> Vec<(String, Vec<LostRep>)> {
        let mut groups = Vec::new();
        let mut open = (String::new(), Vec::new());
        for word in self.candidates.split_ascii_whitespace() {
            match word.strip_prefix('@') {
                Some(rule) => {
                    let done = std::mem::replace(&mut open, (rule.to_owned(), Vec::new()));
                    if !done.0.is_empty() {
                        groups.push(done);
                    }
                }
                None => open.1.extend(read_rep(word)),
            }
        }
        groups.push(open);
        groups
    }
}

fn lost_text(decision: &Decision, rules: &RuleSet) -> String {
    let mut text = String::with_capacity(decision.losses.len().saturating_mul(20));
    let mut open = None;
    let mut let_go = let_go(decision).into_iter().peekable();
    for loss in &decision.losses {
        while let Some((rule, mark)) = let_go.next_if(|(rule, _)| *rule < loss.rule) {
            let_go_text(&mut text, rules, rule, mark);
            open = Some(rule);
        }
        if open != Some(loss.rule) {
            if open.is_some() {
                text.push(' ');
            }
            open = Some(loss.rule);
            let rule = rules.rules().get(usize::from(loss.rule));
            text.push_str(rule.map_or("", |rule| &rule.tag));
        }
        match loss.lost {
            None => text.push('-'),
            Some(Lost { term, empty }) => {
                text.push(':');
                push_number(&mut text, term);
                if empty {
                    text.push('e');
                }
            }
        }
    }
    for (rule, mark) in let_go {
        let_go_text(&mut text, rules, rule, mark);
    }
    text
}

/// The rules that matched and let the record go on, in order, each with its mark.
fn let_go(decision: &Decision) -> Vec<(u16, char)> {
    let passed = decision.passed.iter().map(|passed| (passed.rule, '!'));
    let found = decision.territories.iter();
    let outside = found.filter(|found| found.located.is_none());
    let mut rules: Vec<_> = passed
        .chain(outside.map(|found| (found.rule, '~')))
        .collect();
    rules.sort_unstable();
    rules
}

fn territories_text(decision: &Decision, rules: &RuleSet) -> String {
    let mut text = String::new();
    for found in &decision.territories {
        if !text.is_empty() {
            text.push(' ');
        }
        if let Some(rule) = rules.rules().get(usize::from(found.rule)) {
            push_tail(&mut text, rule.id.uuid());
        }
        text.push('.');
        let Some(Located { place, beaten }) = found.located else {
            text.push('-');
            continue;
        };
        push_number(&mut text, place.0);
        text.push('.');
        push_number(&mut text, place.1);
        if let Some((other, won)) = beaten {
            text.push('.');
            push_number(&mut text, other);
            text.push(match won {
                Won::Narrower => 'n',
                Won::Earlier => 'e',
            });
        }
    }
    text
}

fn read_territory(word: &str) -> Option<FoundTerritory> {
    let mut parts = word.split('.');
    let rule = parts.next()?.to_owned();
    let located = match parts.next()? {
        "-" => None,
        territory => Some(Located {
            place: (territory.parse().ok()?, parts.next()?.parse().ok()?),
            beaten: match parts.next() {
                None => None,
                Some(beaten) => Some(read_beaten(beaten)?),
            },
        }),
    };
    Some(FoundTerritory { rule, located })
}

fn read_beaten(text: &str) -> Option<(usize, Won)> {
    let (other, won) = match text.strip_suffix('n') {
        Some(other) => (other, Won::Narrower),
        None => (text.strip_suffix('e')?, Won::Earlier),
    };
    Some((other.parse().ok()?, won))
}

fn let_go_text(text: &mut String, rules: &RuleSet, rule: u16, mark: char) {
    if !text.is_empty() {
        text.push(' ');
    }
    let rule = rules.rules().get(usize::from(rule));
    text.push_str(rule.map_or("", |rule| &rule.tag));
    text.push(mark);
}

fn candidates_text(decision: &Decision, rules: &RuleSet) -> String {
    let mut text = String::with_capacity(decision.candidates.len().saturating_mul(24));
    for passed in &decision.passed {
        let rule = rules.rules().get(usize::from(passed.rule));
        text.push('@');
        if let Some(rule) = rule {
            push_tail(&mut text, rule.id.uuid());
        }
        text.push(' ');
        group_text(&mut text, &passed.candidates);
        text.push(' ');
    }
    if !decision.passed.is_empty() {
        text.push_str("@ ");
    }
    group_text(&mut text, &decision.candidates);
    text
}

fn group_text(text: &mut String, candidates: &[Candidate]) {
    for candidate in candidates {
        if !text.is_empty() && !text.ends_with(' ') {
            text.push(' ');
        }
        push_tail(text, candidate.rep.uuid());
        text.push('.');
        text.push(letter(candidate.standing));
        text.push('.');
        push_number(text, candidate.weight);
        text.push('.');
        push_number(text, candidate.credit);
        match candidate.standing {
            Standing::Off(Off { until: None, .. }) => text.push_str(".-"),
            Standing::Off(Off {
                until: Some(until), ..
            }) => {
                text.push('.');
                push_number(text, minutes(until));
            }
            Standing::RepCap(reached) | Standing::PoolCap(reached) => {
                text.push('.');
                push_number(text, minutes(reached.resets_at));
                text.push(cap_letter(reached.cap));
            }
            Standing::Chosen
            | Standing::NotTheirTurn
            | Standing::Inactive
            | Standing::Paused
            | Standing::Unknown => {}
        }
    }
}

const fn minutes(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

fn read_minutes(text: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(text.parse::<i64>().ok()?.checked_mul(60)?, 0)
}

const fn cap_letter(cap: Cap) -> char {
    match cap {
        Cap::Hour => 'h',
        Cap::Day => 'd',
        Cap::Week => 'w',
    }
}

// These are most of what a decision costs, and the formatting machinery is several times dearer.

/// [`tail`], without a text of its own.
fn push_tail(text: &mut String, id: Uuid) {
    let mut digits = [0; Simple::LENGTH];
    let digits = id.as_simple().encode_lower(&mut digits);
    text.push_str(digits.get(20..).unwrap_or_default());
}

fn push_number(text: &mut String, number: impl itoa::Integer) {
    text.push_str(itoa::Buffer::new().format(number));
}

const fn letter(standing: Standing) -> char {
    match standing {
        Standing::Chosen => 'c',
        Standing::NotTheirTurn => 'n',
        Standing::Inactive => 'i',
        Standing::Paused => 'p',
        Standing::Unknown => 'u',
        Standing::Off(Off { why, .. }) => match why {
            Absence::Hours => 'h',
            Absence::Holiday => 'd',
            Absence::TimeOff => 't',
        },
        Standing::RepCap(_) => 'r',
        Standing::PoolCap(_) => 'q',
    }
}

fn read_rule(word: &str) -> Option<LostRule> {
    let (rule, rest) = word.split_once('.')?;
    let (passed, outside) = (rest.ends_with('!'), rest.ends_with('~'));
    let (version, terms) = match rest.strip_suffix(['-', '!', '~']) {
        Some(version) => (version, Vec::new()),
        None => {
            let (version, terms) = rest.split_once(':')?;
            (
                version,
                terms.split(':').map(read_term).collect::<Option<_>>()?,
            )
        }
    };
    Some(LostRule {
        rule: rule.to_owned(),
        version: version.parse().ok()?,
        terms,
        passed,
        outside,
    })
}

fn read_term(text: &str) -> Option<Lost> {
    let (index, empty) = text
        .strip_suffix('e')
        .map_or((text, false), |index| (index, true));
    Some(Lost {
        term: index.parse().ok()?,
        empty,
    })
}

fn read_rep(word: &str) -> Option<LostRep> {
    let mut parts = word.split('.');
    let rep = parts.next()?.to_owned();
    let letter = parts.next()?;
    let weight = parts.next()?.parse().ok()?;
    let credit = parts.next()?.parse().ok()?;
    let standing = read_standing(letter, parts.next())?;
    Some(LostRep {
        rep,
        standing,
        weight,
        credit,
    })
}

fn read_standing(letter: &str, until: Option<&str>) -> Option<Standing> {
    let off = |why| {
        let until = until?;
        let until = match until {
            "-" => None,
            until => Some(read_minutes(until)?),
        };
        Some(Standing::Off(Off { why, until }))
    };
    let capped = || {
        let until = until?;
        let cap = Cap::ALL
            .into_iter()
            .find(|cap| until.ends_with(cap_letter(*cap)))?;
        let resets_at = read_minutes(until.strip_suffix(cap_letter(cap))?)?;
        Some(CapReached { cap, resets_at })
    };
    match letter {
        "c" => Some(Standing::Chosen),
        "n" => Some(Standing::NotTheirTurn),
        "i" => Some(Standing::Inactive),
        "p" => Some(Standing::Paused),
        "u" => Some(Standing::Unknown),
        "h" => off(Absence::Hours),
        "d" => off(Absence::Holiday),
        "t" => off(Absence::TimeOff),
        "r" => capped().map(Standing::RepCap),
        "q" => capped().map(Standing::PoolCap),
        _ => None,
    }
}
