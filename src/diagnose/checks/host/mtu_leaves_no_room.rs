//! VTI-602: the interface's MTU leaves no room for ESP, and packets were too big.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::mtu::MtuHeadroom;
use crate::diagnose::words::Word;
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
    Full-size packets are dropped and answered with ICMP `fragmentation
    needed`, or they are fragmented after encryption. Where that ICMP is
    filtered, connections hang.

Why
    The interface's MTU and the overhead of ESP together exceed the MTU
    of the outer path (on VyOS a VTI has MTU 1500 by default), and the
    interface has counted packets that were too big. Without such
    packets this is not reported: path MTU discovery then works. A NAT
    on the path takes 8 bytes more, for UDP. The algorithms take more or
    less; where it depends on them, the cause is possible.

How to confirm
    {LinkInDetail}\tthe interface's mtu
    {RouteToPeer}\tthe path's mtu

What to do
    {SetMtu}
    {ClampMss}
";

fn check(case: &Case<'_>) -> Outcome {
    let refused = case.counted.total.as_ref().map_err(Clone::clone)?.tx_too_big_or_other;
    let Some(room) = MtuHeadroom::of(case)? else {
        return Err(Unconfirmed::NotApplicable("it has no outbound SA with a known route"));
    };
    if refused == 0 || room.fits() {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "{}; {} {} dropped since boot: too big, or not IP",
        room.words(case.name),
        PACKET.of(refused),
        WAS.word(refused)
    );
    Ok(Found::new(
        room.confidence(),
        "skb->len > mtu, and the packet must not be fragmented",
        summary,
    )
    .severity(Severity::Notice)
    .seen(case, room.words(case.name), Source::RouteLookups)
    .next(case, "check whether the counter is rising", Command::ShowInterfaceTwice)
    .next(
        case,
        "lower the MTU of the interface",
        Command::SetMtu.with(Word::Mtu, room.advice()),
    ))
}
