//! VTI-308: the tunnel works, and no route leads into it what is behind the peer.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Call, Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::flows;
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{PolicyDirection, Source};
use ipnet::IpNet;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NothingRoutedIn,
    explain: EXPLAIN,
    // Where the missing route makes the host refuse what comes in, that is what is lost, and its remedy is the route.
    masked_by: MaskedBy::Codes(&[Code::SourceValidationDrops]),
    check,
};

const EXPLAIN: &str = "
What happens
    The tunnel is up and has its SAs, and packets for the networks
    behind the peer never enter it. They follow another route, perhaps
    the default route: then they leave in clear, or are dropped by a
    router on the way. No counter of the interface moves.

Why
    A route-based tunnel carries what is routed into it, whatever its
    policies cover. No route leads into the interface but those to its
    own prefixes: the static route is missing or went away with the
    interface's address, BGP or OSPF has no neighbour, or the route is
    in a table that no rule selects.

How to confirm
    {Routes}
    {RouteInside}\tdoes it lead to the tunnel?

What to do
    {AddRouteInto}
    With BGP or OSPF over the tunnel: look at the neighbour first.
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    if tunnel.collects_metadata() {
        return Err(Unconfirmed::NotApplicable("the if_id comes with each packet"));
    }
    if tunnel.serves_clients().is_some() {
        return Err(Unconfirmed::NotApplicable("its clients are in its own prefix"));
    }
    let sas = tunnel.outbound_sas()?;
    let Some(sa) = sas.first().filter(|_| tunnel.link.admin_up) else {
        return Err(Unconfirmed::NotApplicable("it is down, or has no SA to send with"));
    };
    tunnel.state.routes_through(tunnel.link.ifindex)?;
    let own = flows::own_prefixes(tunnel)?;
    let is_own = |prefix: &IpNet| own.iter().any(|own| own.contains(prefix));
    let policies = tunnel.own_policies(PolicyDirection::Out)?;
    let wanted = || policies.iter().map(|p| p.selector.destination).filter(|d| !is_own(d));
    // Where nothing but the own prefix was negotiated, nothing else is missed.
    if wanted().next().is_none() || flows::routed_prefixes(tunnel).iter().any(|r| !is_own(r)) {
        return Err(Unconfirmed::RuledOut);
    }
    let control = tunnel.control().ok();
    let peer = control.as_ref().and_then(|c| c.name()).unwrap_or("the peer");
    let (name, list) = (case.name, own.iter().map(IpNet::to_string).collect::<Vec<_>>().join(", "));
    let routed = if own.is_empty() {
        format!("no route leads into {name}")
    } else {
        format!("no route leads into {name} but that to its own prefix {list}")
    };
    let summary =
        format!("{routed}: packets for the networks behind {peer} do not enter the tunnel");
    // A routing protocol, or somebody who pings the other end, uses it all the same.
    let is_used = case.counted.rise(|c| c.tx_packets).is_ok_and(|rise| rise > 0);
    // A selector of all addresses does not tell which networks are behind the peer.
    let told = wanted().find(|prefix| prefix.prefix_len() > 0);
    let place = |command: Command, word| match told {
        Some(prefix) => Call::from(command).with(word, prefix),
        None => command.into(),
    };
    let negotiated = told
        .map(|prefix| format!("its policies cover {prefix}, and no route to it leads into {name}"));
    Ok(Found::new(Confidence::Consistent, "the packet is routed elsewhere", summary)
        .severity(if is_used { Severity::Notice } else { Severity::Warning })
        .seen(case, routed, Source::Routes)
        .seen_if(case, negotiated, Source::SecurityPolicies)
        .seen(
            case,
            format!("SA {} to {}: the tunnel could carry them", sa.spi, sa.destination),
            Source::SecurityAssociations,
        )
        .next(case, "see where such packets go", Command::RouteInside)
        .next(
            case,
            "route the networks behind the peer into the tunnel",
            place(Command::AddRouteInto, Word::Prefix),
        ))
}
