//! VTI-901: errors since boot, and none of the causes that can be read acts now.

use super::{Case, Diagnosis, Found};
use crate::report::{Code, Confidence, Counters, Severity};
use crate::snapshot::{Driver, Observed, Source};

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(901),
    name: "past-errors-only",
    severity: Severity::Notice,
    explain: EXPLAIN,
    masked_by: super::registry::EXPLAINED,
    check,
};

const EXPLAIN: &str = "
What happens
    The counters show transmit errors, and nothing that was read would
    cause them now.

Why
    Something was wrong for a while. A few errors among millions of
    packets fit short gaps without an SA: reauthentication, a peer that
    rebooted, DPD, the time between boot and the first CHILD_SA, an SA
    deleted while packets were on their way. A make-before-break rekey
    costs none.

How to confirm
    vti-diagnostics show --interval 10     do they rise?
    show log vpn ipsec                     what happened when they did

What to do
    Nothing, if they do not rise. To keep gaps short: IKEv2, no
    reauthentication, make-before-break.
";

/// From this share of the packets on, past errors are more than gaps.
const MANY: f64 = 1e-3;

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let total = case.counted.total.as_ref().map_err(Clone::clone)?;
    let still = match &case.counted.interval {
        Ok(interval) if interval.tx_errors > 0 => return Ok(None),
        Ok(interval) => {
            format!("none in the last {:.0} s", interval.milliseconds.unwrap_or(0) as f64 / 1000.0)
        }
        Err(_) => "whether they still rise, one look cannot tell".to_owned(),
    };
    if total.tx_errors == 0 {
        return Ok(None);
    }
    let attempts = (total.tx_packets + total.tx_errors).max(1);
    let share = total.tx_errors as f64 / attempts as f64;
    let known = if case.tunnel.is_ok() {
        "nothing read now would cause them"
    } else {
        "the state behind them was not read"
    };
    let summary = format!(
        "{} errors since boot, {share:.1e} of the packets; {still}; {known}",
        total.tx_errors
    );
    let many = share >= MANY;
    let mut found = Found::new(Confidence::Possible, "not known: it lies in the past", summary)
        .severity(if many { Severity::Warning } else { Severity::Notice });
    for fact in facts(total, case) {
        found = found.seen(
            case,
            fact,
            if case.tunnel.is_ok() { Source::Links } else { Source::ProcNetDev },
        );
    }
    Ok(Some(
        found
            .next(
                case,
                "see whether they still rise",
                "sudo vti-diagnostics show --interface IFACE --interval 10",
                "vti-diagnostics show --interface IFACE --interval 10",
            )
            .next(
                case,
                "see what happened to the tunnel",
                "show log vpn ipsec",
                "journalctl -u strongswan --since -1d",
            ),
    ))
}

/// What the classes of errors fit and exclude.
fn facts(total: &Counters, case: &Case<'_>) -> Vec<String> {
    let mut facts = Vec::new();
    let Counters {
        tx_errors,
        tx_carrier_column: column,
        collisions,
        tx_too_big_or_other: rest,
        ..
    } = *total;
    if let Some((driver, why)) = &case.counted.inferred {
        facts.push(format!("driver {} inferred: {why}", kernel_module(*driver)));
    }
    match (total.tx_carrier_errors, total.tx_aborted_errors) {
        (Some(carrier), Some(aborted)) => facts.push(format!(
            "tx_carrier_errors {carrier} (no policy, SA or route: VTI-1xx), tx_aborted_errors {aborted} (encryption stage: VTI-211 to 213)"
        )),
        _ => facts.push(format!(
            "the carrier column, {column}, is carrier + aborted + window + heartbeat errors: it may hold failures of the encryption \
             stage (VTI-211 to 213) beside lookups that failed (VTI-1xx), and this file cannot tell"
        )),
    }
    if collisions == 0 {
        facts.push("excluded: a loop through the tunnel itself (VTI-201), colls is 0".into());
    }
    if rest == 0 && tx_errors == column + collisions {
        facts.push("excluded: packets too big (VTI-202) and other ethertypes (VTI-203), since errs = carrier + colls".into());
    }
    let share = tx_errors as f64 / (total.tx_packets + tx_errors).max(1) as f64;
    if share < MANY {
        facts.push(
            "excluded: a cause that stood all the time, which would have lost all of a flow".into(),
        );
        facts.push("fits: short gaps without an SA (reauthentication, DPD, a reboot of the peer, before the first SA), an SA deleted under traffic, limits reached".into());
    }
    facts
}

/// The kernel module that operators know the driver by.
const fn kernel_module(driver: Driver) -> &'static str {
    match driver {
        Driver::Vti => "ip_vti",
        Driver::Vti6 => "ip6_vti",
        Driver::Xfrm => "xfrm_interface (or ip6_vti)",
    }
}
