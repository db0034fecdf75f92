//! Reports made by hand, for the renderers. Nothing here is computed: what a diagnosis would say is written down.

use vti_diagnostics::code::{Code, Severity, Stage};
use vti_diagnostics::report::inbound::{Arrival, Arrived, InboundSa};
use vti_diagnostics::report::outbound::OutboundSa;
use vti_diagnostics::report::*;
use vti_diagnostics::snapshot::{Driver, Missing, Reason, Source};

fn of_number(number: u16) -> Code {
    Code::of_number(number).unwrap()
}

/// A report of these interfaces; its verdict is the worst of theirs.
pub fn report(interfaces: Vec<InterfaceReport>) -> Report {
    Report {
        input: None,
        schema: SCHEMA,
        tool_version: "0.0.0",
        taken_at: Some("2025-01-02T03:04:05Z".to_string()),
        host: HostReport {
            hostname: "gw1".to_string(),
            kernel: "6.6.54-vyos".to_string(),
            vyos_version: Some("1.4.1".to_string()),
        },
        verdict: interfaces.iter().map(|i| i.verdict).max().unwrap_or(Verdict::Ok),
        sources: vec![
            source("links", Status::Read, ""),
            source(
                "/proc/net/xfrm_stat",
                Status::Absent,
                "the kernel was built without CONFIG_XFRM_STATISTICS",
            ),
        ],
        notes: vec![],
        findings: vec![],
        interfaces,
    }
}

pub fn source(name: &'static str, status: Status, detail: &str) -> SourceStatus {
    SourceStatus { name, status, detail: detail.to_string() }
}

/// A healthy xfrm interface that sent so much.
pub fn interface(name: &str, peer: &str, tx_packets: u64) -> InterfaceReport {
    InterfaceReport {
        ends: None,
        name: name.to_string(),
        driver: Some(Driver::Xfrm),
        driver_inferred: None,
        ip_tunnel: None,
        ifindex: Some(7),
        admin_state: Some("up"),
        oper_state: Some("unknown".to_string()),
        mtu: Some(1500),
        if_id: Some(2),
        input_mark: None,
        output_mark: None,
        local: Some("192.0.2.1".to_string()),
        remote: Some(peer.to_string()),
        peers: vec![peer.to_string()],
        control: None,
        absent: false,
        fallback_device: false,
        state: Default::default(),
        counters: CounterSpans {
            since_boot: Some(counters(tx_packets, 0, None)),
            since_cleared: None,
            interval: None,
        },
        verdict: Verdict::Ok,
        least_verdict: Verdict::Ok,
        findings: vec![],
        undetermined: vec![],
        masked: vec![],
        ruled_out: vec![],
        not_applicable: vec![],
        flows: vec![],
        inbound_sas: vec![],
        outbound_sas: vec![],
        no_other_end: None,
    }
}

pub fn counters(tx_packets: u64, carrier: u64, milliseconds: Option<u64>) -> Counters {
    Counters {
        tx_packets,
        tx_bytes: tx_packets * 100,
        tx_errors: carrier,
        tx_carrier_errors: Some(carrier),
        tx_aborted_errors: Some(0),
        tx_carrier_column: carrier,
        tx_dropped: carrier,
        milliseconds,
        ..Counters::default()
    }
}

/// The interface with these findings and the verdict that follows from the worst.
pub fn with_findings(mut interface: InterfaceReport, findings: Vec<Finding>) -> InterfaceReport {
    interface.verdict = findings.iter().map(|f| f.severity.into()).max().unwrap_or(Verdict::Ok);
    interface.findings = findings;
    interface
}

/// The tunnel of the design's sketch: no SA, 12 losses a second.
pub fn broken(name: &str) -> InterfaceReport {
    let mut interface = interface(name, "198.51.100.7", 0);
    interface.counters.since_boot = Some(counters(0, 1204, None));
    interface.counters.interval = Some(counters(0, 120, Some(10_000)));
    with_findings(interface, vec![no_sa()])
}

/// As far as the SA.
fn way(sa: &str) -> Vec<Reached> {
    let stages =
        [("route", "ok"), ("policy", "ok"), ("SA", sa), ("outer route", "-"), ("encryption", "-")];
    stages.map(|(stage, result)| Reached { stage, result: result.to_string() }).to_vec()
}

pub fn no_sa() -> Finding {
    Finding {
        code: Code::NoSecurityAssociation,
        name: "no-security-association",
        title: Code::NoSecurityAssociation.title(),
        way: way("none"),
        severity: Severity::Fault,
        confidence: Confidence::Proven,
        site: "xfrmi_xmit2: xfrm_lookup_with_ifid() = -EREMOTE".to_string(),
        summary:
            "Every packet routed into vti1 is dropped: its policy (if_id 2) asks for an SA to \
                  198.51.100.7 with reqid 4, and there is none."
                .to_string(),
        evidence: vec![
            evidence("policy 0.0.0.0/0 -> 0.0.0.0/0, if_id 2", "show vpn ipsec policy"),
            evidence("no SA with if_id 2", "show vpn ipsec state"),
            evidence("carrier +120 in 10 s = all of the errors", "show interfaces vti vti1"),
        ],
        remedies: vec![
            remedy("see whether the peer answers", Some("ping 198.51.100.7")),
            remedy("read what the negotiation says", Some("show log vpn ipsec")),
            remedy("restart the daemon", Some("reset vpn ipsec site-to-site peer AZURE")),
        ],
        is_brief: false,
    }
}

pub fn past_errors() -> Finding {
    Finding {
        code: Code::PastErrorsOnly,
        name: "past-errors-only",
        title: Code::PastErrorsOnly.title(),
        way: vec![],
        severity: Severity::Notice,
        confidence: Confidence::Consistent,
        site: String::new(),
        summary: "59 errors since boot, none in the last 10 s; nothing that was read would cause them now."
            .to_string(),
        evidence: vec![evidence("tx_carrier_errors 59", "ip -d -s -s link show vti0")],
        remedies: vec![remedy("nothing; look again if the number rises", None)],
        is_brief: false,
    }
}

pub fn mtu() -> Finding {
    Finding {
        code: Code::MtuLeavesNoRoom,
        name: "mtu-leaves-no-room",
        title: Code::MtuLeavesNoRoom.title(),
        way: vec![],
        severity: Severity::Warning,
        confidence: Confidence::Possible,
        site: "xfrmi_xmit2: skb->len > mtu".to_string(),
        summary: "Packets over 1438 bytes do not fit once encrypted, and the MTU of the interface is 1500."
            .to_string(),
        evidence: vec![evidence("MTU 1500, ESP takes 62 of 1500", "ip -d link show vti1")],
        remedies: vec![remedy("lower it", Some("set interfaces vti vti1 mtu 1438"))],
        is_brief: false,
    }
}

pub fn evidence(fact: &str, see: &str) -> Evidence {
    Evidence { fact: fact.to_string(), source: "links", see: see.to_string() }
}

pub fn remedy(action: &str, command: Option<&str>) -> Remedy {
    Remedy { action: action.to_string(), command: command.map(str::to_string), changes: false }
}

/// An interface of which the kernel hides SAs and policies.
pub fn hidden(name: &str) -> InterfaceReport {
    let mut interface = interface(name, "198.51.100.9", 5_000);
    let open = |code, name, source, reason, detail| Undetermined {
        code: of_number(code),
        name,
        missing: Missing::new(source, reason, detail),
    };
    interface.verdict = Verdict::Unknown;
    interface.peers.clear();
    interface.remote = None;
    interface.undetermined = vec![
        open(
            101,
            "no-outbound-policy",
            Source::SecurityPolicies,
            Reason::Denied,
            "XFRM_MSG_GETPOLICY",
        ),
        open(111, "no-security-association", Source::SecurityAssociations, Reason::Denied, ""),
        open(
            112,
            "security-association-mismatch",
            Source::SecurityAssociations,
            Reason::Denied,
            "",
        ),
        open(213, "encryption-failed", Source::XfrmStatistics, Reason::Absent, ""),
        open(306, "one-way", Source::EarlierSnapshot, Reason::Skipped, ""),
    ];
    interface
}

/// The lookup of the design's sketch.
pub fn lost_flow() -> FlowReport {
    FlowReport {
        origin: "asked for".to_string(),
        flow: "10.0.0.1 -> 10.9.1.5, icmp echo request, 84 bytes, DF".to_string(),
        outcome: "dropped".to_string(),
        summary: "dropped by xfrmi_xmit2: xfrm_lookup_with_ifid() = -EREMOTE (no SA)".to_string(),
        site: "xfrmi_xmit2".to_string(),
        counters: vec!["tx_errors", "tx_dropped", "tx_carrier_errors"],
        xfrm_statistics: vec!["XfrmOutNoStates"],
        sender: Some("ICMP host unreachable".to_string()),
        open: vec![],
        finding: Some(Code::SecurityAssociationMismatch),
        way: way("none"),
        trail: vec![
            step("route", "10.9.1.0/24 dev vti1", "ok", &[]),
            step("policy", "if_id 2, 0.0.0.0/0 -> 0.0.0.0/0, priority 399999", "match", &[]),
            step("template", "esp tunnel 192.0.2.1 -> 198.51.100.7, reqid 4", "", &[]),
            step("SA", "1 SA to 198.51.100.7", "none", &["spi 0xc1000001: if_id 3, wanted 2"]),
        ],
    }
}

pub fn sent_flow() -> FlowReport {
    FlowReport {
        outcome: "sent".to_string(),
        summary: "sent encrypted to 198.51.100.7".to_string(),
        counters: vec![],
        xfrm_statistics: vec![],
        sender: None,
        open: vec!["the neighbour of eth0 was not read: permission denied".to_string()],
        finding: None,
        way: vec![],
        trail: vec![step("route", "10.9.1.0/24 dev vti1", "ok", &[])],
        ..lost_flow()
    }
}

fn step(name: &'static str, looked_at: &str, result: &str, notes: &[&str]) -> Step {
    Step {
        name,
        stage: Stage::Policy,
        source: Source::SecurityPolicies,
        looked_at: looked_at.to_string(),
        result: result.to_string(),
        notes: notes.iter().map(|note| note.to_string()).collect(),
    }
}

pub fn lookup(flow: FlowReport) -> LookupReport {
    LookupReport {
        schema: SCHEMA,
        tool_version: "0.0.0",
        interface: "vti1".to_string(),
        flow,
        beyond: Vec::new(),
    }
}

/// An inbound SA whose packets are counted, over its life and between two samples.
fn measured_sa() -> InboundSa {
    let arrived = Arrived {
        sequence_numbers: 12_034,
        arrived: 11_880,
        late: 3,
        failed: 1,
        duplicates: 7,
        lost: 148,
        unsettled: 2,
        milliseconds: Some(2_400_000),
    };
    let recent = Arrived { sequence_numbers: 2000, arrived: 2000, lost: 0, ..arrived };
    let nothing = Arrived { late: 0, failed: 0, duplicates: 0, unsettled: 0, ..recent };
    InboundSa {
        spi: "0xc1000001".to_string(),
        source: "198.51.100.7".to_string(),
        destination: "192.0.2.1".to_string(),
        replay_window: Some(32),
        esn: true,
        over_life: Arrival::Measured(arrived),
        interval: Arrival::Measured(Arrived { milliseconds: Some(10_000), ..nothing }),
    }
}

/// One whose packets are not.
fn unmeasured_sa() -> InboundSa {
    let undetermined = || Arrival::Undetermined { undetermined: "the SA is in the device".into() };
    InboundSa {
        spi: "0xc1000002".to_string(),
        replay_window: Some(0),
        esn: false,
        over_life: undetermined(),
        interval: undetermined(),
        ..measured_sa()
    }
}

/// An interface with something under every heading of `--detail`.
pub fn everything() -> InterfaceReport {
    let mut interface = broken("vti1");
    interface.findings.extend([mtu(), past_errors()]);
    interface.counters.since_cleared = Some(ClearedCounters {
        cleared_at: Some("2025-01-01T12:00:00Z".to_string()),
        tx_errors: 204,
        tx_carrier_errors: Some(204),
        tx_dropped: 204,
        ..ClearedCounters::default()
    });
    interface.flows = vec![lost_flow(), sent_flow()];
    interface.inbound_sas = vec![measured_sa(), unmeasured_sa()];
    let outbound = OutboundSa {
        spi: "0xc2000001".to_string(),
        destination: "198.51.100.7".to_string(),
        sequence_numbers: Some(1210),
    };
    let unread = OutboundSa { sequence_numbers: None, ..outbound.clone() };
    interface.outbound_sas = vec![outbound, unread];
    interface.undetermined = hidden("vti1").undetermined;
    interface.masked = vec![Masked {
        code: Code::UpWithoutAssociation,
        name: "up-without-association",
        masked_by: Code::NoSecurityAssociation,
        summary: "vti1 is up without an SA.".to_string(),
    }];
    interface.ruled_out =
        [(101, "no-outbound-policy"), (121, "no-route-to-peer"), (201, "tunnel-loops-into-itself")]
            .map(|(code, name)| Checked { code: of_number(code), name })
            .to_vec();
    interface.not_applicable = vec![NotApplicable {
        code: Code::NotBound,
        name: "not-bound",
        why: "VyOS's configuration has no such interface",
    }];
    interface
}

/// The fallback device of ip_vti.
pub fn fallback() -> InterfaceReport {
    InterfaceReport {
        driver: Some(Driver::Vti),
        fallback_device: true,
        state: Default::default(),
        admin_state: Some("down"),
        oper_state: Some("down".to_string()),
        if_id: None,
        input_mark: Some("0x0".to_string()),
        output_mark: Some("0x0".to_string()),
        local: None,
        remote: None,
        peers: vec![],
        ..interface("ip_vti0", "", 0)
    }
}
