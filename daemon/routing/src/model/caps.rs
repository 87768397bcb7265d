//! Caps: how many records a rep may get in an hour, a day and a week.
//!
//! Each counts in a window of the rep's own clock: the clock hour, the local day, the local ISO week
//! (Monday to Sunday). A window is the stretch between two instants, so a day on which the clocks
//! change is 23 or 25 hours long and its cap is the same.

use chrono::{DateTime, Datelike, Days, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::schedule::{Schedule, day_start};

/// One value for each window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerWindow<T> {
    pub hour: T,
    pub day: T,
    pub week: T,
}

impl<T> PerWindow<T> {
    pub const fn get(&self, cap: Cap) -> &T {
        match cap {
            Cap::Hour => &self.hour,
            Cap::Day => &self.day,
            Cap::Week => &self.week,
        }
    }
}

/// The most records in each window; `None`: any number.
pub type Caps = PerWindow<Option<u32>>;
/// How many it has been given in each window so far.
pub type Load = PerWindow<u32>;
pub type Windows = PerWindow<Window>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cap {
    Hour,
    Day,
    Week,
}

impl Cap {
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }
}

/// `[from, until)`, and when the rep is there again after it: `None` when not within the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub back: Option<DateTime<Utc>>,
}

/// A cap that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CapReached {
    pub cap: Cap,
    pub resets_at: DateTime<Utc>,
}

impl Caps {
    pub const fn is_none(&self) -> bool {
        self.hour.is_none() && self.day.is_none() && self.week.is_none()
    }

    /// The caps that `load` has used up.
    pub fn used_up(self, load: Load) -> impl Iterator<Item = Cap> {
        Cap::ALL
            .into_iter()
            .filter(move |cap| self.get(*cap).is_some_and(|most| *load.get(*cap) >= most))
    }

    /// Of the caps that are used up, the one that is so for longest.
    pub fn reached(self, load: Load, windows: &Windows) -> Option<CapReached> {
        let reached = self.used_up(load).map(|cap| CapReached {
            cap,
            resets_at: windows.get(cap).until,
        });
        reached.max_by_key(|reached| reached.resets_at)
    }
}

impl Load {
    /// One record more, in every window.
    pub fn take_one(&mut self) {
        for count in [&mut self.hour, &mut self.day, &mut self.week] {
            *count = count.saturating_add(1);
        }
    }
}

impl Windows {
    /// The windows that `at` lies in; `None` at the ends of the calendar.
    pub fn around(schedule: &Schedule, at: DateTime<Utc>) -> Option<Self> {
        let zone: Tz = schedule.zone;
        let local = at.with_timezone(&zone);
        let today = local.date_naive();
        let monday =
            today.checked_sub_days(Days::new(u64::from(local.weekday().num_days_from_monday())))?;
        let into_hour = i64::from(local.minute())
            .saturating_mul(60)
            .saturating_add(i64::from(local.second()));
        let hour = DateTime::from_timestamp(at.timestamp().checked_sub(into_hour)?, 0)?;
        let window = |from, until: DateTime<Utc>| {
            // Where the clocks go back over midnight a day can seem over before it is.
            let until = until.max(at + TimeDelta::seconds(1));
            Window {
                from,
                until,
                back: schedule.next_available(until),
            }
        };
        let start = |day| day_start(zone, day);
        Some(Self {
            hour: window(hour, hour + TimeDelta::hours(1)),
            day: window(start(today)?, start(today.succ_opt()?)?),
            week: window(
                start(monday)?,
                start(monday.checked_add_days(Days::new(7))?)?,
            ),
        })
    }
}
