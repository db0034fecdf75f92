//! VTI-405: an inbound SA from the peer is there, with another mark or if_id than the interface's.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::tunnel::MarkOrIfId;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::InboundAssociationMismatch,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets go out, and what comes back is dropped. On vti and vti6
    rx_errors rise (the SA is looked up with its input mark); on
    an xfrm interface the packet belongs to no interface and
    XfrmInNoPols moves.

Why
    The inbound SA's mark or if_id is not the interface's.

How to confirm
    {Sas}\tmark or if_id of the inbound SA
    {LinkInDetail}

What to do
    Make if_id_in and if_id_out (mark_in and mark_out) of the child the
    interface's, and negotiate anew.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA nothing is expected to come in",
        ));
    };
    let (true, Some(stray)) = (inbound.own.is_empty(), inbound.stray.first()) else {
        return Err(Unconfirmed::RuledOut);
    };
    let (have, want) = match case.tunnel()?.mark_or_if_id {
        MarkOrIfId::IfId(if_id) => (format!("if_id {}", stray.if_id), format!("if_id {if_id}")),
        MarkOrIfId::Mark { input, .. } => {
            (format!("mark {}", stray.mark), format!("input mark {input:#x}"))
        }
    };
    let summary =
        format!("the SA from the peer, {}, has {have}, and {} wants {want}", stray.spi, case.name);
    Ok(Found::new(Confidence::Proven, "xfrm_input: the SA is not this interface's", summary)
        .seen(
            case,
            format!("SA {} from {}: {have}", stray.spi, stray.source),
            Source::SecurityAssociations,
        )
        .seen_if(case, case.counted.words("rx_errors", |c| c.rx_errors), Source::Links)
        .next(case, "compare mark and if_id", Command::Sas))
}
