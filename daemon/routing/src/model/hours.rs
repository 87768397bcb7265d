//! Working hours: minutes of a week by the wall clock of the rep's own time zone.
//!
//! A week begins on Monday at 00:00. An instant is in working hours when the wall clock of that
//! instant is; every instant has exactly one wall-clock time, so nothing is left open at a change of
//! the clocks: a local time that is skipped never comes (that day is shorter), a local time that is
//! repeated comes twice (that day is longer).

use serde::{Deserialize, Serialize};

pub(crate) const DAY: i32 = 24 * 60;
pub(crate) const WEEK: i32 = 7 * DAY;

/// Most intervals of a week.
const MOST: usize = 50;

/// A stretch of work as a person writes it. An end that is not after the start is on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// ISO: 1 is Monday, 7 Sunday.
    pub day: u8,
    /// Minute of the day, 0 to 1439.
    pub from: u16,
    /// Minute of the day, 1 to 1440; 1440 is the day's end.
    pub until: u16,
}

/// Why hours are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoursFlaw {
    /// No interval at all: somebody who never works is away, not at work for no time.
    Empty,
    TooMany,
    /// A day that is none of 1 to 7, or a minute that is none of a day.
    OutOfDay,
    /// Start and end are the same.
    NoLength,
    Overlap,
}

impl HoursFlaw {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "hours_empty",
            Self::TooMany => "hours_too_many",
            Self::OutOfDay => "hours_out_of_day",
            Self::NoLength => "hours_no_length",
            Self::Overlap => "hours_overlap",
        }
    }

    pub const fn message(self) -> &'static str {
        match self {
            Self::Empty => {
                "Give at least one stretch of work, or none at all for a rep who is always there."
            }
            Self::TooMany => "A week has at most 50 stretches of work.",
            Self::OutOfDay => {
                "A stretch has a day from 1 (Monday) to 7, a start from 00:00 to 23:59 and an end up to 24:00."
            }
            Self::NoLength => {
                "A stretch of work starts and ends at the same time. For a whole day write 00:00 to 24:00."
            }
            Self::Overlap => "Two stretches of work overlap.",
        }
    }
}

/// The working hours of a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeekHours {
    /// `[start, end)` in minutes of the week, in order. The last may end in the next week.
    spans: Vec<(i32, i32)>,
}

impl WeekHours {
    /// # Errors
    /// The first flaw found.
    pub fn new(intervals: &[Interval]) -> Result<Self, HoursFlaw> {
        if intervals.is_empty() {
            return Err(HoursFlaw::Empty);
        }
        if intervals.len() > MOST {
            return Err(HoursFlaw::TooMany);
        }
        let mut spans = intervals.iter().map(span).collect::<Result<Vec<_>, _>>()?;
        spans.sort_unstable();
        let apart = spans
            .iter()
            .zip(spans.iter().skip(1))
            .all(|((_, end), (start, _))| end <= start);
        let around = match (spans.first(), spans.last()) {
            (Some((start, _)), Some((_, end))) => end.saturating_sub(WEEK) <= *start,
            _ => true,
        };
        if apart && around {
            Ok(Self { spans })
        } else {
            Err(HoursFlaw::Overlap)
        }
    }

    /// The minutes in turn: start, end, start, end.
    pub fn stored(&self) -> Vec<i32> {
        self.spans
            .iter()
            .flat_map(|(start, end)| [*start, *end])
            .collect()
    }

    /// Reads [`WeekHours::stored`]; `None` of what was not written by it.
    pub fn from_stored(minutes: &[i32]) -> Option<Self> {
        let pairs = minutes.chunks_exact(2);
        let whole = pairs.remainder().is_empty() && !minutes.is_empty();
        let spans: Vec<(i32, i32)> = pairs
            .filter_map(|pair| Some((*pair.first()?, *pair.last()?)))
            .collect();
        let sound = |(start, end): &(i32, i32)| {
            (0..WEEK).contains(start) && end > start && *end <= WEEK.saturating_add(DAY)
        };
        (whole && spans.iter().all(sound)).then_some(Self { spans })
    }

    /// As a person wrote them, in the order of the week.
    pub fn intervals(&self) -> Vec<Interval> {
        self.spans
            .iter()
            .filter_map(|(start, end)| {
                let day = start.div_euclid(DAY);
                let until = end.saturating_sub(day.saturating_mul(DAY));
                let until = if until > DAY {
                    until.saturating_sub(DAY)
                } else {
                    until
                };
                Some(Interval {
                    day: u8::try_from(day.saturating_add(1)).ok()?,
                    from: u16::try_from(start.rem_euclid(DAY)).ok()?,
                    until: u16::try_from(until).ok()?,
                })
            })
            .collect()
    }

    /// Whether a minute of the week, 0 to 10,079, is one of work.
    pub fn contains(&self, minute: i32) -> bool {
        let next = minute.saturating_add(WEEK);
        self.spans
            .iter()
            .any(|(start, end)| (start..end).contains(&&minute) || (start..end).contains(&&next))
    }

    /// Minutes from a minute of the week to the next start or end, at least 1.
    pub fn to_next_change(&self, minute: i32) -> i32 {
        let edges = self.spans.iter().flat_map(|(start, end)| [*start, *end]);
        edges
            .map(|edge| match edge.saturating_sub(minute).rem_euclid(WEEK) {
                0 => WEEK,
                away => away,
            })
            .min()
            .unwrap_or(WEEK)
    }
}

fn span(interval: &Interval) -> Result<(i32, i32), HoursFlaw> {
    let Interval { day, from, until } = *interval;
    let (from, until) = (i32::from(from), i32::from(until));
    if !(1..=7).contains(&day) || from >= DAY || until > DAY || until == 0 {
        return Err(HoursFlaw::OutOfDay);
    }
    if from == until {
        return Err(HoursFlaw::NoLength);
    }
    let begin = i32::from(day).saturating_sub(1).saturating_mul(DAY);
    let end = if until > from {
        until
    } else {
        until.saturating_add(DAY)
    };
    Ok((begin.saturating_add(from), begin.saturating_add(end)))
}
