//! Tables that VyOS itself makes: `show interfaces`, `show interfaces counters`, `show vpn ike sa`, `show vpn ipsec sa`. Made from its
//! scripts: of 1.3 (equuleus a79b59070, src/op_mode/show_interfaces.py, show_ipsec_sa.py), of 1.4 (sagitta d5322412e) and of 2024-10
//! (current 3710c5879; interfaces.py, ipsec.py, vpn_ike_sa.py), whose columns are of python-tabulate. `show interfaces NAME` and `show
//! vpn ipsec sa detail` are of `ip address` and of swanctl, and are read as those.

use super::entry::{Entry, VyosChild, VyosIke};
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{address, number, prefix};
use crate::snapshot::{Address, DeviceColumns};

/// The names of the formats.
pub(super) const INTERFACES: &str = "show interfaces";
pub(super) const COUNTERS: &str = "show interfaces counters";
pub(super) const IKE: &str = "show vpn ike sa";
pub(super) const IPSEC: &str = "show vpn ipsec sa";

/// Tables have fewer rows.
const MOST_LINES: usize = 16_384;

/// The cells of a row: two blanks are between them.
fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

/// The format whose rows are missing where this line is not read: that of a table of charon.
pub(super) fn cut(line: &str) -> Option<&'static [&'static str]> {
    if line.starts_with("Peer ID / IP") {
        return Some(&[IKE]);
    }
    (line.starts_with("Connection ") && line.contains("Bytes In/Out")).then_some(&[IPSEC])
}

fn is_ruler(line: &str) -> bool {
    line.len() > 8 && line.bytes().all(|b| b == b'-' || b == b' ')
}

/// `show interfaces`: names, addresses and states; the addresses are what a snapshot needs. Link-local ones are not in the table.
///
/// Those of some interfaces are not all of a host: a list is whole where `show interfaces` was typed, or where it has `lo`.
pub(super) fn interfaces(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let first = lines.first()?.text;
    if first.starts_with("Codes: S - State, L - Link") {
        return Some(Taken { lines: 1, entries: Vec::new() });
    }
    let ruler = lines.get(1)?.text;
    if !first.starts_with("Interface ") || !first.contains("IP Address") || !is_ruler(ruler) {
        return None;
    }
    let mut entries = Vec::new();
    let mut name = String::new();
    let mut taken = 2;
    for line in lines.iter().skip(2).take(MOST_LINES) {
        let words: Vec<&str> = line.text.split_whitespace().collect();
        let Some(first) = words.first().filter(|_| line.typed.is_none()) else { break };
        let net = |word: &str| word.contains('/').then(|| prefix(word)).flatten();
        let found = match (net(first), words.get(1).map(|second| (net(second), *second))) {
            // A further address of the same interface.
            (Some(found), _) => found,
            (None, Some((Some(found), _))) => {
                (*first).clone_into(&mut name);
                found
            }
            (None, Some((None, "-"))) => {
                taken += 1;
                continue;
            }
            _ => {
                // The rest of a long description.
                let is_rest = line.indent > 0 || is_state(first);
                if !is_rest {
                    break;
                }
                taken += 1;
                continue;
            }
        };
        taken += 1;
        let found = Address {
            ifindex: 0,
            prefix: found,
            peer: None,
            scope: 0,
            flags: super::link::IFA_F_PERMANENT,
        };
        entries.push(Entry::Address(name.clone(), found));
    }
    let has_lo =
        entries.iter().any(|entry| matches!(entry, Entry::Address(name, _) if name == "lo"));
    let words = ["run", "show", "interfaces", "summary"];
    let is_whole = match context.typed {
        "" => has_lo,
        typed => typed.split_whitespace().all(|word| words.contains(&word)),
    };
    Some(Taken { lines: taken, entries: if is_whole { entries } else { Vec::new() } })
}

fn is_state(word: &str) -> bool {
    matches!(word, "u/u" | "u/D" | "A/D" | "A/u")
}

/// `show interfaces counters`: since 1.4 with the errors of each direction, `rx_over_errors` and `tx_carrier_errors`. The table of 1.3
/// has none: its rows are recognised, and no row of them is complete.
pub(super) fn counters(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let first = lines.first()?.text;
    if !first.starts_with("Interface ")
        || !first.contains("Rx Packets")
        || !first.contains("Tx Bytes")
    {
        return None;
    }
    let has_errors = first.contains("Tx Errors");
    let skipped = if lines.get(1).is_some_and(|line| is_ruler(line.text)) { 2 } else { 1 };
    let mut entries = Vec::new();
    let mut taken = skipped;
    for line in lines.iter().skip(skipped).take(MOST_LINES) {
        let mut words = line.text.split_whitespace();
        let Some(name) = words.next().filter(|_| line.typed.is_none()) else { break };
        let numbers: Option<Vec<u64>> = words.map(number).collect();
        match (numbers.as_deref(), has_errors) {
            (
                Some(
                    [
                        rx_packets,
                        rx_bytes,
                        tx_packets,
                        tx_bytes,
                        rx_drop,
                        tx_drop,
                        rx_over,
                        tx_carrier,
                    ],
                ),
                true,
            ) => {
                entries.push(Entry::Row(DeviceColumns {
                    name: name.to_owned(),
                    rx_packets: *rx_packets,
                    rx_bytes: *rx_bytes,
                    tx_packets: *tx_packets,
                    tx_bytes: *tx_bytes,
                    rx_drop: *rx_drop,
                    tx_drop: *tx_drop,
                    rx_frame: *rx_over,
                    tx_carrier: *tx_carrier,
                    tx_errs: *tx_carrier,
                    ..DeviceColumns::default()
                }));
            }
            (Some([_, _, _, _]), false) => {}
            _ => break,
        }
        taken += 1;
    }
    Some(Taken { lines: taken, entries })
}

/// `show vpn ike sa`: an IKE_SA is three lines of heads and two of values. It has no name of a connection.
pub(super) fn ike(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let [first, ruler, ends, heads, second_ruler, values, ..] = lines else { return None };
    let is_it = first.text.starts_with("Peer ID / IP")
        && is_ruler(ruler.text)
        && heads.text.starts_with("State ")
        && is_ruler(second_ruler.text);
    let (ends, values) = (cells(ends.text), values.text.split_whitespace().collect::<Vec<_>>());
    let ([remote, local], [state, version, .., nat, since, _]) =
        (ends.as_slice(), values.as_slice())
    else {
        return None;
    };
    let host = |end: &str| end.split(' ').next().unwrap_or_default().to_owned();
    let sa = VyosIke {
        is_up: match *state {
            "up" => true,
            "down" => false,
            _ => return None,
        },
        version: number(version.strip_prefix("IKEv")?)?,
        remote_host: host(remote),
        remote_id: remote.split_once(' ').map(|(_, id)| id.to_owned()).unwrap_or_default(),
        local_host: host(local),
        nat: *nat == "yes",
        established_seconds: number(since),
    };
    is_it.then(|| Taken { lines: 6, entries: vec![Entry::VyosIke(sa)] })
}

/// `show vpn ipsec sa`: a row for each CHILD_SA, and before 1.4 for each that is configured.
pub(super) fn ipsec(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let [first, ruler, rest @ ..] = lines else { return None };
    if !first.text.starts_with("Connection ")
        || !first.text.contains("Bytes In/Out")
        || !is_ruler(ruler.text)
    {
        return None;
    }
    let mut taken = 2;
    let mut entries = vec![Entry::VyosChildren];
    for line in rest.iter().take(MOST_LINES) {
        let cells = cells(line.text);
        let [name, state @ ("up" | "down"), uptime, _, _, remote, _, _] = cells.as_slice() else {
            break;
        };
        if line.typed.is_some() {
            break;
        }
        taken += 1;
        entries.push(Entry::VyosChild(VyosChild {
            name: (*name).to_owned(),
            is_up: *state == "up",
            installed_seconds: seconds(uptime),
            remote_host: address(remote).map(|remote| remote.to_string()),
        }));
    }
    // A row that is cut is a tunnel that would be missing.
    let is_cut =
        rest.get(taken - 2).is_some_and(|line| line.typed.is_none() && cells(line.text).len() > 3);
    (!is_cut).then_some(Taken { lines: taken, entries })
}

/// `1h2m3s` (`seconds_to_human()`).
fn seconds(text: &str) -> Option<u64> {
    let mut all = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.find(|c: char| !c.is_ascii_digit())?;
        let (count, unit) = (rest.get(..at)?, rest.get(at..at + 1)?);
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            "y" => 31_536_000,
            _ => return None,
        };
        all = all.checked_add(number::<u64>(count)?.checked_mul(unit)?)?;
        rest = rest.get(at + 1..)?;
    }
    (!text.is_empty()).then_some(all)
}
