//! VTI-123: the VTI and the underlay are in different VRFs.

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
    Every packet routed into the interface is dropped and counted as a
    carrier error; XfrmOutBundleGenError moves with it.

Why
    A vti or vti6 device looks the outer route up in its own VRF, but
    the address that the SA sends from belongs to another one. (An xfrm
    interface looks in the VRF of the device it was created on, so it
    can sit in another VRF than its underlay.)

How to confirm
    {LinkInDetail}\tmaster
    {RouteToPeer}\tvrf VRF: as the interface asks

What to do
    Put both into one VRF, leak a route to the peer into the VTI's VRF,
    or use an xfrm interface (VyOS 1.4 and later do).
";

fn check(case: &Case<'_>) -> Outcome {
    case.of_driver(
        &[Driver::Vti, Driver::Vti6],
        "an xfrm interface looks the peer up where its outer interface is",
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
        "{} is in {looked_in}, but {source}, which the SA sends from, is in {has}: no route to {destination}",
        case.name
    );
    Ok(Found::proven(case, first, summary)
        .severity(case.grade(Severity::Fault))
        .seen(case, format!("{source} is in {has}"), Source::Addresses)
        .next(case, "see the VRFs", Command::Vrfs))
}
