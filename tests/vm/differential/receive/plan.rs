//! One case as data: lines for the router's `ip`, settings, and what the peer sends. Nothing here draws anything.
//!
//! A case is lines of text on purpose: the shrinker leaves lines out, and a person replays what it prints.

use super::trial;
use crate::Fallible;
use crate::differential::outcome::{Case, Trial, leave_out};
use std::fmt;
use std::net::IpAddr;
use vti_diagnostics::snapshot::Mode;

/// The router of every case: wan to the peer, and hosts behind it.
pub const BASE: &str = "
link set lo up
link add wan address 02:00:00:00:00:01 type veth peer name wan address 02:00:00:00:00:02 netns peer
link set wan up
addr add 192.0.2.1/24 dev wan
addr add 192.0.2.11/24 dev wan
addr add 2001:db8::1/64 dev wan nodad
addr add 2001:db8::11/64 dev wan nodad
addr add 10.9.1.1/32 dev lo
addr add fd09:1::1/128 dev lo nodad
link add hosts type dummy
link set hosts up
route add 10.9.1.0/24 dev hosts
route add fd09:1::/64 dev hosts
neigh add 10.9.1.77 lladdr 02:00:00:00:00:77 dev hosts nud permanent
neigh add fd09:1::77 lladdr 02:00:00:00:00:77 dev hosts nud permanent
";

/// What one case sets up and gets.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What `ip -batch` runs at the router behind [`BASE`]. A line that the kernel refuses is passed over: the snapshot says what is there.
    pub lines: Vec<String>,
    /// Files below `/proc/sys/net` and what is written there, after the lines. A file that is not there is passed over.
    pub settings: Vec<(String, &'static str)>,
    /// One packet each, one after the other.
    pub packets: Vec<Packet>,
}

/// One UDP packet of the peer.
#[derive(Clone, Debug)]
pub struct Packet {
    /// What the peer puts around it; none: it comes in clear.
    pub outer: Option<Outer>,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub destination_port: u16,
}

/// How the peer encrypts it.
#[derive(Clone, Debug)]
pub struct Outer {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub spi: u32,
    pub mode: Mode,
    /// In UDP.
    pub in_udp: bool,
}

impl Case for Plan {
    fn run(&self) -> Fallible<Trial> {
        trial::run(self)
    }

    fn parts(&self) -> usize {
        self.lines.len() + self.settings.len() + self.packets.len()
    }

    fn without(&self, index: usize) -> Plan {
        let mut plan = self.clone();
        let Plan { lines, settings, packets } = &mut plan;
        leave_out(index, &mut [lines, settings, packets]);
        plan
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = BASE.trim().lines().chain(self.lines.iter().map(String::as_str));
        lines.into_iter().try_for_each(|line| writeln!(f, "ip {line}"))?;
        for (path, value) in &self.settings {
            writeln!(f, "echo {value} >/proc/sys/net/{path}")?;
        }
        self.packets.iter().try_for_each(|packet| writeln!(f, "get {packet}"))
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Packet { outer, source, destination, destination_port } = self;
        write!(f, "{source} -> {destination}:{destination_port} ")?;
        let Some(Outer { source, destination, spi, mode, in_udp }) = outer else {
            return f.write_str("in clear");
        };
        write!(f, "by {source} -> {destination}, SPI {spi:#x}, mode {mode}")?;
        if *in_udp { f.write_str(", in UDP") } else { Ok(()) }
    }
}
