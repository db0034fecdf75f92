//! VTI-132: the SA has a mode or an outer family that a vti or vti6 interface refuses.

use super::drops;
use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::Driver;
use crate::way::{Site, StateCheck};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NotATunnelModeAssociation,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    The interface drops every packet routed into it and counts a carrier
    error for each. No counter of /proc/net/xfrm_stat rises.

Why
    A vti interface accepts only SAs in tunnel mode with outer IPv4, a
    vti6 interface only those in tunnel mode with outer IPv6.
    vti_state_check() refuses other modes (BEET, IPTFS) and the other
    outer family.

How to confirm
    {Sas}\tmode, src, dst

What to do
    Negotiate tunnel mode. For outer IPv6 use a vti6 or an xfrm
    interface.
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Vti, Driver::Vti6], "an xfrm interface accepts SAs of every mode")?;
    let lost = case.lost_to(Code::NotATunnelModeAssociation)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let tunnel = case.tunnel()?;
    let Site::StateCheck { spi, reason } = first.verdict.site else {
        return Err(Unconfirmed::RuledOut);
    };
    let kind = tunnel.driver.kind();
    let outer = if tunnel.driver == Driver::Vti { "IPv4" } else { "IPv6" };
    let sas = tunnel.state.snapshot.sas.as_ref().map_err(Clone::clone)?;
    let mode =
        sas.iter().find(|sa| sa.spi == spi).map_or_else(String::new, |sa| sa.mode.to_string());
    let why = match reason {
        StateCheck::Mode => {
            format!("SA {spi} is in {mode} mode, but a {kind} interface accepts only tunnel mode")
        }
        _ => format!("a {kind} interface accepts only outer {outer}, which SA {spi} does not have"),
    };
    let summary = format!("{}: {why}", drops(case, &lost));
    Ok(Found::proven(case, first, summary).severity(case.grade(Severity::Fault)).next(
        case,
        "show the mode and the addresses of the SA",
        Command::Sas,
    ))
}
