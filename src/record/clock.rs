//! Two clocks: one orders events, people read the other one; and the jumps of the second.

use crate::timeline::Moment;
use nix::time::{ClockId, clock_gettime};
use std::time::{SystemTime, UNIX_EPOCH};

/// Smaller differences come from slewing the clock, or from the time between the two readings.
const JUMP_MS: u64 = 1000;

/// Both clocks.
pub(super) struct Clock {
    last: Moment,
}

impl Clock {
    pub fn new() -> Self {
        Self { last: read() }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        read()
    }

    /// How far the wall clock jumped since the last call, in milliseconds; none if it did not.
    pub fn jump(&mut self) -> Option<i64> {
        let now = read();
        let before = std::mem::replace(&mut self.last, now);
        let expected = before.wall_ms.saturating_add(now.since(before));
        if now.wall_ms.abs_diff(expected) < JUMP_MS {
            return None;
        }
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        Some(signed(now.wall_ms) - signed(expected))
    }
}

/// CLOCK_BOOTTIME cannot fail on the kernels that have VTIs; the wall clock before 1970 counts as 1970.
fn read() -> Moment {
    let uptime = clock_gettime(ClockId::CLOCK_BOOTTIME).map(std::time::Duration::from);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ms =
        |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Moment { uptime_ms: ms(uptime.unwrap_or_default()), wall_ms: ms(wall) }
}
