//! Takes addresses and names out of a capture so that it can be shown to others, and its diagnosis stays the same.
//! It goes over the written form, not over the types: a string at a place that is not known here is refused, never passed on.

use super::{Capture, address};
use crate::error::{Error, Result};
use crate::snapshot::{LinkKind, Snapshot};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// The capture with addresses, the host's name, and names of interfaces replaced, each always by the same; texts of the system on failed
/// reads are left out. Numbers, marks, SPIs, counters and versions stay. The key is new with each call and not kept.
///
/// # Errors
/// `DataUnavailable` where the capture has a text of which it is not known how to replace it.
pub fn redact(capture: &Capture) -> Result<Capture> {
    redact_with(capture, &RandomState::new())
}

/// [`redact`] with a given key.
///
/// # Errors
/// As [`redact`].
pub fn redact_with(capture: &Capture, key: &impl BuildHasher) -> Result<Capture> {
    let failed = |why: String| Error::DataUnavailable(format!("cannot redact the capture: {why}"));
    let mut tree = serde_json::to_value(capture).map_err(|error| failed(error.to_string()))?;
    let redaction = Redaction { key, names: names(&capture.snapshots) };
    redaction.walk(&mut tree, "", "").map_err(failed)?;
    let redacted: Capture =
        serde_json::from_value(tree).map_err(|error| failed(error.to_string()))?;
    Ok(Capture { redacted: true, ..redacted })
}

/// What becomes of a string by its place.
enum Kind {
    /// A word of this program or of the kernel, a version, a number in hexadecimal.
    Safe,
    Hostname,
    InterfaceName,
    /// The system's words, which may quote anything.
    FreeText,
    /// An address or a prefix, or it is refused.
    Address,
}

/// The kind of the string with this key in this object (of this list).
fn kind(object: &str, key: &str) -> Kind {
    match (object, key) {
        ("host", "hostname") => Kind::Hostname,
        ("links" | "proc_net_dev" | "cleared", "name") | ("rules", "iif" | "oif") => {
            Kind::InterfaceName
        }
        ("missing", "detail") => Kind::FreeText,
        ("", "tool_version")
        | ("host", "kernel_release" | "vyos_version")
        | ("links", "kind" | "info_kind" | "oper_state")
        | ("rules", "family" | "fwmark")
        | ("routes" | "answer", "type")
        | ("answer", "answer")
        | ("associations", "spi" | "mode" | "family" | "mark" | "set_mark" | "direction")
        | ("policies", "direction" | "action" | "policy_type" | "mark")
        | ("selector", "family")
        | ("templates", "spi" | "mode" | "family")
        | ("default_policies", "inbound" | "forward" | "outbound")
        | ("xfrm_statistics", "name")
        | ("missing", "source" | "reason") => Kind::Safe,
        _ => Kind::Address,
    }
}

struct Redaction<'k, K> {
    key: &'k K,
    names: BTreeMap<String, String>,
}

impl<K: BuildHasher> Redaction<'_, K> {
    /// Replaces every string under `value`, which is at `key` in `object`.
    fn walk(&self, value: &mut Value, object: &str, key: &str) -> std::result::Result<(), String> {
        match value {
            Value::String(text) => {
                *text = self.replaced(text, object, key)?;
                Ok(())
            }
            Value::Array(list) => list.iter_mut().try_for_each(|v| self.walk(v, object, key)),
            Value::Object(map) => {
                // `seen` only says that the value was read; the place is that of the field.
                let object = if key == "seen" { object } else { key };
                map.iter_mut().try_for_each(|(key, value)| self.walk(value, object, key))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn replaced(&self, text: &str, object: &str, key: &str) -> std::result::Result<String, String> {
        match kind(object, key) {
            Kind::Safe => Ok(text.to_string()),
            Kind::Hostname => Ok("host".to_string()),
            Kind::FreeText => Ok(String::new()),
            Kind::InterfaceName => match self.names.get(text) {
                Some(name) => Ok(name.clone()),
                None => Err(format!("{object}.{key}: an interface name that was not counted")),
            },
            Kind::Address => {
                let address =
                    text.parse().map(|a: IpAddr| address::address(self.key, a).to_string());
                let prefix =
                    || text.parse().map(|p: IpNet| address::prefix(self.key, p).to_string());
                address.or_else(|_| prefix()).map_err(|_| {
                    format!("{object}.{key}: expected an address, and no other text is known there")
                })
            }
        }
    }
}

/// What stands for each interface name: itself if it says nothing, else `vrf1` for a VRF and `if1` for others, counted by ifindex; last
/// come names that only rules, `/proc/net/dev` and cleared counters have.
fn names(snapshots: &[Snapshot]) -> BTreeMap<String, String> {
    let mut links: Vec<(u32, &str, bool)> = snapshots
        .iter()
        .flat_map(|s| s.links.iter().flatten())
        .map(|l| (l.ifindex, l.name.as_str(), matches!(l.kind, LinkKind::Vrf { .. })))
        .collect();
    // Stable, so that where an index changed its name the earlier snapshot comes first.
    links.sort_by_key(|(ifindex, ..)| *ifindex);
    let rules = snapshots.iter().flat_map(|s| s.rules.iter().flatten());
    let in_rules = rules.flat_map(|r| [r.iif.as_deref(), r.oif.as_deref()]).flatten();
    let rows = snapshots.iter().flat_map(|s| s.proc_net_dev.iter().flatten());
    let cleared = snapshots.iter().flat_map(|s| &s.cleared).map(|c| c.name.as_str());
    let mut others: Vec<&str> =
        rows.map(|r| r.name.as_str()).chain(in_rules).chain(cleared).collect();
    others.sort_unstable();

    let (mut names, mut interfaces, mut vrfs) = (BTreeMap::new(), 0_u32, 0_u32);
    let all = links.into_iter().map(|(_, name, is_vrf)| (name, is_vrf));
    for (name, is_vrf) in all.chain(others.into_iter().map(|name| (name, false))) {
        if names.contains_key(name) {
            continue;
        }
        let token = if is_generic(name) {
            name.to_string()
        } else if is_vrf {
            vrfs += 1;
            format!("vrf{vrfs}")
        } else {
            interfaces += 1;
            format!("if{interfaces}")
        };
        names.insert(name.to_string(), token);
    }
    names
}

/// Names that the kernel or every system gives: a usual stem and a number. They show what a device is and nothing of its owner.
fn is_generic(name: &str) -> bool {
    const STEMS: &[&str] = &["vti", "xfrm", "ipsec", "eth", "wg", "tun", "bond", "br", "dum", "lo"];
    const FALLBACK: &[&str] = &[
        "ip_vti0", "ip6_vti0", "gre0", "gretap0", "erspan0", "ip6gre0", "tunl0", "ip6tnl0", "sit0",
    ];
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    STEMS.contains(&stem) || FALLBACK.contains(&name)
}
