//! Every scenario whose finding is of what drops packets before the tunnel, behind it or as its ESP: 100 packets, all of the interface and of
//! the finding's code, as many as were sent.

use super::Options;
use super::matrix::{build, cases_that, drops, send};
use super::received::refuses;
use super::session::Session;
use crate::Fallible;
use crate::case::{Case, End};
use crate::scenario::Scenario;
use crate::traffic;

/// The word for all of them.
pub const NAME: &str = "outside";

/// Packet filter before the tunnel, source validation, packet filter behind it and on arrival, not forwarded, outer queue.
const CODES: [&str; 6] = ["VTI-312", "VTI-406", "VTI-407", "VTI-408", "VTI-409", "VTI-214"];

/// The cases: one of each scenario, the combinations in turn; or all.
pub fn cases(options: &Options) -> Fallible<Vec<(Scenario, Case)>> {
    cases_that(options, |scenario, case| {
        code(scenario, case).is_some()
            && !scenario.traffic.is_empty()
            && !drops(scenario, case)
            && !refuses(scenario, case)
    })
}

/// The code of its finding, or what the monitor says instead, if it is one of those.
fn code(scenario: &Scenario, case: &Case) -> Option<String> {
    let found = [scenario.expect.over_time(case), scenario.expect.finding.of(case)];
    let found = found.into_iter().find(|code| CODES.contains(&code.as_str()))?;
    let told = scenario.dropped_as.clone().unwrap_or(found);
    CODES.contains(&told.as_str()).then_some(told)
}

/// What differs.
pub fn run(scenario: &Scenario, case: &Case) -> Fallible<Vec<String>> {
    let built = build(scenario, case)?;
    let _sinks = [traffic::sink()?, built.peer.within(traffic::sink)?];
    let code = code(scenario, case).ok_or("no code")?;
    let session = Session::start(&[])?;
    send(&built, case)?;
    let seen = session.finish()?;
    let sent: u64 = built.traffic.iter().map(|one| one.count).sum();
    let right = seen.packets(&case.interface, &code, "");
    // ICMP messages about the packets may be dropped as well.
    let others = seen.lines().into_iter().filter(|line| {
        !line.starts_with(&format!("{} {code} ", case.interface)) && !line.contains(", icmp")
    });
    let others: Vec<String> = others.collect();
    if right == sent && others.is_empty() && seen.sum("lost") == 0 {
        return Ok(Vec::new());
    }
    let from_peer = built.traffic.iter().any(|one| one.from == End::Peer);
    Ok(vec![format!(
        "{sent} sent ({}), {right} {code} of {}; all: {:?} {}",
        if from_peer { "by the peer" } else { "here" },
        case.interface,
        seen.lines(),
        seen.summary
    )])
}
