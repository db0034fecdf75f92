//! VTI-702: one end sends with an SA that the other end does not have.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::passed::Stream;
use crate::report::Confidence;
use crate::snapshot::{Sa, Source};
use crate::units::PACKET;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::EndsUseDifferentSas,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    One end encrypts and counts packets as sent; the other end finds no
    SA for their SPI and drops them (XfrmInNoStates). Both may show the
    tunnel as up.

Why
    One end deleted or replaced its SAs and the other end does not know:
    a DELETE was lost, one end restarted, or two CHILD_SAs were
    negotiated and each end uses another one.

How to confirm
    {SaCounters}
    on both ends: the SPI of out here must be among the SAs there

What to do
    Negotiate the CHILD_SA again. Configure dead peer detection, so that
    this does not last.
";

fn check(case: &Case<'_>) -> Outcome {
    let ends = case.ends()?;
    let (this, other) = (case.name, ends.other());
    for (outward, from, to) in [(true, this, other.as_str()), (false, other.as_str(), this)] {
        let Some((sa, twice)) = ends.newest_unknown(outward) else { continue };
        // What is absent in one reading may have been replaced while it was read.
        let confidence = if twice { Confidence::Proven } else { Confidence::Consistent };
        let stream = if outward { &ends.outward } else { &ends.inward };
        let summary = format!(
            "{from} sends with SA {} to {}, and {to} does not have it: what {from} sends is dropped on arrival",
            sa.spi, sa.destination
        );
        return Ok(Found::new(confidence, "xfrm_input: no SA for the SPI", summary)
            .concluded(used(from, sa), Source::SecurityAssociations)
            .concluded(known(to, stream), Source::SecurityAssociations)
            .next(case, "compare the SPIs on both ends", Command::SaCounters)
            .next(case, "negotiate the CHILD_SA again", Command::RestartChild));
    }
    Err(Unconfirmed::RuledOut)
}

fn used(from: &str, sa: &Sa) -> String {
    let packets = match sa.uncounted {
        true => "packets unknown".to_owned(),
        false => PACKET.of(sa.current.packets).to_string(),
    };
    format!("{from}: SA out {} to {}, {packets}", sa.spi, sa.destination)
}

fn known(to: &str, stream: &Stream<'_>) -> String {
    let spis: Vec<String> = stream.received.iter().take(4).map(|sa| sa.spi.to_string()).collect();
    match spis.as_slice() {
        [] => format!("{to}: no inbound SA"),
        _ => format!("{to}: inbound SA {}", spis.join(", ")),
    }
}
