//! Many captures at once: one row each, with the worst of what its report says.

use super::{Report, Verdict};
use serde::Serialize;

/// The captures of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// One row a capture, the worst first.
    pub captures: Vec<Row>,
}

/// One capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The name of the file.
    pub file: String,
    /// The host; empty where the capture could not be read.
    pub host: String,
    /// The worst verdict.
    pub verdict: Verdict,
    /// VTIs that are not ok, and all of them.
    pub affected: usize,
    /// See `affected`.
    pub vtis: usize,
    /// The worst finding, with its interface; or why the capture could not be read.
    pub worst: String,
}

impl Row {
    /// The row of a report.
    pub fn of(file: String, report: &Report) -> Self {
        let vtis = || report.interfaces.iter().filter(|interface| !interface.fallback_device);
        let findings = vtis().flat_map(|interface| {
            let first = interface.findings.first();
            first.map(|finding| {
                (
                    interface.verdict,
                    format!("{}: {} ({})", interface.name, finding.title, finding.code),
                )
            })
        });
        // Of several that are equally bad, the first.
        let worst = findings.fold(None, |worst: Option<(Verdict, String)>, one| match worst {
            Some(worst) if worst.0 >= one.0 => Some(worst),
            _ => Some(one),
        });
        Self {
            file,
            host: report.host.hostname.clone(),
            verdict: report.verdict,
            affected: vtis().filter(|interface| interface.verdict != Verdict::Ok).count(),
            vtis: vtis().count(),
            worst: worst.map(|(_, text)| text).unwrap_or_default(),
        }
    }

    /// The row of a capture that could not be read.
    pub fn unread(file: String, why: String) -> Self {
        Self {
            file,
            host: String::new(),
            verdict: Verdict::Unknown,
            affected: 0,
            vtis: 0,
            worst: why,
        }
    }
}
