//! What changed between two reports. Pure: it gets reports with their times and reads nothing; the wording is decided in `render`.

use crate::code::Code;
use crate::report::monitor::{Change, Judgement, What, Whole};
use crate::report::{InterfaceReport, Report, Status, Verdict};
use crate::snapshot::{Driver, Source};
use std::collections::BTreeMap;

/// Losses have ended when there were none for this long.
const QUIET_MS: u64 = 3000;

/// What was last reported for each interface.
#[derive(Debug, Default)]
pub(super) struct ChangeDetector {
    seen: BTreeMap<String, Seen>,
    /// The interfaces could not be read in the last report.
    unread: bool,
}

#[derive(Debug)]
struct Seen {
    ifindex: Option<u32>,
    states: Vec<State>,
    verdict: Verdict,
    /// The first finding.
    finding: Option<Code>,
    lost: Option<u64>,
    looked_ms: u64,
    losing: Option<Losing>,
}

/// Losses that have not ended.
#[derive(Clone, Copy, Debug)]
struct Losing {
    began_ms: u64,
    last_ms: u64,
    lost: u64,
}

/// A state with its name; none where it was not read.
type State = (&'static str, Option<String>);

impl ChangeDetector {
    /// What differs from the last report; everything for the first one. `now_ms` orders the reports: any clock that does not jump.
    pub fn take(&mut self, report: &Report, only: Option<&str>, now_ms: u64) -> Vec<Change> {
        let unread = report
            .sources
            .iter()
            .find(|s| s.name == Source::Links.name() && s.status != Status::Read);
        if let Some(source) = unread {
            // An interface that was not read is neither deleted nor changed.
            let what = What::Unreadable(source.detail.clone());
            let first = !std::mem::replace(&mut self.unread, true);
            return first.then(|| Change { subject: "host".into(), what }).into_iter().collect();
        }
        self.unread = false;
        let asked = |name: &str| only.is_none_or(|interface| interface == name);
        let vtis = report.interfaces.iter().filter(|i| !i.fallback_device && asked(&i.name));
        let mut changes = Vec::new();
        let mut gone = std::mem::take(&mut self.seen);
        for interface in vtis {
            let mut say = |what| changes.push(Change { subject: interface.name.clone(), what });
            let seen = match gone.remove(&interface.name) {
                Some(mut seen) if seen.ifindex == interface.ifindex => {
                    seen.take(interface, now_ms, &mut say);
                    seen
                }
                other => {
                    let what = match (other, interface.absent) {
                        (None, _) => What::Appeared,
                        (Some(_), true) => What::LinkDeleted,
                        (Some(_), false) => What::Recreated,
                    };
                    say(what(whole(interface)));
                    Seen::new(interface, now_ms)
                }
            };
            self.seen.insert(interface.name.clone(), seen);
        }
        changes.extend(gone.into_keys().map(|subject| Change { subject, what: What::Deleted }));
        changes
    }
}

impl Seen {
    fn new(interface: &InterfaceReport, now_ms: u64) -> Self {
        Self {
            ifindex: interface.ifindex,
            states: states(interface),
            verdict: interface.verdict,
            finding: first(interface),
            lost: lost(interface),
            looked_ms: now_ms,
            losing: None,
        }
    }

    fn take(&mut self, interface: &InterfaceReport, now_ms: u64, say: &mut dyn FnMut(What)) {
        for ((name, before), (_, now)) in self.states.iter_mut().zip(states(interface)) {
            // A state that was not read this time may be unchanged.
            let Some(to) = now.filter(|now| before.as_ref() != Some(now)) else { continue };
            say(What::State { name, from: before.replace(to.clone()), to });
        }
        self.count(lost(interface), now_ms, say);
        let judged = (interface.verdict, first(interface));
        if (self.verdict, self.finding) != judged {
            (self.verdict, self.finding) = judged;
            say(What::Verdict(judgement(interface)));
        }
    }

    /// Takes the counter, which has restarted if it went back.
    fn count(&mut self, now: Option<u64>, now_ms: u64, say: &mut dyn FnMut(What)) {
        let passed_ms = now_ms.saturating_sub(self.looked_ms);
        self.looked_ms = now_ms;
        let Some(now) = now else { return };
        let more = self.lost.replace(now).and_then(|before| now.checked_sub(before)).unwrap_or(0);
        match &mut self.losing {
            Some(losing) if more > 0 => {
                losing.lost = losing.lost.saturating_add(more);
                losing.last_ms = now_ms;
            }
            Some(losing) if now_ms.saturating_sub(losing.last_ms) >= QUIET_MS => {
                let milliseconds = losing.last_ms.saturating_sub(losing.began_ms);
                say(What::NoMoreLosses { packets: losing.lost, milliseconds });
                self.losing = None;
            }
            None if more > 0 => {
                say(What::Losing { packets: more, milliseconds: passed_ms });
                let began_ms = now_ms.saturating_sub(passed_ms);
                self.losing = Some(Losing { began_ms, last_ms: now_ms, lost: more });
            }
            Some(_) | None => {}
        }
    }
}

/// The followed states, always the same ones.
fn states(interface: &InterfaceReport) -> Vec<State> {
    let control = interface.control.as_ref();
    let state = |state: &Option<String>| state.clone().unwrap_or_else(|| "none".to_string());
    vec![
        ("admin", interface.admin_state.map(str::to_string)),
        ("link", interface.oper_state.clone()),
        ("IKE", control.map(|control| state(&control.ike_state))),
        ("CHILD_SA", control.map(|control| state(&control.child_state))),
    ]
}

/// All followed states that were read.
fn whole(interface: &InterfaceReport) -> Whole {
    let states = states(interface).into_iter();
    let known = states.filter_map(|(name, state)| Some((name, state?)));
    Whole { states: known.collect(), judgement: judgement(interface) }
}

fn judgement(interface: &InterfaceReport) -> Judgement {
    let finding = interface.findings.first();
    Judgement {
        verdict: interface.verdict,
        finding: finding.map(|finding| (finding.code, finding.summary.clone())),
    }
}

fn first(interface: &InterfaceReport) -> Option<Code> {
    interface.findings.first().map(|finding| finding.code)
}

/// Packets that were not sent since the interface was created: tx_errors, or tx_dropped where the kernel exports only that (xfrm interfaces
/// before `kernel::Change::XfrmErrorCounters`).
fn lost(interface: &InterfaceReport) -> Option<u64> {
    let counters = interface.counters.since_boot.as_ref()?;
    let exported = interface.driver != Some(Driver::Xfrm) || counters.tx_carrier_errors.is_some();
    Some(if exported { counters.tx_errors } else { counters.tx_dropped })
}

#[cfg(test)]
#[path = "change_detector_tests.rs"]
mod tests;
