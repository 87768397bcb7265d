//! Figures, their intervals, and when a bar holds.

use std::{io::Write as _, process::ExitCode};

use serde::Serialize;

/// One line of output.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) bench: &'static str,
    pub(crate) figure: &'static str,
    /// Median over the rounds.
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The floor's median, in the same unit.
    pub(crate) floor: f64,
    /// Median of the rounds' own ratios of ours to the floor, in cost: 2 means twice the time.
    pub(crate) ratio: f64,
    pub(crate) ratio_interval: [f64; 2],
    pub(crate) interval: [f64; 2],
    pub(crate) rounds: usize,
    pub(crate) bar: f64,
    /// What the bar is for: the value, or the ratio.
    pub(crate) bar_on: &'static str,
    /// `None`: the interval straddles the bar.
    pub(crate) holds: Option<bool>,
}

/// What a figure has to keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
    RatioAtMost(f64),
}

impl Figure {
    /// To be filled in, and bounded last.
    pub(crate) const fn new(
        bench: &'static str,
        figure: &'static str,
        unit: &'static str,
        rounds: usize,
    ) -> Self {
        Self {
            bench,
            figure,
            value: 0.0,
            unit,
            floor: 0.0,
            ratio: 0.0,
            ratio_interval: [0.0; 2],
            interval: [0.0; 2],
            rounds,
            bar: 0.0,
            bar_on: "value",
            holds: None,
        }
    }

    /// Says whether the figure keeps to its limit.
    pub(crate) fn bounded(self, limit: Limit) -> Self {
        let (bar, bar_on, holds) = match limit {
            Limit::AtLeast(bar) => (bar, "value", at_least(self.interval, bar)),
            Limit::AtMost(bar) => (bar, "value", at_most(self.interval, bar)),
            Limit::RatioAtMost(bar) => (bar, "ratio", at_most(self.ratio_interval, bar)),
        };
        Self {
            bar,
            bar_on,
            holds,
            ..self
        }
    }
}

/// Sorts the samples and gives the median with an interval that needs no assumption about their
/// distribution: order statistics, as many left out at each end as leave it a coverage of 95 % (none
/// of 7 samples, 1 of 9, 3 of 15).
pub(crate) fn median(samples: &mut [f64]) -> Option<(f64, [f64; 2])> {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().checked_sub(1)?;
    let trim = trimmed(samples.len());
    let at = |index: usize| samples.get(index).copied();
    let middle = last / 2;
    let median = (at(middle)? + at(last.saturating_sub(middle))?) / 2.0;
    Some((median, [at(trim)?, at(last.saturating_sub(trim))?]))
}

/// How many of `count` sorted samples may be left out at each end so that the rest still spans the
/// median in 95 of 100 cases: the binomial distribution with probability one half.
fn trimmed(count: usize) -> usize {
    let (mut term, mut tail, mut trim) = (0.5_f64.powi(i32::try_from(count).unwrap_or(0)), 0.0, 0);
    let (mut left, mut taken) = (count, 1_usize);
    loop {
        tail += term;
        let next = term * exact(left) / exact(taken);
        if 2.0 * (tail + next) > 0.05 || trim >= count / 2 {
            return trim;
        }
        (term, left, taken, trim) = (
            next,
            left.saturating_sub(1),
            taken.saturating_add(1),
            trim + 1,
        );
    }
}

fn exact(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// Whether a rate with this interval is at least `bar`.
fn at_least(interval: [f64; 2], bar: f64) -> Option<bool> {
    let [low, high] = interval;
    if low >= bar {
        Some(true)
    } else if high < bar {
        Some(false)
    } else {
        None
    }
}

/// Whether a cost with this interval is at most `bar`.
fn at_most(interval: [f64; 2], bar: f64) -> Option<bool> {
    let [low, high] = interval;
    if high <= bar {
        Some(true)
    } else if low > bar {
        Some(false)
    } else {
        None
    }
}

pub(crate) fn progress(line: &str) {
    // A closed stderr is no reason to stop measuring.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

pub(crate) fn print(figures: &[Figure]) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for figure in figures {
        writeln!(out, "{}", serde_json::to_string(figure)?)?;
    }
    let broken = figures.iter().any(|figure| figure.holds == Some(false));
    let unsure = figures.iter().any(|figure| figure.holds.is_none());
    Ok(ExitCode::from(if broken {
        1
    } else if unsure {
        2
    } else {
        0
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_holds_by_the_near_bound_only() {
        assert_eq!(at_least([200.0, 300.0], 200.0), Some(true));
        assert_eq!(at_least([199.0, 300.0], 200.0), None);
        assert_eq!(at_least([100.0, 199.0], 200.0), Some(false));
        assert_eq!(at_most([1.2, 1.5], 1.5), Some(true));
        assert_eq!(at_most([1.2, 1.6], 1.5), None);
        assert_eq!(at_most([1.6, 1.7], 1.5), Some(false));
    }

    /// The sums of binomial terms, worked out by hand: 2 * 10 / 512 = 3.9 % at nine samples.
    #[test]
    fn as_many_samples_are_left_out_as_the_coverage_allows() {
        let expected = [
            (5, 0),
            (7, 0),
            (8, 0),
            (9, 1),
            (11, 1),
            (12, 2),
            (15, 3),
            (21, 5),
        ];
        for (count, trim) in expected {
            assert_eq!(trimmed(count), trim, "{count}");
        }
    }

    #[test]
    fn the_median_and_its_interval_come_from_the_order() {
        let mut seven = [7.0, 1.0, 3.0, 2.0, 6.0, 5.0, 4.0];
        assert_eq!(median(&mut seven), Some((4.0, [1.0, 7.0])));
        let mut nine = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        assert_eq!(median(&mut nine), Some((5.0, [2.0, 8.0])));
        assert_eq!(median(&mut [1.0, 2.0]), Some((1.5, [1.0, 2.0])));
        assert_eq!(median(&mut []), None);
    }
}
