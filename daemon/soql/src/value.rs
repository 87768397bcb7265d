//! The literals of SOQL.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::{name::Name, number::Number};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Bool(bool),
    /// With escapes already undone.
    Text(String),
    /// A string on the right of LIKE, with wildcards told apart from escaped ones.
    Pattern(LikePattern),
    Number(Number),
    /// `USD5000`: an ISO code of three letters and an amount.
    Currency(Name, Number),
    Date(NaiveDate),
    DateTime(DateTime<Utc>),
    Time(NaiveTime),
    Relative(DateLiteral),
}

/// What stands on the right of LIKE, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LikePattern(pub Vec<PatternPiece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternPiece {
    /// Never empty, and never two in a row when it came from the parser.
    Literal(String),
    /// `_`: exactly one character.
    AnyOne,
    /// `%`: any run of characters, the empty one too.
    AnyRun,
}

impl LikePattern {
    /// Whether LIKE holds, without regard to case.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.to_lowercase().chars().collect();
        let pattern: Vec<Wanted> = self.0.iter().flat_map(wanted).collect();
        let (mut at, mut next) = (0, 0);
        // The last run seen, and where in the text it ends for now.
        let mut run: Option<(usize, usize)> = None;
        while let Some(character) = text.get(at) {
            match pattern.get(next) {
                Some(Wanted::Run) => {
                    run = Some((next, at));
                    next += 1;
                }
                Some(Wanted::One) => (at, next) = (at + 1, next + 1),
                Some(Wanted::Exactly(wanted)) if wanted == character => {
                    (at, next) = (at + 1, next + 1);
                }
                _ => {
                    let Some((place, end)) = run else {
                        return false;
                    };
                    run = Some((place, end + 1));
                    (at, next) = (end + 1, place + 1);
                }
            }
        }
        pattern.iter().skip(next).all(|rest| *rest == Wanted::Run)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Exactly(char),
    One,
    Run,
}

fn wanted(piece: &PatternPiece) -> Vec<Wanted> {
    match piece {
        PatternPiece::Literal(text) => text.to_lowercase().chars().map(Wanted::Exactly).collect(),
        PatternPiece::AnyOne => vec![Wanted::One],
        PatternPiece::AnyRun => vec![Wanted::Run],
    }
}

/// A stretch of the calendar that a date literal names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    Day,
    Week,
    Month,
    Quarter,
    Year,
    FiscalQuarter,
    FiscalYear,
}

/// `TODAY`, `LAST_MONTH`, `NEXT_N_DAYS:7` and their kin; a range of days that moves with the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateLiteral {
    Yesterday,
    Today,
    Tomorrow,
    /// `LAST_90_DAYS`
    Last90Days,
    /// `NEXT_90_DAYS`
    Next90Days,
    /// `LAST_WEEK`; never with [`Period::Day`].
    Last(Period),
    This(Period),
    Next(Period),
    /// `LAST_N_DAYS:n`
    LastN(Period, u32),
    NextN(Period, u32),
    /// `N_DAYS_AGO:n`
    Ago(Period, u32),
}

const PERIODS: [(Period, &str, &str); 7] = [
    (Period::Day, "DAY", "DAYS"),
    (Period::Week, "WEEK", "WEEKS"),
    (Period::Month, "MONTH", "MONTHS"),
    (Period::Quarter, "QUARTER", "QUARTERS"),
    (Period::Year, "YEAR", "YEARS"),
    (Period::FiscalQuarter, "FISCAL_QUARTER", "FISCAL_QUARTERS"),
    (Period::FiscalYear, "FISCAL_YEAR", "FISCAL_YEARS"),
];

impl Period {
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
            Self::Quarter => "QUARTER",
            Self::Year => "YEAR",
            Self::FiscalQuarter => "FISCAL_QUARTER",
            Self::FiscalYear => "FISCAL_YEAR",
        }
    }

    fn from_singular(word: &str) -> Option<Self> {
        let named = PERIODS.iter().find(|(_, singular, _)| *singular == word);
        named
            .map(|(period, ..)| *period)
            .filter(|period| *period != Self::Day)
    }

    fn from_plural(word: &str) -> Option<Self> {
        PERIODS
            .iter()
            .find(|(.., plural)| *plural == word)
            .map(|(period, ..)| *period)
    }
}

impl DateLiteral {
    /// A literal that takes no number.
    pub(crate) fn fixed(word: &str) -> Option<Self> {
        let word = word.to_ascii_uppercase();
        let simple = match word.as_str() {
            "YESTERDAY" => Some(Self::Yesterday),
            "TODAY" => Some(Self::Today),
            "TOMORROW" => Some(Self::Tomorrow),
            "LAST_90_DAYS" => Some(Self::Last90Days),
            "NEXT_90_DAYS" => Some(Self::Next90Days),
            _ => None,
        };
        simple.or_else(|| {
            let (which, period) = word.split_once('_')?;
            let period = Period::from_singular(period)?;
            match which {
                "LAST" => Some(Self::Last(period)),
                "THIS" => Some(Self::This(period)),
                "NEXT" => Some(Self::Next(period)),
                _ => None,
            }
        })
    }

    /// A literal that takes a number after a colon, with 0 in its place.
    pub(crate) fn counted(word: &str) -> Option<Self> {
        let word = word.to_ascii_uppercase();
        if let Some(period) = word.strip_prefix("LAST_N_") {
            Some(Self::LastN(Period::from_plural(period)?, 0))
        } else if let Some(period) = word.strip_prefix("NEXT_N_") {
            Some(Self::NextN(Period::from_plural(period)?, 0))
        } else {
            let period = word
                .strip_prefix("N_")
                .and_then(|rest| rest.strip_suffix("_AGO"))?;
            Some(Self::Ago(Period::from_plural(period)?, 0))
        }
    }

    pub(crate) fn with_count(self, count: u32) -> Self {
        match self {
            Self::LastN(period, _) => Self::LastN(period, count),
            Self::NextN(period, _) => Self::NextN(period, count),
            Self::Ago(period, _) => Self::Ago(period, count),
            fixed => fixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{ast::Condition, parse, value::Value};

    fn matches(pattern: &str, text: &str) -> bool {
        let query = parse(&format!("SELECT Id FROM Lead WHERE Name LIKE '{pattern}'")).unwrap();
        match query.filter {
            Some(Condition::Compare(comparison)) => match comparison.value {
                Value::Pattern(pattern) => pattern.matches(text),
                other => panic!("not a pattern: {other:?}"),
            },
            other => panic!("not a comparison: {other:?}"),
        }
    }

    #[test]
    fn like_knows_runs_single_characters_case_and_escapes() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("_", "", false),
            ("_", "é", true),
            ("ACME%", "acme corp", true),
            ("%corp", "Acme Corp", true),
            ("%a%b%", "xxaxxbxx", true),
            ("%a%b%", "xxbxxaxx", false),
            ("%ab", "aab", true),
            ("a%b%c", "abcbc", true),
            ("a_c", "abbc", false),
            (r"50\%", "50%", true),
            (r"50\%", "500", false),
            (r"a\_b", "axb", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(
                matches(pattern, text),
                expected,
                "{text:?} LIKE {pattern:?}"
            );
        }
        assert!(!matches(&"%a".repeat(200), &"b".repeat(4_000)));
    }
}
