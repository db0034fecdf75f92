//! `show configuration commands` of VyOS 1.3 to current, the parts about VTIs and IPsec: lines `set vpn ipsec …`. Of the others, and of
//! whatever is below `authentication` or looks like a secret, nothing but that it is such a line is kept.

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use crate::snapshot::vyos::{Configuration, ConfiguredVti, Peer, Reauthentication};
use std::collections::BTreeMap;

/// A peer, its own `ikev2-reauth`, and its group.
type Parts = (Peer, Option<String>, Option<String>);

/// The nodes that are kept: what a diagnosis asks for.
const KEPT: [&str; 4] = ["interfaces vti ", "vpn ipsec ", "vpp settings ipsec", "interfaces vti"];

/// A line of the configuration.
pub(super) fn line(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let rest = lines.first()?.text.strip_prefix("set ")?;
    let is_node = rest.split(' ').next().is_some_and(|node| {
        [
            "firewall",
            "high-availability",
            "interfaces",
            "nat",
            "nat66",
            "policy",
            "protocols",
            "qos",
            "service",
            "system",
            "vpn",
            "vpp",
            "vrf",
        ]
        .contains(&node)
    });
    if !is_node {
        return None;
    }
    let is_kept = KEPT.iter().any(|node| rest.starts_with(node))
        && !rest.contains(" authentication ")
        && !rest.contains("secret");
    let words = || words(rest).filter(|_| is_kept);
    Some(Taken { lines: 1, entries: words().map(Entry::Set).into_iter().collect() })
}

/// The words of a line, without the quotation marks around values.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'')?,
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    (words.len() < 32).then_some(words)
}

/// Whether a command shows too little of the configuration for a diagnosis: a `match` without IPsec or without VTIs.
pub(super) fn is_part(typed: &str) -> bool {
    typed.split('|').skip(1).any(|filter| {
        let filter = filter.trim_start();
        (filter.starts_with("match") || filter.starts_with("grep"))
            && !(filter.contains("ipsec") && filter.contains("vti"))
    })
}

/// The configuration of these lines.
pub(super) fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Configuration {
    let mut found = Configuration::default();
    let mut vtis: BTreeMap<String, ConfiguredVti> = BTreeMap::new();
    let mut peers: BTreeMap<(bool, String), Parts> = BTreeMap::new();
    let mut reauthenticating: Vec<String> = Vec::new();
    for entry in entries {
        let Entry::Set(words) = entry else { continue };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["interfaces", "vti", name, rest @ ..] => {
                let vti = vtis.entry((*name).to_owned()).or_default();
                (*name).clone_into(&mut vti.name);
                match rest {
                    ["disable", ..] => vti.disabled = true,
                    ["vrf", vrf] => vti.vrf = Some((*vrf).to_owned()),
                    _ => {}
                }
            }
            ["vpp", "settings", "ipsec", ..] => found.vpp_ipsec = true,
            ["vpn", "ipsec", "options", "disable-route-autoinstall", ..] => {
                found.disable_route_autoinstall = true
            }
            ["vpn", "ipsec", "log", "level", level]
            | ["vpn", "ipsec", "logging", "log-level", level] => {
                found.log_level = level.parse().ok();
            }
            ["vpn", "ipsec", "ike-group", group, "ikev2-reauth", rest @ ..]
                if rest.first() != Some(&"no") =>
            {
                reauthenticating.push((*group).to_owned());
            }
            ["vpn", "ipsec", "site-to-site", "peer", name, rest @ ..] => {
                peer(peers.entry((false, (*name).to_owned())).or_default(), name, rest);
            }
            ["vpn", "ipsec", "remote-access", "connection", name, rest @ ..] => {
                let of = peers.entry((true, (*name).to_owned())).or_default();
                of.0.remote_access = true;
                peer(of, name, rest);
            }
            _ => {}
        }
    }
    found.interfaces = vtis.into_values().collect();
    found.peers = peers
        .into_values()
        .map(|(mut peer, own, group)| {
            if peer.remote_addresses.is_empty() && peer.name.parse::<std::net::IpAddr>().is_ok() {
                peer.remote_addresses.push(peer.name.clone());
            }
            let by_group = group.is_some_and(|group| reauthenticating.contains(&group));
            peer.reauthentication = match own.as_deref() {
                Some("yes") => Some(Reauthentication::Peer),
                Some("no") => None,
                _ => by_group.then_some(Reauthentication::IkeGroup),
            };
            peer
        })
        .collect();
    found
}

/// One node of a peer; besides the peer, its own `ikev2-reauth` and its group are kept.
fn peer((peer, reauthentication, group): &mut Parts, name: &str, node: &[&str]) {
    name.clone_into(&mut peer.name);
    let owned = |value: &str| Some(value.to_owned());
    match node {
        ["vti", "bind", vti] if !peer.remote_access => peer.bind = owned(vti),
        ["bind", vti] if peer.remote_access => peer.bind = owned(vti),
        ["disable", ..] => peer.disabled = true,
        ["remote-address", address] => peer.remote_addresses.push((*address).to_owned()),
        ["connection-type", kind] => (*kind).clone_into(&mut peer.connection_type),
        ["dhcp-interface", interface] => peer.dhcp_interface = owned(interface),
        ["virtual-address", address] => peer.virtual_addresses.push((*address).to_owned()),
        ["ikev2-reauth", value] => *reauthentication = owned(value),
        ["ike-group", name] => *group = owned(name),
        _ => {}
    }
}
