//! VTI-410: packets of the peer never arrive.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::losses::Loss;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{PACKET, Share, Span, WAS};
use crate::way::loss::Measure;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::LostOnTheWay,
    explain: EXPLAIN,
    // With both ends it is told with what the sender counted.
    masked_by: MaskedBy::Codes(&[Code::LostBetweenTheEnds]),
    check,
};

const EXPLAIN: &str = "
What happens
    More than 1 % of the packets that the peer encrypted never arrive at
    the inbound SA. Inside the tunnel this is packet loss: slow TCP,
    gaps in calls.

Why
    Each ESP packet has the next sequence number of its SA. Of the
    numbers up to the highest that arrived, the kernel has counted those
    that it decrypted, those that came too late for the replay window,
    and those that failed the integrity check. The others are missing.
    They were lost between the peer's encryption and the decryption
    here: in the peer's own queue or firewall, on the path, in the
    receive queue of the device here, or in a firewall here that drops
    ESP. No counter tells which. Loss on the path often depends on the
    size of packets or on the load.
    Not seen: packets after the last one that arrived. When nothing at
    all arrives, no number is missing.

How to confirm
    {ShowInterfaceInDetail}\tnumbers, late, failed, lost
    {SasInDetail}\tseq and stats
    {OuterInterface}\tdropped packets of the device

What to do
    Look for drops in the receive queue of the outer device and in the
    firewall first. Then measure the path to the peer without the
    tunnel, with small and large packets. Run the program on the peer:
    where both directions lose packets, the path is the likely place.
";

/// More of a thousand than this is worth a finding. A tunnel over the Internet loses some.
const PERMILLE: u64 = 10;

/// Counters of the host for packets that arrive and are refused before the SA counts them: their numbers are missing, too.
const REFUSED_UNCOUNTED: [&str; 4] =
    ["XfrmInStateMismatch", "XfrmInStateModeError", "XfrmInBufferError", "XfrmInHdrError"];

fn check(case: &Case<'_>) -> Outcome {
    let Some(losses) = case.losses()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    let share =
        |measure: &Measure| (measure.lost.saturating_mul(1_000_000)) / measure.numbers.max(1);
    let worst = |of: fn(&Loss<'_>) -> Option<Measure>| {
        let exceeds = |loss: &&Loss<'_>| of(loss).is_some_and(|m| m.exceeds(PERMILLE));
        let all = losses.iter().filter(exceeds);
        all.max_by_key(|loss| of(loss).as_ref().map(share)).and_then(|loss| Some((loss, of(loss)?)))
    };
    if let Some((loss, measure)) = worst(|loss| loss.interval.as_ref().ok().copied()) {
        return Ok(found(case, loss, &measure, &case.during()).severity(Severity::Warning));
    }
    if let Some((loss, measure)) = worst(|loss| loss.over_life.as_ref().ok().copied()) {
        let found = found(case, loss, &measure, &since_installed(case, loss));
        return Ok(found.severity(Severity::Notice).titled("packets were lost on the way"));
    }
    if losses.is_empty() {
        return Err(Unconfirmed::NotApplicable("the interface has no inbound SA"));
    }
    // One that carried little says nothing, and takes nothing from what another one shows.
    if losses.iter().any(|loss| loss.newest().is_some()) {
        return Err(Unconfirmed::RuledOut);
    }
    let why = losses.iter().max_by_key(|loss| loss.sa.current.packets).and_then(Loss::why);
    Err(why.map_or(Unconfirmed::RuledOut, Unconfirmed::Undetermined))
}

fn found(case: &Case<'_>, loss: &Loss<'_>, measure: &Measure, span: &str) -> Found {
    let (sa, lost) = (loss.sa, measure.lost);
    let share = Share { part: lost, whole: measure.numbers };
    let summary = format!(
        "{} did not receive {} that the peer sent {span}: {} {} lost between the peer's encryption and the decryption here",
        case.name,
        share.of(PACKET),
        PACKET.of(lost),
        WAS.word(lost),
    );
    // Where the host refused packets that no SA counts, those may be the ones that are missing.
    let refused = REFUSED_UNCOUNTED.iter().filter_map(|name| {
        let rise = case.risen(name).ok().filter(|rise| *rise > 0)?;
        Some(format!("{name} +{rise}"))
    });
    let refused: Vec<String> = refused.collect();
    let refused = (!refused.is_empty()).then(|| {
        format!(
            "{} {} (whole host): these packets arrived, were refused, and count as lost here",
            refused.join(", "),
            case.during()
        )
    });
    let late = late(loss, measure);
    // What is missing may also have arrived uncounted, or be further behind than the window.
    let is_plain = refused.is_none() && late.is_none();
    let confidence = if is_plain { Confidence::Consistent } else { Confidence::Possible };
    let is_of_interval = span == case.during();
    let (other, also) = match is_of_interval {
        true => (since_installed(case, loss), &loss.over_life),
        false => (case.during(), &loss.interval),
    };
    let also = also.as_ref().ok().map(|measure| counted(&other, measure));
    Found::new(confidence, "before xfrm_input: the sequence number never arrived", summary)
        .seen(
            case,
            format!("SA {} from {}: {}", sa.spi, sa.source, counted(span, measure)),
            Source::SecurityAssociations,
        )
        .seen_if(
            case,
            also.map(|also| format!("SA {}: {also}", sa.spi)),
            Source::SecurityAssociations,
        )
        .seen_if(case, unsettled(measure), Source::SecurityAssociations)
        .seen_if(case, late, Source::SecurityAssociations)
        .seen_if(case, refused, Source::XfrmStatistics)
        .next(case, "check whether the outer device drops packets", Command::OuterInterface)
        .next(case, "measure the path to the peer without the tunnel", Command::Ping)
        .next(case, "watch the share over time", Command::ShowInterfaceInDetail)
}

/// The life of the SA: `since the SA was installed 40 min ago`.
fn since_installed(case: &Case<'_>, loss: &Loss<'_>) -> String {
    let installed_ms = loss.sa.current.add_time.saturating_mul(1_000);
    match case.now.taken_at_ms.checked_sub(installed_ms) {
        Some(ms) if installed_ms > 0 => format!("since the SA was installed {} ago", Span(ms)),
        _ => "since the SA was installed".to_owned(),
    }
}

/// The numbers of a span, in words.
fn counted(span: &str, measure: &Measure) -> String {
    let Measure { numbers, arrived, late, failed, lost, .. } = measure;
    format!(
        "{} sent {span}, {arrived} decrypted, {late} late, {failed} failed the integrity check, {lost} lost",
        PACKET.of(*numbers)
    )
}

/// How many more may have been lost.
fn unsettled(measure: &Measure) -> Option<String> {
    let open = measure.unsettled;
    (open > 0).then(|| format!("{} in the replay window may still arrive", PACKET.of(open)))
}

/// Where packets come too late, some of the missing ones may come as well. Under ESN a late packet is counted as failed.
fn late(loss: &Loss<'_>, measure: &Measure) -> Option<String> {
    let spi = loss.sa.spi;
    if measure.late > 0 {
        let late = PACKET.of(measure.late);
        return Some(format!("SA {spi}: {late} came too late; some of the missing may still come"));
    }
    let said = "with ESN, packets that arrive too late count as failed, not as late";
    (loss.sa.uses_esn() && measure.failed > 0).then(|| format!("SA {spi}: {said}"))
}
