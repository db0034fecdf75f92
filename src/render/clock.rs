//! Times of the wall clock in a given zone, as people read them. It reads no clock.

use crate::report::time::Time;
use jiff::Zoned;
use jiff::tz::TimeZone;

/// Reads times in one zone.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// A clock of this zone.
    pub const fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// `2026-11-16 03:12:45`
    pub fn date_and_time(&self, at: Time) -> String {
        self.zoned(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `2026-11-16`
    pub fn date(&self, at: Time) -> String {
        self.zoned(at).strftime("%Y-%m-%d").to_string()
    }

    /// `11-16`
    pub(super) fn day(&self, at: Time) -> String {
        self.zoned(at).strftime("%m-%d").to_string()
    }

    /// `03:12:45`
    pub fn time(&self, at: Time) -> String {
        self.zoned(at).strftime("%H:%M:%S").to_string()
    }

    /// `03:12`
    pub(super) fn minute(&self, at: Time) -> String {
        self.zoned(at).strftime("%H:%M").to_string()
    }

    /// `03:12:45.123`
    pub(super) fn millisecond(&self, at: Time) -> String {
        self.zoned(at).strftime("%H:%M:%S%.3f").to_string()
    }

    /// Milliseconds of the local calendar: midnight is a multiple of a day.
    pub(super) fn local_ms(&self, at: Time) -> u64 {
        let offset = i64::from(self.zoned(at).offset().seconds()) * 1000;
        at.0.saturating_add_signed(offset)
    }

    /// `UTC`, `UTC+01:00`
    pub fn offset(&self, at: Time) -> String {
        let seconds = self.zoned(at).offset().seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        match seconds.unsigned_abs() / 60 {
            0 => "UTC".to_string(),
            minutes => format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60),
        }
    }

    fn zoned(&self, at: Time) -> Zoned {
        at.timestamp().to_zoned(self.zone.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-16T03:12:45.123Z
    const AT: Time = Time(1_763_262_765_123);

    fn clock(seconds: i32) -> Clock {
        Clock::new(TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).unwrap()))
    }

    #[test]
    fn times_are_of_the_zone() {
        assert_eq!(clock(0).date_and_time(AT), "2025-11-16 03:12:45");
        assert_eq!(clock(-4 * 3600).date_and_time(AT), "2025-11-15 23:12:45");
        assert_eq!(clock(3600).millisecond(AT), "04:12:45.123");
        assert_eq!(clock(3600).local_ms(AT), AT.0 + 3_600_000);
    }

    #[test]
    fn the_offset_is_said_from_utc() {
        assert_eq!(clock(0).offset(AT), "UTC");
        assert_eq!(clock(3600).offset(AT), "UTC+01:00");
        assert_eq!(clock(-12_600).offset(AT), "UTC-03:30");
    }

    #[test]
    fn no_time_is_a_panic() {
        for at in [0, u64::MAX] {
            clock(-3600).date_and_time(Time(at));
            clock(3600).local_ms(Time(at));
        }
    }
}
