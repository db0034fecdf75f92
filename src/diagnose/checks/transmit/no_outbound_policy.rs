//! VTI-101: no outbound policy carries the interface's key.

use crate::diagnose::{Case, Diagnosis, Found};
use crate::report::{Code, Severity};
use crate::snapshot::Observed;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(101),
    name: "no-outbound-policy",
    severity: Severity::Fault,
    explain: EXPLAIN,
    masked_by: crate::diagnose::registry::NO_SA,
    check,
};

const EXPLAIN: &str = "
What happens
    Every packet routed into the interface is dropped and counted as a
    carrier error. No counter of /proc/net/xfrm_stat moves.

Why
    The device looks up a policy with its own key: the mark o_key (vti,
    vti6) or the if_id (xfrm). None has it, so the lookup gives back the
    plain route. It carries no SA, and the driver reports the link as
    failed. strongSwan installs the policies with the CHILD_SA and takes
    them away with it, unless start_action is trap: no policy mostly
    means that the CHILD_SA is not there.

How to confirm
    ip -d link show dev IFACE         the key
    ip xfrm policy list dir out       no policy with it

What to do
    show vpn ipsec sa                 is the CHILD_SA up?
    show vpn ike sa                   is the IKE_SA up?
    show log vpn ipsec                if not, why
    reset vpn ipsec site-to-site peer PEER
    If the CHILD_SA is up, its if_id or mark is not the interface's:
    check which interface the peer is bound to.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let lost = case.lost_to(101)?;
    let Some(first) = lost.first() else { return Ok(None) };
    let tunnel = case.tunnel()?;
    let summary = format!(
        "no outbound policy has the {} of {}: packets to {} are dropped",
        tunnel.key,
        case.name,
        Case::prefixes(&lost)
    );
    Ok(Some(
        Found::proven(case, first, summary)
            .severity(case.grade(Severity::Fault))
            .next(case, "see whether the CHILD_SA is up", "show vpn ipsec sa", "swanctl --list-sas")
            .next(
                case,
                "see why it is not",
                "show log vpn ipsec",
                "journalctl -u strongswan --since -10min",
            )
            .next(
                case,
                "compare the keys of the policies",
                "show vpn ipsec policy",
                "ip xfrm policy list dir out",
            ),
    ))
}
