//! What a scenario sends, and the socket that waits for it. Exactly as many packets as asked for, each from a fresh socket:
//! an ICMP error for one packet is reported at the next send of the same socket, and that send does not happen.

use crate::Fallible;
use crate::case::End;
use nix::sys::socket::{setsockopt, sockopt};
use serde::Deserialize;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

/// The discard port.
const PORT: u16 = 9;

/// Datagrams from one end. Addresses are texts because scenarios write variables in them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// The destination; a link-local or multicast address leaves through the tunnel.
    pub udp: String,
    /// How many.
    pub count: u64,
    /// Bytes of payload.
    #[serde(default = "hundred")]
    pub size: usize,
    /// The sender.
    #[serde(default = "router")]
    pub from: End,
    /// The source address, where the kernel's choice is not wanted.
    #[serde(default)]
    pub source: Option<String>,
    /// SO_BINDTODEVICE, for a VRF.
    #[serde(default)]
    pub device: Option<String>,
    /// SO_MARK.
    #[serde(default)]
    pub mark: Option<u32>,
}

impl Traffic {
    /// So many datagrams of one end, as scenarios have them where they say nothing else.
    pub fn of(from: End, to: &str, count: u64) -> Self {
        let udp = to.to_owned();
        Self { udp, count, size: hundred(), from, source: None, device: None, mark: None }
    }
}

fn hundred() -> usize {
    100
}

fn router() -> End {
    End::Router
}

/// Sends all of it; the number of sends that failed.
pub fn send(traffic: &Traffic, interface: &str) -> Fallible<u64> {
    let address = |text: &str| text.parse::<IpAddr>().map_err(|error| format!("{text}: {error}"));
    let destination = scoped(address(&traffic.udp)?, interface)?;
    let source = match &traffic.source {
        Some(text) => address(text)?,
        None if destination.is_ipv4() => IpAddr::from([0, 0, 0, 0]),
        None => Ipv6Addr::UNSPECIFIED.into(),
    };
    let payload = vec![0; traffic.size];
    let mut failed = 0;
    for _ in 0..traffic.count {
        let socket = UdpSocket::bind((source, 0))
            .map_err(|error| format!("cannot bind {source}: {error}"))?;
        socket
            .set_nonblocking(true)
            .map_err(|error| format!("cannot make a socket non-blocking: {error}"))?;
        if let Some(device) = &traffic.device {
            setsockopt(&socket, sockopt::BindToDevice, &OsString::from(device))
                .map_err(|error| format!("cannot bind to a device: {error}"))?;
        }
        if let Some(mark) = &traffic.mark {
            setsockopt(&socket, sockopt::Mark, mark)
                .map_err(|error| format!("cannot set SO_MARK: {error}"))?;
        }
        failed += u64::from(socket.send_to(&payload, destination).is_err());
    }
    Ok(failed)
}

fn scoped(address: IpAddr, interface: &str) -> Fallible<SocketAddr> {
    match address {
        IpAddr::V6(address) if address.is_multicast() || address.is_unicast_link_local() => {
            let path = format!("/sys/class/net/{interface}/ifindex");
            let index = std::fs::read_to_string(&path)
                .map_err(|error| format!("cannot read {path}: {error}"))?;
            let index = index.trim().parse().map_err(|error| format!("{path}: {error}"))?;
            Ok(SocketAddrV6::new(address, PORT, 0, index).into())
        }
        address => Ok((address, PORT).into()),
    }
}

/// A socket at the discard port. Without it the kernel answers with ICMP, and that counts at the tunnel.
pub fn sink() -> Fallible<UdpSocket> {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT))
        .map_err(|error| format!("cannot bind port {PORT}: {error}"))?;
    socket
        .set_nonblocking(true)
        .map_err(|error| format!("cannot make a socket non-blocking: {error}"))?;
    Ok(socket)
}

/// How many datagrams wait at a sink.
pub fn arrived(sink: &UdpSocket) -> Fallible<u64> {
    let mut arrived = 0;
    loop {
        match sink.recv(&mut [0]) {
            Ok(_) => arrived += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(arrived),
            Err(error) => return Err(format!("cannot receive: {error}")),
        }
    }
}
