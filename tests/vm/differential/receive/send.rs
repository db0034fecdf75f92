//! The peer: what it has, and how it sends one packet, by policies and SAs of its own.

use super::plan::{Outer, Packet};
use crate::Fallible;
use crate::differential::ip;
use crate::namespace::Namespace;
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

/// Sets the peer up.
pub fn set_up() -> Fallible<()> {
    let mut lines: Vec<String> = BASE.trim().lines().map(str::to_owned).collect();
    let neighbour =
        |to: &&str| format!("neigh add {to} lladdr 02:00:00:00:00:01 dev wan nud permanent");
    lines.extend(NEIGHBOURS.iter().map(neighbour));
    all_taken(&lines)
}

/// Sends one packet; `number` is its place among those of the case, so that its sequence number is a new one.
pub fn send(peer: &Namespace, packet: &Packet, number: usize) -> Fallible<()> {
    all_taken(&lines(packet, number))?;
    let Packet { source, destination, destination_port, .. } = packet;
    peer.within(|| {
        let socket = UdpSocket::bind((*source, 0))
            .map_err(|error| format!("cannot bind {source}: {error}"))?;
        socket
            .send_to(&[0; PAYLOAD], (*destination, *destination_port))
            .map_err(|error| format!("the peer cannot send {packet}: {error}"))?;
        Ok(())
    })
}

/// The SA and the policy for one packet, instead of those of the packet before.
fn lines(packet: &Packet, number: usize) -> Vec<String> {
    let mut lines = ["xfrm state flush", "xfrm policy flush"].map(str::to_owned).to_vec();
    let Some(outer) = &packet.outer else { return lines };
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
    lines.push(format!(
        "xfrm state add {ends} spi {spi:#x} reqid 1 mode {mode} replay-oseq {} {encap} {taken} {ALGORITHM}",
        100 * (number + 1)
    ));
    lines.push(format!("xfrm policy add {selector} dir out tmpl {ends} reqid 1 mode {mode}"));
    lines
}

/// The algorithm of all SAs, with its key.
pub const ALGORITHM: &str = "aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128";

fn all_taken(lines: &[String]) -> Fallible<()> {
    match ip::build(Some(PEER), lines)?.as_str() {
        "" => Ok(()),
        messages => Err(format!("the peer's ip: {messages}{}", lines.join("\n"))),
    }
}
