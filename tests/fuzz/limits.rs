//! What one input may take, and how it is measured: processor time, for on a busy machine the clock says little, and memory by the allocator
//! of this process. It judges nothing else.

use nix::time::{ClockId, clock_gettime};
use peak_alloc::PeakAlloc;
use std::time::Duration;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Of a processor, for one input.
pub const MOST_TIME: Duration = Duration::from_secs(2);
/// Bytes at a time, beyond what was there before the input.
pub const MOST_MEMORY: usize = 256 << 20;

/// What one input took.
#[derive(Clone, Copy, Default)]
pub struct Taken {
    /// Of a processor.
    pub time: Duration,
    /// Bytes at a time.
    pub memory: usize,
}

impl Taken {
    /// What it took too much of.
    pub fn too_much(self) -> Option<String> {
        if self.time > MOST_TIME {
            return Some(format!("{:.1} s of processor time", self.time.as_secs_f64()));
        }
        let is_too_much = self.memory > MOST_MEMORY;
        is_too_much.then(|| format!("{} MiB of memory", self.memory >> 20))
    }
}

/// What this thread has used of a processor.
pub fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Runs it.
pub fn measured<T>(run: impl FnOnce() -> T) -> (T, Taken) {
    MEMORY.reset_peak_usage();
    let (before, began) = (MEMORY.current_usage(), processor_time());
    let value = run();
    let time = processor_time().saturating_sub(began);
    (value, Taken { time, memory: MEMORY.peak_usage().saturating_sub(before) })
}
