//! Date literals as half-open ranges of days. The running user's zone is UTC, weeks begin on
//! Sunday, the fiscal year is the calendar year. `LAST_N_DAYS:n` includes today.

use chrono::{Datelike, Days, Months, NaiveDate};
use soql::{DateLiteral, Period};

/// The first day, and the first day after.
pub(super) fn range(literal: DateLiteral, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    use DateLiteral as L;
    let day = Period::Day;
    Some(match literal {
        L::Yesterday => (shift(today, day, -1)?, today),
        L::Today => (today, shift(today, day, 1)?),
        L::Tomorrow => (shift(today, day, 1)?, shift(today, day, 2)?),
        L::Last90Days => return range(L::LastN(day, 90), today),
        L::Next90Days => return range(L::NextN(day, 90), today),
        L::Last(period) => span(period, shift(start(period, today)?, period, -1)?)?,
        L::This(period) => span(period, start(period, today)?)?,
        L::Next(period) => span(period, shift(start(period, today)?, period, 1)?)?,
        L::LastN(Period::Day, n) => (shift(today, day, back(n)?)?, shift(today, day, 1)?),
        L::LastN(period, n) => {
            let first = start(period, today)?;
            (shift(first, period, back(n)?)?, first)
        }
        L::NextN(period, n) => {
            let first = shift(start(period, today)?, period, 1)?;
            (first, shift(first, period, i64::from(n))?)
        }
        L::Ago(period, n) => span(period, shift(start(period, today)?, period, back(n)?)?)?,
    })
}

fn back(n: u32) -> Option<i64> {
    i64::from(n).checked_neg()
}

fn span(period: Period, first: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    Some((first, shift(first, period, 1)?))
}

fn start(period: Period, day: NaiveDate) -> Option<NaiveDate> {
    match period {
        Period::Day => Some(day),
        Period::Week => {
            day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_sunday())))
        }
        Period::Month => day.with_day(1),
        Period::Quarter | Period::FiscalQuarter => {
            day.with_day(1)?.with_month(day.month0() / 3 * 3 + 1)
        }
        Period::Year | Period::FiscalYear => NaiveDate::from_ymd_opt(day.year(), 1, 1),
    }
}

fn shift(day: NaiveDate, period: Period, by: i64) -> Option<NaiveDate> {
    let (days, months) = match period {
        Period::Day => (1, 0),
        Period::Week => (7, 0),
        Period::Month => (0, 1),
        Period::Quarter | Period::FiscalQuarter => (0, 3),
        Period::Year | Period::FiscalYear => (0, 12),
    };
    let days_by = Days::new(by.unsigned_abs().checked_mul(days)?);
    let months_by = Months::new(u32::try_from(by.unsigned_abs()).ok()?.checked_mul(months)?);
    if by < 0 {
        day.checked_sub_days(days_by)?.checked_sub_months(months_by)
    } else {
        day.checked_add_days(days_by)?.checked_add_months(months_by)
    }
}

#[cfg(test)]
mod tests {
    use soql::{DateLiteral as L, Period};

    use super::range;

    #[test]
    fn literals_name_the_days_that_people_mean() {
        let days = |literal| {
            let (from, to) = range(literal, "2026-11-18".parse().unwrap()).unwrap();
            format!("{from}..{to}")
        };
        assert_eq!(days(L::Today), "2026-11-18..2026-11-19");
        assert_eq!(days(L::LastN(Period::Day, 7)), "2026-11-11..2026-11-19");
        assert_eq!(days(L::This(Period::Week)), "2026-11-15..2026-11-22");
        assert_eq!(days(L::Last(Period::Month)), "2026-10-01..2026-11-01");
        assert_eq!(days(L::This(Period::Quarter)), "2026-10-01..2027-01-01");
        assert_eq!(days(L::NextN(Period::Month, 2)), "2026-12-01..2027-02-01");
        assert_eq!(days(L::Ago(Period::Year, 1)), "2025-01-01..2026-01-01");
    }
}
