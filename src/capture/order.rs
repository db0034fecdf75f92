//! The order of lists in a redacted capture: as it is in a capture, by addresses and names, it would tell how the true ones compare. It replaces
//! nothing.

use crate::snapshot::Snapshot;
use crate::snapshot::filter::{Element, Ruleset, Step, Value};
use crate::snapshot::ike::{Connection, Trap};
use crate::snapshot::vyos::{ConfiguredVti, Peer};
use std::hash::BuildHasher;

/// Puts those lists into an order of the key from which texts get numbers, the first one the first number.
pub(super) fn shuffle(snapshots: &mut [Snapshot], key: &impl BuildHasher) {
    for snapshot in snapshots {
        if let Ok(ike) = &mut snapshot.ike {
            ike.connections.sort_by_cached_key(|connection| key.hash_one(&connection.name));
            ike.traps.sort_by_cached_key(|trap| key.hash_one((&trap.connection, &trap.child)));
        }
        if let Ok(configuration) = &mut snapshot.configuration {
            configuration.peers.sort_by_cached_key(|peer| key.hash_one(&peer.name));
        }
        if let Ok(ruleset) = &mut snapshot.filter {
            ruleset.sets.sort_by_cached_key(|set| key.hash_one((&set.table, &set.set)));
        }
    }
}

/// Puts each list into the order of what it has now.
pub(super) fn sort(snapshots: &mut [Snapshot]) {
    for snapshot in snapshots {
        snapshot.sort();
        if let Ok(ike) = &mut snapshot.ike {
            ike.connections
                .sort_by(|Connection { name: a, .. }, Connection { name: b, .. }| a.cmp(b));
            ike.traps.sort_by(Trap::cmp);
        }
        if let Ok(configuration) = &mut snapshot.configuration {
            let by_name = |a: &ConfiguredVti, b: &ConfiguredVti| a.name.cmp(&b.name);
            configuration.interfaces.sort_by(by_name);
            let of = |peer: &Peer| (peer.remote_access, peer.name.clone());
            configuration.peers.sort_by_cached_key(of);
        }
        let sets = snapshot.source_validation.iter_mut().flatten().flat_map(|rule| &mut rule.set);
        sets.for_each(|set| set.interfaces.sort());
        if let Ok(ruleset) = &mut snapshot.filter {
            sort_sets(ruleset);
        }
    }
}

fn sort_sets(ruleset: &mut Ruleset) {
    ruleset.sets.sort_by_cached_key(|set| (set.family, set.table.clone(), set.set.clone()));
    for set in &mut ruleset.sets {
        set.elements.iter_mut().flat_map(|element| &mut element.values).for_each(sort_values);
        if set.elements.len() > 1 {
            // What is in no other element comes last.
            let key = |element: &Element| (element.values.is_empty(), format!("{element:?}"));
            set.elements.sort_by_cached_key(key);
        }
    }
    let steps = ruleset.chains.iter_mut().flat_map(|c| &mut c.rules).flat_map(|r| &mut r.steps);
    for step in steps {
        if let Step::Match(condition) = step {
            condition.values.iter_mut().for_each(sort_values);
        }
    }
}

fn sort_values(value: &mut Value) {
    match value {
        Value::Addresses(addresses) => addresses.sort(),
        Value::Names(names) => names.sort(),
        Value::Any | Value::Numbers(_) | Value::Unknown => {}
    }
}
