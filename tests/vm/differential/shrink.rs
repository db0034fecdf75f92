//! Makes a case smaller while the kernel and the model still disagree: leaves out lines, settings and packets, one at a time.

use super::plan::Plan;
use super::trial;
use std::time::{Duration, Instant};

/// A run of thousands of cases must not stand still at one.
const PATIENCE: Duration = Duration::from_secs(20);

/// A smaller plan with a disagreement of its own; the same where nothing can be left out.
pub fn shrink(plan: &Plan) -> Plan {
    let deadline = Instant::now() + PATIENCE;
    let mut smallest = plan.clone();
    let mut progress = true;
    while progress {
        progress = false;
        // Backwards: policies and SAs are the last lines, and the first are needed by the others.
        for index in (0..parts(&smallest)).rev() {
            if Instant::now() > deadline {
                return smallest;
            }
            let smaller = without(&smallest, index);
            if disagrees(&smaller) {
                (smallest, progress) = (smaller, true);
            }
        }
    }
    smallest
}

fn parts(plan: &Plan) -> usize {
    plan.lines.len() + plan.later.len() + plan.settings.len() + plan.packets.len() + 1
}

/// The plan without its part of this number.
fn without(plan: &Plan, index: usize) -> Plan {
    let mut plan = plan.clone();
    let mut rest = index;
    let mut here = |length: usize| -> Option<usize> {
        let found = (rest < length).then_some(rest);
        rest = rest.wrapping_sub(length);
        found
    };
    if let Some(at) = here(plan.lines.len()) {
        plan.lines.remove(at);
    } else if let Some(at) = here(plan.later.len()) {
        plan.later.remove(at);
    } else if let Some(at) = here(plan.settings.len()) {
        plan.settings.remove(at);
    } else if let Some(at) = here(plan.packets.len()) {
        plan.packets.remove(at);
    } else {
        plan.listener = false;
    }
    plan
}

fn disagrees(plan: &Plan) -> bool {
    trial::run(plan)
        .is_ok_and(|trial| trial.outcomes.iter().any(|outcome| !outcome.differences.is_empty()))
}
