//! A healthy site of ten tunnels (site.sh), whose CHILD_SAs are renewed every few seconds under traffic: whenever the program looks, it must
//! find nothing. A finding here is a false alarm, and a defect of the program. Runs in the guest only.

use crate::Fallible;
use crate::charon::bash;
use crate::keep::Keep;
use crate::namespace::Namespace;
use crate::{model, program};
use serde_json::Value;

/// The word that asks for it.
pub const NAME: &str = "site";
pub const WHY: &str = "ten healthy tunnels that are rekeyed under traffic, and no false alarm";

/// Looks of one round: plain ones, one after another, while one with an interval waits. More at a time take more of the one processor
/// than charon needs to answer them.
const ROUNDS: usize = 34;
const PLAIN: [&[&str]; 2] = [SHOW, OP_MODE];
const SHOW: &[&str] = &["show", "--format", "json"];
const OP_MODE: &[&str] = &["op-mode", "show", "--raw"];
const OVER_TIME: &[&str] = &["show", "--format", "json", "--interval", "1"];

/// So many CHILD_SAs must be renewed meanwhile.
const RENEWED: u64 = 50;

const TUNNELS: usize = 10;
/// The tunnel whose trap policy waits for traffic.
const TRAP: &str = "vti8";

/// What the program found that is not there, and what of the site was not as it must be; nothing when it passed.
pub fn run(keep: &mut Keep) -> Fallible<Vec<String>> {
    let router = Namespace::new("router")?;
    let _others = [Namespace::new("peer")?, Namespace::new("nat")?];
    let bash = |lines: &str| bash(&format!(". ./site.sh\n{lines}"), "", false);
    router.within(|| {
        bash("site_links; site_up; traffic")?;
        let before = newest_child()?;
        let mut differences = Vec::new();
        for round in 0..ROUNDS {
            let alarms = look()?;
            differences.extend(alarms.into_iter().map(|alarm| format!("round {round}: {alarm}")));
        }
        let renewed = newest_child()?.saturating_sub(before);
        println!("     {renewed} CHILD_SAs were made in {ROUNDS} rounds");
        if renewed < RENEWED {
            differences.push(format!("only {renewed} CHILD_SAs were renewed"));
        }
        let expected = |n| format!("vti{n}: {}", if n == 8 { "VTI-507" } else { "ok" });
        let expected: Vec<String> = (0..TUNNELS).map(expected).collect();
        keep.keep_site(&expected, model::capture()?)?;
        if let Err(error) = bash("traffic_arrived") {
            differences.push(error);
        }
        bash("site_clean")?;
        Ok(differences)
    })
}

/// One round of looks, and their alarms.
fn look() -> Fallible<Vec<String>> {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| alarms(OVER_TIME));
        let mut found = Vec::new();
        for arguments in PLAIN {
            found.extend(alarms(arguments)?);
        }
        found.extend(waiting.join().unwrap_or_else(|_| Err("a look panicked".into()))?);
        Ok(found)
    })
}

/// charon's number of the newest CHILD_SA: it counts all that it makes.
fn newest_child() -> Fallible<u64> {
    let ike = model::capture()?.ike.map_err(|missing| missing.to_string())?;
    let children = ike.associations.iter().flat_map(|sa| &sa.children);
    Ok(children.map(|child| child.unique_id).max().unwrap_or(0))
}

/// Runs the program, and tells what it says that a healthy site does not deserve.
fn alarms(arguments: &[&str]) -> Fallible<Vec<String>> {
    let output = program::output(arguments)?;
    let report: Value = serde_json::from_str(&output)
        .map_err(|error| format!("{}: {error}\n{output}", arguments.join(" ")))?;
    let mut alarms = Vec::new();
    // Beside them, the drivers' own devices.
    let interfaces: Vec<&Value> = list(&report, "interfaces").collect();
    let tunnels = interfaces.iter().filter(|i| word(i, "name").starts_with("vti")).count();
    if tunnels != TUNNELS {
        alarms.push(format!("{tunnels} tunnels"));
    }
    for source in list(&report, "sources").filter(|s| word(s, "name").contains("charon")) {
        if word(source, "status") != "read" {
            alarms.push(source.to_string());
        }
    }
    let named = interfaces.iter().map(|interface| (word(interface, "name"), *interface));
    for (name, of) in named.chain([("the host", &report)]) {
        let verdict = word(of, "verdict");
        let quiet = ["ok", "notice"].contains(&verdict)
            && list(of, "findings").all(|finding| word(finding, "severity") == "notice");
        let waits = list(of, "findings").any(|finding| word(finding, "code") == "VTI-507");
        if !quiet || waits != (name == TRAP) {
            let findings: Vec<String> = list(of, "findings").map(words).collect();
            alarms.push(format!("{name} is {verdict}: {}", findings.join("; ")));
        }
    }
    alarms.iter_mut().for_each(|alarm| alarm.insert_str(0, &format!("{}: ", arguments.join(" "))));
    Ok(alarms)
}

/// A finding with its evidence.
fn words(finding: &Value) -> String {
    let facts: Vec<&str> = list(finding, "evidence").map(|seen| word(seen, "fact")).collect();
    format!("{} {} ({})", word(finding, "code"), word(finding, "summary"), facts.join(", "))
}

fn list<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn word<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}
