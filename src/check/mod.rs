//! `check`: the report as monitoring systems with plugins want it, Nagios, Icinga, Zabbix and NRPE: a status, a line of text, performance data, and
//! behind them a line a VTI. The form is that of the Plugin Development Guidelines (monitoring-plugins.org). It decides nothing about a tunnel: the
//! verdicts do.

#![deny(clippy::disallowed_methods)]

mod performance;
mod range;
mod status;
mod words;

pub use range::Range;
pub use status::{Status, Thresholds};

use crate::report::{InterfaceReport, Report};
use status::Counts;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: Status,
    /// What is written to standard output, with a line end.
    pub text: String,
}

/// The answer for a report; `interface` where one alone was asked for.
pub fn answer(report: &Report, interface: Option<&str>, thresholds: &Thresholds) -> Answer {
    let vtis: Vec<&InterfaceReport> =
        report.interfaces.iter().filter(|vti| !vti.fallback_device).collect();
    let counts = Counts::of(&vtis);
    let status = counts.status(report.verdict, thresholds);
    let data = match (interface, vtis.as_slice()) {
        (Some(_), [vti]) => performance::of_interface(vti),
        _ => performance::of_host(&counts, thresholds),
    };
    Answer { status, text: words::text(status, report, &vtis, &data) }
}

/// The answer where no report can be made.
pub fn unknown(sentence: &str) -> Answer {
    let status = Status::Unknown;
    Answer { status, text: words::first(status, sentence) + "\n" }
}
