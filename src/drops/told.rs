//! From the drops that were seen to the data of the report's lines and of its end. `render` formats them.

use super::attribution::{Attribution, Dropped};
use super::tally::{self, Key, Tally};
use crate::report::drops as report;
use crate::report::drops::{
    Cause, Counter, DropsReport, Ended, Line, Packet, Row, Start, Summary, What,
};
use crate::report::time::ExactTime;

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its duration was over.
    Time,
    /// SIGINT or SIGTERM.
    Signal,
    /// The reader of the lines closed the output.
    Reader,
    /// There were so many drops a second.
    Rate(u64),
    /// Another process switched the monitor off.
    Off,
    /// The guardian switched the monitor off: the duration was over, but this process was stopped.
    Overdue,
    /// The guardian process is gone.
    Unguarded,
}

impl Ending {
    const fn ended(self) -> (Ended, Option<u64>) {
        match self {
            Ending::Time => (Ended::Time, None),
            Ending::Signal => (Ended::Signal, None),
            Ending::Reader => (Ended::Reader, None),
            Ending::Rate(rate) => (Ended::Rate, Some(rate)),
            Ending::Off => (Ended::Off, None),
            Ending::Overdue => (Ended::Overdue, None),
            Ending::Unguarded => (Ended::Unguarded, None),
        }
    }
}

/// The monitor is on, since `now` (nanoseconds since 1970).
pub(super) fn start(interfaces: Vec<String>, seconds: u64, now: u64) -> Line {
    What::Start(Start { time: ExactTime(now), interfaces, seconds }).into()
}

/// A packet, dropped at `time` (nanoseconds since 1970).
pub(super) fn dropped(dropped: &Dropped, attribution: &Attribution, time: u64) -> Line {
    let key = tally::key(dropped, attribution);
    let inner = dropped.packet.inner.as_ref();
    What::Drop(report::Dropped {
        cause: cause(&key),
        time: ExactTime(time),
        packet: inner.map(|flow| Packet {
            source: flow.source,
            destination: flow.destination,
            protocol: flow.protocol,
            source_port: flow.source_port,
            destination_port: flow.destination_port,
            size: flow.size,
        }),
        flow: inner.map_or(key.flow, ToString::to_string),
    })
    .into()
}

/// The report of a run.
pub(super) fn end(
    tally: &Tally,
    not_written: u64,
    ending: Ending,
    milliseconds: u64,
    lost: Option<u64>,
    counters: Vec<Counter>,
) -> DropsReport {
    let rows = tally.rows.iter().map(|(key, row)| Row {
        cause: cause(key),
        flow: key.flow.clone(),
        packets: row.packets,
        first: ExactTime(row.first),
        last: ExactTime(row.last),
    });
    let (ended, rate) = ending.ended();
    let summary = Summary {
        seconds: milliseconds / 1000,
        milliseconds,
        ended,
        rate,
        seen: tally.seen,
        attributed: tally.attributed,
        not_attributed: tally.seen.saturating_sub(tally.attributed),
        lost,
        unrelated: tally.unrelated,
        other_interfaces: tally.others,
        not_listed: tally.beyond,
        malformed: tally.malformed,
        not_written,
        counters,
    };
    DropsReport { rows: rows.collect(), summary }
}

fn cause(key: &Key) -> Cause {
    let is_known = key.codes.len() == 1;
    Cause {
        interfaces: key.interfaces.clone(),
        codes: key.codes.clone(),
        names: key.codes.iter().map(|code| code.name()).collect(),
        site: is_known.then(|| key.why.clone()),
        why: (!is_known).then(|| key.why.clone()),
        rule: key.rule.clone(),
    }
}
