//! The scenarios with strongSwan in charon.yaml: what two real daemons leave in the kernel, and the program's first finding for it.
//! Runs in the guest only; the daemons end with their case.

use crate::Fallible;
use crate::keep::Keep;
use crate::kernel::Kernel;
use crate::namespace::Namespace;
use crate::{model, program};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use vti_diagnostics::kernel::Release;
use vti_diagnostics::snapshot::{Driver, Missing, Reason, Snapshot, Source};
use vti_diagnostics::way::counters::exports_errors;

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
    /// The interface that `finding` and `says` are about; `kernel` is always about vti7.
    #[serde(default = "vti")]
    pub interface: String,
    /// First findings of other interfaces.
    #[serde(default)]
    pub also: BTreeMap<String, String>,
    /// Bash after charon.sh, inside the router's namespace.
    run: String,
    /// The drivers it is run with; all when left out.
    #[serde(default)]
    drivers: Vec<String>,
    /// The code of the first finding by the kernel's state alone; that of `finding` when left out.
    #[serde(default)]
    kernel: Option<String>,
    /// The code of the first finding, or the verdict where there is none.
    ///
    /// Where the kernel hides an xfrm interface's error counters, VTI-603 says so in place of `ok`, and of VTI-901, which is about them.
    pub finding: String,
    /// Whether `run --write-captures` keeps a capture of it.
    #[serde(default)]
    pub capture: bool,
    /// What the report must say.
    #[serde(default)]
    says: Vec<String>,
    /// What VyOS's debug archive lacks of what shows it; without, the archive must lead to the same first finding.
    #[serde(default)]
    pub archive_lacks: Option<String>,
}

/// The tunnel, as VyOS names it.
pub const VTI: &str = "vti7";

fn vti() -> String {
    VTI.to_owned()
}

/// The tunnel's drivers that VyOS has used for IPv4 peers.
const DRIVERS: [&str; 2] = ["vti", "xfrm"];

impl Scenario {
    /// Its lines for bash.
    pub fn script(&self) -> &str {
        &self.run
    }

    /// Whether a NAT is between the peers.
    pub fn has_nat(&self) -> bool {
        self.nat
    }

    /// The drivers it is run with.
    pub fn drivers(&self) -> impl Iterator<Item = &'static str> {
        let wanted =
            |driver: &&str| self.drivers.is_empty() || self.drivers.iter().any(|d| d == driver);
        DRIVERS.into_iter().filter(wanted)
    }
}

/// All scenarios.
pub fn scenarios() -> Fallible<Vec<Scenario>> {
    let text = std::fs::read_to_string("charon.yaml")
        .map_err(|error| format!("cannot read charon.yaml: {error}"))?;
    serde_yaml::from_str(&text).map_err(|error| format!("charon.yaml: {error}"))
}

/// What differs from what the scenario expects; nothing when it passed.
pub fn run_case(scenario: &Scenario, driver: &str, keep: &mut Keep) -> Fallible<Vec<String>> {
    let router = Namespace::new("router")?;
    let _others = [Namespace::new("peer")?, Namespace::new("nat")?];
    let bash = |lines: &str| bash(lines, driver, scenario.nat);
    router.within(|| {
        let ran = bash(&format!("links\n{}", scenario.run));
        let mut differences = Vec::new();
        if let Err(error) = ran {
            differences.push(error);
        }
        let hidden = hides_errors(driver)?;
        let mut compare = |what: &str, expected: &str, found: Option<String>| {
            let found = found.unwrap_or_default();
            let expected = match expected {
                "ok" | "VTI-901" if hidden => "VTI-603",
                expected => expected,
            };
            if found != expected {
                differences
                    .push(format!("{what}: first finding: expected {expected}, found {found}"));
            }
        };
        let interface = scenario.interface.as_str();
        compare("show", &scenario.finding, program::first_finding(interface)?);
        for (other, finding) in &scenario.also {
            compare(&format!("show of {other}"), finding, program::first_finding(other)?);
        }
        let now = model::capture()?;
        keep.keep_daemons(scenario, driver, now.clone())?;
        let kernel = scenario.kernel.as_ref().unwrap_or(&scenario.finding);
        compare(
            "by the kernel alone",
            kernel,
            program::first_finding_of(&kernel_alone(now), None, VTI)?,
        );
        let text = program::text(interface);
        // Wrapped lines are one text.
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        differences.extend(
            scenario
                .says
                .iter()
                .filter(|words| !flat.contains(*words))
                .map(|words| format!("show does not say: {words}")),
        );
        if !differences.is_empty() {
            differences.push(format!("vti-diagnostics show:\n{text}"));
        }
        bash("clean")?;
        Ok(differences)
    })
}

/// Whether the guest's kernel hides the errors that the tunnel's interface counts.
fn hides_errors(driver: &str) -> Fallible<bool> {
    let release = Release::of(&Kernel::running()?.to_string());
    Ok(driver == "xfrm" && !exports_errors(Driver::Xfrm, release))
}

/// What is left where only the kernel is read.
fn kernel_alone(mut now: Snapshot) -> Snapshot {
    let absent = |source| Missing::new(source, Reason::Absent, "left out");
    now.ike = Err(absent(Source::Charon));
    now.configuration = Err(absent(Source::Configuration));
    now.hook_state = Err(absent(Source::HookState));
    now.charon_log = Err(absent(Source::CharonLog));
    now
}

/// Output is not waited for: the daemons inherit it.
pub fn bash(lines: &str, driver: &str, nat: bool) -> Fallible<()> {
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
