//! What `drops` tells, as data: the JSON contract of its lines, each an object of its own with `schema` and `type`. Plain data: how a line
//! looks is decided in `render`.
//!
//! `start` comes first; `drop` is one packet, `row` all packets that have interface, flow and cause in common, and `summary` the sums, last.
//! Additions are compatible; a rename or a change of type raises `schema`.

use super::SCHEMA;
use super::time::ExactTime;
use crate::code::Code;
use serde::Serialize;
use std::net::IpAddr;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What it tells.
    #[serde(flatten)]
    pub what: What,
}

impl From<What> for Line {
    fn from(what: What) -> Self {
        Self { schema: SCHEMA, what }
    }
}

/// What a line tells; `type` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum What {
    /// The monitor is on.
    Start(Start),
    /// A packet was dropped.
    Drop(Dropped),
    /// Packets that have everything but their time in common.
    Row(Row),
    /// The run is over.
    Summary(Summary),
}

/// The beginning of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Start {
    /// When.
    pub time: ExactTime,
    /// The interfaces that are watched.
    pub interfaces: Vec<String>,
    /// For how long, unless it ends before.
    pub seconds: u64,
}

/// Where a packet was lost, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The interface; several where it may be any of them; none where it is not known.
    pub interfaces: Vec<String>,
    /// The finding; several where it may be any of them; none where it is not known.
    pub codes: Vec<Code>,
    /// Their names, in the same order.
    pub names: Vec<&'static str>,
    /// The kernel's function and condition; only beside one finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Why there is no finding, or more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A dropped packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Where and why.
    #[serde(flatten)]
    pub cause: Cause,
    /// When, by the kernel.
    pub time: ExactTime,
    /// The inner packet, where the alert has its headers.
    pub packet: Option<Packet>,
    /// The packet in words: the inner one, else the outer one as far as it is known.
    pub flow: String,
}

/// The headers of an inner packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Packet {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IPPROTO_*.
    pub protocol: u8,
    /// Port, or type of an ICMP message; 0 where there is none.
    pub source_port: u16,
    /// Port, or code of an ICMP message; 0 where there is none.
    pub destination_port: u16,
    /// Bytes of the IP packet.
    pub size: u32,
}

/// Dropped packets that have interface, flow and cause in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Where and why.
    #[serde(flatten)]
    pub cause: Cause,
    /// The flow in words, without a port that is another one in each packet.
    pub flow: String,
    /// How many.
    pub packets: u64,
    /// When the first one was dropped.
    pub first: ExactTime,
    /// When the last one was.
    pub last: ExactTime,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// Its time was over.
    Time,
    /// SIGINT or SIGTERM.
    Signal,
    /// Nobody reads the lines any more.
    Reader,
    /// There were more drops a second than it may watch.
    Rate,
    /// Another process switched the monitor off.
    Off,
    /// This process did not end in time, for it was stopped; the second one switched the monitor off.
    Overdue,
    /// The second process, which switches the monitor off where the first cannot, ended before the first.
    Unguarded,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How long it took, in whole seconds.
    pub seconds: u64,
    /// The same, exactly.
    pub milliseconds: u64,
    /// Why it ended.
    pub ended: Ended,
    /// Drops a second of the whole machine at which it ended; only where `ended` is `rate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// Drops of tunnels, of the interfaces asked for.
    pub seen: u64,
    /// Those with one interface and one cause.
    pub attributed: u64,
    /// The rest of them.
    pub not_attributed: u64,
    /// Drops that the monitor had no room for; none where the kernel does not say how many.
    pub lost: Option<u64>,
    /// Drops on no way through a tunnel.
    pub unrelated: u64,
    /// Drops of tunnels that were not asked for.
    pub other_interfaces: u64,
    /// Drops that are in no row, because there are too many rows.
    pub not_listed: u64,
    /// Alerts that could not be decoded.
    pub malformed: u64,
    /// Lines of this run that were left out, because nobody read the output.
    pub not_written: u64,
    /// The devices' own counts beside the drops seen.
    pub counters: Vec<Counter>,
}

/// A device's own count beside the drops seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counter {
    /// The interface.
    pub interface: String,
    /// What `tx_errors` rose by.
    pub tx_errors: u64,
    /// Drops seen that count there.
    pub drops: u64,
    /// They are as many.
    pub agree: bool,
}

/// What `drops --stop` found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The monitor was on.
    pub was_on: bool,
    /// It is on still.
    pub is_on: bool,
    /// It was configured as a run configures it; then it has the kernel's own configuration again.
    pub was_ours: bool,
    /// Who received its reports; why that is not known.
    pub receivers: Result<Receivers, String>,
}

/// Who receives the monitor's reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receivers {
    /// Processes: number and name.
    pub processes: Vec<(u32, String)>,
    /// Sockets of processes that are not seen from here.
    pub unseen: usize,
}

/// The end of a run: its rows, ordered by interface, flow and cause, and the sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropsReport {
    /// The rows.
    pub rows: Vec<Row>,
    /// The sums.
    pub summary: Summary,
}
