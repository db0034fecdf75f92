//! The work that one report may take. Where many interfaces have the same mark and addresses, each goes through the policies and SAs of all: a
//! made-up capture of a few MiB would take hours. What is not looked at is unknown.

use crate::report::InterfaceReport;
use crate::snapshot::{Missing, Reason, Source};

/// Policies and SAs that all interfaces together may go through. A thousand vti devices without keys, each with a peer of its own, stay below;
/// interfaces with marks or if_ids of their own need a few each.
const MOST: usize = 8_000_000;

/// Why an interface was not looked at.
const BEYOND: &str = "too many policies and SAs are shared by too many interfaces";

/// The note on a report in which there is such an interface.
pub(super) fn note(interfaces: &[InterfaceReport]) -> Option<String> {
    let is_beyond = |i: &InterfaceReport| i.undetermined.iter().any(|u| u.missing.detail == BEYOND);
    let count = interfaces.iter().filter(|interface| is_beyond(interface)).count();
    (count > 0).then(|| {
        format!(
            "Too many policies and SAs are shared by too many interfaces for one report: {count} of \
             {} were not looked at. --interface NAME looks at one.",
            interfaces.len()
        )
    })
}

/// What is left.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MOST)
    }
}

impl Budget {
    /// Takes the work of one interface, which is asked for only while something is left.
    pub(super) fn spend(&mut self, work: impl FnOnce() -> usize) -> Result<(), Missing> {
        if self.0 == 0 {
            return Err(Missing::new(Source::SecurityPolicies, Reason::Undecidable, BEYOND));
        }
        self.0 = self.0.saturating_sub(work());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::engine::{Asked, each_within};
    use crate::diagnose::{Extent, Observation};
    use crate::report::Verdict;
    use crate::snapshot::{Link, Policy, Sa, Snapshot};
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Captured {
        snapshots: Vec<Snapshot>,
    }

    /// A healthy vti as many times, with as many of its policies and SAs: each has those of all.
    fn alike(count: u32) -> Snapshot {
        let text = include_str!("../../tests/captures/ok-healthy-vti.yaml");
        let mut now = serde_yaml::from_str::<Captured>(text).unwrap().snapshots.pop().unwrap();
        let links = now.links.as_mut().unwrap();
        let tunnel = links.iter().find(|link| link.name == "t0").unwrap().clone();
        let more = |n| Link { ifindex: 1000 + n, name: format!("t{n}"), ..tunnel.clone() };
        links.extend((1..count).map(more));
        let policies = now.policies.as_mut().unwrap();
        let first = policies.clone();
        let of = |n| first.iter().map(move |p| Policy { index: p.index + 8 * n, ..p.clone() });
        policies.extend((1..count).flat_map(of));
        let sas = now.sas.as_mut().unwrap();
        let first = sas.clone();
        let of = |n: u32| {
            let mut all: Vec<Sa> = first.clone();
            all.iter_mut().for_each(|sa| sa.spi.0 += n);
            all
        };
        sas.extend((1..count).flat_map(of));
        now
    }

    fn verdicts(now: &Snapshot, budget: Budget) -> Vec<Verdict> {
        reports(now, budget).iter().map(|report| report.verdict).collect()
    }

    fn reports(now: &Snapshot, budget: Budget) -> Vec<InterfaceReport> {
        let (observation, mut reports) = (Observation { now, earlier: None }, Vec::new());
        let take = |report: InterfaceReport| {
            if !report.fallback_device {
                reports.push(report);
            }
        };
        each_within(budget, Extent::Findings, &observation, None, Asked::Vtis, take).unwrap();
        reports
    }

    #[test]
    fn what_is_beyond_the_budget_is_unknown_and_never_well() {
        let now = alike(12);
        let all = verdicts(&now, Budget::default());
        assert!(all.len() == 12 && !all.contains(&Verdict::Unknown), "{all:?}");
        let state = crate::tunnel::State::new(&now);
        let tunnels = state.tunnels().unwrap();
        let tunnel = tunnels.iter().find(|tunnel| tunnel.link.name == "t0").unwrap();
        let weight = tunnel.weight();
        assert!(weight >= 12 * 2, "{weight}");
        // The fallback devices come first where there are any.
        let reports = reports(&now, Budget(5 * weight));
        let verdicts: Vec<Verdict> = reports.iter().map(|report| report.verdict).collect();
        let judged = verdicts.iter().filter(|verdict| **verdict != Verdict::Unknown).count();
        assert!((2..=5).contains(&judged), "{verdicts:?}");
        assert_eq!(verdicts.get(..judged), all.get(..judged));
        assert!(verdicts.iter().skip(judged).all(|v| *v == Verdict::Unknown), "{verdicts:?}");
        let note = note(&reports).unwrap();
        let expected = format!(": {} of 12 were not looked at.", 12 - judged);
        assert!(note.contains(&expected), "{note}");
    }

    /// A count, not a time: what all together go through grows with the square of the input, and no further than the budget.
    #[test]
    fn the_work_is_counted_and_ends() {
        let work = |now: &Snapshot| -> usize {
            let state = crate::tunnel::State::new(now);
            let (mut budget, mut done) = (Budget(20_000), 0);
            for tunnel in state.tunnels().unwrap() {
                let mut weight = 0;
                let spent = budget.spend(|| {
                    weight = tunnel.weight();
                    weight
                });
                done += if spent.is_ok() { weight } else { 0 };
            }
            done
        };
        let [few, more, many] = [8, 16, 128].map(|count| work(&alike(count)));
        assert!(more > few && more <= 5 * few, "{few} {more}");
        // The last one may go beyond it.
        let now = alike(128);
        let state = crate::tunnel::State::new(&now);
        let heaviest = state.tunnels().unwrap().iter().map(|tunnel| tunnel.weight()).max();
        assert!(many <= 20_000 + heaviest.unwrap(), "{many}");
        // Without an end it would be this.
        assert!(128 * heaviest.unwrap() > 20_000);
    }
}
