//! The time axis of a plot: columns of a round length, and where labels stand.

use super::clock::Clock;
use crate::report::time::Time;
use crate::units;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The possible lengths of a column, and the distances of labels.
const STEPS: [u64; 24] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    8 * DAY,
    16 * DAY,
    32 * DAY,
    64 * DAY,
];

/// The least number of columns from one label to the next: the longest label has eight.
const LABEL_COLUMNS: u64 = 10;

/// A span of time in columns.
pub(super) struct Axis<'a> {
    clock: &'a Clock,
    start_ms: u64,
    step_ms: u64,
    columns: usize,
}

/// A label under the axis.
pub(super) struct Label {
    pub column: usize,
    pub text: String,
}

impl<'a> Axis<'a> {
    /// From one time to another, in at most so many columns.
    pub fn new(clock: &'a Clock, (from, to): (Time, Time), room: usize) -> Self {
        let room = u64::try_from(room).unwrap_or(u64::MAX).max(3);
        let length = to.0.saturating_sub(from.0);
        let longest = length / (room - 2) + 1;
        let step_ms = STEPS.into_iter().find(|step| *step >= longest).unwrap_or(longest);
        let start_ms = from.0.saturating_sub(clock.local_ms(from) % step_ms);
        let columns = to.0.max(from.0).saturating_sub(start_ms) / step_ms + 1;
        Self { clock, start_ms, step_ms, columns: usize::try_from(columns).unwrap_or(usize::MAX) }
    }

    /// The number of columns.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// The length of a column: `15 min`.
    pub fn step(&self) -> String {
        units::length(self.step_ms)
    }

    /// The column of a time; none outside.
    pub fn column(&self, at: Time) -> Option<usize> {
        let column = at.0.checked_sub(self.start_ms)? / self.step_ms;
        usize::try_from(column).ok().filter(|column| *column < self.columns)
    }

    /// The labels, each at the column in which its time begins; the first column has one where there is room.
    pub fn labels(&self) -> Vec<Label> {
        let every = STEPS
            .into_iter()
            .find(|every| every % self.step_ms == 0 && every / self.step_ms >= LABEL_COLUMNS);
        let every = every.unwrap_or(self.step_ms.saturating_mul(LABEL_COLUMNS));
        let count = |column| self.clock.local_ms(self.begin(column)) / every;
        let ticks = (1..self.columns).filter(|column| count(*column) != count(column - 1));
        let mut labels: Vec<Label> = ticks.map(|column| self.label(column, every)).collect();
        let free = labels.first().map_or(self.columns, |label| label.column);
        if count_of(free) >= LABEL_COLUMNS || labels.is_empty() {
            labels.insert(0, self.label(0, every));
        }
        labels
    }

    fn label(&self, column: usize, every: u64) -> Label {
        let at = self.begin(column);
        let of_day = self.clock.local_ms(at) % DAY;
        let text = match every {
            DAY.. => self.clock.day(at),
            // A day begins: the date is more useful.
            _ if of_day == 0 => self.clock.day(at),
            MINUTE.. => self.clock.minute(at),
            _ => self.clock.time(at),
        };
        Label { column, text }
    }

    fn begin(&self, column: usize) -> Time {
        Time(self.start_ms.saturating_add(self.step_ms.saturating_mul(count_of(column))))
    }
}

fn count_of(columns: usize) -> u64 {
    u64::try_from(columns).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    /// 2026-11-16T00:00:00Z, a Monday.
    const MONDAY: u64 = 1_794_787_200_000;

    fn clock(hours: i8) -> Clock {
        Clock::new(TimeZone::fixed(jiff::tz::offset(hours)))
    }

    fn shown(axis: &Axis<'_>) -> Vec<(usize, String)> {
        axis.labels().into_iter().map(|label| (label.column, label.text)).collect()
    }

    #[test]
    fn a_week_has_a_label_at_midnights_of_the_zone() {
        let clock = clock(1);
        let axis = Axis::new(&clock, (Time(MONDAY), Time(MONDAY + 7 * DAY)), 70);
        assert_eq!(axis.step(), "3 h");
        assert_eq!(axis.columns(), 57);
        let days = ["11-17", "11-19", "11-21", "11-23"];
        let found: Vec<String> = shown(&axis).into_iter().map(|(_, text)| text).collect();
        assert_eq!(found, days);
        // 01:00 local is in the column from midnight on.
        assert_eq!(axis.column(Time(MONDAY)), Some(0));
        assert_eq!(axis.column(Time(MONDAY + 23 * HOUR)), Some(8));
    }

    #[test]
    fn minutes_are_labelled_with_the_time_of_the_day() {
        let clock = clock(0);
        let from = MONDAY + DAY - 10 * MINUTE;
        let axis = Axis::new(&clock, (Time(from), Time(from + 20 * MINUTE)), 70);
        assert_eq!(axis.step(), "30 s");
        let expected = [(0, "23:50"), (10, "23:55"), (20, "11-17"), (30, "00:05"), (40, "00:10")];
        assert_eq!(shown(&axis), expected.map(|(column, text)| (column, text.to_string())));
    }

    #[test]
    fn an_hour_that_the_clock_repeats_moves_no_label_to_another_day() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let clock = Clock::new(zone);
        // 2026-10-23 to 2026-10-29, summer time ends on the 25th.
        let from = MONDAY - 24 * DAY - 2 * HOUR;
        let axis = Axis::new(&clock, (Time(from), Time(from + 6 * DAY)), 70);
        let days: Vec<String> = shown(&axis).into_iter().map(|(_, text)| text).collect();
        assert_eq!(days, ["10-24", "10-26", "10-28"]);
    }

    #[test]
    fn what_is_outside_has_no_column() {
        let clock = clock(0);
        let axis = Axis::new(&clock, (Time(MONDAY), Time(MONDAY + MINUTE)), 70);
        assert_eq!(axis.column(Time(MONDAY - 1)), None);
        assert_eq!(axis.column(Time(MONDAY + MINUTE)), Some(60));
        assert_eq!(axis.column(Time(MONDAY + 2 * MINUTE)), None);
    }

    proptest! {
        #[test]
        fn any_span_fits(from in any::<u64>(), length in 0..u64::MAX, room in 0usize..300, hours in -12i8..=14) {
            let clock = clock(hours);
            let ends = (Time(from), Time(from.saturating_add(length)));
            let axis = Axis::new(&clock, ends, room);
            prop_assert!(axis.columns() <= room.max(3));
            prop_assert!(axis.column(ends.0).is_some() && axis.column(ends.1).is_some());
            for label in axis.labels() {
                prop_assert!(label.column < axis.columns() && label.text.len() <= 8);
            }
        }
    }
}
