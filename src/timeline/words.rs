//! The kernel's messages as text, for the events of an episode.

use crate::snapshot::notification::Notification;
use crate::snapshot::{Policy, Sa};

/// What happened; none if it is no event of a tunnel.
pub fn event(notification: &Notification) -> Option<String> {
    let sa = |a: &Sa, what| format!("SA {} from {} to {} {what}", a.spi, a.source, a.destination);
    let policy = |p: &Policy, what| {
        let direction = match p.direction {
            crate::snapshot::PolicyDirection::Out => "out",
            crate::snapshot::PolicyDirection::In => "in",
            _ => "fwd",
        };
        format!("policy {direction} {} {what}", p.selector)
    };
    Some(match notification {
        Notification::SaAdded(a) | Notification::SaUpdated(a) => sa(a, "installed"),
        Notification::SaDeleted(a) => sa(a, "deleted"),
        Notification::SaExpired(a) => sa(a, "expired"),
        Notification::SasFlushed(_) => "all SAs flushed".into(),
        Notification::PolicyAdded(p) => policy(p, "installed"),
        Notification::PolicyDeleted(p) => policy(p, "deleted"),
        Notification::PoliciesFlushed => "all policies flushed".into(),
        Notification::RouteAdded(r) => {
            format!("route {} in table {} added", r.destination, r.table)
        }
        Notification::RouteDeleted(r) => {
            format!("route {} in table {} deleted", r.destination, r.table)
        }
        Notification::LinkDeleted { name, .. } => format!("link {name} deleted"),
        Notification::LinkChanged(_)
        | Notification::AddressAdded(_)
        | Notification::AddressDeleted(_) => return None,
    })
}
