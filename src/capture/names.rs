//! What stands for the names in a redacted capture: interfaces by what they are, peers by number. It replaces no address.

use crate::snapshot::ike::{LOG_EVENTS, connection_of_line};
use crate::snapshot::vyos::{dashed, old_connection};
use crate::snapshot::{LinkKind, Snapshot};
use std::collections::BTreeMap;

/// What stands for each name, the same in all snapshots of a capture.
pub(super) struct Names {
    interfaces: BTreeMap<String, String>,
    /// By the name as charon writes it.
    peers: BTreeMap<String, String>,
}

impl Names {
    /// Counts the names of a capture.
    pub fn of(snapshots: &[Snapshot]) -> Self {
        Self { interfaces: interfaces(snapshots), peers: peers(snapshots) }
    }

    /// What stands for an interface's name; none for one that was not counted.
    pub fn interface(&self, name: &str) -> Option<&str> {
        self.interfaces.get(name).map(String::as_str)
    }

    /// What stands for the name of a peer, a connection or a CHILD configuration. VyOS derives the latter from the former, with what kind
    /// it is behind it; that stays.
    pub fn peer(&self, name: &str) -> String {
        if let Some((peer, kind)) = old_connection(name) {
            return format!("peer-{}-tunnel-{kind}", self.peer(peer));
        }
        let (peer, kind) = match name.strip_suffix("-vti") {
            Some(peer) => (peer, "-vti"),
            None => (name, ""),
        };
        let number = self.peers.get(&dashed(peer)).map_or("peer", String::as_str);
        format!("{number}{kind}")
    }

    /// What stands for an entry of VyOS's hook, `vtiN` or `vtiN:CHILD:v4`.
    pub fn hook_entry(&self, entry: &str) -> String {
        let interface = |name| self.interface(name).unwrap_or("interface").to_owned();
        match entry.split(':').collect::<Vec<_>>().as_slice() {
            [name, child, family @ ("v4" | "v6")] => {
                format!("{}:{}:{family}", interface(name), self.peer(child))
            }
            _ => interface(entry),
        }
    }

    /// What stands for a line of charon's log: its connection and the words of the protocol, which are all that a diagnosis looks for.
    pub fn log_line(&self, line: &str) -> String {
        let connection = connection_of_line(line);
        let name = connection.map_or_else(String::new, |name| format!("<{}|1> ", self.peer(name)));
        let event = LOG_EVENTS.iter().find(|(words, _)| line.contains(words));
        format!("charon: 01[IKE] {name}{}", event.map_or("another line", |(words, _)| words))
    }
}

fn peers(snapshots: &[Snapshot]) -> BTreeMap<String, String> {
    let configured = snapshots.iter().flat_map(|s| s.configuration.iter().flat_map(|c| &c.peers));
    let loaded = snapshots.iter().flat_map(|s| s.ike.iter().flat_map(|ike| &ike.connections));
    let up = snapshots.iter().flat_map(|s| s.ike.iter().flat_map(|ike| &ike.sas));
    let children = loaded.clone().flat_map(|c| &c.children).map(|c| &c.name);
    let all = configured.map(|p| &p.name).chain(loaded.map(|c| &c.name));
    let mut names = BTreeMap::new();
    for name in all.chain(up.map(|a| &a.connection)).chain(children) {
        let name = old_connection(name).map_or(name.as_str(), |(peer, _)| peer);
        let name = dashed(name.strip_suffix("-vti").unwrap_or(name));
        let number = names.len() + 1;
        names.entry(name).or_insert_with(|| format!("peer{number}"));
    }
    names
}

/// What stands for each interface name: itself if it says nothing, else `vrf1` for a VRF and `if1` for others, counted by ifindex; last
/// come names that only rules of any kind, `/proc/net/dev`, the configuration, the recorder and cleared counters have.
fn interfaces(snapshots: &[Snapshot]) -> BTreeMap<String, String> {
    let mut links: Vec<(u32, &str, bool)> = snapshots
        .iter()
        .flat_map(|s| s.links.iter().flatten())
        .map(|l| (l.ifindex, l.name.as_str(), matches!(l.kind, LinkKind::Vrf { .. })))
        .collect();
    // Stable, so that where an index changed its name the earlier snapshot comes first.
    links.sort_by_key(|(ifindex, ..)| *ifindex);
    let rules = snapshots.iter().flat_map(|s| s.rules.iter().flatten());
    let in_rules = rules.flat_map(|r| [r.iif.as_deref(), r.oif.as_deref()]).flatten();
    let rows = snapshots.iter().flat_map(|s| s.proc_net_dev.iter().flatten());
    let configurations = snapshots.iter().flat_map(|s| s.configuration.iter());
    let configured = configurations.clone().flat_map(|c| &c.interfaces);
    let configured = configured.flat_map(|i| [Some(i.name.as_str()), i.vrf.as_deref()]).flatten();
    let bound = configurations.flat_map(|c| &c.peers).filter_map(|peer| peer.bind.as_deref());
    let hooked = snapshots.iter().flat_map(|s| s.hook_state.iter().flatten());
    let hooked = hooked.map(|entry| entry.split(':').next().unwrap_or(entry));
    let validated = snapshots.iter().flat_map(|s| s.source_validation.iter().flatten());
    let validated = validated.filter_map(|rule| rule.interface.as_deref());
    let recorded = snapshots.iter().flat_map(|s| s.recorded.iter());
    let watched = recorded.flat_map(|recorded| {
        let remarked = recorded.remarks.iter().filter_map(|remark| remark.interface.as_deref());
        recorded.episodes.iter().map(|episode| episode.interface.as_str()).chain(remarked)
    });
    let rows = rows.map(|r| r.name.as_str());
    let cleared = snapshots.iter().flat_map(|s| &s.cleared).map(|c| c.name.as_str());
    let others = rows
        .chain(in_rules)
        .chain(configured)
        .chain(bound)
        .chain(hooked)
        .chain(validated)
        .chain(watched)
        .chain(cleared);
    let mut others: Vec<&str> = others.collect();
    others.sort_unstable();

    let (mut names, mut interfaces, mut vrfs) = (BTreeMap::new(), 0_u32, 0_u32);
    let all = links.into_iter().map(|(_, name, is_vrf)| (name, is_vrf));
    for (name, is_vrf) in all.chain(others.into_iter().map(|name| (name, false))) {
        if names.contains_key(name) {
            continue;
        }
        let token = if is_generic(name) {
            name.to_string()
        } else if is_vrf {
            vrfs += 1;
            format!("vrf{vrfs}")
        } else {
            interfaces += 1;
            format!("if{interfaces}")
        };
        names.insert(name.to_string(), token);
    }
    names
}

/// Names that the kernel or every system gives: a usual stem and a number. They show what a device is and nothing of its owner.
fn is_generic(name: &str) -> bool {
    const STEMS: &[&str] = &["vti", "xfrm", "ipsec", "eth", "wg", "tun", "bond", "br", "dum", "lo"];
    const FALLBACK: &[&str] = &[
        "ip_vti0", "ip6_vti0", "gre0", "gretap0", "erspan0", "ip6gre0", "tunl0", "ip6tnl0", "sit0",
    ];
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    STEMS.contains(&stem) || FALLBACK.contains(&name)
}
