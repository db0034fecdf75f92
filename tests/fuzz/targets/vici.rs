//! Packets of charon's control socket, without their length.

use super::{Target, two};
use crate::answers::{Answers, VTI, XFRM};
use crate::mutate::{Random, vici as form};
use vti_diagnostics::wire::ike;
use vti_diagnostics::wire::vici::{Budget, Packet, Section};

pub const TARGET: Target = Target { name: "vici", inputs: (2_000_000, 5_000), seeds, mutate, run };

fn seeds() -> Vec<Vec<u8>> {
    [VTI, XFRM].map(|text| Answers::recorded(text).packets()).concat()
}

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let (seed, other) = two(random, seeds);
    let mut packet = seed.to_vec();
    form::mutate(random, &mut packet, other);
    packet
}

fn run(input: &[u8]) -> bool {
    let Ok(packet) = Packet::decode(input) else { return false };
    let Ok(section) = Section::decode(packet.message, &mut Budget::default()) else { return false };
    let lists = (ike::connections(&section), ike::ike_sas(&section), ike::traps(&section));
    // It is written to captures, and read from them.
    let text = serde_json::to_string(&lists).expect("it can be written");
    assert_eq!(lists, serde_json::from_str(&text).expect("it can be read back"));
    true
}
