//! What /proc shows as text: `/proc/net/dev`, `/proc/net/xfrm_stat`, the counters of IP, `/proc/uptime`.
//! The files are those of the process's own network namespace.

use super::failure::Failure;
use crate::snapshot::host::IP_COUNTERS;
use crate::snapshot::{DeviceColumns, KernelCounter, Observed, Reason, Source};
use crate::units::BYTE;
use procfs::net::InterfaceDeviceStatus;
use procfs::{FromBufRead, FromRead, Uptime};

/// The text of a file of the system.
pub(super) fn read_text(path: &str) -> Result<String, Failure> {
    let text = std::fs::read(path)
        .map_err(|error| Failure::from(error).in_operation(&format!("read {path}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Time since boot in milliseconds; the file has two decimals of a second.
pub(super) fn uptime_ms() -> Observed<u64> {
    let path = "/proc/uptime";
    let read = || {
        let text = read_text(path)?;
        let uptime = Uptime::from_read(text.as_bytes()).map_err(|_| malformed(path, &text))?;
        Ok(uptime.uptime_duration().as_millis().try_into().unwrap_or(u64::MAX))
    };
    read().map_err(|failure: Failure| failure.missing(Source::Uptime))
}

/// The id of this boot; empty where the kernel does not have one.
pub fn boot_id() -> String {
    read_text("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_string()
}

/// `/proc/net/dev`.
pub(super) fn net_dev() -> Observed<Vec<DeviceColumns>> {
    let path = "/proc/net/dev";
    let read = || {
        let text = read_text(path)?;
        parse_net_dev(&text).ok_or_else(|| malformed(path, &text))
    };
    read().map_err(|failure: Failure| failure.missing(Source::ProcNetDev))
}

/// `/proc/net/xfrm_stat`.
pub(super) fn xfrm_statistics() -> Observed<Vec<KernelCounter>> {
    let path = "/proc/net/xfrm_stat";
    let read = || {
        let text = read_text(path).map_err(|failure| match failure.reason {
            Reason::Absent => {
                Failure::new(Reason::Absent, "the kernel was built without CONFIG_XFRM_STATISTICS")
            }
            _ => failure,
        })?;
        parse_xfrm_stat(&text).ok_or_else(|| malformed(path, &text))
    };
    read().map_err(|failure: Failure| failure.missing(Source::XfrmStatistics))
}

/// The counters of IP that are kept. Without IPv6 the kernel has no `/proc/net/snmp6`, and then it has no such counters.
pub(super) fn ip_counters() -> Observed<Vec<KernelCounter>> {
    let read = || {
        let mut counters = Vec::new();
        for path in ["/proc/net/snmp", "/proc/net/netstat"] {
            let text = read_text(path)?;
            counters.extend(parse_snmp(&text).ok_or_else(|| malformed(path, &text))?);
        }
        let path = "/proc/net/snmp6";
        match read_text(path) {
            Ok(text) => {
                counters.extend(parse_xfrm_stat(&text).ok_or_else(|| malformed(path, &text))?)
            }
            Err(failure) if failure.reason == Reason::Absent => {}
            Err(failure) => return Err(failure),
        }
        counters.retain(|counter| IP_COUNTERS.contains(&counter.name.as_str()));
        Ok(counters)
    };
    read().map_err(|failure: Failure| failure.missing(Source::IpCounters))
}

/// The counters of `/proc/net/snmp` and `/proc/net/netstat`: pairs of lines, the names and the values of a protocol. `Ip:` and `InAddrErrors`
/// become `IpInAddrErrors`. None where a line is anything else.
pub fn parse_snmp(text: &str) -> Option<Vec<KernelCounter>> {
    let mut counters = Vec::new();
    let mut lines = text.lines();
    while let Some(names) = lines.next() {
        let (mut names, mut values) = (names.split_whitespace(), lines.next()?.split_whitespace());
        let protocol = names.next()?;
        if values.next()? != protocol {
            return None;
        }
        let protocol = protocol.strip_suffix(':')?;
        loop {
            match (names.next(), values.next()) {
                (Some(name), Some(value)) => {
                    // Tcp's MaxConn is -1; none of those that are kept is negative.
                    if let Ok(value) = u64::try_from(value.parse::<i128>().ok()?) {
                        counters.push(KernelCounter { name: format!("{protocol}{name}"), value });
                    }
                }
                (None, None) => break,
                _ => return None,
            }
        }
    }
    Some(counters)
}

/// The rows of a complete `/proc/net/dev`: two header lines and one row for each interface, as the kernel prints it.
/// None where a row is incomplete.
pub fn parse_net_dev(text: &str) -> Option<Vec<DeviceColumns>> {
    let rows = InterfaceDeviceStatus::from_buf_read(text.as_bytes()).ok()?.0;
    let columns = rows.into_values().map(|row| DeviceColumns {
        name: row.name,
        rx_bytes: row.recv_bytes,
        rx_packets: row.recv_packets,
        rx_errs: row.recv_errs,
        rx_drop: row.recv_drop,
        rx_fifo: row.recv_fifo,
        rx_frame: row.recv_frame,
        tx_bytes: row.sent_bytes,
        tx_packets: row.sent_packets,
        tx_errs: row.sent_errs,
        tx_drop: row.sent_drop,
        tx_fifo: row.sent_fifo,
        tx_colls: row.sent_colls,
        tx_carrier: row.sent_carrier,
    });
    let mut columns: Vec<_> = columns.collect();
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    Some(columns)
}

/// The lines of `/proc/net/xfrm_stat`: a name, blanks, a number. None where a line is anything else.
pub fn parse_xfrm_stat(text: &str) -> Option<Vec<KernelCounter>> {
    let counter = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, value) = (words.next()?, words.next()?.parse().ok()?);
        words.next().is_none().then(|| KernelCounter { name: name.to_owned(), value })
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(counter).collect()
}

fn malformed(path: &str, text: &str) -> Failure {
    let detail = format!("not in the kernel's form ({})", BYTE.of(text.len()));
    Failure::new(Reason::Malformed, detail).in_operation(&format!("read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Inter-|   Receive\n face |bytes\n";

    #[test]
    fn the_columns_of_a_row_keep_their_order() {
        let row = "  vti1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 18446744073709551615 16\n";
        let columns = parse_net_dev(&format!("{HEADER}{row}")).unwrap();
        let expected = DeviceColumns {
            name: "vti1".to_owned(),
            rx_bytes: 1,
            rx_packets: 2,
            rx_errs: 3,
            rx_drop: 4,
            rx_fifo: 5,
            rx_frame: 6,
            tx_bytes: 9,
            tx_packets: 10,
            tx_errs: 11,
            tx_drop: 12,
            tx_fifo: 13,
            tx_colls: 14,
            tx_carrier: u64::MAX,
        };
        assert_eq!(columns, [expected]);
    }

    #[test]
    fn a_row_that_is_cut_short_fails_the_table() {
        assert_eq!(parse_net_dev(&format!("{HEADER}  vti1: 1 2 3\n")), None);
    }

    #[test]
    fn a_counter_line_is_a_name_and_a_number() {
        let counters = parse_xfrm_stat("XfrmInError             \t0\nXfrmOutNoStates \t42\n");
        let expected = [("XfrmInError", 0), ("XfrmOutNoStates", 42)]
            .map(|(name, value)| KernelCounter { name: name.to_owned(), value });
        assert_eq!(counters.unwrap(), expected);
        assert_eq!(parse_xfrm_stat("XfrmInError\n"), None);
        assert_eq!(parse_xfrm_stat("XfrmInError 1 2\n"), None);
        assert_eq!(parse_xfrm_stat("XfrmInError -1\n"), None);
    }

    #[test]
    fn the_counters_of_a_protocol_are_a_line_of_names_and_a_line_of_values() {
        let text = "Ip: Forwarding InAddrErrors\nIp: 1 12\nTcp: MaxConn\nTcp: -1\n";
        let counters = parse_snmp(text).unwrap();
        let expected = [("IpForwarding", 1), ("IpInAddrErrors", 12)]
            .map(|(name, value)| KernelCounter { name: name.to_owned(), value });
        assert_eq!(counters, expected);
        assert_eq!(parse_snmp("Ip: A B\nIp: 1\n"), None, "a value is missing");
        assert_eq!(parse_snmp("Ip: A\nTcp: 1\n"), None, "values of another protocol");
        assert_eq!(parse_snmp("Ip: A\n"), None, "no values");
        assert_eq!(parse_snmp("Ip: A\nIp: x\n"), None, "no number");
    }

    #[test]
    fn a_file_that_is_not_there_is_absent_and_named() {
        let failure = read_text("/proc/net/no_such_table").unwrap_err();
        assert_eq!(failure.reason, Reason::Absent);
        assert_eq!(
            failure.detail,
            "cannot read /proc/net/no_such_table: no such file or directory"
        );
    }
}
