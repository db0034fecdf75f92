//! `ip [-6] route [show table T]` as text. Made from the outputs of iproute2 6.1 (`print_route()`).

use super::entry::{Entry, NamedRoute};
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{Words, address, number, prefix};
use super::{names, neighbour};
use crate::snapshot::{Route, RouteType};

/// A line of so many columns may have been wrapped by mail.
const WRAPPED: usize = 48;

/// A route of so many next hops is none that a kernel has.
const MOST_HOPS: usize = 256;

/// How many lines say that a table does not exist, which is one without routes; VyOS's debug archive has the status of the command before them.
fn no_table(lines: &[Line<'_>]) -> Option<usize> {
    let of_archive = lines.iter().take_while(|l| l.text == "Exit code: 2" || l.text == "Stdout:");
    let before = of_archive.count();
    let [first, rest @ ..] = lines.get(before..)? else { return None };
    let is_said = ["ipv4", "ipv6"]
        .iter()
        .any(|family| first.text == format!("Error: {family}: FIB table does not exist."));
    let ends = rest.first().is_some_and(|line| line.text == "Dump terminated");
    is_said.then_some(before + 1 + usize::from(ends))
}

/// The route that begins with this line; a multipath route has a line for each next hop.
pub(super) fn entry(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    if let Some(lines) = no_table(lines) {
        return Some(Taken { lines, entries: Vec::new() });
    }
    let (first, rest) = lines.split_first()?;
    let wrapped = rest.first().filter(|next| goes_on(first, next));
    let rest = rest.get(usize::from(wrapped.is_some())..).unwrap_or_default();
    let words = Words::of([Some(first), wrapped].into_iter().flatten().map(|line| line.text));
    let (route_type, destination) = match words.all() {
        [name, destination, ..] if names::route_type(name).is_some() => {
            (names::route_type(name)?, *destination)
        }
        [destination, ..] => (RouteType::Unicast, *destination),
        [] => return None,
    };
    let hops: Vec<&Line<'_>> = rest
        .iter()
        .take(MOST_HOPS)
        .take_while(|line| line.typed.is_none() && line.text.starts_with("nexthop "))
        .collect();
    let says = |word: &str| words.has(word);
    let is_route = says("dev")
        || says("via")
        || (says("proto") && !says("spi"))
        || route_type != RouteType::Unicast
        || !hops.is_empty();
    let is_neighbour =
        says("lladdr") || words.all().iter().any(|word| neighbour::state(word).is_some());
    if !is_route || is_neighbour {
        return None;
    }
    let gateways = words.behind(&["via"]);
    let is_ipv6 = destination.contains(':')
        || (destination == "default"
            && (context.has("-6")
                || context.after("-f").is_some_and(|family| family == "inet6")
                || is_ipv6(&words, &hops)));
    let destination: ipnet::IpNet = match destination {
        "default" if is_ipv6 => "::/0".parse().ok()?,
        "default" => "0.0.0.0/0".parse().ok()?,
        other => prefix(other)?,
    };
    let table = match words.after("table") {
        Some(name) => names::table(name)?,
        None => context.after("table").and_then(names::table).unwrap_or(names::MAIN),
    };
    let route = Route {
        destination: destination.trunc(),
        table,
        route_type,
        protocol: words.after("proto").map_or(Some(BOOT), names::protocol)?,
        oif: None,
        gateway: gateway(gateways),
        // What `print_route()` leaves out where it is 0; an IPv6 route always has one.
        metric: words.after("metric").and_then(number).unwrap_or(0),
        preferred_source: words.after("src").and_then(address),
        dead: says("dead") || says("linkdown"),
    };
    let named = NamedRoute {
        route,
        device: words
            .after("dev")
            .map(str::to_owned)
            .or_else(|| context.after("dev").filter(|_| hops.is_empty()).map(str::to_owned)),
        mtu: words.after("mtu").and_then(|mtu| {
            number(if mtu == "lock" { words.behind(&["mtu", "lock"]).first()? } else { mtu })
        }),
        is_multipath: hops.len() > 1,
    };
    let mut entries = Vec::new();
    for hop in &hops {
        let words = Words::of(std::iter::once(hop.text));
        let route = Route {
            gateway: gateway(words.behind(&["via"])),
            dead: words.has("dead") || words.has("linkdown"),
            ..named.route.clone()
        };
        let device = words.after("dev").map(str::to_owned);
        entries.push(Entry::Route(NamedRoute { route, device, ..named.clone() }));
    }
    if hops.is_empty() {
        entries.push(Entry::Route(named));
    }
    Some(Taken { lines: hops.len() + 1 + usize::from(wrapped.is_some()), entries })
}

/// Whether mail broke a line here, which leaves 60 to 76 columns: behind a word that needs a value, or before one that a route goes on with.
fn goes_on(line: &Line<'_>, next: &Line<'_>) -> bool {
    const NEED_A_VALUE: [&str; 8] =
        ["dev", "via", "proto", "scope", "src", "metric", "table", "pref"];
    let last = line.text.split_whitespace().next_back().unwrap_or_default();
    let begins = next.text.split_whitespace().next().unwrap_or_default();
    line.text.len() >= WRAPPED
        && next.typed.is_none()
        // An SA begins with `src`, too.
        && !next.text.split_whitespace().any(|word| matches!(word, "dst" | "spi"))
        && (NEED_A_VALUE.contains(&last) || NEED_A_VALUE.contains(&begins))
}

/// RTPROT_BOOT, which `print_route()` does not name.
pub(super) const BOOT: u8 = 3;

/// The address behind `via`, where `inet6` may stand between.
fn gateway(behind: &[&str]) -> Option<std::net::IpAddr> {
    behind.iter().take(2).find_map(|word| address(word))
}

/// Whether a default route is one of IPv6: by its gateway, or by what only those have.
fn is_ipv6(words: &Words<'_>, hops: &[&Line<'_>]) -> bool {
    let of = |words: &Words<'_>| match gateway(words.behind(&["via"])) {
        Some(gateway) => gateway.is_ipv6() && !words.has("inet6"),
        None => words.has("pref"),
    };
    of(words)
        || words.has("pref")
        || hops.iter().any(|hop| of(&Words::of(std::iter::once(hop.text))))
}
