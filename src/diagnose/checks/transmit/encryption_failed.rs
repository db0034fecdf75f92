//! VTI-213: packets are dropped after the SA lookup: in the encryption stage, or after it by netfilter.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::queued;
use crate::diagnose::remotes;
use crate::report::Confidence;
use crate::snapshot::filter::Hook;
use crate::snapshot::{Driver, Observed, Source};
use crate::units::{PACKET, WAS};
use crate::way::around::filter::By;
use crate::way::around::{Ruling, esp_leaves, inner_leaves};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::EncryptionFailed,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[
        Code::SecurityAssociationExpired,
        Code::SequenceNumberOverflow,
        Code::HardLimitReached,
        Code::PacketsHeldForNegotiation,
    ]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets are dropped in the encryption stage: an SA was found and the
    interface's own checks passed, but the packet was then refused.
    tx_aborted_errors is rising; /proc/net/dev shows it in the carrier
    column.

Why
    dst_output() failed for one of these reasons:
    - The crypto layer or the offload device refused the packet
      (XfrmOutStateProtoError, XfrmOutError).
    - The SA was deleted after the lookup (XfrmOutStateInvalid).
    - netfilter dropped the ESP packet in OUTPUT or POSTROUTING, or the
      packet inside, which passes POSTROUTING a second time with the
      WAN as its output. Then no XFRM counter is rising.

How to confirm
    {XfrmStatistics}\tif the kernel has it
    {Ruleset}\tdrops of ESP or UDP 4500

What to do
    Allow ESP and UDP 4500 in the firewall's output chains. If the SA is
    offloaded, turn offload off. Look for crypto errors in the kernel
    log.
";

/// The counters that show what refused the packet, on kernels that have them.
pub(super) const STAGES: &[&str] = &[
    "XfrmOutError",
    "XfrmOutStateProtoError",
    "XfrmOutStateModeError",
    "XfrmOutStateInvalid",
    "XfrmOutStateExpired",
    "XfrmOutStateSeqError",
];

fn check(case: &Case<'_>) -> Outcome {
    let aborted = case.counted.rise(|c| c.tx_aborted_errors.unwrap_or(0))?;
    if aborted == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let risen: Vec<String> = STAGES
        .iter()
        .filter_map(|name| {
            case.risen(name).ok().filter(|rise| *rise > 0).map(|rise| format!("{name} +{rise}"))
        })
        .collect();
    let readable = case.risen("XfrmOutError").is_ok();
    let filtered = if risen.is_empty() { by_filter(case)? } else { None };
    // Of an xfrm interface that counts what a full queue refuses, too.
    let queued = queued::of(case).map(|queued| queued.dropped);
    let is_queue = case.tunnel().is_ok_and(|tunnel| tunnel.driver == Driver::Xfrm);
    let are_queued = is_queue && queued.as_ref().is_ok_and(|dropped| *dropped >= aborted);
    if risen.is_empty() && filtered.is_none() && are_queued {
        return Err(Unconfirmed::RuledOut);
    }
    let stage = match (risen.is_empty(), readable) {
        (false, _) => risen.join(", "),
        (true, true) if is_queue && queued.is_err() => {
            "no XFRM counter rose, so netfilter or the queue of the outer interface probably drops the ESP packets".into()
        }
        (true, true) => "no XFRM counter rose, so netfilter probably drops the ESP packets".into(),
        (true, false) => {
            "what refused them is unknown: /proc/net/xfrm_stat could not be read".into()
        }
    };
    let (packets, were) = (PACKET.of(aborted), WAS.word(aborted));
    let (stage, confidence) = match &filtered {
        Some((_, by)) => (format!("{} {} them", by.name(), by.does()), Confidence::Proven),
        None => (stage, Confidence::Consistent),
    };
    let summary = format!("{packets} {were} dropped after the SA was found: {stage}");
    let found = Found::new(confidence, "dst_output() < 0, iptunnel_xmit_stats()", summary);
    let found = match filtered {
        Some((hook, by)) => found.filter(case, hook, &by),
        None => found,
    };
    Ok(found
        .seen_if(
            case,
            case.counted.words("tx_aborted_errors", |c| c.tx_aborted_errors.unwrap_or(0)),
            Source::Links,
        )
        .seen(case, stage, Source::XfrmStatistics)
        .next(case, "show what the firewall drops on output", Command::FirewallDrops)
        .next(case, "show the kernel log", Command::KernelLog))
}

/// The rule that drops all ESP of the tunnel, or all that is to become ESP, where there is one.
fn by_filter<'r>(case: &Case<'r>) -> Observed<Option<(Hook, By<'r>)>> {
    // Where the rules could not be read, the counters still show that something drops.
    let Ok(Some(filter)) = case.filter() else { return Ok(None) };
    let tunnel = case.tunnel()?;
    for sa in tunnel.outbound_sas()? {
        if let (Ruling::Drops(hook, by), _) = esp_leaves(filter, tunnel, sa, None) {
            return Ok(Some((hook, by)));
        }
        for remote in remotes::of(case.tunnel()?, &case.tried)? {
            let inner = inner_leaves(filter, tunnel, sa, remote.local, remote.address);
            if let Ruling::Drops(hook, by) = inner {
                return Ok(Some((hook, by)));
            }
        }
    }
    Ok(None)
}
