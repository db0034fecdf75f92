//! Which interfaces are VTIs where only names are known, and the error for a name that is no VTI.

use crate::error::Error;
use crate::snapshot::{IpTunnelKind, LinkKind, Snapshot};

/// Why there is no VTI of this name.
pub fn no_such_interface(now: &Snapshot, name: &str) -> Error {
    match &now.links {
        Err(_) if now.proc_net_dev.is_ok() => {
            Error::UnconfiguredObject(format!("interface {name} has no row in /proc/net/dev"))
        }
        Err(missing) => Error::DataUnavailable(format!(
            "cannot check whether interface {name} exists: {missing}"
        )),
        Ok(links) => Error::UnconfiguredObject(match links.iter().find(|l| l.name == name) {
            // Earlier versions read no more of it than that.
            Some(link) => match &link.kind {
                LinkKind::Other { info_kind } if IpTunnelKind::named(info_kind).is_some() => {
                    format!(
                        "the addresses of {name}, a {info_kind} device, are not in this capture"
                    )
                }
                _ => format!("interface {name} is not a VTI: its kind is not vti, vti6 or xfrm"),
            },
            None => format!("interface {name} does not exist"),
        }),
    }
}

/// The device that ip_vti or ip6_vti creates in each namespace when the module is loaded.
pub(super) fn is_fallback_name(name: &str) -> bool {
    ["ip_vti0", "ip6_vti0"].contains(&name)
}

/// Where only names are known: names that VyOS and common practice give to VTIs.
pub(super) fn is_vti_name(name: &str) -> bool {
    let numbered = |prefix: &str| {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_digit()))
    };
    is_fallback_name(name) || ["vti", "xfrm", "ipsec"].into_iter().any(numbered)
}
