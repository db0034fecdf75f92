//! charon's connections and SAs, and VyOS's configuration of peers.

use super::changes::{Changes, was};
use crate::snapshot::ike::{Ike, IkeSa};
use crate::snapshot::vyos::{Configuration, Peer};
use crate::snapshot::{Snapshot, Source};
use std::collections::BTreeMap;

pub(super) fn compare(a: &Snapshot, b: &Snapshot, changes: &mut Changes) {
    if let Some((before, now)) = changes.both(&a.ike, &b.ike) {
        let (old, new) = (states(before), states(now));
        let connections =
            before.connections.iter().chain(&now.connections).map(|connection| &connection.name);
        for name in connections.collect::<std::collections::BTreeSet<_>>() {
            let has = |ike: &Ike| ike.connections.iter().any(|connection| connection.name == *name);
            match (has(before), has(now)) {
                (true, false) => {
                    changes.say(Source::Charon, None, format!("connection {name} is gone"))
                }
                (false, true) => {
                    changes.say(Source::Charon, None, format!("connection {name} is new"))
                }
                _ => {}
            }
        }
        let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let of = |states: &BTreeMap<String, String>| {
                states.get(name).cloned().unwrap_or_else(|| "none".to_owned())
            };
            let (old, new) = (of(&old), of(&new));
            if old != new {
                changes.say(Source::Charon, None, format!("{name} {}", was(new, old)));
            }
        }
    }
    if let Some((before, now)) = changes.both(&a.configuration, &b.configuration) {
        configuration(before, now, changes);
    }
}

/// The best state of each connection's IKE_SAs, and of each child's CHILD_SAs; of those that are replaced, nothing.
fn states(ike: &Ike) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for IkeSa { connection, state, children, .. } in &ike.sas {
        let best = found.entry(format!("IKE_SA of {connection}:")).or_insert_with(|| state.clone());
        if best != "ESTABLISHED" {
            best.clone_from(state);
        }
        for child in children {
            let state = if child.is_current() { "installed" } else { child.state.as_str() };
            let best = found
                .entry(format!("CHILD_SA {} of {connection}:", child.name))
                .or_insert_with(|| state.to_owned());
            if best != "installed" {
                state.clone_into(best);
            }
        }
    }
    found
}

fn configuration(before: &Configuration, now: &Configuration, changes: &mut Changes) {
    let fields = |peer: &Peer| {
        [
            ("bind", peer.bind.clone().unwrap_or_else(|| "none".to_owned())),
            ("remote-address", peer.remote_addresses.join(" ")),
            ("connection-type", peer.connection_type.clone()),
            ("disable", peer.disabled.to_string()),
        ]
    };
    for peer in &now.peers {
        let old = before
            .peers
            .iter()
            .find(|old| (old.remote_access, &old.name) == (peer.remote_access, &peer.name));
        match old {
            None => changes.say(
                Source::Configuration,
                None,
                format!("peer {} is new in the configuration", peer.name),
            ),
            Some(old) => {
                for ((name, new), (_, old)) in fields(peer).iter().zip(&fields(old)) {
                    if new != old {
                        changes.say(
                            Source::Configuration,
                            None,
                            format!("peer {}: {name} {}", peer.name, was(new, old)),
                        );
                    }
                }
            }
        }
    }
    for peer in &before.peers {
        if now.peers.iter().all(|other| other.name != peer.name) {
            changes.say(
                Source::Configuration,
                None,
                format!("peer {} is gone from the configuration", peer.name),
            );
        }
    }
    for vti in &now.interfaces {
        let old = before.interfaces.iter().find(|old| old.name == vti.name);
        if let Some(old) = old.filter(|old| old.disabled != vti.disabled) {
            changes.say(
                Source::Configuration,
                Some(&vti.name),
                format!("{}: disable {}", vti.name, was(vti.disabled, old.disabled)),
            );
        }
    }
}
