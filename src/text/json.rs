//! What `ip -j` prints of links, addresses, routes, rules and neighbours, and `tc -j` of qdiscs. Made from the outputs of iproute2 6.1, whose members have the
//! same names.

use super::entry::{Entry, NamedLink, NamedRoute};
use super::format::Context;
use super::ip_tunnel;
use super::lines::Line;
use super::link::{IFA_F_PERMANENT, flag, oper_state, scope};
use super::words::{address, dotted, hex, prefix};
use super::{names, neighbour, qdisc, route, tunnel};
use crate::snapshot::route::FR_ACT_TO_TBL;
use crate::snapshot::{
    Address, Family, IfId, IpTunnelKind, Link, LinkKind, Mark, Neighbour, Queue, Route, RouteType,
    Rule, Statistics, VtiDevice, XfrmInterface,
};
use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads one object of an array.
type Read = fn(&Value, &Context<'_>) -> Option<Vec<Entry>>;

/// The array that begins with this line: its format, how many lines it has, and what it says.
pub(super) fn table(
    text: &str,
    lines: &[Line<'_>],
    at: usize,
    context: &Context<'_>,
) -> Option<(&'static str, usize, Vec<Entry>)> {
    let start = lines.get(at)?.at;
    let rest = text.get(start..)?;
    let second = rest.strip_prefix('[')?.trim_start();
    if !second.starts_with(['{', ']']) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Vec<First>>();
    let list: Vec<Value> = values.next()?.ok()?.into_iter().map(|First(value)| value).collect();
    let end = start + values.byte_offset();
    let count = lines.get(at..)?.iter().take_while(|line| line.at < end).count();
    let has = |key: &str| list.iter().any(|entry| entry.get(key).is_some());
    let (format, read): (_, Read) = if has("ifname") && has("mode") && has("remote") {
        (tunnel::FORMAT, |entry, _| tunnel_of(entry).map(|entry| vec![entry]))
    } else if has("ifname") {
        ("ip link", |entry, _| links(entry))
    } else if has("priority") {
        ("ip rule", |entry, context| rule(entry, context).map(|entry| vec![entry]))
    } else if has("handle") {
        (qdisc::FORMAT, qdisc_of)
    } else if has("state") {
        ("ip neighbour", |entry, context| neighbour_of(entry, context).map(|entry| vec![entry]))
    } else if has("dst") {
        ("ip route", routes)
    } else {
        // An empty list: of what, the command says.
        let format = super::typed::object(context.typed).filter(|_| list.is_empty())?;
        return Some((format, count.max(1), Vec::new()));
    };
    // iproute2 prints an empty object for what it does not show.
    let objects =
        list.iter().filter(|entry| entry.as_object().is_some_and(|object| !object.is_empty()));
    let entries: Option<Vec<Vec<Entry>>> = objects.map(|entry| read(entry, context)).collect();
    Some((format, count.max(1), entries?.concat()))
}

/// An object of which the first of two members with one name counts: iproute2 prints `dst` twice for a route with an encapsulation, its own and
/// that of the encapsulation.
struct First(Value);

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = First;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<First, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    members.entry(name).or_insert(value);
                }
                Ok(First(Value::Object(members)))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn text<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    of.get(key)?.as_str()
}

fn unsigned<T: TryFrom<u64>>(of: &Value, key: &str) -> Option<T> {
    of.get(key)?.as_u64()?.try_into().ok()
}

/// A number that is written in hexadecimal or as a number.
fn number(of: &Value, key: &str) -> Option<u32> {
    match of.get(key)? {
        Value::String(text) => hex(text),
        value => value.as_u64()?.try_into().ok(),
    }
}

fn has_flag(of: &Value, wanted: &str) -> bool {
    let flags = of.get("flags").and_then(Value::as_array);
    flags.is_some_and(|flags| flags.iter().any(|flag| flag == wanted))
}

/// A qdisc with its numbers; nothing of one that is not at the root, as of text.
fn qdisc_of(of: &Value, context: &Context<'_>) -> Option<Vec<Entry>> {
    let device = text(of, "dev").or_else(|| context.after("dev"))?;
    let queue = Queue {
        ifindex: 0,
        discipline: text(of, "kind")?.to_owned(),
        bytes: unsigned(of, "bytes")?,
        packets: unsigned(of, "packets")?,
        drops: unsigned(of, "drops")?,
        overlimits: unsigned(of, "overlimits")?,
        waiting: unsigned(of, "qlen")?,
    };
    let is_root = of.get("root").and_then(Value::as_bool) == Some(true);
    let entry = Entry::Queue(device.to_owned(), queue);
    Some(is_root.then_some(entry).into_iter().collect())
}

/// A tunnel; with `-s` and `-j` together iproute2 prints text.
fn tunnel_of(of: &Value) -> Option<Entry> {
    let after = |key: &str| match of.get(key)? {
        Value::String(text) => Some(text.clone()),
        value => value.as_u64().map(|number| number.to_string()),
    };
    let known = tunnel::tunnel(text(of, "ifname")?, text(of, "mode")?, after)?;
    Some(Entry::Tunnel(Box::new(known)))
}

/// A link and its addresses.
fn links(of: &Value) -> Option<Vec<Entry>> {
    let name = text(of, "ifname")?.to_owned();
    let information = of.get("linkinfo");
    let mut named = NamedLink {
        link: Link {
            name: name.clone(),
            ifindex: unsigned(of, "ifindex")?,
            kind: LinkKind::Other { info_kind: String::new() },
            admin_up: has_flag(of, "UP"),
            carrier: has_flag(of, "LOWER_UP"),
            oper_state: oper_state(text(of, "operstate").unwrap_or_default()),
            mtu: unsigned(of, "mtu")?,
            loopback: has_flag(of, "LOOPBACK"),
            master: None,
            lower: None,
            link_netnsid: of
                .get("link_netnsid")
                .and_then(Value::as_i64)
                .and_then(|id| id.try_into().ok()),
            ipv4: None,
            ipv6: None,
            statistics: None,
        },
        has_kind: of.get("promiscuity").is_some(),
        link_type: text(of, "link_type").unwrap_or_default().to_owned(),
        has_errors: false,
        master: text(of, "master").map(str::to_owned),
        lower: text(of, "link").map(str::to_owned),
        statistics: None,
    };
    if let Some(information) = information.filter(|_| named.has_kind) {
        named.link.kind = kind(information, &mut named.lower);
    }
    if let Some(counters) = of.get("stats64") {
        (named.statistics, named.has_errors) = statistics(counters)?;
    }
    let addresses = of.get("addr_info").and_then(Value::as_array).into_iter().flatten();
    let objects = addresses.filter(|address| address.get("family").is_some());
    let addresses: Option<Vec<Entry>> = objects
        .filter(|a| text(a, "family").is_some_and(|family| family.starts_with("inet")))
        .map(|a| Some(Entry::Address(name.clone(), address_of(a)?)))
        .collect();
    let mut entries = addresses?;
    entries.insert(0, Entry::Link(Box::new(named)));
    Some(entries)
}

fn kind(information: &Value, lower: &mut Option<String>) -> LinkKind {
    let name = text(information, "info_kind").unwrap_or_default();
    let none = Value::Null;
    let data = information.get("info_data").unwrap_or(&none);
    let end = |key, any: IpAddr| text(data, key).and_then(address).unwrap_or(any);
    let key = |key| text(data, key).and_then(dotted).unwrap_or(0);
    let mut vti = |any: IpAddr| {
        if let Some(device) = text(data, "link") {
            *lower = Some(device.to_owned());
        }
        VtiDevice {
            link: 0,
            input_mark: key("ikey"),
            output_mark: key("okey"),
            local: end("local", any),
            remote: end("remote", any),
            fwmark: number(data, "fwmark").unwrap_or(0),
        }
    };
    match name {
        "vti" => LinkKind::Vti(vti(Ipv4Addr::UNSPECIFIED.into())),
        "vti6" => LinkKind::Vti6(vti(Ipv6Addr::UNSPECIFIED.into())),
        "xfrm" => LinkKind::Xfrm(XfrmInterface {
            link: 0,
            if_id: IfId(number(data, "if_id").unwrap_or(0)),
            collect_metadata: data.get("external").is_some(),
        }),
        "vrf" => match number(data, "table") {
            Some(table) => LinkKind::Vrf { table },
            None => LinkKind::Other { info_kind: name.to_owned() },
        },
        other => match IpTunnelKind::named(other) {
            Some(kind) => {
                let mode = text(data, "proto").unwrap_or_default();
                let has = |word: &str| mode == word || data.get(word).is_some();
                if let Some(device) = text(data, "link") {
                    *lower = Some(device.to_owned());
                }
                LinkKind::IpTunnel(ip_tunnel::of(kind, |key| text(data, key), has))
            }
            None => LinkKind::Other { info_kind: other.to_owned() },
        },
    }
}

fn statistics(of: &Value) -> Option<(Option<Statistics>, bool)> {
    let (rx, tx) = (of.get("rx")?, of.get("tx")?);
    let count = |of: &Value, key: &str| of.get(key).and_then(Value::as_u64);
    let errors = |key: &str| count(tx, key);
    let found = Statistics {
        rx_packets: count(rx, "packets")?,
        tx_packets: count(tx, "packets")?,
        rx_bytes: count(rx, "bytes")?,
        tx_bytes: count(tx, "bytes")?,
        rx_errors: count(rx, "errors")?,
        tx_errors: count(tx, "errors")?,
        rx_dropped: count(rx, "dropped")?,
        tx_dropped: count(tx, "dropped")?,
        collisions: count(tx, "collisions")?,
        tx_aborted_errors: errors("aborted_errors").unwrap_or(0),
        tx_carrier_errors: count(tx, "carrier_errors")?,
        tx_fifo_errors: errors("fifo_errors").unwrap_or(0),
        tx_heartbeat_errors: errors("heartbeat_errors").unwrap_or(0),
        tx_window_errors: errors("window_errors").unwrap_or(0),
    };
    Some((Some(found), errors("aborted_errors").is_some()))
}

fn address_of(of: &Value) -> Option<Address> {
    let (own, length) = (text(of, "local").and_then(address)?, unsigned(of, "prefixlen")?);
    let flags = of.as_object()?.iter().filter(|(_, value)| value.as_bool() == Some(true));
    let flags = flags.fold(0, |all, (name, _)| all | flag(name));
    let permanent = if of.get("dynamic").is_some() { 0 } else { IFA_F_PERMANENT };
    Some(Address {
        ifindex: 0,
        prefix: IpNet::new(own, length).ok()?,
        peer: text(of, "address").and_then(address).filter(|peer| *peer != own),
        scope: text(of, "scope").map_or(Some(0), scope)?,
        flags: flags | permanent,
    })
}

/// A route, or one for each next hop.
fn routes(of: &Value, context: &Context<'_>) -> Option<Vec<Entry>> {
    let destination = text(of, "dst")?;
    let hops = of.get("nexthops").and_then(Value::as_array);
    let gateway = |of: &Value| {
        let via = of.get("via").and_then(|via| text(via, "host"));
        text(of, "gateway").or(via).and_then(address)
    };
    let is_ipv6 = destination.contains(':')
        || (destination == "default"
            && (context.has("-6")
                || of.get("pref").is_some()
                || text(of, "gateway").is_some_and(|gateway| gateway.contains(':'))));
    let destination: IpNet = match destination {
        "default" if is_ipv6 => "::/0".parse().ok()?,
        "default" => "0.0.0.0/0".parse().ok()?,
        other => prefix(other)?,
    };
    let table = match of.get("table") {
        Some(Value::String(name)) => names::table(name)?,
        Some(_) => number(of, "table")?,
        None => context.after("table").and_then(names::table).unwrap_or(names::MAIN),
    };
    let is_dead = |of: &Value| has_flag(of, "dead") || has_flag(of, "linkdown");
    let mtu = of
        .get("metrics")
        .and_then(Value::as_array)
        .and_then(|metrics| metrics.first())
        .and_then(|metrics| number(metrics, "mtu"));
    let route = Route {
        destination: destination.trunc(),
        table,
        route_type: text(of, "type").map_or(Some(RouteType::Unicast), names::route_type)?,
        protocol: text(of, "protocol").map_or(Some(route::BOOT), names::protocol)?,
        oif: None,
        gateway: gateway(of),
        metric: number(of, "metric").unwrap_or(0),
        preferred_source: text(of, "prefsrc").and_then(address),
        dead: is_dead(of),
    };
    let device = |of: &Value| text(of, "dev").map(str::to_owned);
    let one = NamedRoute {
        route,
        device: device(of),
        mtu,
        is_multipath: hops.is_some_and(|hops| hops.len() > 1),
    };
    let Some(hops) = hops else { return Some(vec![Entry::Route(one)]) };
    let hop = |hop: &Value| {
        let route = Route { gateway: gateway(hop), dead: is_dead(hop), ..one.route.clone() };
        Entry::Route(NamedRoute { route, device: device(hop), ..one.clone() })
    };
    Some(hops.iter().map(hop).collect())
}

fn rule(of: &Value, context: &Context<'_>) -> Option<Entry> {
    let end = |key: &str, length: &str| match text(of, key) {
        None | Some("all") => Some(None),
        Some(host) => match unsigned::<u8>(of, length) {
            Some(length) => Some(Some(IpNet::new(address(host)?, length).ok()?)),
            None => prefix(host).map(Some),
        },
    };
    let (source, destination) = (end("src", "srclen")?, end("dst", "dstlen")?);
    let is_ipv6 = [source, destination].into_iter().flatten().any(|prefix| prefix.addr().is_ipv6());
    let value = number(of, "fwmark");
    let fwmark = value.map_or(Mark::default(), |value| Mark {
        value,
        mask: number(of, "fwmask").unwrap_or(u32::MAX),
    });
    let l3mdev = of.get("l3mdev").is_some();
    let table = text(of, "table");
    let action = match (table, l3mdev, text(of, "action")) {
        (Some(_), _, _) | (None, true, _) => FR_ACT_TO_TBL,
        (_, _, Some("blackhole")) => 6,
        (_, _, Some("unreachable")) => 7,
        (_, _, Some("prohibit")) => 8,
        _ if of.get("goto").is_some() => 2,
        _ => 3,
    };
    Some(Entry::Rule(Rule {
        family: if is_ipv6 || context.has("-6") { Family::Inet6 } else { Family::Inet },
        priority: number(of, "priority")?,
        action,
        table: table.map_or(Some(0), names::table)?,
        source,
        destination,
        fwmark,
        iif: text(of, "iif").map(str::to_owned),
        oif: text(of, "oif").map(str::to_owned),
        l3mdev,
        invert: of.get("not").is_some(),
    }))
}

fn neighbour_of(of: &Value, context: &Context<'_>) -> Option<Entry> {
    let states = of.get("state")?.as_array()?.iter().filter_map(Value::as_str);
    let state = states.filter_map(neighbour::state).fold(0, |all, state| all | state);
    let device = text(of, "dev").or_else(|| context.after("dev"))?;
    let neighbour = Neighbour { ifindex: 0, address: text(of, "dst").and_then(address)?, state };
    Some(Entry::Neighbour(device.to_owned(), neighbour))
}
