//! What is known of an interface for the places of commands: its peer, what charon calls it, which end begins, and the way outside. It names no
//! command.

use super::ip_tunnel::IpTunnelState;
use super::words::{Begins, Word, Words};
use crate::snapshot::vyos::old_connection;
use crate::snapshot::{Observed, RouteQuery, Snapshot};
use crate::tunnel::{Control, Tunnel};
use crate::units;

/// The words of an interface: of its tunnel, or where the kernel does not have it (`absent`), of what the control plane has for it.
pub(super) fn of(
    name: &str,
    absent: Option<&Observed<Control<'_>>>,
    tunnel: &Observed<Tunnel<'_>>,
) -> Words {
    let mut words = Words::default();
    words.set(Word::Interface, name);
    // Where charon talks to it counts more than where the kernel sends, and comes later.
    if let Some(peer) = tunnel.iter().find_map(|tunnel| tunnel.peers().ok()?.first()) {
        words.set(Word::Remote, &units::address(*peer));
    }
    match (absent, tunnel) {
        (Some(Ok(control)), _) => name_control(&mut words, control),
        (_, Ok(tunnel)) => {
            if let Ok(control) = tunnel.control() {
                name_control(&mut words, &control);
            }
            name_outside(&mut words, tunnel);
        }
        _ => {}
    }
    words
}

/// The words of an IP tunnel.
pub(super) fn of_ip_tunnel(tunnel: &IpTunnelState<'_>) -> Words {
    let mut words = Words::default();
    words.set(Word::Interface, &tunnel.link.name);
    if let Some(query) = Snapshot::ip_tunnel_query(tunnel.device) {
        words.set(Word::Remote, &units::address(query.destination));
        words.set_route(&query, tunnel.vrf());
    }
    words
}

/// The names of a tunnel's peer and of what charon has for it. Where there are several, those of the first connection.
fn name_control(words: &mut Words, control: &Control<'_>) {
    if let Some(name) = control.name() {
        // VyOS 1.3 gives charon another name than the operator gave.
        words.set(Word::Peer, old_connection(name).map_or(name, |(peer, _)| peer));
    }
    let loaded = control.connections.first().map(|connection| &connection.name);
    if let Some(connection) = loaded.or(control.sas.first().map(|ike| &ike.connection)) {
        words.set(Word::Ike, connection);
    }
    let up = control.children.first().map(|(_, child)| &child.name);
    let mut configured = control.connections.iter().flat_map(|connection| &connection.children);
    if let Some(child) = up.or_else(|| configured.next().map(|child| &child.name)) {
        words.set(Word::Child, child);
    }
    if let Some(remote) = control.remote() {
        words.set(Word::Remote, &remote);
    }
    words.set_begins(begins(control));
}

/// Which end begins: by VyOS's configuration, or, where no address of the peer is known, the peer.
fn begins(control: &Control<'_>) -> Begins {
    let is_known = !control.connections.is_empty() || !control.peers.is_empty();
    match control.peers.first() {
        Some(peer) if peer.connection_type == "initiate" && !peer.remote_access => Begins::Here,
        _ if is_known && control.remote().is_none() => Begins::Peer,
        _ => Begins::WhoIsTold,
    }
}

/// Where the encrypted packets of a tunnel go, and which way.
fn name_outside(words: &mut Words, tunnel: &Tunnel<'_>) {
    let queries = outer_queries(tunnel);
    let Some(query) = queries.first() else { return };
    let (vrf, state) = (query.vrf.map(|index| tunnel.state.link_name(index)), tunnel.state);
    if queries.iter().all(|other| other == query) {
        words.set_route(query, vrf.as_deref());
    }
    let device = |query: &RouteQuery| state.route_device(query).ok().flatten();
    // A route into a tunnel is a fault, and leads to no WAN.
    let wan = queries.iter().find_map(|query| device(query).filter(|d| d.driver().is_none()));
    if let Some(wan) = wan.filter(|device| !device.loopback) {
        words.set(Word::Wan, &wan.name);
    }
}

/// The questions for the routes of a tunnel's outbound SAs.
pub(super) fn outer_queries(tunnel: &Tunnel<'_>) -> Vec<RouteQuery> {
    let (Ok(vrf), Ok(sas)) = (tunnel.outer_vrf(), tunnel.outbound_sas()) else {
        return Vec::new();
    };
    let (vrf, mark) = (vrf.map(|link| link.ifindex), tunnel.lookup_mark(0));
    sas.iter().map(|sa| Snapshot::outer_query(sa, vrf, mark)).collect()
}
