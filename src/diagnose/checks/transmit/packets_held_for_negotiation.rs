//! VTI-221: without an SA, packets are queued, counted as sent, and dropped later.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
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
    The interface counts packets as sent, and none arrives. Beyond about
    a hundred waiting packets it counts aborted errors instead.

Why
    net.core.xfrm_larval_drop is 0. On vti and vti6 (kernel 5.9 and
    later) packets without an SA then wait in the policy's queue. They
    are sent when the SA comes within about a minute, and purged
    silently when it does not.

How to confirm
    {LarvalDrop}
    {Sas}\tno SA to the peer

What to do
    Find out why there is no SA, as for VTI-111. For counters that tell
    the truth: {DropLarval}
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Vti, Driver::Vti6], "an xfrm interface holds no packets")?;
    let lost = case.lost_to(Code::PacketsHeldForNegotiation)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let Site::Held(wanted) = &first.verdict.site else { return Err(Unconfirmed::RuledOut) };
    let why = match &wanted.nearest {
        Some(nearest) => format!("the nearest SA does not fit ({nearest})"),
        None => "there is none".to_owned(),
    };
    let summary = format!(
        "packets wait for an SA to {} and count as sent: {why}, and xfrm_larval_drop is 0",
        wanted.destination
    );
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .seen(case, "net.core.xfrm_larval_drop = 0", Source::LarvalDrop)
        .next(case, "see the state of IKE", Command::IkeSas)
        .next(case, "see why there is no SA", Command::IkeLog.with(Word::Since, "-10min")))
}
