//! A point in time, by the clock that orders events and by the clock that operators read.

/// A point in time. Durations and order use only `uptime_ms`, because the wall clock may jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// CLOCK_BOOTTIME in milliseconds.
    pub uptime_ms: u64,
    /// The wall clock: milliseconds since the Unix epoch.
    pub wall_ms: u64,
}

impl Moment {
    /// Milliseconds from `earlier` to this moment; 0 if `earlier` is not earlier.
    pub const fn since(self, earlier: Moment) -> u64 {
        self.uptime_ms.saturating_sub(earlier.uptime_ms)
    }
}
