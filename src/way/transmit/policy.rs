//! Policy lookup: `xfrm_policy_lookup()` and `xfrm_expand_policies()`, once for the routed packet and once in the device.

use crate::kernel::Change;
use crate::snapshot::{Family, IfId, LinkKind, Mode, Observed, Policy, PolicyDirection, Source};
use crate::tunnel::Tunnel;
use crate::way::flow::Flow;
use crate::way::policy::{Choice, InWords, Key, lookup, one_effect};
use crate::way::site::Site;
use crate::way::trail::{At, End, Trail, Walk, undecidable, which_kernel};

/// `flowi_oif` in the device's lookup: for vti and vti6 their own ifindex, for xfrm IFLA_XFRM_LINK.
pub(crate) const fn flow_oif(tunnel: &Tunnel<'_>) -> u32 {
    match &tunnel.link.kind {
        LinkKind::Xfrm(device) => device.link,
        _ => tunnel.link.ifindex,
    }
}

/// The lookup when the packet is routed, before it reaches the device: without an if_id, with the packet's own mark.
pub(super) fn first_lookup(tunnel: &Tunnel<'_>, flow: &Flow, trail: &mut Trail) -> Walk<()> {
    // This lookup has no if_id, so disable_xfrm also applies to xfrm interfaces.
    if route_disables_xfrm(tunnel, flow)? {
        // Policies are skipped, but the default policy is not.
        return if default_blocks(tunnel)? { Err(blocked_by_default(trail)) } else { Ok(()) };
    }
    let choices = outward(tunnel, flow, IfId(0), flow.mark, tunnel.link.ifindex)?;
    if flow.family() == Family::Inet6 {
        // The flow of a forwarded IPv6 packet has the device; the flow of a socket has none (ip6_dst_lookup_flow()).
        let of_socket = outward(tunnel, flow, IfId(0), flow.mark, 0)?;
        if choices.first().map(Choice::effect) != of_socket.first().map(Choice::effect) {
            let what = "whether a policy for one device matches the routed packet: it does only for a forwarded packet, not for one of this host";
            return Err(undecidable(Source::SecurityPolicies, what).into());
        }
    }
    one_effect(&choices)?;
    let Some(choice) = choices.first() else {
        return if default_blocks(tunnel)? { Err(blocked_by_default(trail)) } else { Ok(()) };
    };
    let Some(policy) = choice.blocks().or(choice.first()) else { return Ok(()) };
    if choice.blocks().is_none() && !choice.has_templates() {
        // A bypass policy: the packet continues unencrypted.
        return Ok(());
    }
    let transport = |p: &&Policy| p.templates.iter().all(|t| t.mode == Mode::Transport);
    if choice.blocks().is_none() && choice.policies.iter().all(transport) {
        // Transport mode keeps the route: the ESP packet reaches the device, which looks up a policy for it again.
        let what = "what the device does with packets that a transport-mode policy without its mark or if_id has already encrypted";
        return Err(undecidable(Source::SecurityPolicies, what).into());
    }
    trail.step(At::FirstLookup, InWords(policy), "taken before the interface");
    Err(End(Site::TakenByPolicy { index: policy.index, encrypts: choice.blocks().is_none() }))
}

fn blocked_by_default(trail: &mut Trail) -> End {
    let what = "for the routed packet, which no policy matches";
    trail.step(At::DefaultPolicy, what, "block");
    End(Site::DefaultBlock)
}

/// The lookup in the device. It returns several choices only if several policies have the best priority.
pub(super) fn device_lookup<'a>(
    tunnel: &Tunnel<'a>,
    flow: &Flow,
    trail: &mut Trail,
) -> Walk<Vec<Choice<'a>>> {
    if route_disables_xfrm(tunnel, flow)? && disable_counts(tunnel)? {
        trail.step(
            At::PolicyOut,
            "disable_xfrm is set, so this interface looks up no policy",
            "skipped",
        );
        if default_blocks(tunnel)? {
            return Err(End(Site::PolicyBlock { index: None }));
        }
        return Err(End(Site::XfrmDisabled));
    }
    let (if_id, mark) = (tunnel.if_id(), tunnel.lookup_mark(flow.mark));
    let choices = outward(tunnel, flow, if_id, mark, flow_oif(tunnel))?;
    let Some(policy) = choices.first().and_then(Choice::first) else {
        let own = tunnel.own_policies(PolicyDirection::Out)?;
        let notes = own
            .iter()
            .take(8)
            .map(|p| format!("{}: {}", InWords(p), why_not(p, flow, mark)))
            .collect();
        let looked_at = format!("{}, {flow}", tunnel.mark_or_if_id);
        let result = if own.is_empty() { "none" } else { "none matches" };
        trail.with_notes(At::PolicyOut, looked_at, result, notes);
        if default_blocks(tunnel)? {
            return Err(End(Site::PolicyBlock { index: None }));
        }
        return Err(End(Site::NoPolicy { has_own: !own.is_empty() }));
    };
    one_effect(&choices)?;
    trail.step(At::PolicyOut, InWords(policy), "match");
    if let Some(policy) = choices.first().and_then(Choice::blocks) {
        trail.step(At::Action, InWords(policy), "block");
        return Err(End(Site::PolicyBlock { index: Some(policy.index) }));
    }
    if !choices.iter().any(Choice::has_templates) {
        trail.step(At::Template, "of the policy", "none");
        return Err(End(Site::NoTemplate { index: policy.index }));
    }
    Ok(choices)
}

fn outward<'a>(
    tunnel: &Tunnel<'a>,
    flow: &Flow,
    if_id: IfId,
    mark: u32,
    oif: u32,
) -> Observed<Vec<Choice<'a>>> {
    lookup(tunnel.state, PolicyDirection::Out, flow, Key { if_id, mark, oif })
}

/// Whether disable_xfrm applies to the device's lookup: always without an if_id; with an if_id only on older kernels.
fn disable_counts(tunnel: &Tunnel<'_>) -> Observed<bool> {
    if tunnel.if_id() == IfId(0) {
        return Ok(true);
    }
    match tunnel.state.kernel.has(Change::XfrmIgnoresDisableXfrm) {
        Some(ignores) => Ok(!ignores),
        None => Err(which_kernel(tunnel, "applies disable_xfrm to xfrm interfaces")),
    }
}

/// DST_NOXFRM: disable_xfrm of the device or of all, for IPv4 routes.
fn route_disables_xfrm(tunnel: &Tunnel<'_>, flow: &Flow) -> Observed<bool> {
    if flow.family() != Family::Inet {
        return Ok(false);
    }
    if tunnel.link.ipv4.as_ref().is_some_and(|c| c.disable_xfrm) {
        return Ok(true);
    }
    let snapshot = &tunnel.state.snapshot;
    let counts = tunnel.state.kernel.has(Change::DisableXfrmOfAll);
    if counts == Some(false) || !snapshot.sysctls.all_disable_xfrm.clone()? {
        return Ok(false);
    }
    counts.ok_or_else(|| which_kernel(tunnel, "applies net.ipv4.conf.all.disable_xfrm"))
}

fn default_blocks(tunnel: &Tunnel<'_>) -> Observed<bool> {
    crate::way::policy::default_blocks(tunnel.state, PolicyDirection::Out)
}

fn why_not(policy: &Policy, flow: &Flow, mark: u32) -> &'static str {
    if policy.selector.family != flow.family() {
        "has another address family"
    } else if !policy.mark.admits(mark) {
        "the packet has another mark"
    } else {
        "its selector does not match"
    }
}
