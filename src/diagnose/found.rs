//! What a diagnosis returns when its cause is present; the registry adds code and name.

use super::Case;
use super::arrivals::Arrival;
use super::call::Call;
use super::commands::{Changes, System};
use super::flows::Trace;
use crate::code::Severity;
use crate::kernel::Release;
use crate::report::{Confidence, Evidence, Remedy, Step};
use crate::snapshot::Source;

/// The remedy instead of a command where only the peer can start the negotiation.
const PEER_BEGINS: &str = "let the peer start the negotiation: its address is unknown here";

/// A cause that is present, with its summary and its evidence.
#[derive(Debug)]
pub struct Found {
    pub(super) severity: Option<Severity>,
    pub(super) keeps_severity: bool,
    pub(super) title: Option<&'static str>,
    pub(super) confidence: Confidence,
    /// The model proves it: that holds for kernels on which the model was tested.
    pub(super) by_model: bool,
    pub(super) site: String,
    pub(super) summary: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) remedies: Vec<Remedy>,
    pub(super) is_brief: bool,
}

impl Found {
    /// The cause in one sentence, how sure it is, and the kernel site where the packet is dropped.
    pub(super) fn new(
        confidence: Confidence,
        site: impl Into<String>,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            severity: None,
            keeps_severity: false,
            title: None,
            confidence,
            by_model: false,
            site: site.into(),
            summary: summary.into(),
            evidence: Vec::new(),
            remedies: Vec::new(),
            is_brief: false,
        }
    }

    /// A cause that the model proves: `lost` is dropped at the cause's site, and so is every packet like it.
    pub(super) fn proven(case: &Case<'_>, lost: &Trace, summary: impl Into<String>) -> Self {
        let site = lost.verdict.effect.function.to_string();
        let found = Self::new(Confidence::Proven, site, summary).path(case, lost).errors(case);
        Self { by_model: true, ..found }
    }

    /// At most consistent on a kernel release on which the model was not tested.
    pub(super) fn on(mut self, kernel: Release) -> Self {
        if self.by_model && !kernel.is_covered() {
            self.confidence = self.confidence.min(Confidence::Consistent);
        }
        self
    }

    /// At most consistent: SAs or policies of the tunnel changed while they were read.
    pub(super) fn of_what_changed(self) -> Self {
        let fact = "SAs or policies of the tunnel changed while they were read: run the command again before you act";
        let found = self.concluded(fact, Source::SecurityAssociations);
        Self { confidence: found.confidence.min(Confidence::Consistent), ..found }
    }

    /// The steps of the lost packet, as evidence.
    pub(super) fn path(self, case: &Case<'_>, lost: &Trace) -> Self {
        self.steps(case, &lost.verdict.trail)
    }

    /// A cause that the receive model proves, with the step that decides.
    pub(super) fn proven_inbound(
        case: &Case<'_>,
        lost: &Arrival<'_>,
        summary: impl Into<String>,
    ) -> Self {
        let effect = &lost.verdict.effect;
        let found =
            Self { by_model: true, ..Self::new(Confidence::Proven, effect.function, summary) };
        let deciding = lost.verdict.trail.last();
        found.steps(case, deciding.map_or(&[], std::slice::from_ref))
    }

    /// The steps before the one that decides, behind all that is more telling.
    pub(super) fn before(self, case: &Case<'_>, lost: &Arrival<'_>) -> Self {
        let before = lost.verdict.trail.split_last().map_or(&[][..], |(_, before)| before);
        before.iter().fold(self, |found, step| found.steps(case, std::slice::from_ref(step)))
    }

    /// Steps of a packet, as evidence: first the last one, which decides.
    pub(super) fn steps(mut self, case: &Case<'_>, trail: &[Step]) -> Self {
        let (deciding, before) =
            trail.split_last().map_or((None, trail), |(last, rest)| (Some(last), rest));
        for step in deciding.into_iter().chain(before) {
            let source = step.source;
            let result =
                if step.result.is_empty() { String::new() } else { format!(": {}", step.result) };
            // `SA to 192.0.2.2`, but not `SA 1 SA to 192.0.2.2`.
            let is_named = step.looked_at.contains(step.name)
                || step.looked_at.starts_with("SA ")
                || step.result == step.name;
            let name = if is_named { String::new() } else { format!("{} ", step.name) };
            self = self.seen(case, format!("{name}{}{result}", step.looked_at), source);
            for note in &step.notes {
                self = self.seen(case, note, source);
            }
        }
        self
    }

    /// What the error counters show, if they are not 0.
    pub(super) fn errors(self, case: &Case<'_>) -> Self {
        let carrier = case.counted.words("tx_carrier_errors", |c| c.tx_carrier_errors.unwrap_or(0));
        let all = || case.counted.words("tx_errors", |c| c.tx_errors);
        self.seen_if(case, carrier.or_else(all), Source::Links)
    }

    /// At most this sure.
    pub(super) fn at_most(mut self, confidence: Confidence) -> Self {
        self.confidence = self.confidence.min(confidence);
        self
    }

    /// Another severity than the usual one of the diagnosis.
    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Another title than the usual one of the diagnosis: what is known differs.
    pub(super) fn titled(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// The severity stays, even if a hidden finding is worse. The argument tells the reader of the check why that is right.
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

    /// A conclusion from facts of `source`, which no command shows.
    pub(super) fn concluded(mut self, fact: impl Into<String>, source: Source) -> Self {
        let (fact, see) = (fact.into(), String::new());
        self.evidence.push(Evidence { fact, source: source.name(), see });
        self
    }

    /// A fact, if there is one.
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

    /// The same on a system that may not be this one.
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
        // Read-only commands come first.
        self.remedies.sort_by_key(|remedy| remedy.changes);
        self
    }
}
