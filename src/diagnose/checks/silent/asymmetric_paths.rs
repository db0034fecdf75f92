//! VTI-311: what goes out by one tunnel comes back by another.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::units::PACKET;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::AsymmetricPaths,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[
        Code::SourceValidationDrops,
        Code::RefusedAfterDecryption,
        Code::NotForwarded,
    ]),
    check,
};

const EXPLAIN: &str = "
What happens
    Packets to the peer's networks leave by one tunnel, and the answers
    come back by another. No packet is lost for this reason alone.

Why
    Each end chooses the route for what it sends. With two tunnels to
    the same networks (active/active gateways of clouds, ECMP, BGP with
    other preferences at the two ends) the two directions may differ.
    It does harm where this host expects both directions on one
    interface: rp_filter = 1, nftables rules with fib, connection
    tracking that sees one half only (ct state invalid), zones that
    allow one of the two interfaces.

How to confirm
    {ShowTwice}
    {RouteInside}

What to do
    Nothing, where all traffic passes. Otherwise make both ends prefer
    the same tunnel (BGP: local preference here, MED or a longer
    AS path towards the peer), or set rp_filter to loose (2) and allow
    both interfaces in the firewall.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(partner) = case.partner()? else { return Err(Unconfirmed::RuledOut) };
    let (own, other) = (&partner.own, &partner.other);
    let name = &partner.tunnel.link.name;
    let during = case.during();
    let (does, has_done) = if own.sent > 0 {
        (format!("sends, and the answers come by {name}"), "received")
    } else {
        (format!("receives, and the answers leave by {name}"), "sent")
    };
    let (of_own, of_other) =
        (own.sent.saturating_add(own.received), other.sent.saturating_add(other.received));
    let verb = if own.sent > 0 { "sent" } else { "received" };
    let summary = format!(
        "{} only {does}: {} {} {verb}, {name} {has_done} {} {during}",
        case.name,
        case.name,
        PACKET.of(of_own),
        PACKET.of(of_other)
    );
    let confidence = if partner.is_only { Confidence::Consistent } else { Confidence::Possible };
    Ok(Found::new(confidence, "each end chooses its own routes", summary)
        .seen(case, format!("{}: {} {verb} {during}", case.name, PACKET.of(of_own)), Source::Links)
        .seen(case, format!("{name}: {} {has_done} {during}", PACKET.of(of_other)), Source::Links)
        .next(case, "show the route that packets to the peer take", Command::RouteInside)
        .keeps_severity("that nothing is routed into one of the two is how they share the traffic")
        .next(case, "check that strict source validation is off", Command::RpFilter))
}
