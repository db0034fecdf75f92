//! VTI-122: the SA's source address is not on this host any more.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::Source;
use crate::way::Site;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::LocalAddressGone, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    Every packet routed into the interface is dropped and counted as a
    carrier error. On vti and xfrm XfrmOutBundleGenError moves with it.
    An xfrm interface over IPv6 sends all the same, and no answer comes.

Why
    The outer source of the SA is no address of this host: a DHCP lease
    or PPPoE session came back with another address, a VRRP address went
    to the other router, an interface lost its configuration. The route
    lookup from a foreign IPv4 source fails with -EINVAL; vti6 checks
    the source itself (ip6_tnl_xmit_ctl()).

How to confirm
    {Sas}\tsrc of the outbound SA
    {Addresses}\tnot there

What to do
    Bring the address back, or negotiate from the new one:
    {anew}
    With dynamic addresses use dhcp-interface instead of local-address.
";

fn check(case: &Case<'_>) -> Outcome {
    let lost = case.lost_to(Code::LocalAddressGone)?;
    let Some(first) = lost.first() else { return answers_lost(case) };
    let (Site::OuterRoute { source: address, .. } | Site::TunnelEndpoint { address, .. }) =
        first.verdict.site
    else {
        return Err(Unconfirmed::RuledOut);
    };
    let summary = format!("the SA sends from {address}, which is not an address of this host");
    let found = Found::proven(case, first, summary).severity(case.grade(Severity::Fault));
    Ok(advice(case, found, address))
}

/// An xfrm interface over IPv6 sends from a foreign address all the same; it is the answers that go elsewhere.
fn answers_lost(case: &Case<'_>) -> Outcome {
    let tunnel = case.tunnel()?;
    if !tunnel.link.admin_up {
        return Err(Unconfirmed::RuledOut);
    }
    for sa in tunnel.outbound_sas()? {
        let address = sa.source;
        if address.is_unspecified() || !tunnel.state.local_addresses(address)?.is_empty() {
            continue;
        }
        let summary = format!(
            "the SA sends from {address}, which is not an address of this host: what comes back to it is lost"
        );
        let site = "packets leave; the answers go to an address that is not here";
        let found = Found::new(Confidence::Consistent, site, summary);
        return Ok(advice(case, found, address));
    }
    Err(Unconfirmed::RuledOut)
}

fn advice(case: &Case<'_>, found: Found, address: std::net::IpAddr) -> Found {
    found
        .seen(case, format!("{address} is on no interface"), Source::Addresses)
        .next(case, "see the addresses of this host", Command::OuterInterfaces)
        .next(case, "negotiate from the new address", Command::RestartIke)
}
