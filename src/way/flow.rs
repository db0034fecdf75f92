//! The inner packet, as the kernel's flow key sees it: `struct flowi` and `xfrm_selector_match()`.

use crate::snapshot::{Family, PortMask, Selector};
use std::fmt;
use std::net::IpAddr;

/// IPPROTO_* that are compared by ports, by type and code, or by GRE key.
const TCP: u8 = 6;
const UDP: u8 = 17;
const DCCP: u8 = 33;
const GRE: u8 = 47;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const MOBILITY: u8 = 135;
const UDPLITE: u8 = 136;

/// One inner packet that is handed to the VTI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Inner source.
    pub source: IpAddr,
    /// Inner destination; of the same family.
    pub destination: IpAddr,
    /// IP protocol.
    pub protocol: u8,
    /// Source port; ICMP type; upper half of a GRE key.
    pub source_port: u16,
    /// Destination port; ICMP code; lower half of a GRE key.
    pub destination_port: u16,
    /// The packet's own mark (`skb->mark`).
    pub mark: u32,
    /// Bytes of the inner packet, its IP header included.
    pub size: u32,
    /// IPv4: DF is set. IPv6 packets are never fragmented on the way.
    pub dont_fragment: bool,
}

impl Flow {
    /// A small UDP packet, for cases in which only the addresses matter.
    pub const fn probe(source: IpAddr, destination: IpAddr) -> Self {
        Self {
            source,
            destination,
            protocol: UDP,
            source_port: 40_000,
            destination_port: 40_000,
            mark: 0,
            size: 100,
            dont_fragment: false,
        }
    }

    /// An ICMPv6 message (`icmp_type` with code 0) to a link-local multicast group.
    pub const fn icmpv6(source: IpAddr, destination: IpAddr, icmp_type: u8) -> Self {
        let flow = Self::probe(source, destination);
        Self {
            protocol: ICMPV6,
            source_port: icmp_type as u16,
            destination_port: 0,
            size: 56,
            ..flow
        }
    }

    /// Inner family.
    pub const fn family(&self) -> Family {
        Family::of(self.destination)
    }

    /// `xfrm_flowi_sport()` and `xfrm_flowi_dport()`: 0 for protocols without such fields.
    const fn ports(&self) -> (u16, u16) {
        match self.protocol {
            TCP | UDP | DCCP | SCTP | UDPLITE | GRE | ICMP | ICMPV6 => {
                (self.source_port, self.destination_port)
            }
            MOBILITY => (self.source_port, 0),
            _ => (0, 0),
        }
    }

    /// Whether a selector matches this flow: `xfrm_selector_match()`. `oif` is the device's value of `flowi_oif`.
    pub fn matches(&self, selector: &Selector, oif: u32) -> bool {
        let (source_port, destination_port) = self.ports();
        let port = |have: u16, want: PortMask| (have ^ want.port) & want.mask == 0;
        selector.destination.contains(&self.destination)
            && selector.source.contains(&self.source)
            && port(destination_port, selector.destination_port)
            && port(source_port, selector.source_port)
            && (selector.protocol == 0 || selector.protocol == self.protocol)
            && (selector.ifindex == 0 || selector.ifindex == oif)
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.source, self.destination)?;
        match self.protocol {
            TCP => write!(f, ", tcp {} -> {}", self.source_port, self.destination_port),
            UDP => write!(f, ", udp {} -> {}", self.source_port, self.destination_port),
            ICMP => write!(f, ", icmp type {}", self.source_port),
            ICMPV6 => write!(f, ", icmpv6 type {}", self.source_port),
            protocol => write!(f, ", protocol {protocol}"),
        }?;
        if self.mark != 0 { write!(f, ", mark {:#x}", self.mark) } else { Ok(()) }
    }
}
