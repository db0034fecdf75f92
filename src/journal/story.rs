//! From the records to what they tell: episodes, also of a recorder that was killed, and what nobody watched. Pure.

use super::reader::Contents;
use super::record::{Counted, Record};
use crate::snapshot::recorded::{Cause, Episode, Loss, Recorded, Remark};
use std::collections::BTreeMap;

/// What the records tell.
pub fn recorded(contents: &Contents) -> Recorded {
    let mut told = Recorded { running: contents.running, ..Recorded::default() };
    let mut open: BTreeMap<String, Vec<Loss>> = BTreeMap::new();
    for record in &contents.records {
        if let Some(at_ms) = at(record) {
            if told.since_ms == 0 {
                told.since_ms = at_ms;
            }
            told.until_ms = at_ms;
        }
        match record {
            Record::Started { at_ms, uptime_ms, .. } => {
                told.booted_ms = Some(at_ms.saturating_sub(*uptime_ms));
                told.episodes.extend(std::mem::take(&mut open).into_iter().map(cut_off));
            }
            Record::Losses { at_ms, of } => {
                for (interface, lost) in of {
                    let course = open.entry(interface.clone()).or_default();
                    course.push(Loss { at_ms: *at_ms, lost: *lost });
                }
            }
            Record::Episode(episode) => {
                open.remove(&episode.interface);
                told.episodes.push(episode.clone());
            }
            Record::Remark(remark) => told.remarks.push(remark.clone()),
            Record::Stopped { .. } | Record::Unknown => {}
        }
    }
    told.episodes.extend(open.into_iter().map(if contents.running { going_on } else { cut_off }));
    if contents.damaged > 0 {
        let what = format!("{} damaged lines of the journal were passed over", contents.damaged);
        told.remarks.push(Remark { at_ms: told.until_ms, interface: None, what });
    }
    told
}

fn at(record: &Record) -> Option<u64> {
    match record {
        Record::Started { at_ms, .. }
        | Record::Stopped { at_ms }
        | Record::Losses { at_ms, .. }
        | Record::Remark(Remark { at_ms, .. }) => Some(*at_ms),
        Record::Episode(episode) => Some(episode.ended_ms),
        Record::Unknown => None,
    }
}

fn going_on(losses: (String, Vec<Loss>)) -> Episode {
    unfinished(losses, "not over yet")
}

fn cut_off(losses: (String, Vec<Loss>)) -> Episode {
    unfinished(losses, "the recorder was ended before they were")
}

/// An episode of which only the losses were written.
fn unfinished((interface, course): (String, Vec<Loss>), why: &str) -> Episode {
    let lost = course.iter().map(|loss| loss.lost).sum();
    Episode {
        interface,
        began_ms: course.first().map_or(0, |loss| loss.at_ms),
        ended_ms: course.last().map_or(0, |loss| loss.at_ms),
        open: true,
        lost,
        causes: vec![Cause { code: 919, lost, summary: why.into(), gaps: 0, gap_ms: None }],
        course,
        ..Episode::default()
    }
}

/// Packets that an interface lost while no recorder ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwatched {
    /// The interface.
    pub interface: String,
    /// How many.
    pub lost: u64,
    /// When it was watched last.
    pub since_ms: u64,
}

/// Compares what the interfaces have lost `now`, in the boot `boot_id`, with what the records of that boot account for.
pub fn unwatched(
    records: &[Record],
    boot_id: &str,
    now: &BTreeMap<String, Counted>,
) -> Vec<Unwatched> {
    let mut known: BTreeMap<String, Counted> = BTreeMap::new();
    let mut running: BTreeMap<String, u64> = BTreeMap::new();
    let (mut since_ms, mut same_boot) = (0, false);
    for record in records {
        since_ms = at(record).unwrap_or(since_ms);
        match record {
            Record::Started { boot_id: of, counters, .. } => {
                same_boot = !boot_id.is_empty() && of == boot_id;
                known.clone_from(counters);
                running.clear();
            }
            Record::Losses { of, .. } => {
                for (interface, lost) in of {
                    *running.entry(interface.clone()).or_default() += lost;
                }
            }
            Record::Episode(episode) => {
                running.remove(&episode.interface);
                let start = Counted { ifindex: episode.ifindex, lost: 0 };
                let counted = known.entry(episode.interface.clone()).or_insert(start);
                if counted.ifindex != episode.ifindex {
                    *counted = start;
                }
                counted.lost += episode.lost;
            }
            Record::Stopped { .. } | Record::Remark(_) | Record::Unknown => {}
        }
    }
    if !same_boot {
        return Vec::new();
    }
    let compare = |(interface, counted): (&String, &Counted)| {
        let before = known.get(interface).filter(|before| before.ifindex == counted.ifindex)?;
        let watched = before.lost + running.get(interface).copied().unwrap_or(0);
        let lost = counted.lost.checked_sub(watched).filter(|lost| *lost > 0)?;
        Some(Unwatched { interface: interface.clone(), lost, since_ms })
    };
    now.iter().filter_map(compare).collect()
}
