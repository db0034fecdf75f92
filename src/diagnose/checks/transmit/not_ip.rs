//! VTI-203: something other than IPv4 and IPv6 was sent into the tunnel.

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
    tx_errors rises and the carrier counter does not.

Why
    A VTI carries IPv4 and IPv6. Packets of another ethertype (CDP, LLDP
    and other discovery protocols, MPLS) are dropped at the door. The
    counters do not tell them from packets too big; this cause is named
    where the interface's MTU leaves no room for the other.

How to confirm
    {OtherPackets}

What to do
    Take the interface out of the daemon that sends them.
";

fn check(case: &Case<'_>) -> Outcome {
    let rise = case.counted.rise(|c| c.tx_too_big_or_other)?;
    if rise == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let Some(room) = MtuHeadroom::of(case)? else {
        return Err(Unconfirmed::NotApplicable("it has no outbound SA with a route"));
    };
    if !room.fits() {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = "packets that are not IP are sent into the tunnel, as far as the counters tell: none can be too big";
    let words = case
        .counted
        .words("errors that are neither carrier nor collision", |c| c.tx_too_big_or_other);
    Ok(Found::new(Confidence::Possible, "ethertype is neither IP nor IPv6", summary)
        .seen_if(case, words, Source::Links)
        .seen(case, room.words(case.name), Source::RouteLookups)
        .next(case, "see the packets", Command::OtherPackets))
}
