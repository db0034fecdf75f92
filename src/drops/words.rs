//! What is seen in words: lines while it runs, the table and the sums at its end, and JSON lines. It counts nothing.

use super::attribute::{Attribution, Dropped};
use super::tally::{self, Key, Row, Tally};
use super::{Ending, Outcome};
use crate::code::Code;
use crate::render::clock::Clock;
use crate::render::escape::escape;
use crate::render::text;
use crate::report::history::Time;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The monitor is on, since `now` (nanoseconds since 1970).
pub fn start(vtis: &[String], seconds: u64, clock: &Clock, now: u64) -> String {
    let what = match vtis {
        [only] => only.clone(),
        several => format!("{} VTIs", several.len()),
    };
    let (date, zone) = (clock.date(time(now)), clock.offset(time(now)));
    format!("{date}, times are {zone}. Watching {what} for {seconds} s, or until Ctrl-C:")
}

/// The same as a line of JSON.
pub fn json_start(vtis: &[String], seconds: u64) -> String {
    let vtis: Vec<String> = vtis.iter().map(|name| escape(name)).collect();
    json!({ "type": "start", "interfaces": vtis, "seconds": seconds }).to_string()
}

/// A packet, as `--each` shows it, or as the first of its line.
pub fn line(dropped: &Dropped, attribution: &Attribution, clock: &Clock, at: u64) -> String {
    let key = tally::key(dropped, attribution);
    let flow = dropped.packet.inner.as_ref().map_or(key.flow.clone(), ToString::to_string);
    format!("{}  {}  {flow}  {}", clock.time(time(at)), interface(&key), cause(&key))
}

/// The same as a line of JSON.
pub fn json_line(dropped: &Dropped, attribution: &Attribution, at: u64) -> String {
    let key = tally::key(dropped, attribution);
    let flow = dropped.packet.inner.as_ref().map(|flow| {
        json!({
            "source": flow.source, "destination": flow.destination, "protocol": flow.protocol,
            "source_port": flow.source_port, "destination_port": flow.destination_port, "size": flow.size,
        })
    });
    let mut value = common("drop", &key);
    set(&mut value, "time", json!(rfc3339(at)));
    set(&mut value, "packet", json!(flow));
    value.to_string()
}

/// All lines and the sums as JSON lines.
pub fn json_end(sums: &Outcome) -> String {
    let mut lines: Vec<String> =
        sums.tally.rows.iter().map(|(key, row)| json_row(key, *row)).collect();
    let Tally { seen, attributed, beyond, others, unrelated, malformed, .. } = &sums.tally;
    let counters: Vec<Value> = sums.counters.iter().map(|c| {
        json!({ "interface": escape(&c.interface), "tx_errors": c.counted, "drops": c.seen, "agree": c.agree })
    }).collect();
    lines.push(
        json!({
            "type": "summary", "seconds": sums.seconds, "ended": sums.ending.word(), "seen": seen, "attributed": attributed,
            "not_attributed": seen - attributed, "lost": sums.lost, "unrelated": unrelated, "other_interfaces": others,
            "not_listed": beyond, "malformed": malformed, "counters": counters,
        })
        .to_string(),
    );
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The table and the sums as text.
pub fn text_end(sums: &Outcome, clock: &Clock, width: usize) -> String {
    let tally = &sums.tally;
    let mut all: Vec<(&Key, &Row)> = tally.rows.iter().collect();
    all.sort_by_key(|(_, row)| std::cmp::Reverse(row.packets));
    let rows: Vec<[String; 6]> = all
        .iter()
        .map(|(key, row)| {
            let (first, last) = (clock.time(time(row.first)), clock.time(time(row.last)));
            [interface(key), row.packets.to_string(), codes(key), key.flow.clone(), first, last]
        })
        .collect();
    let mut said = String::new();
    if !rows.is_empty() {
        let header = ["Interface", "Packets", "Cause", "Flow", "First", "Last"];
        said.push('\n');
        said.push_str(&text::table(header, &rows, width));
        said.push('\n');
        said.push_str(&text::paragraphs(&legend(&all), width));
        said.push('\n');
    }
    let lost = match sums.lost {
        Some(0) => "none lost in the queue".to_string(),
        Some(lost) => format!("{lost} lost in the queue"),
        None => "how many were lost in the queue is not known".to_string(),
    };
    let seen = match (tally.seen, tally.seen - tally.attributed) {
        (0, _) => "no drop of a tunnel".to_string(),
        (seen, open) => format!(
            "{seen} drops of tunnels, {} attributed, {open} not attributed",
            tally.attributed
        ),
    };
    let (why, seconds, unrelated) = (sums.ending.sentence(), sums.seconds, tally.unrelated);
    let mut sentences = vec![format!("{why}{seconds} s: {seen}, {lost}; {unrelated} unrelated.")];
    for (number, what) in [
        (tally.beyond, "Drops of flows beyond these lines"),
        (tally.others, "Drops of tunnels, not or not surely of this interface"),
        (tally.malformed, "Alerts that could not be decoded"),
    ] {
        if number > 0 {
            sentences.push(format!("{what}: {number}."));
        }
    }
    for counter in &sums.counters {
        let (name, seen, counted) = (&counter.interface, counter.seen, counter.counted);
        sentences.push(match counter.agree {
            true => format!("{name}: tx_errors rose by {counted}, as many as the drops seen."),
            false => format!("{name}: tx_errors rose by {counted}, and {seen} drops were seen."),
        });
    }
    said + &text::paragraphs(&sentences, width)
}

fn json_row(key: &Key, row: Row) -> String {
    let mut value = common("row", key);
    set(&mut value, "flow", json!(escape(&key.flow)));
    set(&mut value, "packets", json!(row.packets));
    set(&mut value, "first", json!(rfc3339(row.first)));
    set(&mut value, "last", json!(rfc3339(row.last)));
    value.to_string()
}

fn common(kind: &str, key: &Key) -> Value {
    let interfaces: Vec<String> = key.interfaces.iter().map(|name| escape(name)).collect();
    let codes: Vec<String> = key.codes.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = key.codes.iter().map(|code| name(*code)).collect();
    let mut value =
        json!({ "type": kind, "interfaces": interfaces, "codes": codes, "names": names });
    set(&mut value, if codes.len() == 1 { "site" } else { "why" }, json!(escape(&key.why)));
    value
}

fn set(value: &mut Value, name: &str, to: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_string(), to);
    }
}

fn interface(key: &Key) -> String {
    match key.interfaces.as_slice() {
        [] => "-".to_string(),
        [first, second, third, _, ..] => format!("{first}, {second}, {third} or another"),
        some => some.join(" or "),
    }
}

/// The cause as a line has it.
fn cause(key: &Key) -> String {
    match key.codes.as_slice() {
        [] => format!("not attributed: {}", key.why),
        some => {
            let named = some.iter().map(|code| format!("{code} {}", name(*code)));
            named.collect::<Vec<_>>().join(" or ")
        }
    }
}

/// The cause as the table has it.
fn codes(key: &Key) -> String {
    match key.codes.as_slice() {
        [] => "?".to_string(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
    }
}

/// What the table's codes mean, and why some lines have none.
fn legend(rows: &[(&Key, &Row)]) -> Vec<String> {
    let known: BTreeSet<Code> = rows.iter().flat_map(|(key, _)| &key.codes).copied().collect();
    let unknown: BTreeSet<&str> = rows
        .iter()
        .filter(|(key, _)| key.codes.is_empty())
        .map(|(key, _)| key.why.as_str())
        .collect();
    let known = known
        .iter()
        .map(|code| format!("{code}  {}; what to do: vti-diagnostics explain {code}", name(*code)));
    known.chain(unknown.iter().map(|why| format!("?  not attributed: {why}"))).collect()
}

fn name(code: Code) -> &'static str {
    code.name()
}

const fn time(nanoseconds: u64) -> Time {
    Time(nanoseconds / 1_000_000)
}

fn rfc3339(nanoseconds: u64) -> Option<String> {
    Timestamp::from_nanosecond(nanoseconds.into()).ok().map(|time| time.to_string())
}

impl Ending {
    fn word(&self) -> &'static str {
        match self {
            Ending::Time => "time",
            Ending::Signal => "signal",
            Ending::Reader => "reader",
            Ending::Rate(_) => "rate",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Ending::Time | Ending::Signal | Ending::Reader => String::new(),
            Ending::Rate(rate) => format!(
                "Stopped at {rate} drops a second on this machine, more than --max-rate allows. "
            ),
        }
    }
}
