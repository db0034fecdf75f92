//! `run drops`: the live attribution of drops against real kernels. The drop monitor belongs to the first network namespace, so the
//! router is there, one case after the other, and is taken down again after each.

mod ends;
mod faults;
mod first;
mod matrix;
mod outside;
mod received;
mod record;
mod safety;
mod scenes;
mod session;
mod state;
mod unread;

use crate::Fallible;
use crate::options;
use crate::tally::Tally;

/// A case: what it is called, why it is there, and what differs from what must be.
type Scene = (&'static str, &'static str, fn(&Options) -> Fallible<Vec<String>>);

/// The word that asks for these cases alone.
pub const NAME: &str = "drops";

const SCENES: [Scene; 13] = [
    (
        "several-at-once",
        "three tunnels with three causes between healthy ones and unrelated drops",
        scenes::several,
    ),
    (
        "router-solicitations",
        "an idle xfrm interface with IPv6 solicits routers",
        scenes::solicitations,
    ),
    ("inbound", "what xfrm_input() and the policy check refuse", scenes::inbound),
    (
        "around",
        "what this host drops before a tunnel, behind it and of its ESP: filters, routes, tc, queues, next hops",
        faults::faults,
    ),
    ("foreign-monitor", "the monitor of another process is on and stays on", safety::foreign),
    (
        "kill",
        "the monitor is off within a second of kill -9, and the module as before",
        safety::kill,
    ),
    (
        "killed-both",
        "both processes are killed: what is left on is told of, and drops --stop switches it off",
        ends::killed,
    ),
    (
        "stopped",
        "processes that are stopped do not keep the monitor on past its time",
        ends::stopped,
    ),
    ("switched-off", "another process switches the monitor off under a run", ends::switched_off),
    ("built-in", "a monitor without a module: nothing is unloaded", ends::built_in),
    (
        "unread",
        "a reader that does not read: the run ends in time, and the monitor is off",
        unread::unread,
    ),
    ("storm", "a storm against a closed port: it leaves by itself, and stays small", safety::storm),
    ("cost", "the throughput of a healthy tunnel with the monitor on and off", safety::cost),
];

/// What was asked for.
pub struct Options {
    /// Every combination of a scenario, not one.
    pub all: bool,
    /// How often it is killed.
    pub kills: u64,
}

/// Runs the cases whose name holds one of the words.
pub fn run(words: &[&str]) -> Fallible<(u64, u64)> {
    let mut filter = words.to_vec();
    let all = options::flag(&mut filter, "--all");
    let kills = options::number(&mut filter, "--kills")?.unwrap_or(5);
    let options = Options { all, kills };
    let is_wanted = |name: &str| filter.is_empty() || filter.iter().any(|word| name.contains(word));
    first::name_it()?;
    let mut tally = Tally::default();
    for (name, why, scene) in SCENES {
        if is_wanted(name) {
            tally.case(name, why, || first::with(|| scene(&options)));
        }
    }
    // Only by its name: it tests nothing.
    if filter.contains(&"record") {
        tally.once("record", "recordings", || first::with(|| record::record(&options)));
    }
    for (scenario, case) in matrix::cases(&options)? {
        let name = format!("{} {case}", scenario.name);
        if is_wanted(&name) {
            tally.case(&name, &scenario.why, || first::with(|| matrix::run(&scenario, &case)));
        }
    }
    for (scenario, case) in received::cases(&options)? {
        let name = format!("{} {} {case}", received::NAME, scenario.name);
        if is_wanted(&name) {
            tally.case(&name, &scenario.why, || first::with(|| received::run(&scenario, &case)));
        }
    }
    for (scenario, case) in outside::cases(&options)? {
        let name = format!("{} {} {case}", outside::NAME, scenario.name);
        if is_wanted(&name) {
            tally.case(&name, &scenario.why, || first::with(|| outside::run(&scenario, &case)));
        }
    }
    Ok(tally.sum())
}
