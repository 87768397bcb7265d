//! `[audit]` of the configuration.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;

/// Rows are kept so long at least, whatever the configuration says (LM-78).
const LEAST_MONTHS: u32 = 24;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How often new rows are sealed.
    pub seal_seconds: u32,
    /// How many whole months rows are kept before `revkeep audit prune` takes them.
    pub keep_months: u32,
}

impl Config {
    /// The first moment of the oldest month that is kept at `now`.
    pub fn kept_from(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let months = Months::new(self.keep_months.max(LEAST_MONTHS));
        let month = NaiveDate::from_ymd_opt(now.year(), now.month(), 1)?;
        Some(
            month
                .checked_sub_months(months)?
                .and_time(NaiveTime::MIN)
                .and_utc(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_whole_years_are_kept_even_when_less_is_asked_for() {
        let now: DateTime<Utc> = "2026-11-22T14:00:00Z".parse().unwrap();
        let kept = |keep_months| {
            let config = Config {
                seal_seconds: 5,
                keep_months,
            };
            config.kept_from(now).unwrap().to_rfc3339()
        };
        assert_eq!(kept(24), "2024-11-01T00:00:00+00:00");
        assert_eq!(kept(1), kept(24));
        assert_eq!(kept(36), "2023-11-01T00:00:00+00:00");
    }
}
