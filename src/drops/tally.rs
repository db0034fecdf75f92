//! The drops that were seen, summed up by interface, flow and cause. Its size is bounded; it knows neither the kernel nor the terminal.

use super::attribution::{Attribution, Dropped};
use crate::code::Code;
use crate::way::Flow;
use std::collections::BTreeMap;

/// At most so many lines: a scan through a broken tunnel has as many flows as packets.
const MOST_ROWS: usize = 200;

/// IPPROTO_* that have ports.
const WITH_PORTS: [(u8, &str); 4] = [(6, "tcp"), (17, "udp"), (33, "dccp"), (132, "sctp")];

/// What packets of one line have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The interface, or all possible ones.
    pub interfaces: Vec<String>,
    /// The flow, its ephemeral port left out.
    pub flow: String,
    /// The cause, or all possible ones.
    pub codes: Vec<Code>,
    /// The kernel's site, or why the cause is unknown.
    pub why: String,
    /// The rule of the packet filter that dropped it, where exactly one can be it.
    pub rule: Option<String>,
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Packets.
    pub packets: u64,
    /// Nanoseconds since 1970.
    pub first: u64,
    /// Nanoseconds since 1970.
    pub last: u64,
}

/// All lines, and the drops that are in no line.
#[derive(Debug, Default)]
pub struct Tally {
    /// The lines.
    pub rows: BTreeMap<Key, Row>,
    /// Drops of tunnels, of the interfaces asked for.
    pub seen: u64,
    /// Those with one interface and one cause.
    pub attributed: u64,
    /// Drops that are in no line, because there are too many lines.
    pub beyond: u64,
    /// Drops of interfaces that were not asked for.
    pub others: u64,
    /// Drops that do not concern tunnels.
    pub unrelated: u64,
    /// Alerts that could not be decoded.
    pub malformed: u64,
}

/// How a packet was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It is the first of its line.
    New,
    /// It belongs to a line.
    Again,
    /// It is in no line.
    Hidden,
}

impl Tally {
    /// Counts a packet, dropped at `time` (nanoseconds since 1970). With `interface`, only drops that may be of this interface get into a line.
    pub fn count(
        &mut self,
        dropped: &Dropped,
        attribution: &Attribution,
        time: u64,
        interface: Option<&str>,
    ) -> Counted {
        let is_asked_for =
            interface.is_none_or(|name| attribution.interfaces.iter().any(|i| i == name));
        if !is_asked_for {
            self.others += 1;
            return Counted::Hidden;
        }
        self.seen += 1;
        self.attributed += u64::from(attribution.is_attributed());
        let key = key(dropped, attribution);
        if let Some(row) = self.rows.get_mut(&key) {
            row.packets += 1;
            row.first = row.first.min(time);
            row.last = row.last.max(time);
            return Counted::Again;
        }
        if self.rows.len() >= MOST_ROWS {
            self.beyond += 1;
            return Counted::Hidden;
        }
        self.rows.insert(key, Row { packets: 1, first: time, last: time });
        Counted::New
    }
}

/// The line that a packet belongs to.
pub fn key(dropped: &Dropped, attribution: &Attribution) -> Key {
    Key {
        interfaces: attribution.interfaces.clone(),
        flow: label(dropped),
        codes: attribution.codes.clone(),
        why: attribution.why.clone(),
        rule: attribution.rule.clone(),
    }
}

/// The flow as text, as far as it is known, without the source port, which may differ in each packet.
fn label(dropped: &Dropped) -> String {
    if let Some(flow) = &dropped.packet.inner {
        return match WITH_PORTS.iter().find(|(number, _)| *number == flow.protocol) {
            Some((_, name)) => {
                let Flow { source, destination, destination_port, .. } = flow;
                format!("{source} -> {destination}, {name} {destination_port}")
            }
            None => flow.to_string(),
        };
    }
    match dropped.packet.outer.first() {
        Some(outer) => {
            let spi = outer.spi.map_or_else(String::new, |spi| format!(", SPI {spi}"));
            format!("{} -> {}{spi}", outer.source, outer.destination)
        }
        None => format!("ethertype {:#06x}", dropped.protocol),
    }
}
