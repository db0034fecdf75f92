//! What the real binary says about the tunnel, from its JSON report.

use crate::Fallible;
use serde_json::Value;
use std::process::Command;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::snapshot::Snapshot;

/// The keys of the SAs that scenarios make, in the hexadecimal form that `ip xfrm state` shows.
const KEYS: [&str; 3] = [
    "000102030405060708090a0b0c0d0e0f10111213",
    "ff0102030405060708090a0b0c0d0e0f10111213",
    "0001020304050607",
];

/// The code of the first finding for the interface, or its verdict where there is none.
pub fn first_finding(interface: &str) -> Fallible<Option<String>> {
    let report = output(&["show", "--interface", interface, "--detail", "--format", "json"])?;
    let report = serde_json::from_str(&report).map_err(|error| format!("show: {error}"))?;
    Ok(first_of(&report, interface))
}

/// What the program prints. It is an error if any key is in it.
pub fn output(arguments: &[&str]) -> Fallible<String> {
    output_of("./vti-diagnostics", arguments)
}

/// The same where another program runs it.
pub fn output_of(program: &str, arguments: &[&str]) -> Fallible<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    let bytes = |key: &str| -> Vec<u8> {
        let digits = (0..key.len()).step_by(2).filter_map(|at| key.get(at..at + 2));
        digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for key in KEYS {
        let raw = bytes(key);
        if text.contains(key) || output.stdout.windows(raw.len()).any(|window| window == raw) {
            return Err(format!("{} prints a key", arguments.join(" ")));
        }
    }
    Ok(text)
}

/// The same by the library, from two looks where there is an earlier one.
pub fn first_finding_of(
    now: &Snapshot,
    earlier: Option<&Snapshot>,
    interface: &str,
) -> Fallible<Option<String>> {
    let report = diagnose::run(&Observation { now, earlier }, Some(interface))
        .map_err(|error| format!("diagnose: {error}"))?;
    let report = serde_json::to_value(&report).map_err(|error| format!("diagnose: {error}"))?;
    Ok(first_of(&report, interface))
}

fn first_of(report: &Value, interface: &str) -> Option<String> {
    let interface = report
        .get("interfaces")?
        .as_array()?
        .iter()
        .find(|found| found.get("name").is_some_and(|name| name == interface))?;
    let finding = interface.pointer("/findings/0/code").or(interface.get("verdict"));
    finding.and_then(Value::as_str).map(str::to_owned)
}

/// The report as a person reads it, for a failure.
pub fn text(interface: &str) -> String {
    let arguments = ["show", "--interface", interface, "--detail"];
    match Command::new("./vti-diagnostics").args(arguments).output() {
        Ok(output) => {
            String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr)
        }
        Err(error) => format!("cannot run vti-diagnostics: {error}"),
    }
}
