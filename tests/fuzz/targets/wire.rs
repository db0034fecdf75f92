//! Messages of netlink as the kernel sends them: answers to dumps, multicast messages, the drop monitor's alerts. The first byte of an input
//! says which decoder gets it.

use super::{Target, two};
use crate::mutate::{Random, bytes, netlink as form};
use crate::recordings::{self, recorded};
use vti_diagnostics::drops::{Place, read};
use vti_diagnostics::timeline::event;
use vti_diagnostics::wire::notification::{decode_route, decode_xfrm};
use vti_diagnostics::wire::{drop_monitor, genetlink, netlink};

pub const TARGET: Target = Target { name: "wire", inputs: (8_000_000, 10_000), seeds, mutate, run };

/// Decoders of the recordings of dumps, by the names of their files.
const DUMPS: [&str; 13] = [
    "-links",
    "-addresses",
    "-rules",
    "-routes",
    "-answers",
    "-neighbours",
    "-states",
    "-policies",
    "-sadinfo",
    "-spdinfo",
    "-nft",
    "-default",
    "-queues",
];
const ROUTE_CHANGES: u8 = 100;
const XFRM_CHANGES: u8 = 101;
const ALERTS: u8 = 102;

fn seeds() -> Vec<Vec<u8>> {
    let kind = |name: &str| DUMPS.iter().position(|dump| name.ends_with(dump)).expect("a decoder");
    let dumps = recorded();
    let mut seeds: Vec<Vec<u8>> = dumps
        .iter()
        .map(|dump| [&[kind(dump.name) as u8], dump.message.as_slice()].concat())
        .collect();
    for (files, kind) in [
        (["wire/6.1-route_changes.hex", "wire/6.12-route_changes.hex"], ROUTE_CHANGES),
        (["wire/6.1-xfrm_changes.hex", "wire/6.12-xfrm_changes.hex"], XFRM_CHANGES),
        (["drops/6.1.hex", "drops/6.12.hex"], ALERTS),
    ] {
        for file in files {
            let text = String::from_utf8(super::file(file)).expect("hexadecimal digits");
            seeds.extend(
                bytes::from_hex(&text).into_iter().map(|datagram| [vec![kind], datagram].concat()),
            );
        }
    }
    seeds
}

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let (seed, other) = two(random, seeds);
    let mut message = seed[1..].to_vec();
    form::mutate(random, &mut message, &other[1..]);
    // Now and then it reaches a decoder that it is not for.
    let kind = if random.one_in(32) { other[0] } else { seed[0] };
    message.insert(0, kind);
    message
}

fn run(input: &[u8]) -> bool {
    let Some((kind, datagram)) = input.split_first() else { return false };
    let mut taken = false;
    let mut changes = Vec::new();
    for message in netlink::messages(datagram).map_while(Result::ok) {
        taken |= match *kind {
            ROUTE_CHANGES => decode_route(message, &mut changes).is_ok(),
            XFRM_CHANGES => decode_xfrm(message, &mut changes).is_ok(),
            ALERTS => alert(message.payload),
            dump => {
                let name = DUMPS.get(usize::from(dump)).copied().unwrap_or(DUMPS[0]);
                recordings::decode(name, &message)
                    .is_ok_and(|value| serde_json::to_vec(&value).is_ok())
            }
        };
    }
    changes.iter().for_each(|change| drop(event(change)));
    taken
}

/// Everything that `drops` does with a message before it knows the host's state; and the answers to its requests.
fn alert(payload: &[u8]) -> bool {
    let _ = (genetlink::decode(payload), drop_monitor::decode_configuration(payload));
    let _ = drop_monitor::decode_statistics(payload);
    let Ok(Some(alert)) = drop_monitor::decode(payload) else { return false };
    // Any packet may stand in an alert of any function.
    let own = Place::of(alert.function(), alert.reason);
    for place in [own, Place::Output, Place::Input] {
        let _ = read(place, &alert);
    }
    true
}
