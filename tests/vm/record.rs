//! The recorder under faults that come and go (record.yaml): each must be counted to its cause, packet for packet, and what is no fault
//! must not be recorded. Runs in the guest only; the recorder is the real one, and what it writes is read by the program's own reader.

#[path = "record/path.rs"]
mod path;

use crate::Fallible;
use crate::charon::{VTI, bash};
use crate::keep::Keep;
use crate::model;
use crate::namespace::Namespace;
use crate::options;
use serde::Deserialize;
use std::path::Path;
use vti_diagnostics::journal::{self, Record};
use vti_diagnostics::snapshot::recorded::{Episode, Recorded};

/// The word that asks for these scenarios alone.
pub const NAME: &str = "record";
/// The part of an episode's losses that its cause must explain.
const EXPLAINED: f64 = 0.95;

/// One fault, and what the recorder must make of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Unique, begins with `record-`.
    pub name: String,
    /// One line: what happens.
    pub why: String,
    /// Bash, once, before the recorder starts.
    setup: String,
    /// Bash, repeated under traffic.
    fault: String,
    /// Bash at the end, which must succeed.
    #[serde(default)]
    then: String,
    /// The code that each episode is counted to; nothing is recorded without.
    #[serde(default)]
    pub cause: Option<u16>,
    /// The code that what was refused on arrival is counted to, in one episode for each time; nothing was refused without.
    #[serde(default)]
    pub inbound: Option<u16>,
    /// What packets may be counted to as well, where chance decides.
    #[serde(default)]
    or: Option<u16>,
    /// How many episodes there are.
    #[serde(default)]
    episodes: Count,
    /// Seconds after each time, in which an episode ends.
    #[serde(default = "pause")]
    pause: f64,
    /// The drivers it is run with; both when left out.
    #[serde(default)]
    drivers: Vec<String>,
    /// What is recorded of packets lost on the way; nothing is compared without.
    #[serde(default)]
    path: Option<path::Expected>,
    /// Whether `run --write-captures` keeps a capture of it.
    #[serde(default)]
    pub capture: bool,
}

/// How many episodes a scenario has.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Count {
    /// One for each time.
    #[default]
    Each,
    /// The times belong together.
    One,
    /// Two for each time.
    Two,
    /// At least one: the daemons decide when.
    Some,
    /// The recorder is killed each time: what it had not written, the next one must account for.
    Killed,
}

fn pause() -> f64 {
    4.5
}

impl Scenario {
    /// The drivers it is run with.
    pub fn drivers(&self) -> impl Iterator<Item = &'static str> {
        let wanted =
            |driver: &&str| self.drivers.is_empty() || self.drivers.iter().any(|d| d == driver);
        ["vti", "xfrm"].into_iter().filter(wanted)
    }
}

/// All scenarios.
pub fn scenarios() -> Fallible<Vec<Scenario>> {
    let text = std::fs::read_to_string("record.yaml")
        .map_err(|error| format!("cannot read record.yaml: {error}"))?;
    serde_yaml::from_str(&text).map_err(|error| format!("record.yaml: {error}"))
}

/// What is asked for beside the words.
#[derive(Clone, Copy)]
pub struct Options {
    /// `--times N`: how often each fault is repeated.
    times: u64,
    /// `--flood S`: how many seconds SAs come and go.
    flood: u64,
    /// `--fast-day S`: how many seconds the day in fast motion has.
    fast_day: u64,
}

/// The words without the options, and these.
pub fn options<'a>(words: &[&'a str]) -> Fallible<(Vec<&'a str>, Options)> {
    let mut words = words.to_vec();
    let times = options::number(&mut words, "--times")?.unwrap_or(1);
    let flood = options::number(&mut words, "--flood")?.unwrap_or(3);
    let fast_day = options::number(&mut words, "--fast-day")?.unwrap_or(68);
    Ok((words, Options { times, flood, fast_day }))
}

/// What differs from what the scenario expects; nothing when it passed.
pub fn run(
    scenario: &Scenario,
    driver: &str,
    Options { times, flood, fast_day }: Options,
    keep: &mut Keep,
) -> Fallible<Vec<String>> {
    let router = Namespace::new("router")?;
    let _others = [Namespace::new("peer")?, Namespace::new("nat")?];
    let bash = |lines: &str| bash(&format!(". ./record.sh\n{lines}"), driver, false);
    router.within(|| {
        let lines = format!(
            "FLOOD={flood} TIMES={times} FAST_DAY={fast_day}\nlinks\n{}\ntx_errors >/tmp/before\nrefused >/tmp/before.in\nrecord\ntraffic\nsleep 2\n\
             for time in $(seq {times}); do\n{}\nsleep {}\ndone\nquiet\n{}\nrecorded\ntx_errors >/tmp/after\nrefused >/tmp/after.in",
            scenario.setup, scenario.fault, scenario.pause, scenario.then
        );
        let ran = bash(&lines);
        if let Ok(told) = std::fs::read_to_string("/tmp/told") {
            told.lines().for_each(|line| println!("     {line}"));
        }
        let mut differences = Vec::new();
        if let Err(error) = ran {
            differences.push(error);
        }
        let recorded = match read() {
            Ok(recorded) => recorded,
            Err(error) => {
                differences.push(error);
                Recorded::default()
            }
        };
        if scenario.capture && keep.is_wanted() {
            keep.keep_recorded(scenario, driver, model::capture()?)?;
        }
        differences.extend(judge(scenario, times, &recorded).unwrap_or_else(|error| vec![error]));
        if let Some(expected) = scenario.path {
            differences.extend(path::judge(expected).unwrap_or_else(|error| vec![error]));
        }
        if !differences.is_empty() {
            differences.push(format!("{recorded:#?}"));
            let said = std::fs::read_to_string("/tmp/recorder").unwrap_or_default();
            differences.push(format!("the recorder said:\n{said}"));
        }
        let files = ["recorder", "told", "before", "before.in", "after", "after.in"];
        for file in files.into_iter().chain(path::FILES) {
            let _ = std::fs::remove_file(Path::new("/tmp").join(file));
        }
        bash("killall vti-diagnostics ping 2>/dev/null || true; clean")?;
        Ok(differences)
    })
}

fn read() -> Fallible<Recorded> {
    let contents = journal::read(Path::new(journal::DIRECTORY)).map_err(|e| e.to_string())?;
    let contents = contents.ok_or("no journal was written")?;
    let kills = contents
        .records
        .iter()
        .filter(|r| matches!(r, Record::Started { .. }))
        .count()
        .saturating_sub(1);
    if contents.damaged > kills || contents.running {
        return Err(format!("{} damaged lines, running {}", contents.damaged, contents.running));
    }
    Ok(journal::recorded(&contents))
}

fn judge(scenario: &Scenario, times: u64, recorded: &Recorded) -> Fallible<Vec<String>> {
    let all = recorded.episodes.iter().cloned();
    let (inbound, episodes): (Vec<Episode>, Vec<Episode>) = all.partition(|e| e.inbound);
    let mut differences = refusals(scenario, times, &inbound)?;
    let lost: u64 = episodes.iter().map(|episode| episode.lost).sum();
    let Some(code) = scenario.cause else {
        if !episodes.is_empty() {
            differences.push(format!("{} episodes of what is no fault", episodes.len()));
        }
        return Ok(differences);
    };
    let count = episodes.len() as u64;
    let fits = match scenario.episodes {
        Count::Each => count == times,
        Count::One => count == 1,
        Count::Two => count == 2 * times,
        Count::Some => count >= 1,
        Count::Killed => return accounted(recorded, lost),
    };
    if !fits {
        differences.push(format!("{count} episodes of {times} times"));
    }
    differences.extend(episodes.iter().filter_map(outside));
    differences.extend(episodes.iter().filter_map(|episode| misjudged(episode, code, scenario.or)));
    let (before, after) = (number_in("/tmp/before")?, number_in("/tmp/after")?);
    if before + lost != after {
        differences.push(format!("{lost} lost, and tx_errors rose from {before} to {after}"));
    }
    let explained: u64 = causes(&episodes, code);
    let gaps = episodes.iter().flat_map(|e| &e.causes).filter_map(|cause| cause.gap_ms);
    println!(
        "     {count} episodes, {explained} of {lost} packets are VTI-{code}, gaps of {:?} to {:?} ms",
        gaps.clone().min().unwrap_or(0),
        gaps.max().unwrap_or(0)
    );
    Ok(differences)
}

/// What was refused on arrival: each packet that the kernel counted as such is in an episode of its cause.
fn refusals(scenario: &Scenario, times: u64, episodes: &[Episode]) -> Fallible<Vec<String>> {
    let Some(code) = scenario.inbound else {
        let told = format!("{} episodes of what was refused on arrival", episodes.len());
        return Ok(if episodes.is_empty() { Vec::new() } else { vec![told] });
    };
    let mut differences = Vec::new();
    if episodes.len() as u64 != times {
        differences.push(format!("{} inbound episodes of {times} times", episodes.len()));
    }
    differences.extend(episodes.iter().filter_map(outside));
    differences.extend(episodes.iter().filter_map(|episode| misjudged(episode, code, scenario.or)));
    let lost: u64 = episodes.iter().map(|episode| episode.lost).sum();
    let refused = number_in("/tmp/after.in")? - number_in("/tmp/before.in")?;
    if lost != refused {
        differences.push(format!("{lost} in inbound episodes, and the kernel refused {refused}"));
    }
    println!("     {lost} of {refused} refused packets are in {} inbound episodes", episodes.len());
    Ok(differences)
}

/// Every packet is in an episode, in losses that were written before a kill, or in what the next recorder missed.
fn accounted(recorded: &Recorded, lost: u64) -> Fallible<Vec<String>> {
    let missed =
        recorded.remarks.iter().filter(|remark| remark.what.contains("while no recorder ran"));
    let number = |what: &str| what.split(' ').next().and_then(|word| word.parse::<u64>().ok());
    let missed: u64 = missed.filter_map(|remark| number(&remark.what)).sum();
    let rise = number_in("/tmp/after")? - number_in("/tmp/before")?;
    println!("     {rise} packets: {lost} in episodes or written losses, {missed} missed");
    let all = lost + missed == rise && rise > 0;
    Ok(if all { Vec::new() } else { vec![format!("{lost} and {missed} of {rise} packets")] })
}

/// Whatever became of the clock: what was lost is within its episode, what happened at most some seconds beside it, and none lasts an hour.
fn outside(episode: &Episode) -> Option<String> {
    let span = episode.began_ms..=episode.ended_ms;
    let near = episode.began_ms.saturating_sub(6000)..=episode.ended_ms + 6000;
    let is_within = episode.course.iter().all(|loss| span.contains(&loss.at_ms))
        && episode.events.iter().all(|event| near.contains(&event.at_ms))
        && episode.ended_ms - episode.began_ms < 3_600_000;
    (!is_within).then(|| format!("an episode has something outside of it: {episode:?}"))
}

/// Where an episode is not of these causes: of the other one, too, where chance decides which packets it takes.
fn misjudged(episode: &Episode, code: u16, or: Option<u16>) -> Option<String> {
    let codes = || std::iter::once(code).chain(or);
    let of = |code| causes(std::slice::from_ref(episode), code);
    let explained: u64 = codes().map(of).sum();
    let first = episode.causes.first().map(|cause| cause.code);
    let wrong = episode.interface != VTI
        || !codes().any(|code| first == Some(code))
        || (explained as f64) < EXPLAINED * episode.lost as f64;
    wrong.then(|| {
        format!(
            "an episode of {} packets is VTI-{first:?}, {explained} of VTI-{code} or {or:?}",
            episode.lost
        )
    })
}

/// What episodes count to `code`.
fn causes(episodes: &[Episode], code: u16) -> u64 {
    let all = episodes.iter().flat_map(|episode| &episode.causes);
    all.filter(|cause| cause.code == code).map(|cause| cause.lost).sum()
}

fn number_in(path: &str) -> Fallible<u64> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    text.trim().parse().map_err(|_| format!("{path}: expected a number, have {text:?}"))
}
