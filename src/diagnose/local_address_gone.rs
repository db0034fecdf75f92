//! VTI-122: the SA's source address is not on this host any more.

use super::{Case, Diagnosis, Found};
use crate::report::{Code, Severity};
use crate::snapshot::{Observed, Source};
use crate::transmit::Site;

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(122),
    name: "local-address-gone",
    severity: Severity::Fault,
    explain: EXPLAIN,
    masked_by: &[],
    check,
};

const EXPLAIN: &str = "
What happens
    Every packet routed into the interface is dropped and counted as a
    carrier error. On vti and xfrm XfrmOutBundleGenError moves with it.

Why
    The outer source of the SA is no address of this host: a DHCP lease
    or PPPoE session came back with another address, a VRRP address went
    to the other router, an interface lost its configuration. The route
    lookup from a foreign IPv4 source fails with -EINVAL; vti6 checks
    the source itself (ip6_tnl_xmit_ctl()).

How to confirm
    ip xfrm state list                src of the outbound SA
    ip address show                   not there

What to do
    Bring the address back, or negotiate from the new one:
    reset vpn ipsec site-to-site peer PEER
    With dynamic addresses use dhcp-interface instead of local-address.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let lost = case.lost_to(122)?;
    let Some(first) = lost.first() else { return Ok(None) };
    let (Site::OuterRoute { source: address, .. } | Site::TunnelEndpoint { address, .. }) =
        first.verdict.site
    else {
        return Ok(None);
    };
    Ok(Some(
        Found::proven(
            case,
            first,
            format!("the SA sends from {address}, which is not an address of this host"),
        )
        .severity(case.grade(Severity::Fault))
        .seen(case, format!("{address} is on no interface"), Source::Addresses)
        .next(case, "see the addresses of this host", "show interfaces", "ip -brief address")
        .next(
            case,
            "negotiate from the new address",
            "reset vpn ipsec site-to-site peer PEER",
            "swanctl --terminate --ike NAME",
        ),
    ))
}
