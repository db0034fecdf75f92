//! What the real binary says about the tunnel, from its JSON report.

use crate::Fallible;
use serde_json::Value;
use std::process::Command;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::snapshot::Snapshot;

/// The code of the first finding for t0, or its verdict where there is none. None: the program does not answer (yet).
pub fn first_finding() -> Option<String> {
    let output = Command::new("./vti-diagnostics")
        .args(["show", "--interface", "t0", "--format", "json"])
        .output()
        .ok()?;
    first_of(&serde_json::from_slice(&output.stdout).ok()?)
}

/// The same from two looks, by the library.
pub fn first_finding_over_time(earlier: &Snapshot, now: &Snapshot) -> Fallible<Option<String>> {
    let observation = Observation { now, earlier: Some(earlier) };
    let report =
        diagnose::run(&observation, Some("t0")).map_err(|error| format!("two looks: {error}"))?;
    let report = serde_json::to_value(&report).map_err(|error| format!("two looks: {error}"))?;
    Ok(first_of(&report))
}

fn first_of(report: &Value) -> Option<String> {
    let interface = report
        .get("interfaces")?
        .as_array()?
        .iter()
        .find(|interface| interface.get("name").is_some_and(|name| name == "t0"))?;
    let finding = interface.pointer("/findings/0/code").or(interface.get("verdict"));
    finding.and_then(Value::as_str).map(str::to_owned)
}

/// The report as a person reads it, for a failure.
pub fn text() -> String {
    match Command::new("./vti-diagnostics").args(["show", "--interface", "t0", "--detail"]).output()
    {
        Ok(output) => {
            String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr)
        }
        Err(error) => format!("cannot run vti-diagnostics: {error}"),
    }
}
