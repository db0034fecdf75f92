//! VTI-214: the queue of the outer device drops encrypted packets.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::queued::{self, Queued};
use crate::diagnose::words::Word;
use crate::report::Confidence;
use crate::snapshot::{Driver, Source};
use crate::units::{BYTE, PACKET, Share};

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::OuterQueueDrops, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The tunnel encrypts packets, and the queue (qdisc) of the outer
    interface drops some of them, because more are sent than its rate or
    its length allows. Under load packets are lost, otherwise not.

Why
    An xfrm interface counts such packets as aborted (in /proc/net/dev:
    carrier) if the queue itself is full: tbf, pfifo, fq, codel. With
    fq_codel, sfq and red, which drop another packet instead, and on
    ip_vti and ip6_vti always, the interface counts them as sent;
    ip_vti and ip6_vti add 1 to tx_bytes for a refused packet.
    On a device with a shaper above another one, the queues below it
    count, too. Some drops are normal: they tell TCP to slow down.

How to confirm
    {QueueOfWan}\tdropped, backlog, overlimits
    {ShowInterfaceTwice}

What to do
    Compare the rate of the shaper with what the line and the provider
    allow. Give the tunnel's traffic (ESP, UDP 4500) a class of its own,
    use fq_codel as its leaf, or lower the load. Without a shaper: the
    line is full.
";

/// Fewer packets than this prove nothing by being as many as others.
const ENOUGH: u64 = 5;
/// A queue drops so many of a thousand packets in normal operation.
const NORMAL: u64 = 10;
/// A smaller packet than an IP header does not exist: `vti_xmit()` counts 1 byte for one that a queue refused (`iptunnel_xmit_stats()`).
const SMALLEST: u64 = 20;

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    if tunnel.outbound_sas()?.is_empty() {
        return Err(Unconfirmed::NotApplicable("it has no outbound SA"));
    }
    let queued = queued::of(case)?;
    let interval = case.counted.interval.as_ref().map_err(Clone::clone)?;
    let (sent, bytes) = (interval.tx_packets, interval.tx_bytes);
    let aborted = interval.tx_aborted_errors.unwrap_or(0);
    let Queued { dropped, passed, .. } = queued;
    let Some(worst) = queued.dropping.first().filter(|_| sent.saturating_add(aborted) > 0) else {
        return Err(Unconfirmed::RuledOut);
    };
    let refused = aborted.saturating_sub(refused_by_xfrm(case));
    let is_vti = tunnel.driver != Driver::Xfrm;
    let (confidence, lost) = if !is_vti && refused > 0 {
        let is_all = refused == dropped && refused >= ENOUGH;
        let confidence = if is_all { Confidence::Proven } else { Confidence::Consistent };
        (confidence, format!("{} counts {} as aborted", case.name, PACKET.of(refused)))
    } else if is_vti && sent >= ENOUGH && bytes < sent.saturating_mul(SMALLEST) {
        let what = format!("{} counts {} for {}", case.name, BYTE.of(bytes), PACKET.of(sent));
        (Confidence::Proven, format!("{what}: 1 for each that a queue refused"))
    } else {
        let through = passed.saturating_add(dropped);
        let share = Share { part: sent.min(through), whole: through };
        let most = sent.saturating_mul(2) > through;
        let confidence = if most { Confidence::Consistent } else { Confidence::Possible };
        let counted = format!("{} counts such packets as sent", case.name);
        (confidence, format!("{counted}, and sent {} that came to the queue", share.of(PACKET)))
    };
    let (device, discipline) = (&worst.link.name, &worst.queue.discipline);
    let which = match confidence {
        Confidence::Proven => format!("encrypted packets of {}", case.name),
        Confidence::Consistent | Confidence::Possible => {
            format!("packets, those of {} among them", case.name)
        }
    };
    let may = if confidence == Confidence::Possible { "may drop" } else { "drops" };
    let summary = format!(
        "the queue of {device} ({discipline}) {may} {which}: {} dropped {}; {lost}",
        PACKET.of(dropped),
        case.during()
    );
    let is_normal = dropped.saturating_mul(1000) < NORMAL.saturating_mul(passed);
    let severity = if is_normal || confidence == Confidence::Possible {
        Severity::Notice
    } else {
        Severity::Warning
    };
    let mut found = Found::new(confidence, "dev_queue_xmit()", summary).severity(severity);
    for one in queued.dropping.iter().take(MOST_QUEUES) {
        let (name, queue) = (&one.link.name, one.queue);
        let fact = format!(
            "{name}: {} dropped {} {}, {} since it was set; {} wait",
            queue.discipline,
            PACKET.of(one.dropped),
            case.during(),
            queue.drops,
            queue.waiting
        );
        found = found.seen(case, fact, Source::Queues);
    }
    let aborted =
        case.counted.words("tx_aborted_errors", |c| c.tx_aborted_errors.unwrap_or_default());
    Ok(found.seen_if(case, aborted, Source::Links).next(
        case,
        "check whether it still drops packets",
        Command::QueueOfWan.with(Word::Wan, device),
    ))
}

/// So many queues are named.
const MOST_QUEUES: usize = 4;

/// Packets that XFRM itself refused after the lookup, where it says so.
fn refused_by_xfrm(case: &Case<'_>) -> u64 {
    let risen = super::encryption_failed::STAGES.iter().filter_map(|name| case.risen(name).ok());
    risen.fold(0, u64::saturating_add)
}
