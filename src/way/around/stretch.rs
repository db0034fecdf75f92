//! What the packet filter does with a packet on the stretches of its way around a tunnel (`stations`): where ESP arrives, with what comes out of
//! the tunnel, with what goes into it, and with ESP that leaves.

use super::filter::{Filter, Packet, Tracking};
use super::passage::{Ruling, passage};
use super::stations::{Stretch, To, outer_link, stations};
use crate::snapshot::filter::FibQuery;
use crate::snapshot::{Driver, Link, Sa};
use crate::tunnel::Tunnel;
use std::net::IpAddr;

/// An ESP packet of an SA, encapsulated in UDP where the SA says so.
fn esp(sa: &Sa) -> Packet {
    let ports = sa.encapsulation.as_ref().map(|e| (e.source_port, e.destination_port));
    Packet::esp(sa.source, sa.destination, sa.spi.0, ports)
}

/// What the filter does with ESP of an inbound SA, from the wire to the lookup of the SA; and the packet as it comes there.
pub fn esp_arrives<'r>(filter: &Filter<'r>, tunnel: &Tunnel<'_>, sa: &Sa) -> (Ruling<'r>, Packet) {
    let link = outer_link(tunnel, sa.destination, sa.source);
    passage(filter, &esp(sa), &stations(tunnel, Stretch::EspArrives(link)))
}

/// The mark of what an SA decrypts: that of its ESP, but for the bits that the SA sets (`xfrm_smark_get()`).
pub fn decrypted_mark(sa: &Sa, arrived: &Packet) -> Option<u32> {
    arrived.mark.map(|mark| sa.set_mark.put_on(mark))
}

/// What the filter does with what an inbound SA decrypted, from the tunnel to a socket or to the LAN. `arrived` is the ESP packet as it came to
/// the SA: a decrypted packet keeps its mark, unless the SA sets one. `fib` is what is known of the answers to a filter's questions for routes.
pub fn delivered<'r>(
    filter: &Filter<'r>,
    tunnel: &Tunnel<'_>,
    sa: &Sa,
    arrived: &Packet,
    inside: &Packet,
    to: To<'_>,
    fib: Vec<(FibQuery, u64)>,
) -> Ruling<'r> {
    // Only xfrm interfaces keep the secpath (`xfrmi_rcv_cb()`).
    let has_secpath = tunnel.driver == Driver::Xfrm;
    let packet = Packet {
        mark: decrypted_mark(sa, arrived),
        came_by_ipsec: Some(has_secpath),
        reqid: has_secpath.then_some(sa.reqid.0),
        fib,
        ..inside.clone()
    };
    passage(filter, &packet, &stations(tunnel, Stretch::Delivered(to))).0
}

/// What the filter does with what a host behind `from` sends into the tunnel, up to the device; and the packet as it comes there, which is what
/// the tunnel's policies see.
pub fn enters<'r>(
    filter: &Filter<'r>,
    tunnel: &Tunnel<'_>,
    from: &Link,
    packet: &Packet,
) -> (Ruling<'r>, Packet) {
    passage(filter, packet, &stations(tunnel, Stretch::Enters(Some(from))))
}

/// What the filter does with what this host itself sends into the tunnel, up to the device (`ip_local_out()`; in a VRF `vrf_ip_out_direct()`
/// asks it with the VRF's name first); and the packet as it comes there.
pub fn own_enters<'r>(
    filter: &Filter<'r>,
    tunnel: &Tunnel<'_>,
    packet: &Packet,
) -> (Ruling<'r>, Packet) {
    passage(filter, packet, &stations(tunnel, Stretch::Own))
}

/// What the filter does with ESP of an outbound SA on its way to the wire; and the packet as it leaves. `mark` is that of the packet inside, which
/// ESP keeps unless the SA sets one.
pub fn esp_leaves<'r>(
    filter: &Filter<'r>,
    tunnel: &Tunnel<'_>,
    sa: &Sa,
    mark: Option<u32>,
) -> (Ruling<'r>, Packet) {
    let packet = Packet { mark: mark.map(|mark| sa.set_mark.put_on(mark)), ..esp(sa) };
    passage(filter, &packet, &stations(tunnel, Stretch::EspLeaves(sa)))
}

/// What the filter does with the inner packet behind the device: it passes POSTROUTING once more before it is encrypted (`xfrm_output()`), by now
/// with the outer device and without a connection.
pub fn inner_leaves<'r>(
    filter: &Filter<'r>,
    tunnel: &Tunnel<'_>,
    sa: &Sa,
    source: IpAddr,
    destination: IpAddr,
) -> Ruling<'r> {
    let packet = Packet {
        tracking: Tracking::Invalid,
        goes_by_ipsec: Some(true),
        ..Packet::any(source, destination)
    };
    passage(filter, &packet, &stations(tunnel, Stretch::InnerLeaves(sa))).0
}
