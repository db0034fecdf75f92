//! VTI-131: the SA's addresses differ from those of the vti or vti6 interface.

use super::drops;
use crate::code::{Code, Severity, Stage};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::Driver;
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::EndpointMismatch, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The interface drops every packet routed into it and counts a carrier
    error for each. The SA is found, but its own packet counter stays 0,
    and no counter of /proc/net/xfrm_stat rises.

Why
    vti_state_check() compares the SA's destination with the interface's
    remote address, and the SA's source with its local address. They
    differ, for example because of NAT (the SA has the private address),
    a new address from DHCP, or a peer that moved. An xfrm interface has
    no such check.

How to confirm
    {LinkInDetail}\tlocal, remote
    {Sas}\tsrc, dst

What to do
    Set the interface's addresses to those of the SA, or set its local
    address to 0.0.0.0 (any).
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(&[Driver::Vti, Driver::Vti6], "an xfrm interface does not compare addresses")?;
    let lost = case.lost_to(Code::EndpointMismatch)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let why = match first.verdict.site {
        Site::TunnelEndpoint { address, .. } => {
            format!("the SA's destination {address} is an address of this host")
        }
        _ => {
            let mut trail = first.verdict.trail.iter().rev();
            let checked = trail.find(|s| s.stage == Stage::Device);
            let what =
                checked.map_or_else(String::new, |s| format!(": {} ({})", s.looked_at, s.result));
            format!("the SA's addresses differ from those of the interface{what}")
        }
    };
    Ok(Found::proven(case, first, format!("{}: {why}", drops(case, &lost)))
        .severity(case.grade(Severity::Fault))
        .next(case, "show the addresses of the interface", Command::LinkInDetail)
        .next(case, "show the addresses of the SA", Command::Sas))
}
