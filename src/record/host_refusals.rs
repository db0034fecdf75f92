//! Packets that the host refused on arrival and that no counter of an interface has: the counters of `/proc/net/xfrm_stat`, less what the
//! interfaces counted. Whose they are is not decided here.

use crate::snapshot::{KernelCounter, Observed};
use crate::timeline::Moment;
use std::collections::BTreeMap;

/// The counter of packets for which there is no SA.
pub(super) const NO_STATES: &str = "XfrmInNoStates";

/// After so many diagnoses that did not say whose packets are, the next ones wait longer.
const MOST_IN_VAIN: u8 = 3;

/// What was refused, by counter.
#[derive(Default)]
pub(super) struct HostRefusals {
    before: Option<BTreeMap<String, u64>>,
    /// What the host counted so far, less what interfaces did; and how much of it was handed out. The two are not read in one moment, so that a
    /// sample may have less of it, and the next one more.
    balance: i128,
    handed_out: i128,
    /// Not assigned yet.
    waiting: BTreeMap<String, Refused>,
    /// What the running diagnosis is asked about.
    asked: BTreeMap<String, Refused>,
    /// Diagnoses by counter, since the last one that said whose some are.
    in_vain: BTreeMap<String, u8>,
}

/// Packets that no interface counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The sample before the first of them.
    pub from: Moment,
    pub packets: u64,
}

impl HostRefusals {
    /// Takes the counters, read before those of the interfaces, which rose by `counted` since the last sample. Returns how much each counter rose
    /// for packets that no interface counted, at most.
    pub fn look(
        &mut self,
        counters: Observed<Vec<KernelCounter>>,
        counted: u64,
    ) -> Vec<(String, u64)> {
        let Ok(counters) = counters else {
            self.before = None;
            return Vec::new();
        };
        let is_inbound =
            |c: &KernelCounter| c.name.starts_with("XfrmIn") || c.name == "XfrmAcquireError";
        let now: BTreeMap<String, u64> =
            counters.into_iter().filter(is_inbound).map(|c| (c.name, c.value)).collect();
        let Some(before) = self.before.replace(now) else { return Vec::new() };
        let now = self.before.iter().flatten();
        let rises: Vec<(String, u64)> = now
            .map(|(name, value)| {
                let before = before.get(name).copied().unwrap_or(*value);
                (name.clone(), value.saturating_sub(before))
            })
            .filter(|(_, rise)| *rise > 0)
            .collect();
        if rises.is_empty() && counted == 0 {
            self.handed_out = self.balance;
            return Vec::new();
        }
        let host: i128 = rises.iter().map(|(_, rise)| i128::from(*rise)).sum();
        self.balance = self.balance.saturating_add(host).saturating_sub(i128::from(counted));
        let uncounted = self.balance.saturating_sub(self.handed_out).max(0);
        self.handed_out = self.handed_out.max(self.balance);
        let most = u64::try_from(uncounted).unwrap_or(u64::MAX);
        let each = rises.into_iter().map(|(name, rise)| (name, rise.min(most)));
        each.filter(|(_, packets)| *packets > 0).collect()
    }

    /// Keeps packets that belong to no interface so far, until a diagnosis may say to which.
    pub fn keep(&mut self, counter: String, refused: Refused) {
        let kept = self.waiting.entry(counter).or_insert(Refused { packets: 0, ..refused });
        kept.packets = kept.packets.saturating_add(refused.packets);
    }

    /// What waits, which waits no longer.
    pub fn waiting(&mut self) -> BTreeMap<String, Refused> {
        std::mem::take(&mut self.waiting)
    }

    /// Whether a diagnosis may say whose some are.
    pub fn wants_finding(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether that should be soon: packets without an SA come from anybody, and after some diagnoses in vain are not worth more.
    pub fn is_urgent(&self) -> bool {
        let in_vain = |counter: &String| self.in_vain.get(counter).copied().unwrap_or(0);
        self.waiting.keys().any(|counter| in_vain(counter) < MOST_IN_VAIN)
    }

    /// A diagnosis said whose some of a counter are.
    pub fn found(&mut self, counter: &str) {
        self.in_vain.remove(counter);
    }

    /// A diagnosis of what waits is asked for.
    pub fn ask(&mut self) {
        for counter in self.waiting.keys() {
            let in_vain = self.in_vain.entry(counter.clone()).or_default();
            *in_vain = in_vain.saturating_add(1);
        }
        self.asked = std::mem::take(&mut self.waiting);
    }

    /// What it was asked about.
    pub fn answered(&mut self) -> BTreeMap<String, Refused> {
        std::mem::take(&mut self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Missing, Reason, Source};

    fn counters(no_states: u64, no_policies: u64) -> Observed<Vec<KernelCounter>> {
        let of = |name: &str, value| KernelCounter { name: name.into(), value };
        Ok(vec![
            of(NO_STATES, no_states),
            of("XfrmInNoPols", no_policies),
            of("XfrmOutNoStates", 99 * no_states),
        ])
    }

    fn rose(rises: &[(&str, u64)]) -> Vec<(String, u64)> {
        rises.iter().map(|(name, rise)| ((*name).to_owned(), *rise)).collect()
    }

    #[test]
    fn what_interfaces_counted_is_not_handed_out() {
        let mut host = HostRefusals::default();
        assert_eq!(host.look(counters(5, 5), 0), [], "from before");
        assert_eq!(host.look(counters(15, 5), 10), []);
        assert_eq!(host.look(counters(25, 8), 10), rose(&[("XfrmInNoPols", 3), (NO_STATES, 3)]));
        assert_eq!(host.look(counters(25, 8), 0), []);
        assert_eq!(host.look(counters(26, 8), 0), rose(&[(NO_STATES, 1)]));
    }

    #[test]
    fn a_packet_between_the_two_readings_counts_once_at_most() {
        let mut host = HostRefusals::default();
        host.look(counters(0, 0), 0);
        // It is in the interfaces' counters first.
        assert_eq!(host.look(counters(9, 0), 10), []);
        assert_eq!(host.look(counters(20, 0), 10), []);
        assert_eq!(host.look(counters(29, 0), 10), [], "the same again");
        assert_eq!(host.look(counters(40, 0), 10), []);
        assert_eq!(host.look(counters(51, 0), 10), rose(&[(NO_STATES, 1)]), "counted by none");
        assert_eq!(host.look(counters(61, 0), 10), []);
    }

    #[test]
    fn what_cannot_be_read_is_no_rise() {
        let mut host = HostRefusals::default();
        host.look(counters(0, 0), 0);
        let denied = Missing::new(Source::XfrmStatistics, Reason::Absent, "");
        assert_eq!(host.look(Err(denied), 0), []);
        assert_eq!(host.look(counters(500, 0), 0), [], "what rose meanwhile is not known");
    }

    #[test]
    fn a_diagnosis_answers_for_what_it_was_asked_about() {
        let mut host = HostRefusals::default();
        let first = Moment::default();
        host.keep(NO_STATES.into(), Refused { from: first, packets: 3 });
        let later = Moment { uptime_ms: 9, wall_ms: 9 };
        host.keep(NO_STATES.into(), Refused { from: later, packets: 4 });
        assert!(host.wants_finding());
        assert!(host.is_urgent());
        host.ask();
        assert!(!host.wants_finding());
        let answered = host.answered();
        assert_eq!(answered.get(NO_STATES), Some(&Refused { from: first, packets: 7 }));
        assert!(host.answered().is_empty());
        (0..3).for_each(|_| {
            host.keep(NO_STATES.into(), Refused { from: first, packets: 1 });
            host.ask();
        });
        host.keep(NO_STATES.into(), Refused { from: first, packets: 1 });
        assert!(host.wants_finding() && !host.is_urgent(), "nobody's, again and again");
        host.keep("XfrmInNoPols".into(), Refused { from: first, packets: 1 });
        assert!(host.is_urgent(), "another counter");
        host.ask();
        host.found(NO_STATES);
        host.keep(NO_STATES.into(), Refused { from: first, packets: 1 });
        assert!(host.is_urgent());
    }
}
