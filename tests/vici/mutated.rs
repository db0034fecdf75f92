//! Broken answers: a hundred thousand mutations of recorded packets become values or errors, never a panic.

use super::answers::{Answers, VTI, XFRM};
use std::time::Instant;
use vti_diagnostics::wire::ike;
use vti_diagnostics::wire::vici::{Budget, Packet, Section};

const COUNT: usize = 100_000;

/// xorshift64*: the same mutations in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end.max(1) as u64) as usize
    }
}

fn mutated(random: &mut Random, sources: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = sources[random.below(sources.len())].clone();
    while {
        mutate(random, &mut bytes, sources);
        random.below(3) == 0
    } {}
    bytes
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, sources: &[Vec<u8>]) {
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(64)).min(bytes.len());
    let other = &sources[random.below(sources.len())];
    let from = random.below(other.len());
    let piece = &other[from..(from + 1 + random.below(64)).min(other.len())];
    match random.below(10) {
        0..5 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        5 if !bytes.is_empty() => bytes[at] = random.below(256) as u8,
        6 => bytes.truncate(at),
        7 => drop(bytes.drain(at..end)),
        8 => drop(bytes.splice(at..end, piece.iter().copied())),
        _ => drop(bytes.splice(at..at, piece.iter().copied())),
    }
}

/// Everything that is done with a packet: how many connections, IKE_SAs and trap policies it lists; none where it is an error.
fn decoded(bytes: &[u8]) -> Option<usize> {
    let packet = Packet::decode(bytes).ok()?;
    let section = Section::decode(packet.message, &mut Budget::default()).ok()?;
    let lists = (ike::connections(&section), ike::ike_sas(&section), ike::traps(&section));
    // It is written to captures, and read from them.
    let text = serde_json::to_string(&lists).unwrap();
    assert_eq!(lists, serde_json::from_str(&text).unwrap());
    Some(lists.0.len() + lists.1.len() + lists.2.len())
}

#[test]
fn mutated_packets_are_values_or_errors() {
    let sources = [VTI, XFRM].map(|text| Answers::recorded(text).packets()).concat();
    let mut random = Random(0x5eed);
    let start = Instant::now();
    let (mut values, mut lists) = (0, 0);
    for n in 0..COUNT {
        let bytes = mutated(&mut random, &sources);
        let result = std::panic::catch_unwind(|| decoded(&bytes));
        let listed = result.unwrap_or_else(|_| panic!("mutation {n}: {bytes:02x?}"));
        values += usize::from(listed.is_some());
        lists += usize::from(listed.is_some_and(|listed| listed > 0));
    }
    println!(
        "{COUNT} mutations: {values} decoded, {lists} of them list something, {} errors, {:?}",
        COUNT - values,
        start.elapsed()
    );
    assert!(values > COUNT / 10 && values < COUNT && lists > COUNT / 20);
}
