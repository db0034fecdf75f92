//! VTI-404: packets are decrypted, and no policy lets them in.

use crate::code::Code;
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Action, Driver, Policy, PolicyDirection, ReqId, Sa, Source, Template};

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::NoInboundPolicy,
    explain: EXPLAIN,
    masked_by: MaskedBy::Codes(&[Code::InboundAssociationMismatch]),
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
    what is forwarded. None with the interface's input mark or if_id is
    there, or the one that is there blocks or asks for another SA.

How to confirm
    {InboundPolicies}
    {ForwardPolicies}

What to do
    {anew}
    With manual SAs add the missing policy.
";

fn check(case: &Case<'_>) -> Outcome {
    let Some(inbound) = case.inbound()? else {
        return Err(Unconfirmed::NotApplicable(
            "without an outbound SA nothing is expected to come in",
        ));
    };
    let tunnel = case.tunnel()?;
    if inbound.own.is_empty() {
        return Err(Unconfirmed::RuledOut);
    }
    let policies = tunnel.own_policies(PolicyDirection::In)?;
    let forwards =
        tunnel.driver == Driver::Xfrm && tunnel.link.ipv4.as_ref().is_some_and(|c| c.forwarding);
    let no_forward = forwards && tunnel.own_policies(PolicyDirection::Forward)?.is_empty();
    let lets_in = inbound.own.iter().any(|a| policies.iter().any(|p| lets_in(p, a)));
    let dropped = "what the peer sends is decrypted and then dropped";
    let wanted = tunnel.mark_or_if_id;
    let (site, summary, list) = if policies.is_empty() {
        let summary = format!("no policy of direction in has the {wanted}: {dropped}");
        ("__xfrm_policy_check: XfrmInNoPols", summary, Command::InboundPolicies)
    } else if !lets_in {
        let summary = format!(
            "no policy of direction in with the {wanted} lets in what came by its SA (action, reqid, mode): {dropped}"
        );
        (
            "__xfrm_policy_check: XfrmInPolBlock or XfrmInTmplMismatch",
            summary,
            Command::InboundPolicies,
        )
    } else if no_forward {
        let summary = format!(
            "no policy of direction fwd has the {wanted}: {dropped} if it is for hosts behind this one"
        );
        ("__xfrm_policy_check: XfrmInNoPols", summary, Command::ForwardPolicies)
    } else {
        return Err(Unconfirmed::RuledOut);
    };
    let first = policies.first().map(|p| {
        let asks = p
            .templates
            .first()
            .map_or("no template".to_owned(), |t| format!("reqid {}, mode {}", t.reqid, t.mode));
        format!("policy dir in {}: {:?}, {asks}", p.selector, p.action)
    });
    let sa =
        inbound.own.first().map(|a| format!("SA {}: reqid {}, mode {}", a.spi, a.reqid, a.mode));
    Ok(Found::new(Confidence::Proven, site, summary)
        .seen_if(case, first, Source::SecurityPolicies)
        .seen_if(case, sa, Source::SecurityAssociations)
        .seen_if(case, case.counted.words("rx_errors", |c| c.rx_errors), Source::Links)
        .next(case, "see the policies", list)
        .next(case, "negotiate anew", Command::RestartChild))
}

/// Whether a policy accepts a packet that came by the SA: `__xfrm_policy_check()` with `xfrm_state_ok()`.
fn lets_in(policy: &Policy, sa: &Sa) -> bool {
    let takes = |t: &Template| {
        (t.reqid == ReqId(0) || t.reqid == sa.reqid)
            && t.mode == sa.mode
            && t.protocol == sa.protocol
    };
    policy.action == Action::Allow && policy.templates.iter().any(takes)
}
