//! `__xfrm_policy_check()`: which policy a received packet meets, and whether the SA that decrypted it fulfils the policy's templates.

use super::asked::Asked;
use super::exempt;
use super::reach::result;
use super::site::{Direction, Refusal, Site, Walk, is_of_other_family};
use crate::snapshot::{
    Action, Family, IfId, Mode, Observed, Policy, PolicyDirection, ReqId, Sa, Selector, Source,
    Spi, Template,
};
use crate::tunnel::State;
use crate::way::flow::Flow;
use crate::way::policy::{Choice, InWords, Key, default_blocks, lookup};
use crate::way::site::Mismatch;
use crate::way::trail::{At, End, Trail, undecidable};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// Whether a packet that comes by the device `input` ends at this host or is forwarded.
pub(super) fn direction(state: &State<'_>, flow: &Flow, input: u32) -> Walk<Direction> {
    let to = flow.destination;
    if to.is_multicast() || !state.local_addresses(to)?.is_empty() {
        return Ok(Direction::In);
    }
    // `ip_route_input_slow()` takes 0.0.0.0 to 0.0.0.0 for a broadcast.
    let is_broadcast =
        |to: Ipv4Addr| to.is_broadcast() || to.is_unspecified() && flow.source.is_unspecified();
    if matches!(to, IpAddr::V4(to) if is_broadcast(to)) {
        return Ok(Direction::In);
    }
    if state.forwards(input, flow.family())? {
        Ok(Direction::Forward)
    } else {
        Err(End(Site::NotForwarded))
    }
}

/// The check by a vti or vti6, which takes the policies of the family of the SA's selector.
pub(super) fn check_by_vti(
    state: &State<'_>,
    flow: &Flow,
    asked: &Asked,
    sa: &Sa,
    trail: &mut Trail,
) -> Walk<Option<Refusal>> {
    if !is_of_other_family(sa, flow.family()) {
        return check_with_steps(state, flow, asked, Some(sa), trail);
    }
    // `vti_rcv_cb()` decodes the packet as one of the SA's family: what the flow then is, is anybody's guess, and only policies for all
    // packets surely match it.
    let family = sa.selector.family;
    if exempt::exempts(state, family, asked)? {
        return Ok(None);
    }
    let s = &sa.selector;
    if s.source.prefix_len() != 0 || s.destination.prefix_len() != 0 || s.protocol != 0 {
        let what = "whether the SA's selector matches a packet of another family than its own";
        return Err(undecidable(Source::SecurityAssociations, what).into());
    }
    let all = state.policies(asked.direction(), asked.if_id, asked.mark, Some(family), None)?;
    let is_for_all = |p: &&&Policy| {
        let s = &p.selector;
        s.source.prefix_len() == 0 && s.destination.prefix_len() == 0 && s.protocol == 0
    };
    if all.is_empty() {
        let refusal = Refusal::OtherFamily;
        trail.step(
            At::PolicyIn,
            format_args!("{family:?}, as the SA's selector"),
            result(&refusal),
        );
        return Ok(Some(refusal));
    }
    match all.first() {
        Some(first) if all.len() == 1 && is_for_all(&first) => {
            let choice = Choice { policies: vec![first] };
            Ok(refused_by(&choice, Some(sa), asked, family))
        }
        _ => {
            let what = "which policy a packet of another family than the SA's selector meets";
            Err(undecidable(Source::SecurityPolicies, what).into())
        }
    }
}

/// The check, with its step.
pub(super) fn check_with_steps(
    state: &State<'_>,
    flow: &Flow,
    asked: &Asked,
    sa: Option<&Sa>,
    trail: &mut Trail,
) -> Walk<Option<Refusal>> {
    let refusal = check(state, flow, asked, sa)?;
    if trail.is_kept() {
        let found = lookup(state, asked.direction(), flow, key(asked))?;
        let policy = found.first().and_then(Choice::first);
        let what = policy.map_or_else(|| flow.to_string(), |policy| InWords(policy).to_string());
        trail.step(asked.at(), what, refusal.as_ref().map_or("let in", result));
    }
    Ok(refusal)
}

/// Why the packet is refused; none if it is let in. `sa` is the one that decrypted it; none for a packet in clear.
///
/// # Errors
/// Where the state that was read does not determine it.
pub(super) fn check(
    state: &State<'_>,
    flow: &Flow,
    asked: &Asked,
    sa: Option<&Sa>,
) -> Observed<Option<Refusal>> {
    if exempt::exempts(state, flow.family(), asked)? {
        return Ok(None);
    }
    if let Some(sa) = sa {
        if !selects(&sa.selector, flow)? {
            return Ok(Some(Refusal::Selector));
        }
    }
    no_ifindex(state, flow, asked)?;
    let choices = lookup(state, asked.direction(), flow, key(asked))?;
    let Some(first) = choices.first() else {
        let is_accepted = sa.is_none_or(|sa| sa.mode == Mode::Transport);
        let refusal = none_matches(state, asked)?;
        let passes = is_accepted && refusal != Refusal::DefaultBlock;
        return Ok((!passes).then_some(refusal));
    };
    let of = |choice: &Choice<'_>| refused_by(choice, sa, asked, flow.family());
    let refusal = of(first);
    let stat = |refusal: &Option<Refusal>| refusal.as_ref().map(std::mem::discriminant);
    if choices.iter().any(|choice| stat(&of(choice)) != stat(&refusal)) {
        let what = "which policy is used: several have the same priority, but different effects";
        return Err(undecidable(Source::SecurityPolicies, what));
    }
    Ok(refusal)
}

const fn key(asked: &Asked) -> Key {
    Key { if_id: asked.if_id, mark: asked.mark, oif: 0 }
}

/// What no policy matches: refused where an SA decrypted it, or the default is block.
fn none_matches(state: &State<'_>, asked: &Asked) -> Observed<Refusal> {
    if default_blocks(state, asked.direction())? {
        return Ok(Refusal::DefaultBlock);
    }
    let own = state.policies(asked.direction(), asked.if_id, asked.mark, None, None)?;
    let names = |p: &&Policy| asked.if_id != IfId(0) || p.mark.mask != 0;
    Ok(Refusal::NoPolicy { has_own: own.iter().any(names) })
}

/// `flowi_oif` of a received packet is the device of its route, which nobody asked the kernel for.
fn no_ifindex(state: &State<'_>, flow: &Flow, asked: &Asked) -> Observed<()> {
    if !state.has_device_policies() {
        return Ok(());
    }
    let family = Some(flow.family());
    let all = state.policies(asked.direction(), asked.if_id, asked.mark, family, None)?;
    let depends =
        |p: &&Policy| p.selector.ifindex != 0 && flow.matches(&p.selector, p.selector.ifindex);
    if all.iter().any(depends) {
        let what = "whether a policy for one device matches a received packet";
        return Err(undecidable(Source::SecurityPolicies, what));
    }
    Ok(())
}

/// What the policies that were found do with the packet.
fn refused_by(
    choice: &Choice<'_>,
    sa: Option<&Sa>,
    asked: &Asked,
    family: Family,
) -> Option<Refusal> {
    if let Some(policy) = choice.blocks() {
        return Some(Refusal::Blocks { index: policy.index });
    }
    let index = choice.first().map_or(0, |policy| policy.index);
    let templates = choice.policies.iter().flat_map(|policy| &policy.templates);
    let templates: Vec<&Template> = templates.collect();
    // `xfrm_policy_ok()` from the last template to the first, with the one SA that decrypted the packet: the first that it fulfils consumes it.
    let mut open = sa;
    let mut nearest = None;
    for template in templates.into_iter().rev() {
        let mismatches = open.map(|sa| mismatches(template, sa, asked.if_id, family));
        if mismatches.as_ref().is_some_and(Vec::is_empty) {
            open = None;
            continue;
        }
        let mismatches = mismatches.unwrap_or_default();
        if !template.optional {
            return Some(Refusal::Template { index, mismatches });
        }
        // An optional one may remain without an SA, but no SA of tunnel mode without a template.
        nearest = Some(mismatches).filter(|list| !list.is_empty());
    }
    open.filter(|sa| sa.mode != Mode::Transport)?;
    Some(match nearest {
        Some(mismatches) => Refusal::Template { index, mismatches },
        None => Refusal::NoTemplate { index },
    })
}

/// `xfrm_state_ok()`: in what an SA does not fulfil a template. The address is compared in the family of the packet inside, the source alone
/// (`__xfrm4_state_addr_cmp()`, `__xfrm6_state_addr_cmp()`).
fn mismatches(template: &Template, sa: &Sa, if_id: IfId, family: Family) -> Vec<Mismatch> {
    let differs = |field, have: String, want: String| Mismatch { field, have, want };
    let mut found = Vec::new();
    if template.protocol != sa.protocol {
        found.push(differs("protocol", sa.protocol.to_string(), template.protocol.to_string()));
    }
    if template.spi != Spi(0) && template.spi != sa.spi {
        found.push(differs("SPI", sa.spi.to_string(), template.spi.to_string()));
    }
    if template.reqid != ReqId(0) && template.reqid != sa.reqid {
        found.push(differs("reqid", sa.reqid.to_string(), template.reqid.to_string()));
    }
    if template.mode != sa.mode {
        found.push(differs("mode", sa.mode.to_string(), template.mode.to_string()));
    }
    if sa.mode != Mode::Transport && is_other_source(template.source, sa.source, family) {
        found.push(differs("source", sa.source.to_string(), template.source.to_string()));
    }
    if if_id != IfId(0) && sa.if_id != if_id {
        found.push(differs("if_id", sa.if_id.to_string(), if_id.to_string()));
    }
    found
}

/// With IPv4 inside, only the first four bytes of IPv6 addresses are compared.
fn is_other_source(wanted: IpAddr, have: IpAddr, inner: Family) -> bool {
    if inner == Family::Inet && wanted.is_ipv6() {
        let wanted = first_word(wanted);
        return wanted != 0 && wanted != first_word(have);
    }
    !wanted.is_unspecified() && wanted != have
}

/// `xfrm_selector_match()` with the family of the packet. A selector of the other family is compared, too: as far as the shorter address goes.
fn selects(selector: &Selector, flow: &Flow) -> Observed<bool> {
    if selector.ifindex != 0 {
        let what = "whether an SA for one device matches a received packet";
        return Err(undecidable(Source::SecurityAssociations, what));
    }
    if Family::of(selector.source.addr()) == flow.family() {
        return Ok(flow.matches(selector, 0));
    }
    let Selector { source, destination, .. } = Selector::all(flow.family());
    Ok(contains_first_word(selector.source, flow.source)
        && contains_first_word(selector.destination, flow.destination)
        && flow.matches(&Selector { source, destination, ..selector.clone() }, 0))
}

/// Whether an address is in a prefix of the other family. `addr4_match()` shifts a word of 64 bits by 32 less the prefix length, of which the
/// processor takes six bits: it compares no bit for ::/0 and from /33 to /64, and 32 for /96.
fn contains_first_word(prefix: IpNet, address: IpAddr) -> bool {
    let bits = match u32::from(prefix.prefix_len()) % 64 {
        bits @ 0..=32 => bits,
        _ => 0,
    };
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    (first_word(prefix.addr()) ^ first_word(address)) & mask == 0
}

/// The first four octets of an address: `xfrm_address_t.a4`.
fn first_word(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => u32::try_from(address.to_bits() >> 96).unwrap_or(0),
    }
}

/// Whether a policy of a socket lets a packet in that the policies of the host might refuse: charon sets one on its sockets. Which socket has
/// it, no dump says; for UDP 4500 that is charon's.
pub(super) fn has_socket_bypass(state: &State<'_>, flow: &Flow) -> Observed<bool> {
    let family = Some(flow.family());
    let all = state.policies(PolicyDirection::SocketIn, IfId(0), flow.mark, family, None)?;
    let passes = |p: &&&Policy| p.action == Action::Allow && p.templates.is_empty();
    Ok(all.iter().filter(passes).any(|p| flow.matches(&p.selector, 0)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn is_in(prefix: &str, address: &str) -> bool {
        contains_first_word(prefix.parse().unwrap(), address.parse().unwrap())
    }

    /// 6.18.15 on x86-64: an SA with the selector ::/0 -> fd09:1::/64 took what was inside from 10.9.2.1 to 10.9.1.1 for its own.
    #[test]
    fn prefixes_of_the_other_family_are_compared_by_their_first_word() {
        for wide in ["::/0", "fd09:1::/33", "fd09:1::/64", "fd09:1::/128"] {
            assert!(is_in(wide, "10.9.1.1"), "{wide}");
        }
        assert!(is_in("fd09:1::/32", "253.9.0.1") && !is_in("fd09:1::/32", "253.9.0.2"));
        assert!(is_in("fd09:1::/96", "253.9.0.1") && !is_in("fd09:1::/96", "253.9.0.2"));
        assert!(is_in("fd09:1::/65", "253.9.0.1") && !is_in("fd09:1::/65", "10.9.1.1"));
        assert!(is_in("0.0.0.0/0", "fd09:1::1") && !is_in("10.9.1.0/24", "fd09:1::1"));
        assert!(is_in("253.9.0.0/16", "fd09:1::1"));
    }
}
