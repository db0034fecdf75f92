//! What stands for the names in a redacted capture: interfaces by what they are, peers by number. It replaces no address.

use super::filter_names;
use crate::snapshot::charon_log::Line;
use crate::snapshot::ike::Ike;
use crate::snapshot::vyos::{dashed, hook_entries, old_connection};
use crate::snapshot::{LinkKind, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash};

/// What stands for each name, the same in all snapshots of a capture `'c`. There may be tens of thousands of them: each is kept once, with a
/// number.
pub(super) struct Names<'c> {
    interfaces: BTreeMap<&'c str, Interface>,
    /// By the name as charon writes it.
    peers: BTreeMap<String, usize>,
    /// What follows `-tunnel-` in the names of connections of VyOS 1.3; 0 for `vti`.
    kinds: BTreeMap<&'c str, usize>,
}

/// What stands for an interface's name.
#[derive(Clone, Copy)]
enum Interface {
    /// The name itself.
    Same,
    Vrf(u32),
    Other(u32),
}

impl<'c> Names<'c> {
    /// Counts the names of a capture. Where nothing else says which comes first, the key does: the alphabet would tell something of them.
    pub fn of(snapshots: &'c [Snapshot], key: &impl BuildHasher) -> Self {
        let (peers, kinds) = peers(snapshots, key);
        Self { interfaces: interfaces(snapshots, key), peers, kinds }
    }

    /// What stands for an interface's name; none for one that was not counted.
    pub fn interface(&self, name: &str) -> Option<String> {
        Some(match self.interfaces.get(name)? {
            Interface::Same => name.to_owned(),
            Interface::Vrf(number) => format!("vrf{number}"),
            Interface::Other(number) => format!("if{number}"),
        })
    }

    /// What stands for the name of a peer, a connection or a CHILD configuration. VyOS derives the latter from the former; how they belong
    /// together stays, and that it is for a VTI.
    pub fn peer(&self, name: &str) -> String {
        match old_connection(name) {
            Some((peer, kind)) => {
                let kind = match self.kinds.get(kind) {
                    Some(0) => "vti".to_owned(),
                    Some(number) => number.to_string(),
                    None => "other".to_owned(),
                };
                format!("peer-{}-tunnel-{kind}", self.number(peer))
            }
            None => self.number(name),
        }
    }

    fn number(&self, name: &str) -> String {
        if name == OLD_CLIENT {
            return name.to_owned();
        }
        let (before, peer, kind) = parts(name);
        let number = self.peers.get(&dashed(peer)).map_or_else(String::new, usize::to_string);
        format!("{before}peer{number}{kind}")
    }

    /// What stands for the entries of VyOS's hook in a text: `vtiN`, `vtiN:CHILD:v4`, or `vtiN:CHILD:v4:NUMBER`.
    pub fn hook_entries(&self, text: &str) -> String {
        text.split_whitespace().map(|entry| self.hook_entry(entry)).collect::<Vec<_>>().join(" ")
    }

    fn hook_entry(&self, entry: &str) -> String {
        let interface = |name| self.interface(name).unwrap_or_else(|| "interface".to_owned());
        match entry.split(':').collect::<Vec<_>>().as_slice() {
            // A number of charon says nothing.
            [name, child, family @ ("v4" | "v6"), ..] => {
                format!("{}:{}:{family}", interface(name), self.peer(child))
            }
            _ => interface(entry),
        }
    }

    /// What stands for a line of charon's log: its level, its connection and the words of the protocol, which are all that a diagnosis
    /// looks for.
    pub fn log_line(&self, line: &str) -> String {
        let parts = Line::of(line);
        let name = parts.connection.or_else(|| parts.named());
        let name = match (name, parts.unique_id) {
            (Some(name), id) => format!("<{}|{}> ", self.peer(name), id.unwrap_or(1)),
            (None, Some(id)) => format!("<{id}> "),
            (None, None) => String::new(),
        };
        let level = match parts.level {
            Some(level) => level.to_string(),
            // Its words go, and with them what tells the level.
            None if parts.is_audit() => "0".into(),
            None => String::new(),
        };
        let event = parts.event();
        format!("charon: 01[IKE{level}] {name}{}", event.map_or("another line", |(words, _)| words))
    }
}

/// The CHILD configuration of remote access in VyOS 1.4 (remote_access.j2), whatever the connection.
const OLD_CLIENT: &str = "ikev2-vpn";

/// What VyOS puts before and behind a peer's name, and the name: `ra-NAME`, `NAME-client`, `NAME-vti`.
fn parts(name: &str) -> (&'static str, &str, &'static str) {
    let (before, rest) = match name.strip_prefix("ra-") {
        Some(rest) => ("ra-", rest),
        None => ("", name),
    };
    for kind in ["-vti", "-client"] {
        if let Some(peer) = rest.strip_suffix(kind) {
            return (before, peer, kind);
        }
    }
    (before, rest, "")
}

/// What stands for the names of peers, and for what follows `-tunnel-` in those of connections.
fn peers<'c>(
    snapshots: &'c [Snapshot],
    key: &impl BuildHasher,
) -> (BTreeMap<String, usize>, BTreeMap<&'c str, usize>) {
    let configured = snapshots.iter().flat_map(|s| s.configuration.iter().flat_map(|c| &c.peers));
    let ike = snapshots.iter().flat_map(|s| s.ike.iter());
    let loaded = ike.clone().flat_map(|ike| &ike.connections);
    let up = ike.clone().flat_map(|ike| &ike.sas);
    let children = loaded.clone().flat_map(|c| &c.children).map(|c| c.name.as_str());
    let installed = ike.clone().flat_map(Ike::children).map(|c| c.name.as_str());
    let traps = ike.flat_map(|ike| &ike.traps);
    let traps = traps.flat_map(|trap| [trap.connection.as_str(), trap.child.as_str()]);
    let hooked = snapshots.iter().flat_map(|s| s.hook_state.iter());
    let hooked = hooked.flat_map(|state| hook_entries(state)).filter_map(|entry| entry.child);
    let lines = snapshots.iter().flat_map(|s| s.charon_log.iter().flatten());
    let logged = lines.filter_map(|line| Line::parse(line)?.named());
    let all = configured
        .map(|p| p.name.as_str())
        .chain(loaded.map(|c| c.name.as_str()))
        .chain(up.map(|a| a.connection.as_str()))
        .chain(children)
        .chain(installed)
        .chain(traps)
        .chain(hooked)
        .chain(logged);
    let (mut names, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for name in all {
        let name = match old_connection(name) {
            Some((peer, kind)) => {
                kinds.insert(kind);
                peer
            }
            None => name,
        };
        if name != OLD_CLIENT {
            names.insert(dashed(parts(name).1));
        }
    }
    kinds.remove("vti");
    let mut kinds = numbered(kinds, key);
    kinds.insert("vti", 0);
    (numbered(names, key), kinds)
}

/// A number from 1 for each, in the order of the key.
fn numbered<T: Ord + Hash>(all: BTreeSet<T>, key: &impl BuildHasher) -> BTreeMap<T, usize> {
    let mut all: Vec<T> = all.into_iter().collect();
    all.sort_by_cached_key(|one| key.hash_one(one));
    all.into_iter().zip(1..).collect()
}

/// What stands for each interface name: itself if it says nothing, else `vrf1` for a VRF and `if1` for others, counted by ifindex; last
/// come names that only rules of any kind, `/proc/net/dev`, the configuration, the recorder and cleared counters have.
fn interfaces<'c>(
    snapshots: &'c [Snapshot],
    key: &impl BuildHasher,
) -> BTreeMap<&'c str, Interface> {
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
    let bound = configurations.flat_map(|c| &c.peers);
    let bound = bound.flat_map(|p| [p.bind.as_deref(), p.dhcp_interface.as_deref()]).flatten();
    let hooked = snapshots.iter().flat_map(|s| s.hook_state.iter());
    let hooked = hooked.flat_map(|state| hook_entries(state)).map(|entry| entry.interface);
    let validated = snapshots.iter().flat_map(|s| s.source_validation.iter().flatten());
    let validated = validated.flat_map(|rule| {
        let set = rule.set.iter().flat_map(|set| set.interfaces.iter().map(String::as_str));
        rule.interface.as_deref().into_iter().chain(set)
    });
    let filtered =
        snapshots.iter().flat_map(|s| s.filter.iter()).flat_map(filter_names::interfaces);
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
        .chain(filtered)
        .chain(watched)
        .chain(cleared);
    let mut others: Vec<&str> = others.collect();
    others.sort_by_cached_key(|name| key.hash_one(name));

    let (mut names, mut interfaces, mut vrfs) = (BTreeMap::new(), 0_u32, 0_u32);
    let all = links.into_iter().map(|(_, name, is_vrf)| (name, is_vrf));
    for (name, is_vrf) in all.chain(others.into_iter().map(|name| (name, false))) {
        if names.contains_key(name) {
            continue;
        }
        let token = if is_generic(name) {
            Interface::Same
        } else if is_vrf {
            vrfs += 1;
            Interface::Vrf(vrfs)
        } else {
            interfaces += 1;
            Interface::Other(interfaces)
        };
        names.insert(name, token);
    }
    names
}

/// Names that the kernel or every system gives: a usual stem and a short number. They show what a device is and nothing of its owner.
pub(super) fn is_generic(name: &str) -> bool {
    const STEMS: &[&str] = &["vti", "xfrm", "ipsec", "eth", "wg", "tun", "bond", "br", "dum", "lo"];
    const FALLBACK: &[&str] = &[
        "ip_vti0", "ip6_vti0", "gre0", "gretap0", "erspan0", "ip6gre0", "tunl0", "ip6tnl0", "sit0",
    ];
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    // Four digits: a longer number may be a customer's.
    let is_short = name.len() - stem.len() <= 4;
    (STEMS.contains(&stem) && is_short) || FALLBACK.contains(&name)
}
