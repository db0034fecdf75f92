//! Sysctls of a text: those of the host, and those of each interface. What the text does not name is not set here.

use super::entry::Entry;
use super::moments::Entries;
use crate::snapshot::{Ipv4Configuration, Ipv6Configuration, Link, Snapshot};
use std::collections::HashMap;

/// The sysctls of a text, by key.
#[derive(Debug, Default)]
pub(super) struct Settings<'a>(HashMap<&'a str, i64>);

impl<'a> Settings<'a> {
    /// Those of a moment.
    pub(super) fn of(entries: Option<&Entries<'a>>) -> Self {
        let pairs = entries.into_iter().flatten().filter_map(|entry| match entry {
            Entry::Sysctl { key, value } => Some((key.as_str(), *value)),
            _ => None,
        });
        Self(pairs.collect())
    }

    fn get(&self, key: &str) -> Option<i64> {
        self.0.get(key).copied()
    }

    /// The sysctls of the host. That XFRM is on everywhere is known only where each interface says so, too.
    pub(super) fn fill(&self, now: &mut Snapshot) {
        let unsigned = |key: &str| self.get(key).and_then(|value| u32::try_from(value).ok());
        let all = |name: &str| format!("net.ipv4.conf.all.{name}");
        if let Some(value) = unsigned("net.core.xfrm_larval_drop") {
            now.sysctls.xfrm_larval_drop = Ok(value != 0);
        }
        if let Some(value) = unsigned("net.core.xfrm_acq_expires") {
            now.sysctls.xfrm_acq_expires = Ok(value);
        }
        if let Some(value) = unsigned(&all("disable_xfrm")) {
            now.sysctls.all_disable_xfrm = Ok(value != 0);
        }
        if let Some(value) = unsigned(&all("disable_policy")) {
            now.sysctls.all_disable_policy = Ok(value != 0);
        }
        if let Some(value) = unsigned(&all("rp_filter")) {
            now.sysctls.all_rp_filter = Ok(value);
        }
    }

    /// The settings of an interface. sysctl(8) prints a slash where its name has a dot.
    pub(super) fn device(&self, link: &mut Link) {
        let name = link.name.replace('.', "/");
        let of = |family: &str, key: &str| self.get(&format!("net.{family}.conf.{name}.{key}"));
        let is = |family: &str, key: &str| of(family, key).is_some_and(|value| value != 0);
        if of("ipv4", "disable_xfrm").is_some() {
            link.ipv4 = Some(Ipv4Configuration {
                disable_xfrm: is("ipv4", "disable_xfrm"),
                disable_policy: is("ipv4", "disable_policy"),
                forwarding: is("ipv4", "forwarding"),
                rp_filter: of("ipv4", "rp_filter")
                    .and_then(|value| value.try_into().ok())
                    .unwrap_or(0),
            });
        }
        let number =
            |key: &str| of("ipv6", key).and_then(|value| i32::try_from(value).ok()).unwrap_or(0);
        if of("ipv6", "disable_ipv6").is_some() {
            link.ipv6 = Some(Ipv6Configuration {
                disable_ipv6: is("ipv6", "disable_ipv6"),
                forwarding: is("ipv6", "forwarding"),
                accept_ra: number("accept_ra"),
                router_solicitations: number("router_solicitations"),
                mtu: of("ipv6", "mtu").and_then(|value| value.try_into().ok()).unwrap_or(0),
            });
        }
    }
}
