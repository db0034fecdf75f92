//! VTI-123: the VTI and the underlay are in different VRFs.

use super::drops;
use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::snapshot::{Driver, Link, Source};
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::PeerInAnotherVrf, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The interface drops every packet routed into it and counts a carrier
    error for each. XfrmOutBundleGenError rises, too.

Why
    A vti or vti6 interface looks up the outer route in its own VRF, but
    the SA's source address belongs to another VRF. (An xfrm interface
    uses the VRF of the interface it was created on, so it can be in
    another VRF than its underlay.)

How to confirm
    {LinkInDetail}\tmaster
    {RouteToPeer}\tadd vrf VRF, as the interface does

What to do
    Put both into one VRF, leak a route to the peer into the VTI's VRF,
    or use an xfrm interface (as VyOS 1.4 and later does).
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(
        &[Driver::Vti, Driver::Vti6],
        "an xfrm interface looks up the peer in the VRF of its outer interface",
    )?;
    let lost = case.lost_to(Code::PeerInAnotherVrf)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    let Site::OuterRoute { source, destination, .. } = first.verdict.site else {
        return Err(Unconfirmed::RuledOut);
    };
    let tunnel = case.tunnel()?;
    let name = |vrf: Option<&Link>| {
        vrf.map_or_else(|| "the default VRF".to_owned(), |l| format!("VRF {}", l.name))
    };
    let looked_in = name(tunnel.outer_vrf()?);
    let holder = tunnel
        .state
        .local_addresses(source)?
        .iter()
        .next()
        .map(|a| tunnel.state.vrf_of(a.ifindex))
        .transpose()?;
    let has = name(holder.flatten());
    let summary = format!(
        "{}: it is in {looked_in}, but its SA sends from {source} in {has}, so there is no route to {destination}",
        drops(case, &lost)
    );
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .seen(case, format!("{source} is in {has}"), Source::Addresses)
        .next(case, "list the VRFs", Command::Vrfs))
}
