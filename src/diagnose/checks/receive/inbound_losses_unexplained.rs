//! VTI-499: packets are refused on arrival, but none of the checked causes explains it.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::inbound::{Inbound, REFUSALS};
use crate::diagnose::mask;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{PACKET, THEM, WAS};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::InboundLossesUnexplained,
    explain: EXPLAIN,
    masked_by: MaskedBy::Where(mask::is_lost_on_arrival),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets from the peer are refused on arrival: between two samples
    rx_errors or rx_dropped of the interface rose, or a statistic of an
    inbound SA (replay-window, replay, failed). None of the other
    checked causes explains it.

Why
    Unknown. Perhaps SAs or policies come and go between two samples. Or
    the two ends differ in something that no counter of the interface
    names: the counter XfrmIn of /proc/net/xfrm_stat that rises at the
    same time says more, but counts for the whole host.
    XfrmInStateMismatch: one end alone puts ESP into UDP, or the packet
    is outside the SA's selector. XfrmInStateModeError: the peer's SA
    has another mode, not tunnel. XfrmInStateProtoError: the peer
    encrypts otherwise.

How to confirm
    {SasInDetail}
    {XfrmStatistics}
    {Drops}

What to do
    Compare the SAs of both ends: mode, encapsulation in UDP, and
    algorithms. Or save a capture while the counters are rising, and
    replay it on any machine:
    {Capture}
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    let interval = case.counted.interval.as_ref().map_err(Clone::clone)?;
    // Where the earlier list of SAs was not read, the interface's own counters still have each of their packets.
    let by_sas = inbound.refused(case.before()).unwrap_or(0);
    // A refused packet counts in both; what ends behind the decryption counts as dropped alone.
    let refused = interval.rx_errors.max(interval.rx_dropped).max(by_sas);
    if refused == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "{} from the peer {} refused on arrival {}, but none of the checked causes explains {}",
        PACKET.of(refused),
        WAS.word(refused),
        case.during(),
        THEM.word(refused)
    );
    let rose = |name: &str, rise: u64| (rise > 0).then(|| format!("{name} +{rise}"));
    let device = [rose("rx_errors", interval.rx_errors), rose("rx_dropped", interval.rx_dropped)];
    let device: Vec<String> = device.into_iter().flatten().collect();
    let device = (!device.is_empty()).then(|| format!("{} {}", device.join(", "), case.during()));
    let of_sas = statistics(case, inbound);
    let of_host = of_host(case);
    Ok(Found::new(Confidence::Possible, "unknown", summary)
        .seen_if(case, device, Source::Links)
        .seen_if(case, of_sas, Source::SecurityAssociations)
        .seen_if(case, of_host, Source::XfrmStatistics)
        .next(case, "list the SAs with their statistics", Command::Sas)
        .next(case, "save a capture while the counters are rising", Command::Capture)
        .next(case, "show each packet that is dropped, with its cause", Command::Drops))
}

/// The statistics of the inbound SAs that rose, in words.
fn statistics(case: &Case<'_>, inbound: &Inbound<'_>) -> Option<String> {
    let before = case.before();
    let of = |(name, counter): &(&str, fn(&crate::snapshot::Sa) -> u32)| {
        let (sa, _, rise) = inbound.worst(before.clone(), counter)?;
        let rise = rise.ok().filter(|rise| *rise > 0)?;
        Some(format!("SA {}: {name} +{rise}", sa.spi))
    };
    let rose: Vec<String> = REFUSALS.iter().filter_map(of).collect();
    (!rose.is_empty()).then(|| format!("{} {}", rose.join(", "), case.during()))
}

/// The counters of the host for inbound packets that rose, in words. They count for all interfaces.
fn of_host(case: &Case<'_>) -> Option<String> {
    let all = case.now.xfrm_statistics.iter().flatten().map(|counter| counter.name.as_str());
    let rose = |name: &str| case.risen(name).ok().filter(|rise| *rise > 0);
    let inbound = all.filter(|name| name.starts_with("XfrmIn"));
    let rose: Vec<String> =
        inbound.filter_map(|name| Some(format!("{name} +{}", rose(name)?))).collect();
    (!rose.is_empty()).then(|| format!("{} {} (whole host)", rose.join(", "), case.during()))
}
