//! One case as data: lines for `ip`, settings, and the packets to send. Nothing here draws anything.
//!
//! A case is lines of text on purpose: the shrinker leaves lines out, and a person replays what it prints.

use super::outcome::{Case, Trial, leave_out};
use super::trial;
use crate::Fallible;
use std::fmt;
use std::net::IpAddr;

/// What one case sets up and sends, in a fresh network namespace.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What `ip -batch` runs. A line that the kernel refuses is passed over: the snapshot says what is there.
    pub lines: Vec<String>,
    /// Files below `/proc/sys/net` and what is written there, after the lines. A file that is not there is passed over.
    pub settings: Vec<(String, &'static str)>,
    /// Somebody listens to acquires, so that the kernel makes larval SAs.
    pub listener: bool,
    /// The lines from this one on are run a second later than the others: `add_time` counts seconds.
    pub later: Vec<String>,
    /// One packet each, one after the other.
    pub packets: Vec<Packet>,
}

/// One UDP packet of the router.
#[derive(Clone, Debug)]
pub struct Packet {
    /// The tunnel that its destination is routed into.
    pub tunnel: String,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    /// SO_MARK.
    pub mark: u32,
    /// Bytes with the headers; at most what the tunnel's MTU takes is sent.
    pub size: u32,
}

impl Case for Plan {
    fn run(&self) -> Fallible<Trial> {
        trial::run(self)
    }

    fn parts(&self) -> usize {
        self.lines.len() + self.later.len() + self.settings.len() + self.packets.len() + 1
    }

    fn without(&self, index: usize) -> Plan {
        let mut plan = self.clone();
        let Plan { lines, later, settings, packets, listener } = &mut plan;
        if !leave_out(index, &mut [lines, later, settings, packets]) {
            *listener = false;
        }
        plan
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |f: &mut fmt::Formatter<'_>, lines: &[String]| {
            lines.iter().try_for_each(|line| writeln!(f, "ip {line}"))
        };
        write(f, &self.lines)?;
        if !self.later.is_empty() {
            writeln!(f, "sleep 1")?;
            write(f, &self.later)?;
        }
        for (path, value) in &self.settings {
            writeln!(f, "echo {value} >/proc/sys/net/{path}")?;
        }
        if self.listener {
            writeln!(f, "ip xfrm monitor acquire &")?;
        }
        self.packets.iter().try_for_each(|packet| writeln!(f, "send {packet}"))
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Packet { tunnel, source, destination, source_port, destination_port, mark, size } =
            self;
        write!(f, "{source}:{source_port} -> {destination}:{destination_port} by {tunnel}")?;
        write!(f, ", mark {mark:#x}, {size} bytes")
    }
}
