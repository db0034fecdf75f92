//! Links as rtnetlink shows them, and what makes one a VTI.

use super::default::is_default;
use super::ip_tunnel::IpTunnel;
use super::xfrm::{IfId, Mark};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One network interface (RTM_NEWLINK).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// IFLA_IFNAME.
    pub name: String,
    /// ifi_index.
    pub ifindex: u32,
    /// What the device is, from IFLA_INFO_KIND and IFLA_INFO_DATA; never from the name.
    #[serde(flatten)]
    pub kind: LinkKind,
    /// IFF_UP: the administrator's side.
    pub admin_up: bool,
    /// IFF_LOWER_UP: the driver has carrier.
    pub carrier: bool,
    /// IFLA_OPERSTATE.
    pub oper_state: OperState,
    /// IFLA_MTU in bytes.
    pub mtu: u32,
    /// IFF_LOOPBACK.
    #[serde(default, skip_serializing_if = "is_default")]
    pub loopback: bool,
    /// IFLA_MASTER: ifindex of the VRF or bridge that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<u32>,
    /// IFLA_LINK of a device that hands its packets to another one, as a VLAN does: the ifindex of that. Read for these only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<u32>,
    /// IFLA_LINK_NETNSID: the id of the namespace in which the device encrypts, if that is another one (it was moved).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_netnsid: Option<i32>,
    /// IPv4 device configuration (IFLA_AF_SPEC); none where the kernel sent none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<Ipv4Configuration>,
    /// IPv6 device configuration (IFLA_AF_SPEC); none where the device has no IPv6 (disabled module, MTU below 1280).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6Configuration>,
    /// IFLA_STATS64; read for VTIs and IP tunnels only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Statistics>,
}

impl Link {
    /// The VTI driver of the link, if it is a VTI.
    pub fn driver(&self) -> Option<Driver> {
        match self.kind {
            LinkKind::Vti(_) => Some(Driver::Vti),
            LinkKind::Vti6(_) => Some(Driver::Vti6),
            LinkKind::Xfrm(_) => Some(Driver::Xfrm),
            _ => None,
        }
    }

    /// Whether this is the fallback device that ip_vti or ip6_vti creates when its module is loaded: no addresses, no marks, no packets.
    pub fn is_fallback_device(&self) -> bool {
        match &self.kind {
            LinkKind::Vti(keys) => self.name == "ip_vti0" && keys.is_wildcard(),
            LinkKind::Vti6(keys) => self.name == "ip6_vti0" && keys.is_wildcard(),
            LinkKind::IpTunnel(device) => device.is_fallback(&self.name),
            _ => false,
        }
    }

    /// The data of the link, if it is an IP tunnel: no VTI, but counted in the same counters.
    pub const fn ip_tunnel(&self) -> Option<&IpTunnel> {
        match &self.kind {
            LinkKind::IpTunnel(device) => Some(device),
            _ => None,
        }
    }
}

/// IFLA_INFO_KIND with the data that matters of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum LinkKind {
    /// ip_vti: IPv4 outside, selected by marks.
    Vti(VtiDevice),
    /// ip6_vti: IPv6 outside, selected by marks.
    Vti6(VtiDevice),
    /// xfrm interface: selected by if_id.
    Xfrm(XfrmInterface),
    /// A VRF device and its table.
    Vrf {
        /// IFLA_VRF_TABLE.
        table: u32,
    },
    /// A device that puts packets into IP packets, without IPsec of its own. Captures of earlier versions have
    /// [`LinkKind::Other`] for it.
    #[serde(rename = "ip-tunnel")]
    IpTunnel(IpTunnel),
    /// Any other kind; an empty name where the kernel gives none (a physical device, loopback).
    Other {
        /// IFLA_INFO_KIND.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        info_kind: String,
    },
}

/// The three device drivers that count `tx_carrier_errors` for a VTI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// ip_vti.
    Vti,
    /// ip6_vti.
    Vti6,
    /// xfrm_interface.
    Xfrm,
}

impl Driver {
    /// IFLA_INFO_KIND of the driver.
    pub const fn kind(self) -> &'static str {
        match self {
            Driver::Vti => "vti",
            Driver::Vti6 => "vti6",
            Driver::Xfrm => "xfrm",
        }
    }
}

/// Data of a vti or vti6 device (IFLA_VTI_*).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VtiDevice {
    /// IFLA_VTI_LINK: ifindex that the tunnel is bound to; 0 for none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: u32,
    /// IFLA_VTI_IKEY: the mark that inbound policies and SAs must match.
    #[serde(rename = "input_key")]
    pub input_mark: u32,
    /// IFLA_VTI_OKEY: the mark with which outbound policies are looked up.
    #[serde(rename = "output_key")]
    pub output_mark: u32,
    /// IFLA_VTI_LOCAL; unspecified for any.
    pub local: IpAddr,
    /// IFLA_VTI_REMOTE; unspecified for any.
    pub remote: IpAddr,
    /// IFLA_VTI_FWMARK.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fwmark: u32,
}

impl VtiDevice {
    /// No marks and no addresses: not a tunnel.
    fn is_wildcard(&self) -> bool {
        self.output_mark == 0
            && self.input_mark == 0
            && self.local.is_unspecified()
            && self.remote.is_unspecified()
    }
}

/// Data of an xfrm interface (IFLA_XFRM_*).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct XfrmInterface {
    /// IFLA_XFRM_LINK: ifindex whose VRF the outer route is looked up in; 0 for none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: u32,
    /// IFLA_XFRM_IF_ID.
    pub if_id: IfId,
    /// IFLA_XFRM_COLLECT_METADATA: the if_id comes with each packet.
    #[serde(default, skip_serializing_if = "is_default")]
    pub collect_metadata: bool,
}

/// IFLA_OPERSTATE (RFC 2863), as the kernel's `IF_OPER_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the kernel's names")]
pub enum OperState {
    Unknown,
    NotPresent,
    Down,
    LowerLayerDown,
    Testing,
    Dormant,
    Up,
}

/// The IPv4 settings of a device that the transmit and receive paths look at (IPV4_DEVCONF_*).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipv4Configuration {
    /// disable_xfrm: no policy lookup for routes out of this device.
    pub disable_xfrm: bool,
    /// disable_policy: no inbound policy check on this device.
    pub disable_policy: bool,
    /// forwarding.
    pub forwarding: bool,
    /// rp_filter: 0 off, 1 strict, 2 loose.
    pub rp_filter: u32,
}

/// The IPv6 settings of a device (DEVCONF_*).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipv6Configuration {
    /// disable_ipv6.
    pub disable_ipv6: bool,
    /// forwarding: with it the kernel sends no router solicitations.
    pub forwarding: bool,
    /// accept_ra.
    pub accept_ra: i32,
    /// rtr_solicits: -1 for no limit.
    pub router_solicitations: i32,
    /// The MTU IPv6 uses on the device.
    pub mtu: u32,
}

/// IFLA_STATS64 (`struct rtnl_link_stats64`), the members that a VTI can count in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kernel's names")]
pub struct Statistics {
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    pub rx_dropped: u64,
    pub tx_dropped: u64,
    pub collisions: u64,
    pub tx_aborted_errors: u64,
    pub tx_carrier_errors: u64,
    pub tx_fifo_errors: u64,
    pub tx_heartbeat_errors: u64,
    pub tx_window_errors: u64,
}

/// One address of an interface (RTM_NEWADDR).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The interface that has it.
    pub ifindex: u32,
    /// IFA_LOCAL (IFA_ADDRESS for IPv6) with the prefix length.
    pub prefix: IpNet,
    /// IFA_ADDRESS of a point-to-point address, where it differs from the local one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// ifa_scope: 0 global, 253 link, 254 host.
    pub scope: u8,
    /// IFA_FLAGS: tentative, deprecated, … (`IFA_F_*`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u32,
}

impl Address {
    /// Whether duplicate address detection lets the address be used (IFA_F_TENTATIVE).
    pub const fn is_usable(&self) -> bool {
        const TENTATIVE: u32 = 0x40;
        self.flags & TENTATIVE == 0
    }
}

/// The mark with which `output_mark` looks up policies: all bits of it.
impl From<u32> for Mark {
    fn from(value: u32) -> Self {
        Mark { value, mask: u32::MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What versions that did not decode IP tunnels wrote of one, and what is written now.
    #[test]
    fn an_ip_tunnel_of_an_earlier_version_loads_as_another_device() {
        let old: LinkKind = serde_json::from_str(r#"{"kind":"other","info_kind":"gre"}"#).unwrap();
        assert_eq!(old, LinkKind::Other { info_kind: "gre".to_owned() });
        let text =
            r#"{"kind":"ip-tunnel","info_kind":"gre","local":"192.0.2.1","remote":"198.51.100.2"}"#;
        let new: LinkKind = serde_json::from_str(text).unwrap();
        let LinkKind::IpTunnel(device) = &new else { panic!("{new:?}") };
        assert_eq!((device.info_kind.name(), device.link, device.protocol), ("gre", 0, 0));
        assert_eq!(serde_json::to_string(&new).unwrap(), text);
    }
}
