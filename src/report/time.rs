//! Times of the wall clock as reports have them, and as UTC for whoever reads elsewhere. It asks no clock and knows no zone; `render::clock`
//! does.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt;

/// Milliseconds since the Unix epoch; written as RFC 3339, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// For arithmetic of calendars; times after the year 9999 are its end.
    pub fn timestamp(self) -> Timestamp {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Nanoseconds since the Unix epoch, as the drop monitor's alerts have them; written as RFC 3339, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExactTime(pub u64);

impl ExactTime {
    /// To the millisecond.
    pub const fn time(self) -> Time {
        Time(self.0 / 1_000_000)
    }
}

impl Serialize for ExactTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Every number of 64 bits is before the year 2555.
        match Timestamp::from_nanosecond(self.0.into()) {
            Ok(timestamp) => serializer.collect_str(&timestamp),
            Err(_) => serializer.serialize_none(),
        }
    }
}

/// A time that was read, as RFC 3339; none for one without, which is 0, and for one that no calendar has.
pub fn rfc3339(milliseconds: u64) -> Option<String> {
    let time = Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()?;
    (milliseconds > 0).then(|| time.to_string())
}

/// `2025-11-16 03:12:45 UTC`, inside a sentence of a report.
pub fn utc(milliseconds: u64) -> String {
    let at = i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "an unknown time".into(), |at| at.strftime("%F %T UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-16T03:12:45.123Z
    const AT: u64 = 1_763_262_765_123;

    #[test]
    fn times_are_rfc_3339_and_never_fail() {
        assert_eq!(Time(AT).to_string(), "2025-11-16T03:12:45.123Z");
        assert_eq!(Time(u64::MAX).timestamp(), Timestamp::MAX);
    }

    #[test]
    fn the_nanoseconds_of_an_alert_are_kept() {
        let written = |time| serde_json::to_string(&ExactTime(time)).unwrap();
        assert_eq!(written(AT * 1_000_000 + 7), "\"2025-11-16T03:12:45.123000007Z\"");
        assert!(written(u64::MAX).starts_with("\"2554-"));
        assert_eq!(ExactTime(AT * 1_000_000 + 7).time(), Time(AT));
    }

    #[test]
    fn a_time_that_is_not_there_is_none() {
        assert_eq!(rfc3339(AT).as_deref(), Some("2025-11-16T03:12:45.123Z"));
        assert_eq!((rfc3339(0), rfc3339(u64::MAX)), (None, None));
    }

    #[test]
    fn sentences_have_seconds_and_the_zone() {
        assert_eq!(utc(AT), "2025-11-16 03:12:45 UTC");
        assert_eq!(utc(u64::MAX), "an unknown time");
    }
}
