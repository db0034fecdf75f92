//! Which interface takes an encrypted packet: the handlers of ESP in the order of their priority (`xfrm4_esp_rcv()`): vti by its addresses
//! (`ip_tunnel_lookup()`, `vti6_tnl_lookup()`), then xfrm by the SA's if_id (`xfrmi_lookup()`).

use super::asked::Asked;
use super::bucket;
use super::packet::{ESP, Encrypted};
use super::policy;
use super::reach::result;
use super::site::{Direction, Site, Taken, Walk};
use crate::snapshot::{Driver, IfId, Link, LinkKind, Sa, Source, VtiDevice};
use crate::tunnel::State;
use crate::way::flow::Flow;
use crate::way::trail::{At, End, Trail, undecidable};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A vti or vti6 that takes a packet.
pub(super) struct Vti<'a> {
    pub link: &'a Link,
    pub driver: Driver,
    /// i_key: the mark of its lookups.
    pub input_mark: u32,
    /// IFLA_VTI_LINK.
    bound_to: u32,
}

/// The vti that takes the packet; none if none does. Marks are not compared.
pub(super) fn vti<'a>(
    state: &'a State<'a>,
    packet: &Encrypted,
    trail: &mut Trail,
) -> Walk<Option<Vti<'a>>> {
    let (local, remote) = (packet.destination, packet.source);
    let (any, is_ipv4) = match local {
        IpAddr::V4(_) => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), true),
        IpAddr::V6(_) => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), false),
    };
    // `vti6_tnl_lookup()` tries the local address before the remote one.
    let one_of_two =
        if is_ipv4 { [(any, remote), (local, any)] } else { [(local, any), (any, remote)] };
    let steps = [(local, remote), one_of_two[0], one_of_two[1], (any, any)];
    let mut found: Vec<Candidate<'a>> = Vec::new();
    for (rank, (local, remote)) in (0..).zip(steps) {
        for link in state.vtis(local, remote)? {
            let device = match (&link.kind, is_ipv4) {
                (LinkKind::Vti(device), true) | (LinkKind::Vti6(device), false) => device,
                _ => continue,
            };
            // The fallback device has no addresses and stands behind all others.
            let rank = if link.is_fallback_device() { LAST } else { rank };
            found.push((rank, device.link != 0, link, device));
        }
    }
    found.sort_by_key(|(rank, ..)| *rank);
    let before = found.first().map_or(LAST, |(rank, ..)| *rank);
    let stray = if before > 0 { bucket::stray(state, (local, remote), before)? } else { None };
    if let Some((link, device)) = stray {
        found.insert(0, (0, device.link != 0, link, device));
    }
    let best = prefer_link(packet, &found)?;
    let Some((_, _, link, device)) = best else { return Ok(None) };
    if link.link_netnsid.is_some() {
        let what = format!("{} works in another network namespace", link.name);
        return Err(undecidable(Source::Links, what).into());
    }
    let driver = if packet.destination.is_ipv4() { Driver::Vti } else { Driver::Vti6 };
    let VtiDevice { local, remote, input_mark, .. } = device;
    trail.step(At::Handler, format_args!("{} {local} -> {remote}", link.name), "takes the packet");
    Ok(Some(Vti { link, driver, input_mark: *input_mark, bound_to: device.link }))
}

/// Its rank, whether it is bound to another device, and itself.
type Candidate<'a> = (u8, bool, &'a Link, &'a VtiDevice);

/// The rank of the fallback device.
const LAST: u8 = 4;

/// `ip_tunnel_lookup()`: a device that is bound to the one by which the packet comes stands before others, even before those that match better.
/// `vti6_tnl_lookup()` knows no such preference.
fn prefer_link<'a>(packet: &Encrypted, found: &[Candidate<'a>]) -> Walk<Option<Candidate<'a>>> {
    let Some(first) = found.first() else { return Ok(None) };
    let is_bound = |c: &&Candidate<'a>| c.1 && c.0 < LAST;
    if found.len() == 1 || packet.destination.is_ipv6() || !found.iter().any(|c| is_bound(&c)) {
        return Ok(Some(*first));
    }
    let Some(input) = packet.input else {
        let what = "which of several vti takes the packet: it depends on the device by which the packet comes";
        return Err(undecidable(Source::Links, what).into());
    };
    let bound = found.iter().find(|c| is_bound(c) && c.3.link == input);
    Ok(Some(*bound.unwrap_or(first)))
}

/// What is asked of the encrypted packet itself: a policy of direction in, by `vti_input()` and before a UDP socket; and by vti6 the
/// addresses (`ip6_tnl_rcv_ctl()`).
pub(super) fn check_outer(
    state: &State<'_>,
    packet: &Encrypted,
    vti: Option<&Vti<'_>>,
    trail: &mut Trail,
) -> Walk<()> {
    let Encrypted { source, destination, mark, .. } = packet;
    let outer = |protocol| Flow {
        protocol,
        mark: *mark,
        source_port: if protocol == UDP { NAT_T } else { 0 },
        destination_port: if protocol == UDP { NAT_T } else { 0 },
        ..Flow::probe(*source, *destination)
    };
    let refused = |flow: &Flow| -> Walk<Option<_>> {
        let asked = Asked {
            direction: Direction::In,
            if_id: IfId(0),
            mark: *mark,
            input: packet.input.unwrap_or(0),
            outside: packet.input,
            by: None,
        };
        if super::exempt::exempts_outer(state, packet)? {
            return Ok(None);
        }
        Ok(policy::check(state, flow, &asked, None)?)
    };
    if packet.in_udp && !policy::has_socket_bypass(state, &outer(UDP))? {
        if let Some(refusal) = refused(&outer(UDP))? {
            trail.step(At::OuterPolicy, outer(UDP), result(&refusal));
            return Err(End(Site::OuterPolicy { in_udp: true, refusal }));
        }
    }
    let Some(vti) = vti else { return Ok(()) };
    // Of ESP in UDP the headers are still there (`xfrm4_udp_encap_rcv()` only moves on behind them), and the policy is looked up by them.
    let flow = outer(if packet.in_udp { UDP } else { ESP });
    if let Some(refusal) = refused(&flow)? {
        trail.step(At::OuterPolicy, flow, result(&refusal));
        return Err(End(Site::OuterPolicy { in_udp: false, refusal }));
    }
    if vti.driver == Driver::Vti6 {
        check_addresses(state, packet, vti, trail)?;
    }
    Ok(())
}

/// `ip6_tnl_rcv_ctl()`: the outer destination must be a usable address, the source must be none of this host. Both are looked for in the VRF of
/// the device that the tunnel is bound to, which for one that is bound to none is the default.
fn check_addresses(
    state: &State<'_>,
    packet: &Encrypted,
    vti: &Vti<'_>,
    trail: &mut Trail,
) -> Walk<()> {
    let domain =
        |ifindex: u32| -> Walk<Option<u32>> { Ok(state.vrf_of(ifindex)?.map(|link| link.ifindex)) };
    let own = if vti.bound_to == 0 { None } else { domain(vti.bound_to)? };
    let is_here = |address: IpAddr| -> Walk<bool> {
        for found in state.local_addresses(address)? {
            if found.is_usable() && domain(found.ifindex)? == own {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let mut refuse = |address: IpAddr, remote_is_local: bool, why: &str| -> Walk<()> {
        trail.step(At::Handler, address, why);
        Err(End(Site::TunnelEndpoint { address, remote_is_local }))
    };
    if !is_here(packet.destination)? {
        return refuse(packet.destination, false, "no usable address of the tunnel's VRF");
    }
    if is_here(packet.source)? {
        return refuse(packet.source, true, "the peer's address is one of this host");
    }
    Ok(())
}

/// IPPROTO_UDP, and the port of ESP in UDP (RFC 3948).
const UDP: u8 = 17;
const NAT_T: u16 = 4500;

/// The xfrm interface of what the SA decrypts: the first that is up and has its if_id; none if none has.
pub(super) fn xfrm(state: &State<'_>, sa: &Sa, trail: &mut Trail) -> Walk<Option<Taken>> {
    let own = state.xfrm_interfaces(sa.if_id)?;
    let is_plain =
        |link: &&Link| matches!(&link.kind, LinkKind::Xfrm(device) if !device.collect_metadata);
    if let Some(link) = own.iter().find(is_plain).filter(|_| sa.if_id != IfId(0)) {
        if link.link_netnsid.is_some() {
            let what = format!("{} works in another network namespace", link.name);
            return Err(undecidable(Source::Links, what).into());
        }
        trail.step(At::Handler, format_args!("if_id {}: {}", sa.if_id, link.name), "ok");
        return Ok(Some(Taken { ifindex: link.ifindex, driver: Driver::Xfrm }));
    }
    // One with collect_metadata takes what no other takes.
    let others = state.xfrm_interfaces(IfId(0))?;
    if others.iter().any(|link| !is_plain(&link)) {
        let what = "what an interface with collect_metadata does with packets of an SA that no other interface has";
        return Err(undecidable(Source::Links, what).into());
    }
    trail.step(At::Handler, format_args!("if_id {}", sa.if_id), "no interface that is up");
    Ok(None)
}
