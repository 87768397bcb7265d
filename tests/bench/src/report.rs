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
    /// `None`: the interval straddles the bar.
    pub(crate) holds: Option<bool>,
}

/// Sorts the samples and gives the median with an interval that needs no assumption about their
/// distribution: order statistics, the lowest and highest left out from nine samples on. It
/// covers the median with 98.4 % at 7 samples and 98.8 % at 11.
pub(crate) fn median(samples: &mut [f64]) -> Option<(f64, [f64; 2])> {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().checked_sub(1)?;
    let trim = usize::from(samples.len() >= 9);
    let at = |index: usize| samples.get(index).copied();
    let middle = last / 2;
    let median = (at(middle)? + at(last.saturating_sub(middle))?) / 2.0;
    Some((median, [at(trim)?, at(last.saturating_sub(trim))?]))
}

/// Whether a rate with this interval is at least `bar`.
pub(crate) fn at_least(interval: [f64; 2], bar: f64) -> Option<bool> {
    let [low, high] = interval;
    if low >= bar {
        Some(true)
    } else if high < bar {
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
