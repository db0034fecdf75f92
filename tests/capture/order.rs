//! The order of lists in a redacted capture, and its numbers: neither says how the true addresses and names compare.

use super::full;
use super::redacted::Seed;
use std::collections::BTreeSet;
use vti_diagnostics::capture::{Capture, redact_with};
use vti_diagnostics::snapshot::filter::{Element, Ruleset, Set, TableFamily, Value};
use vti_diagnostics::snapshot::ike::{Connection, Ike};
use vti_diagnostics::snapshot::vyos::{Configuration, Peer};

/// With a set of addresses, and as many peers, in the order of the alphabet.
fn capture() -> Capture {
    let mut capture = full();
    let names = || (0..6).map(|n| format!("customer-{n}"));
    let element = |n| Element {
        values: vec![Value::Addresses(vec![format!("10.7.{n}.0/24").parse().unwrap()])],
        verdict: None,
    };
    let set = |set: String, elements| Set {
        family: TableFamily::Inet,
        table: "t".into(),
        set,
        unread: None,
        elements,
    };
    let all = (0..40).map(|n| format!("10.8.{n}.0/24").parse().unwrap()).collect();
    let one = Element { values: vec![Value::Addresses(all)], verdict: None };
    let sets =
        vec![set("A_a".into(), (0..40).map(element).collect()), set("A_b".into(), vec![one])];
    for snapshot in &mut capture.snapshots {
        snapshot.filter = Ok(Ruleset { sets: sets.clone(), ..Ruleset::default() });
        let connection = |name| Connection { name, ..Connection::default() };
        let connections = names().map(connection).collect();
        snapshot.ike = Ok(Ike { connections, ..Ike::default() });
        let peer = |name| Peer { name, ..Peer::default() };
        let peers = names().map(peer).collect();
        snapshot.configuration = Ok(Configuration { peers, ..Configuration::default() });
    }
    capture
}

/// The addresses of both sets, in their order.
fn addresses(capture: &Capture) -> Vec<Vec<ipnet::IpNet>> {
    let sets = capture.snapshots.iter().flat_map(|s| &s.filter.as_ref().unwrap().sets);
    let of = |set: &Set| {
        let values = set.elements.iter().flat_map(|element| &element.values);
        let addresses = values.map(|value| match value {
            Value::Addresses(addresses) => addresses.clone(),
            other => panic!("{other:?}"),
        });
        addresses.flatten().collect()
    };
    sets.map(of).collect()
}

#[test]
fn addresses_are_in_the_order_of_what_they_are_replaced_by() {
    let mut firsts = BTreeSet::new();
    for seed in 0..20 {
        let redacted = redact_with(capture(), &Seed(seed)).unwrap();
        for set in addresses(&redacted) {
            assert_eq!(set.len(), 40);
            let texts: Vec<String> = set.iter().map(ToString::to_string).collect();
            let mut by_text = texts.clone();
            by_text.sort();
            assert!(set.is_sorted() || texts == by_text, "{texts:?}");
            firsts.insert(set[0]);
        }
        for snapshot in &redacted.snapshots {
            let mut sorted = snapshot.clone();
            sorted.sort();
            assert!(sorted == *snapshot, "as a capture that was loaded");
        }
    }
    assert!(firsts.len() > 20, "{firsts:?}");
}

#[test]
fn peers_have_numbers_and_an_order_that_the_alphabet_does_not_give() {
    let mut numbers = BTreeSet::new();
    for seed in 0..20 {
        let redacted = redact_with(capture(), &Seed(seed)).unwrap();
        let again = redact_with(capture(), &Seed(seed)).unwrap();
        assert!(redacted == again, "the same key gives the same");
        let snapshot = &redacted.snapshots[0];
        let connections = &snapshot.ike.as_ref().unwrap().connections;
        let names: Vec<&str> = connections.iter().map(|c| c.name.as_str()).collect();
        assert!(names.is_sorted(), "{names:?}");
        let peers = &snapshot.configuration.as_ref().unwrap().peers;
        let peers: Vec<&str> = peers.iter().map(|peer| peer.name.as_str()).collect();
        assert_eq!(names, peers);
        // Which number a peer has: by a mark that stays.
        let mut marked = capture();
        for snapshot in &mut marked.snapshots {
            let connections = &mut snapshot.ike.as_mut().unwrap().connections;
            connections[0].reauth_seconds = 7;
        }
        let marked = redact_with(marked, &Seed(seed)).unwrap();
        let connections = &marked.snapshots[0].ike.as_ref().unwrap().connections;
        let first = connections.iter().find(|c| c.reauth_seconds == 7).unwrap();
        numbers.insert(first.name.clone());
    }
    assert!(numbers.len() > 3, "{numbers:?}");
}
