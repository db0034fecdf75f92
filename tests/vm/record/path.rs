//! What the recorder says of packets lost on the way, against what netem dropped of the peer's packets. `tail` are numbers above the
//! highest that arrived of an SA, which no router sees: the peer counts them.

use super::number_in;
use crate::Fallible;
use crate::charon::VTI;
use serde::Deserialize;
use std::path::Path;
use vti_diagnostics::history::{self, Question};
use vti_diagnostics::journal;
use vti_diagnostics::report::history::{End, PathHistory};

/// What the lines of a scenario leave.
pub const FILES: [&str; 4] = ["dropped", "dropped.before", "dropped.after", "tail"];

/// Losses come and go so often in a day of 68 s.
const EPISODES: usize = 2;

/// What is expected.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// Everything that was dropped, but for the tails.
    Whole,
    /// Everything but what was dropped around a kill; and the time without a recorder is unknown.
    Killed,
    /// Some time is unknown, and packets were not measured.
    Unknown,
    /// Nothing was dropped, and everything was measured: each new SA from its first packet on.
    Nothing,
}

/// What differs from it.
pub fn judge(expected: Expected) -> Fallible<Vec<String>> {
    let path = read()?;
    let (lost, numbers) = (path.packets_lost, path.sequence_numbers);
    let unknown = path.unknown_milliseconds;
    let ends: Vec<End> = path.episodes.iter().map(|episode| episode.end).collect();
    let shares: Vec<_> = path.episodes.iter().map(|e| (e.percent, e.milliseconds)).collect();
    let told = format!(
        "{lost} of {numbers} lost on the way, {} unmeasured, {unknown} ms unknown, episodes {shares:?}",
        path.packets_unmeasured
    );
    let course: u64 = path.course.iter().map(|loss| loss.packets_lost).sum();
    let mut differences = Vec::new();
    let mut hold = |holds: bool, what: &str| {
        if !holds {
            differences.push(format!("{what}: {told}"));
        }
    };
    hold(course == lost, "the course is not the sum");
    if let Expected::Unknown = expected {
        println!("     {told}");
        hold(unknown > 0 && path.packets_unmeasured > 0, "nothing is unknown");
        return Ok(differences);
    }
    if let Expected::Nothing = expected {
        println!("     {told}");
        let is_known = unknown == 0 && path.packets_unmeasured == 0;
        hold(lost == 0 && is_known && numbers > 0, "something was lost or is unknown");
        return Ok(differences);
    }
    let (dropped, tail) = (number_in("/tmp/dropped")?, number_in("/tmp/tail")?);
    println!("     {dropped} dropped, {tail} of them at the ends of SAs; {told}");
    match expected {
        Expected::Whole => {
            hold(lost + tail == dropped, "not what was dropped");
            // Packets of the first SA before its first sample.
            let is_little = path.packets_unmeasured < numbers / 10;
            hold(unknown == 0 && is_little, "something is unknown");
            let each = ends.len() >= EPISODES && ends.len() % EPISODES == 0;
            hold(each && ends.iter().all(|end| *end == End::Seen), "not an episode each");
        }
        _ => {
            let around = number_in("/tmp/dropped.after")? - number_in("/tmp/dropped.before")?;
            println!("     {around} dropped around the kill");
            hold(lost + tail <= dropped, "more than was dropped");
            hold(lost + tail + around >= dropped, "too much is missing");
            hold((2000..20_000).contains(&unknown), "not the time without a recorder");
            hold(ends.contains(&End::Unseen), "an episode that the kill cut off");
        }
    }
    Ok(differences)
}

/// As `history` reports it.
fn read() -> Fallible<PathHistory> {
    let contents = journal::read(Path::new(journal::DIRECTORY)).map_err(|e| e.to_string())?;
    let contents = contents.ok_or("no journal was written")?;
    let question = Question { interface: Some(VTI), from_ms: None, now_ms: u64::MAX };
    let report = history::report(&contents, &question);
    let interface = report.interfaces.into_iter().next().ok_or("nothing of the interface")?;
    interface.lost_on_the_way.ok_or_else(|| "nothing of what was lost on the way".into())
}
