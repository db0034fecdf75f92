//! What a diagnosis returns when its cause holds; the registry adds code and name.

use super::Case;
use super::case::Trace;
use crate::code::Severity;
use crate::kernel::Release;
use crate::report::{Confidence, Evidence, Remedy};
use crate::snapshot::Source;

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

    /// What to do next, with the command of VyOS and that of any Linux.
    pub(super) fn next(mut self, case: &Case<'_>, action: &str, vyos: &str, linux: &str) -> Self {
        let command = if case.is_vyos() { vyos } else { linux };
        let command = (!command.is_empty()).then(|| command.replace("IFACE", case.name));
        self.remedies.push(Remedy { action: action.replace("IFACE", case.name), command });
        self
    }
}

/// A name as one word of a command: quoted where a shell would read more out of it.
pub(super) fn word(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:@-".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_name_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(word("AWS-A.1:2@x"), "AWS-A.1:2@x");
        assert_eq!(word("a; reboot"), "'a; reboot'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }
}
