//! VTI-204: on vti6, the inner source is the tunnel's own remote address.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::Driver;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::InnerSourceIsThePeer,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets are dropped and counted as tx_errors and tx_dropped, not as
    carrier errors.

Why
    vti6 refuses an IPv6 packet whose source is the tunnel's remote
    address (vti6_addr_conflict()): it would be the peer's own packet,
    sent back to it.

How to confirm
    {PeersPackets}

What to do
    Keep the peer's outer prefix out of the tunnel's selectors and
    routes.
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Vti6], "only ip6_vti looks at the inner source")?;
    let lost = case.lost_to(Code::InnerSourceIsThePeer)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let source = first.flow.source;
    Ok(Found::proven(
        case,
        first,
        format!("packets from {source}, the tunnel's own remote address, are refused"),
    )
    .next(case, "see the packets", Command::PeersPackets.with(Word::Remote, source)))
}
