//! VTI-602: the interface's MTU leaves no room for ESP, and packets have been too big.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mtu::MtuHeadroom;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{PACKET, WAS};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::MtuLeavesNoRoom,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::PacketTooBig]),
    check,
};

const EXPLAIN: &str = "
What happens
    Full-size packets are refused with ICMP fragmentation needed, or
    fragmented after encryption. Where the ICMP is filtered, connections
    hang.

Why
    The interface's MTU and what ESP adds are more than the outer path
    carries (VyOS gives a VTI 1500 by default), and the interface has
    counted packets that were too big. Without such packets this is not
    reported: path MTU discovery then does its work.

How to confirm
    {LinkInDetail}\tmtu
    {RouteToPeer}\tmtu of the path

What to do
    {SetMtu}
    {ClampMss}
";

fn check(case: &Case<'_>) -> Outcome {
    let refused = case.counted.total.as_ref().map_err(Clone::clone)?.tx_too_big_or_other;
    let Some(room) = MtuHeadroom::of(case)? else {
        return Err(Unconfirmed::NotApplicable("it has no outbound SA with a route"));
    };
    if refused == 0 || room.fits() {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "{}; {} did not fit (or {} not IP) since boot",
        room.words(case.name),
        PACKET.of(refused),
        WAS.word(refused)
    );
    Ok(Found::new(
        Confidence::Consistent,
        "skb->len > mtu, and the packet must not be fragmented",
        summary,
    )
    .severity(Severity::Notice)
    .seen(case, room.words(case.name), Source::RouteLookups)
    .next(case, "see whether it goes on", Command::ShowInterfaceTwice)
    .next(case, "lower the MTU", Command::SetMtu.with(Word::Mtu, room.advice())))
}
