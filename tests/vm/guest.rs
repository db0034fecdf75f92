//! The guest's side: every case in fresh network namespaces: build the tunnel, break it, send, count, compare.

use crate::case::{self, Case, End};
use crate::compare::{self, Happened};
use crate::counters::Counters;
use crate::keep::Keep;
use crate::kernel::Kernel;
use crate::namespace::Namespace;
use crate::scenario::{self, Scenario};
use crate::tally::Tally;
use crate::traffic::{self, Traffic};
use crate::{
    Fallible, charon, counters, differential, drops, encap, ends, filter, inject, ip_tunnel, lines,
    loss, model, options, program, record, rekey, site, texts,
};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use vti_diagnostics::snapshot::{Missing, Reason, Snapshot, Source};

/// Settings that new namespaces inherit: the kernel must not send anything of its own through the tunnel.
/// Scenarios about such packets switch them on again.
const QUIET: [(&str, &str); 6] = [
    ("/proc/sys/net/core/devconf_inherit_init_net", "1"),
    ("/proc/sys/net/ipv6/conf/default/accept_dad", "0"),
    ("/proc/sys/net/ipv6/conf/default/router_solicitations", "0"),
    ("/proc/sys/net/ipv6/conf/default/autoconf", "0"),
    // No link-local address.
    ("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1"),
    ("/proc/sys/net/ipv6/conf/default/accept_ra", "0"),
];

/// The peer decrypts in softirqs, at the latest when its ksoftirqd runs.
pub const SETTLE: Duration = Duration::from_millis(20);

/// Ends the run at the first case that fails.
pub const STOP: &str = "--stop";

/// Runs a part of the cases, of each scenario one at least, and on each of four kernels another part: with a fourth on all of them, each
/// case runs once.
pub const FOURTH: &str = "--fourth";
pub const EIGHTH: &str = "--eighth";

/// Runs the cases whose `scenario driver families` holds one of the words; with the word `matrix` first, only scenarios without daemons;
/// with the word `differential` first, only the differential test; without words everything. True when all passed.
pub fn run(words: &[&str]) -> Fallible<bool> {
    if !read("/proc/cmdline")?.contains("vti-lab") {
        return Err("this is not the guest that tests/vm/boot starts".into());
    }
    for (path, value) in QUIET {
        std::fs::write(path, value).map_err(|error| format!("cannot write {path}: {error}"))?;
    }
    let (mut passed, mut failed) = (0, 0);
    match words {
        ["differential", ..] => {}
        [record::NAME, words @ ..] => (passed, failed) = run_recorder(words)?,
        [rekey::NAME, words @ ..] => (passed, failed) = rekey::run(words)?,
        [inject::NAME, words @ ..] => (passed, failed) = inject::run(words)?,
        [ip_tunnel::NAME, words @ ..] => (passed, failed) = ip_tunnel::run(words)?,
        [loss::NAME, words @ ..] => (passed, failed) = loss::run(words)?,
        [texts::NAME, words @ ..] => (passed, failed) = texts::run(words)?,
        [filter::NAME, words @ ..] => (passed, failed) = filter::run(words)?,
        [drops::NAME, words @ ..] => (passed, failed) = drops::run(words)?,
        ["matrix", words @ ..] => (passed, failed) = run_scenarios(words, Of::Matrix)?,
        [ends::NAME, words @ ..] => (passed, failed) = run_scenarios(words, Of::BothEnds)?,
        words => (passed, failed) = run_scenarios(words, Of::All)?,
    }
    if words.is_empty() {
        for part in [run_recorder, drops::run] {
            let more = part(words)?;
            (passed, failed) = (passed + more.0, failed + more.1);
        }
    }
    if let [] | ["differential", ..] = words {
        let more = differential::run(words.get(1..).unwrap_or_default())?;
        (passed, failed) = (passed + more.0, failed + more.1);
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// Which scenarios run, and what is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Those with daemons, too.
    All,
    /// Those without.
    Matrix,
    /// Those without, from both ends.
    BothEnds,
}

/// Takes the word that asks for a part of the cases out of the words: of how many cases one runs.
pub fn part(words: &mut Vec<&str>) -> usize {
    let of = |(name, every)| options::flag(words, name).then_some(every);
    [(FOURTH, 4), (EIGHTH, 8)].into_iter().filter_map(of).max().unwrap_or(1)
}

/// Of so many cases of a scenario one: another scenario, and another kernel, begins with another pair of families.
pub fn turns(
    cases: Vec<Case>,
    turn: usize,
    kernel: Kernel,
    every: usize,
) -> impl Iterator<Item = Case> {
    let every = cases.len().clamp(1, every);
    cases.into_iter().skip((turn + kernel.turn()) % every).step_by(every)
}

fn run_scenarios(words: &[&str], of: Of) -> Fallible<(u64, u64)> {
    let with_daemons = of == Of::All;
    let kernel = Kernel::running()?;
    let base = read("scenarios/base")?;
    let (mut words, mut keep) = Keep::asked_for(words);
    let stops = options::flag(&mut words, STOP);
    let part = part(&mut words);
    let mut tally = Tally::default();
    for (turn, scenario) in scenarios()?.into_iter().enumerate() {
        for case in turns(scenario.cases(kernel), turn, kernel, part) {
            let name = format!("{} {case}", scenario.name);
            if !words.is_empty() && !words.iter().any(|word| name.contains(word)) {
                continue;
            }
            let is_kept_already = match of {
                Of::BothEnds => keep.passes_over_ends(&scenario),
                Of::All | Of::Matrix => keep.passes_over(&scenario, &case),
            };
            if is_kept_already {
                continue;
            }
            tally.case(&name, &scenario.why, || run_case(&base, &scenario, &case, &mut keep, of));
            if stops && tally.has_failed() {
                return Ok(tally.sum());
            }
        }
    }
    let daemons = if with_daemons { charon::scenarios()? } else { Vec::new() };
    for scenario in &daemons {
        for driver in scenario.drivers() {
            let name = format!("{} {driver}", scenario.name);
            let wanted = words.is_empty() || words.iter().any(|word| name.contains(word));
            if !wanted || (keep.is_wanted() && !scenario.capture) {
                continue;
            }
            tally.case(&name, &scenario.why, || charon::run_case(scenario, driver, &mut keep));
        }
    }
    if with_daemons && (words.is_empty() || words.contains(&site::NAME)) {
        tally.once(site::NAME, site::WHY, || site::run(&mut keep));
    }
    Ok(tally.sum())
}

/// The scenarios of the recorder.
fn run_recorder(words: &[&str]) -> Fallible<(u64, u64)> {
    let (words, mut keep) = Keep::asked_for(words);
    let (words, options) = record::options(&words)?;
    let mut tally = Tally::default();
    for scenario in record::scenarios()? {
        for driver in scenario.drivers() {
            let case = format!("{} {driver}", scenario.name);
            let is_asked = words.is_empty() || words.iter().any(|word| case.contains(word));
            if !is_asked || keep.passes_over_recorded(&scenario) {
                continue;
            }
            let run = || record::run(&scenario, driver, options, &mut keep);
            tally.case(&case, &scenario.why, run);
        }
    }
    Ok(tally.sum())
}

pub fn read(path: &str) -> Fallible<String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
}

/// All scenarios, by file name and then in the order of the file.
pub fn scenarios() -> Fallible<Vec<Scenario>> {
    let entries = std::fs::read_dir("scenarios")
        .map_err(|error| format!("cannot read scenarios: {error}"))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some("yaml".as_ref()))
        .collect();
    files.sort();
    let loaded = files.iter().map(|path| scenario::load(path)).collect::<Fallible<Vec<_>>>()?;
    Ok(loaded.into_iter().flatten().collect())
}

/// What differs from what the scenario expects; nothing when it passed.
fn run_case(
    base: &str,
    scenario: &Scenario,
    case: &Case,
    keep: &mut Keep,
    of: Of,
) -> Fallible<Vec<String>> {
    let both = Ends { router: Namespace::new("router")?, peer: Namespace::new("peer")? };
    let [router, peer] = [End::Router, End::Peer].map(|end| case.variables(end));
    let veth =
        "ip link add wan address $MAC type veth peer name wan address $REMOTE_MAC netns router\n";
    let build_peer = case::render(&[veth, base].concat(), &peer)?;
    let build_router = case::render(&[base, &scenario.setup, &scenario.fault].join("\n"), &router)?;
    let traffic = scenario
        .traffic
        .iter()
        .map(|traffic| rendered(traffic, &router))
        .collect::<Fallible<Vec<_>>>()?;
    let repair = case::render(&scenario.repair, &router)?;
    both.router.within(|| {
        both.peer.within(|| lines::run(&build_peer))?;
        lines::run(&build_router)?;
        let earlier = model::capture()?;
        let look_at_peer = || (of == Of::BothEnds).then(|| both.peer.within(model::capture)).transpose();
        let peer_earlier = look_at_peer()?;
        let local = router.get("LOCAL").and_then(|text| text.parse().ok());
        let local: IpAddr = local.ok_or("no outer address")?;
        let _socket = scenario.udp_encap.then(|| encap::socket(local)).transpose()?;
        let mut happened = observe(&both, case, &traffic, &earlier)?;
        lines::run(&repair)?;
        let now = model::capture()?;
        if let (Some(before), Some(after)) = (peer_earlier, look_at_peer()?) {
            let (router, peer) = ([earlier, now], [before, after]);
            let expected = scenario.expect.over_time(case);
            let told = scenario.both_ends.as_ref().filter(|told| told.of == End::Router);
            let together = told.map(|told| told.finding.as_str()).filter(|first| *first != "ok");
            let differences =
                ends::differences(&case.interface, &router, &peer, &expected, together);
            keep.keep_ends(scenario, case, router, peer)?;
            return differences;
        }
        let [before, after] = [&earlier, &now].map(|look| counters::of_inbound_sas(look, local));
        happened.sa = counters::moved(&before?, &after?);
        let interface = &case.interface;
        happened.finding = program::first_finding(interface)?;
        happened.over_time = program::first_finding_of(&now, Some(&earlier), interface)?;
        happened.without_xfrm_stat =
            program::first_finding_of(&without_xfrm_stat(&now), None, interface)?;
        keep.keep(scenario, case, [earlier, now])?;
        let mut differences = compare::differences(scenario, case, &happened);
        if !differences.is_empty() {
            let Counters { device, xfrm_stat } = &happened.counters;
            differences.push(format!(
                "counters that moved: {device:?} {xfrm_stat:?}, of SAs: {:?}\nvti-diagnostics show:\n{}",
                happened.sa,
                program::text(interface)
            ));
        }
        Ok(differences)
    })
}

/// The same state on a kernel without CONFIG_XFRM_STATISTICS.
fn without_xfrm_stat(now: &Snapshot) -> Snapshot {
    let absent = Missing::new(Source::XfrmStatistics, Reason::Absent, "not in this kernel");
    Snapshot { xfrm_statistics: Err(absent), ..now.clone() }
}

pub fn rendered(
    traffic: &Traffic,
    variables: &BTreeMap<&'static str, String>,
) -> Fallible<Traffic> {
    let source =
        traffic.source.as_ref().map(|source| case::render(source, variables)).transpose()?;
    Ok(Traffic { udp: case::render(&traffic.udp, variables)?, source, ..traffic.clone() })
}

/// The two ends' namespaces.
struct Ends {
    router: Namespace,
    peer: Namespace,
}

impl Ends {
    fn of(&self, end: End) -> &Namespace {
        match end {
            End::Router => &self.router,
            End::Peer => &self.peer,
        }
    }
}

/// What left through the device of the hosts behind the router; nothing where there is none.
fn forwarded() -> Fallible<u64> {
    const PATH: &str = "/sys/class/net/hosts/statistics/tx_packets";
    match std::fs::read_to_string(PATH) {
        Ok(text) => text.trim().parse().map_err(|error| format!("{PATH}: {error}")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(format!("cannot read {PATH}: {error}")),
    }
}

/// Sends, and sees what it did. Runs in the router's namespace.
fn observe(
    ends: &Ends,
    case: &Case,
    traffic: &[Traffic],
    earlier: &Snapshot,
) -> Fallible<Happened> {
    let sinks = [ends.router.within(traffic::sink)?, ends.peer.within(traffic::sink)?];
    let has_peer = traffic.iter().any(|traffic| traffic.from == End::Peer);
    let peer = has_peer.then(|| ends.peer.within(model::capture)).transpose()?;
    let prediction = model::model_prediction(case, traffic, earlier.clone(), peer.as_ref())?;
    let before = Counters::read(&case.interface)?;
    let forwarded = forwarded()?;
    let mut unsent = 0;
    for traffic in traffic {
        unsent += ends.of(traffic.from).within(|| traffic::send(traffic, &case.interface))?;
        std::thread::sleep(SETTLE);
    }
    let counters = Counters::read(&case.interface)?.since(&before);
    let mut delivered = 0;
    for sink in &sinks {
        delivered += traffic::arrived(sink)?;
    }
    Ok(Happened {
        counters,
        delivered,
        forwarded: self::forwarded()?.saturating_sub(forwarded),
        sa: BTreeMap::new(),
        unsent,
        finding: None,
        over_time: None,
        without_xfrm_stat: None,
        prediction,
    })
}
