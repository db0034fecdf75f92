//! A packet as the packet filter sees it at a hook. What is not known of it is none: a filter that asks for that cannot be decided. It decides
//! nothing.

use crate::snapshot::Family;
use crate::snapshot::filter::{FibQuery, Field, Translation};
use std::net::IpAddr;

/// A packet at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The device that it came in by.
    pub input: Device,
    /// The device that it leaves by.
    pub output: Device,
    /// The device below the VRF that it came in by (`sdif`).
    pub slave: Device,
    /// Its source; none where it was translated to an address that is not known.
    pub source: Option<IpAddr>,
    /// Its destination; none as above.
    pub destination: Option<IpAddr>,
    /// Its protocol; none for a packet of any.
    pub protocol: Option<u8>,
    /// The first four bytes behind the IP header: ports, type and code of ICMP, or the SPI.
    pub transport: [Option<u8>; 4],
    /// Bytes, the IP header included.
    pub length: Option<u32>,
    /// Its mark.
    pub mark: Option<u32>,
    /// TOS, or the traffic class.
    pub tos: Option<u8>,
    /// TTL or hop limit.
    pub hop_limit: Option<u8>,
    /// Whether DF is set (IPv4).
    pub dont_fragment: Option<bool>,
    /// How connection tracking knows it.
    pub tracking: Tracking,
    /// Whether connection tracking has seen it: it has not at the hooks before it.
    pub is_seen: bool,
    /// Whether it has a secpath: an SA decrypted it, and the driver kept that (`meta ipsec`).
    pub came_by_ipsec: Option<bool>,
    /// Whether its route leads into a policy (`rt ipsec`).
    pub goes_by_ipsec: Option<bool>,
    /// The reqid of the SA that decrypted it.
    pub reqid: Option<u32>,
    /// What `fib` answers, as far as it is known.
    pub fib: Vec<(FibQuery, u64)>,
    /// How it was translated.
    pub translated: Vec<Translated>,
    /// The address that masquerading gives it.
    pub masquerade: Option<IpAddr>,
}

/// A device of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// There is none.
    None,
    /// It is not known.
    Unknown,
    /// This one.
    Known {
        /// IFLA_IFNAME.
        name: String,
        /// Its index.
        ifindex: u32,
    },
}

/// How connection tracking knows a packet (NF_CT_STATE_BIT, IP_CT_UNTRACKED).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tracking {
    /// It is the first packet of a connection.
    New,
    /// It belongs to a connection that has packets in both directions.
    Established,
    /// There is no connection for it.
    Invalid,
    /// A rule took it out of tracking.
    Untracked,
    /// Nobody knows.
    Unknown,
}

/// A translation that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translated {
    /// What it changed.
    pub what: Translation,
    /// The rule's number in its table.
    pub handle: u64,
    /// Whether it is certain.
    pub is_certain: bool,
}

/// IPPROTO_*.
const ESP: u8 = 50;
const UDP: u8 = 17;
/// UDP encapsulation of ESP (RFC 3948).
const NAT_T: u16 = 4500;

impl Packet {
    /// A packet from one address to another of which nothing else is known but that it is no fragment, carries no mark, and is the first of its
    /// connection.
    pub fn any(source: IpAddr, destination: IpAddr) -> Self {
        Self {
            family: Family::of(destination),
            input: Device::None,
            output: Device::None,
            slave: Device::None,
            source: Some(source),
            destination: Some(destination),
            protocol: None,
            transport: [None; 4],
            length: None,
            mark: Some(0),
            tos: None,
            hop_limit: None,
            dont_fragment: None,
            tracking: Tracking::New,
            is_seen: false,
            came_by_ipsec: Some(false),
            goes_by_ipsec: Some(false),
            reqid: None,
            fib: Vec::new(),
            translated: Vec::new(),
            masquerade: None,
        }
    }

    /// An ESP packet with this SPI, or the same in UDP to port 4500.
    pub fn esp(source: IpAddr, destination: IpAddr, spi: u32, ports: Option<(u16, u16)>) -> Self {
        let packet = Self::any(source, destination);
        match ports {
            Some(ports) => packet.with_ports(UDP, ports),
            None => Self { protocol: Some(ESP), transport: spi.to_be_bytes().map(Some), ..packet },
        }
    }

    /// The usual ports of ESP in UDP.
    pub const NAT_T_PORTS: (u16, u16) = (NAT_T, NAT_T);

    /// The same packet with a protocol and its ports (of ICMP: type and code).
    pub fn with_ports(self, protocol: u8, ports: (u16, u16)) -> Self {
        let ([a, b], [c, d]) = match protocol {
            1 | 58 => {
                let low = |number: u16| u8::try_from(number & 0xff).unwrap_or(u8::MAX);
                // Behind type and code is the checksum.
                return Self {
                    protocol: Some(protocol),
                    transport: [Some(low(ports.0)), Some(low(ports.1)), None, None],
                    ..self
                };
            }
            _ => (ports.0.to_be_bytes(), ports.1.to_be_bytes()),
        };
        Self { protocol: Some(protocol), transport: [Some(a), Some(b), Some(c), Some(d)], ..self }
    }

    /// What is left of a packet's knowledge where it may be this or that.
    pub(super) fn join(&mut self, other: &Self) {
        fn keep<T: PartialEq>(mine: &mut Option<T>, other: &Option<T>) {
            if *mine != *other {
                *mine = None;
            }
        }
        keep(&mut self.source, &other.source);
        keep(&mut self.destination, &other.destination);
        keep(&mut self.mark, &other.mark);
        keep(&mut self.tos, &other.tos);
        keep(&mut self.hop_limit, &other.hop_limit);
        keep(&mut self.length, &other.length);
        for (mine, other) in self.transport.iter_mut().zip(&other.transport) {
            keep(mine, other);
        }
        if self.tracking != other.tracking {
            self.tracking = Tracking::Unknown;
        }
        if self.translated.len() < other.translated.len() {
            self.translated.clone_from(&other.translated);
        }
    }

    /// These fields changed to something that is not known.
    pub(super) fn rewrite(&mut self, field: &Field) {
        match field {
            Field::SourceV4 | Field::SourceV6 => self.source = None,
            Field::DestinationV4 | Field::DestinationV6 => self.destination = None,
            Field::Tos | Field::Class => self.tos = None,
            Field::HopLimit => self.hop_limit = None,
            Field::TotalLength | Field::PayloadLength => self.length = None,
            Field::SourcePort | Field::DestinationPort | Field::IcmpType | Field::IcmpCode => {
                self.transport = [None; 4];
            }
            _ => {}
        }
    }
}
