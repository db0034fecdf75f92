//! VTI-203: packets other than IPv4 and IPv6 are sent into the tunnel.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mtu::MtuHeadroom;
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NotIp,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::PacketTooBig]),
    check,
};

const EXPLAIN: &str = "
What happens
    tx_errors is rising, but the carrier counter is not.

Why
    A VTI carries only IPv4 and IPv6. It drops packets of any other
    ethertype (CDP, LLDP and other discovery protocols, MPLS). The
    counters do not distinguish these packets from packets that are too
    big. This cause is reported only if the interface's MTU is so small
    that no packet can be too big.

How to confirm
    {OtherPackets}

What to do
    Exclude the interface in the daemon that sends these packets.
";

fn check(case: &Case<'_>) -> Outcome {
    let rise = case.counted.rise(|c| c.tx_too_big_or_other)?;
    if rise == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let Some(room) = MtuHeadroom::of(case)? else {
        return Err(Unconfirmed::NotApplicable("the interface has no outbound SA with a route"));
    };
    if !room.fits() {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "{} drops packets that are probably not IP: the counters show no other reason, and no packet can be too big",
        case.name
    );
    let words = case
        .counted
        .words("errors that are neither carrier nor collision", |c| c.tx_too_big_or_other);
    Ok(Found::new(Confidence::Possible, "ethertype is neither IP nor IPv6", summary)
        .seen_if(case, words, Source::Links)
        .seen(case, room.words(case.name), Source::RouteLookups)
        .next(case, "show the packets that are not IP", Command::OtherPackets))
}
