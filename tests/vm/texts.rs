//! `run texts`: takes what the real commands print beside the program's own capture of the same moment, for every scenario. What is
//! diagnosed from the texts is held against what is diagnosed from the capture. Runs in the guest only.

#[path = "../texts/kind.rs"]
mod kind;

use crate::Fallible;
use crate::case::{self, Case, End};
use crate::charon;
use crate::guest::{self, read, rendered};
use crate::kernel::Kernel;
use crate::namespace::Namespace;
use crate::scenario::Scenario;
use crate::tally::Tally;
use crate::{lines, model, options, traffic};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use vti_diagnostics::capture::{self, Capture};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::Confidence;
use vti_diagnostics::snapshot::Snapshot;
use vti_diagnostics::text::{self, Text};

/// The word of the run.
pub const NAME: &str = "texts";

/// The option that writes the texts and the captures for tests/texts.rs.
pub const WRITE: &str = "--write-texts";

/// So many of a hundred first findings must be the same.
const MOST_PERCENT: usize = 95;

/// A packet is counted in softirqs, at the latest when ksoftirqd runs.
const SETTLE: Duration = Duration::from_millis(20);

/// Written into the results, beside its capture.
const RESULTS: &str = "/results";

/// What is typed on a router, in this order. Those that the guest has not are left out.
const COMMANDS: &[&str] = &[
    "date",
    "uname -a",
    "cat /proc/net/dev",
    "cat /proc/net/xfrm_stat",
    "nstat -az",
    "ip -d -s -s link",
    "ip address show",
    "ip rule show",
    "ip -6 rule show",
    "ip route show table all",
    "ip -6 route show table all",
    "ip neighbour show",
    "tc -s qdisc show",
    "ip -d -s xfrm state list nokeys",
    "ip -s xfrm policy list",
    "ip xfrm policy getdefault",
    "ip -s xfrm state count",
    "ip -s xfrm policy count",
    "ip -j -d -s -s link",
    "ip -j address show",
    "ip -j rule show",
    "ip -j -6 rule show",
    "ip -j route show table all",
    "ip -j -6 route show table all",
    "ip -j neighbour show",
    "tc -j -s qdisc show",
    "sysctl net.ipv4.conf net.ipv6.conf net.core.xfrm_larval_drop net.core.xfrm_acq_expires | grep -E xfrm\\|disable_policy\\|[.]\\(forwarding\\|rp_filter\\|disable_ipv6\\|accept_ra\\|router_solicitations\\|mtu\\)",
    "ifconfig -a",
    RULESET,
];

/// Where nf_tables is not loaded there are no rules, and nft would load it.
const RULESET: &str = "nft list ruleset";

/// What is typed where charon runs.
const OF_CHARON: &[&str] = &[
    "swanctl --list-sas",
    "swanctl --list-conns",
    "swanctl --list-pols",
    "swanctl --stats",
    "swanctl --version",
    "journalctl -t charon -t charon-systemd --no-pager",
    "cat /tmp/ipsec_vti_interfaces",
];

/// What VyOS prints of its active configuration: the values of the tree in `charon.sh`, a line each.
const CONFIGURATION: &str = r#"
if cd /opt/vyatta/config/active 2>/dev/null; then
  echo 'vyos@router:~$ show configuration commands'
  find . -mindepth 1 | sort | while read -r node; do
    words=${node#./} words=${words//\// }
    if [ -d "$node" ]; then
      [ -n "$(ls "$node")" ] || echo "set $words"
    else
      while read -r value; do echo "set ${words% node.val} '$value'"; done <"$node"
    fi
  done
fi
"#;

/// What VyOS's `generate ipsec debug-archive` runs, and how it writes what it gets (vyos-1x 3710c5879,
/// src/op_mode/generate_ipsec_debug_archive.py: CMD_LIST, JOURNALCTL_CMD, save_stdout()). No command has a time limit there: while charon
/// hangs, there is no archive.
const ARCHIVE: &str = r#"
rm -rf /tmp/ipsec_debug_now /tmp/ipsec_debug_now.tar.bz2
mkdir /tmp/ipsec_debug_now
save_stdout() {
  local stdout status
  stdout=$(bash -c "$1" 2>&1)
  status=$?
  printf '### %s ###\nCommand: %s\nExit code: %s\nStdout:\n%s\n\n\n' "$1" "$1" "$status" "$stdout" >>"/tmp/ipsec_debug_now/$2"
}
for command in 'swanctl -L' 'swanctl -l' 'swanctl -P' 'ip x sa show' 'ip x policy show' 'ip tunnel show' 'ip address' 'ip rule show' \
  'ip route | head -100' 'ip route show table 220'; do
  save_stdout "$command" ipsec_status.txt
done
save_stdout 'journalctl --no-hostname --boot --unit strongswan.service' journalctl_charon.txt
cd / && tar -c tmp/ipsec_debug_now | bzip2 >/tmp/ipsec_debug_now.tar.bz2
"#;

/// Where the archive is.
const ARCHIVED: &str = "/tmp/ipsec_debug_now.tar.bz2";

/// An archive that takes longer is never made.
const ARCHIVE_SECONDS: &str = "20";
/// The texts of VyOS's debug archive, as the program reads them; none where its script does not end.
fn archive() -> Fallible<Option<Vec<Text>>> {
    let status = Command::new("timeout")
        .args([ARCHIVE_SECONDS, "bash", "-c", ARCHIVE])
        .status()
        .map_err(|error| format!("cannot run timeout: {error}"))?;
    // The `timeout` of BusyBox, which the guest has, becomes the command.
    if status.signal().is_some() {
        return Ok(None);
    }
    if !status.success() {
        return Err(format!("the archive: {status}"));
    }
    capture::load_archive(Path::new(ARCHIVED)).map(Some).map_err(|error| error.to_string())
}

/// The texts of this thread's namespace, now.
pub fn take(with_charon: bool) -> Fallible<String> {
    let mut script = String::new();
    for command in COMMANDS.iter().chain(if with_charon { OF_CHARON } else { &[] }) {
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        if *command == RULESET && !Path::new("/sys/module/nf_tables").exists() {
            continue;
        }
        // By its path: BusyBox's timeout would run an ip of its own.
        script.push_str(&format!(
            "if type -p {word} >/dev/null; then echo 'root@router:~# {command}'; timeout 5 $(type -p {word}) {rest} 2>&1; fi\n"
        ));
    }
    if with_charon {
        script.push_str(CONFIGURATION);
    }
    script.push_str("echo 'root@router:~#'\n");
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("PATH", "/iproute2/bin:/lab:/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .map_err(|error| format!("cannot run bash: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What one case came to: how many first findings were compared and how many were the same, and what is wrong.
#[derive(Default)]
struct Outcome {
    compared: usize,
    same: usize,
    /// Debug archives that led to the same first finding, and those that lack what shows it.
    archives: usize,
    lacking_archives: usize,
    /// What the capture of the last moment says.
    expected: String,
    differing: Vec<String>,
    contradicted: Vec<String>,
}

/// The scenarios whose name holds one of the words, with charon and without. How many passed and how many failed; all together fail where
/// too few first findings are the same.
pub fn run(words: &[&str]) -> Fallible<(u64, u64)> {
    let mut words = words.to_vec();
    let writes = options::flag(&mut words, WRITE);
    let part = guest::part(&mut words);
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let (kernel, base) = (Kernel::running()?, read("scenarios/base")?);
    let mut all = Outcome::default();
    let mut tally = Tally::default();
    let mut count = |name: &str, run: &dyn Fn() -> Fallible<Outcome>| {
        let mut outcome = Outcome::default();
        tally.case(name, "the texts contradict the capture", || {
            outcome = run()?;
            Ok(outcome.contradicted.clone())
        });
        outcome.differing.iter().for_each(|line| println!("differs {name}: {line}"));
        (all.compared, all.same) = (all.compared + outcome.compared, all.same + outcome.same);
        all.archives += outcome.archives;
        all.lacking_archives += outcome.lacking_archives;
    };
    for (turn, scenario) in guest::scenarios()?.into_iter().enumerate() {
        for case in guest::turns(scenario.cases(kernel), turn, kernel, part) {
            let name = format!("{} {case}", scenario.name);
            if wanted(&name) {
                count(&name, &|| of_case(&base, &scenario, &case, writes));
            }
        }
    }
    for scenario in charon::scenarios()? {
        for driver in scenario.drivers() {
            let name = format!("{} {driver}", scenario.name);
            if wanted(&name) {
                count(&name, &|| of_daemons(&scenario, driver, writes));
            }
        }
    }
    println!("{} of {} first findings are the same", all.same, all.compared);
    println!(
        "{} debug archives lead to the finding of the capture, {} lack what shows it",
        all.archives, all.lacking_archives
    );
    let enough = all.same * 100 >= all.compared * MOST_PERCENT;
    let (passed, failed) = tally.sum();
    Ok((passed, failed + u64::from(!enough)))
}

/// A moment: what the program captured, and what the commands printed.
struct Moment {
    captured: Snapshot,
    text: String,
}

fn moment(with_charon: bool) -> Fallible<Moment> {
    Ok(Moment { captured: model::capture()?, text: take(with_charon)? })
}

fn of_case(base: &str, scenario: &Scenario, case: &Case, writes: bool) -> Fallible<Outcome> {
    let (router, peer) = (Namespace::new("router")?, Namespace::new("peer")?);
    let [of_router, of_peer] = [End::Router, End::Peer].map(|end| case.variables(end));
    let veth =
        "ip link add wan address $MAC type veth peer name wan address $REMOTE_MAC netns router\n";
    let build_peer = case::render(&[veth, base].concat(), &of_peer)?;
    let build_router =
        case::render(&[base, &scenario.setup, &scenario.fault].join("\n"), &of_router)?;
    let traffic = scenario
        .traffic
        .iter()
        .map(|traffic| rendered(traffic, &of_router))
        .collect::<Fallible<Vec<_>>>()?;
    let repair = case::render(&scenario.repair, &of_router)?;
    let moments = router.within(|| {
        peer.within(|| lines::run(&build_peer))?;
        lines::run(&build_router)?;
        let earlier = moment(false)?;
        for traffic in &traffic {
            let from = if traffic.from == End::Router { &router } else { &peer };
            from.within(|| traffic::send(traffic, &case.interface))?;
            std::thread::sleep(SETTLE);
        }
        lines::run(&repair)?;
        Ok([earlier, moment(false)?])
    })?;
    compared(&format!("{} {case}", scenario.name), &case.interface, &moments, writes)
}

fn of_daemons(scenario: &charon::Scenario, driver: &str, writes: bool) -> Fallible<Outcome> {
    let router = Namespace::new("router")?;
    let _others = [Namespace::new("peer")?, Namespace::new("nat")?];
    // VyOS has that command since 1.4, whose VTIs are xfrm interfaces.
    let has_archive = driver == "xfrm";
    let (now, texts) = router.within(|| {
        charon::bash(&format!("links\n{}", scenario.script()), driver, scenario.has_nat())?;
        let now = moment(true)?;
        let texts = if has_archive { archive()? } else { None };
        charon::bash("clean", driver, scenario.has_nat())?;
        Ok((now, texts))
    })?;
    if writes && texts.is_some() {
        let to = format!("{RESULTS}/{}_{driver}.tar.bz2", scenario.name);
        std::fs::copy(ARCHIVED, to).map_err(|error| format!("cannot copy the archive: {error}"))?;
    }
    let mut outcome =
        compared(&format!("{} {driver}", scenario.name), &scenario.interface, &[now], writes)?;
    if has_archive {
        of_archive(scenario, texts.as_deref(), &mut outcome)?;
    }
    Ok(outcome)
}

/// Compares what the debug archive leads to with what the capture says.
fn of_archive(
    scenario: &charon::Scenario,
    texts: Option<&[Text]>,
    outcome: &mut Outcome,
) -> Fallible<()> {
    let found = match texts {
        Some(texts) => {
            let reading = text::read(texts).map_err(|error| error.to_string())?;
            first(&reading.snapshots, &scenario.interface)?
        }
        None => ("no archive".to_owned(), None),
    };
    let expected = &outcome.expected;
    // It has no counters, and no firewall: without a finding it is never sure that there is none.
    let is_same = match found.1 {
        Some(_) => found.0 == *expected,
        None => found.0 == "unknown" && expected == "ok",
    };
    let line = format!("the archive: {found:?}, the capture: {expected}");
    match (&scenario.archive_lacks, is_same) {
        (None, true) => outcome.archives += 1,
        (Some(lacks), false) if found.1 != Some(Confidence::Proven) => {
            outcome.lacking_archives += 1;
            outcome.differing.push(format!("{line}: it lacks {lacks}"));
        }
        (None, false) | (Some(_), false) => outcome.contradicted.push(line),
        (Some(lacks), true) => {
            outcome.contradicted.push(format!("{line}: it does not lack {lacks}"))
        }
    }
    Ok(())
}

/// The first finding of a report: its code, or the verdict where there is none; and how sure it is.
fn first(samples: &[Snapshot], interface: &str) -> Fallible<(String, Option<Confidence>)> {
    let (now, earlier) = match samples {
        [.., earlier, now] => (now, Some(earlier)),
        [now] => (now, None),
        [] => return Err("no sample".into()),
    };
    let report = diagnose::run(&Observation { now, earlier }, Some(interface));
    // That there is no such interface is an answer, too.
    let Ok(report) = report else { return Ok(("none".into(), None)) };
    let interface = report.interfaces.into_iter().next().ok_or("no interface in the report")?;
    Ok(match interface.findings.first() {
        Some(finding) => (finding.code.to_string(), Some(finding.confidence)),
        None => (interface.verdict.to_string(), None),
    })
}

fn compared(name: &str, interface: &str, moments: &[Moment], writes: bool) -> Fallible<Outcome> {
    let captured: Vec<Snapshot> = moments.iter().map(|moment| moment.captured.clone()).collect();
    if writes {
        write(name, interface, moments, &captured)?;
    }
    let mut outcome = Outcome::default();
    // What both samples show, and what the last one shows alone.
    for from in (0..moments.len()).rev() {
        let expected = first(captured.get(from..).unwrap_or_default(), interface)?;
        outcome.expected.clone_from(&expected.0);
        for json in [false, true] {
            let texts = moments.iter().skip(from).map(|moment| Text {
                name: "text".into(),
                text: kind::of_kind(&moment.text, json),
                is_whole: false,
            });
            let reading =
                text::read(&texts.collect::<Vec<_>>()).map_err(|error| error.to_string())?;
            let found = first(&reading.snapshots, interface)?;
            outcome.compared += 1;
            if found.0 == expected.0 {
                outcome.same += 1;
                continue;
            }
            let line = format!(
                "json {json}, {} samples: the capture says {expected:?}, the texts {found:?}",
                moments.len() - from
            );
            match found.1 {
                Some(Confidence::Proven) => outcome.contradicted.push(line),
                _ => outcome.differing.push(line),
            }
        }
    }
    Ok(outcome)
}

/// Leaves the texts and the capture of a case in the results.
fn write(name: &str, interface: &str, moments: &[Moment], captured: &[Snapshot]) -> Fallible<()> {
    let file = name.replace(' ', "_");
    let leave = |name: &str, text: &str| {
        let path = Path::new(RESULTS).join(name);
        std::fs::write(&path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    let ends: &[&str] = if moments.len() > 1 { &[".before.txt", ".txt"] } else { &[".txt"] };
    for (moment, end) in moments.iter().zip(ends) {
        leave(&format!("{file}{end}"), &moment.text)?;
    }
    let capture = Capture {
        schema: capture::SCHEMA,
        tool_version: String::new(),
        redacted: false,
        snapshots: captured.to_vec(),
    };
    let yaml = capture::to_yaml(&capture).map_err(|error| error.to_string())?;
    leave(
        &format!("{file}.yaml"),
        &format!("# Written by tests/vm/run {NAME} {WRITE}: {interface}\n{yaml}"),
    )
}
