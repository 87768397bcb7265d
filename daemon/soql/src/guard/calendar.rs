//! The days that a date literal names, as of a given day. In UTC, with weeks from Sunday and the
//! fiscal year as the calendar year: near enough to judge whether a filter restricts anything.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime};

use crate::value::{DateLiteral, Period};

/// Start, and the end that is no longer within. For a stamp of Salesforce's clock the present is
/// the end of time: a range that reaches past today has no end.
pub(super) fn range(
    literal: DateLiteral,
    today: NaiveDate,
    stamp: bool,
) -> (NaiveDateTime, NaiveDateTime) {
    let (start, end) = days(literal, today);
    let midnight = |day: NaiveDate| {
        if stamp && day > today {
            NaiveDateTime::MAX
        } else {
            day.and_time(NaiveTime::MIN)
        }
    };
    (midnight(start), midnight(end))
}

fn days(literal: DateLiteral, today: NaiveDate) -> (NaiveDate, NaiveDate) {
    use DateLiteral as Literal;
    let from =
        |period, first: i64, end: i64| (begin(period, today, first), begin(period, today, end));
    match literal {
        Literal::Yesterday => from(Period::Day, -1, 0),
        Literal::Today => from(Period::Day, 0, 1),
        Literal::Tomorrow => from(Period::Day, 1, 2),
        Literal::Last90Days => from(Period::Day, -90, 1),
        Literal::Next90Days => from(Period::Day, 1, 91),
        Literal::Last(period) => from(period, -1, 0),
        Literal::This(period) => from(period, 0, 1),
        Literal::Next(period) => from(period, 1, 2),
        // Days count today in; whole weeks, months and so on end before the present one.
        Literal::LastN(Period::Day, count) => from(Period::Day, -i64::from(count), 1),
        Literal::LastN(period, count) => from(period, -i64::from(count), 0),
        Literal::NextN(period, count) => from(period, 1, 1 + i64::from(count)),
        Literal::Ago(period, count) => from(period, -i64::from(count), 1 - i64::from(count)),
    }
}

/// The first day of the period that lies `by` periods from the present one; the ends of the
/// calendar stand for whatever lies beyond them.
fn begin(period: Period, today: NaiveDate, by: i64) -> NaiveDate {
    let month_of = |month: u32| NaiveDate::from_ymd_opt(today.year(), month, 1).unwrap_or(today);
    match period {
        Period::Day => add_days(today, by),
        Period::Week => {
            let since_sunday = i64::from(today.weekday().num_days_from_sunday());
            add_days(today, by.saturating_mul(7).saturating_sub(since_sunday))
        }
        Period::Month => add_months(month_of(today.month()), by),
        Period::Quarter | Period::FiscalQuarter => {
            add_months(month_of(today.month0() / 3 * 3 + 1), by.saturating_mul(3))
        }
        Period::Year | Period::FiscalYear => add_months(month_of(1), by.saturating_mul(12)),
    }
}

fn add_days(day: NaiveDate, by: i64) -> NaiveDate {
    let count = Days::new(by.unsigned_abs());
    if by < 0 {
        day.checked_sub_days(count).unwrap_or(NaiveDate::MIN)
    } else {
        day.checked_add_days(count).unwrap_or(NaiveDate::MAX)
    }
}

fn add_months(day: NaiveDate, by: i64) -> NaiveDate {
    let count = Months::new(u32::try_from(by.unsigned_abs()).unwrap_or(u32::MAX));
    if by < 0 {
        day.checked_sub_months(count).unwrap_or(NaiveDate::MIN)
    } else {
        day.checked_add_months(count).unwrap_or(NaiveDate::MAX)
    }
}
