//! Interfaces, their settings, addresses and error counters, and the settings of the host.

use super::changes::{Changes, has_names, only, was};
use crate::snapshot::{IpTunnelKind, Ipv4Configuration, Link, LinkKind, Snapshot, Source, Sysctls};
use std::collections::BTreeMap;

pub(super) fn compare(a: &Snapshot, b: &Snapshot, changes: &mut Changes) {
    if let Some((before, now)) = changes.both(&a.links, &b.links) {
        let of = |links: &'_ [Link]| -> BTreeMap<String, Link> {
            links.iter().map(|l| (l.name.clone(), l.clone())).collect()
        };
        let (before, now) = (of(before), of(now));
        // Tunnels first: the others are how their packets leave.
        let mut names: Vec<&String> = before.keys().chain(now.keys()).collect();
        names.sort_by_key(|name| {
            let link = now.get(*name).or_else(|| before.get(*name));
            (link.is_none_or(|link| link.driver().is_none()), (*name).clone())
        });
        names.dedup();
        for name in names {
            match (before.get(name), now.get(name)) {
                // What only some of the interfaces are compared with is not gone.
                (Some(_), None) if b.partial.contains(&Source::Links) => {}
                (None, Some(_)) if a.partial.contains(&Source::Links) => {}
                (Some(_), None) => {
                    changes.say(Source::Links, Some(name), format!("interface {name} is gone"))
                }
                (None, Some(_)) => {
                    changes.say(Source::Links, Some(name), format!("interface {name} is new"))
                }
                (Some(before), Some(now)) => link(a, b, before, now, changes),
                (None, None) => {}
            }
        }
    }
    if !has_names(a, b) {
        let what =
            "whether addresses, routes or neighbours differ is not known: they name interfaces";
        changes.say(Source::Links, None, what);
    }
    let addresses = changes.both(&a.addresses, &b.addresses).filter(|_| has_names(a, b));
    if let Some((before, now)) = addresses {
        let text = |snapshot: &Snapshot, address: &crate::snapshot::Address| {
            format!("{} of {}", address.prefix, name(snapshot, address.ifindex))
        };
        let before: Vec<String> = before.iter().map(|address| text(a, address)).collect();
        let now: Vec<String> = now.iter().map(|address| text(b, address)).collect();
        only(&before, &now)
            .iter()
            .for_each(|one| changes.say(Source::Addresses, None, format!("address {one} is gone")));
        only(&now, &before)
            .iter()
            .for_each(|one| changes.say(Source::Addresses, None, format!("address {one} is new")));
    }
    sysctls(&a.sysctls, &b.sysctls, changes);
    if let Some((before, now)) = changes.both(&a.default_policies, &b.default_policies) {
        if before != now {
            changes.say(
                Source::DefaultPolicies,
                None,
                format!("default policies: {now:?}, were {before:?}"),
            );
        }
    }
}

/// The name of an interface, or its number.
pub(super) fn name(snapshot: &Snapshot, ifindex: u32) -> String {
    let links = snapshot.links.iter().flatten();
    links
        .into_iter()
        .find(|link| link.ifindex == ifindex)
        .map_or_else(|| format!("interface {ifindex}"), |link| link.name.clone())
}

fn link(a: &Snapshot, b: &Snapshot, before: &Link, now: &Link, changes: &mut Changes) {
    let name_of = |snapshot: &Snapshot, index: Option<u32>| {
        index.map_or_else(|| "none".to_owned(), |index| name(snapshot, index))
    };
    let up = |up: bool| if up { "up" } else { "down" };
    let who = now.name.as_str();
    let mut say = |text: String| changes.say(Source::Links, Some(who), format!("{who}: {text}"));
    if before.admin_up != now.admin_up {
        say(format!("administratively {}", was(up(now.admin_up), up(before.admin_up))));
    } else if before.carrier != now.carrier && now.driver().is_none() {
        say(format!("carrier {}", was(up(now.carrier), up(before.carrier))));
    }
    // A text without `-d` does not say what its devices are.
    let is_known = |link: &Link| match &link.kind {
        // Earlier captures have the name of the kind of an IP tunnel alone.
        LinkKind::Other { info_kind } => {
            !info_kind.is_empty() && IpTunnelKind::named(info_kind).is_none()
        }
        _ => true,
    };
    let (old, new) = match is_known(before) && is_known(now) {
        true => (kind(a, before), kind(b, now)),
        false => (Vec::new(), Vec::new()),
    };
    let fields = new.iter().zip(&old).filter(|(new, old)| new != old);
    fields.for_each(|(new, old)| say(was(new, old)));
    if old.len() != new.len() {
        say(format!("kind {}", was(new.join(" "), old.join(" "))));
    }
    if before.mtu != now.mtu {
        say(format!("MTU {}", was(now.mtu, before.mtu)));
    }
    let (old, new) = (name_of(a, before.master), name_of(b, now.master));
    if old != new {
        say(format!("VRF or bridge {}", was(new, old)));
    }
    if before.link_netnsid.is_some() != now.link_netnsid.is_some() {
        let works = |link: &Link| {
            if link.link_netnsid.is_some() {
                "another network namespace"
            } else {
                "this network namespace"
            }
        };
        say(format!("its policies and SAs are in {}", was(works(now), works(before))));
    }
    if let (Some(old), Some(new)) = (&before.ipv4, &now.ipv4) {
        ipv4(old, new).into_iter().for_each(&mut say);
    }
    if let (Some(old), Some(new)) = (&before.ipv6, &now.ipv6) {
        if old.disable_ipv6 != new.disable_ipv6 {
            say(format!(
                "disable_ipv6 {}",
                was(u8::from(new.disable_ipv6), u8::from(old.disable_ipv6))
            ));
        }
    }
    if let (Some(old), Some(new)) = (&before.statistics, &now.statistics) {
        let counters = [
            ("tx_errors", old.tx_errors, new.tx_errors),
            ("tx_carrier_errors", old.tx_carrier_errors, new.tx_carrier_errors),
            ("tx_dropped", old.tx_dropped, new.tx_dropped),
            ("rx_errors", old.rx_errors, new.rx_errors),
            ("rx_dropped", old.rx_dropped, new.rx_dropped),
        ];
        for (counter, old, new) in counters {
            if new > old {
                changes.count(
                    Source::Links,
                    Some(who),
                    format!("{who}: {counter} {}", was(new, old)),
                );
            }
        }
    }
}

fn ipv4(old: &Ipv4Configuration, new: &Ipv4Configuration) -> Vec<String> {
    let settings = [
        ("disable_xfrm", u32::from(old.disable_xfrm), u32::from(new.disable_xfrm)),
        ("disable_policy", u32::from(old.disable_policy), u32::from(new.disable_policy)),
        ("forwarding", u32::from(old.forwarding), u32::from(new.forwarding)),
        ("rp_filter", old.rp_filter, new.rp_filter),
    ];
    let changed = settings.into_iter().filter(|(_, old, new)| old != new);
    changed.map(|(setting, old, new)| format!("{setting} {}", was(new, old))).collect()
}

/// What a device is, field by field.
fn kind(of: &Snapshot, link: &Link) -> Vec<String> {
    match &link.kind {
        LinkKind::Vti(device) | LinkKind::Vti6(device) => vec![
            format!("local {}", device.local),
            format!("remote {}", device.remote),
            format!("input mark {:#x}", device.input_mark),
            format!("output mark {:#x}", device.output_mark),
            format!("bound to {}", name(of, device.link)),
        ],
        LinkKind::Xfrm(device) => {
            vec![format!("if_id {}", device.if_id), format!("bound to {}", name(of, device.link))]
        }
        LinkKind::IpTunnel(device) => vec![
            format!("local {}", device.local),
            format!("remote {}", device.remote),
            format!("bound to {}", name(of, device.link)),
        ],
        LinkKind::Vrf { table } => vec![format!("table {table}")],
        LinkKind::Other { .. } => Vec::new(),
    }
}

fn sysctls(a: &Sysctls, b: &Sysctls, changes: &mut Changes) {
    let switches = [
        (Source::LarvalDrop, &a.xfrm_larval_drop, &b.xfrm_larval_drop),
        (Source::AllDisableXfrm, &a.all_disable_xfrm, &b.all_disable_xfrm),
        (Source::AllDisablePolicy, &a.all_disable_policy, &b.all_disable_policy),
    ];
    for (source, before, now) in switches {
        if let Some((before, now)) = changes.both(before, now) {
            setting(source, u32::from(*before), u32::from(*now), changes);
        }
    }
    if let Some((before, now)) = changes.both(&a.all_rp_filter, &b.all_rp_filter) {
        setting(Source::RpFilter, *before, *now, changes);
    }
}

fn setting(source: Source, before: u32, now: u32, changes: &mut Changes) {
    if before != now {
        changes.say(source, None, format!("{} {}", source.name(), was(now, before)));
    }
}
