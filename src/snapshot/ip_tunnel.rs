//! IP tunnels: devices that put packets into IP packets (GRE, IPIP, 6in4, …) and encrypt nothing. They are no VTIs, but count in the same
//! counters. Plain data; nothing is decided here.

use super::default::is_default;
use super::xfrm::Family;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Data of an IP tunnel (IFLA_GRE_*, IFLA_IPTUN_*).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IpTunnel {
    /// IFLA_INFO_KIND.
    pub info_kind: IpTunnelKind,
    /// IFLA_GRE_LINK, IFLA_IPTUN_LINK: ifindex in which the outer route is looked up (`flowi_oif`); 0 for none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub link: u32,
    /// IFLA_GRE_LOCAL, IFLA_IPTUN_LOCAL; unspecified for any.
    pub local: IpAddr,
    /// IFLA_GRE_REMOTE, IFLA_IPTUN_REMOTE; unspecified where each packet has its own.
    pub remote: IpAddr,
    /// IFLA_GRE_OKEY: the key that IPsec policies compare as ports.
    #[serde(rename = "output_key", default, skip_serializing_if = "is_default")]
    pub output_key: u32,
    /// IFLA_GRE_FWMARK, IFLA_IPTUN_FWMARK: the mark of the outer packet when its route is looked up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fwmark: u32,
    /// IFLA_IPTUN_PROTO: what ipip, sit and ip6tnl carry, as IPPROTO_*; 0 for any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: u8,
    /// IFLA_GRE_COLLECT_METADATA, IFLA_IPTUN_COLLECT_METADATA: the addresses come with each packet.
    #[serde(default, skip_serializing_if = "is_default")]
    pub collect_metadata: bool,
    /// IP6_TNL_F_ALLOW_LOCAL_REMOTE: the remote may be an address of this host.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allow_local_remote: bool,
}

/// The kinds of IP tunnels: IFLA_INFO_KIND.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpTunnelKind {
    /// ip_gre: GRE over IPv4.
    Gre,
    /// ip_gre: Ethernet in GRE over IPv4.
    Gretap,
    /// ipip: IPv4 in IPv4.
    Ipip,
    /// sit: IPv6 in IPv4.
    Sit,
    /// ip6_tunnel: IPv4 or IPv6 in IPv6.
    Ip6tnl,
    /// ip6_gre: GRE over IPv6.
    Ip6gre,
    /// ip6_gre: Ethernet in GRE over IPv6.
    Ip6gretap,
}

impl IpTunnelKind {
    /// Every kind.
    pub const ALL: [IpTunnelKind; 7] = [
        IpTunnelKind::Gre,
        IpTunnelKind::Gretap,
        IpTunnelKind::Ipip,
        IpTunnelKind::Sit,
        IpTunnelKind::Ip6tnl,
        IpTunnelKind::Ip6gre,
        IpTunnelKind::Ip6gretap,
    ];

    /// IFLA_INFO_KIND.
    pub const fn name(self) -> &'static str {
        match self {
            IpTunnelKind::Gre => "gre",
            IpTunnelKind::Gretap => "gretap",
            IpTunnelKind::Ipip => "ipip",
            IpTunnelKind::Sit => "sit",
            IpTunnelKind::Ip6tnl => "ip6tnl",
            IpTunnelKind::Ip6gre => "ip6gre",
            IpTunnelKind::Ip6gretap => "ip6gretap",
        }
    }

    /// The kind with this IFLA_INFO_KIND.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The family outside.
    pub const fn family(self) -> Family {
        match self {
            IpTunnelKind::Gre | IpTunnelKind::Gretap | IpTunnelKind::Ipip | IpTunnelKind::Sit => {
                Family::Inet
            }
            IpTunnelKind::Ip6tnl | IpTunnelKind::Ip6gre | IpTunnelKind::Ip6gretap => Family::Inet6,
        }
    }

    /// Whether it is GRE, whose attributes are IFLA_GRE_*; those of the others are IFLA_IPTUN_*.
    pub const fn is_gre(self) -> bool {
        !matches!(self, IpTunnelKind::Ipip | IpTunnelKind::Sit | IpTunnelKind::Ip6tnl)
    }

    /// The device that the module creates in a network namespace (`ip_tunnel_init_net()`, `sit_init_net()`, `ip6_tnl_init_net()`,
    /// `ip6gre_init_net()`); ip6gretap has none.
    pub const fn fallback_name(self) -> &'static str {
        match self {
            IpTunnelKind::Gre => "gre0",
            IpTunnelKind::Gretap => "gretap0",
            IpTunnelKind::Ipip => "tunl0",
            IpTunnelKind::Sit => "sit0",
            IpTunnelKind::Ip6tnl => "ip6tnl0",
            IpTunnelKind::Ip6gre => "ip6gre0",
            IpTunnelKind::Ip6gretap => "",
        }
    }
}

impl IpTunnel {
    /// Whether this is the device that the module creates: no addresses, and it takes only what no other tunnel claims.
    pub fn is_fallback(&self, name: &str) -> bool {
        name == self.info_kind.fallback_name()
            && self.local.is_unspecified()
            && self.remote.is_unspecified()
    }

    /// The protocols of the outer packet, IPPROTO_*, as IPsec policies compare them: of what can go through the device.
    pub const fn outer_protocols(&self) -> &'static [u8] {
        const IPIP: u8 = 4;
        const IPV6: u8 = 41;
        const GRE: u8 = 47;
        match (self.info_kind, self.protocol) {
            (IpTunnelKind::Ip6tnl, IPIP) | (IpTunnelKind::Ipip, _) | (IpTunnelKind::Sit, IPIP) => {
                &[IPIP]
            }
            (IpTunnelKind::Ip6tnl, IPV6) | (IpTunnelKind::Sit, _) => &[IPV6],
            (IpTunnelKind::Ip6tnl, _) => &[IPV6, IPIP],
            _ => &[GRE],
        }
    }
}
