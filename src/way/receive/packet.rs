//! An encrypted packet as it comes to this host: what the kernel compares of it. It decides nothing.

use crate::snapshot::{Mode, Sa, Spi};
use crate::way::flow::Flow;
use std::net::IpAddr;

/// IPPROTO_ESP.
pub const ESP: u8 = 50;

/// An encrypted packet as it comes to this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// Outer source.
    pub source: IpAddr,
    /// Outer destination.
    pub destination: IpAddr,
    /// Its SPI.
    pub spi: Spi,
    /// It comes in UDP (UDP_ENCAP_ESPINUDP).
    pub in_udp: bool,
    /// `skb->mark`, which a rule of the packet filter may set.
    pub mark: u32,
    /// ifindex of the device by which it comes, where that is known.
    pub input: Option<u32>,
    /// The mode in which the peer encrypted.
    pub mode: Mode,
    /// The packet inside.
    pub inner: Flow,
}

impl Encrypted {
    /// A packet as the SA expects it.
    pub const fn of(sa: &Sa, inner: Flow) -> Self {
        Self {
            source: sa.source,
            destination: sa.destination,
            spi: sa.spi,
            in_udp: sa.encapsulation.is_some(),
            mark: 0,
            input: None,
            mode: sa.mode,
            inner,
        }
    }

    /// A packet of which only the outside is known. What is inside is not known before it is decrypted: a packet between the outer addresses
    /// stands for it.
    pub fn outside(source: IpAddr, destination: IpAddr, spi: Spi) -> Self {
        Self {
            source,
            destination,
            spi,
            in_udp: false,
            mark: 0,
            input: None,
            mode: Mode::Tunnel,
            inner: Flow::probe(source, destination),
        }
    }
}
