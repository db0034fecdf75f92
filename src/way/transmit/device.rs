//! What the drivers themselves check: `vti_xmit()`, `vti6_xmit()`, `xfrmi_xmit2()`, and the encryption stage after them.

use super::outer::OuterRoute;
use crate::kernel::Change;
use crate::snapshot::{Address, Driver, Family, LinkKind, Mode, Observed, Sa, Source, VtiDevice};
use crate::tunnel::Tunnel;
use crate::units::BYTE;
use crate::way::esp;
use crate::way::flow::Flow;
use crate::way::limits::{Use, limit_reached, sequence_used_up};
use crate::way::site::{Site, StateCheck};
use crate::way::trail::{At, End, Trail, Walk, undecidable, which_kernel};
use std::net::IpAddr;

/// The smallest MTU that IPv6 allows, in bytes (RFC 8200).
const IPV6_MIN_MTU: u32 = 1280;

/// Whether packets reach the device at all, and whether the device uses the state of this network namespace.
pub(super) fn enter(tunnel: &Tunnel<'_>, trail: &mut Trail) -> Walk<()> {
    let link = tunnel.link;
    if !link.admin_up {
        trail.step(At::Device, format_args!("{} is administratively down", link.name), "down");
        return Err(End(Site::AdminDown));
    }
    if let Some(id) = link.link_netnsid {
        let what = format!(
            "{} uses the policies and SAs of another network namespace (link-netnsid {id})",
            link.name
        );
        return Err(undecidable(Source::Links, what).into());
    }
    Ok(())
}

/// Checks on the inner packet before the lookup.
pub(super) fn check_flow(tunnel: &Tunnel<'_>, flow: &Flow, trail: &mut Trail) -> Walk<()> {
    if matches!(&tunnel.link.kind, LinkKind::Vti6(device) if device.remote == flow.source) {
        trail.step(
            At::Device,
            format_args!("inner source {} is the tunnel's remote address", flow.source),
            "refused",
        );
        return Err(End(Site::AddressConflict));
    }
    Ok(())
}

/// `vti_state_check()`, `vti6_state_check()` with `ip6_tnl_xmit_ctl()`. An xfrm interface checks only the if_id, which the SA has.
pub(super) fn check_sa(tunnel: &Tunnel<'_>, chain: &[&Sa], trail: &mut Trail) -> Walk<()> {
    let (Some(sa), LinkKind::Vti(device) | LinkKind::Vti6(device)) =
        (chain.first(), &tunnel.link.kind)
    else {
        return Ok(());
    };
    let family = if tunnel.driver == Driver::Vti { Family::Inet } else { Family::Inet6 };
    let step = |trail: &mut Trail, result: &str| {
        let Sa { source, destination, .. } = sa;
        let VtiDevice { local, remote, .. } = device;
        let mode = match sa.mode {
            Mode::Tunnel => String::new(),
            other => format!(" {other}"),
        };
        trail.step(
            At::DeviceCheck,
            format_args!("SA{mode} {source} -> {destination}, device {local} -> {remote}"),
            result,
        );
    };
    if let Some(reason) = state_check(sa, device, family) {
        step(trail, &format!("{reason:?} differs").to_lowercase());
        return Err(End(Site::StateCheck { spi: sa.spi, reason }));
    }
    step(trail, "ok");
    if tunnel.driver != Driver::Vti6 {
        return Ok(());
    }
    if let Some((address, remote_is_local)) = endpoint_check(tunnel, sa)? {
        let what = if remote_is_local {
            "is an address of this host"
        } else {
            "is not an address of this host"
        };
        trail.step(At::DeviceCheck, format_args!("{address} {what}"), "refused");
        return Err(End(Site::TunnelEndpoint { spi: sa.spi, address, remote_is_local }));
    }
    Ok(())
}

fn state_check(sa: &Sa, device: &VtiDevice, family: Family) -> Option<StateCheck> {
    let VtiDevice { local, remote, .. } = device;
    if sa.mode != Mode::Tunnel {
        return Some(StateCheck::Mode);
    }
    if sa.family != family {
        return Some(StateCheck::Family);
    }
    let any_or_equal = |a: IpAddr, b: IpAddr| a == b || a.is_unspecified() || b.is_unspecified();
    if remote.is_unspecified() {
        // If the device has no remote address, only the source is compared, and exactly.
        return (*local != sa.source).then_some(StateCheck::Local);
    }
    if *remote != sa.destination {
        return Some(StateCheck::Remote);
    }
    (!any_or_equal(*local, sa.source)).then_some(StateCheck::Local)
}

/// `ip6_tnl_xmit_ctl()`: the outer source must be an address of this host and not tentative; the outer destination must not be one.
fn endpoint_check(tunnel: &Tunnel<'_>, sa: &Sa) -> Observed<Option<(IpAddr, bool)>> {
    let usable = |address| -> Observed<bool> {
        Ok(tunnel.state.local_addresses(address)?.iter().any(Address::is_usable))
    };
    if !sa.source.is_multicast() && !usable(sa.source)? {
        return Ok(Some((sa.source, false)));
    }
    let is_ours = !sa.destination.is_multicast() && usable(sa.destination)?;
    Ok(is_ours.then_some((sa.destination, true)))
}

/// `tdev == dev`.
pub(super) fn check_route(tunnel: &Tunnel<'_>, route: &OuterRoute, trail: &mut Trail) -> Walk<()> {
    if route.oif != tunnel.link.ifindex {
        return Ok(());
    }
    trail.step(
        At::Loop,
        format_args!("{} is reached through {}", route.destination, tunnel.link.name),
        "loop",
    );
    Err(End(Site::Loop { destination: route.destination }))
}

/// The size check: `skb->len > dst_mtu()`. The MTU of the bundle is that of the outer path minus what ESP adds, and at most the device's.
///
/// What ESP adds depends on the algorithms. If these are not known, and the size is between the least and the most that ESP can add, the result is
/// undetermined.
pub(super) fn check_size(
    tunnel: &Tunnel<'_>,
    flow: &Flow,
    chain: &[&Sa],
    route: &OuterRoute,
    trail: &mut Trail,
) -> Walk<()> {
    let Some(path) = route.mtu else { return Ok(()) };
    let (tightest, roomiest) = esp::room(chain, path);
    let own = tunnel.link.mtu;
    let (tightest, roomiest) = (tightest.min(own), roomiest.min(own));
    if flow.size <= tightest {
        return Ok(());
    }
    match refuses_big(tunnel, flow) {
        Some(true) => {}
        Some(false) => return Ok(()),
        None => {
            return Err(which_kernel(tunnel, "drops a packet of this kind that is too big").into());
        }
    }
    let size = BYTE.of(flow.size);
    if flow.size > roomiest {
        let text = format!("{size}, but at most {roomiest} fit into a path MTU of {path} with ESP");
        trail.step(At::Size, text, "too big");
        return Err(End(Site::TooBig { most: roomiest, path }));
    }
    let what = format!(
        "whether {size} fit: the limit is between {tightest} and {roomiest}, depending on the algorithms"
    );
    Err(undecidable(Source::SecurityAssociations, what).into())
}

/// Whether the driver drops a packet over the MTU instead of fragmenting it. None: the kernel's release does not show it.
fn refuses_big(tunnel: &Tunnel<'_>, flow: &Flow) -> Option<bool> {
    let lets_through = match (flow.family(), tunnel.driver) {
        (Family::Inet6, Driver::Xfrm) if flow.size <= IPV6_MIN_MTU => Change::SmallIpv6Xfrm,
        (Family::Inet6, _) => return Some(true),
        _ if flow.dont_fragment => return Some(true),
        (_, Driver::Vti) => Change::DontFragmentVti,
        (_, Driver::Vti6) => Change::DontFragmentVti6,
        (_, Driver::Xfrm) => Change::DontFragmentXfrm,
    };
    tunnel.state.kernel.has(lets_through).map(|has| !has)
}

/// The encryption stage: `xfrm_output_one()` of each SA, as far as the SA's state determines it.
pub(super) fn encrypt(
    tunnel: &Tunnel<'_>,
    flow: &Flow,
    chain: &[&Sa],
    route: &OuterRoute,
    trail: &mut Trail,
) -> Walk<Site> {
    for (position, sa) in chain.iter().enumerate() {
        let spi = sa.spi;
        let earlier = chain.iter().take(position).filter(|a| std::ptr::eq(**a, *sa)).count() as u64;
        // What this packet has already used of the SA, if two policies lead to the same SA.
        let used = Use { packets: earlier, bytes: earlier * u64::from(flow.size) };
        if limit_reached(sa, used) {
            trail.step(
                At::Encryption,
                format_args!("SA {spi} has reached its byte or packet limit"),
                "expired",
            );
            return Err(End(Site::LimitReached { spi, only: !has_successor(tunnel, sa)? }));
        }
        if sequence_used_up(sa, used) {
            trail.step(
                At::Encryption,
                format_args!("SA {spi} has used its last sequence number"),
                "overflow",
            );
            return Err(End(Site::SequenceOverflow { spi }));
        }
    }
    let spi = chain.last().map_or_else(Default::default, |a| a.spi);
    trail.step(At::Encryption, format_args!("SA {spi}"), "sent");
    Ok(Site::Sent { spi, oif: route.oif })
}

/// Whether another SA can take over after this one is deleted.
fn has_successor(tunnel: &Tunnel<'_>, sa: &Sa) -> Observed<bool> {
    let lookup = |a: &Sa| (a.source, a.protocol, a.mode, a.if_id, a.mark);
    let chain = tunnel.state.sas_to(sa.destination, sa.reqid)?;
    Ok(chain.iter().any(|a| {
        let cpu = a.cpu.is_none() || a.cpu == sa.cpu;
        a.spi != sa.spi
            && lookup(a) == lookup(sa)
            && cpu
            && !a.is_larval()
            && !limit_reached(a, Use::default())
    }))
}
