//! Forty tunnels whose SAs are replaced without a pause, make before break, while the program looks, at its own speed and slowed down by strace:
//! none of them has a fault at any moment, and two others never have an SA. Every finding of the forty is false, and a look that does not call the
//! fault of the two proven hides it; it may do so where an answer of the kernel came too late, seldom. Runs in the guest only. No daemon: what charon does to the kernel is done by `ip`, faster.

use crate::namespace::Namespace;
use crate::tally::Tally;
use crate::tunnels::{Ip, WAN, deleted, interface, list, policies, sas, word};
use crate::{Fallible, lines, options, program};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The word that asks for it.
pub const NAME: &str = "rekey";
const WHY: &str =
    "forty tunnels that are rekeyed all the time have no fault, and two without an SA have one";
/// How many looks; half of them are slowed down.
const LOOKS: &str = "--looks";
const USUAL_LOOKS: u64 = 60;

/// Those that are rekeyed, and behind them those that never have an SA. By turns vti and xfrm interfaces.
const HEALTHY: usize = 40;
const DEAD: usize = 2;
/// So many tunnels later, by turns, the replaced SAs are deleted.
const LATER: [usize; 3] = [0, 2, 8];

/// Of so many looks one may leave the fault of a tunnel without an SA unproven.
const SELDOM: u64 = 50;

/// Between two tunnels: the emulated processor is shared with the looks.
const PACE: Duration = Duration::from_millis(10);

const SHOW: [&str; 3] = ["show", "--format", "json"];
/// Each message of the dumps of SAs and policies waits, and their requests, as on a router without an idle processor. The questions about routes
/// behind them do not: there is one for each tunnel, and their time is up together. Nothing is decoded: for 64 messages that takes strace longer
/// than 64 more take to come.
const SLOWED: [&str; 7] = [
    "-qq",
    "-o/dev/null",
    "-etrace=recvmsg,recvmmsg,sendto",
    "-eraw=recvmsg,recvmmsg,sendto",
    "-einject=recvmsg,recvmmsg,sendto:delay_enter=40000:when=8..36",
    "./vti-diagnostics",
    "show",
];

/// Runs it: how many passed and failed.
pub fn run(words: &[&str]) -> Fallible<(u64, u64)> {
    let mut words = words.to_vec();
    let looks = options::number(&mut words, LOOKS)?.unwrap_or(USUAL_LOOKS);
    if let Some(word) = words.first() {
        return Err(format!("{NAME} knows no {word}"));
    }
    let mut tally = Tally::default();
    tally.once(NAME, WHY, || look_while_rekeying(looks));
    Ok(tally.sum())
}

fn look_while_rekeying(looks: u64) -> Fallible<Vec<String>> {
    let router = Namespace::new("router")?;
    router.within(|| {
        lines::run(&(0..HEALTHY + DEAD).map(interface).fold(WAN.to_owned(), |all, next| all + &next))?;
        let mut ip = Ip::start()?;
        for number in 0..HEALTHY + DEAD {
            ip.write(&policies("add", number, None))?;
        }
        for number in 0..HEALTHY {
            ip.write(&sas(number, 0))?;
            ip.write(&policies("update", number, Some(0)))?;
        }
        ip.end()?;
        let (stop, rekeyed) = (AtomicBool::new(false), AtomicU64::new(0));
        let mut seen = Seen::default();
        let looked = std::thread::scope(|scope| {
            let rekeying = scope.spawn(|| rekey_until(&stop, &rekeyed));
            let looked = (0..looks).try_for_each(|number| seen.look(number % 2 == 1));
            stop.store(true, Ordering::Relaxed);
            let rekeyed = rekeying.join().unwrap_or_else(|_| Err("the rekeying panicked".into()));
            [looked, rekeyed]
        });
        println!(
            "     {looks} looks, every other one slowed down, {} rekeyings: {} looks with a false finding, {} of them called proven; {} where a \
             tunnel was unknown; {} where the fault of a tunnel without an SA was not proven",
            rekeyed.load(Ordering::Relaxed),
            seen.false_ones,
            seen.proven,
            seen.unknown,
            seen.hidden
        );
        for unread in &seen.unread {
            println!("     where a tunnel was unknown: {unread}");
        }
        seen.differences.extend(looked.into_iter().filter_map(Result::err));
        // A read that came too late makes a verdict less sure, and that is right; but not often.
        if seen.hidden * SELDOM > looks {
            seen.differences.append(&mut seen.hiding);
            seen.differences.push("the fault of a tunnel without an SA was often not proven".into());
        }
        if seen.unknown * 2 > looks {
            seen.differences.push("a tunnel was unknown in most looks".into());
        }
        if rekeyed.load(Ordering::Relaxed) < looks {
            seen.differences.push("fewer rekeyings than looks".into());
        }
        Ok(seen.differences)
    })
}

/// Replaces the SAs of one tunnel after the other until it shall stop.
fn rekey_until(stop: &AtomicBool, rekeyed: &AtomicU64) -> Fallible<()> {
    let mut old: VecDeque<(usize, u64)> = VecDeque::new();
    for generation in 1.. {
        let mut ip = Ip::start()?;
        for number in 0..HEALTHY {
            if stop.load(Ordering::Relaxed) {
                return ip.end();
            }
            ip.write(&sas(number, generation))?;
            ip.write(&policies("update", number, Some(generation)))?;
            old.push_back((number, generation - 1));
            let later = LATER.get(number % LATER.len()).copied().unwrap_or_default();
            while old.len() > later {
                let Some((number, generation)) = old.pop_front() else { break };
                ip.write(&deleted(number, generation))?;
            }
            rekeyed.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(PACE);
        }
        ip.end()?;
    }
    Ok(())
}

/// What the looks came to.
#[derive(Default)]
struct Seen {
    false_ones: u64,
    proven: u64,
    unknown: u64,
    hidden: u64,
    /// What was not read where a tunnel was unknown: the emulated processor is shared, and an answer may come too late.
    unread: BTreeSet<String>,
    /// Of tunnels without an SA, whose fault was not proven.
    hiding: Vec<String>,
    differences: Vec<String>,
}

impl Seen {
    fn look(&mut self, is_slowed: bool) -> Fallible<()> {
        let output = if is_slowed {
            let mut arguments = SLOWED.to_vec();
            arguments.extend(SHOW.iter().skip(1));
            program::output_of("./strace", &arguments)?
        } else {
            program::output(&SHOW)?
        };
        let report: Value =
            serde_json::from_str(&output).map_err(|error| format!("show: {error}\n{output}"))?;
        let found = |number: usize| -> Option<&Value> {
            let name = format!("vti{number}");
            report.get("interfaces")?.as_array()?.iter().find(|i| word(i, "name") == name)
        };
        let (mut is_false, mut is_proven, mut is_unknown, mut is_hidden) = Default::default();
        for number in 0..HEALTHY {
            let interface = found(number).ok_or_else(|| format!("there is no vti{number}"))?;
            is_unknown |= word(interface, "verdict") == "unknown";
            for finding in list(interface, "findings").filter(|f| word(f, "severity") != "notice") {
                is_false = true;
                is_proven |= word(finding, "confidence") == "proven";
                self.differences.push(told(is_slowed, number, finding));
            }
        }
        for number in HEALTHY..HEALTHY + DEAD {
            let interface = found(number).ok_or_else(|| format!("there is no vti{number}"))?;
            let first = list(interface, "findings").next().cloned().unwrap_or_default();
            if word(&first, "code") != "VTI-111" || word(&first, "confidence") != "proven" {
                is_hidden = true;
                let told = told(is_slowed, number, &first);
                self.hiding.push(told);
            }
        }
        for (count, is) in [
            (&mut self.false_ones, is_false),
            (&mut self.proven, is_proven),
            (&mut self.unknown, is_unknown),
            (&mut self.hidden, is_hidden),
        ] {
            *count += u64::from(is);
        }
        if is_unknown {
            let unread = list(&report, "sources").filter(|s| word(s, "status") == "failed");
            let unread = unread.map(|s| format!("{}: {}", word(s, "name"), word(s, "detail")));
            self.unread.extend(unread);
        }
        Ok(())
    }
}

fn told(is_slowed: bool, number: usize, finding: &Value) -> String {
    let [code, confidence, summary] =
        ["code", "confidence", "summary"].map(|name| word(finding, name));
    let how = if is_slowed { "slowed down" } else { "at its own speed" };
    format!("{how}: vti{number}: {code} {confidence}: {summary}")
}
