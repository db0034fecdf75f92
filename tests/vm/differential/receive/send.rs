//! The peer: what it has, and how it sends one packet, by policies and SAs of its own.

use super::plan::{Outer, Packet};
use crate::Fallible;
use crate::differential::ip;
use crate::namespace::Namespace;
use nix::sys::socket::{setsockopt, sockopt};
use std::net::{IpAddr, UdpSocket};
use vti_diagnostics::snapshot::Mode;

/// The name of its namespace.
pub const PEER: &str = "peer";

/// The bytes of a packet without its headers.
pub const PAYLOAD: usize = 72;

/// Every address that a packet may come from, and neighbours for all that it may be sent to: nobody asks for one.
const BASE: &str = "
link set lo up
link set wan up
addr add 192.0.2.2/24 dev wan
addr add 192.0.2.3/24 dev wan
addr add 192.0.2.12/24 dev wan
addr add 2001:db8::2/64 dev wan nodad
addr add 2001:db8::3/64 dev wan nodad
addr add 2001:db8::12/64 dev wan nodad
addr add 10.9.2.1/32 dev lo
addr add 10.9.3.1/32 dev lo
addr add fd09:2::1/128 dev lo nodad
addr add fd09:3::1/128 dev lo nodad
route add 10.9.1.0/24 dev wan
route add fd09:1::/64 dev wan
";
const NEIGHBOURS: [&str; 8] = [
    "192.0.2.1",
    "192.0.2.11",
    "2001:db8::1",
    "2001:db8::11",
    "10.9.1.1",
    "10.9.1.77",
    "fd09:1::1",
    "fd09:1::77",
];

/// The peer's way to send the packets of a case, one socket each: a program or a namespace entered for each packet would cost most of its time.
pub struct Senders(Vec<UdpSocket>);

/// Sets the peer up for the packets of a case.
pub fn set_up(peer: &Namespace, packets: &[Packet]) -> Fallible<Senders> {
    let mut lines: Vec<String> = BASE.trim().lines().map(str::to_owned).collect();
    let neighbour =
        |to: &&str| format!("neigh add {to} lladdr 02:00:00:00:00:01 dev wan nud permanent");
    lines.extend(NEIGHBOURS.iter().map(neighbour));
    lines.extend(packets.iter().zip(1..).flat_map(|(packet, mark)| encrypts(packet, mark)));
    match ip::build(Some(PEER), &lines)?.as_str() {
        "" => {}
        messages => return Err(format!("the peer's ip: {messages}{}", lines.join("\n"))),
    }
    let sockets =
        peer.within(|| packets.iter().zip(1..).map(|(p, mark)| socket(p, mark)).collect());
    Ok(Senders(sockets?))
}

impl Senders {
    /// Sends the packet that has this place among those of the case.
    pub fn send(&self, number: usize, packet: &Packet) -> Fallible<()> {
        let Packet { destination, destination_port, .. } = packet;
        let socket = self.0.get(number).ok_or("the peer has no socket for a packet")?;
        socket
            .send_to(&[0; PAYLOAD], (*destination, *destination_port))
            .map_err(|error| format!("the peer cannot send {packet}: {error}"))?;
        Ok(())
    }
}

/// A packet's own socket, by whose mark the peer finds what encrypts it.
fn socket(packet: &Packet, mark: u32) -> Fallible<UdpSocket> {
    let source = packet.source;
    let socket =
        UdpSocket::bind((source, 0)).map_err(|error| format!("cannot bind {source}: {error}"))?;
    setsockopt(&socket, sockopt::Mark, &mark)
        .map_err(|error| format!("cannot mark a socket: {error}"))?;
    Ok(socket)
}

/// The SA and the policy for one packet, found by a mark. The mark stays here: a packet that changes its namespace loses it
/// (`skb_scrub_packet`). Two packets by the same SPI have an SA each, and their sequence numbers differ.
fn encrypts(packet: &Packet, mark: u32) -> Vec<String> {
    let Some(outer) = &packet.outer else { return Vec::new() };
    let Outer { source, destination, spi, mode, in_udp } = outer;
    let of = |address: &IpAddr| format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 });
    let selector = format!("src {} dst {}", of(&packet.source), of(&packet.destination));
    let any = if source.is_ipv4() { "0.0.0.0" } else { "::" };
    let encap = if *in_udp { format!("encap espinudp 4500 4500 {any}") } else { String::new() };
    let taken = match mode {
        Mode::Transport => String::new(),
        Mode::Beet => format!("sel {selector}"),
        _ => "flag af-unspec".to_owned(),
    };
    let ends = format!("src {source} dst {destination} proto esp");
    let sequence = 100 * mark;
    vec![
        format!(
            "xfrm state add {ends} spi {spi:#x} reqid {mark} mode {mode} mark {mark} replay-oseq {sequence} {encap} {taken} {ALGORITHM}",
        ),
        format!(
            "xfrm policy add {selector} dir out mark {mark} tmpl {ends} reqid {mark} mode {mode}"
        ),
    ]
}

/// The algorithm of all SAs, with its key.
pub const ALGORITHM: &str = "aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128";
