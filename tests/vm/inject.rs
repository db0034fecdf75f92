//! Reads that fail, with real tunnels: strace makes each receive of the program fail in turn, once or from then on. A tunnel without an SA is never
//! well, a healthy one has no fault, and a host whose interfaces were not read is not "ok". Runs in the guest only.

use crate::namespace::Namespace;
use crate::tally::Tally;
use crate::tunnels::{Ip, WAN, interface, list, policies, sas, word};
use crate::{Fallible, guest, lines, program};
use serde_json::Value;

/// The word that asks for it.
pub const NAME: &str = "inject";
const WHY: &str = "reads that fail make no fault well, and no healthy tunnel sick";

/// An xfrm interface and a vti that are healthy, and behind them one of each without SAs.
const HEALTHY: usize = 2;
const DEAD: usize = 2;

/// What a receive fails with, whether all after it fail too, and after how many more the next is tried.
const FAILURES: [(&str, bool, usize); 4] =
    [("ENOBUFS", true, 1), ("ENOBUFS", false, 3), ("EINTR", false, 3), ("ENOMEM", false, 3)];

/// Runs it: how many passed and failed.
pub fn run(words: &[&str]) -> Fallible<(u64, u64)> {
    if let Some(word) = words.first() {
        return Err(format!("{NAME} knows no {word}"));
    }
    let mut tally = Tally::default();
    tally.once(NAME, WHY, fail_each);
    Ok(tally.sum())
}

fn fail_each() -> Fallible<Vec<String>> {
    let router = Namespace::new("router")?;
    router.within(|| {
        let interfaces = (0..HEALTHY + DEAD).map(interface);
        lines::run(&interfaces.fold(WAN.to_owned(), |all, next| all + &next))?;
        let mut ip = Ip::start()?;
        for number in 0..HEALTHY + DEAD {
            ip.write(&policies("add", number, None))?;
        }
        for number in 0..HEALTHY {
            ip.write(&sas(number, 0))?;
        }
        ip.end()?;
        let all = receives()?;
        let (mut differences, mut runs, mut unknown) = (Vec::new(), 0, 0);
        for (errno, and_after, step) in FAILURES {
            for first in (1..=all).step_by(step) {
                let when = format!("{first}{}", if and_after { "+" } else { "" });
                let report = show(&format!("-einject=recvmsg:error={errno}:when={when}"))?;
                runs += 1;
                unknown += u64::from(word(&report, "verdict") == "unknown");
                let wrong = wrong(&report, errno == "EINTR");
                differences.extend(wrong.into_iter().map(|w| format!("{errno} at {when}: {w}")));
            }
        }
        println!("     {runs} runs, each with another of {all} receives that failed; the host was unknown in {unknown}");
        Ok(differences)
    })
}

/// How often the program receives when nothing fails.
fn receives() -> Fallible<usize> {
    let trace = "/tmp/receives";
    program::output_of(
        "./strace",
        &["-qq", "-o", trace, "-erecvmsg", "./vti-diagnostics", "show"],
    )?;
    Ok(guest::read(trace)?.lines().count())
}

fn show(injection: &str) -> Fallible<Value> {
    let strace = ["-qq", "-o/dev/null", "-erecvmsg", injection];
    let program = ["./vti-diagnostics", "show", "--format", "json"];
    let output = program::output_of("./strace", &[&strace[..], &program].concat())?;
    serde_json::from_str(&output).map_err(|error| format!("show: {error}\n{output}"))
}

/// What the report says that it must not; `is_harmless`: nothing is lost by what failed.
fn wrong(report: &Value, is_harmless: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let of = |number: usize| {
        let name = format!("vti{number}");
        list(report, "interfaces").find(move |interface| word(interface, "name") == name)
    };
    let links = list(report, "sources").find(|source| word(source, "name") == "links");
    let are_read = links.is_some_and(|links| word(links, "status") == "read");
    if !are_read && ["ok", "notice"].contains(&word(report, "verdict")) {
        wrong.push(format!("the host is {} without links", word(report, "verdict")));
    }
    for number in (0..HEALTHY + DEAD).filter(|_| are_read) {
        let Some(interface) = of(number) else {
            wrong.push(format!("there is no vti{number}"));
            continue;
        };
        let verdict = word(interface, "verdict");
        let expected = match (number < HEALTHY, is_harmless) {
            (true, true) => &["ok"][..],
            (true, false) => &["ok", "notice", "unknown"],
            (false, true) => &["fault"],
            (false, false) => &["unknown", "warning", "fault"],
        };
        if !expected.contains(&verdict) {
            let codes: Vec<&str> = list(interface, "findings").map(|f| word(f, "code")).collect();
            wrong.push(format!("vti{number} is {verdict}: {}", codes.join(" ")));
        }
    }
    wrong
}
