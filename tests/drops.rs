//! Drops as real kernels reported them, and as no kernel would: the recordings in tests/drops (made by `tests/vm/run drops record`), the
//! early filter, the packets' headers, and the terminal.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test; the helpers are no test functions"
)]

#[path = "drops/around.rs"]
mod around;
#[path = "drops/attribution.rs"]
mod attribution;
#[path = "mutate/mod.rs"]
mod mutate;

use mutate::Random;
use vti_diagnostics::drops::{self, Dropped, Place, Scope, Stop, Tally, attribute, read};
use vti_diagnostics::render::escape::is_active;
use vti_diagnostics::snapshot::Driver;
use vti_diagnostics::tunnel::State;
use vti_diagnostics::wire::drop_monitor::{self, Alert};
use vti_diagnostics::wire::{genetlink, netlink};

const KERNELS: [(&str, &str); 2] =
    [("6.1", include_str!("drops/6.1.hex")), ("6.12", include_str!("drops/6.12.hex"))];

/// The payloads of the messages of a recording.
fn recorded(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let datagrams = lines.map(|line| {
        let pairs = line.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect::<Vec<u8>>()
    });
    datagrams
        .flat_map(|datagram| {
            let messages = netlink::messages(&datagram).map(Result::unwrap);
            messages.map(|message| message.payload.to_vec()).collect::<Vec<_>>()
        })
        .collect()
}

/// What the headers make of an alert.
fn dropped(alert: &Alert<'_>) -> Dropped {
    let place = Place::of(alert.function(), alert.reason);
    let packet = read(place, alert);
    Dropped { place, packet, protocol: alert.protocol, input: alert.input }
}

/// The place is one of a tunnel.
const fn is_of_a_tunnel(dropped: &Dropped) -> bool {
    !matches!(dropped.place, Place::Stack(_))
}

/// Place and flow of every drop of tunnels in a recording.
fn flows(text: &str) -> Vec<(Place, String)> {
    let all = recorded(text);
    let alerts = all.iter().map(|payload| drop_monitor::decode(payload).unwrap().unwrap());
    alerts
        .map(|alert| dropped(&alert))
        .filter(is_of_a_tunnel)
        .map(|dropped| {
            let inner = dropped.packet.inner.map(|flow| {
                format!(
                    "{} -> {} {} {}",
                    flow.source, flow.destination, flow.protocol, flow.destination_port
                )
            });
            let outer = dropped.packet.outer.first().map(|outer| {
                let spi = outer.spi.map_or_else(String::new, |spi| spi.to_string());
                format!("{} -> {} {spi}", outer.source, outer.destination)
            });
            let words = [inner, outer].into_iter().flatten().collect::<Vec<_>>();
            (dropped.place, words.join("; "))
        })
        .collect()
}

#[test]
fn each_place_is_told_by_its_function_and_each_flow_by_its_headers() {
    for (kernel, text) in KERNELS {
        let all = flows(text);
        let has = |place: Place, flow: &str| {
            let found = all.iter().any(|(p, f)| *p == place && f.starts_with(flow));
            assert!(found, "{kernel}: no {place:?} {flow} in {all:#?}");
        };
        has(Place::Device(Driver::Vti), "10.9.1.1 -> 10.1.0.9 17 9");
        has(Place::Device(Driver::Xfrm), "10.9.1.1 -> 10.2.0.9 17 9");
        has(Place::Device(Driver::Xfrm), "fd09:1::1 -> fd03::9 17 9");
        has(Place::Device(Driver::Vti6), "fd09:1::1 -> fd66::9 17 9");
        has(Place::Output, "10.9.1.1 -> 10.4.0.9 17 9; 192.0.2.1 -> 192.0.2.104");
        has(Place::Input, "192.0.2.2 -> 192.0.2.1 0x00000201");
    }
}

#[test]
fn what_is_no_affair_of_tunnels_is_not_looked_at() {
    for (kernel, text) in KERNELS {
        let all = recorded(text);
        let alerts = all.iter().map(|payload| drop_monitor::decode(payload).unwrap().unwrap());
        let others = alerts.map(|alert| dropped(&alert)).filter(|one| !is_of_a_tunnel(one));
        let others: Vec<Dropped> = others.collect();
        assert!(!others.is_empty(), "{kernel}: nothing else was recorded");
        let scope = Scope::of(&attribution::snapshot("ok-healthy-vti.yaml"));
        for other in others {
            assert!(!scope.touches(&other), "{kernel}: {other:?}");
        }
        assert!(flows(text).iter().all(|(_, flow)| !flow.contains("127.0.0.1")), "{kernel}");
    }
}

#[test]
fn a_truncated_alert_is_an_error_or_a_shorter_one() {
    for (_, text) in KERNELS {
        for payload in recorded(text) {
            for length in 0..payload.len() {
                if let Ok(Some(alert)) = drop_monitor::decode(&payload[..length]) {
                    let _ = dropped(&alert);
                }
            }
        }
    }
    let error = drop_monitor::decode(&[5, 0]).err().unwrap();
    assert_eq!(error.to_string(), "genlmsghdr: need 4 bytes, have 2");
    let error = drop_monitor::decode(&[5, 2, 0, 0]).err().unwrap();
    assert_eq!(error.to_string(), "NET_DM_ATTR_SYMBOL: missing");
}

/// The bytes with one to four changes.
fn mutated(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut mutated = bytes.to_vec();
    for _ in 0..=random.below(4) {
        mutate::bytes::mutate(random, &mut mutated, bytes);
    }
    mutated
}

/// Decodes so many mutants of the recordings, and of their packets, all the way to what a line shows.
fn mutants(number: usize) {
    let snapshot = attribution::snapshot("112-association-of-another-key-xfrm.yaml");
    let state = State::new(&snapshot);
    let mut tally = Tally::default();
    let mut judge = |dropped: &Dropped| {
        let Some(found) = attribute(&state, &snapshot, dropped) else { return };
        tally.count(dropped, &found, 0, None);
        let said = format!("{:?}", drops::key(dropped, &found));
        assert!(!said.chars().any(is_active), "{said:?}");
    };
    let all: Vec<Vec<u8>> = KERNELS.iter().flat_map(|(_, text)| recorded(text)).collect();
    let places = [
        Place::Device(Driver::Vti),
        Place::Output,
        Place::Stack(Stop::Filter),
        Place::Stack(Stop::Unknown),
        Place::Queue,
        Place::Input,
        Place::PolicyCheck,
    ];
    let (mut random, mut decoded) = (Random::new(0), 0);
    for n in 0..number {
        let payload = &all[n % all.len()];
        let mutant = mutated(&mut random, payload);
        let _ = genetlink::decode(&mutant);
        let _ = drop_monitor::decode_configuration(&mutant);
        let _ = drop_monitor::decode_statistics(&mutant);
        if let Ok(Some(alert)) = drop_monitor::decode(&mutant) {
            let dropped = dropped(&alert);
            decoded += usize::from(is_of_a_tunnel(&dropped));
            judge(&dropped);
        }
        // The packet alone, through every place, so that its parser meets what the filter would keep from it.
        let alert = drop_monitor::decode(payload).unwrap().unwrap();
        let bytes = mutated(&mut random, alert.payload);
        let mutant = Alert { payload: &bytes, ..alert };
        for place in places {
            let packet = read(place, &mutant);
            judge(&Dropped { place, packet, protocol: alert.protocol, input: alert.input });
        }
    }
    assert!(decoded > number / 20, "only {decoded} of {number} mutants were looked at");
    assert!(tally.attributed > 0 && tally.seen > tally.attributed, "{tally:?}");
}

#[test]
fn mutated_alerts_and_packets_do_no_harm() {
    mutants(10_000);
}

#[test]
#[ignore = "takes a while: cargo test --test drops -- --ignored"]
fn two_hundred_thousand_mutated_alerts_and_packets_do_no_harm() {
    mutants(200_000);
}
