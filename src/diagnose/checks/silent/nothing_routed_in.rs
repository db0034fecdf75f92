//! VTI-308: the tunnel works, but no route leads packets for the networks behind the peer into it.

use crate::code::{Code, Severity};
use crate::diagnose::call::Call;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::flows;
use crate::diagnose::found::Found;
use crate::diagnose::words::Word;
use crate::report::Confidence;
use crate::snapshot::{PolicyDirection, Source};
use ipnet::IpNet;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NothingRoutedIn,
    explain: EXPLAIN,
    // Where source validation drops inbound packets for want of the same route, that finding names the loss, and its remedy is the route.
    masked_by: MaskedBy::Codes(&[Code::SourceValidationDrops, Code::AsymmetricPaths]),
    check,
};

const EXPLAIN: &str = "
What happens
    The tunnel is up and has its SAs, but packets for the networks
    behind the peer never enter it. They take another route, often the
    default route. Then they leave unencrypted, or a router on the path
    drops them. No counter of the interface is rising.

Why
    A route-based tunnel carries only what is routed into it, whatever
    its policies cover. Here the only routes into the interface are
    those to its own prefixes. The static route is missing, or was
    removed together with the interface's address; or BGP or OSPF has no
    neighbour; or the route is in a table that no rule selects.

How to confirm
    {Routes}
    {RouteInside}\tmust lead into the tunnel

What to do
    With BGP or OSPF over the tunnel: check the neighbour first.
    {AddRouteInto}
";

fn check(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    if tunnel.collects_metadata() {
        return Err(Unconfirmed::NotApplicable("the if_id comes with each packet"));
    }
    if tunnel.serves_clients().is_some() {
        return Err(Unconfirmed::NotApplicable("its clients have addresses in its own prefix"));
    }
    let sas = tunnel.outbound_sas()?;
    let Some(sa) = sas.first().filter(|_| tunnel.link.admin_up) else {
        return Err(Unconfirmed::NotApplicable("it is down or has no outbound SA"));
    };
    tunnel.state.routes_through(tunnel.link.ifindex)?;
    let own = flows::own_prefixes(tunnel)?;
    let is_own = |prefix: &IpNet| own.iter().any(|own| own.contains(prefix));
    let policies = tunnel.own_policies(PolicyDirection::Out)?;
    let wanted = || policies.iter().map(|p| p.selector.destination).filter(|d| !is_own(d));
    // If the policies cover only its own prefixes, no further route is needed.
    if wanted().next().is_none() || flows::routed_prefixes(tunnel).iter().any(|r| !is_own(r)) {
        return Err(Unconfirmed::RuledOut);
    }
    let control = tunnel.control().ok();
    let peer = control.as_ref().and_then(|c| c.name()).unwrap_or("the peer");
    let (name, list) = (case.name, own.iter().map(IpNet::to_string).collect::<Vec<_>>().join(", "));
    let routed = if own.is_empty() {
        format!("no route leads into {name}")
    } else {
        format!("the only route into {name} is that to its own prefix {list}")
    };
    let summary =
        format!("packets for the networks behind {peer} do not enter the tunnel: {routed}");
    // A routing protocol, or a ping to the remote end, uses the tunnel even without such a route.
    let is_used = case.counted.rise(|c| c.tx_packets).is_ok_and(|rise| rise > 0);
    // A selector for all addresses does not show which networks are behind the peer.
    let known = wanted().find(|prefix| prefix.prefix_len() > 0);
    let place = |command: Command, word| match known {
        Some(prefix) => Call::from(command).with(word, prefix),
        None => command.into(),
    };
    let negotiated = known
        .map(|prefix| format!("its policies cover {prefix}, but no route to it leads into {name}"));
    Ok(Found::new(Confidence::Consistent, "the packet is routed elsewhere", summary)
        .severity(if is_used { Severity::Notice } else { Severity::Warning })
        .seen(case, routed, Source::Routes)
        .seen_if(case, negotiated, Source::SecurityPolicies)
        .seen(
            case,
            format!("SA {} to {} could carry them", sa.spi, sa.destination),
            Source::SecurityAssociations,
        )
        .next(case, "show the route that such packets take", Command::RouteInside)
        .next(
            case,
            "route the networks behind the peer into the tunnel",
            place(Command::AddRouteInto, Word::Prefix),
        ))
}
