//! VTI-704: packets left one end and never arrived at the other.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::report::ends::Passed;
use crate::snapshot::{Missing, Reason, Source};
use crate::units::{PACKET, Share, Span};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::LostBetweenTheEnds,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[
        Code::EndsUseDifferentSas,
        Code::EndsDifferInParameters,
        Code::RefusedAtTheOtherEnd,
        Code::OuterQueueDrops,
        Code::OuterPathDead,
        Code::EspFilteredOnArrival,
    ]),
    check,
};

const EXPLAIN: &str = "
What happens
    One end counts packets as sent that the other end's SAs never
    counted: not as decrypted, not as late, not as changed.

Why
    Neither end shows a reason: they were lost between the sender's
    encryption and the receiver's SA. That is the path, or something at
    an end that counts elsewhere: an output queue, a firewall that drops
    ESP, the receive queue of a device.

How to confirm
    {SaCounters}
    on both ends, the sender first: packets of the SA with one SPI

What to do
    Look at queues and firewalls of both ends, then measure the path
    without the tunnel, with small and large packets.
    {Ping}
    {PingFullSize}
";

/// More of a thousand than this is worth a finding.
const PERMILLE: u64 = 10;

fn check(case: &Case<'_>) -> Outcome {
    let ends = case.ends()?;
    let other = ends.other();
    let outward = (&ends.passed_outward, case.name, other.as_str());
    let inward = (&ends.passed_inward, other.as_str(), case.name);
    let mut open = None;
    let mut worst: Option<(u64, Found)> = None;
    let mut slower = None;
    for (passed, from, to) in [outward, inward] {
        let Passed { sent: Some(sent), arrived: Some(arrived), lost: Some(lost), .. } = *passed
        else {
            open = open.or(passed.undetermined.clone().filter(|_| passed.sent != Some(0)));
            continue;
        };
        if lost.saturating_mul(1_000) <= sent.saturating_mul(PERMILLE) {
            slower = slower.or_else(|| fewer(case, passed, from, to));
            open = open.or(passed.undetermined.clone());
            continue;
        }
        if worst.as_ref().is_some_and(|(most, _)| *most >= lost) {
            continue;
        }
        let share = Share { part: lost, whole: sent };
        let summary = format!(
            "of {} that {from} sent, {to} never received {}: they were lost between the two ends",
            PACKET.of(sent),
            match share.percent() {
                Some(percent) => format!("{lost} ({percent})"),
                None => lost.to_string(),
            },
        );
        let found =
            Found::new(Confidence::Consistent, "between xfrm_output and xfrm_input", summary)
                .concluded(
                    format!("{from}: {} sent", PACKET.of(sent)),
                    Source::SecurityAssociations,
                )
                .concluded(counted(to, arrived, passed.decrypted), Source::SecurityAssociations)
                .next(case, "measure the path to the peer without the tunnel", Command::Ping)
                .next(
                    case,
                    "check whether the outer device drops packets",
                    Command::OuterInterface,
                );
        worst = Some((lost, found));
    }
    match (worst.map(|(_, found)| found).or(slower), open) {
        (Some(found), _) => Ok(found),
        (None, Some(why)) => {
            let missing = Missing::new(Source::SequenceNumbers, Reason::Undecidable, why);
            Err(Unconfirmed::Undetermined(missing))
        }
        (None, None) => Err(Unconfirmed::RuledOut),
    }
}

fn counted(to: &str, arrived: u64, decrypted: Option<u64>) -> String {
    let decrypted = decrypted.unwrap_or(0);
    format!("{to}: {} counted, {decrypted} decrypted", PACKET.of(arrived))
}

/// Where one sample of each end leaves it open, what both counted at the same time: less than half of what was sent arrived. A sender that sends
/// in bursts may look alike.
fn fewer(case: &Case<'_>, passed: &Passed, from: &str, to: &str) -> Option<Found> {
    passed.undetermined.as_ref()?;
    let pace = passed.pace.filter(|pace| pace.at_once && pace.is_broken())?;
    let [sent, arrived] = [pace.sent, pace.arrived].map(|count| PACKET.of(count));
    let [sent_in, arrived_in] = [pace.sent_milliseconds, pace.arrived_milliseconds].map(Span);
    let summary = format!(
        "{from} sent {sent} in {sent_in}, and {to} counted {arrived} in {arrived_in} at the same time: the others may be lost between the two ends"
    );
    let found = Found::new(Confidence::Possible, "between xfrm_output and xfrm_input", summary)
        .concluded(format!("{from}: {sent} sent in {sent_in}"), Source::SecurityAssociations)
        .concluded(format!("{to}: {arrived} counted in {arrived_in}"), Source::SecurityAssociations)
        .next(case, "measure the path to the peer without the tunnel", Command::Ping)
        .next(case, "check whether the outer device drops packets", Command::OuterInterface);
    Some(found)
}
