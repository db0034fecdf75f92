//! From a packet and a captured state to the interface and the code: the laboratory's faults, and what has no one answer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use vti_diagnostics::capture;
use vti_diagnostics::code::Code;
use vti_diagnostics::drops::{Attribution, Dropped, Outer, Packet, Place, Stop, attribute};
use vti_diagnostics::snapshot::{Driver, LinkKind, Missing, Reason, Snapshot, Source, Spi};
use vti_diagnostics::tunnel::State;
use vti_diagnostics::way::Flow;

pub fn snapshot(name: &str) -> Snapshot {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name);
    capture::load(&path).unwrap().snapshots.pop().unwrap()
}

/// The laboratory's packet, by the families of its capture.
fn flow() -> Flow {
    Flow::probe("10.9.1.1".parse().unwrap(), "10.9.2.1".parse().unwrap())
}

fn sent(place: Place, flow: Flow) -> Dropped {
    let packet = Packet { inner: Some(flow), outer: Vec::new() };
    Dropped { place, packet, protocol: 0x0800, input: None }
}

fn received(spi: u32) -> Dropped {
    let address = |text: &str| -> IpAddr { text.parse().unwrap() };
    let outer = Outer {
        source: address("192.0.2.2"),
        destination: address("192.0.2.1"),
        spi: Some(Spi(spi)),
        in_udp: false,
    };
    let packet = Packet { inner: None, outer: vec![outer] };
    Dropped { place: Place::Input, packet, protocol: 0x0800, input: None }
}

fn judged(snapshot: &Snapshot, dropped: &Dropped) -> Attribution {
    attribute(&State::new(snapshot), snapshot, dropped).unwrap()
}

#[test]
fn the_model_names_the_cause_of_a_packet_that_a_device_refused() {
    let expected = BTreeMap::from([
        ("101-no-policy-vti.yaml", 101),
        ("102-traffic-outside-selectors-xfrm.yaml", 102),
        ("104-policy-blocks-xfrm.yaml", 104),
        ("105-policy-without-template-xfrm.yaml", 105),
        ("106-xfrm-disabled-on-the-interface-vti.yaml", 106),
        ("107-policy-needs-a-packet-mark-xfrm.yaml", 107),
        ("111-policy-without-association-xfrm.yaml", 111),
        ("112-association-of-another-key-xfrm.yaml", 112),
        ("121-no-route-to-the-peer-xfrm.yaml", 121),
        ("122-local-address-gone-vti.yaml", 122),
        ("123-outer-interface-in-a-vrf-vti.yaml", 123),
        ("131-endpoint-mismatch-vti.yaml", 131),
        ("132-beet-mode-vti.yaml", 132),
        ("201-tunnel-loops-into-itself-xfrm.yaml", 201),
    ]);
    for (name, code) in expected {
        let driver = if name.ends_with("vti.yaml") { Driver::Vti } else { Driver::Xfrm };
        let found = judged(&snapshot(name), &sent(Place::Device(driver), flow()));
        assert_eq!(found.codes, [Code::of_number(code).unwrap()], "{name}: {found:?}");
        assert_eq!(found.interfaces, ["t0"], "{name}");
        assert!(found.is_attributed() && found.is_settled, "{name}");
    }
}

#[test]
fn a_device_of_another_driver_is_never_blamed() {
    let found =
        judged(&snapshot("101-no-policy-vti.yaml"), &sent(Place::Device(Driver::Xfrm), flow()));
    assert_eq!((found.interfaces.len(), found.codes.len()), (0, 0), "{found:?}");
}

#[test]
fn a_packet_that_the_state_lets_pass_has_an_interface_and_no_cause() {
    let found = judged(&snapshot("ok-healthy-vti.yaml"), &sent(Place::Device(Driver::Vti), flow()));
    assert_eq!(found.interfaces, ["t0"]);
    assert!(!found.is_attributed() && !found.is_settled);
    assert_eq!(found.why, "the state that was read lets the packet pass");
}

/// The capture, with the tunnel twice: the same routes lead into either.
fn doubled(mut snapshot: Snapshot) -> Snapshot {
    let links = snapshot.links.as_mut().unwrap();
    let mut twin = links.iter().find(|link| link.name == "t0").unwrap().clone();
    (twin.name, twin.ifindex) = ("t1".into(), 4_000);
    let of = links.iter().find(|link| link.name == "t0").unwrap().ifindex;
    links.push(twin);
    let routes = snapshot.routes.as_mut().unwrap();
    let mut more: Vec<_> = routes.iter().filter(|route| route.oif == Some(of)).cloned().collect();
    more.iter_mut().for_each(|route| route.oif = Some(4_000));
    routes.extend(more);
    snapshot
}

#[test]
fn where_two_interfaces_fit_it_says_both() {
    let snapshot = doubled(snapshot("101-no-policy-vti.yaml"));
    let found = judged(&snapshot, &sent(Place::Device(Driver::Vti), flow()));
    assert_eq!(found.interfaces, ["t0", "t1"]);
    assert!(!found.is_attributed(), "{found:?}");
}

#[test]
fn the_longer_prefix_tells_which_of_two_interfaces_it_is() {
    let mut snapshot = doubled(snapshot("101-no-policy-vti.yaml"));
    let narrow = snapshot.routes.as_mut().unwrap().iter_mut().find(|r| r.oif == Some(4_000));
    narrow.unwrap().destination = "10.9.2.1/32".parse().unwrap();
    let found = judged(&snapshot, &sent(Place::Device(Driver::Vti), flow()));
    assert_eq!(found.interfaces, ["t1"]);
}

#[test]
fn a_link_local_source_of_nobody_is_not_put_on_an_interface() {
    let stranger = Flow::icmpv6("fe80::99".parse().unwrap(), "ff02::2".parse().unwrap(), 133);
    let snapshot = snapshot("103-policies-for-the-other-family-xfrm.yaml");
    let found = judged(&snapshot, &sent(Place::Device(Driver::Xfrm), stranger));
    assert!(found.interfaces.is_empty(), "{found:?}");
    assert!(found.why.contains("network namespace"), "{}", found.why);
}

#[test]
fn an_ipv6_packet_that_no_route_leads_into_the_device_came_without_one() {
    let mut snapshot = snapshot("141-packets-without-a-route-xfrm.yaml");
    let packet = Flow::probe("fd99::2".parse().unwrap(), "fd99::1".parse().unwrap());
    let dropped = sent(Place::Device(Driver::Xfrm), packet);
    let found = judged(&snapshot, &dropped);
    assert_eq!(
        (found.interfaces.as_slice(), found.codes.as_slice()),
        (&["t0".to_string()][..], &[Code::NoRouteInside][..])
    );
    let missing = Missing::new(Source::Routes, Reason::Denied, "not allowed");
    snapshot.routes = Err(missing);
    assert!(judged(&snapshot, &dropped).codes.is_empty());
}

#[test]
fn what_is_refused_after_the_device_is_told_by_the_sa() {
    let name = "211-sequence-overflow-vti.yaml";
    let mut dropped = sent(Place::Output, flow());
    let outer = Outer {
        source: "192.0.2.1".parse().unwrap(),
        destination: "192.0.2.2".parse().unwrap(),
        spi: None,
        in_udp: false,
    };
    dropped.packet.outer = vec![outer];
    assert_eq!(judged(&snapshot(name), &dropped).codes, [Code::SequenceNumberOverflow]);
    dropped.packet.outer[0].spi = Some(Spi(0x101));
    dropped.packet.inner = None;
    dropped.place = Place::Stack(Stop::Filter);
    let snapshot = snapshot("ok-healthy-xfrm.yaml");
    assert_eq!(judged(&snapshot, &dropped).codes, [Code::EncryptionFailed]);
    dropped.packet.outer[0].destination = "192.0.2.77".parse().unwrap();
    let state = State::new(&snapshot);
    assert_eq!(attribute(&state, &snapshot, &dropped), None, "a filter drops what it likes");
}

#[test]
fn what_comes_in_is_told_by_its_spi_and_the_counters_of_the_sa() {
    let state = snapshot("401-no-inbound-association-vti.yaml");
    assert_eq!(judged(&state, &received(0x102)).codes, [Code::NoInboundAssociation]);
    let mut before = snapshot("402-integrity-failures-xfrm.yaml");
    let now = before.clone();
    for sa in before.sas.as_mut().unwrap() {
        sa.integrity_failures = 0;
    }
    let spi = now.sas.as_ref().unwrap().iter().find(|a| a.integrity_failures > 0);
    let dropped = received(spi.unwrap().spi.0);
    let found = attribute(&State::new(&now), &before, &dropped).unwrap();
    assert_eq!(
        (found.interfaces, found.codes),
        (vec!["t0".to_string()], vec![Code::IntegrityFailures])
    );
    let unchanged = judged(&now, &dropped);
    assert!(unchanged.codes.is_empty(), "a counter that does not rise tells nothing");
}

#[test]
fn what_was_decrypted_and_no_policy_let_in_is_told_by_the_device_it_came_in_by() {
    let snapshot = snapshot("404-no-inbound-policy-xfrm.yaml");
    let links = snapshot.links.as_ref().unwrap();
    let xfrm = links.iter().find(|link| matches!(link.kind, LinkKind::Xfrm(_))).unwrap();
    let inside = Flow::probe("10.9.2.1".parse().unwrap(), "10.9.1.1".parse().unwrap());
    let dropped = Dropped { input: Some(xfrm.ifindex), ..sent(Place::PolicyCheck, inside) };
    assert_eq!(judged(&snapshot, &dropped).codes, [Code::NoInboundPolicy]);
}

#[test]
fn what_this_host_drops_behind_a_tunnel_is_named() {
    let snapshot = snapshot("ok-healthy-vti.yaml");
    let links = snapshot.links.as_ref().unwrap();
    let vti = links.iter().find(|link| link.name == "t0").unwrap();
    let inside = Flow::probe("10.9.2.1".parse().unwrap(), "10.9.1.1".parse().unwrap());
    for (function, reason, code) in [
        ("ip_rcv_finish", Some("IP_RPFILTER"), Some(Code::SourceValidationDrops)),
        ("nft_do_chain", Some("NETFILTER_DROP"), Some(Code::RefusedAfterDecryption)),
        ("nf_hook_slow", None, Some(Code::RefusedAfterDecryption)),
        ("ip_error", Some("IP_INNOROUTES"), Some(Code::NotForwarded)),
        ("ip6_pkt_drop", None, Some(Code::NotForwarded)),
        ("__udp4_lib_rcv", Some("NO_SOCKET"), None),
    ] {
        let place = Place::of(function, reason);
        let dropped = Dropped { input: Some(vti.ifindex), ..sent(place, inside.clone()) };
        let found = judged(&snapshot, &dropped);
        assert_eq!(found.interfaces, ["t0"], "{function}");
        assert_eq!(found.codes, Vec::from_iter(code), "{function}");
        // A packet that came in by another device and is for this host is no affair of tunnels.
        let elsewhere = Dropped { input: Some(1), ..dropped };
        assert_eq!(attribute(&State::new(&snapshot), &snapshot, &elsewhere), None, "{function}");
    }
}

#[test]
fn what_the_outer_queue_refuses_is_of_the_tunnel_whose_sa_encrypted_it() {
    let snapshot = snapshot("ok-healthy-vti.yaml");
    let address = |text: &str| -> IpAddr { text.parse().unwrap() };
    let outer = |spi| Outer {
        source: address("192.0.2.1"),
        destination: address("192.0.2.2"),
        spi: Some(Spi(spi)),
        in_udp: false,
    };
    let place = Place::of("__dev_queue_xmit", Some("QDISC_DROP"));
    let of = |spi| Dropped {
        packet: Packet { inner: None, outer: vec![outer(spi)] },
        ..sent(place, flow())
    };
    let found = judged(&snapshot, &of(0x101));
    assert_eq!(
        (found.interfaces, found.codes),
        (vec!["t0".to_owned()], vec![Code::OuterQueueDrops])
    );
    let of_no_sa = judged(&snapshot, &of(0x999));
    assert!(of_no_sa.codes.is_empty() && !of_no_sa.is_settled, "{of_no_sa:?}");
}

#[test]
fn what_the_sa_of_an_interface_that_is_down_decrypted_is_told_once_the_sa_has_counted() {
    let mut before = snapshot("ok-healthy-xfrm.yaml");
    let links = before.links.as_mut().unwrap();
    let t0 = links.iter_mut().find(|link| link.name == "t0").unwrap();
    t0.admin_up = false;
    let index = t0.ifindex;
    let wan = links.iter().find(|link| link.name == "wan").unwrap().ifindex;
    before.routes.as_mut().unwrap().retain(|route| route.oif != Some(index));
    let inside = Flow::probe("10.9.2.1".parse().unwrap(), "10.9.1.1".parse().unwrap());
    let dropped = Dropped { input: Some(wan), ..sent(Place::PolicyCheck, inside) };
    let first = judged(&before, &dropped);
    assert!(!first.is_settled && first.codes.is_empty(), "a later sample is needed: {first:?}");
    let mut now = before.clone();
    now.taken_at_ms += 1000;
    let idle = attribute(&State::new(&now), &before, &dropped);
    assert_eq!(idle, None, "no SA has decrypted anything");
    for sa in now.sas.as_mut().unwrap() {
        sa.current.packets += 1;
    }
    let found = attribute(&State::new(&now), &before, &dropped).unwrap();
    assert_eq!(
        (found.interfaces, found.codes),
        (vec!["t0".to_string()], vec![Code::NotTakenByTheInterface])
    );
}
