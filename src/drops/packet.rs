//! From the first bytes of a dropped packet to the flow for the model. Pure and total; it does not keep, print or return any payload.

use super::place::Place;
use crate::snapshot::Spi;
use crate::way::Flow;
use crate::wire::drop_monitor::Alert;
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPPROTO_*.
const UDP: u8 = 17;
const ESP: u8 = 50;
const AH: u8 = 51;
const IPIP: u8 = 4;
const IPV6_IN_IP: u8 = 41;

/// Ethernet's header, with and without a VLAN tag.
const LINK_HEADERS: [usize; 2] = [14, 18];
/// `offsetof(struct iphdr, protocol)`, `offsetof(struct ipv6hdr, nexthdr)`: where the mac header of a packet points after
/// `xfrm4_tunnel_encap_add()` or `xfrm6_tunnel_encap_add()` has put another header before the packet.
const PROTOCOL_IN_IPV4: usize = 9;
const NEXTHDR_IN_IPV6: usize = 6;
const IPV4: usize = 20;
const IPV6: usize = 40;
/// `sizeof(struct udphdr)`.
const UDP_HEADER: u32 = 8;
/// `sizeof(struct ip_esp_hdr)`, and the initialization vectors of ESP's algorithms: counters (GCM, CTR, ChaCha20), blocks of 64 and 128 bits, none.
const ESP_HEADER: usize = 8;
const INITIALIZATION_VECTORS: [usize; 3] = [8, 16, 0];
/// Padding, its length, the protocol of what is inside (RFC 4303), and the longest integrity check value.
const LONGEST_TRAILER: u32 = 255 + 2 + 64;

/// ESP or AH around something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outer {
    /// Outer source.
    pub source: IpAddr,
    /// Outer destination.
    pub destination: IpAddr,
    /// The SPI, if the packet already has one, or has it still.
    pub spi: Option<Spi>,
    /// Whether it is ESP in UDP.
    pub in_udp: bool,
}

/// What the headers show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Packet {
    /// The packet inside the tunnel, if it can be read; of transport mode without an IP packet inside, the packet itself.
    pub inner: Option<Flow>,
    /// The outer headers that the packet has or would get; for both families if the bytes do not show which one it is.
    pub outer: Vec<Outer>,
}

/// Reads the headers of a packet dropped at `place`.
pub fn read(place: Place, alert: &Alert<'_>) -> Packet {
    match place {
        // The mac header of a packet that a VTI sends is its network header: there is no header before it.
        Place::Device(_) | Place::Queue => Packet { inner: ip(alert.payload), outer: Vec::new() },
        Place::Output => encapsulated(alert),
        Place::Input | Place::OuterPolicy | Place::PolicyCheck => received(alert),
        Place::Stack(_) => anywhere(alert),
    }
}

/// With a link header or none; or ESP or AH whose mac header still points into the header that a tunnel put before it.
fn anywhere(alert: &Alert<'_>) -> Packet {
    if let Some(packet) = whole(alert) {
        return packet;
    }
    let packet = partly_decapsulated(alert);
    if !packet.outer.is_empty() || ![ESP, AH, UDP].contains(&first(alert.payload)) {
        return packet;
    }
    let outer = encapsulated(alert).outer.into_iter().filter(|outer| outer.spi.is_some());
    Packet { inner: None, outer: outer.collect() }
}

/// After the tunnel header was added: the mac header points into it. The packet follows, unencrypted until the encryption stage.
fn encapsulated(alert: &Alert<'_>) -> Packet {
    let bytes = alert.payload;
    let from = |start: usize, header: usize| bytes.get(header.saturating_sub(start)..);
    let mut outer = Vec::new();
    if let (Some(source), Some(destination)) = (v4(bytes, 3), v4(bytes, 7)) {
        let spi = from(PROTOCOL_IN_IPV4, IPV4).and_then(|rest| spi_behind(first(bytes), rest));
        outer.push(Outer { source, destination, spi, in_udp: first(bytes) == UDP });
    }
    if let (Some(source), Some(destination)) = (v6(bytes, 2), v6(bytes, 18)) {
        let spi = from(NEXTHDR_IN_IPV6, IPV6).and_then(|rest| spi_behind(first(bytes), rest));
        outer.push(Outer { source, destination, spi, in_udp: first(bytes) == UDP });
    }
    let behind = IPV4 - PROTOCOL_IN_IPV4..bytes.len();
    let inner = behind.filter_map(|at| exactly(alert, at)).next();
    Packet { inner: inner.or_else(|| exactly(alert, 0)), outer }
}

/// From the wire, or about to go there: an Ethernet header, then ESP or AH; after decryption the inner packet.
fn received(alert: &Alert<'_>) -> Packet {
    if let Some(packet) = of_transport_mode(alert) {
        return packet;
    }
    whole(alert).unwrap_or_else(|| partly_decapsulated(alert))
}

/// An IP packet behind a link header or none, as long as it says: ESP or AH, or any other.
fn whole(alert: &Alert<'_>) -> Option<Packet> {
    let (bytes, flow) = std::iter::once(0).chain(LINK_HEADERS).find_map(|at| {
        let flow = exactly(alert, at)?;
        Some((alert.payload.get(at..)?, flow))
    })?;
    Some(match esp(bytes, &flow) {
        Some(outer) => Packet { inner: None, outer: vec![outer] },
        None => Packet { inner: Some(flow), outer: Vec::new() },
    })
}

/// ESP behind a link header whose IP header no longer says how long the packet is: `xfrm4_udp_encap_rcv()` has subtracted the UDP header, or
/// `esp_remove_trailer()` has cut off what ends the packet.
fn partly_decapsulated(alert: &Alert<'_>) -> Packet {
    let found = LINK_HEADERS.into_iter().find_map(|at| {
        let bytes = alert.payload.get(at..)?;
        let flow = ip(bytes)?;
        let rest = alert.length.checked_sub(u32::try_from(at).ok()?)?;
        let is_so = match flow.protocol {
            UDP => flow.size.checked_add(UDP_HEADER) == Some(rest),
            _ => flow.size.checked_sub(rest).is_some_and(|cut| cut <= LONGEST_TRAILER),
        };
        esp(bytes, &flow).filter(|_| is_so)
    });
    Packet { inner: None, outer: found.into_iter().collect() }
}

/// What an SA of transport mode decrypted: `xfrm4_transport_input()` has moved the IP header up to what was inside, over the end of the place
/// where it was (most often with its last addresses, and with the SPI). The mac header still points before that place.
fn of_transport_mode(alert: &Alert<'_>) -> Option<Packet> {
    let places = LINK_HEADERS.into_iter().flat_map(|at| INITIALIZATION_VECTORS.map(|iv| (at, iv)));
    places.into_iter().find_map(|(at, iv)| {
        let moved_by = ESP_HEADER + iv;
        let old = alert.payload.get(at..)?;
        let new = old.get(moved_by..)?;
        let flow = exactly(alert, at + moved_by).filter(|_| is_moved(old, new, moved_by))?;
        let header = if flow.source.is_ipv4() { IPV4 } else { IPV6 };
        // The new header reaches from `moved_by` to `moved_by + header`.
        let is_kept = moved_by >= header + size_of::<u32>();
        let spi = old.get(header..).filter(|_| is_kept).and_then(|rest| spi_behind(ESP, rest));
        let Flow { source, destination, protocol, .. } = flow;
        let inside = matches!(protocol, IPIP | IPV6_IN_IP).then(|| ip(new.get(header..)?));
        Some(Packet {
            inner: inside.unwrap_or(Some(flow)),
            outer: vec![Outer { source, destination, spi, in_udp: false }],
        })
    })
}

/// Whether what the new header did not overwrite is the same in both, save the length, the protocol and the checksum.
fn is_moved(old: &[u8], new: &[u8], moved_by: usize) -> bool {
    let (header, changed): (usize, &[usize]) = match first(new) >> 4 {
        4 => (IPV4, &[2, 3, PROTOCOL_IN_IPV4, 10, 11]),
        _ => (IPV6, &[4, 5, NEXTHDR_IN_IPV6]),
    };
    let mut kept = (0..header.min(moved_by)).filter(|byte| !changed.contains(byte));
    kept.all(|byte| old.get(byte) == new.get(byte))
}

/// The ESP or AH that an IP packet has.
fn esp(bytes: &[u8], flow: &Flow) -> Option<Outer> {
    let header = LaxSlicedPacket::from_ip(bytes).ok()?;
    let payload = header.net.as_ref()?.ip_payload_ref()?;
    let spi = Some(spi_behind(flow.protocol, payload.payload)?);
    let Flow { source, destination, protocol, .. } = *flow;
    Some(Outer { source, destination, spi, in_udp: protocol == UDP })
}

/// The SPI of ESP, AH, or ESP in UDP on port 4500.
fn spi_behind(protocol: u8, bytes: &[u8]) -> Option<Spi> {
    let at = match protocol {
        ESP => 0,
        AH => 4,
        UDP if be16(bytes, 0) == Some(4500) || be16(bytes, 2) == Some(4500) => 8,
        _ => return None,
    };
    let spi = bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)?;
    (spi != 0).then_some(Spi(spi))
}

/// The IP packet at an offset, if it ends where the whole packet ends. This excludes bytes that only look like an IP packet.
fn exactly(alert: &Alert<'_>, at: usize) -> Option<Flow> {
    let flow = ip(alert.payload.get(at..)?)?;
    let rest = alert.length.checked_sub(u32::try_from(at).ok()?)?;
    (flow.size == rest).then_some(flow)
}

/// The flow of an IP packet, from its first bytes.
fn ip(bytes: &[u8]) -> Option<Flow> {
    let packet = LaxSlicedPacket::from_ip(bytes).ok()?;
    let (source, destination, size, dont_fragment): (IpAddr, IpAddr, u32, bool) =
        match packet.net.as_ref()? {
            LaxNetSlice::Ipv4(v4) => {
                let header = v4.header();
                let addresses = (header.source_addr(), header.destination_addr());
                let size = u32::from(header.total_len());
                (addresses.0.into(), addresses.1.into(), size, header.dont_fragment())
            }
            LaxNetSlice::Ipv6(v6) => {
                let header = v6.header();
                let addresses = (header.source_addr(), header.destination_addr());
                let size = u32::from(header.payload_length()) + 40;
                (addresses.0.into(), addresses.1.into(), size, false)
            }
            LaxNetSlice::Arp(_) => return None,
        };
    let payload = packet.net.as_ref()?.ip_payload_ref()?;
    let (source_port, destination_port) = match &packet.transport {
        Some(TransportSlice::Udp(udp)) => (udp.source_port(), udp.destination_port()),
        Some(TransportSlice::Tcp(tcp)) => (tcp.source_port(), tcp.destination_port()),
        Some(TransportSlice::Icmpv4(icmp)) => (icmp.type_u8().into(), icmp.code_u8().into()),
        Some(TransportSlice::Icmpv6(icmp)) => (icmp.type_u8().into(), icmp.code_u8().into()),
        _ => (0, 0),
    };
    Some(Flow {
        source,
        destination,
        protocol: payload.ip_number.0,
        source_port,
        destination_port,
        // An alert does not have the mark.
        mark: 0,
        size,
        dont_fragment,
    })
}

fn first(bytes: &[u8]) -> u8 {
    bytes.first().copied().unwrap_or_default()
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

fn v4(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let octets: [u8; 4] = *bytes.get(at..)?.first_chunk()?;
    Some(Ipv4Addr::from(octets).into())
}

fn v6(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let octets: [u8; 16] = *bytes.get(at..)?.first_chunk()?;
    Some(Ipv6Addr::from(octets).into())
}
