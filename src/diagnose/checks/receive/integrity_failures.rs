//! VTI-402: inbound packets fail the integrity check.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Sa, Source};
use crate::units::{ITS, PACKET, WAS};

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::IntegrityFailures, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    Inbound packets fail the integrity check and are dropped. These
    counters are rising: rx_errors, rx_dropped, XfrmInStateProtoError,
    and integrity-failed of the SA.

Why
    The integrity value that is computed here differs from the one in
    the packet.
    If no packet passes, the two ends compute it differently. With IKE
    both have the same keys, so that the algorithm, the length of the
    integrity value (HMAC-SHA-256 with 96 or 128 bits) or ESN differs;
    with manual keys perhaps the keys.
    If other packets pass, a device on the path changes packets, or
    packets come from elsewhere. With ESN they may also arrive too late:
    the kernel takes a sequence number below the replay window for one
    of the next 2^32, and the packet fails the integrity check. No
    counter tells late packets from changed ones.

How to confirm
    {SasInDetail}\tstats: failed; auth-trunc or aead; flag esn

What to do
    If no packet passes: run the command on both ends, and set the same
    algorithm, length and ESN. To renegotiate does not help.
    If other packets pass: look for a device on the path that rewrites
    ESP packets; with ESN also for parallel paths or QoS that reorder
    packets, or enlarge the window (replay_window of the child).
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    let Some((sa, total, rise)) = inbound.worst(case.before(), |a| a.integrity_failures) else {
        return Err(Unconfirmed::RuledOut);
    };
    let cause = Cause::of(sa);
    let severity = match rise {
        Ok(0) => Severity::Notice,
        _ if cause == Cause::EndsDiffer => Severity::Fault,
        Ok(_) => Severity::Warning,
        Err(_) => Severity::Notice,
    };
    let (spi, passed) = (sa.spi, sa.current.packets);
    let (packets, its, were) = (PACKET.of(total), ITS.word(total), WAS.word(total));
    let failed = format!("{packets} on inbound SA {spi} failed {its} integrity check");
    let summary = match cause {
        Cause::EndsDiffer => format!(
            "{failed} and {were} dropped; none has passed it: the two ends differ in algorithm, length of the integrity value, or ESN (with manual keys perhaps in the key)"
        ),
        Cause::Changed => {
            format!(
                "{failed} and {were} dropped, others pass: something on the path changes packets"
            )
        }
        Cause::ChangedOrLate => format!(
            "{failed} or arrived too late (with ESN both are counted alike) and {were} dropped, others pass"
        ),
    };
    let moved = rise.ok().map(|r| format!("integrity-failed +{r} {}", case.during()));
    let esn = (cause == Cause::ChangedOrLate)
        .then(|| format!("SA {spi} uses ESN, replay window {}", sa.replay.map_or(0, |r| r.window)));
    let found = Found::new(
        // That packets fail is counted; why they do is a conclusion.
        Confidence::Consistent,
        "xfrm_input: -EBADMSG, xfrm_audit_state_icvfail()",
        summary,
    )
    .severity(severity)
    .seen(
        case,
        format!("SA {spi}: integrity-failed {total}, {} passed", PACKET.of(passed)),
        Source::SecurityAssociations,
    )
    .seen_if(case, esn, Source::SecurityAssociations)
    .seen_if(case, moved, Source::SecurityAssociations);
    Ok(match cause {
        Cause::EndsDiffer => found.next(
            case,
            "compare on both ends: algorithm, length of the integrity value, flag esn",
            Command::SasInDetail,
        ),
        Cause::Changed | Cause::ChangedOrLate => {
            found.next(case, "list the SAs with their statistics", Command::Sas)
        }
    })
}

/// What makes packets of an SA fail, as far as its counters tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// No packet has passed: each end computes another value.
    EndsDiffer,
    /// Others pass, so the ends agree.
    Changed,
    /// The same with ESN: `xfrm_replay_check_esn()` accepts a packet below the window for decryption with the next high part
    /// (`xfrm_replay_seqhi()`), and the check fails.
    ChangedOrLate,
}

impl Cause {
    fn of(sa: &Sa) -> Self {
        let has_window = sa.replay.is_some_and(|replay| replay.window > 0);
        match sa.current.packets {
            0 => Cause::EndsDiffer,
            _ if sa.uses_esn() && has_window => Cause::ChangedOrLate,
            _ => Cause::Changed,
        }
    }
}
