//! `swanctl --list-sas`, `--list-conns`, `--list-pols`, `--stats` and `--version`. Made from the outputs of strongSwan 5.9.8, and the
//! sources of 5.9.1 to 6.0.6 (`src/swanctl/commands/list_sas.c`, `list_conns.c`, `list_pols.c`, `stats.c`).

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::number;
use crate::snapshot::ike::{Child, ChildSa, Connection, IkeSa, Trap};
use crate::snapshot::{IfId, Mark, ReqId, Spi};

/// The format of `--stats` and `--version`.
pub(super) const STATISTICS: &str = "swanctl --stats";

/// Whether swanctl says that it has no plugin of this name: it needs none to ask charon.
pub(super) fn is_warning(line: &str) -> bool {
    line.starts_with("plugin '") && line.contains("': failed to load - ")
}

/// An IKE_SA with its CHILD_SAs, or a connection with its children, has fewer lines.
const MOST_LINES: usize = 4096;

/// The IKE_SA that begins with this line: `AZURE: #1, ESTABLISHED, IKEv2, 0123456789abcdef_i* fedcba9876543210_r`.
pub(super) fn sas(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    let mut sa = ike_sa(first.text)?;
    let mut taken = 1;
    for line in rest.iter().take(MOST_LINES) {
        if line.typed.is_some() || !(of_child(&mut sa, line.text) || of_ike(&mut sa, line.text)) {
            break;
        }
        taken += 1;
    }
    Some(Taken { lines: taken, entries: vec![Entry::IkeSa(Box::new(sa))] })
}

fn ike_sa(line: &str) -> Option<IkeSa> {
    let (name, rest) = line.split_once(": #")?;
    let mut fields = rest.split(", ");
    let (id, state, version, spis) =
        (number(fields.next()?)?, fields.next()?, fields.next()?, fields.next()?);
    let version = number(version.strip_prefix("IKEv")?)?;
    let is_state = !state.is_empty() && state.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    is_state.then(|| IkeSa {
        connection: name.to_owned(),
        unique_id: id,
        version,
        state: state.to_owned(),
        initiator: spis.contains("_i*"),
        ..IkeSa::default()
    })
}

/// A line of an IKE_SA itself.
fn of_ike(sa: &mut IkeSa, line: &str) -> bool {
    // `local  'gw1' @ 192.0.2.1[4500] [10.0.0.1]`: an identity may have blanks and marks of its own.
    let end = |rest: &str| {
        let (identity, host) = rest.trim().strip_prefix('\'')?.rsplit_once("' @ ")?;
        // strongSwan before 5.3 prints no port.
        let (host, port) = host.split_once('[').unwrap_or((host, ""));
        Some((identity.to_owned(), host.to_owned(), port.starts_with("4500]")))
    };
    let list = |rest: &str| rest.split_whitespace().map(str::to_owned).collect();
    if let Some((identity, host, _)) = line.strip_prefix("local ").and_then(end) {
        (sa.local_id, sa.local_host) = (identity, host);
    } else if let Some((identity, host, _)) = line.strip_prefix("remote ").and_then(end) {
        (sa.remote_id, sa.remote_host) = (identity, host);
    } else if let Some(rest) = line.strip_prefix("established ") {
        sa.established_seconds =
            seconds(rest.split(',').next().unwrap_or_default().trim_end_matches(" ago"));
        let reauthentication = rest.split(", ").find_map(|part| part.strip_prefix("reauth in "));
        sa.reauth_seconds = reauthentication.and_then(seconds);
    } else if let Some(rest) = line.strip_prefix("queued:") {
        sa.tasks_queued = list(rest);
    } else if let Some(rest) = line.strip_prefix("active:") {
        sa.tasks_active = list(rest);
    } else if let Some(rest) = line.strip_prefix("passive:") {
        sa.tasks_passive = list(rest);
    } else {
        return is_proposal(line);
    }
    true
}

/// `AES_GCM_16-128/PRF_HMAC_SHA2_256/MODP_2048`.
fn is_proposal(line: &str) -> bool {
    line.contains('/')
        && line.bytes().all(|b| {
            b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'/')
        })
}

/// `17s`.
fn seconds(word: &str) -> Option<u64> {
    number(word.trim().strip_suffix('s')?)
}

/// A line of a CHILD_SA, or the one that begins with it.
fn of_child(sa: &mut IkeSa, line: &str) -> bool {
    if let Some(child) = child_sa(line) {
        // ESP in UDP is what a NAT between the peers makes of it.
        sa.nat |= line.contains("-in-UDP");
        sa.children.push(child);
        return true;
    }
    let Some(child) = sa.children.last_mut() else { return false };
    let list = |rest: &str| rest.split_whitespace().map(str::to_owned).collect();
    if let Some(rest) = line.strip_prefix("installed ") {
        child.installed_seconds =
            seconds(rest.split(',').next().unwrap_or_default().trim_end_matches(" ago"));
    } else if let Some(half) = line.strip_prefix("in ").and_then(half) {
        (child.spi_in, child.mark_in, child.if_id_in, child.bytes_in) = half;
    } else if let Some(half) = line.strip_prefix("out ").and_then(half) {
        (child.spi_out, child.mark_out, child.if_id_out, child.bytes_out) = half;
    } else if let Some(rest) =
        line.strip_prefix("local ").filter(|rest| !rest.trim().starts_with('\''))
    {
        child.local_ts = list(rest);
    } else if let Some(rest) =
        line.strip_prefix("remote ").filter(|rest| !rest.trim().starts_with('\''))
    {
        child.remote_ts = list(rest);
    } else {
        return line.starts_with("label ");
    }
    true
}

/// `AZURE-vti: #3, reqid 1, INSTALLED, TUNNEL, ESP:AES_GCM_16-128`.
fn child_sa(line: &str) -> Option<ChildSa> {
    let (name, rest) = line.split_once(": #")?;
    let mut fields = rest.split(", ");
    let (id, reqid) = (number(fields.next()?)?, number(fields.next()?.strip_prefix("reqid ")?)?);
    let state = fields.find(|field| !field.starts_with("cpu "))?;
    Some(ChildSa {
        name: name.to_owned(),
        unique_id: id,
        reqid: ReqId(reqid),
        state: state.to_owned(),
        ..ChildSa::default()
    })
}

/// `c1a2b3c4 (0x8/0xffffffff|0x00000008),    252 bytes,     3 packets,     1s ago`, or with `-` in the place of the mark.
fn half(rest: &str) -> Option<(Spi, Mark, IfId, u64)> {
    let (head, counts) = rest.trim().split_once(',')?;
    let (spi, keys) = match head.split_once(" (") {
        Some((spi, keys)) => (spi, keys.trim_end_matches(')')),
        None => (head, ""),
    };
    let hex = |word: &str| u32::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    let (mark, if_id) = keys.split_once('|').unwrap_or((keys, ""));
    let mark = match mark.split_once('/') {
        Some((value, mask)) => Mark { value: hex(value)?, mask: hex(mask)? },
        None if mark.is_empty() || mark == "-" => Mark::default(),
        None => Mark { value: hex(mark)?, mask: u32::MAX },
    };
    let if_id = if if_id.is_empty() { 0 } else { hex(if_id)? };
    // An SPI of IPComp stands behind a slash.
    let spi = hex(spi.split('/').next()?)?;
    let bytes = number(counts.trim().split_once(" bytes")?.0)?;
    Some((Spi(spi), mark, IfId(if_id), bytes))
}

/// The connection that begins with this line: `AZURE: IKEv2, no reauthentication, rekeying every 14400s`.
pub(super) fn connections(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    let (name, of) = first.text.split_once(": IKEv")?;
    let (version, of) = of.split_once(", ")?;
    let reauthentication = of
        .strip_prefix("reauthentication every ")
        .map(|rest| rest.split(',').next().unwrap_or_default());
    if !["1", "2", "1/2"].contains(&version)
        || !(reauthentication.is_some() || of.starts_with("no reauthentication"))
    {
        return None;
    }
    let mut connection = Connection {
        name: name.to_owned(),
        version: format!("IKEv{version}"),
        reauth_seconds: reauthentication.and_then(seconds).unwrap_or(0),
        ..Connection::default()
    };
    let mut taken = 1;
    for line in rest.iter().take(MOST_LINES) {
        if line.typed.is_some() || !of_connection(&mut connection, line.text) {
            break;
        }
        taken += 1;
    }
    Some(Taken { lines: taken, entries: vec![Entry::Connection(Box::new(connection))] })
}

fn of_connection(connection: &mut Connection, line: &str) -> bool {
    const MODES: [&str; 5] = ["TUNNEL", "TRANSPORT", "BEET", "PASS", "DROP"];
    let list = |rest: &str| rest.split_whitespace().map(str::to_owned).collect();
    let child = line.split_once(": ").and_then(|(name, rest)| {
        let (mode, rest) = rest.split_once(", ")?;
        let is_child = MODES.contains(&mode)
            && (rest.starts_with("rekeying ") || rest.starts_with("no rekeying"));
        is_child.then(|| Child {
            name: name.to_owned(),
            mode: mode.to_owned(),
            dpd_action: rest
                .split_once("dpd action is ")
                .map(|(_, action)| action.to_owned())
                .unwrap_or_default(),
            ..Child::default()
        })
    });
    if let Some(child) = child {
        connection.children.push(child);
        return true;
    }
    // Of a connection, an address, since 6.0.3 with its port; of a child, its selectors.
    let address = |rest: &str| {
        let each = rest.split_whitespace();
        each.map(|word| word.split('[').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    match (connection.children.last_mut(), line.split_once(':')) {
        (None, Some(("local", rest))) => connection.local_addresses.extend(address(rest)),
        (None, Some(("remote", rest))) => connection.remote_addresses.extend(address(rest)),
        (Some(child), Some(("local", rest))) => child.local_ts = list(rest),
        (Some(child), Some(("remote", rest))) => child.remote_ts = list(rest),
        (_, Some((key, _))) => {
            const OTHERS: [&str; 15] = [
                "ppk",
                "id",
                "ca_id",
                "eap_id",
                "xauth_id",
                "aaa_id",
                "groups",
                "cert policy",
                "certs",
                "cacerts",
                "label",
                "interface",
                "priority",
                "local",
                "remote",
            ];
            let is_authentication = key.ends_with(" authentication") && key.starts_with(['l', 'r']);
            return OTHERS.contains(&key) || is_authentication;
        }
        _ => return false,
    }
    true
}

/// `AZURE/AZURE-vti, reqid 1, TUNNEL`, and the two lines behind it.
pub(super) fn policies(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let [first, local, remote, ..] = lines else { return None };
    let (name, rest) = first.text.split_once(", reqid ").or_else(|| first.text.split_once(", "))?;
    let is_policy = local.text.starts_with("local:")
        && remote.text.starts_with("remote:")
        && !name.contains(' ');
    let mode = rest.rsplit(", ").next().filter(|_| is_policy)?;
    let trap = name.split_once('/').filter(|_| !matches!(mode, "PASS" | "DROP"));
    let entries = trap.map(|(connection, child)| {
        Entry::Trap(Trap { connection: connection.to_owned(), child: child.to_owned() })
    });
    Some(Taken { lines: 3, entries: entries.into_iter().collect() })
}

/// Whether a command asks charon for something that it answers immediately.
fn asks_for_lists(typed: &str) -> bool {
    let mut words =
        typed.split_whitespace().skip_while(|word| word.rsplit('/').next() != Some("swanctl"));
    let option = words.nth(1).unwrap_or_default();
    option.starts_with("--list-") || matches!(option, "--stats" | "-l" | "-L" | "-P" | "-S")
}

/// The lines of `--stats` and `--version`: of them, only since when the daemon runs and its version are kept.
pub(super) fn statistics(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    const STARTS: [&str; 7] = [
        "worker threads: ",
        "job queues: ",
        "jobs scheduled: ",
        "IKE_SAs: ",
        "memory usage: ",
        "mallinfo: ",
        "loaded plugins: ",
    ];
    let line = lines.first()?.text;
    // It was stopped while it waited: by a time limit, or by Ctrl-C.
    if matches!(line, "Terminated" | "^C") && asks_for_lists(context.typed) {
        return Some(Taken::line(Entry::DaemonSilent));
    }
    if let Some((_, since)) =
        line.strip_prefix("uptime: ").and_then(|rest| rest.split_once(", since "))
    {
        return Some(Taken::line(Entry::DaemonSince(since.to_owned())));
    }
    if let Some((_, why)) =
        line.strip_prefix("connecting to 'unix://").and_then(|rest| rest.split_once("' failed: "))
    {
        return Some(Taken::line(Entry::DaemonGone { exists: !why.starts_with("No such file") }));
    }
    // VyOS says so instead of its tables (vyos-1x, src/op_mode/ipsec.py and vpn_ike_sa.py).
    if ["IPsec process not running", "IPsec not initialized"]
        .iter()
        .any(|said| line.eq_ignore_ascii_case(said))
    {
        return Some(Taken::line(Entry::DaemonGone { exists: false }));
    }
    if let Some(version) = line.strip_prefix("strongSwan swanctl ") {
        return Some(Taken::line(Entry::DaemonVersion(format!("charon {version}"))));
    }
    let is_hint = line.starts_with("Error: connecting to 'default' URI failed")
        || line.starts_with("strongSwan 5")
        || line.starts_with("strongSwan 6");
    (is_hint || STARTS.iter().any(|start| line.starts_with(start)))
        .then(|| Taken { lines: 1, entries: Vec::new() })
}
