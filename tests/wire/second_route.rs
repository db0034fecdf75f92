//! The second opinion on rtnetlink: netlink-packet-route's view of a message, brought into the words of the snapshot.

use crate::recordings::Decoded;
use crate::second_ip_tunnel::ip_tunnel;
use crate::second_queue::queue;
use ipnet::IpNet;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, InfoData, InfoKind, InfoVrf, InfoVti, InfoXfrm,
    LinkAttribute, LinkFlags, LinkInfo, LinkMessage, State, Stats64,
};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteVia,
};
use netlink_packet_route::rule::{RuleAttribute, RuleFlags, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vti_diagnostics::snapshot::link::{Ipv4Configuration, Ipv6Configuration, OperState};
use vti_diagnostics::snapshot::route::RouteType;
use vti_diagnostics::snapshot::{
    Address, Family, IfId, IpTunnelKind, Link, LinkKind, Mark, Neighbour, Route, RouteAnswer, Rule,
    Statistics, VtiDevice, XfrmInterface,
};

/// What the other decoder makes of a whole message.
pub fn second_opinion(name: &str, message: &[u8]) -> Decoded {
    let parsed = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message).unwrap();
    let NetlinkPayload::InnerMessage(parsed) = parsed.payload else { panic!("{name}: not parsed") };
    match parsed {
        RouteNetlinkMessage::NewLink(m) => Decoded::Link(link(&m)),
        RouteNetlinkMessage::NewAddress(m) => Decoded::Address(Some(address(&m))),
        RouteNetlinkMessage::NewRule(m) => Decoded::Rule(rule(&m)),
        RouteNetlinkMessage::NewRoute(m) if name.ends_with("answers") => {
            Decoded::Answer(answer(&m))
        }
        RouteNetlinkMessage::NewRoute(m) => Decoded::Routes(routes(&m)),
        RouteNetlinkMessage::NewNeighbour(m) => Decoded::Neighbour(neighbour(&m)),
        RouteNetlinkMessage::NewQueueDiscipline(m) => Decoded::Queue(queue(&m)),
        other => panic!("{name}: {other:?}"),
    }
}

/// None for what the snapshot does not keep: the rules and routes of multicast routing.
fn family(family: AddressFamily) -> Option<Family> {
    match family {
        AddressFamily::Inet => Some(Family::Inet),
        AddressFamily::Inet6 => Some(Family::Inet6),
        _ => None,
    }
}

fn link(message: &LinkMessage) -> Link {
    let header = &message.header;
    let mut link = Link {
        name: String::new(),
        ifindex: header.index,
        kind: LinkKind::Other { info_kind: String::new() },
        admin_up: header.flags.contains(LinkFlags::Up),
        carrier: header.flags.contains(LinkFlags::LowerUp),
        oper_state: OperState::Unknown,
        mtu: 0,
        loopback: header.flags.contains(LinkFlags::Loopback),
        master: None,
        lower: None,
        link_netnsid: None,
        ipv4: None,
        ipv6: None,
        statistics: None,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name.clone(),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Controller(master) => link.master = Some(*master),
            LinkAttribute::LinkNetNsId(id) => link.link_netnsid = Some(*id),
            LinkAttribute::OperState(state) => link.oper_state = oper_state(*state),
            LinkAttribute::LinkInfo(info) => link.kind = kind(info),
            LinkAttribute::Stats64(stats) => link.statistics = Some(statistics(stats)),
            LinkAttribute::AfSpecUnspec(families) => configuration(families, &mut link),
            _ => {}
        }
    }
    if link.driver().is_none() && link.ip_tunnel().is_none() {
        link.statistics = None;
    }
    link
}

fn oper_state(state: State) -> OperState {
    match state {
        State::NotPresent => OperState::NotPresent,
        State::Down => OperState::Down,
        State::LowerLayerDown => OperState::LowerLayerDown,
        State::Testing => OperState::Testing,
        State::Dormant => OperState::Dormant,
        State::Up => OperState::Up,
        _ => OperState::Unknown,
    }
}

fn kind(info: &[LinkInfo]) -> LinkKind {
    let mut kind = LinkKind::Other { info_kind: String::new() };
    for part in info {
        match part {
            LinkInfo::Kind(name) => kind = LinkKind::Other { info_kind: name.to_string() },
            LinkInfo::Data(InfoData::Vti(data)) => {
                let six = info.contains(&LinkInfo::Kind(InfoKind::Vti6));
                let any =
                    if six { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
                kind = if six {
                    LinkKind::Vti6(vti(data, any))
                } else {
                    LinkKind::Vti(vti(data, any))
                };
            }
            LinkInfo::Data(InfoData::IpTunnel(data)) => {
                let LinkKind::Other { info_kind } = &kind else { panic!("{kind:?}") };
                let known = IpTunnelKind::named(info_kind).unwrap();
                kind = LinkKind::IpTunnel(ip_tunnel(known, data));
            }
            LinkInfo::Data(InfoData::Xfrm(data)) => kind = LinkKind::Xfrm(xfrm(data)),
            LinkInfo::Data(InfoData::Vrf(data)) => {
                let table = data.iter().find_map(|part| match part {
                    InfoVrf::TableId(table) => Some(*table),
                    _ => None,
                });
                kind = LinkKind::Vrf { table: table.unwrap() };
            }
            _ => {}
        }
    }
    kind
}

fn vti(data: &[InfoVti], any: IpAddr) -> VtiDevice {
    let mut keys =
        VtiDevice { link: 0, input_mark: 0, output_mark: 0, local: any, remote: any, fwmark: 0 };
    for part in data {
        match part {
            InfoVti::Link(link) => keys.link = *link,
            InfoVti::IKey(key) => keys.input_mark = *key,
            InfoVti::OKey(key) => keys.output_mark = *key,
            InfoVti::Local(address) => keys.local = *address,
            InfoVti::Remote(address) => keys.remote = *address,
            InfoVti::FwMark(mark) => keys.fwmark = *mark,
            _ => {}
        }
    }
    keys
}

fn xfrm(data: &[InfoXfrm]) -> XfrmInterface {
    let mut device = XfrmInterface { link: 0, if_id: IfId(0), collect_metadata: false };
    for part in data {
        match part {
            InfoXfrm::Link(link) => device.link = *link,
            InfoXfrm::IfId(if_id) => device.if_id = IfId(*if_id),
            // It has no name for IFLA_XFRM_COLLECT_METADATA (3).
            InfoXfrm::Other(other) => {
                device.collect_metadata |= netlink_packet_core::Nla::kind(other) == 3;
            }
            _ => {}
        }
    }
    device
}

fn statistics(stats: &Stats64) -> Statistics {
    Statistics {
        rx_packets: stats.rx_packets,
        tx_packets: stats.tx_packets,
        rx_bytes: stats.rx_bytes,
        tx_bytes: stats.tx_bytes,
        rx_errors: stats.rx_errors,
        tx_errors: stats.tx_errors,
        rx_dropped: stats.rx_dropped,
        tx_dropped: stats.tx_dropped,
        collisions: stats.collisions,
        tx_aborted_errors: stats.tx_aborted_errors,
        tx_carrier_errors: stats.tx_carrier_errors,
        tx_fifo_errors: stats.tx_fifo_errors,
        tx_heartbeat_errors: stats.tx_heartbeat_errors,
        tx_window_errors: stats.tx_window_errors,
    }
}

fn configuration(families: &[AfSpecUnspec], link: &mut Link) {
    for family in families {
        match family {
            AfSpecUnspec::Inet(parts) => {
                for part in parts {
                    let AfSpecInet::DevConf(conf) = part else { continue };
                    link.ipv4 = Some(Ipv4Configuration {
                        disable_xfrm: conf.noxfrm != 0,
                        disable_policy: conf.nopolicy != 0,
                        forwarding: conf.forwarding != 0,
                        rp_filter: conf.rp_filter.try_into().unwrap(),
                    });
                }
            }
            AfSpecUnspec::Inet6(parts) => {
                for part in parts {
                    let AfSpecInet6::DevConf(conf) = part else { continue };
                    link.ipv6 = Some(Ipv6Configuration {
                        disable_ipv6: conf.disable_ipv6 != 0,
                        forwarding: conf.forwarding != 0,
                        accept_ra: conf.accept_ra,
                        router_solicitations: conf.rtr_solicits,
                        mtu: conf.mtu6.try_into().unwrap(),
                    });
                }
            }
            _ => {}
        }
    }
}

fn address(message: &AddressMessage) -> Address {
    let (mut address, mut local) = (None, None);
    let mut flags = u32::from(message.header.flags.bits());
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(value) => address = Some(*value),
            AddressAttribute::Local(value) => local = Some(*value),
            AddressAttribute::Flags(value) => flags = value.bits(),
            _ => {}
        }
    }
    let own = local.or(address).unwrap();
    Address {
        ifindex: message.header.index,
        prefix: IpNet::new(own, message.header.prefix_len).unwrap(),
        peer: address.filter(|address| *address != own),
        scope: message.header.scope.into(),
        flags,
    }
}

fn rule(message: &RuleMessage) -> Option<Rule> {
    let header = &message.header;
    let mut rule = Rule {
        family: family(header.family)?,
        priority: 0,
        action: header.action.into(),
        table: header.table.into(),
        source: None,
        destination: None,
        fwmark: Mark::default(),
        iif: None,
        oif: None,
        l3mdev: false,
        invert: header.flags.contains(RuleFlags::Invert),
    };
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Destination(to) => {
                rule.destination = Some(IpNet::new(*to, header.dst_len).unwrap());
            }
            RuleAttribute::Source(from) => {
                rule.source = Some(IpNet::new(*from, header.src_len).unwrap());
            }
            RuleAttribute::Iifname(name) => rule.iif = Some(name.clone()),
            RuleAttribute::Oifname(name) => rule.oif = Some(name.clone()),
            RuleAttribute::Priority(priority) => rule.priority = *priority,
            RuleAttribute::FwMark(mark) => rule.fwmark.value = *mark,
            RuleAttribute::FwMask(mask) => rule.fwmark.mask = *mask,
            RuleAttribute::Table(table) => rule.table = *table,
            RuleAttribute::L3MDev(yes) => rule.l3mdev = *yes,
            _ => {}
        }
    }
    Some(rule)
}

fn route_address(address: &RouteAddress) -> IpAddr {
    match address {
        RouteAddress::Inet(address) => (*address).into(),
        RouteAddress::Inet6(address) => (*address).into(),
        other => panic!("{other:?}"),
    }
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => Some(route_address(address)),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some((*address).into()),
        _ => None,
    })
}

fn route_type(number: u8) -> RouteType {
    use RouteType::*;
    let types =
        [Unicast, Local, Broadcast, Anycast, Multicast, Blackhole, Unreachable, Prohibit, Throw];
    types[usize::from(number) - 1]
}

fn route(message: &RouteMessage) -> (Route, Option<u32>) {
    let header = &message.header;
    let any = match family(header.address_family) {
        Some(Family::Inet6) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let dead = RouteFlags::from_bits_retain(1 | 16);
    let mut route = Route {
        destination: IpNet::new(any, 0).unwrap(),
        table: header.table.into(),
        route_type: route_type(header.kind.into()),
        protocol: header.protocol.into(),
        oif: None,
        gateway: gateway(&message.attributes),
        metric: 0,
        preferred_source: None,
        dead: header.flags.intersects(dead),
    };
    let mut mtu = None;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => {
                let length = header.destination_prefix_length;
                route.destination = IpNet::new(route_address(to), length).unwrap();
            }
            RouteAttribute::Oif(oif) => route.oif = Some(*oif),
            RouteAttribute::Priority(metric) => route.metric = *metric,
            RouteAttribute::PrefSource(from) => route.preferred_source = Some(route_address(from)),
            RouteAttribute::Table(table) => route.table = *table,
            RouteAttribute::Metrics(metrics) => {
                mtu = metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(mtu) => Some(*mtu),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    (route, mtu)
}

fn routes(message: &RouteMessage) -> Vec<Route> {
    let route = route(message).0;
    let next_hops = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::MultiPath(next_hops) => Some(next_hops),
        _ => None,
    });
    let Some(next_hops) = next_hops else { return vec![route] };
    let hop = |hop: &netlink_packet_route::route::RouteNextHop| Route {
        oif: Some(hop.interface_index),
        gateway: gateway(&hop.attributes),
        dead: hop.flags.bits() & (1 | 16) != 0,
        ..route.clone()
    };
    next_hops.iter().map(hop).collect()
}

fn answer(message: &RouteMessage) -> RouteAnswer {
    let (route, mtu) = route(message);
    RouteAnswer::Route {
        route_type: route.route_type,
        oif: route.oif.unwrap(),
        gateway: route.gateway,
        source: route.preferred_source,
        table: route.table,
        mtu,
    }
}

fn neighbour(message: &NeighbourMessage) -> Option<Neighbour> {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some((*address).into()),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => {
            Some((*address).into())
        }
        _ => None,
    });
    let (ifindex, state) = (message.header.ifindex, u16::from(message.header.state));
    address.map(|address| Neighbour { ifindex, address, state })
}
