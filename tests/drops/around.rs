//! Drops before a tunnel, behind it and of its ESP, by captures of the laboratory: the interface, the code and the rule; and what has nothing to
//! do with a tunnel.

use super::attribution::snapshot;
use std::net::IpAddr;
use vti_diagnostics::code::Code;
use vti_diagnostics::drops::{
    Attribution, Dropped, Outer, Packet, Place, Scope, Stop, attribute, read,
};
use vti_diagnostics::snapshot::filter::{Hook, Step, Value};
use vti_diagnostics::snapshot::{LinkKind, Snapshot, Spi};
use vti_diagnostics::tunnel::State;
use vti_diagnostics::way::Flow;
use vti_diagnostics::wire::drop_monitor::Alert;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ifindex(snapshot: &Snapshot, name: &str) -> u32 {
    let links = snapshot.links.as_ref().unwrap();
    links.iter().find(|link| link.name == name).unwrap().ifindex
}

fn inside(stop: Stop, from: &str, to: &str, input: Option<u32>) -> Dropped {
    let flow = Flow::probe(address(from), address(to));
    let packet = Packet { inner: Some(flow), outer: Vec::new() };
    Dropped { place: Place::Stack(stop), packet, protocol: 0x0800, input }
}

fn esp(stop: Stop, from: &str, to: &str, spi: u32, input: Option<u32>) -> Dropped {
    let (source, destination) = (address(from), address(to));
    let outer = Outer { source, destination, spi: Some(Spi(spi)), in_udp: false };
    let packet = Packet { inner: None, outer: vec![outer] };
    Dropped { place: Place::Stack(stop), packet, protocol: 0x0800, input }
}

/// As the program asks: the early filter, then the attribution.
fn judged(snapshot: &Snapshot, dropped: &Dropped) -> Option<Attribution> {
    let found = attribute(&State::new(snapshot), snapshot, dropped);
    let touches = Scope::of(snapshot).touches(dropped);
    assert!(touches || found.is_none(), "the early filter leaves out {dropped:?}");
    found.filter(|_| touches)
}

/// The only interface, the code and the rule.
fn named(snapshot: &Snapshot, dropped: &Dropped) -> (String, Vec<u16>, String) {
    let found = judged(snapshot, dropped).unwrap();
    assert_eq!(found.interfaces.len(), 1, "{found:?}");
    let codes = found.codes.iter().map(|code| code.number()).collect();
    (found.interfaces[0].clone(), codes, found.rule.unwrap_or_default())
}

fn is(name: &str, codes: &[u16], rule: &str) -> (String, Vec<u16>, String) {
    (name.to_owned(), codes.to_vec(), rule.to_owned())
}

const FORWARD_RULE: &str = "rule 2 of chain forward in table ip lab";

#[test]
fn what_a_filter_drops_before_the_tunnel_is_named_with_the_rule() {
    let snapshot = snapshot("312-filter-refuses-what-goes-in-xfrm.yaml");
    let lan = Some(ifindex(&snapshot, "lan0"));
    let dropped = |from, to, input| inside(Stop::Filter, from, to, input);
    let goes_in = dropped("10.66.0.5", "10.9.2.1", lan);
    assert_eq!(named(&snapshot, &goes_in), is("t0", &[312], FORWARD_RULE));
    for (from, to, input, why) in [
        ("10.66.0.5", "10.66.0.9", lan, "a network of this host"),
        ("10.66.0.5", "10.9.1.1", lan, "this host"),
        ("10.66.0.5", "198.51.100.7", lan, "no route into a tunnel"),
        ("10.9.1.1", "10.9.2.1", lan, "an own source comes by no device: another namespace"),
        ("10.66.0.5", "10.9.2.1", None, "a foreign source comes by a device: another namespace"),
        ("10.66.0.5", "10.9.2.1", Some(4_711), "a device of another namespace"),
        ("127.0.0.1", "127.0.0.1", None, "loopback"),
    ] {
        assert_eq!(judged(&snapshot, &dropped(from, to, input)), None, "{why}");
    }
}

#[test]
fn a_network_of_this_host_is_nearer_than_a_default_route_into_the_tunnel() {
    let mut snapshot = snapshot("312-filter-refuses-what-goes-in-xfrm.yaml");
    let lan = Some(ifindex(&snapshot, "lan0"));
    let of = ifindex(&snapshot, "t0");
    let routes = snapshot.routes.as_mut().unwrap();
    let into = routes.iter_mut().find(|r| r.oif == Some(of) && r.destination.prefix_len() == 24);
    into.unwrap().destination = "0.0.0.0/0".parse().unwrap();
    let to = |to| inside(Stop::Filter, "10.66.0.5", to, lan);
    assert_eq!(named(&snapshot, &to("198.51.100.7")), is("t0", &[312], FORWARD_RULE));
    assert_eq!(judged(&snapshot, &to("10.66.0.9")), None);
}

#[test]
fn where_two_rules_can_be_it_none_is_named() {
    let mut snapshot = snapshot("312-filter-refuses-what-goes-in-xfrm.yaml");
    let lan = Some(ifindex(&snapshot, "lan0"));
    let chain = &mut snapshot.filter.as_mut().unwrap().chains[0];
    let mut other = chain.rules[0].clone();
    other.handle = 1;
    other.steps.insert(0, Step::Undecided("limit".into()));
    chain.rules.insert(0, other);
    let goes_in = inside(Stop::Filter, "10.66.0.5", "10.9.2.1", lan);
    assert_eq!(named(&snapshot, &goes_in), is("t0", &[312], ""));
}

#[test]
fn this_hosts_own_packet_is_dropped_before_the_device_or_behind_it() {
    let mut snapshot = snapshot("312-filter-refuses-what-goes-in-xfrm.yaml");
    let own = inside(Stop::Filter, "10.9.1.1", "10.9.2.1", None);
    let forwarded = inside(Stop::Filter, "10.66.0.5", "10.9.2.1", None);
    let at = |snapshot: &mut Snapshot, hook, device: &str| {
        let chain = &mut snapshot.filter.as_mut().unwrap().chains[0];
        chain.base.as_mut().unwrap().hook = hook;
        let Step::Match(condition) = &mut chain.rules[0].steps[0] else { panic!("no condition") };
        condition.values = vec![Value::Names(vec![device.to_owned()])];
    };
    at(&mut snapshot, Hook::Output, "t0");
    assert_eq!(named(&snapshot, &own), is("t0", &[312], FORWARD_RULE));
    assert_eq!(judged(&snapshot, &forwarded), None, "a packet of another namespace");
    // Once more through POSTROUTING, with the outer device.
    at(&mut snapshot, Hook::Postrouting, "wan");
    assert_eq!(named(&snapshot, &own), is("t0", &[213], FORWARD_RULE));
    assert_eq!(named(&snapshot, &forwarded), is("t0", &[213], FORWARD_RULE));
    at(&mut snapshot, Hook::Postrouting, "*");
    assert_eq!(named(&snapshot, &own), is("t0", &[312, 213], FORWARD_RULE));
}

#[test]
fn what_else_stops_a_packet_before_the_tunnel_is_in_words() {
    let snapshot = snapshot("312-filter-refuses-what-goes-in-xfrm.yaml");
    let lan = Some(ifindex(&snapshot, "lan0"));
    for (function, reason, words) in [
        ("ip_forward", Some("IP_INHDR"), "TTL or hop limit"),
        ("ip_forward", Some("PKT_TOO_BIG"), "larger than the MTU"),
        ("__dev_queue_xmit", Some("TC_EGRESS"), "tc (egress)"),
        ("__netif_receive_skb_core.constprop.0", Some("TC_INGRESS"), "tc (ingress)"),
        ("__dev_queue_xmit", Some("QDISC_DROP"), "queue"),
    ] {
        let Place::Stack(stop) = Place::of(function, reason) else { panic!("{function}") };
        let found = judged(&snapshot, &inside(stop, "10.66.0.5", "10.9.2.1", lan)).unwrap();
        assert_eq!((found.interfaces, found.codes), (vec!["t0".to_owned()], vec![]), "{function}");
        assert!(found.why.contains(words) && found.is_settled, "{function}: {}", found.why);
    }
    let forwarding = inside(Stop::Forwarding, "10.66.0.5", "10.9.2.1", lan);
    let found = judged(&snapshot, &forwarding).unwrap();
    assert_eq!(found.codes, [Code::NotForwarded], "{}", found.why);
    let local = inside(Stop::NoSocket, "10.66.0.5", "10.9.2.1", lan);
    assert_eq!(judged(&snapshot, &local), None, "what comes to a socket is not forwarded");
}

#[test]
fn a_packet_without_a_route_is_of_the_interface_whose_policy_names_its_destination() {
    let mut snapshot = snapshot("312-filter-refuses-what-goes-in-xfrm.yaml");
    let lan = Some(ifindex(&snapshot, "lan0"));
    snapshot.routes.as_mut().unwrap().clear();
    let lost = inside(Stop::NoRoute, "10.66.0.5", "10.9.2.1", lan);
    assert_eq!(judged(&snapshot, &lost), None, "the policies are for any destination");
    for policy in snapshot.policies.as_mut().unwrap() {
        policy.selector.destination = "10.9.2.0/24".parse().unwrap();
    }
    assert_eq!(named(&snapshot, &lost), is("t0", &[308], ""));
}

#[test]
fn esp_that_a_filter_drops_on_arrival_is_of_the_interface_whose_sa_it_is_for() {
    let snapshot = snapshot("408-filter-refuses-esp-on-arrival-vti.yaml");
    let wan = Some(ifindex(&snapshot, "wan"));
    let of = |spi, input| esp(Stop::Filter, "192.0.2.2", "192.0.2.1", spi, input);
    let of_xfrm = super::attribution::snapshot("ok-healthy-xfrm.yaml");
    let wan_of_xfrm = Some(ifindex(&of_xfrm, "wan"));
    assert_eq!(
        named(&of_xfrm, &of(0x102, wan_of_xfrm)),
        is("t0", &[408], ""),
        "no fallback device"
    );
    let policy = "the policy of chain input in table inet lab";
    assert_eq!(named(&snapshot, &of(0x102, wan)), is("t0", &[408], policy));
    let of_no_sa = judged(&snapshot, &of(0x999, wan)).unwrap();
    assert_eq!(of_no_sa.codes, [Code::EspFilteredOnArrival]);
    assert!(of_no_sa.why.contains("which no SA has"), "{}", of_no_sa.why);
    let stranger = esp(Stop::Filter, "192.0.2.77", "192.0.2.1", 0x102, wan);
    assert_eq!(judged(&snapshot, &stranger), None);
    assert_eq!(judged(&snapshot, &of(0x102, None)), None, "sent in another namespace");
    let of_tc = Dropped { place: Place::Stack(Stop::TcIngress), ..of(0x102, wan) };
    let found = judged(&snapshot, &of_tc).unwrap();
    assert_eq!((found.interfaces, found.codes), (vec!["t0".to_owned()], vec![]));
    assert!(found.why.contains("tc (ingress)"), "{}", found.why);
}

#[test]
fn esp_that_does_not_get_out_is_named_by_what_stops_it() {
    let snapshot = snapshot("ok-healthy-xfrm.yaml");
    let of = |stop, spi| esp(stop, "192.0.2.1", "192.0.2.2", spi, None);
    assert_eq!(named(&snapshot, &of(Stop::Neighbour, 0x101)), is("t0", &[304], ""));
    assert_eq!(named(&snapshot, &of(Stop::Queue, 0x101)), is("t0", &[214], ""));
    assert_eq!(named(&snapshot, &of(Stop::Filter, 0x101)), is("t0", &[213], ""));
    for stop in [Stop::TcEgress, Stop::NextDevice, Stop::Unknown] {
        let found = judged(&snapshot, &of(stop, 0x101)).unwrap();
        assert_eq!((found.interfaces, found.codes), (vec!["t0".to_owned()], vec![]));
        assert!(found.why.ends_with(stop.words()), "{}", found.why);
    }
    let newer = judged(&snapshot, &of(Stop::Filter, 0x777)).unwrap();
    assert!(newer.codes.is_empty() && !newer.is_settled, "a newer sample may have the SA");
    let received = Dropped { input: Some(5), ..of(Stop::Unknown, 0x101) };
    assert_eq!(judged(&snapshot, &received), None, "another namespace received it");
}

#[test]
fn what_a_filter_drops_behind_the_tunnel_is_named_with_the_rule() {
    let snapshot = snapshot("407-filter-refuses-what-is-delivered-xfrm.yaml");
    let input = Some(ifindex(&snapshot, "t0"));
    let dropped = inside(Stop::Filter, "10.9.2.1", "10.9.1.1", input);
    let rule = "firewall ipv4 input filter rule 20";
    assert_eq!(named(&snapshot, &dropped), is("t0", &[407], rule));
    // A rule that queues, and no program takes it.
    let Place::Stack(stop) = Place::of("nf_queue", Some("NOT_SPECIFIED")) else { panic!() };
    assert_eq!(stop, Stop::Filter);
}

#[test]
fn a_rule_that_asks_for_the_reverse_path_is_named_as_that() {
    let snapshot = snapshot("406-reverse-path-by-a-foreign-rule-xfrm.yaml");
    let input = Some(ifindex(&snapshot, "t0"));
    let dropped = inside(Stop::Filter, "10.9.2.1", "10.9.1.1", input);
    let policy = "the policy of chain rpfilter in table inet nixos-fw";
    assert_eq!(named(&snapshot, &dropped), is("t0", &[406], policy));
}

#[test]
fn what_came_by_a_vrf_came_out_of_the_tunnel_that_leads_back_to_its_source() {
    let mut snapshot = snapshot("407-filter-refuses-what-is-delivered-xfrm.yaml");
    let links = snapshot.links.as_mut().unwrap();
    let mut vrf = links.iter().find(|link| link.name == "wan").unwrap().clone();
    (vrf.name, vrf.ifindex, vrf.kind) = ("blue".into(), 900, LinkKind::Vrf { table: 900 });
    links.push(vrf);
    links.iter_mut().find(|link| link.name == "t0").unwrap().master = Some(900);
    let dropped = inside(Stop::NoRoute, "10.9.2.1", "10.66.0.1", Some(900));
    assert_eq!(named(&snapshot, &dropped), is("t0", &[409], ""));
    // Without another port in the VRF it can be no other.
    let elsewhere = inside(Stop::ReversePath, "10.77.0.1", "10.66.0.1", Some(900));
    assert_eq!(named(&snapshot, &elsewhere), is("t0", &[406], ""));
    let links = snapshot.links.as_mut().unwrap();
    let mut port = links.iter().find(|link| link.name == "wan").unwrap().clone();
    (port.name, port.ifindex, port.master) = ("lan9".into(), 901, Some(900));
    links.push(port);
    assert_eq!(judged(&snapshot, &elsewhere), None);
    assert_eq!(named(&snapshot, &dropped), is("t0", &[409], ""));
}

#[test]
fn behind_a_tunnel_the_words_follow_the_reason() {
    let snapshot = snapshot("ok-healthy-vti.yaml");
    let input = Some(ifindex(&snapshot, "t0"));
    for (function, reason, words) in [
        ("__udp4_lib_rcv", "NO_SOCKET", "no socket takes it"),
        ("sk_filter_trim_cap", "SOCKET_FILTER", "the filter of a socket"),
        ("__udp_queue_rcv_skb", "SOCKET_RCVBUFF", "the buffer of a socket was full"),
        ("__udp4_lib_rcv", "UDP_CSUM", "its checksum is wrong"),
        ("ip_forward", "IP_INHDR", "TTL or hop limit"),
        ("ip_rcv_core", "IP_INHDR", "its headers are wrong"),
        ("ip_forward", "PKT_TOO_BIG", "larger than the MTU"),
        ("neigh_invalidate", "NEIGH_FAILED", "the next hop does not answer"),
        (
            "ip_rcv_finish_core.constprop.0",
            "NOT_SPECIFIED",
            "its source is an address of this host",
        ),
        ("ip_rcv_finish_core", "IP_LOCAL_SOURCE", "its source is an address of this host"),
        ("__netif_receive_skb_core", "TC_INGRESS", "tc (ingress)"),
        ("__dev_queue_xmit", "TC_EGRESS", "tc (egress)"),
        ("__dev_queue_xmit", "QDISC_DROP", "a queue was full"),
        ("fq_codel_dequeue", "NOT_SPECIFIED", "a queue was full"),
        ("ip_protocol_deliver_rcu", "IP_NOPROTO", "does not have its protocol"),
        ("some_new_function", "SOME_NEW_REASON", "the kernel does not say why"),
    ] {
        let place = Place::of(function, Some(reason));
        let Place::Stack(stop) = place else { panic!("{function} {reason}: {place:?}") };
        let dropped = inside(stop, "10.9.2.1", "10.9.1.1", input);
        let found = judged(&snapshot, &dropped).unwrap();
        assert_eq!((found.interfaces, found.codes), (vec!["t0".to_owned()], vec![]), "{function}");
        assert!(found.why.contains(words) && found.is_settled, "{reason}: {}", found.why);
    }
    let copy = inside(Stop::PacketSocket, "10.9.2.1", "10.9.1.1", input);
    assert!(!Scope::of(&snapshot).touches(&copy), "the packet itself went on");
}

/// An IPv4 packet of this protocol with so many bytes behind its header.
fn ipv4(protocol: u8, from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let start = [0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, protocol, 0, 0];
    [&start[..], &from, &to, payload].concat()
}

#[test]
fn the_headers_are_found_wherever_the_mac_header_points() {
    let (near, far) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    let udp = ipv4(17, [10, 66, 0, 5], [10, 9, 2, 1], &[0x12, 0x34, 0, 9, 0, 12, 0, 0, 1, 2, 3, 4]);
    let encrypted = [&[0, 0, 1, 1, 0, 0, 0, 7][..], &[0xa5; 40]].concat();
    let esp = ipv4(50, near, far, &encrypted);
    let ethernet = |packet: &[u8]| [&[2; 12][..], &[8, 0], packet].concat();
    let seen = |payload: &[u8]| {
        let alert = Alert {
            symbol: "nf_hook_slow+0x1/0x2",
            input: None,
            timestamp: 0,
            protocol: 0x0800,
            length: u32::try_from(payload.len()).unwrap(),
            payload,
            reason: Some("NETFILTER_DROP"),
        };
        read(Place::of(alert.function(), alert.reason), &alert)
    };
    for (bytes, why) in [(ethernet(&udp), "received"), (udp.clone(), "of this host")] {
        let packet = seen(&bytes);
        let flow = packet.inner.unwrap();
        assert_eq!((flow.source, flow.destination_port), (address("10.66.0.5"), 9), "{why}");
        assert!(packet.outer.is_empty(), "{why}");
    }
    // `xfrm4_tunnel_encap_add()`: the mac header of ESP that leaves is the protocol in the outer header.
    for (bytes, why) in [(ethernet(&esp), "on the wire"), (esp[9..].to_vec(), "before it")] {
        let packet = seen(&bytes);
        assert_eq!(packet.inner, None, "{why}");
        let outer = packet.outer.first().unwrap();
        let is = (outer.source, outer.destination, outer.spi);
        assert_eq!(is, (address("192.0.2.1"), address("192.0.2.2"), Some(Spi(0x101))), "{why}");
    }
}
