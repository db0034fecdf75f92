//! The stretches of a packet's way around a tunnel that lead through the packet filter, with the devices that the filter sees on each:
//! where ESP arrives, what comes out of the tunnel, what goes into it, and ESP that leaves. The order of the hooks is the kernel's
//! (`ip_rcv()`, `ip_local_deliver()`, `ip_forward()`, `ip_output()`, `xfrm_output_resume()`).

use super::filter::{Device, Filter, Packet, Tracking};
use super::passage::{Ruling, Station, passage};
use crate::snapshot::filter::{FibQuery, Hook};
use crate::snapshot::{Driver, Link, Sa, Snapshot};
use crate::tunnel::Tunnel;
use std::net::IpAddr;

/// Where a decrypted packet goes.
#[derive(Clone, Copy, Debug)]
pub enum To<'a> {
    /// To this host.
    Here,
    /// Out by this link; none where it is not known by which.
    Out(Option<&'a Link>),
}

/// The device of a link.
pub(super) fn device(link: Option<&Link>) -> Device {
    link.map_or(Device::Unknown, |link| Device::Known {
        name: link.name.clone(),
        ifindex: link.ifindex,
    })
}

/// The device behind which a filter sees packets of a link after PREROUTING: its VRF, where it has one (`l3mdev_ip_rcv()`).
pub(super) fn above(tunnel: &Tunnel<'_>, link: Option<&Link>) -> (Device, Device) {
    let vrf = link.and_then(|link| tunnel.state.vrf_of(link.ifindex).ok().flatten());
    match vrf {
        Some(vrf) => (device(Some(vrf)), device(link)),
        None => (device(link), Device::None),
    }
}

/// The device by which the peer's packets come and this host's leave, where the kernel was asked.
pub fn outer_link<'a>(tunnel: &Tunnel<'a>, local: IpAddr, remote: IpAddr) -> Option<&'a Link> {
    let vrf = tunnel.outer_vrf().ok()?.map(|link| link.ifindex);
    let sa = tunnel.outbound_sas().ok()?.iter().find(|sa| sa.destination == remote);
    let mark = tunnel.lookup_mark(0);
    let query = match sa {
        Some(sa) => Snapshot::outer_query(sa, vrf, mark),
        None => Snapshot::outer_query_between(local, remote, Default::default(), vrf, mark),
    };
    tunnel.state.route_device(&query).ok().flatten()
}

/// An ESP packet of an SA, encapsulated in UDP where the SA says so.
fn esp(sa: &Sa) -> Packet {
    let ports = sa.encapsulation.as_ref().map(|e| (e.source_port, e.destination_port));
    Packet::esp(sa.source, sa.destination, sa.spi.0, ports)
}

/// What the filter does with ESP of an inbound SA, from the wire to the lookup of the SA; and the packet as it comes there.
pub fn esp_arrives<'r>(filter: &Filter<'r>, tunnel: &Tunnel<'_>, sa: &Sa) -> (Ruling<'r>, Packet) {
    let link = outer_link(tunnel, sa.destination, sa.source);
    let (input, slave) = above(tunnel, link);
    let early =
        |hook| Station { hook, input: device(link), slave: Device::None, output: Device::None };
    let local = Station { hook: Hook::Input, input, slave, output: Device::None };
    let stations = [early(Hook::Ingress), early(Hook::Prerouting), local];
    passage(filter, &esp(sa), &stations)
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
    let link = Some(tunnel.link);
    let (input, slave) = above(tunnel, link);
    // Only xfrm interfaces keep the secpath (`xfrmi_rcv_cb()`).
    let has_secpath = tunnel.driver == Driver::Xfrm;
    let packet = Packet {
        mark: decrypted_mark(sa, arrived),
        came_by_ipsec: Some(has_secpath),
        reqid: has_secpath.then_some(sa.reqid.0),
        fib,
        ..inside.clone()
    };
    let mut stations = vec![Station {
        hook: Hook::Prerouting,
        input: device(link),
        slave: Device::None,
        output: Device::None,
    }];
    match to {
        To::Here => {
            stations.push(Station { hook: Hook::Input, input, slave, output: Device::None });
        }
        To::Out(out) => {
            for hook in [Hook::Forward, Hook::Postrouting] {
                let (input, slave) = (input.clone(), slave.clone());
                stations.push(Station { hook, input, slave, output: device(out) });
            }
        }
    }
    passage(filter, &packet, &stations).0
}

/// What the filter does with what a host behind `from` sends into the tunnel, up to the device; and the packet as it comes there, which is what
/// the tunnel's policies see.
pub fn enters<'r>(
    filter: &Filter<'r>,
    tunnel: &Tunnel<'_>,
    from: &Link,
    packet: &Packet,
) -> (Ruling<'r>, Packet) {
    let (input, slave) = above(tunnel, Some(from));
    let mut stations = vec![Station {
        hook: Hook::Prerouting,
        input: device(Some(from)),
        slave: Device::None,
        output: Device::None,
    }];
    for hook in [Hook::Forward, Hook::Postrouting] {
        let (input, slave) = (input.clone(), slave.clone());
        stations.push(Station { hook, input, slave, output: device(Some(tunnel.link)) });
    }
    passage(filter, packet, &stations)
}

/// What the filter does with what this host itself sends into the tunnel, up to the device (`ip_local_out()`; in a VRF `vrf_ip_out_direct()`
/// asks it with the VRF's name first); and the packet as it comes there.
pub fn own_enters<'r>(
    filter: &Filter<'r>,
    tunnel: &Tunnel<'_>,
    packet: &Packet,
) -> (Ruling<'r>, Packet) {
    let vrf = tunnel.state.vrf_of(tunnel.link.ifindex).ok().flatten();
    let at = |hook, link| Station {
        hook,
        input: Device::None,
        slave: Device::None,
        output: device(Some(link)),
    };
    let link = tunnel.link;
    let stations = vrf.into_iter().map(|vrf| at(Hook::Output, vrf));
    let stations: Vec<_> =
        stations.chain([at(Hook::Output, link), at(Hook::Postrouting, link)]).collect();
    passage(filter, packet, &stations)
}

/// What the filter does with ESP of an outbound SA on its way to the wire; and the packet as it leaves. `mark` is that of the packet inside, which
/// ESP keeps unless the SA sets one.
pub fn esp_leaves<'r>(
    filter: &Filter<'r>,
    tunnel: &Tunnel<'_>,
    sa: &Sa,
    mark: Option<u32>,
) -> (Ruling<'r>, Packet) {
    let link = outer_link(tunnel, sa.source, sa.destination);
    let packet = Packet { mark: mark.map(|mark| sa.set_mark.put_on(mark)), ..esp(sa) };
    let station = |hook, input| Station { hook, input, slave: Device::None, output: device(link) };
    // It is sent with the device already set, so POSTROUTING sees it as its input, too.
    let stations = [station(Hook::Output, Device::None), station(Hook::Postrouting, device(link))];
    passage(filter, &packet, &stations)
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
    let link = outer_link(tunnel, sa.source, sa.destination);
    let packet = Packet {
        tracking: Tracking::Invalid,
        goes_by_ipsec: Some(true),
        ..Packet::any(source, destination)
    };
    let (input, output) = (device(link), device(link));
    let stations = [Station { hook: Hook::Postrouting, input, slave: Device::None, output }];
    passage(filter, &packet, &stations).0
}
