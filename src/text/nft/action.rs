//! The statements of a rule beside verdicts and counters: what they change of a packet, and how many of their words there are. It decides
//! nothing about conditions.

use super::reader::{Lost, Reader};
use super::selector::{IPV4, IPV6};
use super::symbols::{Kind, number};
use super::tokens::{Cursor, Token};
use crate::snapshot::filter::{Field, Nat, Part, SetMark, Step, TableFamily, Translation, Verdict};
use crate::text::words;
use std::net::IpAddr;

const TCP: u8 = 6;

/// What an expression is, as far as a mark needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// A number.
    Number(u64),
    /// The mark of the packet, with changes.
    OfMark(SetMark),
    /// Anything else.
    Unknown,
}

/// `meta mark set …`, `ip dscp set …`: `part` is what is set.
pub(super) fn assign(
    reader: &mut Reader,
    cursor: &mut Cursor<'_, '_>,
    part: Option<&Part>,
) -> Result<(), Lost> {
    let value = expression(cursor).ok_or(Lost("other"))?;
    let Some(part) = part else { return Ok(()) };
    match (&part.field, value) {
        (Field::Mark, Expression::Number(number)) => {
            let flip = u32::try_from(number).map_err(|_| Lost("meta"))?;
            reader.steps.push(Step::SetMark(SetMark { keep: 0, flip }));
        }
        (Field::Mark, Expression::OfMark(change)) => reader.steps.push(Step::SetMark(change)),
        (Field::Mark, Expression::Unknown) => reader.steps.push(Step::SetUnknownMark),
        // Facts of the connection, of the device and of routes are no part of the packet.
        (
            Field::CtState
            | Field::CtMark
            | Field::CtStatus
            | Field::CtDirection
            | Field::PacketType
            | Field::Protocol
            | Field::Ethertype
            | Field::Family,
            _,
        ) => {}
        (field, _) => reader.steps.push(Step::Rewrite(vec![field.clone()])),
    }
    Ok(())
}

/// The words of an expression: a number, a name, or a mark with masks. None where it is longer than what is known.
pub(super) fn expression(cursor: &mut Cursor<'_, '_>) -> Option<Expression> {
    let mut found = match cursor.next()? {
        Token::Quoted(_) => return Some(Expression::Unknown),
        Token::Word("meta") if cursor.eat("mark") => {
            Expression::OfMark(SetMark { keep: u32::MAX, flip: 0 })
        }
        Token::Word("ct") if cursor.eat("mark") => Expression::Unknown,
        Token::Word("mark") => Expression::OfMark(SetMark { keep: u32::MAX, flip: 0 }),
        Token::Word("rt") if cursor.eat("mtu") => Expression::Unknown,
        Token::Word(word) => match number(Kind::Number, word) {
            Some(number) => Expression::Number(number),
            // A word for a number, or a class `1:10`.
            None if is_value(word) => Expression::Unknown,
            None => return None,
        },
        _ => return None,
    };
    // nft prints `&` before `^` before `|`, as they bind.
    let mut last = 0;
    loop {
        let (binds, operator) = match cursor.peek() {
            Some(Token::Word(word @ ("&" | "and"))) => (1, word),
            Some(Token::Word(word @ ("^" | "xor"))) => (2, word),
            Some(Token::Word(word @ ("|" | "or"))) => (3, word),
            Some(Token::Word("map" | "<<" | ">>" | ".")) => return None,
            _ => return Some(found),
        };
        cursor.next();
        let with = cursor.word().and_then(|word| number(Kind::Number, word))?;
        let with = u32::try_from(with).ok()?;
        if binds < last {
            return None;
        }
        last = binds;
        found = match found {
            Expression::OfMark(SetMark { keep, flip }) => Expression::OfMark(match operator {
                "&" | "and" => SetMark { keep: keep & with, flip: flip & with },
                "^" | "xor" => SetMark { keep, flip: flip ^ with },
                _ => SetMark { keep: keep & !with, flip: flip | with },
            }),
            _ => Expression::Unknown,
        };
    }
}

/// Whether a word is a value of its own, and no statement.
fn is_value(word: &str) -> bool {
    word.contains(':') || matches!(word, "none" | "root") || {
        let kinds = [Kind::Dscp, Kind::Ecn, Kind::Protocol, Kind::PacketType];
        kinds.into_iter().any(|kind| number(kind, word).is_some()) || words::address(word).is_some()
    }
}

/// `tcp option maxseg size set rt mtu`: what TCP says of itself; nothing that is asked changes.
pub(super) fn is_segment_size(cursor: &mut Cursor<'_, '_>) -> bool {
    let mut ahead = cursor.clone();
    let is_it = ahead.eat("maxseg") && ahead.eat("size") && ahead.eat("set");
    let is_it = is_it && expression(&mut ahead).is_some();
    if is_it {
        *cursor = ahead;
    }
    is_it
}

/// `log prefix "x" group 2 snaplen 100 flags all`.
pub(super) fn log(cursor: &mut Cursor<'_, '_>) {
    loop {
        let with_value = ["prefix", "level", "group", "snaplen", "queue-threshold"];
        match cursor.peek() {
            Some(Token::Word(word)) if with_value.contains(&word) => {
                cursor.next();
                cursor.next();
            }
            Some(Token::Word("flags")) => {
                cursor.next();
                // `tcp sequence,options`, `ip options`, `skuid`, `ether`, `all`.
                if matches!(cursor.word(), Some("tcp" | "ip")) {
                    cursor.next();
                }
            }
            _ => return,
        }
    }
}

/// `limit rate 10/second burst 5 packets`, `limit name "x"`, `quota over 10 mbytes used 5 bytes`.
pub(super) fn rate(
    reader: &mut Reader,
    cursor: &mut Cursor<'_, '_>,
    word: &str,
) -> Result<(), Lost> {
    if cursor.eat("name") {
        reader.undecided("objref");
        cursor.next();
        return Ok(());
    }
    reader.undecided(word);
    let is_limit = word == "limit";
    if is_limit && !cursor.eat("rate") {
        return Err(Lost("limit"));
    }
    let _ = cursor.eat("over") || cursor.eat("until");
    let amount = cursor.word().ok_or(Lost("other"))?;
    // `10/second`, or `10 mbytes/second`.
    if !amount.contains('/') {
        cursor.word();
    }
    let more = if is_limit { "burst" } else { "used" };
    if cursor.eat(more) {
        let _ = (cursor.word(), cursor.word());
    }
    Ok(())
}

/// `ct count over 5`, `ct helper set "ftp"`.
pub(super) fn connections(reader: &mut Reader, cursor: &mut Cursor<'_, '_>) -> Result<(), Lost> {
    if !cursor.eat("count") {
        return Err(Lost("ct"));
    }
    reader.undecided("connlimit");
    cursor.eat("over");
    cursor.word().map(drop).ok_or(Lost("connlimit"))
}

/// `reject with icmp host-unreachable`: for packets of one IP only, which nft does not print.
pub(super) fn reject(reader: &mut Reader, cursor: &mut Cursor<'_, '_>) -> Result<(), Lost> {
    if cursor.eat("with") {
        match cursor.word() {
            Some("icmp") => reader.require(Some(IPV4), None),
            Some("icmpv6") => reader.require(Some(IPV6), None),
            Some("tcp") => reader.require(None, Some(TCP)),
            _ => {}
        }
    }
    reader.steps.push(Step::Verdict(Verdict::Reject));
    reader.end(cursor);
    Ok(())
}

/// A translation of which nothing else is known.
pub(super) const fn unknown(what: Translation) -> Step {
    Step::Nat(Nat { what, first: None, last: None, netmap: false, port_only: false })
}

/// `snat to 192.0.2.1-192.0.2.9:100-200 random`, `masquerade`, `redirect to :26`.
pub(super) fn nat(
    reader: &mut Reader,
    cursor: &mut Cursor<'_, '_>,
    what: Translation,
) -> Result<(), Lost> {
    // In a table of both families only packets of the rule's own are translated (`nft_nat_inet_eval()`).
    let of_family = |reader: &mut Reader, family| {
        if reader.family() == TableFamily::Inet {
            reader.require(Some(family), None);
        }
    };
    if cursor.eat("ip") {
        of_family(reader, IPV4);
    } else if cursor.eat("ip6") {
        of_family(reader, IPV6);
    }
    let netmap = cursor.eat("prefix");
    let mut nat = Nat { what, first: None, last: None, netmap, port_only: false };
    if cursor.eat("to") {
        match cursor.peek() {
            Some(Token::Word(word)) if word.starts_with(':') => {
                cursor.next();
                nat.port_only = matches!(what, Translation::Source | Translation::Destination);
            }
            Some(Token::Word(word)) => {
                match target(word) {
                    Some((first, last)) => (nat.first, nat.last) = (Some(first), Some(last)),
                    // `tcp dport map { 80 : 10.0.0.1 }`: packets without an entry leave the rule.
                    None => reader.undecided("lookup"),
                }
            }
            _ => reader.undecided("lookup"),
        }
    }
    reader.steps.push(Step::Nat(nat));
    reader.end(cursor);
    Ok(())
}

/// The first and the last address of a target; without its ports.
fn target(word: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some(net) = words::prefix(word) {
        return Some((net.network(), net.broadcast()));
    }
    let one = |text: &str| {
        let bare = text.strip_prefix('[').and_then(|text| text.split_once(']'));
        if let Some((address, _)) = bare {
            return words::address(address);
        }
        words::address(text).or_else(|| words::address(text.rsplit_once(':')?.0))
    };
    // The ports may be a range, too.
    word.match_indices('-')
        .find_map(|(at, _)| Some((one(word.get(..at)?)?, words_before_ports(word.get(at + 1..)?)?)))
        .or_else(|| words_before_ports(word).map(|address| (address, address)))
}

/// The address before `:100-200`.
fn words_before_ports(text: &str) -> Option<IpAddr> {
    if let Some((address, _)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return words::address(address);
    }
    words::address(text).or_else(|| words::address(text.split_once(':')?.0))
}

/// `xt match "conntrack"`, `xt target "MASQUERADE"`: what iptables-nft made and nft has no words for.
pub(super) fn iptables(reader: &mut Reader, cursor: &mut Cursor<'_, '_>) -> Result<(), Lost> {
    let kind = cursor.word();
    let name = match cursor.next() {
        Some(Token::Quoted(name) | Token::Word(name)) => name,
        _ => return Err(Lost("other")),
    };
    let step = match (kind, name) {
        (Some("match"), "comment") => return Ok(()),
        (Some("match"), name) => {
            reader.undecided(&format!("match {name}"));
            return Ok(());
        }
        (
            Some("target"),
            "LOG" | "NFLOG" | "ULOG" | "TCPMSS" | "CLASSIFY" | "CHECKSUM" | "CONNSECMARK"
            | "SECMARK" | "AUDIT" | "TRACE" | "LED" | "IDLETIMER",
        ) => return Ok(()),
        (Some("target"), "REJECT") => Step::Verdict(Verdict::Reject),
        (Some("target"), "MARK" | "CONNMARK") => Step::SetUnknownMark,
        (Some("target"), "TOS" | "DSCP") => Step::Rewrite(vec![Field::Tos, Field::Class]),
        (Some("target"), "TTL" | "HL") => Step::Rewrite(vec![Field::HopLimit]),
        (Some("target"), "MASQUERADE") => unknown(Translation::Masquerade),
        (Some("target"), "SNAT") => unknown(Translation::Source),
        (Some("target"), "DNAT") => unknown(Translation::Destination),
        (Some("target"), "REDIRECT") => unknown(Translation::Redirect),
        (Some("target"), "NFQUEUE") => Step::Verdict(Verdict::Queue),
        (Some("target"), name) => Step::Verdict(Verdict::Target(name.to_owned())),
        _ => return Err(Lost("other")),
    };
    reader.steps.push(step);
    Ok(())
}
