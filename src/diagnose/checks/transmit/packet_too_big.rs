//! VTI-202: packets over the path MTU that must not be fragmented.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::diagnose::mtu::MtuHeadroom;
use crate::report::Confidence;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::PacketTooBig,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::stops_before_encryption),
    check,
};

const EXPLAIN: &str = "
What happens
    tx_errors rises and the carrier counter does not. Small packets
    pass, large ones are lost: connections open and then hang.

Why
    The inner packet is larger than what the outer path leaves after
    ESP, and it must not be fragmented (IPv4 with DF, or IPv6). The
    driver drops it and answers ICMP fragmentation needed or packet too
    big, with the size that fits. One such packet for each sender and
    path is normal path MTU discovery; many mean that the answers do not
    arrive or are not obeyed.

How to confirm
    {PingFullSize}
    {LinkInDetail}\tmtu

What to do
    Lower the interface's MTU to what fits, and clamp TCP's MSS:
    {SetMtu}
    {ClampMss}
    Let ICMP fragmentation needed pass on the way to the senders.
";

fn check(case: &Case<'_>) -> Outcome {
    let rise = case.counted.rise(|c| c.tx_too_big_or_other)?;
    if rise == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let Some(room) = MtuHeadroom::of(case)? else {
        return Err(Unconfirmed::NotApplicable("it has no outbound SA with a route"));
    };
    if room.fits() {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!("packets too big for the tunnel are dropped: {}", room.words(case.name));
    Ok(Found::new(
        Confidence::Consistent,
        "skb->len > mtu, and the packet must not be fragmented",
        summary,
    )
    .seen_if(
        case,
        case.counted
            .words("errors that are neither carrier nor collision", |c| c.tx_too_big_or_other),
        Source::Links,
    )
    .seen(case, room.words(case.name), Source::RouteLookups)
    .next(case, "lower the MTU", Command::SetMtu.with(Word::Mtu, room.advice()))
    .next(case, "clamp TCP's MSS", Command::ClampMss))
}
