//! `ip [-s] tunnel`, in text and JSON: the ends and keys of VTIs, and the counters of any tunnel, where `NoRoute` is the carrier column. Made
//! from the outputs of iproute2 6.1 (`print_tunnel()` of iptunnel.c and ip6tunnel.c, `tnl_print_stats()` of tunnel.c). A VTI is known by its
//! key: IPIP and IPv6 in IPv6 have none.

use super::entry::{Entry, NamedTunnel};
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{Words, address, dotted, number};
use crate::snapshot::{DeviceColumns, LinkKind, VtiDevice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The name of the format.
pub(super) const FORMAT: &str = "ip tunnel";

/// The heads of the two tables.
const RECEIVED: [&str; 7] = ["RX:", "Packets", "Bytes", "Errors", "CsumErrs", "OutOfSeq", "Mcasts"];
const SENT: [&str; 7] = ["TX:", "Packets", "Bytes", "Errors", "DeadLoop", "NoRoute", "NoBufs"];

/// The tunnel that begins with this line: `vti0: ip/ip remote 203.0.113.2 local 192.0.2.1 ttl inherit nopmtudisc key 7`.
pub(super) fn entry(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    let (name, of) = first.text.split_once(": ")?;
    let words = Words::of(std::iter::once(of));
    let [mode, "remote", _, "local", ..] = words.all() else { return None };
    let known = tunnel(name, mode, |key| words.after(key).map(str::to_owned))?;
    let row = row(name, rest);
    let taken = if row.is_some() { 5 } else { 1 };
    Some(Taken {
        lines: taken,
        entries: vec![Entry::Tunnel(Box::new(NamedTunnel { row, ..known }))],
    })
}

/// A tunnel with what stands behind each word; none where the mode is no pair, as `gre/ip` is.
pub(super) fn tunnel(
    name: &str,
    mode: &str,
    after: impl Fn(&str) -> Option<String>,
) -> Option<NamedTunnel> {
    let (_, outside) = mode.split_once('/')?;
    let is_name = (1..=15).contains(&name.len()) && !name.contains(['/', ' ']);
    let any: IpAddr = match outside {
        "ip" => Ipv4Addr::UNSPECIFIED.into(),
        "ipv6" => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    // `any` is no address.
    let end = |key| after(key).and_then(|word| address(&word)).unwrap_or(any);
    let key = |own| after("key").or_else(|| after(own)).and_then(|word| dotted(&word));
    let vti = |input_mark, output_mark| VtiDevice {
        link: 0,
        input_mark,
        output_mark,
        local: end("local"),
        remote: end("remote"),
        fwmark: 0,
    };
    let kind = match (mode, key("ikey"), key("okey")) {
        (_, None, None) => None,
        ("ip/ip", input, output) => {
            Some(LinkKind::Vti(vti(input.unwrap_or(0), output.unwrap_or(0))))
        }
        ("ipv6/ipv6", input, output) => {
            Some(LinkKind::Vti6(vti(input.unwrap_or(0), output.unwrap_or(0))))
        }
        _ => None,
    };
    is_name.then(|| NamedTunnel { name: name.to_owned(), kind, lower: after("dev"), row: None })
}

/// The counters behind a tunnel, in the columns of `/proc/net/dev`; none without `-s`, or where a line is cut.
fn row(name: &str, lines: &[Line<'_>]) -> Option<DeviceColumns> {
    let [received, rx, sent, tx, ..] = lines else { return None };
    let is_head = |line: &Line<'_>, head: [&str; 7]| line.text.split_whitespace().eq(head);
    if !is_head(received, RECEIVED) || !is_head(sent, SENT) {
        return None;
    }
    let numbers = |line: &Line<'_>| -> Option<[u64; 6]> {
        let numbers: Option<Vec<u64>> = line.text.split_whitespace().map(number).collect();
        numbers?.try_into().ok()
    };
    let [rx_packets, rx_bytes, rx_errs, rx_frame, rx_fifo, _] = numbers(rx)?;
    let [tx_packets, tx_bytes, tx_errs, tx_colls, tx_carrier, tx_drop] = numbers(tx)?;
    Some(DeviceColumns {
        name: name.to_owned(),
        rx_bytes,
        rx_packets,
        rx_errs,
        rx_drop: 0,
        rx_fifo,
        rx_frame,
        tx_bytes,
        tx_packets,
        tx_errs,
        tx_drop,
        tx_fifo: 0,
        tx_colls,
        tx_carrier,
    })
}
