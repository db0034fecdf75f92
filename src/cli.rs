//! The command line: clap definitions, nothing else; single values are checked in `values`.
//! The build script reads this file too, for the man page and the completions, so it uses clap and std only.

// The build script looks for it from this file.
#[path = "cli/values.rs"]
mod values;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use values::{interface_name, mark, protocol, size};

/// Explains transmit errors and silent losses of VTI and XFRM interfaces
///
/// For each VTI of this system it says what is wrong, how sure that is, what
/// shows it, and what to type next. It reads the state of the kernel and follows
/// a packet through the kernel's transmit path with it: route, policy, template,
/// security association, outer route, MTU. It changes nothing, except that drops
/// switches the kernel's drop monitor on while it runs, and never reads keys.
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
    /// With --redact addresses and names are replaced, the same ones always by the
    /// same, so that the diagnosis stays. What is left of the original: whether an
    /// address is private, CGNAT, loopback, link-local, multicast or public, which
    /// addresses share a prefix, and prefix lengths; names such as eth0 and vti1;
    /// SPIs, reqids, marks, if_ids, table numbers, protocols, ports, counters and
    /// times; states and settings of charon; versions of the kernel, of VyOS and of
    /// charon; and which known messages are in charon's log. A prefix that contains a
    /// private range or another class, and one of IPv4 shorter than /8, stays as it is.
    #[command(verbatim_doc_comment)]
    Capture(Capture),
    /// Explain a finding, or list all of them
    Explain(Explain),
    /// Watch the VTIs, and keep what was lost, when and why
    Record(Record),
    /// Tell what was lost, when and why, from the recorder's journal
    History(History),
    /// Say what changes, when it changes
    Monitor(Monitor),
    /// Watch packets die on the VTIs, with the cause of each
    ///
    /// Switches the kernel's drop monitor on, as long as it runs, and names every
    /// packet that a VTI drops: the interface, the flow, and the cause, as a code that
    /// `vti-diagnostics explain` explains. The monitor reports every drop of the
    /// machine; those that are no affair of tunnels are counted and forgotten.
    ///
    /// The monitor is off again and as it was when the program ends, also if it is
    /// killed, and 3 s after its time at the latest, also if it is stopped (Ctrl-Z): a
    /// second process sees to that. If both are killed, the monitor stays on, and
    /// --stop switches it off. A monitor that is on already is left alone. No payload
    /// is shown or kept. It needs root, and a kernel with CONFIG_NET_DROP_MONITOR.
    #[command(verbatim_doc_comment)]
    Drops(Drops),
    /// Leaves the drop monitor as it was when `drops` ends, or does not end in its time
    #[command(hide = true, disable_help_flag = true)]
    DropsGuardian(DropsGuardian),
    /// What VyOS runs as root for its operators: it only reads, and takes no path
    #[command(name = "op-mode", hide = true, disable_help_flag = true, subcommand)]
    #[command(disable_help_subcommand = true, arg_required_else_help = false)]
    OpMode(OpMode),
    /// Make the commands known to VyOS
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
    /// Also show counters, flows, and what was ruled out
    #[arg(long)]
    pub detail: bool,
    /// How the report is written.
    #[command(flatten)]
    pub output: Output,
    /// Read twice, and show what rises in between
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub interval: Option<u16>,
    /// Diagnose this capture, not this system
    #[arg(long, value_name = "FILE", conflicts_with = "interval")]
    pub capture: Option<PathBuf>,
    /// The largest capture that is read
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size, requires = "capture")]
    pub max_size: u64,
    /// Diagnose from a saved /proc/net/dev alone
    #[arg(long, value_name = "FILE", conflicts_with_all = ["capture", "interval"])]
    pub proc_net_dev: Option<PathBuf>,
    /// The saved /proc/net/xfrm_stat of the same host
    #[arg(long, value_name = "FILE", requires = "proc_net_dev")]
    pub xfrm_stat: Option<PathBuf>,
    /// charon's socket, if not /var/run/charon.vici
    #[arg(long, value_name = "PATH", conflicts_with_all = ["capture", "proc_net_dev"])]
    pub vici: Option<PathBuf>,
}

/// Arguments of `lookup`.
#[derive(Debug, Args)]
#[command(override_usage = "vti-diagnostics lookup --interface <IF> --source <ADDRESS>
       --destination <ADDRESS> [OPTIONS]")]
pub struct Lookup {
    /// The VTI that the packet is sent through
    #[arg(long, alias = "intf-name", value_name = "IF", value_parser = interface_name)]
    pub interface: String,
    /// Source address of the packet
    #[arg(long, value_name = "ADDRESS")]
    pub source: IpAddr,
    /// Destination address of the packet
    #[arg(long, value_name = "ADDRESS")]
    pub destination: IpAddr,
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

/// Arguments of `capture`.
#[derive(Debug, Args)]
pub struct Capture {
    /// Write here (mode 0600), not to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Read twice, so many seconds apart
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub interval: Option<u16>,
    /// Replace addresses and names, to share it
    #[arg(long)]
    pub redact: bool,
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
    /// What the journal may have at most
    #[arg(long, value_name = "MIB", default_value = "8", value_parser = clap::value_parser!(u64).range(1..=128))]
    pub size: u64,
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
    /// The last 1000 rows, each with what the kernel told
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
    /// From one look to the next
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
    /// For so long
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u16).range(1..=300))]
    pub duration: u16,
    /// Leave when the machine drops more packets a second
    #[arg(long, value_name = "NUMBER", default_value = "20000", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_rate: u32,
    /// A line for each packet
    #[arg(long)]
    pub each: bool,
    /// Watch nothing: switch off a monitor that was left on
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

/// What `drops` starts its second process with.
#[derive(Debug, Args)]
pub struct DropsGuardian {
    /// The module was there before
    #[arg(long)]
    pub loaded: bool,
    /// What the first process has
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=300))]
    pub seconds: u16,
}

/// The commands of `op-mode`.
#[derive(Debug, Subcommand)]
pub enum OpMode {
    /// Diagnose the VTIs of this system
    #[command(disable_help_flag = true)]
    Show(OpModeShow),
    /// Tell what was lost, when and why
    #[command(disable_help_flag = true)]
    History(OpModeHistory),
    /// The names of the VTIs, a line each
    #[command(disable_help_flag = true)]
    CompleteInterfaces,
}

/// Arguments of `op-mode show`: nothing that could name a file.
#[derive(Debug, Args)]
pub struct OpModeShow {
    /// Only this VTI; any bytes come this way, and they are checked where they are used
    #[arg(long, value_name = "IF", allow_hyphen_values = true)]
    pub intf_name: Option<OsString>,
    /// Also show counters, flows, and what was ruled out
    #[arg(long)]
    pub detail: bool,
    /// JSON
    #[arg(long)]
    pub raw: bool,
}

/// Arguments of `op-mode history`, likewise.
#[derive(Debug, Args)]
pub struct OpModeHistory {
    /// Only this VTI
    #[arg(long, value_name = "IF", allow_hyphen_values = true)]
    pub intf_name: Option<OsString>,
    /// JSON
    #[arg(long)]
    pub raw: bool,
}

/// The commands of `vyos`, for the package.
#[derive(Debug, Subcommand)]
pub enum Vyos {
    /// Write the node.def files, when the package is built
    NodeDefs {
        /// The directory that stands for VyOS's tree of templates
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Put the commands into VyOS's cache, or take them out
    OpCache {
        /// What to do with them
        #[arg(value_enum)]
        change: Change,
        /// The cache; where it does not exist there is nothing to do
        #[arg(long, value_name = "FILE", default_value = "/usr/share/vyos/op_cache.json")]
        file: PathBuf,
    },
}

/// What is done to VyOS's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Change {
    /// Our commands are in it, in this version
    Install,
    /// They are not
    Remove,
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
