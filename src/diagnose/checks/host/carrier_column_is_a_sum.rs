//! VTI-604: the carrier column of /proc/net/dev holds more than carrier errors here.

use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Confidence, Severity};
use crate::snapshot::{Observed, Source};
use crate::units::{ABORTED_ONE, CARRIER_ERROR};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(604),
    name: "carrier-column-is-a-sum",
    severity: Severity::Notice,
    explain: EXPLAIN,
    masked_by: &[],
    check,
};

const EXPLAIN: &str = "
What happens
    The carrier column of /proc/net/dev (and of tools that read it) is
    larger than tx_carrier_errors.

Why
    dev_seq_printf_stats() prints tx_carrier_errors + tx_aborted_errors
    + tx_window_errors + tx_heartbeat_errors in that column. On a VTI
    the aborted errors are failures of the encryption stage.

How to confirm
    ip -s -s link show dev IFACE
    grep . /sys/class/net/IFACE/statistics/tx_*_errors

What to do
    Nothing; read the two apart.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let total = case.counted.total.as_ref().map_err(Clone::clone)?;
    // A bare /proc/net/dev cannot prove it; the kernel could, but was not asked.
    case.tunnel()?;
    let Some(carrier) = total.tx_carrier_errors.filter(|_| case.counted.exported) else {
        return Ok(None);
    };
    if carrier == total.tx_carrier_column {
        return Ok(None);
    }
    let (column, aborted) = (total.tx_carrier_column, total.tx_aborted_errors.unwrap_or(0));
    let summary = format!(
        "/proc/net/dev shows {column} in its carrier column: {} and {}",
        CARRIER_ERROR.of(carrier),
        ABORTED_ONE.of(aborted)
    );
    Ok(Some(
        Found::new(Confidence::Proven, "dev_seq_printf_stats()", summary)
            .seen(
                case,
                format!("tx_carrier_errors {carrier}, tx_aborted_errors {aborted}"),
                Source::Links,
            )
            .next(
                case,
                "see them apart",
                "sudo ip -s -s link show dev IFACE",
                "ip -s -s link show dev IFACE",
            ),
    ))
}
