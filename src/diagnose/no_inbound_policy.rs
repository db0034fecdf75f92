//! VTI-404: packets are decrypted, and no policy lets them in.

use super::inbound::Inbound;
use super::{Case, Diagnosis, Found};
use crate::report::{Code, Confidence, Severity};
use crate::snapshot::{Driver, Observed, PolicyDirection, Source};

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code(404),
    name: "no-inbound-policy",
    severity: Severity::Fault,
    explain: EXPLAIN,
    masked_by: &[405],
    check,
};

const EXPLAIN: &str = "
What happens
    The inbound SA counts packets, and nothing arrives. On vti and vti6
    rx_errors and rx_dropped rise; an xfrm interface counts rx_packets
    and the packet is lost behind it. XfrmInNoPols moves.

Why
    A decrypted packet must match a policy that names the SA it came by:
    direction in for this host, and on xfrm interfaces direction fwd for
    what is forwarded. None with the interface's input key or if_id is
    there.

How to confirm
    ip xfrm policy list dir in
    ip xfrm policy list dir fwd

What to do
    reset vpn ipsec site-to-site peer PEER
    With manual SAs add the missing policy.
";

fn check(case: &Case<'_>) -> Observed<Option<Found>> {
    let Some(inbound) = Inbound::of(case)? else { return Ok(None) };
    let tunnel = case.tunnel()?;
    if inbound.own.is_empty() {
        return Ok(None);
    }
    let forwards =
        tunnel.driver == Driver::Xfrm && tunnel.link.ipv4.as_ref().is_some_and(|c| c.forwarding);
    let no_in = tunnel.own_policies(PolicyDirection::In)?.is_empty();
    let no_forward = forwards && tunnel.own_policies(PolicyDirection::Forward)?.is_empty();
    let (direction, what) = match (no_in, no_forward) {
        (true, _) => ("in", "what the peer sends is decrypted and then dropped"),
        (false, true) => {
            ("fwd", "what the peer sends for hosts behind this one is decrypted and then dropped")
        }
        (false, false) => return Ok(None),
    };
    let list = format!("ip xfrm policy list dir {direction}");
    Ok(Some(
        Found::new(
            Confidence::Proven,
            "__xfrm_policy_check: XfrmInNoPols",
            format!("no policy of direction {direction} has the {}: {what}", tunnel.key),
        )
        .seen(
            case,
            format!("no policy dir {direction} with the {}", tunnel.key),
            Source::SecurityPolicies,
        )
        .seen_if(case, case.counted.words("rx_errors", |c| c.rx_errors), Source::Links)
        .next(case, "see the policies", "show vpn ipsec policy", &list)
        .next(
            case,
            "negotiate anew",
            "reset vpn ipsec site-to-site peer PEER",
            "swanctl --terminate --child NAME",
        ),
    ))
}
