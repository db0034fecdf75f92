//! VTI-202: packets are larger than the path MTU and must not be fragmented.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mask;
use crate::diagnose::mtu::MtuHeadroom;
use crate::diagnose::words::Word;
use crate::snapshot::Source;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::PacketTooBig,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::stops_before_encryption),
    check,
};

const EXPLAIN: &str = "
What happens
    tx_errors is rising, but the carrier counter is not. Small packets
    pass, but large packets are dropped: connections open and then hang.

Why
    With ESP added, the packet is larger than the outer path allows, and
    it must not be fragmented (IPv4 with DF, or IPv6). The driver drops
    it and sends an ICMP message (fragmentation needed, or packet too
    big) with the size that fits. One such packet for each sender and
    path is normal path MTU discovery. Many mean that the senders do not
    receive the ICMP messages or ignore them.

How to confirm
    {PingFullSize}
    {LinkInDetail}\tmtu

What to do
    Allow ICMP fragmentation needed on the way to the senders. Lower the
    interface's MTU to the size that fits, and clamp TCP's MSS:
    {SetMtu}
    {ClampMss}
";

fn check(case: &Case<'_>) -> Outcome {
    let rise = case.counted.rise(|c| c.tx_too_big_or_other)?;
    if rise == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let Some(room) = MtuHeadroom::of(case)? else {
        return Err(Unconfirmed::NotApplicable("the interface has no outbound SA with a route"));
    };
    if room.fits() {
        return Err(Unconfirmed::RuledOut);
    }
    let are = if room.may_fit() { "may be" } else { "are" };
    let summary = format!(
        "{} drops packets that {are} too big for the outer path: {}",
        case.name,
        room.words(case.name)
    );
    Ok(Found::new(
        room.confidence(),
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
    .next(case, "lower the MTU of the interface", Command::SetMtu.with(Word::Mtu, room.advice()))
    .next(case, "clamp TCP's MSS on the interface", Command::ClampMss))
}
