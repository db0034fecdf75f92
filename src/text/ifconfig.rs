//! `ifconfig [-a]` of net-tools: the form since 2.0 (2012), and the one before, which BusyBox still prints. Made from the outputs of net-tools
//! 2.10 and of BusyBox 1.35 (`ife_print()` in networking/interface.c). Its numbers are those of `/proc/net/dev`.

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::number;
use crate::snapshot::DeviceColumns;

/// An interface has fewer lines.
const MOST_LINES: usize = 64;

/// The interface that begins with this line: `vti1: flags=209<UP,POINTOPOINT,RUNNING,NOARP>  mtu 1480`, or `vti1  Link encap:IPIP Tunnel`.
pub(super) fn entry(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    let name = name(first.text)?;
    let of: Vec<&Line<'_>> = rest
        .iter()
        .take(MOST_LINES)
        .take_while(|line| line.typed.is_none() && belongs(line.text))
        .collect();
    let mut row = DeviceColumns { name: name.to_owned(), ..DeviceColumns::default() };
    let (mut seen_rx, mut seen_tx) = (false, false);
    for line in &of {
        // `RX packets:7 errors:0` is the same as `RX packets 7`.
        let plain = line.text.replace(':', " ");
        let words: Vec<&str> = plain.split_whitespace().collect();
        let mut side = None;
        for pair in words.windows(2) {
            match pair {
                ["RX", _] => side = Some(true),
                ["TX", _] => side = Some(false),
                [key, value] => {
                    let Some(value) = number(value) else { continue };
                    seen_rx |= side == Some(true) && *key == "packets";
                    seen_tx |= side == Some(false) && *key == "packets";
                    count(&mut row, side, key, value);
                }
                _ => {}
            }
        }
    }
    // A loopback or a device without counters has no such lines, and nothing is known of it here.
    let entries = if seen_rx && seen_tx { vec![Entry::Row(row)] } else { Vec::new() };
    Some(Taken { lines: of.len() + 1, entries })
}

fn name(line: &str) -> Option<&str> {
    let new = line.split_once(": flags=").filter(|(_, rest)| rest.contains("mtu "));
    let old = || {
        line.split_once(char::is_whitespace)
            .filter(|(_, rest)| rest.trim_start().starts_with("Link encap:"))
    };
    let (name, _) = new.or_else(old)?;
    ((1..=15).contains(&name.len()) && !name.contains(['/', ' '])).then_some(name)
}

/// Whether a line goes on with an interface.
fn belongs(line: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "RX",
        "TX",
        "inet",
        "inet6",
        "inet6:",
        "ether",
        "loop",
        "tunnel",
        "tunnel6",
        "unspec",
        "collisions:",
        "UP",
        "DOWN",
        "device",
        "Interrupt:",
    ];
    let first = line.split_whitespace().next().unwrap_or_default();
    first.starts_with("collisions:")
        || BEGINNINGS.contains(&first)
        || first.starts_with("UP")
        || first.starts_with("POINTOPOINT")
        || first.starts_with("BROADCAST")
        || first.starts_with("NOARP")
        || first == "LOOPBACK"
}

/// One number.
fn count(row: &mut DeviceColumns, side: Option<bool>, key: &str, value: u64) {
    let place = match (side, key) {
        (Some(true), "packets") => &mut row.rx_packets,
        (Some(true), "bytes") => &mut row.rx_bytes,
        (Some(true), "errors") => &mut row.rx_errs,
        (Some(true), "dropped") => &mut row.rx_drop,
        (Some(true), "overruns") => &mut row.rx_fifo,
        (Some(true), "frame") => &mut row.rx_frame,
        (Some(false), "packets") => &mut row.tx_packets,
        (Some(false), "bytes") => &mut row.tx_bytes,
        (Some(false), "errors") => &mut row.tx_errs,
        (Some(false), "dropped") => &mut row.tx_drop,
        (Some(false), "overruns") => &mut row.tx_fifo,
        (Some(false), "carrier") => &mut row.tx_carrier,
        (_, "collisions") => &mut row.tx_colls,
        _ => return,
    };
    *place = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::lines;

    fn row(text: &str) -> DeviceColumns {
        let taken = entry(&lines::of(text), &Context::default()).unwrap();
        assert_eq!(taken.lines, text.lines().count());
        match taken.entries.as_slice() {
            [Entry::Row(row)] => row.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_forms_have_the_same_numbers() {
        let new = "vti1: flags=209<UP,POINTOPOINT,RUNNING,NOARP>  mtu 1480\n        inet 10.9.1.1  netmask 255.255.255.255\n        \
                   tunnel   txqueuelen 1000  (IPIP Tunnel)\n        RX packets 7  bytes 640 (640.0 B)\n        \
                   RX errors 1  dropped 2  overruns 3  frame 4\n        TX packets 8  bytes 700 (700.0 B)\n        \
                   TX errors 9  dropped 10 overruns 11  carrier 12  collisions 13\n";
        let old = "vti1      Link encap:IPIP Tunnel  HWaddr\n          inet addr:10.9.1.1  Mask:255.255.255.255\n          \
                   UP POINTOPOINT RUNNING NOARP  MTU:1480  Metric:1\n          RX packets:7 errors:1 dropped:2 overruns:3 frame:4\n          \
                   TX packets:8 errors:9 dropped:10 overruns:11 carrier:12\n          collisions:13 txqueuelen:1000\n          \
                   RX bytes:640 (640.0 B)  TX bytes:700 (700.0 B)\n";
        let expected = DeviceColumns {
            name: "vti1".to_owned(),
            rx_bytes: 640,
            rx_packets: 7,
            rx_errs: 1,
            rx_drop: 2,
            rx_fifo: 3,
            rx_frame: 4,
            tx_bytes: 700,
            tx_packets: 8,
            tx_errs: 9,
            tx_drop: 10,
            tx_fifo: 11,
            tx_colls: 13,
            tx_carrier: 12,
        };
        assert_eq!((row(new), row(old)), (expected.clone(), expected));
    }

    #[test]
    fn what_busybox_printed_has_the_numbers_that_the_kernel_had() {
        // `busybox ifconfig lo` of BusyBox 1.35.0 (Debian 12), and the row of `/proc/net/dev` read after it.
        let printed = "lo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n          \
                       inet6 addr: ::1/128 Scope:Host\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n          \
                       RX packets:23292 errors:0 dropped:0 overruns:0 frame:0\n          \
                       TX packets:23292 errors:0 dropped:0 overruns:0 carrier:0\n          collisions:0 txqueuelen:1000 \n          \
                       RX bytes:6356155 (6.0 MiB)  TX bytes:6356155 (6.0 MiB)\n";
        let expected = DeviceColumns {
            name: "lo".to_owned(),
            rx_bytes: 6_356_155,
            rx_packets: 23_292,
            tx_bytes: 6_356_155,
            tx_packets: 23_292,
            ..DeviceColumns::default()
        };
        assert_eq!(row(printed), expected);
    }
}
