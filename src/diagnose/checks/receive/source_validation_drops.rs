//! VTI-406: source validation (rp_filter, VyOS's nftables rules, or others that ask for the reverse path) drops what the tunnel delivers.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::counted;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::filtered;
use crate::diagnose::found::Found;
use crate::diagnose::reverse_path::{self, Unrouted};
use crate::diagnose::validation;
use crate::diagnose::words::Word;
use crate::report::Confidence;
use crate::snapshot::{Driver, Family, Observed, Route, RouteType, Source};
use crate::units::PACKET;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::SourceValidationDrops,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[
        Code::NoInboundAssociation,
        Code::NoInboundPolicy,
        Code::InboundAssociationMismatch,
    ]),
    check,
};

const EXPLAIN: &str = "
What happens
    The interface counts received packets, but source validation drops
    them before they reach a socket or are forwarded. No error counter
    of the interface is rising.

Why
    Strict validation drops a packet unless the route to its source
    leads into the interface that the packet came from; loose validation
    drops it if no route to its source exists. On VyOS an nftables rule
    does this (source-validation of the interface, or of all), elsewhere
    rp_filter = 1 on the interface or on all, or a rule with fib of the
    distribution's firewall. Here the peer's prefixes are not routed
    into the tunnel. rp_filter does not concern xfrm interfaces; rules
    do.

How to confirm
    {ValidationOfInterfaces}
    {RpFilter}
    {ReversePathCounter}

What to do
    Route the peer's prefixes into the tunnel. Or set the interface to
    loose validation:
    {ValidateLoosely}
    Without VyOS: set rp_filter of all to 0, of the interface to 2 or 0.
";

/// The modes of rp_filter (Documentation/networking/ip-sysctl.rst).
const STRICT: u32 = 1;
const LOOSE: u32 = 2;
const SITE: &str = "fib_validate_source(): -EXDEV";
/// The counter of what rp_filter drops, of all interfaces together.
const DROPPED: &str = "TcpExtIPReversePathFilter";

fn check(case: &Case<'_>) -> Outcome {
    // Each can drop packets without the others, and be read without the others.
    let outcomes = [validation::check(case), rp_filter(case), by_another_rule(case)];
    let mut unconfirmed = None;
    for outcome in outcomes {
        match outcome {
            Ok(found) => return Ok(found),
            // Undetermined outranks not applicable, and that outranks ruled out.
            Err(undetermined @ Unconfirmed::Undetermined(_)) => {
                let first =
                    unconfirmed.take().filter(|u| matches!(u, Unconfirmed::Undetermined(_)));
                unconfirmed = Some(first.unwrap_or(undetermined));
            }
            Err(other) => drop(unconfirmed.get_or_insert(other)),
        }
    }
    Err(unconfirmed.unwrap_or(Unconfirmed::RuledOut))
}

fn rp_filter(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA no packets are expected from the peer",
        ));
    };
    let tunnel = case.tunnel()?;
    // Packets from an xfrm interface keep their secpath, which exempts them (fib_validate_source()).
    if tunnel.driver == Driver::Xfrm {
        return Err(Unconfirmed::RuledOut);
    }
    let all = case.now.sysctls.all_rp_filter.clone()?;
    let own = tunnel.link.ipv4.as_ref().map_or(0, |c| c.rp_filter);
    let mode = all.max(own);
    if !matches!(mode, STRICT | LOOSE) || inbound.own.is_empty() {
        return Err(Unconfirmed::RuledOut);
    }
    let mut unrouted = reverse_path::unrouted(case)?;
    if mode == LOOSE {
        // A route by any device is enough.
        let routes = case.now.routes.as_ref().map_err(Clone::clone)?;
        unrouted.retain(|source| !is_reached(routes, *source));
    }
    let prefix = unrouted.iter().find_map(|source| match source {
        Unrouted::Prefix(prefix) if prefix.addr().is_ipv4() => Some(prefix),
        _ => None,
    });
    let risen = || counted::ip_rise(case.now, case.before()?, DROPPED);
    let setting = format!("rp_filter: all {all}, {} {own}", case.name);
    if let Some(source) = prefix {
        let summary = match mode {
            LOOSE => format!(
                "loose rp_filter drops what the peer sends from {source}: this host has no route to that prefix"
            ),
            _ => format!(
                "strict rp_filter drops what the peer sends from {source}: that prefix is not routed into {}",
                case.name
            ),
        };
        let dropped = risen().ok().filter(|rise| *rise > 0);
        let dropped = dropped.map(|rise| format!("{DROPPED} +{rise} {}", case.during()));
        return Ok(Found::new(Confidence::Consistent, SITE, summary)
            .seen(case, setting, Source::RpFilter)
            .seen(case, format!("no route to {source} leads into {}", case.name), Source::Routes)
            .seen_if(case, dropped, Source::IpCounters)
            .next(case, "check the counter of the filter", Command::ReversePathCounter)
            .next(
                case,
                "route the prefix into the tunnel",
                Command::AddRouteInto.with(Word::Prefix, source),
            ));
    }
    by_counter(case, mode, setting, &unrouted, risen)
}

/// Whether any route leads to a source, by whichever device: one in a table that no rule asks for is taken for one, too.
fn is_reached(routes: &[Route], source: Unrouted) -> bool {
    let host = source.host();
    routes.iter().any(|r| r.route_type == RouteType::Unicast && r.destination.contains(&host))
}

/// The policies name no prefix that must have a reverse path, so only the counter shows that packets without one come in.
fn by_counter(
    case: &Case<'_>,
    mode: u32,
    setting: String,
    unrouted: &[Unrouted],
    risen: impl Fn() -> Observed<u64>,
) -> Outcome {
    let interval = case.counted.interval.as_ref().map_err(Clone::clone)?;
    let (received, sent) = (interval.rx_packets, interval.tx_packets);
    let dropped = if received > 0 { risen()? } else { 0 };
    let is_unrouted = unrouted.contains(&Unrouted::Everything(Family::Inet));
    // The counter is that of the host. A tunnel that sends something has some reverse path.
    let are_of_tunnel = dropped.saturating_mul(2) >= received;
    let may_be_others = sent > 0 || mode == LOOSE;
    if dropped == 0 || !are_of_tunnel || !is_unrouted && may_be_others {
        return Err(Unconfirmed::RuledOut);
    }
    let (how, why) = match mode {
        LOOSE => ("loose", "this host has no route to their sources"),
        _ => ("strict", "the routes to their sources lead elsewhere"),
    };
    let summary = format!(
        "{how} rp_filter dropped {} {}, while {} received {}: {why}",
        PACKET.of(dropped),
        case.during(),
        case.name,
        PACKET.of(received)
    );
    let routed = "only its own prefix is routed into it";
    let routed = is_unrouted.then(|| format!("{}: {routed}", case.name));
    let found = Found::new(Confidence::Consistent, SITE, summary)
        .seen(case, format!("{DROPPED} +{dropped} {}", case.during()), Source::IpCounters)
        .seen(case, setting, Source::RpFilter)
        .seen_if(case, routed, Source::Routes)
        .next(case, "check whether the counter is rising", Command::ReversePathCounter)
        .next(
            case,
            "see which sources come in: each needs a route into the tunnel",
            Command::Packets,
        );
    Ok(match mode {
        LOOSE => found,
        _ => found.next(case, "or accept any source that has a route", Command::RpFilterLoose),
    })
}

/// A rule of any table that asks for the reverse path, and is none of those that VyOS writes.
fn by_another_rule(case: &Case<'_>) -> Outcome {
    let unrouted = reverse_path::unrouted(case)?;
    // What has a reverse path passes, whatever the rules are.
    let filter = if unrouted.is_empty() { None } else { case.filter()? };
    let Some(filter) = filter else { return Err(Unconfirmed::RuledOut) };
    for source in unrouted {
        let Some((hook, by)) = reverse_path::refused_by(case, filter, source)? else { continue };
        let risen = filtered::risen(case, &by).ok().flatten().unwrap_or(0);
        let received = case.counted.rise(|c| c.rx_packets);
        let from = match source {
            Unrouted::Prefix(prefix) => {
                format!("from {prefix}: that prefix is not routed into {}", case.name)
            }
            Unrouted::Everything(_) => {
                // What answers has a reverse path.
                let (received, sent) = (received?, case.counted.rise(|c| c.tx_packets)?);
                if received == 0 || sent > 0 {
                    continue;
                }
                format!(
                    "from the networks behind the peer: nothing but its own prefix is routed into {}, which received {} {} and sent none",
                    case.name,
                    PACKET.of(received),
                    case.during()
                )
            }
        };
        let summary = format!("{} {} packets {from}", by.name(), by.does());
        let confidence = if risen > 0 && filtered::names(&by, case.name) {
            Confidence::Proven
        } else {
            Confidence::Consistent
        };
        let routes = match source {
            Unrouted::Prefix(prefix) => format!("no route to {prefix} leads into {}", case.name),
            Unrouted::Everything(_) => {
                format!("no route but those to its own prefixes leads into {}", case.name)
            }
        };
        let found = Found::new(confidence, "nft_fib: no route by the interface", summary)
            .filter(case, hook, &by)
            .seen(case, routes, Source::Routes);
        let add = match source {
            Unrouted::Prefix(prefix) => Command::AddRouteInto.with(Word::Prefix, prefix),
            Unrouted::Everything(_) => Command::AddRouteInto.into(),
        };
        return Ok(found.next(case, "see which sources come in", Command::Packets).next(
            case,
            "route them into the tunnel",
            add,
        ));
    }
    Err(Unconfirmed::RuledOut)
}
