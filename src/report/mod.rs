//! What the program has to say, as data: the JSON contract of schema 1.
//! Renderers turn it into text, JSON and YAML; nothing here knows how that looks.
//!
//! Additions are compatible; a rename or a change of type raises `schema`.

#![deny(clippy::disallowed_methods)]

pub mod counters;
pub mod diff;
pub mod drops;
pub mod ends;
pub mod history;
pub mod inbound;
pub mod input;
pub mod monitor;
pub mod outbound;
pub mod overview;
pub mod state;
pub mod time;

pub use counters::{ClearedCounters, CounterSpans, Counters};

use crate::code::{Code, Severity, Stage};
use crate::snapshot::{Driver, Missing, Source};
use inbound::InboundSa;
use outbound::OutboundSa;
use serde::{Serialize, Serializer};
use state::TunnelState;
use std::fmt;

/// The version of the JSON contract.
pub const SCHEMA: u32 = 1;

/// How sure a finding is. Never more than the evidence carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// One of several causes that fit.
    Possible,
    /// The counters and the state fit, and nothing else that was read does.
    Consistent,
    /// The state that was read makes every such packet fail at this site.
    Proven,
}

impl Confidence {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Confidence::Possible => "possible",
            Confidence::Consistent => "consistent",
            Confidence::Proven => "proven",
        }
    }
}

/// The answer for an interface or the host, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything needed was read, and nothing is wrong.
    Ok,
    /// See [`Severity::Notice`].
    Notice,
    /// Nothing wrong was found, but something needed could not be read.
    Unknown,
    /// See [`Severity::Warning`].
    Warning,
    /// See [`Severity::Fault`].
    Fault,
}

/// As it is shown: a fault is seen from afar.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Ok => "ok",
            Verdict::Notice => "notice",
            Verdict::Unknown => "unknown",
            Verdict::Warning => "warning",
            Verdict::Fault => "FAULT",
        })
    }
}

impl From<Severity> for Verdict {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Notice => Verdict::Notice,
            Severity::Warning => Verdict::Warning,
            Severity::Fault => Verdict::Fault,
        }
    }
}

/// One thing that was seen, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The fact, in the kernel's words.
    pub fact: String,
    /// The source it was read from.
    pub source: &'static str,
    /// The command that shows the same; empty where none does: a conclusion, or text that was given.
    pub see: String,
}

/// One thing to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What and why.
    pub action: String,
    /// What to type.
    pub command: Option<String>,
    /// Whether it changes something; else it only reads.
    pub changes: bool,
}

/// What becomes of a packet at one stage of its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// `route`, `policy`, `SA`, `outer route`, `encryption`; others where the packet is lost there.
    pub stage: &'static str,
    /// `ok`, what is wrong, `unknown`, or `-` where it does not come so far.
    pub result: String,
}

/// One cause that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its code.
    pub code: Code,
    /// Its name, for programs.
    pub name: &'static str,
    /// What is wrong, in a few words, for people.
    pub title: &'static str,
    /// How bad it is here.
    pub severity: Severity,
    /// How sure it is here.
    pub confidence: Confidence,
    /// The kernel function and condition where the packet is lost.
    pub site: String,
    /// One sentence that a person reads first.
    pub summary: String,
    /// How far packets get, stage by stage; empty where they are sent, or where it is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub way: Vec<Reached>,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// What to do next, read-only steps first.
    pub remedies: Vec<Remedy>,
    /// Evidence and next steps were left out: those of other interfaces with this cause stand in the same report.
    #[serde(skip)]
    pub is_brief: bool,
}

impl Finding {
    fn is_past(&self) -> bool {
        self.code.info().stage == Stage::Past
    }
}

/// A diagnosis that could not be decided, and what it would have needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undetermined {
    /// The diagnosis.
    pub code: Code,
    /// Its name.
    pub name: &'static str,
    /// What was not read.
    pub missing: Missing,
}

/// A diagnosis that was checked and does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The diagnosis.
    pub code: Code,
    /// Its name.
    pub name: &'static str,
}

/// A diagnosis whose question does not arise for the interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotApplicable {
    /// The diagnosis.
    pub code: Code,
    /// Its name.
    pub name: &'static str,
    /// Why not.
    pub why: &'static str,
}

/// A diagnosis that holds, but only as a consequence of a finding that is reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Masked {
    /// The diagnosis.
    pub code: Code,
    /// Its name.
    pub name: &'static str,
    /// The finding that explains it.
    pub masked_by: Code,
    /// What it would have said.
    pub summary: String,
}

/// What became of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// The source.
    pub name: &'static str,
    /// read, absent, denied, failed or skipped.
    pub status: Status,
    /// For a person; empty where it was read.
    pub detail: String,
}

/// The five things that can become of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Status {
    Read,
    Absent,
    Denied,
    Failed,
    Skipped,
}

/// Who and what the report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostReport {
    /// `uname -n`.
    pub hostname: String,
    /// `uname -r`.
    pub kernel: String,
    /// The version VyOS gives itself.
    pub vyos_version: Option<String>,
}

/// What the kernel would do with one packet, as `--detail` and `lookup` print it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlowReport {
    /// Why this flow was tried: `routed prefix 10.9.1.0/24`, `asked for`, …
    pub origin: String,
    /// `10.0.0.1 -> 10.9.1.5`, with protocol and ports where they matter.
    pub flow: String,
    /// sent, dropped, held, elsewhere, not-sent, open.
    pub outcome: String,
    /// One sentence: `dropped by xfrmi_xmit2: …`.
    pub summary: String,
    /// The kernel function and condition.
    pub site: String,
    /// Counters of the device that move, by their kernel names.
    pub counters: Vec<&'static str>,
    /// Counters of `/proc/net/xfrm_stat` that move, where the kernel has it.
    pub xfrm_statistics: Vec<&'static str>,
    /// What the sender gets back.
    pub sender: Option<String>,
    /// What could not be decided from the state that was read.
    pub open: Vec<String>,
    /// The finding that explains a loss.
    pub finding: Option<Code>,
    /// How far it gets, stage by stage.
    pub way: Vec<Reached>,
    /// The steps taken.
    pub trail: Vec<Step>,
}

/// One step of the transmit path and what was compared at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `policy`, `template`, `SA`, …
    pub name: &'static str,
    /// The stage of the way that it is part of.
    pub stage: Stage,
    /// What it looks at.
    #[serde(serialize_with = "source_name")]
    pub source: Source,
    /// What was looked at.
    pub looked_at: String,
    /// `match`, `none`, `ok`, …; empty where the step only states something.
    pub result: String,
    /// Candidates that did not fit, and why.
    pub notes: Vec<String>,
}

/// As evidence names its source.
fn source_name<S: Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(source.name())
}

/// The control plane's side of a VTI, in charon's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ControlReport {
    /// The peer as the operator named it, else the connection.
    pub peer: Option<String>,
    /// State of the IKE_SA that is furthest along: `ESTABLISHED`, `CONNECTING`, …; none where there is none.
    pub ike_state: Option<String>,
    /// Seconds since it was established.
    pub ike_seconds: Option<u64>,
    /// State of the CHILD_SA that is furthest along: `INSTALLED`, …; none where there is none.
    pub child_state: Option<String>,
    /// Seconds since it was installed.
    pub child_seconds: Option<u64>,
}

/// Everything about one VTI, or one IP tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterfaceReport {
    /// Interface name.
    pub name: String,
    /// vti, vti6 or xfrm.
    pub driver: Option<Driver>,
    /// Why the driver is believed to be that one, where it was not read from the kernel.
    pub driver_inferred: Option<String>,
    /// The kind of IP tunnel (gre, ipip, sit, …) of an interface that is one and no VTI; absent for VTIs.
    #[serde(rename = "tunnel_kind", skip_serializing_if = "Option::is_none")]
    pub ip_tunnel: Option<&'static str>,
    /// None where only counters are known.
    pub ifindex: Option<u32>,
    /// up or down.
    pub admin_state: Option<&'static str>,
    /// IFLA_OPERSTATE.
    pub oper_state: Option<String>,
    /// Bytes.
    pub mtu: Option<u32>,
    /// xfrm only.
    pub if_id: Option<u32>,
    /// vti and vti6 only: `0x…`.
    #[serde(rename = "input_key")]
    pub input_mark: Option<String>,
    /// vti and vti6 only: `0x…`.
    #[serde(rename = "output_key")]
    pub output_mark: Option<String>,
    /// Outer source: configured (vti, vti6) or of the SAs in use (xfrm).
    pub local: Option<String>,
    /// Outer destination, likewise.
    pub remote: Option<String>,
    /// Addresses of the peers its SAs and templates name.
    pub peers: Vec<String>,
    /// What charon and VyOS have for it; none where charon was not read.
    pub control: Option<ControlReport>,
    /// It is configured, and the kernel has no such link.
    pub absent: bool,
    /// This is the device that the driver makes when its module loads; it carries nothing.
    pub fallback_device: bool,
    /// Counters.
    pub counters: CounterSpans,
    /// What `metrics` and `check` give to monitoring systems.
    #[serde(skip)]
    pub state: TunnelState,
    /// The worst of the findings, or ok, or unknown.
    pub verdict: Verdict,
    /// What it is at least without the findings on the past: unknown where something was not read that might show a fault, else ok.
    #[serde(skip)]
    pub least_verdict: Verdict,
    /// The first is the root cause.
    pub findings: Vec<Finding>,
    /// What could not be decided.
    pub undetermined: Vec<Undetermined>,
    /// What holds, but follows from a finding.
    pub masked: Vec<Masked>,
    /// What was checked and does not hold.
    pub ruled_out: Vec<Checked>,
    /// What does not arise for this interface.
    pub not_applicable: Vec<NotApplicable>,
    /// The flows that were tried, and what the kernel would do with each.
    pub flows: Vec<FlowReport>,
    /// The inbound SAs, and how many of the peer's packets arrived on each.
    pub inbound_sas: Vec<InboundSa>,
    /// The outbound SAs, and how many packets each numbered.
    pub outbound_sas: Vec<OutboundSa>,
    /// What the captures of both ends say together; absent where one end was read, or the tunnel has no other end there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<ends::Ends>,
    /// Why the capture of the other end says nothing of the tunnel; absent where it does, or where none was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_other_end: Option<String>,
}

impl InterfaceReport {
    /// The findings without those on losses of the past.
    pub fn present_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.is_past())
    }

    /// Without losses of the past: for whoever watches, and tells of losses when they happen.
    pub fn present(mut self) -> Self {
        let count = self.findings.len();
        self.findings.retain(|finding| !finding.is_past());
        if self.findings.len() < count {
            let worst = self.findings.iter().map(|finding| finding.severity.into()).max();
            self.verdict = worst.unwrap_or(Verdict::Ok).max(self.least_verdict);
        }
        self
    }
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of this program.
    pub tool_version: &'static str,
    /// RFC 3339, UTC; none where the input has no time (a pasted `/proc/net/dev`).
    pub taken_at: Option<String>,
    /// The host.
    pub host: HostReport,
    /// What was recognised in the texts that were given; absent where none were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<input::Input>,
    /// The worst verdict of host and interfaces.
    pub verdict: Verdict,
    /// What was read and what was not.
    pub sources: Vec<SourceStatus>,
    /// Sentences about the whole report: what limits what it says. Absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Findings that belong to no single interface.
    pub findings: Vec<Finding>,
    /// One entry a VTI, in the order of their names.
    pub interfaces: Vec<InterfaceReport>,
}

/// The answer of `lookup`: what the kernel would do with one packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookupReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of this program.
    pub tool_version: &'static str,
    /// The interface asked for.
    pub interface: String,
    /// The flow and its fate.
    pub flow: FlowReport,
    /// With the capture of the other end, what becomes of it there, and of its answer; as far as it comes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<Stretch>,
}

/// A stretch of a packet's way beyond the interface that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// The host.
    pub hostname: String,
    /// The interface there.
    pub interface: String,
    /// `it arrives`, `the answer`, `the answer arrives`.
    pub what: &'static str,
    /// The packet and its fate.
    pub flow: FlowReport,
}

impl LookupReport {
    /// That of this program.
    pub fn of(interface: &str, flow: FlowReport) -> Self {
        let (schema, tool_version) = (SCHEMA, env!("CARGO_PKG_VERSION"));
        Self { schema, tool_version, interface: interface.into(), flow, beyond: Vec::new() }
    }
}
