//! VTI-703: the two sides of an SA differ in a parameter, or the interfaces in their MTU.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Sa, Source};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::EndsDifferInParameters,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Both ends have an SA of one SPI, and what one end sends the other
    end refuses; or packets that fit into the tunnel at one end are too
    big for the other.

Why
    The two sides of an SA must have the same mode, the same kind of
    sequence numbers (ESN) and the same encapsulation in UDP. With other
    keys or another algorithm the integrity check fails: that is
    VTI-402 at the end that receives. IKE negotiates all of these; SAs
    that were installed by hand or changed later can differ. The MTU of
    the two interfaces is not negotiated.

How to confirm
    {SasInDetail}
    {LinkInDetail}
    on both ends

What to do
    Negotiate the CHILD_SA again, or correct what is configured by hand.
    Set the smaller MTU on both ends.
";

fn check(case: &Case<'_>) -> Outcome {
    let (here, ends) = (case.tunnel()?, case.ends()?);
    let (this, other) = (case.name, ends.other());
    let outward = ends.outward.pairs.iter().map(|(here, there)| (*here, *there));
    let inward = ends.inward.pairs.iter().map(|(there, here)| (*here, *there));
    for (own, others) in outward.chain(inward) {
        let Some((what, is, was)) = difference(own, others) else { continue };
        let summary = format!(
            "SA {}: {what} is {is} at {this} and {was} at {other}: packets of this SA are refused on arrival",
            own.spi
        );
        return Ok(Found::new(Confidence::Proven, "xfrm_input: the SA does not fit", summary)
            .concluded(format!("{this}: {what} {is}"), Source::SecurityAssociations)
            .concluded(format!("{other}: {what} {was}"), Source::SecurityAssociations)
            .next(case, "compare the SAs on both ends", Command::SasInDetail)
            .next(case, "negotiate the CHILD_SA again", Command::RestartChild));
    }
    let (mtu, other_mtu) = (here.link.mtu, ends.tunnel.link.mtu);
    if mtu == other_mtu {
        return Err(Unconfirmed::RuledOut);
    }
    let summary = format!(
        "the MTU is {mtu} at {this} and {other_mtu} at {other}: larger packets pass in one direction only"
    );
    Ok(Found::new(Confidence::Consistent, "IFLA_MTU", summary)
        .severity(Severity::Notice)
        .titled("MTU differs between the ends")
        .seen(case, format!("{this}: MTU {mtu}"), Source::Links)
        .concluded(format!("{other}: MTU {other_mtu}"), Source::Links))
}

/// What differs, here and there.
fn difference(here: &Sa, there: &Sa) -> Option<(&'static str, String, String)> {
    let esn = |sa: &Sa| if sa.uses_esn() { "on" } else { "off" }.to_owned();
    let in_udp =
        |sa: &Sa| if sa.encapsulation.is_some() { "ESP in UDP" } else { "plain ESP" }.to_owned();
    let mode = |sa: &Sa| sa.mode.to_string();
    [
        ("mode", mode(here), mode(there)),
        ("ESN", esn(here), esn(there)),
        ("encapsulation", in_udp(here), in_udp(there)),
    ]
    .into_iter()
    .find(|(_, is, was)| is != was)
}
