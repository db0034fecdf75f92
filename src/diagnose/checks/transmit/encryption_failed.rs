//! VTI-213: packets are refused after the lookup, in the encryption stage or behind it.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{PACKET, WAS};

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
    tx_aborted_errors rises; /proc/net/dev adds it to the carrier
    column. The SA was found and the device's checks passed.

Why
    dst_output() failed: the crypto layer or the offload device refused
    (XfrmOutStateProtoError, XfrmOutError), the SA died between lookup
    and use (XfrmOutStateInvalid), or netfilter dropped the ESP packet
    in OUTPUT or POSTROUTING (no XFRM counter moves).

How to confirm
    {XfrmStatistics}\twhere the kernel has it
    {Ruleset}\tdrops of esp or udp 4500 on output

What to do
    Let ESP out of the firewall; take offload off the SA; look for
    crypto errors in the kernel log.
";

/// The counters that tell the stage apart, where the kernel has them.
const STAGES: &[&str] = &[
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
    let moved: Vec<String> = STAGES
        .iter()
        .filter_map(|name| {
            case.risen(name).ok().filter(|rise| *rise > 0).map(|rise| format!("{name} +{rise}"))
        })
        .collect();
    let readable = case.risen("XfrmOutError").is_ok();
    let stage = match (moved.is_empty(), readable) {
        (false, _) => moved.join(", "),
        (true, true) => {
            "no XFRM counter moved, which fits netfilter dropping the ESP packet".into()
        }
        (true, false) => "which stage refused them is not known without /proc/net/xfrm_stat".into(),
    };
    let (packets, were) = (PACKET.of(aborted), WAS.word(aborted));
    let summary = format!("{packets} {were} refused after the SA was found: {stage}");
    Ok(Found::new(Confidence::Consistent, "dst_output() < 0, iptunnel_xmit_stats()", summary)
        .seen_if(
            case,
            case.counted.words("tx_aborted_errors", |c| c.tx_aborted_errors.unwrap_or(0)),
            Source::Links,
        )
        .seen(case, stage, Source::XfrmStatistics)
        .next(case, "see what the firewall drops on output", Command::FirewallDrops)
        .next(case, "see the kernel's log", Command::KernelLog))
}
