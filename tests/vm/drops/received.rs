//! Every scenario in which the router refuses what comes in: 100 packets, all attributed to the interface, the flow and the code, as many as
//! the kernel counts.

use super::Options;
use super::matrix::{Built, build, cases_that, send};
use super::session::Session;
use crate::Fallible;
use crate::case::{Case, End};
use crate::counters::Counters;
use crate::encap;
use crate::scenario::Scenario;
use crate::traffic;
use std::net::IpAddr;
use vti_diagnostics::snapshot::Driver;

/// The word for all of them.
pub const NAME: &str = "received";

/// How the kernel's counters of what is refused begin.
const REFUSED: &str = "XfrmIn";

/// What is said of a packet where that is not the first finding of the report, which is of the tunnel as a whole.
const CODES: [(&str, &str); 7] = [
    ("inbound-association-of-transport-mode", "VTI-405"),
    ("no-tunnel-has-the-peer-as-remote", "VTI-413"),
    ("inbound-and-interface-down", "VTI-413"),
    ("inbound-association-from-another-address", "VTI-412"),
    ("compressed-before-encryption", "VTI-405"),
    // Only the packet shows whether it is ESP in UDP.
    ("encapsulation-at-the-peer-alone", "VTI-405"),
    ("encapsulation-differs", "VTI-405"),
];

/// Packets in clear: they neither came out of a tunnel nor carry one's ESP.
const IN_CLEAR: &str = "in-clear-";

/// Its packets have the addresses of the SA's selector, which are no one's, by the time a vti refuses them; on xfrm the interface is known.
const BEET: &str = "inbound-association-of-beet-mode";
const OF_ITS_SELECTOR: &str = "0.0.0.0 -> 0.0.0.0, protocol 4";

/// Those of which no interface can be named: the addresses are those of a NAT on the way.
const OF_NO_INTERFACE: [&str; 2] =
    ["peer-comes-from-another-address", "encapsulated-from-another-address"];

/// It has a namespace of its own, which outlives its place in the first one.
const ELSEWHERE: &str = "received-from-another-namespace-and-refused-here";

/// What is said first where nothing shows the cause.
const UNEXPLAINED: [&str; 2] = ["VTI-499", "unknown"];

/// The cases: one of each scenario, the combinations in turn; or all.
pub fn cases(options: &Options) -> Fallible<Vec<(Scenario, Case)>> {
    cases_that(options, refuses)
}

/// Whether the kernel refuses packets of the peer.
pub fn refuses(scenario: &Scenario, case: &Case) -> bool {
    let mut counters = scenario.expect.xfrm_stat.iter();
    let refused = |(name, number): (&String, &crate::scenario::Per<u64>)| {
        name.starts_with(REFUSED) && number.of(case) > 0
    };
    scenario.name != ELSEWHERE
        && scenario.traffic.iter().all(|one| one.from == End::Peer)
        && counters.any(refused)
}

/// What differs.
pub fn run(scenario: &Scenario, case: &Case) -> Fallible<Vec<String>> {
    let built = build(scenario, case)?;
    let local: Option<IpAddr> = built.router.get("LOCAL").and_then(|text| text.parse().ok());
    let local = local.ok_or("no outer address")?;
    let _socket = scenario.udp_encap.then(|| encap::socket(local)).transpose()?;
    let _sinks = [traffic::sink()?, built.peer.within(traffic::sink)?];
    let session = Session::start(&[])?;
    let before = Counters::read(&case.interface)?;
    send(&built, case)?;
    let after = Counters::read(&case.interface)?.since(&before);
    let seen = session.finish()?;
    let counted = after.xfrm_stat.iter().filter(|(name, _)| name.starts_with(REFUSED));
    let refused: u64 = counted.map(|(_, number)| number).sum();
    let name = scenario.name.as_str();
    let code = CODES.iter().find(|(of, _)| *of == name).map(|(_, code)| (*code).to_owned());
    let expected = code.unwrap_or_else(|| scenario.expect.over_time(case));
    let lines = seen.lines();
    let of_tunnel = |line: &String, code: &str| {
        let mut words = line.splitn(3, ' ');
        words.next() == Some(&case.interface)
            && words.next() == Some(code)
            && words.next().is_some_and(|flow| {
                is_flow(&built, flow) || name == BEET && flow.starts_with(OF_ITS_SELECTOR)
            })
    };
    let is_right = if name.starts_with(IN_CLEAR) {
        seen.sum("unrelated") >= refused && lines.is_empty()
    } else if OF_NO_INTERFACE.contains(&name) || name == BEET && case.driver != Driver::Xfrm {
        seen.sum("attributed") == 0 && lines.iter().all(|line| line.starts_with("  "))
    } else if UNEXPLAINED.contains(&expected.as_str()) {
        let open = lines.iter().all(|line| of_tunnel(line, ""));
        seen.sum("not_attributed") == refused && open
    } else {
        let told = lines.iter().all(|line| of_tunnel(line, &expected));
        seen.sum("attributed") == refused && told && seen.faults().is_empty()
    };
    if refused > 0 && is_right {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "{refused} refused, {} attributed; expected {expected}; moved {:?} {:?}; all: {lines:?} {}",
        seen.sum("attributed"),
        after.device,
        after.xfrm_stat,
        seen.summary
    )])
}

/// Whether it is the flow inside, or that of the ESP packets.
fn is_flow(built: &Built, flow: &str) -> bool {
    let to = |destination: &str| flow.contains(&format!("-> {destination}"));
    built.traffic.iter().any(|one| to(&one.udp))
        || built.router.get("LOCAL").is_some_and(|local| to(local))
}
