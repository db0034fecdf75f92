//! Policy lookup: `xfrm_policy_lookup()` and `xfrm_expand_policies()`, once for the routed packet and once in the device.

use crate::kernel::Change;
use crate::snapshot::{
    Action, Family, IfId, LinkKind, Mark, Mode, Observed, Policy, PolicyDirection, PolicyType,
    Reason, Source, Template,
};
use crate::tunnel::Tunnel;
use crate::way::flow::Flow;
use crate::way::site::Site;
use crate::way::trail::{At, End, Trail, Walk, undecidable, which_kernel};
use std::fmt;

/// The policies that one lookup yields: a sub policy and the main one, or one of them.
pub(super) struct Choice<'a> {
    /// In the order in which their templates are resolved.
    pub policies: Vec<&'a Policy>,
}

impl<'a> Choice<'a> {
    /// The policy that decides: the sub policy where there is one.
    fn first(&self) -> Option<&'a Policy> {
        self.policies.first().copied()
    }

    /// All that the way behind the lookup depends on: marks, if_ids, flags and templates.
    pub fn asks_for(&self) -> Vec<(Mark, IfId, u8, &'a [Template])> {
        let of = |p: &&'a Policy| (p.mark, p.if_id, p.flags, p.templates.as_slice());
        self.policies.iter().map(of).collect()
    }

    fn blocks(&self) -> Option<&'a Policy> {
        self.policies.iter().copied().find(|p| p.action == Action::Block)
    }

    fn has_templates(&self) -> bool {
        self.policies.iter().any(|p| !p.templates.is_empty())
    }

    /// What it does to a packet, before any SA is looked at.
    fn effect(&self) -> (bool, bool) {
        (self.blocks().is_some(), self.has_templates())
    }
}

/// Which of several policies of equal priority the kernel takes depends on its tables, so they must do the same.
fn one_effect(choices: &[Choice<'_>]) -> Walk<()> {
    match choices {
        [first, rest @ ..] if rest.iter().any(|choice| choice.effect() != first.effect()) => {
            let what = "which of the policies of equal priority is taken: they do different things";
            Err(undecidable(Source::SecurityPolicies, what).into())
        }
        _ => Ok(()),
    }
}

/// How the device fills in `flowi_oif`: vti and vti6 leave their own ifindex, xfrm puts IFLA_XFRM_LINK.
pub(crate) const fn flow_oif(tunnel: &Tunnel<'_>) -> u32 {
    match &tunnel.link.kind {
        LinkKind::Xfrm(device) => device.link,
        _ => tunnel.link.ifindex,
    }
}

/// The lookup that the packet goes through when it is routed, before the device: without an if_id, with the packet's own mark.
pub(super) fn first_lookup(tunnel: &Tunnel<'_>, flow: &Flow, trail: &mut Trail) -> Walk<()> {
    // This lookup has no if_id, so disable_xfrm counts for xfrm interfaces as well.
    if route_disables_xfrm(tunnel, flow)? {
        // Policies are skipped, the default is not.
        return if default_blocks(tunnel)? { Err(blocked_by_default(trail)) } else { Ok(()) };
    }
    let choices = lookup(tunnel, flow, IfId(0), flow.mark, tunnel.link.ifindex)?;
    if flow.family() == Family::Inet6 {
        // Only a forwarded IPv6 packet's flow names the device; that of a socket has none (ip6_dst_lookup_flow()).
        let of_socket = lookup(tunnel, flow, IfId(0), flow.mark, 0)?;
        if choices.first().map(Choice::effect) != of_socket.first().map(Choice::effect) {
            let what = "whether a policy for one device takes the routed packet: only if it is forwarded, not if this host sends it";
            return Err(undecidable(Source::SecurityPolicies, what).into());
        }
    }
    one_effect(&choices)?;
    let Some(choice) = choices.first() else {
        return if default_blocks(tunnel)? { Err(blocked_by_default(trail)) } else { Ok(()) };
    };
    let Some(policy) = choice.blocks().or(choice.first()) else { return Ok(()) };
    if choice.blocks().is_none() && !choice.has_templates() {
        // A bypass policy: the packet goes on untransformed.
        return Ok(());
    }
    let transport = |p: &&Policy| p.templates.iter().all(|t| t.mode == Mode::Transport);
    if choice.blocks().is_none() && choice.policies.iter().all(transport) {
        // Transport mode keeps the route: the ESP packet goes into the device, and has a lookup of its own there.
        let what = "what the device does with a packet that a transport-mode policy without its mark or if_id encrypts before";
        return Err(undecidable(Source::SecurityPolicies, what).into());
    }
    trail.step(At::FirstLookup, InWords(policy), "taken before the device");
    Err(End(Site::TakenByPolicy { index: policy.index, encrypts: choice.blocks().is_none() }))
}

fn blocked_by_default(trail: &mut Trail) -> End {
    let what = "no policy takes the routed packet, default OUT policy";
    trail.step(At::DefaultPolicy, what, "block");
    End(Site::DefaultBlock)
}

/// The lookup in the device. Several choices only where the state does not tell which of equal priority comes first.
pub(super) fn device_lookup<'a>(
    tunnel: &Tunnel<'a>,
    flow: &Flow,
    trail: &mut Trail,
) -> Walk<Vec<Choice<'a>>> {
    if route_disables_xfrm(tunnel, flow)? && disable_counts(tunnel)? {
        trail.step(At::PolicyOut, "disable_xfrm is set: no lookup for this device", "skipped");
        if default_blocks(tunnel)? {
            return Err(End(Site::PolicyBlock { index: None }));
        }
        return Err(End(Site::XfrmDisabled));
    }
    let (if_id, mark) = (tunnel.if_id(), tunnel.lookup_mark(flow.mark));
    let choices = lookup(tunnel, flow, if_id, mark, flow_oif(tunnel))?;
    let Some(policy) = choices.first().and_then(Choice::first) else {
        let own = tunnel.own_policies(PolicyDirection::Out)?;
        let notes = own
            .iter()
            .take(8)
            .map(|p| format!("{}: {}", InWords(p), why_not(p, flow, mark)))
            .collect();
        let looked_at = format!("{}, {flow}", tunnel.mark_or_if_id);
        trail.with_notes(At::PolicyOut, looked_at, "none", notes);
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
        trail.step(At::Template, "the policy has none", "nothing to encrypt with");
        return Err(End(Site::NoTemplate { index: policy.index }));
    }
    Ok(choices)
}

/// `xfrm_policy_lookup()`: the sub policy type first, then main; and main behind a sub policy, as `xfrm_expand_policies()` adds it.
fn lookup<'a>(
    tunnel: &Tunnel<'a>,
    flow: &Flow,
    if_id: IfId,
    mark: u32,
    oif: u32,
) -> Observed<Vec<Choice<'a>>> {
    let family = Some(flow.family());
    let best = |kind| -> Observed<Vec<&'a Policy>> {
        let candidates =
            tunnel.state.policies(PolicyDirection::Out, if_id, mark, family, Some(kind))?;
        let mut matching =
            candidates.into_iter().filter(|p| flow.matches(&p.selector, oif)).peekable();
        let priority = matching.peek().map(|p| p.priority);
        Ok(matching.take_while(|p| Some(p.priority) == priority).collect())
    };
    let sub = if tunnel.state.has_sub_policies() { best(PolicyType::Sub)? } else { Vec::new() };
    let main = best(PolicyType::Main)?;
    if sub.is_empty() {
        return Ok(main.into_iter().map(|p| Choice { policies: vec![p] }).collect());
    }
    let main = main.first().copied();
    Ok(sub
        .into_iter()
        .map(|p| Choice { policies: [Some(p), main].into_iter().flatten().collect() })
        .collect())
}

/// Whether disable_xfrm counts in the device's lookup: always without an if_id, with one on older kernels only.
fn disable_counts(tunnel: &Tunnel<'_>) -> Observed<bool> {
    if tunnel.if_id() == IfId(0) {
        return Ok(true);
    }
    match tunnel.state.kernel.has(Change::XfrmIgnoresDisableXfrm) {
        Some(ignores) => Ok(!ignores),
        None => Err(which_kernel(tunnel, "heeds disable_xfrm on xfrm interfaces")),
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
    counts.ok_or_else(|| which_kernel(tunnel, "heeds net.ipv4.conf.all.disable_xfrm"))
}

/// Whether packets without a policy are dropped; older kernels cannot do that ([`Change::DefaultPolicies`]).
fn default_blocks(tunnel: &Tunnel<'_>) -> Observed<bool> {
    match &tunnel.state.snapshot.default_policies {
        Ok(defaults) => Ok(defaults.outbound == Action::Block),
        Err(missing) if missing.reason == Reason::Absent => Ok(false),
        Err(missing) => Err(missing.clone()),
    }
}

/// A policy in one line, in the words of `ip xfrm policy`.
struct InWords<'a>(&'a Policy);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Policy { selector, if_id, mark, priority, .. } = self.0;
        write!(f, "{selector}")?;
        if *if_id != IfId(0) {
            write!(f, ", if_id {if_id}")?;
        }
        if mark.mask != 0 {
            write!(f, ", mark {mark}")?;
        }
        write!(f, ", priority {priority}")
    }
}

fn why_not(policy: &Policy, flow: &Flow, mark: u32) -> &'static str {
    if policy.selector.family != flow.family() {
        "other family"
    } else if !policy.mark.admits(mark) {
        "packet has another mark"
    } else {
        "outside the selector"
    }
}
