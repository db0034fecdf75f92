//! The outer route: `xfrm_bundle_create()` looks one up for each SA that has outer addresses. The snapshot has the kernel's own answers.

use crate::snapshot::{Link, Mode, RouteAnswer, Sa, Snapshot};
use crate::tunnel::{State, Tunnel};
use crate::way::flow::Flow;
use crate::way::site::Site;
use crate::way::site::errno_name;
use crate::way::trail::{At, End, Trail, Walk};
use std::fmt::{Display, Formatter, Result};
use std::net::IpAddr;

/// Where the encrypted packet goes.
pub(super) struct OuterRoute {
    /// Outer destination.
    pub destination: IpAddr,
    /// ifindex of the device it leaves through.
    pub oif: u32,
    /// Path MTU: the route's, or else the device's; none if neither is known.
    pub mtu: Option<u32>,
}

/// The route question as text.
struct Asked<'a> {
    sa: &'a Sa,
    mark: u32,
    vrf: Option<&'a Link>,
}

impl Display for Asked<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "to {} from {}", self.sa.destination, self.sa.source)?;
        if self.mark != 0 {
            write!(f, ", mark {:#x}", self.mark)?;
        }
        self.vrf.map_or(Ok(()), |vrf| write!(f, ", VRF {}", vrf.name))
    }
}

/// The answer as text.
struct Answer<'a> {
    state: &'a State<'a>,
    oif: u32,
    gateway: Option<IpAddr>,
}

impl Display for Answer<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "dev {}", self.state.link_name(self.oif))?;
        self.gateway.map_or(Ok(()), |gateway| write!(f, " via {gateway}"))
    }
}

/// The route of the last SA with outer addresses; SAs in transport mode keep the inner route.
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
        let asked = Asked { sa, mark: query.mark, vrf };
        match state.route(&query)? {
            RouteAnswer::Error { errno } => {
                trail.step(At::OuterRoute, asked, errno_name(*errno));
                let Sa { source, destination, .. } = **sa;
                return Err(End(Site::OuterRoute {
                    source,
                    destination,
                    errno: *errno,
                    vrf: query.vrf,
                }));
            }
            RouteAnswer::Route { oif, gateway, mtu, .. } => {
                trail.step(At::OuterRoute, asked, Answer { state, oif: *oif, gateway: *gateway });
                let device = state.link(*oif)?.map(|l| l.mtu);
                last = Some(OuterRoute {
                    destination: sa.destination,
                    oif: *oif,
                    mtu: mtu.or(device),
                });
            }
        }
    }
    // All SAs are in transport mode: the packet keeps its inner route, which leads through this interface.
    Ok(last.unwrap_or(OuterRoute {
        destination: flow.destination,
        oif: tunnel.link.ifindex,
        mtu: Some(tunnel.link.mtu),
    }))
}
