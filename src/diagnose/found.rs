//! What a diagnosis returns when its cause holds; the registry adds code and name.

use super::Case;
use super::case::Trace;
use super::commands::{Call, Changes, System};
use crate::code::Severity;
use crate::kernel::Release;
use crate::report::{Confidence, Evidence, Remedy};
use crate::snapshot::Source;

/// What is said instead of a command where only the peer can begin.
const PEER_BEGINS: &str = "let the peer begin: its address is not known here";

/// A cause that holds, in words and with its evidence.
#[derive(Debug)]
pub struct Found {
    pub(super) severity: Option<Severity>,
    pub(super) keeps_severity: bool,
    pub(super) confidence: Confidence,
    /// The proof is the model's: it holds for kernels that the model was held against.
    pub(super) by_model: bool,
    pub(super) site: String,
    pub(super) summary: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) remedies: Vec<Remedy>,
    pub(super) is_brief: bool,
}

impl Found {
    /// The cause in one sentence, how sure it is, and the kernel site where the packet is lost.
    pub(super) fn new(
        confidence: Confidence,
        site: impl Into<String>,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            severity: None,
            keeps_severity: false,
            confidence,
            by_model: false,
            site: site.into(),
            summary: summary.into(),
            evidence: Vec::new(),
            remedies: Vec::new(),
            is_brief: false,
        }
    }

    /// A cause that the model proves: `lost` ends at its site, and so does every packet like it.
    pub(super) fn proven(case: &Case<'_>, lost: &Trace, summary: impl Into<String>) -> Self {
        let site = lost.verdict.effect.function.to_string();
        let found = Self::new(Confidence::Proven, site, summary).path(case, lost).errors(case);
        Self { by_model: true, ..found }
    }

    /// No surer than the model can be of a kernel of this release.
    pub(super) fn on(mut self, kernel: Release) -> Self {
        if self.by_model && !kernel.is_covered() {
            self.confidence = self.confidence.min(Confidence::Consistent);
        }
        self
    }

    /// No longer proven: SAs or policies of the tunnel changed while they were read.
    pub(super) fn of_what_changed(self) -> Self {
        let fact = "SAs or policies of the tunnel changed while they were read: run the command again before you act on this";
        let found = self.concluded(fact, Source::SecurityAssociations);
        Self { confidence: found.confidence.min(Confidence::Consistent), ..found }
    }

    /// The steps that the lost packet took, as evidence.
    pub(super) fn path(mut self, case: &Case<'_>, lost: &Trace) -> Self {
        for step in &lost.verdict.trail {
            let source = step.source;
            let result =
                if step.result.is_empty() { String::new() } else { format!(": {}", step.result) };
            self = self.seen(case, format!("{} {}{result}", step.name, step.looked_at), source);
            for note in &step.notes {
                self = self.seen(case, note, source);
            }
        }
        self
    }

    /// What the error counters say, where they moved.
    pub(super) fn errors(self, case: &Case<'_>) -> Self {
        let carrier = case.counted.words("tx_carrier_errors", |c| c.tx_carrier_errors.unwrap_or(0));
        let all = || case.counted.words("tx_errors", |c| c.tx_errors);
        self.seen_if(case, carrier.or_else(all), Source::Links)
    }

    /// Another severity than the usual one of the diagnosis.
    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// The severity stays, however bad what it hides is. The argument is for whoever reads the check: why nobody misses that.
    pub(super) fn keeps_severity(mut self, _because: &'static str) -> Self {
        self.keeps_severity = true;
        self
    }

    /// A fact and where it was read.
    pub(super) fn seen(mut self, case: &Case<'_>, fact: impl Into<String>, source: Source) -> Self {
        if case.is_brief.get() {
            return self;
        }
        self.evidence.push(Evidence {
            fact: fact.into(),
            source: source.name(),
            see: case.see(source),
        });
        self
    }

    /// What follows from facts of `source`: no command shows it.
    pub(super) fn concluded(mut self, fact: impl Into<String>, source: Source) -> Self {
        let (fact, see) = (fact.into(), String::new());
        self.evidence.push(Evidence { fact, source: source.name(), see });
        self
    }

    /// Facts that are there or not.
    pub(super) fn seen_if(self, case: &Case<'_>, fact: Option<String>, source: Source) -> Self {
        match fact {
            Some(fact) => self.seen(case, fact, source),
            None => self,
        }
    }

    /// What to do next, and the command for it.
    pub(super) fn next(
        self,
        case: &Case<'_>,
        action: impl Into<String>,
        command: impl Into<Call>,
    ) -> Self {
        self.next_on(case.system(), case, action, command)
    }

    /// What to do next on a system that is not known to be this one.
    pub(super) fn next_on(
        mut self,
        system: System,
        case: &Case<'_>,
        action: impl Into<String>,
        command: impl Into<Call>,
    ) -> Self {
        if case.is_brief.get() {
            return self;
        }
        let call = command.into();
        let command = call.text(system, case.words());
        let changes = call.changes() == Changes::System;
        let waits = call.waits_for_peer(case.words());
        let action = if waits { PEER_BEGINS.to_owned() } else { action.into() };
        self.remedies.push(Remedy { action, command, changes });
        // Whoever goes down the list looks first.
        self.remedies.sort_by_key(|remedy| remedy.changes);
        self
    }
}
