//! What the metrics are made of: the state of a host and its VTIs, taken from the reports and the recorder's sums. It formats nothing.

use crate::code::{Code, Stage};
use crate::diagnose::{self, Extent, Observation};
use crate::error::Result;
use crate::journal::Totals;
use crate::render::escape::escape;
use crate::report::state::TunnelState;
use crate::report::{Confidence, Counters, InterfaceReport, SourceStatus, Status, Verdict};
use crate::snapshot::recorded::Recorded;
use crate::snapshot::{Driver, Observed, Reason, Snapshot, Source};
use crate::units::natural;
use std::collections::BTreeMap;

/// What the recorder's journal has.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorder {
    /// Its sums.
    Read(Totals),
    /// There is none: no recorder has run.
    Absent,
    /// It could not be read.
    Failed,
    /// It was not asked for, or is no part of the input.
    Skipped,
}

impl Recorder {
    /// From the result of reading the journal.
    pub fn of(totals: Result<Option<Totals>>) -> Self {
        match totals {
            Ok(Some(totals)) => Recorder::Read(totals),
            Ok(None) => Recorder::Absent,
            Err(_) => Recorder::Failed,
        }
    }

    /// From the records of a capture, which has those of one boot.
    pub fn of_capture(recorded: &Observed<Recorded>) -> Self {
        match recorded {
            Ok(recorded) => Recorder::Read(Totals::of_capture(recorded)),
            Err(missing) if missing.reason == Reason::Absent => Recorder::Absent,
            Err(missing) if missing.reason.is_failure() => Recorder::Failed,
            Err(_) => Recorder::Skipped,
        }
    }
}

/// A host at one moment.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When its state was read: milliseconds since the Unix epoch; 0 where the input has no time.
    pub taken_at_ms: u64,
    /// Each source that this host has and that was asked for, and whether it could be read, in the order of reports.
    pub sources: Vec<(&'static str, bool)>,
    /// Its VTIs.
    interfaces: BTreeMap<(String, u64, String), Interface>,
    recorder: Recorder,
}

/// A VTI.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its name, without characters that act on a terminal.
    pub name: String,
    /// Its driver, where that was read.
    pub driver: Option<Driver>,
    /// The worst of the findings, without those on the past.
    pub verdict: Verdict,
    /// The findings, without those on the past.
    pub findings: Vec<(Code, Confidence)>,
    /// The state of the tunnel.
    pub state: TunnelState,
    /// Counters since the interface was created; none where they were not read, and for one that does not exist.
    pub counters: Option<Counters>,
    /// Packets lost, by the number of the cause; empty where nothing was recorded of it.
    pub lost: Vec<(u16, u64)>,
    /// Packets lost so far in losses that have not ended.
    pub losing: Option<u64>,
}

impl Facts {
    /// Those of a snapshot, with the recorder's sums.
    ///
    /// # Errors
    /// None: a host without VTIs has facts, too.
    pub fn of(now: &Snapshot, recorder: Recorder) -> Result<Self> {
        let mut facts = Self::of_host(now, recorder);
        let observation = Observation { now, earlier: None };
        diagnose::each(Extent::Findings, &observation, None, |report| {
            facts.take(&report.present());
        })?;
        Ok(facts)
    }

    /// Those of the host alone, before its interfaces are taken.
    pub fn of_host(now: &Snapshot, recorder: Recorder) -> Self {
        let journal = match &recorder {
            Recorder::Read(_) => Status::Read,
            Recorder::Absent => Status::Absent,
            Recorder::Failed => Status::Failed,
            Recorder::Skipped => Status::Skipped,
        };
        let mut sources: Vec<(&'static str, bool)> = Vec::new();
        for SourceStatus { name, status, .. } in diagnose::sources(now) {
            let status = if name == Source::Journal.name() { journal } else { status };
            let readable = match status {
                Status::Read => true,
                Status::Denied | Status::Failed => false,
                Status::Absent | Status::Skipped => continue,
            };
            // Cleared counters are listed once for each interface.
            match sources.iter_mut().find(|(known, _)| *known == name) {
                Some((_, all)) => *all &= readable,
                None => sources.push((name, readable)),
            }
        }
        Self { taken_at_ms: now.taken_at_ms, sources, interfaces: BTreeMap::new(), recorder }
    }

    /// Takes an interface. `report` is without findings on the past ([`InterfaceReport::present`]). A second one of the same name, which no kernel
    /// has, replaces the first: two samples with the same labels would make the whole text invalid.
    pub fn take(&mut self, report: &InterfaceReport) {
        if report.fallback_device {
            return;
        }
        let (lost, losing) = match &self.recorder {
            Recorder::Read(totals) => {
                (totals.ended(&report.name).collect(), totals.open(&report.name))
            }
            Recorder::Absent | Recorder::Failed | Recorder::Skipped => (Vec::new(), None),
        };
        let current = report.findings.iter().filter(|f| f.code.info().stage != Stage::Past);
        let name = escape(&report.name);
        let interface = Interface {
            driver: report.driver,
            verdict: report.verdict,
            findings: current.map(|finding| (finding.code, finding.confidence)).collect(),
            state: report.state.clone(),
            counters: report.counters.since_boot.filter(|_| !report.absent),
            lost,
            losing,
            name,
        };
        self.interfaces.insert(natural(&interface.name), interface);
    }

    /// The VTIs in the order of their names.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.values()
    }
}

impl Interface {
    /// Whether the kernel exports the driver's transmit errors: it counts those of xfrm interfaces as drops alone before
    /// `kernel::Change::XfrmErrorCounters`, and shows 0 errors.
    pub fn exports_errors(&self) -> bool {
        let counted = self.counters.is_some_and(|counters| counters.tx_carrier_errors.is_some());
        self.driver != Some(Driver::Xfrm) || counted
    }
}
