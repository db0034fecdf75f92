//! A socket that takes ESP in UDP, as a key daemon has one at port 4500: without it the kernel answers such packets with ICMP. It receives
//! nothing itself.

use crate::Fallible;
use nix::libc;
use nix::setsockopt_impl;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SetStruct;
use std::net::{IpAddr, UdpSocket};

/// The port of ESP in UDP, RFC 3948.
const PORT: u16 = 4500;

/// `UDP_ENCAP` and `UDP_ENCAP_ESPINUDP` of `linux/udp.h`.
const UDP_ENCAP: libc::c_int = 100;
const ESPINUDP: libc::c_int = 2;

#[derive(Clone)]
struct UdpEncap;
setsockopt_impl!(UdpEncap, libc::IPPROTO_UDP, UDP_ENCAP, libc::c_int, SetStruct<libc::c_int>);

/// Such a socket at an address of this thread's namespace.
pub fn socket(address: IpAddr) -> Fallible<UdpSocket> {
    let socket = UdpSocket::bind((address, PORT))
        .map_err(|error| format!("cannot bind {address} port {PORT}: {error}"))?;
    setsockopt(&socket, UdpEncap, &ESPINUDP)
        .map_err(|error| format!("cannot set UDP_ENCAP: {error}"))?;
    Ok(socket)
}
