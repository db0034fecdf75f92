//! VTI-603: this kernel does not export the error counters of xfrm interfaces.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::kernel::Change;
use crate::report::Confidence;
use crate::snapshot::{Driver, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::CountersNotExported,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    tx_errors, tx_carrier_errors, tx_aborted_errors, collisions and
    rx_errors of an xfrm interface stay 0 however many packets are lost.

Why
    Before Linux 5.11 xfrmi_get_stats64() exports only packets, bytes
    and the dropped counters. tx_dropped is the sum of carrier errors,
    loops and packets that were too big.

How to confirm
    {KernelRelease}
    {Counters}\tdropped is rising, carrier is 0

What to do
    Watch tx_dropped instead, or use a newer kernel.
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Xfrm], "only the driver of xfrm interfaces did not export them")?;
    if case.counted.exported {
        return Err(Unconfirmed::RuledOut);
    }
    let release = &case.now.host.kernel_release;
    let summary = format!(
        "kernel {release} shows no carrier errors of xfrm interfaces: it counts them in tx_dropped"
    );
    let site = format!("xfrmi_get_stats64() before {}", Change::XfrmErrorCounters.since());
    Ok(Found::new(Confidence::Proven, site, summary)
        .seen_if(case, case.counted.words("tx_dropped", |c| c.tx_dropped), Source::Links)
        .next(case, "show tx_dropped", Command::Link))
}
