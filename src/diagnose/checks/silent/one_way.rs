//! VTI-306: packets pass in one direction only.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::diagnose::pairs::ENOUGH;
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
    Between the two samples packets were sent and none was received, or
    the reverse.

Why
    This host shows no fault. The peer does not answer, or its answers
    are lost or dropped: a firewall or NAT passes ESP in one direction
    only, the two ends use different SAs, or the peer has no reverse
    route. Some traffic is one-way by nature (syslog, multicast).

How to confirm
    {ShowTwice}
    {EspAndNat}

What to do
    Run the same commands on the peer. Packets are lost after the last
    point whose counters are still rising.
";

fn check(case: &Case<'_>) -> Outcome {
    let interval = case.counted.interval.as_ref().map_err(Clone::clone)?;
    let (sent, received) = (interval.tx_packets, interval.rx_packets);
    let (what, advice) = match (sent, received) {
        (ENOUGH.., 0) => (
            format!("{} sent, none received", PACKET.of(sent)),
            "check the peer and the reverse path",
        ),
        (0, ENOUGH..) => (
            format!("{} received, none sent", PACKET.of(received)),
            "check the routes of this host",
        ),
        _ => return Err(Unconfirmed::RuledOut),
    };
    let what = format!("{what} {}", case.during());
    let summary = format!("packets pass in one direction only: {what}; {advice}");
    // What belongs to it goes by another tunnel: that is told as VTI-311.
    if case.partner().is_ok_and(|partner| partner.is_some()) {
        return Err(Unconfirmed::RuledOut);
    }
    let charon = case.routes_of_charon();
    let mut found = Found::new(Confidence::Consistent, "no drop on this host is counted", summary)
        .seen(case, what, Source::Links);
    found.evidence.extend(charon.filter(|_| sent == 0));
    Ok(found.next(case, "check whether ESP arrives", Command::EspAndNat).next(
        case,
        "compare the SAs' counters",
        Command::SaCounters,
    ))
}
