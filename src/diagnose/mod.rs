//! Stub: the interface of the diagnoses.
#![expect(missing_docs, reason = "stub")]

use crate::error::{Error, Result};
use crate::report::{Code, LookupReport, Report, Severity};
use crate::snapshot::Snapshot;
use crate::transmit::Flow;

pub struct Observation<'a> {
    pub now: &'a Snapshot,
    pub earlier: Option<&'a Snapshot>,
}

pub struct Diagnosis {
    pub code: Code,
    pub name: &'static str,
    pub severity: Severity,
    pub explain: &'static str,
}

pub const DIAGNOSES: &[Diagnosis] = &[Diagnosis {
    code: Code(111),
    name: "no-security-association",
    severity: Severity::Fault,
    explain: "A policy asks for a security association, and there is none.",
}];

pub fn run(_: &Observation<'_>, _: Option<&str>) -> Result<Report> {
    Err(Error::DataUnavailable("no diagnosis in this build".to_string()))
}

pub fn lookup(_: &Snapshot, _: &str, _: &Flow) -> Result<LookupReport> {
    Err(Error::DataUnavailable("no diagnosis in this build".to_string()))
}
