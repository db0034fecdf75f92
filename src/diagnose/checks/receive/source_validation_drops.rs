//! VTI-406: what the tunnel delivers is refused by the way back of its source, by rp_filter or by VyOS's rules of nftables.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::{Command, Word};
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::diagnose::validation;
use crate::report::Confidence;
use crate::snapshot::{Driver, PolicyDirection, Source};
use ipnet::IpNet;

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
    The interface counts rx_packets, and what it delivers is dropped
    before any socket or forwarding. No error of the interface moves.

Why
    A packet is dropped unless the route back to its source leads out of
    the interface it came in by (strict), or leads anywhere (loose). On
    VyOS a rule of nftables does that (source-validation of the
    interface, or of all), else rp_filter = 1 on the interface or on
    all. The peer's prefixes are not routed into the tunnel.

How to confirm
    {ValidationOfInterfaces}
    {RpFilter}
    {ReversePathCounter}

What to do
    Route the peer's prefixes into the tunnel, or let the interface
    validate loosely:
    {ValidateLoosely}
    Without VyOS: rp_filter of the interface 2 or 0, with all at 0.
";

/// Strict mode.
const STRICT: u32 = 1;

fn check(case: &Case<'_>) -> Outcome {
    // Either can hold without the other, and be seen without it.
    match (validation::check(case), rp_filter(case)) {
        (Ok(found), _) | (_, Ok(found)) => Ok(found),
        // What could not be read comes before what does not arise, and that before what was ruled out.
        (Err(Unconfirmed::Undetermined(missing)), _)
        | (_, Err(Unconfirmed::Undetermined(missing))) => Err(missing.into()),
        (Err(unconfirmed), _) => Err(unconfirmed),
    }
}

fn rp_filter(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA nothing is expected to come in",
        ));
    };
    let tunnel = case.tunnel()?;
    // What an xfrm interface delivers keeps its secpath, and that exempts it.
    if tunnel.driver == Driver::Xfrm {
        return Err(Unconfirmed::RuledOut);
    }
    let all = case.now.sysctls.all_rp_filter.clone()?;
    let own = tunnel.link.ipv4.as_ref().map_or(0, |c| c.rp_filter);
    if all.max(own) != STRICT || inbound.own.is_empty() {
        return Err(Unconfirmed::RuledOut);
    }
    let routed = crate::diagnose::flows::routed_prefixes(tunnel);
    let unrouted = |source: &IpNet| {
        let reached = routed.iter().any(|r| r.contains(source) || source.contains(r));
        source.addr().is_ipv4() && source.prefix_len() > 0 && !reached
    };
    let sources = tunnel.own_policies(PolicyDirection::In)?.iter().map(|p| p.selector.source);
    let Some(source) = sources.into_iter().find(unrouted) else {
        return Err(Unconfirmed::RuledOut);
    };
    let summary = format!(
        "rp_filter is strict, and {source}, which the peer sends from, is not routed into {}",
        case.name
    );
    Ok(Found::new(Confidence::Consistent, "fib_validate_source(): -EXDEV", summary)
        .seen(case, format!("rp_filter: all {all}, {} {own}", case.name), Source::RpFilter)
        .seen(case, format!("no route to {source} through {}", case.name), Source::Routes)
        .next(case, "see whether the filter counts", Command::ReversePathCounter)
        .next(
            case,
            "route the prefix into the tunnel",
            Command::AddRouteInto.with(Word::Prefix, source),
        ))
}
