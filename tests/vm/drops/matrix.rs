//! Every scenario whose fault makes the tunnel drop what it sends: 100 packets, all attributed to the interface, the flow and the code,
//! as many as the device counts.

use super::Options;
use super::session::Session;
use crate::Fallible;
use crate::case::{self, Case, End};
use crate::counters::Counters;
use crate::guest;
use crate::kernel::Kernel;
use crate::lines;
use crate::namespace::Namespace;
use crate::scenario::Scenario;
use crate::traffic::{self, Traffic};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Packets of each fault.
const PACKETS: u64 = 100;

/// Codes of packets where they are not that of the scenario's finding.
const CODES: [(&str, &[&str]); 4] = [
    // The packet that meets the limit, and those after it.
    ("hard-packet-limit", &["VTI-113", "VTI-111"]),
    ("hard-byte-limit", &["VTI-113", "VTI-111"]),
    ("association-comes-and-goes", &["VTI-111"]),
    ("association-expired-by-time", &["VTI-111", "VTI-113"]),
];

/// A fault that no state shows which can be read: the cause is not known, and nothing may be claimed.
const UNKNOWABLE: &str = "tunnel-of-another-namespace";

/// The cases whose device loses what it is given.
pub fn cases(options: &Options) -> Fallible<Vec<(Scenario, Case)>> {
    cases_that(options, drops)
}

/// The cases that do so: one of each scenario, the combinations in turn; or all.
pub fn cases_that(
    options: &Options,
    does: fn(&Scenario, &Case) -> bool,
) -> Fallible<Vec<(Scenario, Case)>> {
    let kernel = Kernel::running()?;
    let mut chosen = Vec::new();
    for (turn, scenario) in guest::scenarios()?.into_iter().enumerate() {
        let dropping = scenario.cases(kernel).into_iter().filter(|case| does(&scenario, case));
        let mut dropping: Vec<Case> = dropping.collect();
        if !options.all {
            let number = dropping.len().max(1);
            dropping = dropping.into_iter().skip(turn % number).take(1).collect();
        }
        chosen.push((scenario, dropping));
    }
    let flat = chosen
        .into_iter()
        .flat_map(|(scenario, cases)| cases.into_iter().map(move |case| (scenario.clone(), case)));
    Ok(flat.collect())
}

/// Whether the device loses packets that it is given.
pub fn drops(scenario: &Scenario, case: &Case) -> bool {
    scenario.expect.counters.get("tx_errors").map_or(0, |errors| errors.of(case)) > 0
}

/// A scenario that is set up, on both ends.
pub struct Built {
    pub peer: Namespace,
    /// What is sent, 100 packets of each.
    pub traffic: Vec<Traffic>,
    /// The router's variables.
    pub router: BTreeMap<&'static str, String>,
    /// What the scenario sets in the first namespace, which has it no more when this is dropped.
    _settings: Settings,
}

/// Settings below /proc/sys as they were before a scenario: those of `all` outlive its devices.
struct Settings(Vec<(PathBuf, String)>);

impl Settings {
    /// Those that the text writes to.
    fn of(text: &str) -> Self {
        let paths = text.split(['>', '\n', ' ']).filter(|word| word.starts_with("/proc/sys/"));
        let read = |path: &str| Some((path.into(), fs::read_to_string(path).ok()?));
        Self(paths.filter_map(read).collect())
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        for (path, before) in &self.0 {
            // Those of a device are gone with it.
            let _ = fs::write(path, before);
        }
    }
}

/// Sets a scenario up: the router in this namespace.
pub fn build(scenario: &Scenario, case: &Case) -> Fallible<Built> {
    let base = guest::read("scenarios/base")?;
    let peer = Namespace::new("peer")?;
    let [router, other] = [End::Router, End::Peer].map(|end| case.variables(end));
    let veth =
        "ip link add wan address $MAC type veth peer name wan address $REMOTE_MAC netns router\n";
    let build_peer = case::render(&[veth, &base].concat(), &other)?;
    let build_router =
        case::render(&[&base, &*scenario.setup, &*scenario.fault].join("\n"), &router)?;
    let traffic = scenario.traffic.iter().map(|t| guest::rendered(t, &router));
    let mut traffic = traffic.collect::<Fallible<Vec<Traffic>>>()?;
    traffic.iter_mut().for_each(|one| one.count = one.count.max(PACKETS));
    peer.within(|| lines::run(&build_peer))?;
    let _settings = Settings::of(&build_router);
    lines::run(&build_router)?;
    Ok(Built { peer, traffic, router, _settings })
}

/// Sends all of it.
pub fn send(built: &Built, case: &Case) -> Fallible<()> {
    for one in &built.traffic {
        match one.from {
            End::Router => traffic::send(one, &case.interface)?,
            End::Peer => built.peer.within(|| traffic::send(one, &case.interface))?,
        };
    }
    Ok(())
}

/// What differs.
pub fn run(scenario: &Scenario, case: &Case) -> Fallible<Vec<String>> {
    let built = build(scenario, case)?;
    let _sink = built.peer.within(traffic::sink)?;
    let session = Session::start(&[])?;
    let before = Counters::read(&case.interface)?;
    send(&built, case)?;
    let Built { traffic, router, .. } = &built;
    let after = Counters::read(&case.interface)?.since(&before);
    let seen = session.finish()?;
    let errors = after.device.get("tx_errors").copied().unwrap_or(0);
    if scenario.name == UNKNOWABLE {
        let open = seen.sum("not_attributed");
        let told = open == errors && errors > 0 && seen.sum("attributed") == 0;
        let all = || format!("tx_errors {errors}; all: {:?} {}", seen.lines(), seen.summary);
        return Ok(if told { Vec::new() } else { vec![all()] });
    }
    let mut differences = seen.faults();
    if errors == 0 || seen.sum("attributed") != errors {
        differences.push(format!("tx_errors {errors}, attributed {}", seen.sum("attributed")));
    }
    // What it says instead may be of a packet that was changed on its way.
    let flow = flow_begins(scenario, traffic, router).filter(|_| scenario.dropped_as.is_none());
    for line in seen.lines() {
        let mut words = line.splitn(3, ' ');
        let (interface, codes, rest) = (words.next(), words.next(), words.next());
        let is_expected = expected(scenario, case).iter().any(|code| Some(code.as_str()) == codes);
        let is_flow = flow.as_ref().is_none_or(|flow| rest.is_some_and(|r| r.starts_with(flow)));
        if interface != Some(&case.interface) || !is_expected || !is_flow {
            differences.push(line);
        }
    }
    if !differences.is_empty() {
        differences.push(format!(
            "expected {:?} {flow:?}; all: {:?} {}",
            expected(scenario, case),
            seen.lines(),
            seen.summary
        ));
    }
    Ok(differences)
}

fn expected(scenario: &Scenario, case: &Case) -> Vec<String> {
    if let Some(code) = &scenario.dropped_as {
        return vec![code.clone()];
    }
    match CODES.iter().find(|(name, _)| *name == scenario.name) {
        Some((_, codes)) => codes.iter().map(|code| (*code).to_string()).collect(),
        None => vec![scenario.expect.over_time(case)],
    }
}

/// How the flow of the lines must begin; none where the packets have no flow that can be seen.
fn flow_begins(
    scenario: &Scenario,
    traffic: &[Traffic],
    variables: &BTreeMap<&'static str, String>,
) -> Option<String> {
    if matches!(scenario.name.as_str(), "not-ip" | "firewall-drops-esp" | "outer-queue-is-full") {
        return None;
    }
    let one = traffic.first()?;
    if one.from == End::Peer {
        return Some(format!("{} -> {}", one.source.as_ref()?, one.udp));
    }
    let source = one.source.as_ref().or_else(|| variables.get("INNER_LOCAL"))?;
    Some(format!("{source} -> {}", one.udp))
}
