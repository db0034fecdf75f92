//! The second opinion on IP tunnels: netlink-packet-route's view of IFLA_IPTUN_*, in the words of the snapshot. No message of GRE is recorded.

use netlink_packet_route::link::{InfoIpTunnel, Ip6TunnelFlags};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vti_diagnostics::snapshot::{Family, IpTunnel, IpTunnelKind};

/// A device that is no GRE.
pub fn ip_tunnel(kind: IpTunnelKind, data: &[InfoIpTunnel]) -> IpTunnel {
    let any: IpAddr = match kind.family() {
        Family::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    };
    let mut device = IpTunnel {
        info_kind: kind,
        link: 0,
        local: any,
        remote: any,
        output_key: 0,
        fwmark: 0,
        protocol: 0,
        collect_metadata: false,
        allow_local_remote: false,
    };
    for part in data {
        match part {
            InfoIpTunnel::Link(link) => device.link = *link,
            InfoIpTunnel::Local(address) => device.local = *address,
            InfoIpTunnel::Remote(address) => device.remote = *address,
            InfoIpTunnel::Protocol(protocol) => {
                device.protocol = u8::try_from(i32::from(*protocol)).unwrap();
            }
            InfoIpTunnel::Ipv6Flags(flags) => {
                device.allow_local_remote = flags.contains(Ip6TunnelFlags::AllowLocalRemote);
            }
            InfoIpTunnel::CollectMetadata => device.collect_metadata = true,
            InfoIpTunnel::FwMark(mark) => device.fwmark = *mark,
            _ => {}
        }
    }
    device
}
