//! VTI-204: on vti6, the inner source is the tunnel's own remote address.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::words::Word;
use crate::snapshot::Driver;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::InnerSourceIsThePeer,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets whose inner source is the tunnel's remote address are
    dropped. The interface counts them in tx_errors and tx_dropped, but
    not as carrier errors.

Why
    vti6 refuses an IPv6 packet whose source is the tunnel's own remote
    address (vti6_addr_conflict()): it would send the peer's own packet
    back to the peer.

How to confirm
    {PeersPackets}

What to do
    Keep the peer's outer prefix out of the tunnel's selectors and
    routes.
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Vti6], "only a vti6 interface checks the inner source")?;
    let lost = case.lost_to(Code::InnerSourceIsThePeer)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let source = first.flow.source;
    Ok(Found::proven(
        case,
        first,
        format!(
            "{} drops packets from {source}: that is the tunnel's own remote address",
            case.name
        ),
    )
    .next(case, "show the packets", Command::PeersPackets.with(Word::Remote, source)))
}
