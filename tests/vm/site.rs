//! A healthy site of ten tunnels (site.sh) with VyOS's firewall, NAT and source validation (site.nft), whose CHILD_SAs are renewed every few
//! seconds under traffic: whenever the program looks, it must find nothing. A finding here is a false alarm, and a defect of the program. Runs in the guest only.

use crate::Fallible;
use crate::charon::bash;
use crate::keep::Keep;
use crate::namespace::Namespace;
use crate::{model, program};
use serde_json::Value;

/// The word that asks for it.
pub const NAME: &str = "site";
pub const WHY: &str = "ten healthy tunnels that are rekeyed under traffic, and no false alarm";

/// Looks to judge: those that charon answered in the program's two seconds. The laboratory's one processor is emulated and shared, and so
/// many of a run may come too late; what they say is judged too, but for that.
const LOOKS: usize = 100;
const LATE: usize = 30;
/// Looks of one round: plain ones, one after another, while one with an interval waits. More at a time take more of the processor than
/// charon needs to answer them.
const PLAIN: [&[&str]; 2] = [SHOW, OP_MODE];
const SHOW: &[&str] = &["show", "--format", "json"];
const OP_MODE: &[&str] = &["op-mode", "show", "--raw"];
const OVER_TIME: &[&str] = &["show", "--format", "json", "--interval", "1"];

/// So many IKE_SAs and CHILD_SAs must be made anew meanwhile.
const RENEWED: [u64; 2] = [6, 50];

/// In so many looks at least, packets lost on the way to the tunnel with some hundred packets a second must have been measured: none is lost, and
/// what measures nothing raises no false alarm.
const MEASURED: usize = 20;
const BUSY: &str = "vti0";

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
        let before = newest()?;
        let mut differences = Vec::new();
        let (mut answered, mut late, mut measured) = (0, 0, 0);
        while answered < LOOKS && late <= LATE {
            for look in round()? {
                let number = if look.late { &mut late } else { &mut answered };
                *number += 1;
                measured += usize::from(look.measured);
                differences.extend(look.alarms);
            }
        }
        if late > LATE {
            differences.push(format!("charon was too late for {late} of {} looks", answered + late));
        }
        let made: Vec<u64> = newest()?.iter().zip(before).map(|(now, then)| now.saturating_sub(then)).collect();
        let renewed = format!(
            "{made:?} IKE_SAs and CHILD_SAs were made during {answered} looks (and {late} for which charon was too late)"
        );
        println!("     {renewed}");
        let measured_in = format!("losses on the way to {BUSY} were measured in {measured} looks");
        println!("     {measured_in}");
        if measured < MEASURED {
            differences.push(measured_in);
        }
        if made.iter().zip(RENEWED).any(|(made, wanted)| *made < wanted) {
            differences.push(renewed);
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

/// What one run of the program said.
struct Sample {
    /// Whether charon did not answer in time.
    late: bool,
    /// Whether it measured what was lost on the way to the busy tunnel.
    measured: bool,
    /// What it said that a healthy site does not deserve.
    alarms: Vec<String>,
}

/// One round of looks.
fn round() -> Fallible<Vec<Sample>> {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| look(OVER_TIME));
        let mut looks = PLAIN.into_iter().map(look).collect::<Fallible<Vec<_>>>()?;
        looks.push(waiting.join().unwrap_or_else(|_| Err("a look panicked".into()))?);
        Ok(looks)
    })
}

/// charon's numbers of its newest IKE_SA and CHILD_SA: it counts all that it makes.
fn newest() -> Fallible<[u64; 2]> {
    let ike = model::capture()?.ike.map_err(|missing| missing.to_string())?;
    let children = ike.sas.iter().flat_map(|sa| &sa.children);
    let child = children.map(|child| child.unique_id).max();
    let ike = ike.sas.iter().map(|sa| sa.unique_id).max();
    Ok([ike.unwrap_or(0), child.unwrap_or(0)])
}

/// Runs the program once.
fn look(arguments: &[&str]) -> Fallible<Sample> {
    let output = program::output(arguments)?;
    let report: Value = serde_json::from_str(&output)
        .map_err(|error| format!("{}: {error}\n{output}", arguments.join(" ")))?;
    let charon = list(&report, "sources").find(|source| word(source, "name").contains("charon ("));
    let charon = charon.ok_or("the report does not name charon")?;
    let late = word(charon, "status") == "failed"
        && ["timed out", "did not answer"].iter().any(|w| word(charon, "detail").contains(w));
    let mut alarms = Vec::new();
    if word(charon, "status") != "read" && !late {
        alarms.push(charon.to_string());
    }
    // Beside them, the drivers' own devices.
    let interfaces: Vec<&Value> = list(&report, "interfaces").collect();
    let tunnels = interfaces.iter().filter(|i| word(i, "name").starts_with("vti")).count();
    if tunnels != TUNNELS {
        alarms.push(format!("{tunnels} tunnels"));
    }
    let named = interfaces.iter().map(|interface| (word(interface, "name"), *interface));
    for (name, of) in named.chain([("the host", &report)]) {
        let findings = || list(of, "findings").filter(|f| !(late && word(f, "code") == "VTI-501"));
        let quiet = findings().all(|finding| word(finding, "severity") == "notice")
            && (late || ["ok", "notice"].contains(&word(of, "verdict")));
        let waits = findings().any(|finding| word(finding, "code") == "VTI-507");
        // Nothing is lost or reordered here, and of that not even a notice may speak.
        let loses = |code| ["VTI-410", "VTI-411"].contains(&code);
        let quiet = quiet && !findings().any(|finding| loses(word(finding, "code")));
        if !quiet || (waits != (name == TRAP) && !late) {
            let open = list(of, "undetermined").map(|open| {
                let missing = open.get("missing").unwrap_or(open);
                let of = |key| missing.get(key).map(Value::to_string).unwrap_or_default();
                format!("{}: {} {}", word(open, "code"), of("reason"), of("detail"))
            });
            let said: Vec<String> = findings().map(words).chain(open).collect();
            alarms.push(format!("{name} is {}: {}", word(of, "verdict"), said.join("; ")));
        }
    }
    alarms.iter_mut().for_each(|alarm| alarm.insert_str(0, &format!("{}: ", arguments.join(" "))));
    let busy = list(&report, "interfaces").find(|interface| word(interface, "name") == BUSY);
    let mut sas = busy.into_iter().flat_map(|interface| list(interface, "inbound_sas"));
    let measured = sas.any(|sa| {
        let spans = ["over_life", "interval"].map(|span| sa.get(span));
        spans.into_iter().flatten().any(|span| span.get("sequence_numbers").is_some())
    });
    Ok(Sample { late, measured, alarms })
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
