//! VTI-402: inbound packets fail their integrity check.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{ITS, PACKET};

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::IntegrityFailures, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    Inbound packets are dropped; rx_errors and rx_dropped rise, the SA's
    integrity-failed counter and XfrmInStateProtoError with them.

Why
    The integrity value computed here differs from the one in the
    packet: the two ends hold different keys or algorithms for the SPI
    (manual keys, a half-restored peer, two SAs with one SPI), or
    something on the way changes packets.

How to confirm
    {Sas}\tstats: failed

What to do
    {anew}
    If it comes back, look for a device that rewrites ESP on the way.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA nothing is expected to come in",
        ));
    };
    let Some((sa, total, rise)) = inbound.worst(case.before(), |a| a.integrity_failures) else {
        return Err(Unconfirmed::RuledOut);
    };
    let nothing_passes = sa.current.packets == 0;
    let severity = match rise {
        Ok(0) => Severity::Notice,
        _ if nothing_passes => Severity::Fault,
        Ok(_) => Severity::Warning,
        Err(_) => Severity::Notice,
    };
    let spi = sa.spi;
    let passed = if nothing_passes { ", and none passed" } else { "" };
    let (packets, its) = (PACKET.of(total), ITS.word(total));
    let summary =
        format!("{packets} that came in on SA {spi} failed {its} integrity check{passed}");
    let moved = rise.ok().map(|r| format!("integrity-failed +{r} over the interval"));
    Ok(Found::new(Confidence::Proven, "xfrm_input: -EBADMSG, xfrm_audit_state_icvfail()", summary)
        .severity(severity)
        .seen(case, format!("SA {spi}: integrity-failed {total}"), Source::SecurityAssociations)
        .seen_if(case, moved, Source::SecurityAssociations)
        .next(case, "see the SA's statistics", Command::Sas)
        .next(case, "negotiate new keys", Command::RekeyChild))
}
