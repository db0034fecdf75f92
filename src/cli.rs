//! The command line: clap definitions, nothing else; single values are checked in `values`.
//! The build script reads this file too, for the man page and the completions, so it uses clap and std only.

// The build script looks for them from this file.
#[path = "cli/internal.rs"]
pub mod internal;
#[path = "cli/monitoring.rs"]
pub mod monitoring;
#[path = "cli/values.rs"]
mod values;

use clap::{Args, Parser, Subcommand, ValueEnum};
use internal::{DropsGuardian, OpMode, Vyos};
use monitoring::{Check, Metrics};
use std::net::IpAddr;
use std::path::PathBuf;
use values::{interface_name, mark, protocol, size};

/// Explains transmit errors and silent losses of VTI and XFRM interfaces
///
/// For each VTI it reports what is wrong, how sure that is, what shows it, and
/// what to type next. It reads the state of the kernel and follows packets through
/// the kernel's transmit path: route, policy, template, SA, outer route, MTU.
/// It is read-only, except that drops switches the kernel's drop monitor on while
/// it runs, and that record and metrics write their files. It never reads keys.
#[derive(Debug, Parser)]
#[command(name = "vti-diagnostics", version, verbatim_doc_comment)]
#[command(disable_help_subcommand = true, arg_required_else_help = false)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Diagnose the VTIs of this system, or of a capture
    Show(Show),
    /// Follow one packet through the transmit path of a VTI
    Lookup(Lookup),
    /// Write what a diagnosis reads to a file, without keys
    ///
    /// --redact replaces addresses and names. Equal ones are replaced by equal ones, so
    /// the diagnosis stays the same. A redacted capture still shows: whether an address
    /// is private, CGNAT, loopback, link-local, multicast or public, which addresses
    /// share a prefix, and prefix lengths; names such as eth0 and vti1; SPIs, reqids,
    /// marks, if_ids, table numbers, protocols, ports, counters and times; states and
    /// settings of charon; versions of the kernel, of VyOS and of charon; and which
    /// known messages are in charon's log. Not replaced: a prefix that contains a
    /// private range or another class, and an IPv4 prefix shorter than /8.
    #[command(verbatim_doc_comment)]
    Capture(Capture),
    /// Explain a finding, or list all of them
    Explain(Explain),
    /// Show what differs between two captures or texts
    ///
    /// What matters most for the tunnel comes first; SPIs, times and counters of what
    /// is carried, which always differ, are left out.
    #[command(verbatim_doc_comment)]
    Diff(Diff),
    /// Watch the VTIs and record which packets are lost, when and why
    Record(Record),
    /// Show the recorded losses: when, how many, why
    History(History),
    /// Print each change of state, verdict or losses when it happens
    Monitor(Monitor),
    /// Write the state of the VTIs as metrics for Prometheus
    ///
    /// The text is for node_exporter's textfile collector; --format openmetrics writes
    /// OpenMetrics 1.0. What could not be read has no sample. --output replaces the
    /// file as a whole, readable for every user.
    #[command(verbatim_doc_comment)]
    Metrics(Metrics),
    /// Check the VTIs as a plugin of Nagios, Icinga or Zabbix
    ///
    /// Prints a line of text, performance data, and a line for each VTI that is not
    /// ok. The exit status is 0 (OK), 1 (WARNING: a VTI has a warning), 2 (CRITICAL: a
    /// VTI has a fault) or 3 (UNKNOWN: needed state could not be read, there is no VTI,
    /// or an argument is wrong). A RANGE is written as in the guidelines of monitoring
    /// plugins: 10, 10:, ~:10, 10:20 or @10:20; outside of it there is an alert.
    #[command(verbatim_doc_comment)]
    Check(Check),
    /// Show the packets that VTIs drop, live, with the cause of each
    ///
    /// Switches the kernel's drop monitor on while it runs, and names every packet that
    /// a VTI drops: the interface, the flow, and the cause, as a code for
    /// `vti-diagnostics explain`. The monitor reports every drop of the machine; drops
    /// that have nothing to do with tunnels are only counted.
    ///
    /// A second process switches the monitor off again when the program ends, also if
    /// it is killed, and 3 s after its duration at the latest, also if it is stopped
    /// (Ctrl-Z). If both processes are killed, the monitor stays on: --stop switches it
    /// off. A monitor that another process uses is left alone. No payload is shown or
    /// kept. It needs root, and a kernel with CONFIG_NET_DROP_MONITOR.
    #[command(verbatim_doc_comment)]
    Drops(Drops),
    /// Restores the drop monitor when `drops` ends, or exceeds its duration
    #[command(hide = true, disable_help_flag = true)]
    DropsGuardian(DropsGuardian),
    /// What VyOS runs as root for its operators: read-only, takes no path
    #[command(name = "op-mode", hide = true, disable_help_flag = true, subcommand)]
    #[command(disable_help_subcommand = true, arg_required_else_help = false)]
    OpMode(OpMode),
    /// Add the commands to VyOS
    #[command(hide = true, subcommand)]
    #[command(disable_help_subcommand = true, arg_required_else_help = false)]
    Vyos(Vyos),
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Only this interface
    #[arg(long, alias = "intf-name", value_name = "IF", value_parser = interface_name)]
    pub interface: Option<String>,
    /// Also the other tunnels: gre, ipip, sit, …
    #[arg(long, conflicts_with_all = ["interface", "proc_net_dev"])]
    pub all_tunnels: bool,
    /// Also show counters, flows, and what was ruled out
    #[arg(long)]
    pub detail: bool,
    /// List every VTI, also many that are ok
    #[arg(long)]
    pub all: bool,
    /// How the report is written.
    #[command(flatten)]
    pub output: Output,
    /// Take two samples: which counters are rising
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub interval: Option<u16>,
    /// Diagnose this capture, or each one in a folder
    #[arg(long, value_name = "FILE", conflicts_with = "interval")]
    pub capture: Option<PathBuf>,
    /// Capture or texts of the other end
    #[arg(long, value_name = "FILE", conflicts_with = "proc_net_dev")]
    pub peer_capture: Option<PathBuf>,
    /// The largest capture that is read
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size, requires = "capture")]
    pub max_size: u64,
    /// Diagnose from a saved /proc/net/dev only
    #[arg(long, value_name = "FILE", conflicts_with_all = ["capture", "interval"])]
    pub proc_net_dev: Option<PathBuf>,
    /// The saved /proc/net/xfrm_stat of the same host
    #[arg(long, value_name = "FILE", requires = "proc_net_dev")]
    pub xfrm_stat: Option<PathBuf>,
    /// Diagnose from what commands printed; - is stdin
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["capture", "interval", "proc_net_dev"])]
    pub text: Vec<PathBuf>,
    /// The same of a debug archive (tar or folder)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["capture", "interval", "proc_net_dev", "text"])]
    pub archive: Option<PathBuf>,
    /// charon's socket, if not /var/run/charon.vici
    #[arg(long, value_name = "PATH", conflicts_with_all = ["capture", "proc_net_dev", "text", "archive"])]
    pub vici: Option<PathBuf>,
}

/// Arguments of `lookup`.
#[derive(Debug, Args)]
#[command(override_usage = "vti-diagnostics lookup --interface <IF> --destination <ADDRESS>
       [--source <ADDRESS>] [--decrypted | --encrypted --spi <SPI>] [OPTIONS]")]
pub struct Lookup {
    /// The VTI of the packet
    #[arg(long, alias = "intf-name", value_name = "IF", value_parser = interface_name)]
    pub interface: String,
    /// Source of the packet, if not this system's own
    #[arg(long, value_name = "ADDRESS")]
    pub source: Option<IpAddr>,
    /// The interface that the packet comes in by
    #[arg(long, value_name = "IF", value_parser = interface_name, conflicts_with_all = ["decrypted", "encrypted"])]
    pub in_interface: Option<String>,
    /// Destination address of the packet
    #[arg(long, value_name = "ADDRESS")]
    pub destination: IpAddr,
    /// The packet comes out of the tunnel
    #[arg(long, conflicts_with = "encrypted")]
    pub decrypted: bool,
    /// The packet is ESP: outer addresses and --spi
    #[arg(long, requires = "spi", conflicts_with = "protocol")]
    pub encrypted: bool,
    /// SPI of the ESP packet or of the SA, 0x…
    #[arg(long, value_name = "SPI", value_parser = mark)]
    pub spi: Option<u32>,
    /// The ESP packet comes in UDP (NAT traversal)
    #[arg(long, requires = "encrypted")]
    pub in_udp: bool,
    /// tcp, udp, gre, … or a number [default: ping]
    #[arg(long, value_name = "PROTOCOL", value_parser = protocol)]
    pub protocol: Option<u8>,
    /// Source port, or type of ICMP
    #[arg(long, value_name = "PORT", requires = "protocol")]
    pub source_port: Option<u16>,
    /// Destination port, or code of ICMP
    #[arg(long, value_name = "PORT", requires = "protocol")]
    pub destination_port: Option<u16>,
    /// Mark (fwmark), decimal or 0x…
    #[arg(long, default_value = "0", value_parser = mark)]
    pub mark: u32,
    /// Length with the IP header
    #[arg(long, value_name = "BYTES", default_value = "84", value_parser = clap::value_parser!(u32).range(20..=65535))]
    pub size: u32,
    /// The packet must not be fragmented (default)
    #[arg(long, overrides_with = "no_dont_fragment")]
    pub dont_fragment: bool,
    /// The packet may be fragmented
    #[arg(long, overrides_with = "dont_fragment")]
    pub no_dont_fragment: bool,
    /// Ask this capture, not this system
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// Also into the other end, and back
    #[arg(long, value_name = "FILE", conflicts_with_all = ["decrypted", "encrypted"])]
    pub peer_capture: Option<PathBuf>,
    /// The largest capture that is read
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size, requires = "capture")]
    pub max_size: u64,
    /// charon's socket, if not /var/run/charon.vici
    #[arg(long, value_name = "PATH", conflicts_with = "capture")]
    pub vici: Option<PathBuf>,
    /// How the report is written.
    #[command(flatten)]
    pub output: Output,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The state that works: a capture, or what commands printed; - is stdin
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// The state that does not
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// How the report is written.
    #[command(flatten)]
    pub output: Output,
}

/// Arguments of `capture`.
#[derive(Debug, Args)]
pub struct Capture {
    /// Write to this file (mode 0600), not to stdout
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Take two samples, so many seconds apart
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub interval: Option<u16>,
    /// Replace addresses and names, to share it
    #[arg(long)]
    pub redact: bool,
    /// Replace addresses as in the other end's capture
    #[arg(long, value_name = "FILE", requires = "redact", requires = "capture")]
    pub redact_with: Option<PathBuf>,
    /// Redact this capture, do not read this system
    #[arg(long, value_name = "FILE", requires = "redact", conflicts_with_all = ["interval", "vici"])]
    pub capture: Option<PathBuf>,
    /// The largest capture that is read
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size, requires = "capture")]
    pub max_size: u64,
    /// charon's socket, if not /var/run/charon.vici
    #[arg(long, value_name = "PATH")]
    pub vici: Option<PathBuf>,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A code or a name: VTI-111, 111, no-security-association
    pub code: Option<String>,
}

/// Arguments of `record`.
#[derive(Debug, Args)]
pub struct Record {
    /// The journal
    #[arg(long, value_name = "DIR", default_value = "/var/lib/vti-diagnostics")]
    pub directory: PathBuf,
    /// The largest size of the journal
    #[arg(long, value_name = "MIB", default_value = "8", value_parser = clap::value_parser!(u64).range(1..=128))]
    pub size: u64,
    /// Also write metrics to this file, every 15 s
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// charon's socket, if not /var/run/charon.vici
    #[arg(long, value_name = "PATH")]
    pub vici: Option<PathBuf>,
}

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct History {
    /// Only this interface
    #[arg(long, value_name = "IF", value_parser = interface_name)]
    pub interface: Option<String>,
    /// Only since then: 45m, 2h, 3d, 1w ago, a date or time
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    /// The last 1000 rows, each with the events of the kernel
    #[arg(long)]
    pub detail: bool,
    /// How the report is written.
    #[command(flatten)]
    pub output: Output,
    /// The journal
    #[arg(long, value_name = "DIR", default_value = "/var/lib/vti-diagnostics")]
    pub directory: PathBuf,
}

/// Arguments of `monitor`.
#[derive(Debug, Args)]
pub struct Monitor {
    /// Only this interface
    #[arg(long, value_name = "IF", value_parser = interface_name)]
    pub interface: Option<String>,
    /// Time between two samples
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub interval: u16,
    /// charon's socket, if not /var/run/charon.vici
    #[arg(long, value_name = "PATH")]
    pub vici: Option<PathBuf>,
}

/// Arguments of `drops`.
#[derive(Debug, Args)]
pub struct Drops {
    /// Only this interface
    #[arg(long, alias = "intf-name", value_name = "IF", value_parser = interface_name)]
    pub interface: Option<String>,
    /// How long to watch
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u16).range(1..=300))]
    pub duration: u16,
    /// End when the machine drops more packets per second
    #[arg(long, value_name = "NUMBER", default_value = "20000", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_rate: u32,
    /// A line for each packet
    #[arg(long)]
    pub each: bool,
    /// Only switch off a monitor that was left on
    #[arg(long, conflicts_with_all = ["interface", "duration", "max_rate", "each", "format"])]
    pub stop: bool,
    /// text or json (JSON lines)
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = LineFormat::Text)]
    pub format: LineFormat,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LineFormat {
    /// For a terminal
    Text,
    /// One JSON object a line
    Json,
}

/// How a report is written.
#[derive(Debug, Args)]
pub struct Output {
    /// text, json or yaml
    #[arg(long, value_enum, hide_possible_values = true, default_value_t = Format::Text)]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    raw: bool,
}

impl Output {
    /// The form asked for.
    pub fn format(&self) -> Format {
        if self.raw { Format::Json } else { self.format }
    }
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "clap would take the comments for help")]
pub enum Format {
    Text,
    Json,
    Yaml,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_sound() {
        Arguments::command().debug_assert();
    }
}
