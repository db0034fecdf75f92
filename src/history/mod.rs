//! From the records of the journal to the report of `history`: the requested part, and the times without a recorder. Pure; how it looks is
//! decided in `render`.

#![deny(clippy::disallowed_methods)]

mod path;
mod pauses;
mod since;
mod written;

pub use since::since;

use crate::code::{self, Code};
use crate::journal::{self, Contents, Record};
use crate::report::SCHEMA;
use crate::report::history::{
    CauseReport, End, EpisodeReport, EventReport, HistoryRemark, HistoryReport, InterfaceHistory,
    LossReport,
};
use crate::report::time::Time;
use crate::snapshot::recorded::{Cause, Episode};
use crate::units::natural;
use std::collections::BTreeMap;

/// The question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Only this interface.
    pub interface: Option<&'a str>,
    /// Only what had not ended before: milliseconds since the Unix epoch.
    pub from_ms: Option<u64>,
    /// Now, in the same unit.
    pub now_ms: u64,
}

/// Interfaces in the order of their names.
type Interfaces = BTreeMap<(String, u64, String), InterfaceHistory>;

fn entry<'a>(interfaces: &'a mut Interfaces, name: &str) -> &'a mut InterfaceHistory {
    let new = || InterfaceHistory { name: name.to_string(), ..InterfaceHistory::default() };
    interfaces.entry(natural(name)).or_insert_with(new)
}

/// The report from the records.
pub fn report(contents: &Contents, question: &Question<'_>) -> HistoryReport {
    let mut told = journal::recorded(contents);
    told.remarks.extend(pauses::pauses(&contents.records));
    let asked = |name: &str| question.interface.is_none_or(|interface| interface == name);
    let is_in = |at_ms: u64| question.from_ms.is_none_or(|from| at_ms >= from);

    let mut interfaces = Interfaces::new();
    for lossy in told.episodes.iter().filter(|episode| asked(&episode.interface)) {
        let end = end(lossy, contents);
        if end == End::Ongoing || is_in(lossy.ended_ms) {
            let history = entry(&mut interfaces, &lossy.interface);
            history.packets_lost = history.packets_lost.saturating_add(lossy.lost);
            history.episodes.push(episode(lossy, end));
        }
    }
    let mut remarks = Vec::new();
    for noted in told.remarks.into_iter().filter(|remark| is_in(remark.at_ms)) {
        let remark = HistoryRemark { at: Time(noted.at_ms), what: noted.what };
        match noted.interface {
            None => remarks.push(remark),
            Some(name) if asked(&name) => entry(&mut interfaces, &name).remarks.push(remark),
            Some(_) => {}
        }
    }
    for (name, path) in path::path(contents, asked, is_in) {
        entry(&mut interfaces, &name).lost_on_the_way = Some(path);
    }
    remarks.sort_by_key(|remark| remark.at);
    let mut interfaces: Vec<InterfaceHistory> = interfaces.into_values().collect();
    for history in &mut interfaces {
        history.episodes.sort_by_key(|episode| episode.began);
    }
    let until_ms = if contents.running { question.now_ms } else { told.until_ms };
    HistoryReport {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION"),
        taken_at: Time(question.now_ms),
        recorder_running: contents.running,
        recorder_stopped: stopped(contents).map(Time),
        recorded_since: (told.since_ms > 0).then_some(Time(told.since_ms)),
        recorded_until: (told.since_ms > 0).then_some(Time(until_ms)),
        from: question.from_ms.map(Time),
        interface: question.interface.map(str::to_string),
        packets_lost: interfaces.iter().fold(0, |sum, i| sum.saturating_add(i.packets_lost)),
        interfaces,
        remarks,
    }
}

/// When the last recorder was stopped, if none was started after it.
fn stopped(contents: &Contents) -> Option<u64> {
    match contents.records.last() {
        Some(Record::Stopped { at_ms }) if !contents.running => Some(*at_ms),
        _ => None,
    }
}

/// Whether any record names the interface: then it existed, even if it was deleted later.
pub fn names(contents: &Contents, interface: &str) -> bool {
    contents.records.iter().any(|record| match record {
        Record::Started { counters, .. } | Record::Counters { counters, .. } => {
            counters.contains_key(interface)
        }
        Record::Losses { of, inbound, .. } => {
            of.contains_key(interface) || inbound.contains_key(interface)
        }
        Record::PathLosses { of, .. } => of.contains_key(interface),
        Record::Episode(episode) => episode.interface == interface,
        Record::Remark(remark) => remark.interface.as_deref() == Some(interface),
        Record::Stopped { .. } | Record::Totals { .. } | Record::Unknown => false,
    })
}

/// An episode without an end is still going on if its recorder still runs.
fn end(told: &Episode, contents: &Contents) -> End {
    if !told.open {
        return End::Seen;
    }
    let started = contents.records.iter().rev().find_map(|record| match record {
        Record::Started { at_ms, .. } => Some(*at_ms),
        _ => None,
    });
    let of_this_one = started.is_none_or(|at_ms| told.began_ms >= at_ms);
    if contents.running && of_this_one { End::Ongoing } else { End::Unseen }
}

fn episode(told: &Episode, end: End) -> EpisodeReport {
    let event = |event: &crate::snapshot::recorded::Event| EventReport {
        at: Time(event.at_ms),
        what: event.what.clone(),
    };
    EpisodeReport {
        began: Time(told.began_ms),
        ended: Time(told.ended_ms),
        milliseconds: told.ended_ms.saturating_sub(told.began_ms),
        end,
        inbound: told.inbound,
        packets_lost: told.lost,
        packets_sent: told.sent,
        counters: told.counters,
        causes: told.causes.iter().map(cause).collect(),
        events: told.events.iter().map(event).collect(),
        events_omitted: told.omitted,
        course: told
            .course
            .iter()
            .map(|loss| LossReport { at: Time(loss.at_ms), packets_lost: loss.lost })
            .collect(),
    }
}

fn cause(told: &Cause) -> CauseReport {
    CauseReport {
        code: code::shown(told.code),
        name: Code::of_number(told.code).map(Code::name),
        packets_lost: told.lost,
        summary: told.summary.clone(),
        gaps: told.gaps,
        gap_milliseconds: told.gap_ms,
    }
}

#[cfg(test)]
mod tests;
