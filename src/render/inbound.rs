//! The inbound SAs of an interface in `--detail`: what became of the peer's packets, over the life of each SA and between the two samples.

use crate::report::InterfaceReport;
use crate::report::inbound::{Arrival, Arrived, InboundSa};
use crate::units::{PACKET, Share, Span};

/// The lines of an SA: which one, and what became of the packets.
pub(super) fn lines(sa: &InboundSa, interface: &InterfaceReport) -> Vec<String> {
    let mut lines = vec![head(sa), span("in its life of", "since it was installed", &sa.over_life)];
    let has_interval = interface.counters.interval.is_some();
    if has_interval || matches!(sa.interval, Arrival::Measured(_)) {
        lines.push(span("during the last", "between the two samples", &sa.interval));
    }
    lines
}

/// `SA 0xc1000001 from 192.0.2.1, replay window 32, ESN`.
fn head(sa: &InboundSa) -> String {
    let window = match sa.replay_window {
        Some(0) | None => "no replay window".to_owned(),
        Some(window) => format!("replay window {window}"),
    };
    let esn = if sa.esn { ", ESN" } else { "" };
    format!("SA {} from {}, {window}{esn}", sa.spi, sa.source)
}

/// What is known of a span: its words with a length, and without one.
fn span(measured_in: &str, unmeasured_in: &str, arrival: &Arrival) -> String {
    match arrival {
        Arrival::Undetermined { undetermined } => {
            format!("lost {unmeasured_in}: unknown: {undetermined}")
        }
        Arrival::Measured(arrived) => match arrived.milliseconds {
            Some(ms) => format!("{measured_in} {}: {}", Span(ms), measured(arrived)),
            None => format!("{unmeasured_in}: {}", measured(arrived)),
        },
    }
}

fn measured(arrived: &Arrived) -> String {
    let Arrived { sequence_numbers: sent, lost, unsettled, .. } = *arrived;
    let share = Share { part: lost, whole: sent };
    let share = share.percent().filter(|_| lost > 0).map(|share| format!(" ({share})"));
    let mut text = format!(
        "{} sent, {} decrypted, {lost} lost{}, {} late, {} failed the integrity check, {} received twice",
        PACKET.of(sent),
        arrived.arrived,
        share.unwrap_or_default(),
        arrived.late,
        arrived.failed,
        arrived.duplicates,
    );
    if unsettled > 0 {
        text.push_str(&format!("; {unsettled} more lost or not here yet"));
    }
    text
}
