//! What hosts behind this one send into a tunnel, as it comes to the device: through the packet filter, which may translate its source. Asked
//! only where policies name sources; elsewhere these packets meet what the tunnel's others do. It judges nothing.

use super::flows::{Origin, Trace};
use super::lans;
use super::remotes::Remote;
use crate::snapshot::{Family, Observed, Policy, PolicyDirection};
use crate::tunnel::Tunnel;
use crate::way::around::filter::{Filter, Packet};
use crate::way::around::{Ruling, enters};
use crate::way::{Flow, transmit};
use std::net::IpAddr;

/// One packet from each network behind this host to each of these hosts behind the tunnel that the filter lets pass, with its fate. One whose
/// source is not known after a translation is left out.
pub(super) fn flows(
    tunnel: &Tunnel<'_>,
    filter: Option<&Filter<'_>>,
    remotes: &[Remote],
) -> Observed<Vec<Trace>> {
    let mut tried = Vec::new();
    if !names_sources(tunnel)? {
        return Ok(tried);
    }
    for remote in remotes {
        for lan in lans::that_send(tunnel, Family::of(remote.address))? {
            let packet = Packet {
                masquerade: masquerade(tunnel, Family::of(remote.address))?,
                ..Packet::any(lan.host, remote.address)
            };
            let Some((source, destination)) = as_it_comes(tunnel, filter, lan.link, packet) else {
                continue;
            };
            let flow = Flow::probe(source, destination);
            let origin = Origin::Forwarded(format!("{} ({})", lan.link.name, lan.prefix.trunc()));
            tried.push(Trace { origin, verdict: transmit::send(tunnel, &flow), flow });
        }
    }
    Ok(tried)
}

/// Whether a policy that a packet in the tunnel may meet is for some sources only.
fn names_sources(tunnel: &Tunnel<'_>) -> Observed<bool> {
    let mark = tunnel.lookup_mark(0);
    let if_id = tunnel.mark_or_if_id.if_id();
    let met = tunnel.state.policies(PolicyDirection::Out, if_id, mark, None, None)?;
    let is_narrow = |policy: &&Policy| policy.selector.source.prefix_len() > 0;
    Ok(met.iter().any(is_narrow))
}

/// The address that masquerading gives to what leaves by the tunnel's device (`nf_nat_masquerade_ipv4()`, `inet_select_addr()`): its first one,
/// or, where it has none, the first global one of another device; for IPv6 its own alone (`ipv6_dev_get_saddr()` decides between others).
pub(super) fn masquerade(tunnel: &Tunnel<'_>, family: Family) -> Observed<Option<IpAddr>> {
    let of_family = |address: &IpAddr| Family::of(*address) == family;
    let own = tunnel.state.addresses_of(tunnel.link.ifindex)?;
    if let Some(address) = own.iter().map(|a| a.prefix.addr()).find(of_family) {
        return Ok(Some(address));
    }
    if family != Family::Inet {
        return Ok(None);
    }
    const GLOBAL: u8 = 0;
    let vrf = |ifindex| tunnel.state.vrf_of(ifindex).ok().flatten().map(|link| link.ifindex);
    let all = tunnel.state.snapshot.addresses.as_ref().map_err(Clone::clone)?;
    let in_reach = all.iter().filter(|a| {
        a.scope == GLOBAL
            && of_family(&a.prefix.addr())
            && vrf(a.ifindex) == vrf(tunnel.link.ifindex)
    });
    Ok(in_reach.min_by_key(|a| a.ifindex).map(|a| a.prefix.addr()))
}

/// Its addresses at the device; none where it does not come there, or where they are not known.
fn as_it_comes(
    tunnel: &Tunnel<'_>,
    filter: Option<&Filter<'_>>,
    from: &crate::snapshot::Link,
    packet: Packet,
) -> Option<(IpAddr, IpAddr)> {
    let Some(filter) = filter else { return packet.source.zip(packet.destination) };
    let (ruling, packet) = enters(filter, tunnel, from, &packet);
    let is_certain = packet.translated.iter().all(|translated| translated.is_certain);
    let passes = matches!(ruling, Ruling::Passes | Ruling::DropsNew(..)) && is_certain;
    passes.then(|| packet.source.zip(packet.destination)).flatten()
}
