//! Keeps captures of scenarios for tests/replay.rs: `run --write-captures`. What is kept is what the program itself captured, before and
//! after the traffic. It is not redacted: the addresses are those of the documentation, and the replay tests redact it themselves.

use crate::Fallible;
use crate::case::{Case, End};
use crate::charon::{self, VTI};
use crate::scenario::{BothEnds, Scenario};
use crate::{ends, program, record};
use std::collections::BTreeSet;
use std::path::Path;
use vti_diagnostics::capture::{self, Capture};
use vti_diagnostics::snapshot::Snapshot;

/// The argument that asks for captures.
pub const OPTION: &str = "--write-captures";

/// Where the guest leaves what `boot -r` brings back.
const RESULTS: &str = "/results";

/// Lines of charon's log that are kept of a site.
const LOG_LINES: usize = 40;

/// Writes the captures that the scenarios want.
pub struct Keep {
    wanted: bool,
    kept: BTreeSet<String>,
}

impl Keep {
    /// The words without [`OPTION`], and whether it was among them.
    pub fn asked_for<'a>(words: &[&'a str]) -> (Vec<&'a str>, Keep) {
        let others: Vec<&str> = words.iter().copied().filter(|word| *word != OPTION).collect();
        let wanted = others.len() < words.len();
        (others, Keep { wanted, kept: BTreeSet::new() })
    }

    /// Whether captures are what the run is for.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether this case need not be run: captures are asked for, and this one is not wanted or was kept already.
    pub fn passes_over(&self, scenario: &Scenario, case: &Case) -> bool {
        self.wanted
            && (self.kept.contains(&file_name(scenario, case))
                || !scenario.capture.iter().any(|pattern| case.matches(pattern)))
    }

    /// Writes the capture of a case. One that fails writes it too: the replay test then fails likewise, and is quicker to work with.
    pub fn keep(
        &mut self,
        scenario: &Scenario,
        case: &Case,
        snapshots: [Snapshot; 2],
    ) -> Fallible<()> {
        let name = file_name(scenario, case);
        if !self.wanted || !self.kept.insert(name.clone()) {
            return Ok(());
        }
        let from = format!("{}, {case}", scenario.name);
        write(&name, &from, &format!("t0: {}", scenario.expect.over_time(case)), snapshots.into())
    }

    /// Whether both ends of this case are not to be kept.
    pub fn passes_over_ends(&self, scenario: &Scenario) -> bool {
        self.wanted && (scenario.both_ends.is_none() || self.kept.contains(&scenario.name))
    }

    /// Writes the captures of both ends of a case, the one whose report it is and the other's beside it.
    pub fn keep_ends(
        &mut self,
        scenario: &Scenario,
        case: &Case,
        router: ends::Looks,
        peer: ends::Looks,
    ) -> Fallible<()> {
        let Some(BothEnds { of, finding }) = &scenario.both_ends else { return Ok(()) };
        if !self.wanted || !self.kept.insert(scenario.name.clone()) {
            return Ok(());
        }
        let (own, other) = match of {
            End::Router => (router, peer),
            End::Peer => (peer, router),
        };
        let name = format!(
            "{}-{}-{}",
            finding.trim_start_matches("VTI-"),
            scenario.name,
            case.driver_name()
        );
        let from = format!("ends, {}, {case}", scenario.name);
        write(&format!("{name}.yaml"), &from, &format!("t0: {finding}"), own.into())?;
        write(&format!("{name}.peer.yaml"), &from, "nothing of t0 alone", other.into())
    }

    /// Writes the capture of a scenario with daemons, one look, where it wants that.
    pub fn keep_daemons(
        &mut self,
        scenario: &charon::Scenario,
        driver: &str,
        now: Snapshot,
    ) -> Fallible<()> {
        let code = scenario.finding.trim_start_matches("VTI-");
        let name = format!("{code}-{}-{driver}.yaml", scenario.name);
        if !self.wanted || !scenario.capture || !self.kept.insert(scenario.name.clone()) {
            return Ok(());
        }
        let mut expected = format!("{}: {}", scenario.interface, scenario.finding);
        for (other, finding) in &scenario.also {
            expected.push_str(&format!("\n# expect {other}: {finding}"));
        }
        write(&name, &format!("{}, {driver}", scenario.name), &expected, vec![now])
    }

    /// Whether this scenario need not be run, as above.
    pub fn passes_over_recorded(&self, scenario: &record::Scenario) -> bool {
        self.wanted && (!scenario.capture || self.kept.contains(&scenario.name))
    }

    /// Writes the capture of what the recorder saw, one look.
    pub fn keep_recorded(
        &mut self,
        scenario: &record::Scenario,
        driver: &str,
        now: Snapshot,
    ) -> Fallible<()> {
        let name = scenario.name.trim_start_matches("record-");
        let code = scenario.cause.map_or_else(|| "ok".to_owned(), |code| code.to_string());
        if !self.kept.insert(scenario.name.clone()) {
            return Ok(());
        }
        let file = format!("{code}-recorded-{name}-{driver}.yaml");
        let from = format!("{}, {driver}", scenario.name);
        let first = program::first_finding(VTI)?.unwrap_or_else(|| "ok".to_owned());
        write(&file, &from, &format!("{VTI}: {first}"), vec![now])
    }

    /// Writes the capture of an IP tunnel, before and after the traffic.
    pub fn keep_ip_tunnel(
        &mut self,
        file: &str,
        fault: &str,
        expected: &str,
        snapshots: [Snapshot; 2],
    ) -> Fallible<()> {
        if !self.wanted || !self.kept.insert(file.to_owned()) {
            return Ok(());
        }
        write(file, &format!("ip-tunnels, {fault}"), expected, snapshots.into())
    }

    /// Writes the capture of the healthy site, one look; what is expected of each interface is in `expected`, a line each.
    pub fn keep_site(&self, expected: &[String], mut now: Snapshot) -> Fallible<()> {
        if !self.wanted {
            return Ok(());
        }
        // Most of it would be the log.
        if let Ok(log) = &mut now.charon_log {
            log.drain(..log.len().saturating_sub(LOG_LINES));
        }
        write("ok-site.yaml", "site", &expected.join("\n# expect "), vec![now])
    }
}

/// Writes one capture: `from` says what it shows, `expected` the interface and its first finding.
fn write(name: &str, from: &str, expected: &str, snapshots: Vec<Snapshot>) -> Fallible<()> {
    let release =
        snapshots.iter().map(|s| s.host.kernel_release.clone()).next().unwrap_or_default();
    let capture = Capture {
        schema: capture::SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        redacted: false,
        snapshots,
    };
    let yaml = capture::to_yaml(&capture).map_err(|error| format!("{name}: {error}"))?;
    let text = format!(
        "# Written by tests/vm/run {OPTION}: {from}, kernel {release}.\n# expect {expected}\n{yaml}"
    );
    let path = Path::new(RESULTS).join(name);
    std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// `CODE-SCENARIO-DRIVER.yaml`.
fn file_name(scenario: &Scenario, case: &Case) -> String {
    let code = scenario.expect.over_time(case);
    let number = code.trim_start_matches("VTI-");
    format!("{number}-{}-{}.yaml", scenario.name, case.driver_name())
}
