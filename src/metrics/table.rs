//! The table of metrics: name, meaning, type, labels, and where the value comes from. Both forms of the text, the dashboard and the alert rules
//! are made from it, so none of them names a metric that does not exist.

use super::facts::{Facts, Interface};
use super::samples::Samples;
use crate::code;
use crate::render::escape::escape;
use crate::report::Verdict;
use crate::snapshot::Driver;

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that rises and falls.
    Gauge,
    /// A value that rises, until what it counts is created again.
    Counter,
    /// Always 1: the labels say it. OpenMetrics has a type for it, the older form has not.
    Info,
}

/// Where the values come from.
pub(super) enum Values {
    Host(fn(&Facts, &mut Samples)),
    Interface(fn(&Interface, &mut Samples)),
}

/// A metric.
pub struct Metric {
    /// Its full name, as samples have it.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// The unit in which its name ends; empty where it has none.
    pub unit: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it is, in one sentence.
    pub help: &'static str,
    pub(super) values: Values,
}

/// The names of verdicts in labels: those of JSON.
const VERDICTS: [(Verdict, &str); 5] = [
    (Verdict::Ok, "ok"),
    (Verdict::Notice, "notice"),
    (Verdict::Unknown, "unknown"),
    (Verdict::Warning, "warning"),
    (Verdict::Fault, "fault"),
];

/// Every metric, in the order in which they are written.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "vti_build_info",
        kind: Kind::Info,
        unit: "",
        labels: &["version"],
        help: "The version of vti-diagnostics that wrote this.",
        values: Values::Host(|_, samples| samples.add(&[env!("CARGO_PKG_VERSION")], 1_u64)),
    },
    Metric {
        name: "vti_last_success_timestamp_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &[],
        help: "When the state of the host was read: seconds since the Unix epoch.",
        values: Values::Host(|facts, samples| {
            if facts.taken_at_ms > 0 {
                samples.add(&[], facts.taken_at_ms as f64 / 1000.0);
            }
        }),
    },
    Metric {
        name: "vti_source_readable",
        kind: Kind::Gauge,
        unit: "",
        labels: &["source"],
        help: "Whether a source that this host has could be read (1) or not (0). Sources that it does not have are left out.",
        values: Values::Host(|facts, samples| {
            facts.sources.iter().for_each(|(source, readable)| samples.add(&[source], *readable));
        }),
    },
    Metric {
        name: "vti_info",
        kind: Kind::Info,
        unit: "",
        labels: &["interface", "driver", "peer"],
        help: "A VTI with its driver (vti, vti6, xfrm) and its peer, as VyOS's configuration or charon names it.",
        values: Values::Interface(|vti, samples| {
            let driver = vti.driver.map_or("", Driver::kind);
            let peer = escape(vti.state.peer.as_deref().unwrap_or_default());
            samples.add(&[&vti.name, driver, &peer], 1_u64);
        }),
    },
    Metric {
        name: "vti_up",
        kind: Kind::Gauge,
        unit: "",
        labels: &["interface"],
        help: "Whether the interface exists, is admin up and has an outbound SA (1) or not (0). Whether packets pass, vti_verdict says.",
        values: Values::Interface(|vti, samples| samples.add_known(&vti.name, vti.state.up)),
    },
    Metric {
        name: "vti_configured",
        kind: Kind::Gauge,
        unit: "",
        labels: &["interface"],
        help: "Whether VyOS's configuration has the interface or binds a peer to it and does not disable it; without VyOS: whether charon has a connection for it.",
        values: Values::Interface(|vti, samples| {
            samples.add_known(&vti.name, vti.state.configured);
        }),
    },
    Metric {
        name: "vti_verdict",
        kind: Kind::Gauge,
        unit: "",
        labels: &["interface", "verdict"],
        help: "The verdict of vti-diagnostics show: 1 for the one that holds, 0 for each other one. Losses of the past do not count.",
        values: Values::Interface(|vti, samples| {
            for (verdict, name) in VERDICTS {
                samples.add(&[&vti.name, name], vti.verdict == verdict);
            }
        }),
    },
    Metric {
        name: "vti_finding",
        kind: Kind::Gauge,
        unit: "",
        labels: &["interface", "code", "confidence"],
        help: "1 for each finding that holds now; vti-diagnostics explain CODE tells what it means. Without a finding there is no sample.",
        values: Values::Interface(|vti, samples| {
            for (code, confidence) in &vti.findings {
                samples.add(&[&vti.name, &code.to_string(), confidence.name()], 1_u64);
            }
        }),
    },
    Metric {
        name: "vti_ike_up",
        kind: Kind::Gauge,
        unit: "",
        labels: &["interface"],
        help: "Whether charon has an established IKE_SA for the interface (1) or not (0).",
        values: Values::Interface(|vti, samples| samples.add_known(&vti.name, vti.state.ike_up)),
    },
    Metric {
        name: "vti_sa_sequence_used_ratio",
        kind: Kind::Gauge,
        unit: "ratio",
        labels: &["interface"],
        help: "The part of its sequence numbers that an outbound SA has used; of several SAs the greatest. At 1 it sends no packet; with ESN it stays near 0.",
        values: Values::Interface(|vti, samples| {
            let used = vti.state.sequence.map(|sequence| sequence.ratio());
            samples.add_known(&vti.name, used);
        }),
    },
    Metric {
        name: "vti_sa_expires_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &["interface"],
        help: "Seconds until the last outbound SA reaches its hard limit of time, unless it is rekeyed before.",
        values: Values::Interface(|vti, samples| {
            samples.add_known(&vti.name, vti.state.expires_seconds);
        }),
    },
    Metric {
        name: "vti_transmit_carrier_errors_total",
        kind: Kind::Counter,
        unit: "",
        labels: &["interface"],
        help: "The kernel's tx_carrier_errors: packets for which there is no transformation. It is the class carrier of vti_transmit_errors_total.",
        values: Values::Interface(|vti, samples| {
            samples.add_known(&vti.name, vti.counters.and_then(|c| c.tx_carrier_errors));
        }),
    },
    Metric {
        name: "vti_transmit_errors_total",
        kind: Kind::Counter,
        unit: "",
        labels: &["interface", "class"],
        help: "Packets that were not sent, by the kernel's counter. carrier, aborted, collisions and other add up to tx_errors; dropped replaces them where the kernel does not export them.",
        values: Values::Interface(transmit_errors),
    },
    Metric {
        name: "vti_lost_packets_total",
        kind: Kind::Counter,
        unit: "",
        labels: &["interface", "code"],
        help: "Packets lost by cause, as the recorder saw it, across rekeys, restarts and reboots. Losses count when they have ended, for only then their cause is final.",
        values: Values::Interface(|vti, samples| {
            for (number, lost) in &vti.lost {
                samples.add(&[&vti.name, &code::shown(*number)], *lost);
            }
        }),
    },
    Metric {
        name: "vti_path_expected_packets_total",
        kind: Kind::Counter,
        unit: "",
        labels: &["interface"],
        help: "Packets from the peer that should have arrived on the newest inbound SA, by their sequence numbers. It begins at 0 with each SA; until one has carried enough there is no sample.",
        values: Values::Interface(|vti, samples| {
            samples.add_known(&vti.name, vti.state.path.map(|path| path.expected));
        }),
    },
    Metric {
        name: "vti_path_lost_packets_total",
        kind: Kind::Counter,
        unit: "",
        labels: &["interface"],
        help: "Those of vti_path_expected_packets_total that were not decrypted: lost on the way, too late for the replay window, or changed.",
        values: Values::Interface(|vti, samples| {
            samples.add_known(&vti.name, vti.state.path.map(|path| path.lost));
        }),
    },
    Metric {
        name: "vti_losing_packets",
        kind: Kind::Gauge,
        unit: "",
        labels: &["interface"],
        help: "Packets lost so far in losses that have not ended, as the recorder sees them. Without such losses there is no sample.",
        values: Values::Interface(|vti, samples| samples.add_known(&vti.name, vti.losing)),
    },
];

fn transmit_errors(vti: &Interface, samples: &mut Samples) {
    let Some(counters) = vti.counters else { return };
    let classes = if vti.exports_errors() {
        [
            ("carrier", counters.tx_carrier_errors),
            ("aborted", counters.tx_aborted_errors),
            ("collisions", Some(counters.collisions)),
            ("other", Some(counters.tx_too_big_or_other)),
        ]
    } else {
        [("dropped", Some(counters.tx_dropped)), ("", None), ("", None), ("", None)]
    };
    for (class, packets) in classes {
        if let Some(packets) = packets {
            samples.add(&[&vti.name, class], packets);
        }
    }
}
