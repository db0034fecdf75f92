//! `ip [-d] [-s] xfrm state [list] [nokeys]` as text. Made from the outputs of iproute2 6.1 (`xfrm_state_info_print()`).
//! The lines of keys are passed over: the value of a key is not looked at, kept or shown.

use super::entry::{Entry, NamedSa};
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{Words, address, hex, number, time};
use super::xfrm;
use crate::snapshot::xfrm::{IfId, ReqId, Selector, Spi};
use crate::snapshot::{Direction, Encapsulation, Family, Mark, Offload, ReplayState, Sa};
use std::net::IpAddr;

/// An SA has fewer lines: the bitmap of a window of 4096 packets has 16.
const MOST_LINES: usize = 64;

/// The lines of algorithms, whose last words are keys: `strxf_algotype()`.
const ALGORITHMS: &[&str] = &["enc", "auth", "auth-trunc", "aead", "comp"];

/// What other lines of an SA begin with.
const BEGINNINGS: &[&str] = &[
    "proto",
    "replay-window",
    "mark",
    "output-mark",
    "encap",
    "coa",
    "lastused",
    "anti-replay",
    "seq-hi",
    "replay_window",
    "crypto",
    "if_id",
    "tfcpad",
    "dir",
    "pcpu-num",
    "sel",
    "lifetime",
    "limit:",
    "expire",
    "add",
    "stats:",
    "security",
    "uid",
    // Where a line was wrapped.
    "spi",
    "reqid",
    "mode",
    "flag",
    "seq",
    "oseq",
    "bitmap",
    "hard",
    "use",
    "extra_flag",
];

/// The SA that begins with this line.
pub(super) fn entry(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    let of_first = Words::of(std::iter::once(first.text));
    let ["src", source, "dst", destination] = of_first.all() else { return None };
    let (source, destination) = (address(source)?, address(destination)?);
    if source.is_ipv4() != destination.is_ipv4() || !rest.first()?.text.starts_with("proto ") {
        return None;
    }
    let of: Vec<&Line<'_>> =
        rest.iter().take(MOST_LINES).take_while(|line| belongs(line)).collect();
    let word = |line: &&&Line<'_>| {
        ALGORITHMS.contains(&line.text.split_whitespace().next().unwrap_or_default())
    };
    let has_algorithm = of.iter().any(|line| word(&line));
    let words = Words::of(of.iter().filter(|line| !word(line)).map(|line| line.text));
    let named = sa(source, destination, has_algorithm, &words)?;
    Some(Taken { lines: of.len() + 1, entries: vec![Entry::Sa(Box::new(named))] })
}

/// Whether a line goes on with an SA.
fn belongs(line: &&Line<'_>) -> bool {
    let first = line.text.split_whitespace().next().unwrap_or_default();
    let is_amount = || {
        first.ends_with("(bytes),") && number::<u64>(first.trim_end_matches("(bytes),")).is_some()
    };
    let is_bitmap = || {
        let is_word = |word: &str| word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
        line.text.split_whitespace().all(is_word) && !first.is_empty()
    };
    // A key that the terminal wrapped.
    let is_key = || {
        first.len() >= 8 && first.trim_start_matches("0x").bytes().all(|b| b.is_ascii_hexdigit())
    };
    line.typed.is_none()
        && (BEGINNINGS.contains(&first)
            || first.starts_with("(0x")
            || ALGORITHMS.contains(&first)
            || is_amount()
            || is_bitmap()
            || is_key())
}

fn sa(
    source: IpAddr,
    destination: IpAddr,
    has_algorithm: bool,
    words: &Words<'_>,
) -> Option<NamedSa> {
    let family = Family::of(source);
    let lifetime = xfrm::lifetime(words);
    let (limits, current) = lifetime.unwrap_or_default();
    // With `-s` the number is there twice: `spi 0xc1000001(3238002689)`.
    let plain = |key: &str| words.after(key).map(|word| word.split('(').next().unwrap_or(word));
    let esn = words.behind(&["anti-replay", "esn", "context:"]);
    let window =
        if esn.is_empty() { words.after("replay-window") } else { words.after("replay_window") };
    let sel = words.behind(&["sel"]);
    let (selector, device) = match sel {
        [] => (any(family), None),
        words => xfrm::selector(words)?,
    };
    let flags = flags(words);
    let packets = current.packets;
    let mut sa = Sa {
        source,
        destination,
        protocol: xfrm::protocol(words.after("proto")?)?,
        spi: Spi(plain("spi").map_or(Some(0), hex)?),
        larval: !has_algorithm
            && packets == 0
            && flags == 0
            && words.after("replay-window") == Some("0"),
        algorithms: Vec::new(),
        reqid: ReqId(plain("reqid").and_then(number)?),
        mode: xfrm::mode(words.after("mode")?)?,
        family,
        selector,
        mark: words.after("mark").map_or(Some(Mark::default()), xfrm::mark)?,
        set_mark: words.after("output-mark").map_or(Some(Mark::default()), xfrm::output_mark)?,
        if_id: IfId(words.after("if_id").map_or(Some(0), hex)?),
        limits,
        current,
        replay: replay(words, esn, window.and_then(|window| number(window.trim_end_matches(',')))),
        replay_window_drops: 0,
        replay_drops: 0,
        integrity_failures: 0,
        flags,
        extra_flags: extra_flags(words),
        encapsulation: encapsulation(words),
        offload: None,
        last_used: match words.behind(&["lastused"]) {
            [date, clock, ..] => time(date, clock),
            _ => None,
        },
        direction: direction(words),
        cpu: words.after("pcpu-num").and_then(number),
        uncounted: false,
    };
    let stats = words.behind(&["stats:"]);
    let counters = match stats {
        ["replay-window", window, "replay", replay, "failed", failed, ..] => {
            Some((number(window)?, number(replay)?, number(failed)?))
        }
        _ => None,
    };
    if let Some((window, replay, failed)) = counters {
        (sa.replay_window_drops, sa.replay_drops, sa.integrity_failures) = (window, replay, failed);
    }
    let offload = match words.behind(&["crypto", "offload", "parameters:"]) {
        ["dev", device, "dir", direction, rest @ ..] => {
            let packet = if rest.starts_with(&["mode", "packet"]) { 4 } else { 0 };
            sa.offload = Some(Offload {
                ifindex: 0,
                flags: packet | if *direction == "in" { 2 } else { 0 },
            });
            // What follows it is no direction of the SA.
            Some((*device).to_owned())
        }
        _ => None,
    };
    sa.uncounted = counters.is_none() || lifetime.is_none();
    Some(NamedSa { sa, offload, device })
}

/// `dir in` on a line of its own, behind the `dir` of the offload.
fn direction(words: &Words<'_>) -> Option<Direction> {
    let of_offload = words.behind(&["parameters:", "dev"]).get(1) == Some(&"dir");
    let mut places = words
        .all()
        .windows(2)
        .filter(|pair| pair.first() == Some(&"dir"))
        .skip(usize::from(of_offload));
    match places.next()? {
        [_, "in"] => Some(Direction::In),
        [_, "out"] => Some(Direction::Out),
        _ => None,
    }
}

/// The selector of an SA that has none of its own.
fn any(family: Family) -> Selector {
    Selector { family: Family::Unspec, ..Selector::all(family) }
}

/// `anti-replay context: seq 0x0, oseq 0x5, bitmap 0x00000000`, or that of ESN with the upper halves.
fn replay(words: &Words<'_>, esn: &[&str], window: Option<u32>) -> Option<ReplayState> {
    let value = |words: &Words<'_>, key: &str| {
        words.after(key).and_then(|word| hex(word.trim_end_matches(',')))
    };
    if !esn.is_empty() {
        let words = Words::of(esn.iter().copied());
        let number = |high, low| {
            Some(u64::from(value(&words, high)?) << 32 | u64::from(value(&words, low)?))
        };
        return Some(ReplayState {
            outbound: number("oseq-hi", "oseq")?,
            inbound: number("seq-hi", "seq")?,
            window: window?,
            // The bitmap is not taken from the text.
            unseen: None,
            oldest_unseen: None,
        });
    }
    let context = Words::of(words.behind(&["anti-replay", "context:"]).iter().copied());
    Some(ReplayState {
        outbound: value(&context, "oseq")?.into(),
        inbound: value(&context, "seq")?.into(),
        window: window?,
        unseen: None,
        oldest_unseen: None,
    })
}

/// `flag af-unspec esn`: XFRM_STATE_*.
fn flags(words: &Words<'_>) -> u8 {
    let of = |word: &str| match word {
        "noecn" => 1,
        "decap-dscp" => 2,
        "nopmtudisc" => 4,
        "wildrecv" => 8,
        "icmp" => 16,
        "af-unspec" => 32,
        "align4" => 64,
        "esn" => 128,
        _ => 0,
    };
    let behind = words.behind(&["flag"]).iter().take(8);
    behind
        .map_while(|word| Some(of(word)).filter(|flag| *flag != 0))
        .fold(0, |all, flag| all | flag)
}

/// `extra_flag dont-encap-dscp`: XFRM_SA_XFLAG_*.
fn extra_flags(words: &Words<'_>) -> u32 {
    let of = |word: &str| match word {
        "dont-encap-dscp" => 1,
        "oseq-may-wrap" => 2,
        _ => 0,
    };
    words.behind(&["extra_flag"]).iter().take(2).fold(0, |all, word| all | of(word))
}

/// `encap type espinudp sport 4500 dport 4500 addr 0.0.0.0`.
fn encapsulation(words: &Words<'_>) -> Option<Encapsulation> {
    let ["type", kind, "sport", source, "dport", destination, ..] = words.behind(&["encap"]) else {
        return None;
    };
    let encap_type = match *kind {
        "espinudp-nonike" => 1,
        "espinudp" => 2,
        "espintcp" => 7,
        other => number(other)?,
    };
    Some(Encapsulation {
        encap_type,
        source_port: number(source)?,
        destination_port: number(destination)?,
    })
}
