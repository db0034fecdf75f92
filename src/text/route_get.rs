//! `ip route get ADDRESS`: the kernel's answer to one question, which is no route of a table. Made from the outputs of iproute2 6.1
//! (`iproute_get()`, `print_route()`, `print_cache_flags()`).

use super::entry::{Entry, NamedAnswer};
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{Words, address, hex, number};
use super::{names, typed};
use crate::snapshot::{RouteAnswer, RouteType};

/// The answer that begins with this line: `192.0.2.2 from 192.0.2.1 via 10.0.0.1 dev wan uid 0`, and `cache mtu 1400` behind it.
pub(super) fn entry(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    let is_typed = typed::prints(context.typed) == Some(typed::ROUTE_GET);
    if let Some(errno) = refusal(first.text).filter(|_| is_typed) {
        let answer = RouteAnswer::Error { errno };
        let named = question(&Words::of(std::iter::once("")), context, answer, None)?;
        return Some(Taken::line(Entry::RouteAnswer(Box::new(named))));
    }
    let cache = rest.first().filter(|line| line.typed.is_none());
    let cache = cache.filter(|line| line.text == "cache" || line.text.starts_with("cache "));
    let words = Words::of(std::iter::once(first.text));
    if !is_typed && cache.is_none() && words.after("uid").is_none() {
        return None;
    }
    let (route_type, destination) = match words.all() {
        [name, destination, ..] if names::route_type(name).is_some() => {
            (names::route_type(name)?, address(destination)?)
        }
        [destination, ..] => (RouteType::Unicast, address(destination)?),
        [] => return None,
    };
    let device = words.after("dev")?.to_owned();
    let of_cache = Words::of(cache.into_iter().map(|line| line.text));
    let answer = RouteAnswer::Route {
        route_type,
        // Named by `device`.
        oif: 0,
        gateway: words.behind(&["via"]).iter().take(2).find_map(|word| address(word)),
        source: words.after("src").and_then(address),
        table: words.after("table").map_or(Some(names::MAIN), names::table)?,
        mtu: of_cache.after("mtu").or_else(|| words.after("mtu")).and_then(number),
    };
    let mut named = question(&words, context, answer, Some(device))?;
    named.destination = destination;
    Some(Taken {
        lines: 1 + usize::from(cache.is_some()),
        entries: vec![Entry::RouteAnswer(Box::new(named))],
    })
}

/// What was asked, by what was typed and by the answer's own words.
fn question(
    answered: &Words<'_>,
    context: &Context<'_>,
    answer: RouteAnswer,
    device: Option<String>,
) -> Option<NamedAnswer> {
    let typed = Words::of(std::iter::once(context.typed));
    let asked = match typed.behind(&["get"]) {
        ["to", word, ..] | [word, ..] => address(word.split('/').next().unwrap_or_default()),
        [] => None,
    };
    let of = |key: &str| answered.after(key).or_else(|| typed.after(key));
    let has_own = |keys: &[&str]| keys.iter().any(|key| of(key).is_some());
    Some(NamedAnswer {
        destination: asked
            .or_else(|| answered.all().first().copied().and_then(address))
            .or_else(|| answered.all().get(1).copied().and_then(address))?,
        source: of("from").and_then(address),
        mark: of("mark").map_or(Some(0), hex)?,
        vrf: typed.after("vrf").map(str::to_owned),
        // The path of a packet that arrived, or of a socket that is bound to a device, is another question.
        is_of_host: !has_own(&["iif", "oif", "sport", "dport", "ipproto", "tos", "dsfield"]),
        device,
        answer,
    })
}

/// What the kernel said instead of a route.
fn refusal(line: &str) -> Option<i32> {
    Some(match line.strip_prefix("RTNETLINK answers: ")? {
        "Network is unreachable" => 101,
        "No route to host" => 113,
        "Permission denied" => 13,
        "Invalid argument" => 22,
        _ => return None,
    })
}
