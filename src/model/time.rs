//! Days and instants between which an entry of a manifest is in force.

use crate::text::count;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::str::FromStr;

/// Returns the first instant of a day in UTC.
pub fn start_of_day(day: Date) -> Timestamp {
    // The last day that can be written begins after the last instant that can be.
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |start| start.timestamp())
}

/// Returns the day of an instant in UTC.
pub fn day_of(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::UTC).date()
}

/// Formats an instant: the day alone if it is the first instant of it, for that is what a day stands for.
pub fn day_or_instant(instant: Timestamp) -> String {
    let day = day_of(instant);
    if start_of_day(day) == instant { day.to_string() } else { instant.to_string() }
}

/// The form of a day; `0` stands for a digit.
pub(crate) const DAY_FORM: &str = "0000-00-00";

/// When an entry begins or ends: a day in UTC, or an instant. It is shown as it is written; an instant in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeLimit {
    /// A whole day.
    Day(Date),
    /// An instant, to the second.
    Moment(Timestamp),
}

impl TimeLimit {
    /// Returns the first instant that a `from` includes.
    pub fn start(self) -> Timestamp {
        match self {
            Self::Day(day) => start_of_day(day),
            Self::Moment(instant) => instant,
        }
    }

    /// Returns the first instant that an `until` excludes: an instant itself, or the end of a day.
    pub fn end(self) -> Timestamp {
        match self {
            Self::Day(day) => day.tomorrow().map_or(Timestamp::MAX, start_of_day),
            Self::Moment(instant) => instant,
        }
    }

    /// Returns whether an `until` is reached within a time from now. Days count as a whole.
    pub fn ends_within(self, length: SignedDuration, now: Timestamp) -> bool {
        let then = now.saturating_add(length).unwrap_or(Timestamp::MAX);
        match self {
            Self::Day(day) => day <= day_of(then),
            Self::Moment(instant) => instant <= then,
        }
    }
}

/// The error of parsing a [`TimeLimit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither a day (2027-03-31) nor an instant with an offset (2027-03-31T18:00:00+02:00)")]
pub struct TimeLimitError;

/// Parses `2027-03-31` or an instant of RFC 3339 to the second. The time library would also accept other forms.
impl FromStr for TimeLimit {
    type Err = TimeLimitError;

    fn from_str(text: &str) -> Result<Self, TimeLimitError> {
        if has_form(text, DAY_FORM) {
            return text.parse().map(Self::Day).map_err(|_| TimeLimitError);
        }
        let forms = ["0000-00-00T00:00:00Z", "0000-00-00T00:00:00+00:00", "0000-00-00T00:00:00-00:00"];
        let is_instant = forms.iter().any(|form| has_form(text, form));
        let instant = text.parse().ok().filter(|_| is_instant);
        instant.map(Self::Moment).ok_or(TimeLimitError)
    }
}

/// Returns whether a text has the characters of a form; `0` stands for a digit.
pub(crate) fn has_form(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Moment(instant) => instant.fmt(f),
        }
    }
}

/// Whether an entry with `from` and `until` is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It has not begun.
    Coming,
    /// It is in force.
    InForce,
    /// It has ended.
    Ended,
}

impl Phase {
    /// Returns the phase at an instant. What has ended never begins again.
    pub fn at(now: Timestamp, from: Option<TimeLimit>, until: Option<TimeLimit>) -> Self {
        if until.is_some_and(|until| until.end() <= now) {
            Self::Ended
        } else if from.is_some_and(|from| now < from.start()) {
            Self::Coming
        } else {
            Self::InForce
        }
    }
}

/// Formats an age: minutes below two hours, hours below two days, then days.
pub fn age(length: SignedDuration) -> String {
    let minutes = length.as_mins().max(0);
    let (number, one, many) = match minutes {
        0 => return String::from("less than a minute"),
        1..120 => (minutes, "minute", "minutes"),
        120..2880 => (minutes / 60, "hour", "hours"),
        _ => (minutes / 1440, "day", "days"),
    };
    count(usize::try_from(number).unwrap_or(usize::MAX), one, many)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> TimeLimit {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_and_instants_with_an_offset_are_parsed_and_nothing_else() {
        assert_eq!(limit("2027-03-31").to_string(), "2027-03-31");
        assert_eq!(limit("2027-03-31T18:00:00+02:00").to_string(), "2027-03-31T16:00:00Z");
        assert_eq!(limit("2027-03-31T23:30:00-01:00").to_string(), "2027-04-01T00:30:00Z");
        assert_eq!(limit("2027-03-31T00:00:00Z"), TimeLimit::Moment(at("2027-03-31T00:00:00Z")));
        for wrong in [
            "",
            "20270331",
            "2027-3-31",
            "2027-02-30",
            "31.03.2027",
            "2027-03-31T18:00:00",
            "2027-03-31T18:00Z",
            "2027-03-31 18:00:00Z",
            "2027-03-31t18:00:00z",
            "2027-03-31T18:00:00.5Z",
            "2027-03-31T25:00:00Z",
            "2027-03-31T18:00:00+0200",
            "2027-03-31T18:00:00+99:00",
            "2027-03-31T18:00:00Z[UTC]",
            "-001-01-01",
        ] {
            assert_eq!(wrong.parse::<TimeLimit>(), Err(TimeLimitError), "{wrong}");
        }
    }

    #[test]
    fn a_day_is_in_force_as_a_whole_and_an_instant_is_the_first_one_out() {
        let phase = |now: &str, from: Option<&str>, until: Option<&str>| {
            Phase::at(at(now), from.map(limit), until.map(limit))
        };
        let (day, instant) = (Some("2027-03-31"), Some("2027-03-31T18:00:00+02:00"));
        assert_eq!(phase("2027-03-31T23:59:59.999Z", None, day), Phase::InForce);
        assert_eq!(phase("2027-04-01T00:00:00Z", None, day), Phase::Ended);
        assert_eq!(phase("2027-03-30T23:59:59Z", day, None), Phase::Coming);
        assert_eq!(phase("2027-03-31T00:00:00Z", day, None), Phase::InForce);
        assert_eq!(phase("2027-03-31T15:59:59Z", None, instant), Phase::InForce);
        assert_eq!(phase("2027-03-31T16:00:00Z", None, instant), Phase::Ended);
        assert_eq!(phase("2027-03-31T15:59:59Z", instant, None), Phase::Coming);
        assert_eq!(phase("2027-03-31T16:00:00Z", instant, None), Phase::InForce);
        assert_eq!(phase("2027-03-31T12:00:00Z", day, day), Phase::InForce);
        assert_eq!(phase("2027-03-31T12:00:00Z", None, None), Phase::InForce);
        assert_eq!(phase("2027-03-31T12:00:00Z", None, Some("9999-12-31")), Phase::InForce, "no overflow");
        assert_eq!(phase("2027-03-31T12:00:00Z", Some("9999-12-31"), None), Phase::Coming, "no overflow");
    }

    #[test]
    fn what_ends_within_some_days_includes_the_last_of_them() {
        let ends = |text: &str, days: i64, now: &str| {
            limit(text).ends_within(SignedDuration::from_hours(24 * days), at(now))
        };
        assert!(ends("2027-03-31", 14, "2027-03-17T23:00:00Z"));
        assert!(!ends("2027-04-01", 14, "2027-03-17T23:00:00Z"));
        assert!(ends("2027-03-31T18:00:00Z", 1, "2027-03-30T18:00:00Z"));
        assert!(!ends("2027-03-31T18:00:01Z", 1, "2027-03-30T18:00:00Z"));
    }

    #[test]
    fn an_age_is_in_the_unit_that_people_would_use() {
        for (minutes, expected) in [
            (-5, "less than a minute"),
            (1, "1 minute"),
            (119, "119 minutes"),
            (120, "2 hours"),
            (2879, "47 hours"),
            (2880, "2 days"),
        ] {
            assert_eq!(age(SignedDuration::from_mins(minutes)), expected);
        }
    }
}
