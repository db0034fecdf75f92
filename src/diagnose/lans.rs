//! The networks that this host is connected to, apart from its tunnels and the way to their peers, each with a host in it: the packets of
//! these hosts go through tunnels. Which of them may is no question here.

use crate::snapshot::{Address, Family, Link, Observed, Sa, is_link_local};
use crate::tunnel::Tunnel;
use crate::way::around;
use ipnet::IpNet;
use std::net::IpAddr;

/// So many networks of this host are asked about.
const MOST: usize = 4;

/// A network that this host is connected to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lan<'a> {
    pub link: &'a Link,
    pub host: IpAddr,
    pub prefix: IpNet,
}

/// The networks whose packets this host forwards: the device by which packets come in decides (`ip_route_input_slow()`).
pub(super) fn that_send<'a>(tunnel: &Tunnel<'a>, family: Family) -> Observed<Vec<Lan<'a>>> {
    let mut lans = all(tunnel, family)?;
    lans.retain(|lan| may_forward(tunnel, lan.link, family));
    Ok(lans)
}

/// The networks to which this host forwards what comes out of the tunnel.
pub(super) fn that_receive<'a>(tunnel: &Tunnel<'a>, family: Family) -> Observed<Vec<Lan<'a>>> {
    if may_forward(tunnel, tunnel.link, family) { all(tunnel, family) } else { Ok(Vec::new()) }
}

/// The device of the network that an address is in; none for what is behind another router.
pub(super) fn link_of<'a>(tunnel: &Tunnel<'a>, address: IpAddr) -> Option<&'a Link> {
    let addresses = tunnel.state.snapshot.addresses.as_ref().ok()?;
    let holds =
        |own: &&Address| own.prefix.contains(&address) && own.ifindex != tunnel.link.ifindex;
    let nearest = addresses.iter().filter(holds).max_by_key(|own| own.prefix.prefix_len())?;
    tunnel.state.link(nearest.ifindex).ok().flatten().filter(|link| !link.loopback)
}

/// The devices by which encrypted packets of a tunnel leave.
pub(super) fn outer_links(tunnel: &Tunnel<'_>) -> Observed<Vec<u32>> {
    let outer = |sa: &&Sa| around::outer_link(tunnel, sa.source, sa.destination);
    Ok(tunnel.outbound_sas()?.iter().filter_map(outer).map(|link| link.ifindex).collect())
}

/// Whether packets that come by a link may be forwarded: not where its setting says that they are not. Texts often lack the settings.
fn may_forward(tunnel: &Tunnel<'_>, link: &Link, family: Family) -> bool {
    let above = tunnel.state.vrf_of(link.ifindex).ok().flatten().unwrap_or(link);
    match family {
        Family::Inet6 => above.ipv6.as_ref().is_none_or(|settings| settings.forwarding),
        _ => above.ipv4.as_ref().is_none_or(|settings| settings.forwarding),
    }
}

/// The networks in the tunnel's VRF behind other devices than VTIs, loopback and those by which encrypted packets leave.
fn all<'a>(tunnel: &Tunnel<'a>, family: Family) -> Observed<Vec<Lan<'a>>> {
    let outer = outer_links(tunnel)?;
    let vrf = |ifindex| tunnel.state.vrf_of(ifindex).ok().flatten().map(|link| link.ifindex);
    let own = vrf(tunnel.link.ifindex);
    let is_lan = |link: &&Link| {
        link.admin_up
            && link.carrier
            && !link.loopback
            && !outer.contains(&link.ifindex)
            && vrf(link.ifindex) == own
    };
    let mut lans = Vec::new();
    for link in tunnel.state.outside_links()?.iter().filter(is_lan) {
        for Address { prefix, .. } in tunnel.state.addresses_of(link.ifindex)? {
            let own = prefix.addr();
            if Family::of(own) != family || own.is_ipv6() && is_link_local(own) {
                continue;
            }
            let host = prefix.hosts().take(2).find(|host| *host != own);
            lans.extend(host.map(|host| Lan { link, host, prefix: *prefix }));
        }
        if lans.len() >= MOST {
            break;
        }
    }
    lans.truncate(MOST);
    Ok(lans)
}
