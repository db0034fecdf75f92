//! The loss meter against what was really dropped: netem loses, repeats and reorders the peer's packets, and counts what it drops; the report must
//! say the same number, or the numbers between which it is. Runs in the guest only.
//!
//! Each row: a fresh tunnel, a capture, traffic from the peer, a capture. `sent` and the tail (numbers above the highest that arrived, which no
//! router sees) are read at the peer.

#[path = "loss/daemons.rs"]
mod daemons;
#[path = "loss/rows.rs"]
mod rows;

use crate::case::{self, Case, End};
use crate::kernel::Kernel;
use crate::namespace::Namespace;
use crate::tally::Tally;
use crate::traffic::{self, Traffic};
use crate::{Fallible, guest, lines, model, options};
use rows::{Row, Then};
use std::process::Command;
use std::time::Duration;
use vti_diagnostics::code::Code;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::InterfaceReport;
use vti_diagnostics::report::inbound::{Arrival, Arrived};
use vti_diagnostics::snapshot::{Snapshot, Spi};

/// The word that asks for it.
pub const NAME: &str = "loss";
const WHY: &str = "what the report says of packets lost on the way is what was dropped there";
/// A row of each kind, and none that needs strongSwan's daemons.
pub const SHORT: &str = "--short";

/// The tunnel.
const VTI: &str = "t0";
/// An address of this host's prefix that it does not forward to: no socket has to hold thousands of packets.
const NOBODY: &str = "10.9.1.77";
/// Until what netem holds back has arrived.
const SETTLE: Duration = Duration::from_millis(250);

/// Runs the rows whose name holds one of the words: how many passed and failed.
pub fn run(words: &[&str]) -> Fallible<(u64, u64)> {
    let mut words = words.to_vec();
    let is_short = options::flag(&mut words, SHORT);
    let is_asked = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let kernel = Kernel::running()?;
    let base = guest::read("scenarios/base")?;
    let mut tally = Tally::default();
    let wanted = |row: &&Row| is_asked(row.name) && (row.short || !is_short);
    for row in rows::ROWS.iter().filter(wanted) {
        let mut cases = Case::all(kernel).into_iter();
        let case = cases.find(|case| case.matches(row.case)).ok_or("no such case")?;
        tally.case(&format!("{} {} {case}", NAME, row.name), WHY, || run_row(&base, row, &case));
    }
    for row in daemons::ROWS.iter().filter(|row| !is_short && is_asked(row.name)) {
        tally.case(&format!("{NAME} {}", row.name), WHY, || daemons::run(row));
    }
    Ok(tally.sum())
}

/// The two ends of a row.
struct Ends {
    router: Namespace,
    peer: Namespace,
}

fn run_row(base: &str, row: &Row, case: &Case) -> Fallible<Vec<String>> {
    let ends = Ends { router: Namespace::new("router")?, peer: Namespace::new("peer")? };
    let [router, peer] = [End::Router, End::Peer].map(|end| case.variables(end));
    let veth =
        "ip link add wan address $MAC type veth peer name wan address $REMOTE_MAC netns router\n";
    let build_peer = case::render(&[veth, base].concat(), &peer)?;
    let sas = format!(
        "{}\nip xfrm state delete $SA_IN $MARK\nip xfrm state add $SA_IN reqid 1 mode tunnel $KEY $ALG flag af-unspec {sa}
ip -n peer xfrm state delete $SA_IN $MARK\nip -n peer xfrm state add $SA_IN reqid 1 mode tunnel $KEY $ALG flag af-unspec {sa}\n",
        row.before,
        sa = row.sa,
    );
    let build_router = case::render(&[base, "\n", &sas].concat(), &router)?;
    let again = case::render(rows::REKEY, &router)?;
    ends.router.within(|| {
        ends.peer.within(|| lines::run(&build_peer))?;
        lines::run(&build_router)?;
        netem("add", row.netem)?;
        let earlier = model::capture()?;
        send(&ends, row, row.packets)?;
        let mut samples = vec![earlier];
        if row.then == Then::Rekeyed {
            lines::run(&again)?;
            samples.push(model::capture()?);
            send(&ends, row, row.packets)?;
        }
        let dropped = dropped()?;
        samples.push(model::capture()?);
        let sent = ends.peer.within(model::capture)?;
        judged(row, &samples, &sent, dropped)
    })
}

/// Sends from the peer, in bursts where the row has them.
fn send(ends: &Ends, row: &Row, packets: u64) -> Fallible<()> {
    let burst = if row.burst == 0 { packets } else { row.burst };
    let mut left = packets;
    ends.peer.within(|| {
        while left > 0 {
            let count = burst.min(left);
            let traffic = Traffic::of(End::Peer, NOBODY, count);
            traffic::send(&traffic, VTI)?;
            left -= count;
            std::thread::sleep(Duration::from_millis(row.pause_ms));
        }
        Ok(())
    })?;
    std::thread::sleep(SETTLE);
    Ok(())
}

/// Adds netem to the peer's device.
fn netem(verb: &str, words: &str) -> Fallible<()> {
    // It holds 1,000 packets unless told otherwise, and what is beyond them counts as dropped, too.
    lines::run(&format!("tc -n peer qdisc {verb} dev wan root netem limit 20000 {words}"))
}

/// What netem dropped.
fn dropped() -> Fallible<u64> {
    let shown = output("tc", &["-n", "peer", "-s", "qdisc", "show", "dev", "wan"])?;
    let after = shown.split("(dropped ").nth(1).and_then(|rest| rest.split(',').next());
    after.and_then(|number| number.parse().ok()).ok_or_else(|| format!("no drops in {shown}"))
}

fn output(program: &str, arguments: &[&str]) -> Fallible<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// The report of the tunnel over two samples.
fn report(now: &Snapshot, earlier: &Snapshot) -> Fallible<InterfaceReport> {
    let observation = Observation { now, earlier: Some(earlier) };
    let report = diagnose::run(&observation, Some(VTI)).map_err(|error| error.to_string())?;
    report.interfaces.into_iter().next().ok_or_else(|| "no report".into())
}

/// The highest number that an outbound SA of the peer gave out.
fn given_out(peer: &Snapshot, spi: &str) -> Option<u64> {
    let spi: Spi = spi.parse().ok()?;
    let mut sas = peer.sas.iter().flatten();
    Some(sas.find(|sa| sa.spi == spi)?.replay?.outbound)
}

/// What differs from what was dropped.
fn judged(row: &Row, samples: &[Snapshot], peer: &Snapshot, dropped: u64) -> Fallible<Vec<String>> {
    let [first, .., now] = samples else { return Err("too few samples".into()) };
    let interface = report(now, first)?;
    let mut sum = Sum::default();
    for (number, sa) in interface.inbound_sas.iter().enumerate() {
        // An SA that was installed meanwhile begins with the sample that has it.
        let measured = match &sa.interval {
            Arrival::Undetermined { .. } if number > 0 && samples.len() > 2 => {
                let middle = report(now, samples.get(1).ok_or("no sample between")?)?;
                middle.inbound_sas.into_iter().nth(number).ok_or("the SA is gone")?.interval
            }
            measured => measured.clone(),
        };
        match measured {
            Arrival::Measured(arrived) => {
                let highest =
                    now.sas.iter().flatten().find(|known| known.spi.to_string() == sa.spi);
                let highest = highest.and_then(|sa| sa.replay).map_or(0, |replay| replay.inbound);
                let sent = given_out(peer, &sa.spi).ok_or("the peer does not have the SA")?;
                sum.add(&arrived, sent.saturating_sub(highest));
            }
            Arrival::Undetermined { undetermined } if row.then == Then::Blind => {
                let said = undetermined.contains(row.says);
                let wrong = (!said).then(|| format!("the report says: {undetermined}"));
                return Ok(wrong.into_iter().collect());
            }
            Arrival::Undetermined { undetermined } => {
                return Ok(vec![format!("SA {}: {undetermined}", sa.spi)]);
            }
        }
    }
    println!("     {} of {} dropped: {sum:?}", dropped, sum.numbers + sum.tail);
    Ok(differences(row, &sum, dropped, &interface))
}

/// The inbound SAs together.
#[derive(Debug, Default)]
struct Sum {
    numbers: u64,
    lost: u64,
    unsettled: u64,
    tail: u64,
    late: u64,
    failed: u64,
    duplicates: u64,
}

impl Sum {
    fn add(&mut self, arrived: &Arrived, tail: u64) {
        self.numbers += arrived.sequence_numbers;
        self.lost += arrived.lost;
        self.unsettled += arrived.unsettled;
        self.late += arrived.late;
        self.failed += arrived.failed;
        self.duplicates += arrived.duplicates;
        self.tail += tail;
    }
}

fn differences(row: &Row, sum: &Sum, dropped: u64, interface: &InterfaceReport) -> Vec<String> {
    let mut differences = Vec::new();
    let mut hold = |holds: bool, what: &str| {
        if !holds {
            differences.push(format!("{what}: {dropped} dropped, {sum:?}"));
        }
    };
    hold(sum.lost <= dropped, "more lost than were dropped");
    // Everything that netem held back has arrived: what is missing in the window is lost, and what is above the highest number, too.
    hold(sum.lost + sum.unsettled + sum.tail == dropped, "not what was dropped");
    hold((sum.late > 0) == row.late, "late");
    hold((sum.failed > 0) == row.failed, "failed");
    hold((sum.duplicates > 0) == row.twice, "received twice");
    let found = interface.findings.iter().any(|finding| finding.code == Code::LostOnTheWay);
    // Between half and twice the threshold either may be said.
    let all = sum.numbers + sum.tail;
    hold(found || dropped * 50 < all, "VTI-410 is missing");
    hold(!found || dropped * 200 > all, "a false VTI-410");
    differences
}
