//! VTI-306: packets go one way only.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::PACKET;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::OneWay,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::loses_or_refuses),
    check,
};

const EXPLAIN: &str = "
What happens
    Over the interval packets went out and none came in, or the reverse.

Why
    This host does its part. The peer does not answer, or its answers
    are lost or refused: a firewall or NAT that lets ESP through one way
    only, different SAs in use at the two ends, a peer without the route
    back. Some traffic is one-way by nature (syslog, multicast).

How to confirm
    {ShowTwice}
    {EspAndNat}

What to do
    Run the same on the peer: where its counters stop is where to look.
";

/// Fewer packets than this over an interval say nothing.
const ENOUGH: u64 = 10;

fn check(case: &Case<'_>) -> Outcome {
    let interval = case.counted.interval.as_ref().map_err(Clone::clone)?;
    let (sent, received) = (interval.tx_packets, interval.rx_packets);
    let (what, where_to_look) = match (sent, received) {
        (ENOUGH.., 0) => {
            (format!("{} went out and none came in", PACKET.of(sent)), "the peer, or the way back")
        }
        (0, ENOUGH..) => {
            (format!("{} came in and none went out", PACKET.of(received)), "this host's routes")
        }
        _ => return Err(Unconfirmed::RuledOut),
    };
    let summary = format!("{what} over the interval: look at {where_to_look}");
    let charon = case.routes_of_charon();
    Ok(Found::new(Confidence::Consistent, "none on this host that the counters show", summary)
        .seen(case, what, Source::Links)
        .seen_if(case, charon.filter(|_| sent == 0), Source::Routes)
        .next(case, "see whether ESP arrives", Command::EspAndNat)
        .next(case, "compare with the counters of the SAs", Command::SaCounters))
}
