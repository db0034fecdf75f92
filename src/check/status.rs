//! The status of a plugin, and how it follows from the verdicts and the thresholds.

use super::range::Range;
use crate::report::{InterfaceReport, Verdict};

/// The status of a plugin; its number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Everything needed was read, and nothing is wrong.
    Ok = 0,
    /// There is a warning.
    Warning = 1,
    /// There is a fault.
    Critical = 2,
    /// Nothing worse than a notice was found, but something needed could not be read, or there is nothing to check.
    Unknown = 3,
}

impl Status {
    /// As the line of text begins with it.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Warning => "WARNING",
            Status::Critical => "CRITICAL",
            Status::Unknown => "UNKNOWN",
        }
    }
}

/// The values that raise no alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    /// Numbers of VTIs with a warning or a fault that are no warning.
    pub warning: Range,
    /// Numbers of VTIs with a fault that are not critical.
    pub critical: Range,
}

/// How many VTIs have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub all: u64,
    pub faults: u64,
    pub warnings: u64,
    pub unknown: u64,
}

impl Counts {
    pub fn of(vtis: &[&InterfaceReport]) -> Self {
        let count = |verdict| vtis.iter().filter(|vti| vti.verdict == verdict).count() as u64;
        Self {
            all: vtis.len() as u64,
            faults: count(Verdict::Fault),
            warnings: count(Verdict::Warning),
            unknown: count(Verdict::Unknown),
        }
    }

    /// With a warning or a fault.
    pub const fn impaired(&self) -> u64 {
        self.faults.saturating_add(self.warnings)
    }

    /// What is proven to be bad comes before what is unknown, as in the guidelines' own library (`max_state_alt()`). `verdict`: that of the report.
    pub fn status(&self, verdict: Verdict, thresholds: &Thresholds) -> Status {
        // Where every VTI is gone, none is at fault: that is no reason to call the router healthy.
        if self.all == 0 {
            Status::Unknown
        } else if thresholds.critical.alerts(self.faults) {
            Status::Critical
        } else if thresholds.warning.alerts(self.impaired()) {
            Status::Warning
        } else if self.unknown > 0 || verdict == Verdict::Unknown {
            Status::Unknown
        } else {
            Status::Ok
        }
    }
}
