//! How a decision's reasons are kept in the routing log: two short texts, made for a row that is
//! written fifty thousand times and read when somebody asks why.
//!
//! `lost`: one word per losing rule, `<rule>.<version>` followed by `:<term>` for each term that
//! explains the loss (`e` after it: the record's value was empty), or by `-` when it was disabled.
//! `candidates`: one word per rep, `<rep>.<standing>.<weight>.<credit>`.
//!
//! `<rule>` and `<rep>` are the last 12 hex digits of the id: random in a UUIDv7, and enough to
//! tell a tenant's rules and reps apart. Terms are indexes into that version of the rule; when the
//! rule has changed since, what its terms said is no longer known and the reader is told so.

use std::fmt::Write as _;

use kernel::RuleId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    compile::Lost,
    decide::{Decision, Standing},
    rules::RuleSet,
};

/// The recorded form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons {
    pub lost: String,
    pub candidates: String,
}

/// A losing rule, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostRule {
    pub rule: String,
    pub version: i64,
    /// Empty when the rule was disabled.
    pub terms: Vec<Lost>,
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
            candidates: candidates_text(decision),
        }
    }

    /// The losing rules, in the order in which they were tried. A word that cannot be read is left
    /// out: it was not written by [`Reasons::of`].
    pub fn rules(&self) -> Vec<LostRule> {
        self.lost
            .split_ascii_whitespace()
            .filter_map(read_rule)
            .collect()
    }

    pub fn reps(&self) -> Vec<LostRep> {
        self.candidates
            .split_ascii_whitespace()
            .filter_map(read_rep)
            .collect()
    }
}

fn lost_text(decision: &Decision, rules: &RuleSet) -> String {
    let mut text = String::with_capacity(decision.losses.len().saturating_mul(20));
    let mut open = None;
    for loss in &decision.losses {
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
                push(&mut text, format_args!(":{term}"));
                if empty {
                    text.push('e');
                }
            }
        }
    }
    text
}

fn candidates_text(decision: &Decision) -> String {
    let mut text = String::with_capacity(decision.candidates.len().saturating_mul(24));
    for candidate in &decision.candidates {
        if !text.is_empty() {
            text.push(' ');
        }
        let (_, tail) = candidate.rep.uuid().as_u64_pair();
        let tail = tail & 0xffff_ffff_ffff;
        let letter = letter(candidate.standing);
        push(
            &mut text,
            format_args!(
                "{tail:012x}.{letter}.{}.{}",
                candidate.weight, candidate.credit
            ),
        );
    }
    text
}

/// Writing to a String cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}

const fn letter(standing: Standing) -> char {
    match standing {
        Standing::Chosen => 'c',
        Standing::NotTheirTurn => 'n',
        Standing::Inactive => 'i',
        Standing::Paused => 'p',
        Standing::Unknown => 'u',
    }
}

fn read_rule(word: &str) -> Option<LostRule> {
    let (rule, rest) = word.split_once('.')?;
    let (version, terms) = match rest.strip_suffix('-') {
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
    let letter_read = parts.next()?;
    let standing = Standing::ALL
        .into_iter()
        .find(|s| letter_read.chars().eq([letter(*s)]))?;
    let weight = parts.next()?.parse().ok()?;
    let credit = parts.next()?.parse().ok()?;
    Some(LostRep {
        rep,
        standing,
        weight,
        credit,
    })
}
