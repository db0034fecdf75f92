//! The multicast messages of real kernels: what record-changes.sh did, in the order in which it did it.

use vti_diagnostics::snapshot::notification::Notification;
use vti_diagnostics::snapshot::{IfId, Mark};
use vti_diagnostics::timeline::event;
use vti_diagnostics::wire::WireError;
use vti_diagnostics::wire::netlink::{self, Message};
use vti_diagnostics::wire::notification::{decode_route, decode_xfrm};

type Decode = fn(Message<'_>, &mut Vec<Notification>) -> Result<(), WireError>;

const FILES: [(&str, Decode); 4] = [
    (include_str!("6.1-route_changes.hex"), decode_route),
    (include_str!("6.12-route_changes.hex"), decode_route),
    (include_str!("6.1-xfrm_changes.hex"), decode_xfrm),
    (include_str!("6.12-xfrm_changes.hex"), decode_xfrm),
];

fn datagrams(text: &str) -> impl Iterator<Item = Vec<u8>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let digits = line.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    })
}

fn decoded(text: &str, decode: Decode) -> Vec<Notification> {
    let mut all = Vec::new();
    for datagram in datagrams(text) {
        for message in netlink::messages(&datagram) {
            decode(message.unwrap(), &mut all).unwrap();
        }
    }
    all
}

fn xfrm() -> [Vec<Notification>; 2] {
    [decoded(FILES[2].0, decode_xfrm), decoded(FILES[3].0, decode_xfrm)]
}

#[test]
fn the_changes_of_xfrm_are_told_in_their_order() {
    for changes in xfrm() {
        let words: Vec<String> = changes.iter().map(|change| event(change).unwrap()).collect();
        let expected = [
            "SA 0xc1000001 from 192.0.2.1 to 198.51.100.7 installed",
            "SA 0xc1000001 from 192.0.2.1 to 198.51.100.7 installed",
            "SA 0xc1000001 from 192.0.2.1 to 198.51.100.7 deleted",
            "SA 0xc1000002 from 192.0.2.1 to 198.51.100.7 installed",
            "SA 0xc1000003 from 2001:db8::1 to 2001:db8::7 installed",
            "policy out 0.0.0.0/0 -> 10.0.0.0/8 installed",
            "policy out 0.0.0.0/0 -> 10.0.0.0/8 installed",
            "policy out 0.0.0.0/0 -> 10.0.0.0/8 deleted",
            "policy in ::/0 -> ::/0 installed",
            "policy out 0.0.0.0/0 -> 10.0.0.0/8 installed",
            "policy out 0.0.0.0/0 -> 10.0.0.0/8 deleted",
            "SA 0xc1000002 from 192.0.2.1 to 198.51.100.7 expired",
            "all SAs flushed",
            "all policies flushed",
        ];
        assert_eq!(words, expected);
    }
}

#[test]
fn what_is_gone_is_told_with_its_key() {
    for changes in xfrm() {
        let deleted = changes.iter().find_map(|change| match change {
            Notification::SaDeleted(sa) => Some(sa),
            _ => None,
        });
        assert_eq!(deleted.unwrap().if_id, IfId(1));
        assert!(!deleted.unwrap().is_larval(), "it had an algorithm");
        let marked = changes.iter().find_map(|change| match change {
            Notification::SaAdded(a) if a.mark.mask != 0 => Some(a.mark),
            _ => None,
        });
        assert_eq!(marked, Some(Mark { value: 9, mask: 0xff }));
        let policies: Vec<_> = changes
            .iter()
            .filter_map(|change| match change {
                Notification::PolicyDeleted(policy) => Some((policy.if_id, policy.templates.len())),
                _ => None,
            })
            .collect();
        assert_eq!(policies, [(IfId(1), 1), (IfId(1), 1)], "deleted, and expired");
    }
}

#[test]
fn an_soft_expiry_is_no_change() {
    for changes in xfrm() {
        let expired = |c: &&Notification| matches!(c, Notification::SaExpired(_));
        assert_eq!(changes.iter().filter(expired).count(), 1, "soft and hard were told");
    }
}

#[test]
fn links_addresses_and_routes_come_and_go() {
    for (text, decode) in &FILES[..2] {
        let changes = decoded(text, *decode);
        let has = |wanted: &dyn Fn(&Notification) -> bool| changes.iter().any(wanted);
        assert!(has(
            &|c| matches!(c, Notification::LinkChanged(l) if l.name == "vti0" && l.admin_up)
        ));
        assert!(has(
            &|c| matches!(c, Notification::LinkChanged(l) if l.name == "vti0" && !l.admin_up)
        ));
        assert!(has(
            &|c| matches!(c, Notification::LinkDeleted { name, statistics: Some(_), .. } if name == "vti0")
        ));
        assert!(has(
            &|c| matches!(c, Notification::LinkChanged(l) if l.name == "vti8" && l.driver().is_some())
        ));
        let route = "198.51.100.0/24".parse().unwrap();
        assert!(has(&|c| matches!(c, Notification::RouteAdded(r) if r.destination == route)));
        assert!(has(&|c| matches!(c, Notification::RouteDeleted(r) if r.destination == route)));
        let route = "2001:db8:7::/48".parse().unwrap();
        assert!(has(&|c| matches!(c, Notification::RouteDeleted(r) if r.destination == route)));
        let address = "192.0.2.1/24".parse().unwrap();
        assert!(has(&|c| matches!(c, Notification::AddressAdded(a) if a.prefix == address)));
        assert!(has(&|c| matches!(c, Notification::AddressDeleted(a) if a.prefix == address)));
        // The bridge tells of its port under its own family; the port's own messages have its name too.
        assert!(!has(&|c| matches!(c, Notification::LinkChanged(l) if l.name.is_empty())));
    }
}

#[test]
fn no_cut_makes_a_decoder_panic_and_no_key_is_kept() {
    for (text, decode) in FILES {
        for datagram in datagrams(text) {
            for length in 0..datagram.len() {
                let mut list = Vec::new();
                for message in netlink::messages(&datagram[..length]).flatten() {
                    let _ = decode(message, &mut list);
                }
            }
            // A payload that is cut within a message of its full length.
            for message in netlink::messages(&datagram).map(Result::unwrap) {
                for length in 0..message.payload.len() {
                    let cut = Message { payload: &message.payload[..length], ..message };
                    let mut list = Vec::new();
                    let _ = decode(cut, &mut list);
                    let printed = format!("{list:?}");
                    assert!(crate::KEYS.iter().all(|key| !printed.contains(key)));
                }
            }
        }
    }
}
