//! The decoders of netlink messages against what real kernels sent: the recordings in tests/wire.

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

/// 100,000 by default; `WIRE_MUTATIONS=1000000 cargo test --release --test wire -- mutated --nocapture` is the full figure.
#[test]
#[expect(clippy::print_stdout, reason = "the seed and the figures belong to the result")]
fn mutated_messages_do_not_panic_and_memory_stays_bounded() {
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
    let count: u64 = std::env::var("WIRE_MUTATIONS").map_or(100_000, |n| n.parse().unwrap());
    let (samples, mut random) = (recorded(), Random(SEED));
    let (mut decoded, mut errors) = (0_u64, 0_u64);
    for _ in 0..count {
        let Recorded { name, message } = &samples[random.below(samples.len())];
        let mut bytes = message.clone();
        random.mutate(&mut bytes);
        for message in netlink::messages(&bytes) {
            match message.and_then(|message| decode(name, &message)) {
                Ok(_) => decoded += 1,
                Err(_) => errors += 1,
            }
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{count} messages, seed {SEED:#x}: {decoded} decoded, {errors} errors, peak {peak}");
    assert!(decoded > count / 10 && errors > count / 10, "{decoded} decoded, {errors} errors");
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").trim().parse().unwrap();
    assert!(kilobytes < 64 * 1024, "{kilobytes} kB");
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

/// xorshift64*: the same sequence everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % limit.max(1)
    }

    /// One to four changes: a byte, a length, a cut, a doubled stretch.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => {
                    let length = self.below(64);
                    let stretch: Vec<u8> = bytes.iter().skip(at).take(length).copied().collect();
                    bytes.splice(at..at, stretch);
                }
                2 => {
                    // The length of an attribute, where there is one at this place.
                    let at = at & !3;
                    if let Some(length) = bytes.get_mut(at..at + 2) {
                        let value = u16::try_from(self.below(0x1_0000)).unwrap();
                        length.copy_from_slice(&(value >> self.below(16)).to_ne_bytes());
                    }
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = u8::try_from(self.below(256)).unwrap();
                    }
                }
            }
            // Mostly with a header that fits, else the decoders see little.
            let length = u32::try_from(bytes.len()).unwrap();
            if self.below(8) != 0
                && let Some(header) = bytes.get_mut(..4)
            {
                header.copy_from_slice(&length.to_ne_bytes());
            }
        }
    }
}
