//! The decoders of netlink messages against what real kernels sent: the recordings in tests/wire. Messages that are changed at random are the
//! business of tests/fuzz.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test; the helpers are no test functions"
)]

#[path = "wire/recordings.rs"]
mod recordings;

#[path = "wire/record.rs"]
mod record;

#[path = "wire/changes.rs"]
mod changes;

#[path = "wire/second_ip_tunnel.rs"]
mod second_ip_tunnel;
#[path = "wire/second_queue.rs"]
mod second_queue;
#[path = "wire/second_route.rs"]
mod second_route;

#[path = "wire/second_xfrm.rs"]
mod second_xfrm;

use recordings::{Decoded, Recorded, decode, recorded};
use vti_diagnostics::snapshot::{Driver, PolicyDirection};
use vti_diagnostics::wire::netlink;

/// The keys of the laboratory, and the start of each in the ways that bytes can be printed.
const KEYS: [&str; 4] =
    ["0123456789abcdef", "1, 35, 69, 103", "- 1\n- 35\n- 69", "0x1, 0x23, 0x45"];

#[test]
fn every_recorded_message_decodes() {
    for Recorded { name, message } in recorded() {
        let message = netlink::messages(&message).next().unwrap().unwrap();
        if let Err(error) = decode(name, &message) {
            panic!("{name}: {error}");
        }
    }
}

/// Each recording holds what record.sh set up, so that the tests here cannot pass on nothing.
#[test]
fn the_recordings_hold_one_of_everything() {
    for kernel in ["6.1", "6.12"] {
        let all: Vec<Decoded> = recorded()
            .iter()
            .filter(|recorded| recorded.name.starts_with(&format!("{kernel}-")))
            .map(|recorded| {
                let message = netlink::messages(&recorded.message).next().unwrap().unwrap();
                decode(recorded.name, &message).unwrap()
            })
            .collect();
        for driver in [Driver::Vti, Driver::Vti6, Driver::Xfrm] {
            let is = |d: &Decoded| matches!(d, Decoded::Link(l) if l.driver() == Some(driver));
            assert!(all.iter().any(is), "{kernel}: no {driver:?}");
        }
        for direction in [
            PolicyDirection::In,
            PolicyDirection::Out,
            PolicyDirection::Forward,
            PolicyDirection::SocketIn,
            PolicyDirection::SocketOut,
        ] {
            let is = |d: &Decoded| matches!(d, Decoded::Policy(p) if p.direction == direction);
            assert!(all.iter().any(is), "{kernel}: no policy {direction:?}");
        }
        let holds = |is: fn(&Decoded) -> bool| all.iter().any(is);
        assert!(holds(|d| matches!(d, Decoded::State(s) if s.is_larval())));
        assert!(holds(|d| matches!(d, Decoded::State(s) if s.uses_esn())));
        assert!(holds(|d| matches!(d, Decoded::State(s) if s.encapsulation.is_some())));
        assert!(holds(|d| matches!(d, Decoded::State(s) if s.set_mark.mask == 0xffff)));
        assert!(holds(|d| matches!(d, Decoded::Routes(r) if r.len() == 2)));
        assert!(holds(|d| matches!(d, Decoded::Neighbour(n) if n.is_some())));
        assert!(holds(|d| matches!(d, Decoded::Rule(r) if r.as_ref().is_some_and(|r| r.l3mdev))));
        let directed = holds(|d| matches!(d, Decoded::State(s) if s.direction.is_some()));
        assert_eq!(directed, kernel == "6.12", "XFRMA_SA_DIR came with 6.10");
    }
}

#[test]
fn a_second_decoder_says_the_same_of_every_message() {
    let mut compared = 0;
    for Recorded { name, message } in recorded() {
        let ours = decode(name, &netlink::messages(&message).next().unwrap().unwrap()).unwrap();
        let theirs = match name.split_once('-').unwrap().1 {
            _ if matches!(ours, Decoded::Errno(_)) => continue,
            "states" | "policies" | "sadinfo" | "spdinfo" | "default" => {
                second_xfrm::second_opinion(name, &message)
            }
            // Of the few rules that are read, nft itself says what they are: see the test beside the decoder.
            "nft" => continue,
            _ => second_route::second_opinion(name, &message),
        };
        assert_eq!(ours, theirs, "{name}");
        compared += 1;
    }
    assert!(compared > 200, "only {compared} messages compared");
}

#[test]
fn every_prefix_of_every_message_decodes_or_is_an_error() {
    let (mut decoded, mut errors) = (0, 0);
    for Recorded { name, message } in recorded() {
        let whole = netlink::messages(&message).next().unwrap().unwrap();
        for length in 0..whole.payload.len() {
            let cut = netlink::Message { payload: &whole.payload[..length], ..whole };
            match decode(name, &cut) {
                Ok(_) => decoded += 1,
                Err(_) => errors += 1,
            }
        }
        for length in 1..message.len() {
            assert!(netlink::messages(&message[..length]).next().unwrap().is_err());
        }
    }
    assert!(decoded > 0 && errors > decoded, "{decoded} decoded, {errors} errors");
}

#[test]
fn no_key_appears_in_what_was_decoded() {
    let mut with_keys = 0;
    for Recorded { name, message } in recorded() {
        let hex: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
        with_keys += usize::from(hex.contains(KEYS[0]));
        let message = netlink::messages(&message).next().unwrap().unwrap();
        let decoded = decode(name, &message).unwrap();
        for text in [format!("{decoded:?}"), format!("{decoded:x?}"), decoded.yaml()] {
            let text = text.to_lowercase();
            for key in KEYS {
                assert!(!text.contains(key), "{name}: {text}");
            }
        }
    }
    assert!(with_keys >= 2 * 7, "only {with_keys} recorded messages have keys");
}
