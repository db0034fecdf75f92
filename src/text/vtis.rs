//! Which interfaces of a text are VTIs, where it says so and where it cannot, and their counters as a row of `/proc/net/dev`.

use super::entry::NamedLink;
use crate::snapshot::{DeviceColumns, IfId, Link, LinkKind, XfrmInterface};

/// Whether an interface whose kind is not in the text may be a VTI: by its name, as VyOS and common practice give it.
pub(super) fn may_be(link: &Link) -> bool {
    let numbered = |prefix: &str| {
        let rest = link.name.strip_prefix(prefix);
        rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    !link.loopback && ["vti", "xfrm", "ipsec", "tun"].into_iter().any(numbered)
}

/// The kind of an interface of VyOS 1.4 or later that the text does not say: `vtiN` is an xfrm interface with the if_id N + 1 there
/// (vyos-1x, python/vyos/ifconfig/vti.py), and such a device has no addresses of its own (`link/none`).
pub(super) fn of_vyos(named: &NamedLink) -> Option<LinkKind> {
    let number: u32 = named.link.name.strip_prefix("vti")?.parse().ok()?;
    let device =
        XfrmInterface { link: 0, if_id: IfId(number.checked_add(1)?), collect_metadata: false };
    (named.link_type == "none").then_some(LinkKind::Xfrm(device))
}

/// The counters of an interface as its row of `/proc/net/dev`: `carrier` is a sum there, which is exact only with `-s -s`.
pub(super) fn row(named: &NamedLink) -> Option<DeviceColumns> {
    let counted = named.statistics?;
    Some(DeviceColumns {
        name: named.link.name.clone(),
        rx_bytes: counted.rx_bytes,
        rx_packets: counted.rx_packets,
        rx_errs: counted.rx_errors,
        rx_drop: counted.rx_dropped,
        rx_fifo: 0,
        rx_frame: 0,
        tx_bytes: counted.tx_bytes,
        tx_packets: counted.tx_packets,
        tx_errs: counted.tx_errors,
        tx_drop: counted.tx_dropped,
        tx_fifo: counted.tx_fifo_errors,
        tx_colls: counted.collisions,
        tx_carrier: counted.tx_carrier_errors
            + counted.tx_aborted_errors
            + counted.tx_window_errors
            + counted.tx_heartbeat_errors,
    })
}

/// Sets the number of the interface that a VTI is bound to.
pub(super) fn bind(kind: &mut LinkKind, lower: Option<u32>) {
    match kind {
        LinkKind::Vti(device) | LinkKind::Vti6(device) => device.link = lower.unwrap_or(0),
        LinkKind::Xfrm(device) => device.link = lower.unwrap_or(0),
        LinkKind::IpTunnel(device) => device.link = lower.unwrap_or(0),
        LinkKind::Vrf { .. } | LinkKind::Other { .. } => {}
    }
}
