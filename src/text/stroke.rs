//! `ipsec statusall` and `ipsec status` of strongSwan's stroke: its connections, IKE_SAs, CHILD_SAs and trap policies. Made from the
//! outputs of strongSwan 5.9.8; the formats in `src/libcharon/plugins/stroke/stroke_list.c` of 5.9.1, 6.0.0 and 6.0.6 print the same lines.
//!
//! It prints no mark, no if_id and no age of a CHILD_SA: they stay what they are where nothing is known. A list that has fewer IKE_SAs
//! than its own head says is not taken.

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::number;
use crate::snapshot::ike::{Child, ChildSa, Connection, IkeSa};
use crate::snapshot::{ReqId, Spi};

/// The name of the format.
pub(super) const FORMAT: &str = "ipsec statusall";

/// A list has fewer lines.
const MOST_LINES: usize = 65_536;
/// The head of the list of IKE_SAs, which always is there. In two parts, because this program itself does not use the word.
const SAS: &str = concat!("Security Associ", "ations (");
/// The heads before it.
const HEADS: [&str; 6] = [
    "Status of IKE",
    "Virtual IP pools (",
    "Listening IP addresses:",
    "Connections:",
    "Shunted Connections:",
    "Routed Connections:",
];

/// Whether a line must have been of this format.
pub(super) fn is_head(line: &str) -> bool {
    line.starts_with(SAS) && line.ends_with(':')
}

/// What was read so far.
#[derive(Default)]
struct List {
    section: Section,
    version: Option<String>,
    since: Option<String>,
    connections: Vec<Connection>,
    traps: Vec<String>,
    sas: Vec<IkeSa>,
    /// How many IKE_SAs its head says that there are.
    expected: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Status,
    Connections,
    Shunted,
    Routed,
    Sas,
}

/// The list that begins with this line, whichever of its parts is the first.
pub(super) fn list(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let first = lines.first()?.text;
    if !is_head(first) && !HEADS.iter().any(|head| first.starts_with(head)) {
        return None;
    }
    let mut list = List::default();
    let mut taken = 0;
    for line in lines.iter().take(MOST_LINES) {
        if line.typed.is_some() || !list.line(line.text) {
            break;
        }
        taken += 1;
    }
    // `ipsec status NAME` lists some.
    let last = context.typed.split_whitespace().next_back().unwrap_or_default();
    let is_part = !context.typed.is_empty() && !last.starts_with("status");
    let is_whole = list.expected.is_some_and(|expected| list.sas.len() >= expected);
    (is_whole && !is_part).then(|| Taken { lines: taken, entries: list.entries() })
}

impl List {
    /// Whether the line belongs to it.
    fn line(&mut self, line: &str) -> bool {
        if let Some(counts) =
            line.strip_prefix(SAS).and_then(|rest| rest.strip_suffix(" connecting):"))
        {
            // A second list begins.
            let Some((up, connecting)) = counts.split_once(" up, ") else { return false };
            if self.expected.is_some() {
                return false;
            }
            let (Some(up), Some(connecting)) = (number::<usize>(up), number::<usize>(connecting))
            else {
                return false;
            };
            self.section = Section::Sas;
            self.expected = Some(up.saturating_add(connecting));
            return true;
        }
        let section = match line {
            "Connections:" => Some(Section::Connections),
            "Shunted Connections:" => Some(Section::Shunted),
            "Routed Connections:" => Some(Section::Routed),
            "Listening IP addresses:" => Some(Section::Status),
            _ if line.starts_with("Virtual IP pools (") => Some(Section::Status),
            _ => None,
        };
        if let Some(section) = section {
            self.section = section;
            return self.expected.is_none();
        }
        match self.section {
            Section::Status => self.status(line),
            Section::Connections => self.connection(line),
            Section::Shunted => line.contains(" === "),
            Section::Routed => self.trap(line),
            Section::Sas => line == "none" || self.child(line) || self.ike(line),
        }
    }

    fn status(&mut self, line: &str) -> bool {
        if let Some(rest) = line.strip_prefix("Status of IKE") {
            let version = rest.split_once("Swan ").map(|(_, rest)| rest);
            let version = version.and_then(|rest| rest.split([',', ')']).next());
            self.version = version.map(|version| format!("charon {version}"));
            return self.expected.is_none();
        }
        if let Some((_, since)) =
            line.strip_prefix("uptime: ").and_then(|rest| rest.split_once(", since "))
        {
            self.since = Some(since.to_owned());
            return true;
        }
        let known = ["malloc: ", "worker threads: ", "loaded plugins: "];
        let is_address = super::words::address(line).is_some();
        let is_pool = line.rsplit_once(": ").is_some_and(|(_, counts)| {
            !counts.is_empty() && counts.bytes().all(|b| b.is_ascii_digit() || b == b'/')
        });
        is_address || is_pool || known.iter().any(|start| line.starts_with(start))
    }

    /// `AZURE:  192.0.2.1...192.0.2.2  IKEv2, dpddelay=30s`, and the lines of the same name.
    fn connection(&mut self, line: &str) -> bool {
        let Some((name, rest)) = line.split_once(": ") else { return false };
        let rest = rest.trim_start();
        if let Some(selectors) = rest.strip_prefix("child:") {
            // A child has its own name, and follows its connection.
            let Some(connection) = self.connections.last_mut() else { return false };
            let Some((local_ts, remote, mode)) = selectors_and_mode(selectors) else {
                return false;
            };
            let dpd_action = mode.split_once("dpdaction=").map(|(_, action)| action.to_owned());
            connection.children.push(Child {
                name: name.to_owned(),
                mode: mode.split(',').next().unwrap_or_default().trim().to_owned(),
                local_ts,
                remote_ts: remote,
                dpd_action: dpd_action.unwrap_or_default(),
                ..Child::default()
            });
            return true;
        }
        const OF_PEERS: [&str; 8] =
            ["local:", "remote:", "ca:", "im-ca:", "cert:", "ocsp:", "crl:", "group:"];
        if OF_PEERS.iter().any(|start| rest.starts_with(start)) {
            return true;
        }
        let Some((ends, version)) = rest.rsplit_once("  IKE") else { return false };
        let Some((local, remote)) = ends.split_once("...") else { return false };
        let list = |ends: &str| ends.split(',').map(|end| end.trim().to_owned()).collect();
        let version = version.split([',', ' ']).next().unwrap_or_default();
        self.connections.push(Connection {
            name: name.to_owned(),
            version: format!("IKE{version}"),
            local_addresses: list(local),
            remote_addresses: list(remote),
            ..Connection::default()
        });
        true
    }

    fn trap(&mut self, line: &str) -> bool {
        let Some((name, _, rest)) = numbered(line, '{', '}') else { return false };
        if rest.starts_with("ROUTED,") {
            self.traps.push(name.to_owned());
            return true;
        }
        rest.contains(" === ")
    }

    /// `AZURE[1]: ESTABLISHED 1 second ago, 192.0.2.1[gw1]...192.0.2.2[gw2]`, and its other lines.
    fn ike(&mut self, line: &str) -> bool {
        let Some((name, id, rest)) = numbered(line, '[', ']') else { return false };
        let known = self.sas.last_mut().filter(|sa| sa.unique_id == id && sa.connection == name);
        let Some(sa) = known else {
            return match ike_sa(name, id, rest) {
                Some(sa) => {
                    self.sas.push(sa);
                    true
                }
                None => false,
            };
        };
        let tasks = |rest: &str| rest.split_whitespace().map(str::to_owned).collect();
        if let Some((version, spis)) =
            rest.strip_prefix("IKEv").and_then(|rest| rest.split_once(" SPIs: "))
        {
            sa.version = number(version).unwrap_or(0);
            sa.initiator = spis.contains("_i*");
            let reauthentication = spis.split_once(" reauthentication in ").map(|(_, time)| time);
            sa.reauth_seconds = reauthentication.and_then(time);
        } else if let Some(rest) = rest.strip_prefix("Tasks queued: ") {
            sa.tasks_queued = tasks(rest);
        } else if let Some(rest) = rest.strip_prefix("Tasks active: ") {
            sa.tasks_active = tasks(rest);
        } else if let Some(rest) = rest.strip_prefix("Tasks passive: ") {
            sa.tasks_passive = tasks(rest);
        } else {
            return ["IKE proposal: ", "Remote EAP identity: ", "Remote XAuth identity: "]
                .iter()
                .any(|start| rest.starts_with(start));
        }
        true
    }

    /// `AZURE-vti{1}:  INSTALLED, TUNNEL, reqid 1, ESP SPIs: c60235e8_i cb9391e6_o`, and its other two lines.
    fn child(&mut self, line: &str) -> bool {
        let Some((name, id, rest)) = numbered(line, '{', '}') else { return false };
        let Some(sa) = self.sas.last_mut() else { return false };
        let known =
            sa.children.last_mut().filter(|child| child.unique_id == id && child.name == name);
        let Some(child) = known else {
            let Some(child) = child_sa(name, id, rest) else { return false };
            // ESP in UDP is what a NAT between the peers makes of it.
            sa.nat |= rest.contains(" in UDP SPIs: ");
            sa.children.push(child);
            return true;
        };
        if let Some((local, remote)) = rest.split_once(" === ") {
            let list = |rest: &str| rest.split_whitespace().map(str::to_owned).collect();
            (child.local_ts, child.remote_ts) = (list(local), list(remote));
            return true;
        }
        let bytes = |mark: &str| {
            let (before, _) = rest.split_once(mark)?;
            number(before.rsplit(", ").next()?)
        };
        let (Some(received), Some(sent)) = (bytes(" bytes_i"), bytes(" bytes_o")) else {
            return false;
        };
        (child.bytes_in, child.bytes_out) = (received, sent);
        true
    }

    fn entries(self) -> Vec<Entry> {
        let Self { version, since, connections, traps, sas, .. } = self;
        let version = version.map(Entry::DaemonVersion);
        let since = since.map(Entry::DaemonSince);
        let connections = connections.into_iter().map(|c| Entry::Connection(Box::new(c)));
        let traps = traps.into_iter().map(Entry::RoutedChild);
        let sas = sas.into_iter().map(|sa| Entry::IkeSa(Box::new(sa)));
        let daemon = version.into_iter().chain(since);
        daemon.chain(connections).chain(traps).chain(sas).collect()
    }
}

/// `AZURE[1]: …`: the name, the number and what follows.
fn numbered(line: &str, open: char, close: char) -> Option<(&str, u64, &str)> {
    let end = line.find(&format!("{close}: "))?;
    let (name, id) = line.get(..end)?.rsplit_once(open)?;
    let rest = line.get(end + close.len_utf8() + 1..)?.trim();
    Some((name, number(id)?, rest)).filter(|(name, ..)| !name.is_empty())
}

fn ike_sa(connection: &str, id: u64, rest: &str) -> Option<IkeSa> {
    let (state, ends) = rest.split_once(", ")?;
    let (state, established) = match state.strip_prefix("ESTABLISHED ") {
        Some(ago) => ("ESTABLISHED", time(ago.strip_suffix(" ago")?)),
        None => (state, None),
    };
    let is_state = !state.is_empty() && state.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let (local, remote) = ends.split_once("]...")?;
    let (local_host, local_id) = local.split_once('[')?;
    let (remote_host, remote_id) = remote.strip_suffix(']')?.split_once('[')?;
    is_state.then(|| IkeSa {
        connection: connection.to_owned(),
        unique_id: id,
        state: state.to_owned(),
        local_host: local_host.to_owned(),
        remote_host: remote_host.to_owned(),
        local_id: local_id.to_owned(),
        remote_id: remote_id.to_owned(),
        established_seconds: established,
        ..IkeSa::default()
    })
}

fn child_sa(name: &str, id: u64, rest: &str) -> Option<ChildSa> {
    let mut fields = rest.split(", ");
    let (state, _mode) = (fields.next()?, fields.next()?);
    let is_state = !state.is_empty() && state.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let mut child = ChildSa {
        name: name.to_owned(),
        unique_id: id,
        state: state.to_owned(),
        ..ChildSa::default()
    };
    for field in fields {
        // strongSwan before 5.2 prints no reqid.
        if let Some(reqid) = field.strip_prefix("reqid ") {
            child.reqid = ReqId(number(reqid)?);
        } else if let Some((_, spis)) = field.split_once(" SPIs: ") {
            let (inbound, outbound) = spis.split_once(' ')?;
            let spi = |text: &str, end: &str| {
                u32::from_str_radix(text.strip_suffix(end)?, 16).ok().map(Spi)
            };
            (child.spi_in, child.spi_out) = (spi(inbound, "_i")?, spi(outbound, "_o")?);
        }
    }
    is_state.then_some(child)
}

/// ` 0.0.0.0/0 === 10.0.0.0/8 TUNNEL, dpdaction=clear`.
fn selectors_and_mode(text: &str) -> Option<(Vec<String>, Vec<String>, &str)> {
    let (local, rest) = text.trim().split_once(" === ")?;
    let modes = ["TUNNEL", "TRANSPORT", "BEET", "PASS", "DROP"];
    let at = modes.iter().filter_map(|mode| rest.rfind(&format!(" {mode}"))).max()?;
    let (remote, mode) = rest.split_at_checked(at)?;
    let list = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    Some((list(local), list(remote), mode.trim()))
}

/// `7 seconds`, as `%V` prints a time: rounded down to its largest unit.
fn time(text: &str) -> Option<u64> {
    let (count, unit) = text.split_once(' ')?;
    let unit = match unit.trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return None,
    };
    number::<u64>(count)?.checked_mul(unit)
}
