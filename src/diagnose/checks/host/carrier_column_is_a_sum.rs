//! VTI-604: the carrier column of /proc/net/dev counts more than carrier errors.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::{ABORTED_ONE, CARRIER_ERROR};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::CarrierColumnIsASum,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    The carrier column of /proc/net/dev, and of tools that read it,
    shows more than tx_carrier_errors.

Why
    dev_seq_printf_stats() prints tx_carrier_errors + tx_aborted_errors
    + tx_window_errors + tx_heartbeat_errors in that column. On a VTI
    the aborted errors are failures of the encryption stage.

How to confirm
    {Counters}
    {CounterFiles}

What to do
    Nothing is wrong. Read the two counters separately.
";

fn check(case: &Case<'_>) -> Outcome {
    let total = case.counted.total.as_ref().map_err(Clone::clone)?;
    // /proc/net/dev alone cannot prove it; the kernel's counters could, but were not read.
    case.tunnel()?;
    let Some(carrier) = total.tx_carrier_errors.filter(|_| case.counted.exported) else {
        return Err(Unconfirmed::RuledOut);
    };
    if carrier == total.tx_carrier_column {
        return Err(Unconfirmed::RuledOut);
    }
    let (column, aborted) = (total.tx_carrier_column, total.tx_aborted_errors.unwrap_or(0));
    let summary = format!(
        "the carrier column of /proc/net/dev shows {column}, the sum of {} and {}",
        CARRIER_ERROR.of(carrier),
        ABORTED_ONE.of(aborted)
    );
    Ok(Found::new(Confidence::Proven, "dev_seq_printf_stats()", summary)
        .seen(
            case,
            format!("tx_carrier_errors {carrier}, tx_aborted_errors {aborted}"),
            Source::Links,
        )
        .next(case, "show the counters separately", Command::Counters))
}
