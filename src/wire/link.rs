//! RTM_NEWLINK: links, what kind of device they are, and their counters (`rtnl_fill_ifinfo()` and the drivers' `fill_info`).

use super::attribute::{Field, WireError, family};
use super::ip_tunnel;
use super::netlink::Request;
use crate::snapshot::link::{Ipv4Configuration, Ipv6Configuration, OperState};
use crate::snapshot::{
    Family, IfId, IpTunnelKind, Link, LinkKind, Statistics, VtiDevice, XfrmInterface,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// RTM_NEWLINK.
pub const NEWLINK: u16 = 16;
/// RTM_GETLINK.
pub const GETLINK: u16 = 18;

/// `sizeof(struct ifinfomsg)`.
pub const HEADER: usize = 16;
const IFF_UP: u32 = 1;
const IFF_LOOPBACK: u32 = 1 << 3;
const IFF_LOWER_UP: u32 = 1 << 16;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_STATS64: u16 = 23;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_EXT_MASK: u16 = 29;
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VRF_TABLE: u16 = 1;
const IFLA_XFRM_LINK: u16 = 1;
const IFLA_XFRM_IF_ID: u16 = 2;
const IFLA_XFRM_COLLECT_METADATA: u16 = 3;
const IFLA_VTI_LINK: u16 = 1;
const IFLA_VTI_IKEY: u16 = 2;
const IFLA_VTI_OKEY: u16 = 3;
const IFLA_VTI_LOCAL: u16 = 4;
const IFLA_VTI_REMOTE: u16 = 5;
const IFLA_VTI_FWMARK: u16 = 6;
const IFLA_INET_CONF: u16 = 1;
const IFLA_INET6_CONF: u16 = 2;

/// Kinds of devices whose packets leave by the device of IFLA_LINK. That of a veth is its other end, which only receives them.
const ABOVE_ANOTHER: [&str; 6] = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"];

/// The question for the links of one kind, with their counters but without those of IPv6. A kernel that has no such kind answers with all.
pub fn question_of_kind(kind: &str) -> Request {
    let length = u16::try_from(kind.len()).unwrap_or(u16::MAX).saturating_add(4);
    let nested = [&length.to_ne_bytes(), &IFLA_INFO_KIND.to_ne_bytes(), kind.as_bytes()].concat();
    Request::dump(GETLINK)
        .structure(&[0; HEADER])
        .attribute(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes())
        .attribute(IFLA_LINKINFO, &nested)
}

/// A link. Its counters are read if it is a VTI or an IP tunnel.
pub fn decode(payload: &[u8]) -> Result<Link, WireError> {
    let header = Field::new("ifinfomsg", payload);
    let (ifindex, flags) = (header.u32(4)?, header.u32(8)?);
    let mut link = Link {
        name: String::new(),
        ifindex,
        kind: LinkKind::Other { info_kind: String::new() },
        admin_up: flags & IFF_UP != 0,
        carrier: flags & IFF_LOWER_UP != 0,
        oper_state: OperState::Unknown,
        mtu: 0,
        loopback: flags & IFF_LOOPBACK != 0,
        master: None,
        lower: None,
        link_netnsid: None,
        ipv4: None,
        ipv6: None,
        statistics: None,
    };
    let (mut name, mut mtu, mut statistics, mut lower) = (None, None, None, None);
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            IFLA_IFNAME => name = Some(attribute.named("IFLA_IFNAME").string()),
            IFLA_MTU => mtu = Some(attribute.named("IFLA_MTU").u32(0)?),
            IFLA_LINK => lower = Some(attribute.named("IFLA_LINK").u32(0)?),
            IFLA_MASTER => link.master = Some(attribute.named("IFLA_MASTER").u32(0)?),
            IFLA_OPERSTATE => {
                link.oper_state = decode_oper_state(attribute.named("IFLA_OPERSTATE").u8(0)?);
            }
            IFLA_LINKINFO => link.kind = decode_kind(attribute.named("IFLA_LINKINFO"))?,
            IFLA_STATS64 => statistics = Some(attribute.named("IFLA_STATS64")),
            IFLA_AF_SPEC => decode_families(attribute.named("IFLA_AF_SPEC"), &mut link)?,
            IFLA_LINK_NETNSID => {
                link.link_netnsid = Some(attribute.named("IFLA_LINK_NETNSID").i32(0)?);
            }
            _ => {}
        }
    }
    link.name = name.ok_or(WireError::Absent { what: "IFLA_IFNAME" })?;
    link.mtu = mtu.ok_or(WireError::Absent { what: "IFLA_MTU" })?;
    let is_above = |kind: &LinkKind| match kind {
        LinkKind::Other { info_kind } => ABOVE_ANOTHER.contains(&info_kind.as_str()),
        _ => false,
    };
    // In another namespace it is another device that has this index.
    link.lower = lower.filter(|_| link.link_netnsid.is_none() && is_above(&link.kind));
    if link.driver().is_some() || link.ip_tunnel().is_some() {
        link.statistics = statistics.map(decode_statistics).transpose()?;
    }
    Ok(link)
}

/// Index, name and last counters of a link: what is told of one that is gone, whatever it was.
pub fn decode_deleted(payload: &[u8]) -> Result<(u32, String, Option<Statistics>), WireError> {
    let header = Field::new("ifinfomsg", payload);
    let (mut name, mut statistics) = (None, None);
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            IFLA_IFNAME => name = Some(attribute.named("IFLA_IFNAME").string()),
            IFLA_STATS64 => {
                statistics = Some(decode_statistics(attribute.named("IFLA_STATS64"))?);
            }
            _ => {}
        }
    }
    let name = name.ok_or(WireError::Absent { what: "IFLA_IFNAME" })?;
    Ok((header.u32(4)?, name, statistics))
}

fn decode_kind(info: Field<'_>) -> Result<LinkKind, WireError> {
    let (mut kind, mut data) = (String::new(), None);
    for attribute in info.attributes(0) {
        let attribute = attribute?;
        match attribute.kind {
            IFLA_INFO_KIND => kind = attribute.named("IFLA_INFO_KIND").string(),
            IFLA_INFO_DATA => data = Some(attribute.named("IFLA_INFO_DATA")),
            _ => {}
        }
    }
    if let (Some(kind), Some(data)) = (IpTunnelKind::named(&kind), data) {
        return Ok(LinkKind::IpTunnel(ip_tunnel::decode(kind, data)?));
    }
    let data = data.ok_or(WireError::Absent { what: "IFLA_INFO_DATA" });
    Ok(match kind.as_str() {
        "vti" => LinkKind::Vti(decode_vti(data?, Family::Inet, Ipv4Addr::UNSPECIFIED.into())?),
        "vti6" => LinkKind::Vti6(decode_vti(data?, Family::Inet6, Ipv6Addr::UNSPECIFIED.into())?),
        "xfrm" => LinkKind::Xfrm(decode_xfrm(data?)?),
        "vrf" => LinkKind::Vrf { table: decode_vrf(data?)? },
        _ => LinkKind::Other { info_kind: kind },
    })
}

fn decode_vti(data: Field<'_>, family: Family, any: IpAddr) -> Result<VtiDevice, WireError> {
    let mut keys =
        VtiDevice { link: 0, input_mark: 0, output_mark: 0, local: any, remote: any, fwmark: 0 };
    for attribute in data.attributes(0) {
        let attribute = attribute?;
        match attribute.kind {
            IFLA_VTI_LINK => keys.link = attribute.named("IFLA_VTI_LINK").u32(0)?,
            IFLA_VTI_IKEY => keys.input_mark = attribute.named("IFLA_VTI_IKEY").be32(0)?,
            IFLA_VTI_OKEY => keys.output_mark = attribute.named("IFLA_VTI_OKEY").be32(0)?,
            IFLA_VTI_LOCAL => keys.local = attribute.named("IFLA_VTI_LOCAL").address(0, family)?,
            IFLA_VTI_REMOTE => {
                keys.remote = attribute.named("IFLA_VTI_REMOTE").address(0, family)?;
            }
            IFLA_VTI_FWMARK => keys.fwmark = attribute.named("IFLA_VTI_FWMARK").u32(0)?,
            _ => {}
        }
    }
    Ok(keys)
}

/// `xfrmi_fill_info()`: a device that takes the if_id from each packet has IFLA_XFRM_COLLECT_METADATA and no if_id.
fn decode_xfrm(data: Field<'_>) -> Result<XfrmInterface, WireError> {
    let mut device = XfrmInterface { link: 0, if_id: IfId(0), collect_metadata: false };
    for attribute in data.attributes(0) {
        let attribute = attribute?;
        match attribute.kind {
            IFLA_XFRM_LINK => device.link = attribute.named("IFLA_XFRM_LINK").u32(0)?,
            IFLA_XFRM_IF_ID => device.if_id = IfId(attribute.named("IFLA_XFRM_IF_ID").u32(0)?),
            IFLA_XFRM_COLLECT_METADATA => device.collect_metadata = true,
            _ => {}
        }
    }
    Ok(device)
}

fn decode_vrf(data: Field<'_>) -> Result<u32, WireError> {
    let mut table = None;
    for attribute in data.attributes(0) {
        let attribute = attribute?;
        if attribute.kind == IFLA_VRF_TABLE {
            table = Some(attribute.named("IFLA_VRF_TABLE").u32(0)?);
        }
    }
    table.ok_or(WireError::Absent { what: "IFLA_VRF_TABLE" })
}

/// IFLA_AF_SPEC: one attribute for each family, with its settings as an array that grows at its end from kernel to kernel.
fn decode_families(families: Field<'_>, link: &mut Link) -> Result<(), WireError> {
    for attribute in families.attributes(0) {
        let attribute = attribute?;
        for setting in attribute.named("IFLA_AF_SPEC").attributes(0) {
            let setting = setting?;
            match (family(attribute.kind), setting.kind) {
                (Some(Family::Inet), IFLA_INET_CONF) => {
                    link.ipv4 = Some(decode_ipv4(setting.named("IFLA_INET_CONF"))?);
                }
                (Some(Family::Inet6), IFLA_INET6_CONF) => {
                    link.ipv6 = Some(decode_ipv6(setting.named("IFLA_INET6_CONF"))?);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// IFLA_INET_CONF: IPV4_DEVCONF_x is at x - 1.
fn decode_ipv4(settings: Field<'_>) -> Result<Ipv4Configuration, WireError> {
    Ok(Ipv4Configuration {
        forwarding: settings.u32(0)? != 0,
        rp_filter: settings.u32(7 * 4)?,
        disable_xfrm: settings.u32(14 * 4)? != 0,
        disable_policy: settings.u32(15 * 4)? != 0,
    })
}

/// IFLA_INET6_CONF: DEVCONF_x is at x.
fn decode_ipv6(settings: Field<'_>) -> Result<Ipv6Configuration, WireError> {
    Ok(Ipv6Configuration {
        forwarding: settings.i32(0)? != 0,
        mtu: settings.u32(2 * 4)?,
        accept_ra: settings.i32(3 * 4)?,
        router_solicitations: settings.i32(7 * 4)?,
        disable_ipv6: settings.i32(26 * 4)? != 0,
    })
}

/// `struct rtnl_link_stats64`. All of these are in its first form; what later kernels added stands behind them.
fn decode_statistics(counters: Field<'_>) -> Result<Statistics, WireError> {
    let at = |index: usize| counters.u64(index * 8);
    Ok(Statistics {
        rx_packets: at(0)?,
        tx_packets: at(1)?,
        rx_bytes: at(2)?,
        tx_bytes: at(3)?,
        rx_errors: at(4)?,
        tx_errors: at(5)?,
        rx_dropped: at(6)?,
        tx_dropped: at(7)?,
        collisions: at(9)?,
        tx_aborted_errors: at(16)?,
        tx_carrier_errors: at(17)?,
        tx_fifo_errors: at(18)?,
        tx_heartbeat_errors: at(19)?,
        tx_window_errors: at(20)?,
    })
}

/// IF_OPER_*; the kernel reads a number that it does not know as IF_OPER_UNKNOWN, too.
const fn decode_oper_state(number: u8) -> OperState {
    match number {
        1 => OperState::NotPresent,
        2 => OperState::Down,
        3 => OperState::LowerLayerDown,
        4 => OperState::Testing,
        5 => OperState::Dormant,
        6 => OperState::Up,
        _ => OperState::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::payloads;

    fn payload(name: &str) -> Vec<u8> {
        let all = payloads(include_str!("../../tests/wire/6.1-links.hex"), NEWLINK);
        all.into_iter().find(|payload| decode(payload).unwrap().name == name).unwrap()
    }

    fn link(name: &str) -> Link {
        decode(&payload(name)).unwrap()
    }

    /// The message of vti8 with the attribute `kind` of its top level changed to `new`.
    fn with_attribute(kind: u16, new: &[u8]) -> Vec<u8> {
        let payload = payload("vti8");
        let (header, mut bytes) = (payload[..HEADER].to_vec(), Vec::new());
        for attribute in Field::new("ifinfomsg", &payload).attributes(HEADER).map(Result::unwrap) {
            let value = if attribute.kind == kind { new } else { attribute.payload };
            bytes.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
            bytes.extend(attribute.kind.to_ne_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        [header, bytes].concat()
    }

    #[test]
    fn a_vti_has_its_keys_addresses_and_binding() {
        let keys = VtiDevice {
            link: 0,
            input_mark: 8,
            output_mark: 9,
            local: "192.0.2.1".parse().unwrap(),
            remote: "198.51.100.8".parse().unwrap(),
            fwmark: 0,
        };
        assert_eq!(link("vti8").kind, LinkKind::Vti(keys));
        let LinkKind::Vti(keys) = link("vti9").kind else { panic!("not a vti") };
        assert_eq!((keys.link, keys.input_mark, keys.fwmark), (6, 0x0a00_0001, 0x55));
        assert!(keys.local.is_unspecified());
        let LinkKind::Vti6(keys) = link("vtisix").kind else { panic!("not a vti6") };
        assert_eq!((keys.input_mark, keys.output_mark), (6, 7));
        assert_eq!(keys.remote.to_string(), "2001:db8::6");
        assert!(link("ip_vti0").is_fallback_device() && link("ip6_vti0").is_fallback_device());
    }

    #[test]
    fn an_xfrm_interface_has_its_if_id_or_takes_it_from_packets() {
        let device = |link, if_id, collect_metadata| {
            LinkKind::Xfrm(XfrmInterface { link, if_id: IfId(if_id), collect_metadata })
        };
        assert_eq!(link("vti0").kind, device(6, 1, false));
        assert_eq!(link("vti1").kind, device(8, 0x2002, false));
        assert_eq!(link("any0").kind, device(0, 0, true));
    }

    #[test]
    fn a_vrf_has_its_table_and_its_members_point_to_it() {
        let vrf = link("blue");
        assert_eq!(vrf.kind, LinkKind::Vrf { table: 1000 });
        assert_eq!(link("wan2").master, Some(vrf.ifindex));
        assert_eq!(link("wan2").kind, LinkKind::Other { info_kind: "dummy".to_owned() });
    }

    #[test]
    fn the_state_of_a_link_is_read() {
        let loopback = link("lo");
        assert!(loopback.loopback && loopback.admin_up && loopback.carrier);
        assert_eq!((loopback.ifindex, loopback.mtu), (1, 65536));
        let down = link("ip_vti0");
        assert_eq!((down.admin_up, down.carrier, down.oper_state), (false, false, OperState::Down));
        assert_eq!(link("moved").link_netnsid, Some(0));
        assert_eq!(link("vti0").link_netnsid, None);
    }

    #[test]
    fn device_settings_are_read_of_both_families() {
        let vti8 = link("vti8").ipv4.unwrap();
        assert_eq!((vti8.disable_xfrm, vti8.disable_policy, vti8.rp_filter), (true, false, 2));
        let vti0 = link("vti0");
        let ipv4 = vti0.ipv4.unwrap();
        assert_eq!((ipv4.disable_policy, ipv4.forwarding), (true, true));
        let ipv6 = vti0.ipv6.unwrap();
        assert_eq!((ipv6.forwarding, ipv6.disable_ipv6, ipv6.mtu), (true, false, 1400));
        assert_eq!((ipv6.accept_ra, ipv6.router_solicitations), (1, -1));
        assert!(link("vti2").ipv6.unwrap().disable_ipv6);
        assert_eq!(link("vti1").ipv6, None, "no IPv6 below an MTU of 1280");
    }

    #[test]
    fn counters_are_read_of_tunnels_only() {
        assert_eq!(link("lo").statistics, None);
        let counters: Vec<u8> = (0..25_u64).flat_map(u64::to_ne_bytes).collect();
        let statistics = decode(&with_attribute(IFLA_STATS64, &counters)).unwrap().statistics;
        let expected = Statistics {
            rx_packets: 0,
            tx_packets: 1,
            rx_bytes: 2,
            tx_bytes: 3,
            rx_errors: 4,
            tx_errors: 5,
            rx_dropped: 6,
            tx_dropped: 7,
            collisions: 9,
            tx_aborted_errors: 16,
            tx_carrier_errors: 17,
            tx_fifo_errors: 18,
            tx_heartbeat_errors: 19,
            tx_window_errors: 20,
        };
        assert_eq!(statistics, Some(expected));
        let shorter = decode(&with_attribute(IFLA_STATS64, &counters[..23 * 8])).unwrap();
        assert_eq!(shorter.statistics, Some(expected), "an older kernel");
    }

    #[test]
    fn a_malformed_attribute_is_named() {
        let error = decode(&with_attribute(IFLA_MTU, &[1, 2])).unwrap_err();
        assert_eq!(error.to_string(), "IFLA_MTU: need 4 bytes, have 2");
        let data = [8, 0, 1, 0, b'v', b't', b'i', 0, 9, 0, 2, 0, 5, 0, 3, 0, 1, 0, 0, 0];
        let error = decode(&with_attribute(IFLA_LINKINFO, &data)).unwrap_err();
        assert_eq!(error.to_string(), "IFLA_VTI_OKEY: need 4 bytes, have 1");
        let error = decode(&with_attribute(IFLA_LINKINFO, &data[..8])).unwrap_err();
        assert_eq!(error.to_string(), "IFLA_INFO_DATA: missing");
    }
}
