//! Dates and times as RFC 5545 writes them, and the zones they are written in.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A value of `DTSTART` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Moment {
    Day(NaiveDate),
    At(DateTime<Utc>),
}

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MomentFlaw {
    Form,
    Zone,
}

/// Reads `20261224`, `20261224T090000Z` or, in `named` or else `zone`, `20261224T090000`.
pub(super) fn read(text: &str, named: Option<&str>, zone: Tz) -> Result<Moment, MomentFlaw> {
    let text = text.trim();
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y%m%d") {
        return Ok(Moment::Day(day));
    }
    let (local, utc) = match text.strip_suffix('Z') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let local =
        NaiveDateTime::parse_from_str(local, "%Y%m%dT%H%M%S").map_err(|_| MomentFlaw::Form)?;
    if utc {
        return Ok(Moment::At(local.and_utc()));
    }
    let zone = match named {
        Some(name) => zone_of(name).ok_or(MomentFlaw::Zone)?,
        None => zone,
    };
    instant(zone, local).map(Moment::At).ok_or(MomentFlaw::Form)
}

/// The instant of a local time: the first of two, and the end of the gap for one that is skipped.
pub(super) fn instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    (0..=1500).step_by(15).find_map(|quarter| {
        let later = local.checked_add_signed(TimeDelta::minutes(quarter))?;
        let instant = zone.from_local_datetime(&later).earliest()?;
        Some(instant.with_timezone(&Utc))
    })
}

/// `P1D`, `P2W`, `PT4H30M`: RFC 5545, 3.3.6. Negative and empty ones are none.
pub(super) fn duration(text: &str) -> Option<TimeDelta> {
    let text = text.trim().trim_start_matches('+').strip_prefix('P')?;
    let (mut seconds, mut number, mut in_time) = (0_i64, None, false);
    for c in text.chars() {
        match (c, number) {
            ('T', None) => in_time = true,
            ('0'..='9', before) => {
                let digit = i64::from(c.to_digit(10)?);
                let before: i64 = before.unwrap_or(0);
                number = Some(before.checked_mul(10)?.checked_add(digit)?);
            }
            (unit, Some(count)) => {
                let unit = match (unit, in_time) {
                    ('W', false) => 604_800,
                    ('D', false) => 86_400,
                    ('H', true) => 3_600,
                    ('M', true) => 60,
                    ('S', true) => 1,
                    _ => return None,
                };
                seconds = seconds.checked_add(count.checked_mul(unit)?)?;
                number = None;
            }
            (_, None) => return None,
        }
    }
    let whole = number.is_none() && seconds > 0;
    whole.then(|| TimeDelta::try_seconds(seconds)).flatten()
}

/// An IANA name, or the name that Outlook writes (CLDR's windowsZones, the usual ones).
pub(super) fn zone_of(name: &str) -> Option<Tz> {
    let name = name.trim().trim_matches('"');
    if let Ok(zone) = name.parse() {
        return Some(zone);
    }
    Some(match name {
        "AUS Eastern Standard Time" => Tz::Australia__Sydney,
        "Arabian Standard Time" => Tz::Asia__Dubai,
        "Atlantic Standard Time" => Tz::America__Halifax,
        "Cen. Australia Standard Time" => Tz::Australia__Adelaide,
        "Central America Standard Time" => Tz::America__Guatemala,
        "Central Europe Standard Time" => Tz::Europe__Budapest,
        "Central European Standard Time" => Tz::Europe__Warsaw,
        "Central Standard Time" => Tz::America__Chicago,
        "Central Standard Time (Mexico)" => Tz::America__Mexico_City,
        "China Standard Time" => Tz::Asia__Shanghai,
        "E. Australia Standard Time" => Tz::Australia__Brisbane,
        "E. Europe Standard Time" => Tz::Europe__Chisinau,
        "E. South America Standard Time" => Tz::America__Sao_Paulo,
        "Eastern Standard Time" => Tz::America__New_York,
        "Egypt Standard Time" => Tz::Africa__Cairo,
        "FLE Standard Time" => Tz::Europe__Kyiv,
        "GMT Standard Time" => Tz::Europe__London,
        "GTB Standard Time" => Tz::Europe__Bucharest,
        "Greenwich Standard Time" => Tz::Atlantic__Reykjavik,
        "India Standard Time" => Tz::Asia__Kolkata,
        "Israel Standard Time" => Tz::Asia__Jerusalem,
        "Korea Standard Time" => Tz::Asia__Seoul,
        "Mountain Standard Time" => Tz::America__Denver,
        "New Zealand Standard Time" => Tz::Pacific__Auckland,
        "Pacific SA Standard Time" => Tz::America__Santiago,
        "Pacific Standard Time" => Tz::America__Los_Angeles,
        "Romance Standard Time" => Tz::Europe__Paris,
        "Russian Standard Time" => Tz::Europe__Moscow,
        "SE Asia Standard Time" => Tz::Asia__Bangkok,
        "Singapore Standard Time" => Tz::Asia__Singapore,
        "South Africa Standard Time" => Tz::Africa__Johannesburg,
        "Taipei Standard Time" => Tz::Asia__Taipei,
        "Tokyo Standard Time" => Tz::Asia__Tokyo,
        "Turkey Standard Time" => Tz::Europe__Istanbul,
        "US Mountain Standard Time" => Tz::America__Phoenix,
        "UTC" | "Coordinated Universal Time" => Tz::UTC,
        "W. Central Africa Standard Time" => Tz::Africa__Lagos,
        "W. Australia Standard Time" => Tz::Australia__Perth,
        "W. Europe Standard Time" => Tz::Europe__Berlin,
        _ => return None,
    })
}
