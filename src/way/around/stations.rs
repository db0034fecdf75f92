//! The stretches of a packet's way around a tunnel, each with its hooks in the kernel's order and the devices that the packet filter sees there
//! (`ip_rcv()`, `ip_local_deliver()`, `ip_forward()`, `ip_output()`, `xfrm_output_resume()`). It asks no filter.

use super::filter::Device;
use super::passage::Station;
use crate::snapshot::filter::Hook;
use crate::snapshot::{Link, LinkKind, Sa, Snapshot};
use crate::tunnel::Tunnel;
use std::net::IpAddr;

/// A stretch of a packet's way around a tunnel.
#[derive(Clone, Copy, Debug)]
pub enum Stretch<'a> {
    /// ESP, from the device that it came in by to its SA.
    EspArrives(Option<&'a Link>),
    /// What the tunnel delivered.
    Delivered(To<'a>),
    /// What came in by this device, up to the tunnel.
    Enters(Option<&'a Link>),
    /// What this host itself sends, up to the tunnel.
    Own,
    /// What the device was given, once more with the outer device: the packet that this SA is to encrypt.
    InnerLeaves(&'a Sa),
    /// ESP of this SA.
    EspLeaves(&'a Sa),
}

/// Where a decrypted packet goes.
#[derive(Clone, Copy, Debug)]
pub enum To<'a> {
    /// To this host.
    Here,
    /// Out by this link; none where it is not known by which.
    Out(Option<&'a Link>),
}

/// The device of a link.
fn device(link: Option<&Link>) -> Device {
    link.map_or(Device::Unknown, |link| Device::Known {
        name: link.name.clone(),
        ifindex: link.ifindex,
    })
}

/// The device behind which a filter sees packets of a link after PREROUTING: its VRF, where it has one (`l3mdev_ip_rcv()`).
fn above(tunnel: &Tunnel<'_>, link: Option<&Link>) -> (Device, Device) {
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

/// The hooks of a stretch, with the devices that the filter sees there.
pub(super) fn stations(tunnel: &Tunnel<'_>, stretch: Stretch<'_>) -> Vec<Station> {
    let none = || Device::None;
    let at =
        |hook, (input, slave): (Device, Device), output| Station { hook, input, slave, output };
    // The device of a VRF's port is not known behind it.
    let early = |link: Option<&Link>| match link {
        Some(link) if matches!(link.kind, LinkKind::Vrf { .. }) => Device::Unknown,
        link => device(link),
    };
    let first = |link: Option<&Link>| {
        [Hook::Ingress, Hook::Prerouting].map(|hook| at(hook, (early(link), none()), none()))
    };
    match stretch {
        Stretch::EspArrives(link) => {
            let mut stations = first(link).to_vec();
            stations.push(at(Hook::Input, above(tunnel, link), none()));
            stations
        }
        Stretch::Delivered(to) => {
            let link = Some(tunnel.link);
            let mut stations = first(link).to_vec();
            match to {
                To::Here => stations.push(at(Hook::Input, above(tunnel, link), none())),
                To::Out(out) => stations.extend(
                    [Hook::Forward, Hook::Postrouting]
                        .map(|hook| at(hook, above(tunnel, link), device(out))),
                ),
            }
            stations
        }
        Stretch::Enters(from) => {
            let mut stations = first(from).to_vec();
            stations.extend(
                [Hook::Forward, Hook::Postrouting]
                    .map(|hook| at(hook, above(tunnel, from), device(Some(tunnel.link)))),
            );
            stations
        }
        Stretch::Own => {
            // In a VRF it is asked with the VRF's name first (`vrf_ip_out_direct()`).
            let vrf = tunnel.state.vrf_of(tunnel.link.ifindex).ok().flatten();
            let out = |hook, link| at(hook, (none(), none()), device(Some(link)));
            let before = vrf.into_iter().map(|vrf| out(Hook::Output, vrf));
            let own = [Hook::Output, Hook::Postrouting].map(|hook| out(hook, tunnel.link));
            before.chain(own).collect()
        }
        Stretch::InnerLeaves(sa) => {
            let link = device(outer_link(tunnel, sa.source, sa.destination));
            // It is sent with the device already set, so POSTROUTING sees it as its input, too.
            vec![at(Hook::Postrouting, (link.clone(), none()), link)]
        }
        Stretch::EspLeaves(sa) => {
            let link = device(outer_link(tunnel, sa.source, sa.destination));
            vec![
                at(Hook::Output, (none(), none()), link.clone()),
                at(Hook::Postrouting, (link.clone(), none()), link.clone()),
                at(Hook::Egress, (none(), none()), link),
            ]
        }
    }
}
