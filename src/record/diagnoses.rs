//! When diagnoses are requested, and which of their verdicts are logged: what they may cost, and what is certain enough. It diagnoses nothing
//! itself (`background_diagnosis` does) and writes nothing.

use super::background_diagnosis::{Answer, BackgroundDiagnosis, Finding, Question, WriteMetrics};
use crate::code::Code;
use crate::error::Result;
use crate::journal::Totals;
use crate::report::Verdict;
use crate::timeline::Moment;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The time between diagnoses, with and without a reason for one.
const DIAGNOSE_MS: u64 = 2000;
const ROUTINE_MS: u64 = 300_000;
/// Diagnoses may take at most this part of the time; the second value holds while packets are lost for an unknown reason.
const DIAGNOSE_SHARE: u64 = 200;
const URGENT_SHARE: u64 = 20;
/// The time between two writings of the metrics; a diagnosis for them may take as much of the time as an urgent one.
const METRICS_MS: u64 = 15_000;

/// What a diagnosis found.
pub(super) struct Found {
    /// For each interface.
    pub findings: Vec<Finding>,
    /// The interfaces for which it was requested.
    pub asked_for: AskedFor,
    /// Whether the metrics were written; none where they were not to be.
    pub written: Option<Result<()>>,
}

/// The interfaces, by ifindex, for which a diagnosis might explain losses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AskedFor {
    /// Of what they send.
    pub out: BTreeSet<u32>,
    /// Of what they receive.
    pub inbound: BTreeSet<u32>,
    /// Packets that were refused on arrival, and may be of any.
    pub host: bool,
}

/// A verdict that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The finding that was logged before and no longer holds.
    pub cleared: Option<Code>,
}

/// The diagnoses, as the recorder uses them.
pub(super) struct Diagnoses {
    background: BackgroundDiagnosis,
    wanted: bool,
    asked_for: AskedFor,
    answered: Moment,
    took_ms: u64,
    /// When metrics were last asked for; none where they are not written.
    metrics: Option<Moment>,
    /// The logged verdict of each interface, and the one that was seen only once.
    verdicts: BTreeMap<String, (Verdict, Option<Code>)>,
    candidates: BTreeMap<String, (Verdict, Option<Code>)>,
}

impl Diagnoses {
    /// Starts their thread; a first diagnosis is wanted. `write`: where metrics are written.
    pub fn start(vici: PathBuf, now: Moment, write: Option<WriteMetrics>) -> std::io::Result<Self> {
        let metrics = write.is_some().then(Moment::default);
        Ok(Self {
            background: BackgroundDiagnosis::start(vici, write)?,
            wanted: true,
            asked_for: AskedFor::default(),
            answered: now,
            took_ms: 0,
            metrics,
            verdicts: BTreeMap::new(),
            candidates: BTreeMap::new(),
        })
    }

    /// There is a reason for a diagnosis.
    pub const fn want(&mut self) {
        self.wanted = true;
    }

    /// What a diagnosis found; none where there is no answer yet.
    pub fn answer(&mut self, now: Moment) -> Option<Found> {
        let Answer { findings, took, written } = self.background.answer()?;
        self.answered = now;
        self.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let asked_for = std::mem::take(&mut self.asked_for);
        Some(Found { findings, asked_for, written })
    }

    /// Whether metrics are due.
    pub fn metrics_are_due(&self, now: Moment) -> bool {
        let pause = DIAGNOSE_MS.max(self.took_ms.saturating_mul(URGENT_SHARE));
        let is_due = self.metrics.is_some_and(|asked| now.since(asked) >= METRICS_MS);
        is_due && now.since(self.answered) >= pause && !self.background.is_busy()
    }

    /// Whether a diagnosis is due. `is_urgent`: packets are lost for an unknown reason.
    pub fn is_due(&self, now: Moment, is_urgent: bool) -> bool {
        let since = now.since(self.answered);
        let is_due = is_urgent || self.wanted || since >= ROUTINE_MS;
        let share = if is_urgent { URGENT_SHARE } else { DIAGNOSE_SHARE };
        let pause = DIAGNOSE_MS.max(self.took_ms.saturating_mul(share));
        is_due && since >= pause && !self.background.is_busy()
    }

    /// Requests a diagnosis for these interfaces; with the sums of the losses also that metrics are written.
    pub fn ask(&mut self, now: Moment, asked_for: AskedFor, totals: Option<Totals>) {
        self.wanted = false;
        if totals.is_some() {
            self.metrics = Some(now);
        }
        let arrivals = asked_for.host || !asked_for.inbound.is_empty();
        self.asked_for = asked_for;
        self.background.ask(Question { totals, arrivals });
    }

    /// Takes the verdict on an interface and returns what to log: the change, if a second diagnosis agrees, because a state in the middle of a gap
    /// is over in a moment.
    pub fn judge(&mut self, finding: &Finding) -> Option<Change> {
        let interface = finding.interface.as_str();
        let judged = (finding.verdict, finding.first.as_ref().map(|(code, _)| *code));
        let known = self.verdicts.get(interface).copied();
        if known == Some(judged) {
            self.candidates.remove(interface);
            return None;
        }
        let agreed = self.candidates.insert(interface.into(), judged) == Some(judged);
        if !agreed {
            self.wanted = true;
            return None;
        }
        self.candidates.remove(interface);
        self.verdicts.insert(interface.into(), judged);
        let cleared = known.and_then(|(_, code)| code).filter(|code| judged.1 != Some(*code));
        (known.is_some() || finding.verdict > Verdict::Notice).then_some(Change { cleared })
    }

    /// The interface was deleted. Returns the finding that was logged of it, which no longer holds.
    pub fn forget(&mut self, interface: &str) -> Option<Code> {
        self.candidates.remove(interface);
        self.verdicts.remove(interface)?.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnoses() -> Diagnoses {
        Diagnoses::start(PathBuf::new(), Moment::default(), None).unwrap()
    }

    fn at(uptime_ms: u64) -> Moment {
        Moment { uptime_ms, ..Moment::default() }
    }

    #[test]
    fn a_verdict_is_told_once_a_second_diagnosis_agrees() {
        let mut diagnoses = diagnoses();
        let mut told = |verdict| {
            let interface = "vti7".to_owned();
            diagnoses
                .judge(&Finding {
                    interface,
                    ifindex: 7,
                    verdict,
                    first: None,
                    arrivals: Vec::new(),
                })
                .is_some()
        };
        assert_eq!([Verdict::Ok; 3].map(&mut told), [false; 3], "healthy from the beginning");
        assert_eq!([Verdict::Fault; 3].map(&mut told), [false, true, false]);
        let passing = [Verdict::Ok, Verdict::Fault, Verdict::Ok, Verdict::Fault];
        assert_eq!(passing.map(&mut told), [false; 4]);
        assert_eq!([Verdict::Ok; 2].map(&mut told), [false, true]);
    }

    #[test]
    fn a_finding_is_cleared_when_another_one_or_none_holds_or_the_interface_is_gone() {
        let mut diagnoses = diagnoses();
        let mut told = |code: Option<Code>| {
            let (interface, first) = ("vti7".to_owned(), code.map(|code| (code, String::new())));
            let verdict = if code.is_some() { Verdict::Fault } else { Verdict::Ok };
            let finding = Finding { interface, ifindex: 7, verdict, first, arrivals: Vec::new() };
            [(); 2].map(|()| diagnoses.judge(&finding))[1]
        };
        let (policy, sa) = (Code::NoOutboundPolicy, Code::NoSecurityAssociation);
        assert_eq!(told(Some(policy)), Some(Change { cleared: None }));
        assert_eq!(told(Some(sa)), Some(Change { cleared: Some(policy) }));
        assert_eq!(told(None), Some(Change { cleared: Some(sa) }));
        assert_eq!(told(Some(policy)), Some(Change { cleared: None }));
        assert_eq!(diagnoses.forget("vti7"), Some(policy));
        assert_eq!(diagnoses.forget("vti7"), None);
    }

    #[test]
    fn what_is_wanted_waits_for_its_share_of_the_time() {
        let mut diagnoses = diagnoses();
        let due = |diagnoses: &Diagnoses, ms| {
            [false, true].map(|is_urgent| diagnoses.is_due(at(ms), is_urgent))
        };
        assert_eq!(due(&diagnoses, 1999), [false, false]);
        assert_eq!(due(&diagnoses, 2000), [true, true]);
        diagnoses.took_ms = 200;
        assert_eq!(due(&diagnoses, 4000), [false, true]);
        assert_eq!(due(&diagnoses, 40_000), [true, true]);
        diagnoses.wanted = false;
        assert_eq!(due(&diagnoses, 299_999), [false, true]);
        assert_eq!(due(&diagnoses, 300_000), [true, true]);
    }
    #[test]
    fn metrics_are_due_every_15_s_where_they_are_written() {
        let mut diagnoses = diagnoses();
        assert!(!diagnoses.metrics_are_due(at(1_000_000)), "they are not written");
        diagnoses.metrics = Some(at(0));
        assert_eq!([14_999, 15_000].map(|ms| diagnoses.metrics_are_due(at(ms))), [false, true]);
        // A thousand tunnels on a slow processor: at most a twentieth of it.
        diagnoses.took_ms = 1000;
        diagnoses.answered = at(1000);
        assert_eq!([20_999, 21_000].map(|ms| diagnoses.metrics_are_due(at(ms))), [false, true]);
    }
}
