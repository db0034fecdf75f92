//! The output of `drops` as data: the JSON contract of its lines, each a separate object with `schema` and `type`. Plain data: the layout is
//! decided in `render`.
//!
//! `start` comes first; `drop` is one packet, `row` is all packets with the same interface, flow and cause, and `summary` has the sums and comes last.
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
    /// Its content.
    #[serde(flatten)]
    pub what: What,
}

impl From<What> for Line {
    fn from(what: What) -> Self {
        Self { schema: SCHEMA, what }
    }
}

/// The content of a line; `type` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum What {
    /// The monitor is on.
    Start(Start),
    /// A packet was dropped.
    Drop(Dropped),
    /// Packets that differ only in their time.
    Row(Row),
    /// The run has ended.
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
    /// The rule of the packet filter that dropped it, where exactly one can be it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// A dropped packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Where and why.
    #[serde(flatten)]
    pub cause: Cause,
    /// When, by the kernel.
    pub time: ExactTime,
    /// The inner packet, if the alert has its headers.
    pub packet: Option<Packet>,
    /// The packet in words: the inner one, or else what is known of the outer one.
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

/// Dropped packets with the same interface, flow and cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Where and why.
    #[serde(flatten)]
    pub cause: Cause,
    /// The flow in words, without ports that differ from packet to packet.
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
    /// The lines are no longer read.
    Reader,
    /// There were more drops a second than --max-rate allows.
    Rate,
    /// Another process switched the monitor off.
    Off,
    /// This process did not end in time, because it was stopped; the second process switched the monitor off.
    Overdue,
    /// The second process, which switches the monitor off where the first cannot, ended before the first.
    Unguarded,
}

/// The sums of a run.
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
    /// All others of them.
    pub not_attributed: u64,
    /// Drops for which the monitor's queue had no room; none where the kernel does not report the number.
    pub lost: Option<u64>,
    /// Drops on no path through a tunnel.
    pub unrelated: u64,
    /// Drops of tunnels that were not requested.
    pub other_interfaces: u64,
    /// Drops that are in no row, because there are too many rows.
    pub not_listed: u64,
    /// Alerts that could not be decoded.
    pub malformed: u64,
    /// Lines of this run that were left out because the output was not read in time.
    pub not_written: u64,
    /// The devices' own counters, compared with the drops seen.
    pub counters: Vec<Counter>,
}

/// A device's own counter, compared with the drops seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counter {
    /// The interface.
    pub interface: String,
    /// The rise of `tx_errors`.
    pub tx_errors: u64,
    /// Drops seen that count as such errors.
    pub drops: u64,
    /// The two are equal.
    pub agree: bool,
}

/// The result of `drops --stop`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The monitor was on.
    pub was_on: bool,
    /// It is still on.
    pub is_on: bool,
    /// It had the configuration of a run; then the kernel's default was restored.
    pub was_ours: bool,
    /// The processes that received its reports, or why they are unknown.
    pub receivers: Result<Receivers, String>,
}

/// The receivers of the monitor's reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receivers {
    /// Processes: id and name.
    pub processes: Vec<(u32, String)>,
    /// The number of sockets of invisible processes.
    pub unseen: usize,
}

/// The end of a run: its rows, sorted by interface, flow and cause, and the sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropsReport {
    /// The rows.
    pub rows: Vec<Row>,
    /// The sums.
    pub summary: Summary,
}
