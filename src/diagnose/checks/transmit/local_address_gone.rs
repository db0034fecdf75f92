//! VTI-122: the SA's source address is no longer an address of this host.

use super::drops;
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
    The interface drops every packet routed into it and counts a carrier
    error for each; on vti and xfrm XfrmOutBundleGenError rises, too.
    Exception: an xfrm interface over IPv6 still sends, but no answer
    arrives.

Why
    The outer source address of the SA is not an address of this host: a
    DHCP lease or a PPPoE session came back with another address, a VRRP
    address moved to the other router, or an interface lost its
    configuration. The kernel's route lookup from such an IPv4 source
    fails with -EINVAL; vti6 checks the source itself
    (ip6_tnl_xmit_ctl()).

How to confirm
    {Sas}\tsrc of the outbound SA
    {Addresses}\tdoes not list it

What to do
    Restore the address, or negotiate from the new address:
    {renegotiate}
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
    let summary = format!(
        "{}: its SA sends from {address}, but no interface has that address",
        drops(case, &lost)
    );
    let found = Found::proven(case, first, summary).severity(case.grade(Severity::Fault));
    Ok(advice(case, found, address))
}

/// An xfrm interface over IPv6 sends even from an address that this host does not have. Then the answers do not arrive.
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
            "{} gets no answers: its SA sends from {address}, but no interface has that address",
            case.name
        );
        let site = "packets leave, but the answers go to an address that this host does not have";
        let found = Found::new(Confidence::Consistent, site, summary);
        return Ok(advice(case, found, address));
    }
    Err(Unconfirmed::RuledOut)
}

fn advice(case: &Case<'_>, found: Found, address: std::net::IpAddr) -> Found {
    found
        .seen(case, format!("no interface has the address {address}"), Source::Addresses)
        .next(case, "list the addresses of this host", Command::OuterInterfaces)
        .next(case, "restart the negotiation from the new address", Command::RestartIke)
}
