//! Makes a case smaller while the kernel and the model still disagree: leaves out lines, settings and packets, one at a time.

use super::outcome::Case;
use std::time::{Duration, Instant};

/// A run of thousands of cases must not stand still at one.
const PATIENCE: Duration = Duration::from_secs(20);

/// A smaller case with a disagreement of its own; the same where nothing can be left out.
pub fn shrink<C: Case>(case: &C) -> C {
    let deadline = Instant::now() + PATIENCE;
    let mut smallest = case.clone();
    let mut progress = true;
    while progress {
        progress = false;
        // Backwards: policies and SAs are the last lines, and the first are needed by the others.
        for index in (0..smallest.parts()).rev() {
            if Instant::now() > deadline {
                return smallest;
            }
            let smaller = smallest.without(index);
            if smaller.run().is_ok_and(|trial| trial.disagrees()) {
                (smallest, progress) = (smaller, true);
            }
        }
    }
    smallest
}
