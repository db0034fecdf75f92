//! The loss meter with strongSwan: behind a NAT, ESP in UDP, a CHILD_SA that is rekeyed under traffic, or one that reauthentication deletes and makes
//! anew. Each SA begins with number 1, so that its whole life is measured from one sample.

use super::output;
use crate::case::End;
use crate::charon::{VTI, bash};
use crate::namespace::Namespace;
use crate::traffic::{self, Traffic};
use crate::{Fallible, model};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use vti_diagnostics::code::Code;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::InterfaceReport;
use vti_diagnostics::report::inbound::Arrival;

/// What is done to the CHILD_SA in the middle.
pub struct Row {
    pub name: &'static str,
    renew: &'static str,
    /// The SA is deleted at once, with numbers that no later sample has: nothing is sent meanwhile.
    pauses: bool,
}

pub const ROWS: [Row; 2] = [
    Row { name: "nat-and-rekey-10%", renew: "control router --rekey --child AZURE-vti", pauses: false },
    Row {
        name: "nat-and-reauthentication-10%",
        renew: "control router --rekey --reauth --ike AZURE
tries=0
until [ \"$(control router --list-sas | grep -c INSTALLED)\" = 1 ] && [ \"$(ip xfrm state | grep -c 'proto esp')\" = 2 ] &&
  ! ip xfrm state | grep -q \"$old\"; do
  sleep 0.3
  tries=$((tries + 1))
  [ $tries -lt 60 ] || { control router --list-sas >&2; return 1; }
done",
        pauses: true,
    },
];

/// ESP in UDP alone is lost: IKE has four zeros where ESP has its SPI (RFC 3948 2.2).
const LOSE: &str = "
tc -n peer qdisc add dev wan clsact
tc -n peer filter add dev wan egress protocol ip prio 1 u32 match u32 0 0xffffffff at 28 action gact pass
tc -n peer filter add dev wan egress protocol ip prio 2 matchall action gact pass random netrand drop 10";

/// Packets from the peer: so many bursts of so many before the CHILD_SA is rekeyed, and after it, with a pause after each. An SA needs a thousand.
const BURSTS: u64 = 30;
const BURST: u64 = 50;
const PAUSE: Duration = Duration::from_millis(60);

/// The SA that is replaced may lose its last packets; the peer forgets it at once, so that its last number is not known.
const TAIL: u64 = 20;

/// What differs from what was dropped.
pub fn run(row: &Row) -> Fallible<Vec<String>> {
    let router = Namespace::new("router")?;
    let others = [Namespace::new("peer")?, Namespace::new("nat")?];
    let [peer, _] = &others;
    let sender = Sender::default();
    let bash = |lines: &str| bash(lines, "xfrm", true);
    router.within(|| {
        bash(&format!("links\nboth; up; reached\n{LOSE}"))?;
        let differences = std::thread::scope(|scope| {
            let sending = scope.spawn(|| sender.send(peer));
            while sender.sent.load(Relaxed) < BURSTS && !sending.is_finished() {
                std::thread::sleep(PAUSE);
            }
            // charon deletes an SA that is rekeyed after 5 s: what it had is in the last report of it.
            let mut last = BTreeMap::new();
            if row.pauses {
                sender.pause(true);
                look(&mut last)?;
            }
            let done = bash(&renewal(row));
            sender.is_renewed.store(true, Relaxed);
            sender.pause(false);
            done?;
            while !sending.is_finished() {
                look(&mut last)?;
            }
            sending.join().unwrap_or_else(|_| Err("the sender panicked".into()))?;
            judge(&look(&mut last)?, &last)
        });
        bash("clean")?;
        differences
    })
}

/// What renews the SAs, in a function, which knows the SPI of one that there was.
fn renewal(row: &Row) -> String {
    let old =
        "old=$(ip xfrm state | sed -n 's/.*proto esp spi \\(0x[0-9a-f]*\\).*/\\1/p' | head -n 1)";
    format!("renew() {{\n{old}\n{}\n}}\nrenew", row.renew)
}

/// Who sends from the peer.
#[derive(Default)]
struct Sender {
    /// Bursts.
    sent: AtomicU64,
    is_renewed: AtomicBool,
    is_paused: AtomicBool,
    /// It has seen that it is to pause.
    rests: AtomicBool,
}

impl Sender {
    fn send(&self, peer: &Namespace) -> Fallible<()> {
        peer.within(|| {
            let mut left = BURSTS;
            while left > 0 {
                let rests = self.is_paused.load(Relaxed);
                self.rests.store(rests, Relaxed);
                if !rests {
                    left -= u64::from(self.is_renewed.load(Relaxed));
                    traffic::send(&Traffic::of(End::Peer, "10.9.1.77", BURST), VTI)?;
                    self.sent.fetch_add(1, Relaxed);
                }
                std::thread::sleep(PAUSE);
            }
            Ok(())
        })
    }

    /// Pauses it and waits until what it sent has arrived, or lets it go on.
    fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Relaxed);
        for _ in 0..100 {
            if !is_paused || self.rests.load(Relaxed) {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        std::thread::sleep(PAUSE);
    }
}

/// A report from one sample, and the newest of each inbound SA.
fn look(last: &mut BTreeMap<String, Arrival>) -> Fallible<InterfaceReport> {
    let now = model::capture()?;
    let observation = Observation { now: &now, earlier: None };
    let report = diagnose::run(&observation, Some(VTI)).map_err(|error| error.to_string())?;
    let interface = report.interfaces.into_iter().next().ok_or("no report")?;
    for sa in &interface.inbound_sas {
        last.insert(sa.spi.clone(), sa.over_life.clone());
    }
    Ok(interface)
}

fn judge(interface: &InterfaceReport, last: &BTreeMap<String, Arrival>) -> Fallible<Vec<String>> {
    let shown = output("tc", &["-n", "peer", "-s", "filter", "show", "dev", "wan", "egress"])?;
    // Of the two filters' actions the one that drops.
    let numbers = shown.split("(dropped ").skip(1).filter_map(|rest| rest.split(',').next());
    let dropped: u64 = numbers.filter_map(|number| number.parse::<u64>().ok()).sum();
    let (mut lost, mut open, mut numbers) = (0, 0, 0);
    for (spi, arrival) in last {
        match arrival {
            Arrival::Measured(arrived) => {
                lost += arrived.lost;
                open += arrived.unsettled;
                numbers += arrived.sequence_numbers;
            }
            Arrival::Undetermined { undetermined } => {
                return Ok(vec![format!("SA {spi}: {undetermined}")]);
            }
        }
    }
    let sas = last.len();
    let told =
        format!("{dropped} dropped of {numbers} on {sas} SAs: {lost} lost, {open} unsettled");
    println!("     {told}");
    let mut differences = Vec::new();
    if sas != 2 || lost > dropped || dropped > lost + open + TAIL {
        differences.push(told);
    }
    if !interface.findings.iter().any(|finding| finding.code == Code::LostOnTheWay) {
        differences.push("VTI-410 is missing".into());
    }
    Ok(differences)
}
