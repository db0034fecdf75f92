//! The scenarios with strongSwan in charon.yaml: what two real daemons leave in the kernel, and the program's first finding for it.
//! Runs in the guest only; the daemons end with their case.

use crate::Fallible;
use crate::namespace::Namespace;
use crate::program;
use serde::Deserialize;
use std::process::{Command, Stdio};

/// One course of events between two daemons.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Unique, begins with `charon-`.
    pub name: String,
    /// One line: what happens.
    pub why: String,
    /// Whether a NAT is between the peers.
    #[serde(default)]
    nat: bool,
    /// Bash after charon.sh, inside the router's namespace.
    run: String,
    /// The code of the first finding, or the verdict where there is none.
    finding: String,
}

/// The tunnel's drivers that VyOS has used for IPv4 peers.
pub const DRIVERS: [&str; 2] = ["vti", "xfrm"];

/// All scenarios.
pub fn scenarios() -> Fallible<Vec<Scenario>> {
    let text = std::fs::read_to_string("charon.yaml")
        .map_err(|error| format!("cannot read charon.yaml: {error}"))?;
    serde_yaml::from_str(&text).map_err(|error| format!("charon.yaml: {error}"))
}

/// What differs from what the scenario expects; nothing when it passed.
pub fn run_case(scenario: &Scenario, driver: &str) -> Fallible<Vec<String>> {
    let router = Namespace::new("router")?;
    let _others = [Namespace::new("peer")?, Namespace::new("nat")?];
    let bash = |lines: &str| bash(lines, driver, scenario.nat);
    router.within(|| {
        let ran = bash(&format!("links\n{}", scenario.run));
        let found = program::first_finding("t0")?.unwrap_or_default();
        let expected = &scenario.finding;
        let mut differences = Vec::new();
        if let Err(error) = ran {
            differences.push(error);
        }
        if found != *expected {
            differences.push(format!("show: first finding: expected {expected}, found {found}"));
        }
        if !differences.is_empty() {
            differences.push(format!("vti-diagnostics show:\n{}", program::text("t0")));
        }
        bash("for end in router peer; do [ ! -e /tmp/$end.pid ] || stop $end KILL; done; rm -f /tmp/*.pid")?;
        Ok(differences)
    })
}

/// Output is not waited for: the daemons inherit it.
fn bash(lines: &str, driver: &str, nat: bool) -> Fallible<()> {
    let file = |error: std::io::Error| format!("cannot write /tmp/case: {error}");
    let log = std::fs::File::create("/tmp/case").map_err(file)?;
    let status = Command::new("bash")
        .args(["-exc", &format!(". ./charon.sh\n{lines}")])
        .env("DRIVER", driver)
        .env("NAT", if nat { "yes" } else { "" })
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(file)?)
        .stderr(log)
        .status()
        .map_err(|error| format!("cannot run bash: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let said = std::fs::read("/tmp/case").map_err(|error| format!("/tmp/case: {error}"))?;
    let said = String::from_utf8_lossy(&said);
    let tail: Vec<&str> = said.lines().rev().take(12).collect();
    Err(format!("the lines failed:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
}
