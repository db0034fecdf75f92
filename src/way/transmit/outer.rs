//! The outer route: `xfrm_bundle_create()` asks for one for each SA that has outer addresses; the kernel's own answers are in the snapshot.

use crate::snapshot::{Mode, RouteAnswer, Sa, Snapshot};
use crate::tunnel::Tunnel;
use crate::way::flow::Flow;
use crate::way::site::Site;
use crate::way::site::errno_name;
use crate::way::trail::{At, End, Trail, Walk};
use std::net::IpAddr;

/// Where the encrypted packet goes.
pub(super) struct OuterRoute {
    /// Outer destination.
    pub destination: IpAddr,
    /// ifindex of the device it leaves through.
    pub oif: u32,
    /// Path MTU: the route's, else the device's; none where neither is known.
    pub mtu: Option<u32>,
}

/// The route of the last SA with outer addresses; transport-mode SAs keep the route that they find.
pub(super) fn route(
    tunnel: &Tunnel<'_>,
    flow: &Flow,
    chain: &[&Sa],
    trail: &mut Trail,
) -> Walk<OuterRoute> {
    let state = tunnel.state;
    let vrf = tunnel.outer_vrf()?;
    let mut last = None;
    for sa in chain.iter().filter(|a| a.mode != Mode::Transport) {
        let query =
            Snapshot::outer_query(sa, vrf.map(|l| l.ifindex), tunnel.lookup_mark(flow.mark));
        let mut text = format!("to {} from {}", sa.destination, sa.source);
        if query.mark != 0 {
            text += &format!(", mark {:#x}", query.mark);
        }
        if let Some(vrf) = vrf {
            text += &format!(", VRF {}", vrf.name);
        }
        match state.route(&query)? {
            RouteAnswer::Error { errno } => {
                trail.step(At::OuterRoute, text, errno_name(*errno));
                let Sa { source, destination, .. } = **sa;
                return Err(End(Site::OuterRoute {
                    source,
                    destination,
                    errno: *errno,
                    vrf: query.vrf,
                }));
            }
            RouteAnswer::Route { oif, gateway, mtu, .. } => {
                let via = gateway.map_or_else(String::new, |g| format!(" via {g}"));
                trail.step(At::OuterRoute, text, format!("dev {}{via}", state.link_name(*oif)));
                let device = state.link(*oif)?.map(|l| l.mtu);
                last = Some(OuterRoute {
                    destination: sa.destination,
                    oif: *oif,
                    mtu: mtu.or(device),
                });
            }
        }
    }
    // Only transport-mode SAs: the packet keeps its inner route, which leads through this very device.
    Ok(last.unwrap_or(OuterRoute {
        destination: flow.destination,
        oif: tunnel.link.ifindex,
        mtu: Some(tunnel.link.mtu),
    }))
}
