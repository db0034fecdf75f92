//! VTI-221: without an SA, packets are queued, counted as sent and dropped later.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::words::Word;
use crate::snapshot::{Driver, Source};
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::PacketsHeldForNegotiation,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    The interface counts packets as sent, but none of them arrives.
    Beyond about 100 waiting packets it counts aborted errors instead.

Why
    There is no SA, and net.core.xfrm_larval_drop is 0. On vti and vti6
    (kernel 5.9 and later) packets then wait in the policy's queue. If
    an SA comes within about a minute, they are sent; otherwise they are
    dropped without being counted.

How to confirm
    {LarvalDrop}
    {Sas}\tlists no SA to the peer

What to do
    Find out why there is no SA, as for VTI-111. To make the interface
    count the lost packets as errors:
    {DropLarval}
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Vti, Driver::Vti6], "an xfrm interface does not queue packets")?;
    let lost = case.lost_to(Code::PacketsHeldForNegotiation)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let Site::Held(wanted) = &first.verdict.site else { return Err(Unconfirmed::RuledOut) };
    let why = match &wanted.nearest {
        Some(nearest) => format!("none matches (nearest: {nearest})"),
        None => "there is none".to_owned(),
    };
    let summary = format!(
        "{} counts packets as sent, but they wait for an SA to {}: {why}, and xfrm_larval_drop is 0",
        case.name, wanted.destination
    );
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .seen(case, "net.core.xfrm_larval_drop = 0", Source::LarvalDrop)
        .next(case, "list the IKE SAs", Command::IkeSas)
        .next(
            case,
            "show the log of the last attempts",
            Command::IkeLog.with(Word::Since, "-10min"),
        ))
}
