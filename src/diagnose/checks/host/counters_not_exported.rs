//! VTI-603: this kernel does not show the error counters of xfrm interfaces.

use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Confidence, Severity};
use crate::snapshot::{Observed, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(603),
    name: "counters-not-exported",
    severity: Severity::Notice,
    explain: EXPLAIN,
    masked_by: &[],
    check,
};

const EXPLAIN: &str = "
What happens
    tx_errors, tx_carrier_errors, tx_aborted_errors, collisions and
    rx_errors of an xfrm interface read 0 for ever, whatever is lost.

Why
    Before Linux 5.11 xfrmi_get_stats64() exports packets, bytes and the
    dropped counters only. tx_dropped holds the carrier errors, loops
    and packets too big together.

How to confirm
    uname -r
    ip -s -s link show dev IFACE      dropped rises, carrier stays 0

What to do
    Watch tx_dropped instead, or use a newer kernel.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    case.tunnel()?;
    if case.counted.exported {
        return Ok(None);
    }
    let release = &case.now.host.kernel_release;
    let summary = format!(
        "kernel {release} counts carrier errors of xfrm interfaces but shows only tx_dropped"
    );
    Ok(Some(
        Found::new(Confidence::Proven, "xfrmi_get_stats64() before 5.11", summary)
            .seen_if(case, case.counted.words("tx_dropped", |c| c.tx_dropped), Source::Links)
            .next(
                case,
                "watch the drops",
                "show interfaces vti IFACE",
                "ip -s link show dev IFACE",
            ),
    ))
}
