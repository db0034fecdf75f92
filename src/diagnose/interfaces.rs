//! Which interfaces are VTIs where only names are known, and the error for a name that is no VTI.

use crate::error::Error;
use crate::snapshot::{IpTunnelKind, LinkKind, Snapshot};
pub(super) use crate::way::transmit::infer::{is_fallback_name, is_vti_name};

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
