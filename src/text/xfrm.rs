//! What `ip xfrm state` and `ip xfrm policy` print alike: selectors, limits, use, marks. Made from the outputs of iproute2 6.1
//! (`ipxfrm.c`: `xfrm_selector_print()`, `xfrm_lifetime_print()`, `xfrm_xfrma_print()`).

use super::entry::NamedSelector;
use super::names;
use super::words::{Words, hex, number, prefix, time};
use crate::snapshot::xfrm::{PortMask, Selector};
use crate::snapshot::{Family, Lifetime, Limits, Mark, Mode};

/// `src 10.0.0.0/8 dst 10.9.0.0/16 proto udp sport 500 dev wan`, and the interface that it names.
pub(super) fn selector(words: &[&str]) -> Option<NamedSelector> {
    let words = Words::of(words.iter().copied());
    let (source, destination) = (prefix(words.after("src")?)?, prefix(words.after("dst")?)?);
    let port = |keys: [&str; 2]| {
        let found = keys.into_iter().find_map(|key| words.after(key));
        found.map_or(Some(PortMask::default()), |port| {
            Some(PortMask { port: number(port)?, mask: u16::MAX })
        })
    };
    let mut selector = Selector {
        family: Family::of(source.addr()),
        source,
        destination,
        protocol: words.after("proto").map_or(Some(0), names::ip_protocol)?,
        source_port: port(["sport", "type"])?,
        destination_port: port(["dport", "code"])?,
        ifindex: 0,
    };
    if let Some(key) = words.after("key").and_then(number::<u32>) {
        // GRE: the key is where the ports of others are.
        let [a, b, c, d] = key.to_be_bytes();
        selector.source_port = PortMask { port: u16::from_be_bytes([a, b]), mask: u16::MAX };
        selector.destination_port = PortMask { port: u16::from_be_bytes([c, d]), mask: u16::MAX };
    }
    Some((selector, words.after("dev").map(str::to_owned)))
}

/// `mode tunnel`.
pub(super) fn mode(word: &str) -> Option<Mode> {
    Some(match word {
        "transport" => Mode::Transport,
        "tunnel" => Mode::Tunnel,
        "ro" => Mode::RouteOptimization,
        "in_trigger" => Mode::InTrigger,
        "beet" => Mode::Beet,
        "iptfs" => Mode::Iptfs,
        other => Mode::Other(number(other)?),
    })
}

/// `proto esp`.
pub(super) fn protocol(word: &str) -> Option<u8> {
    Some(match word {
        "esp" => 50,
        "ah" => 51,
        "comp" => 108,
        "route2" => 43,
        "hao" => 60,
        other => number(other)?,
    })
}

/// `mark 0x7/0xffffffff`.
pub(super) fn mark(word: &str) -> Option<Mark> {
    let (value, mask) = word.split_once('/')?;
    Some(Mark { value: hex(value)?, mask: hex(mask)? })
}

/// `output-mark 0x1`, with a mask from iproute2 4.20 on.
pub(super) fn output_mark(word: &str) -> Option<Mark> {
    match word.split_once('/') {
        Some(_) => mark(word),
        None => Some(Mark { value: hex(word)?, mask: u32::MAX }),
    }
}

/// The limits and the use behind `lifetime config:` and `lifetime current:`; none where they are not there (`-s`).
pub(super) fn lifetime(words: &Words<'_>) -> Option<(Limits, Lifetime)> {
    // `limit: soft (INF)(bytes), hard 100(bytes)`, `add: soft 0(sec), hard 30(sec)`: the unit says which limit it is.
    let limit = |key: &str, unit: &str| -> Option<[Option<u64>; 2]> {
        let amount = |word: &str| match word.trim_end_matches(',').strip_suffix(unit)? {
            "(INF)" => Some(None),
            digits => number(digits).map(Some),
        };
        words.all().windows(5).find_map(|window| match window {
            [word, "soft", soft, "hard", hard] if *word == key => {
                Some([amount(soft)?, amount(hard)?])
            }
            _ => None,
        })
    };
    let positive = |pair: [Option<u64>; 2]| pair.map(|seconds| seconds.filter(|s| *s != 0));
    let [soft_bytes, hard_bytes] = limit("limit:", "(bytes)")?;
    let [soft_packets, hard_packets] = limit("limit:", "(packets)")?;
    let [soft_add_seconds, hard_add_seconds] = positive(limit("add:", "(sec)")?);
    let [soft_use_seconds, hard_use_seconds] = positive(limit("use:", "(sec)")?);
    let limits = Limits {
        soft_bytes,
        hard_bytes,
        soft_packets,
        hard_packets,
        soft_add_seconds,
        hard_add_seconds,
        soft_use_seconds,
        hard_use_seconds,
    };
    Some((limits, current(words.behind(&["lifetime", "current:"]))?))
}

/// `84(bytes), 1(packets)`, then `add 2026-11-27 05:53:50 use -`.
fn current(words: &[&str]) -> Option<Lifetime> {
    let [bytes, packets, "add", rest @ ..] = words else { return None };
    let amount = |word: &str, unit| number(word.trim_end_matches(',').strip_suffix(unit)?);
    let moment = |words: &[&str]| match words {
        ["-", ..] => Some((0, 1)),
        [date, clock, ..] => time(date, clock).map(|time| (time, 2)),
        _ => None,
    };
    let (add_time, taken) = moment(rest)?;
    let Some(["use", rest @ ..]) = rest.get(taken..) else { return None };
    let (use_time, _) = moment(rest)?;
    Some(Lifetime {
        bytes: amount(bytes, "(bytes)")?,
        packets: amount(packets, "(packets)")?,
        add_time,
        use_time,
    })
}
