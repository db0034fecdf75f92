//! Hosts behind a tunnel: one for each prefix that is routed into it, taken from the flows that were tried. It tries none itself.

use super::flows::{self, Origin, Trace};
use crate::snapshot::Observed;
use crate::tunnel::Tunnel;
use std::net::IpAddr;

/// So many remote prefixes of a tunnel are asked about.
const MOST: usize = 2;

/// A host behind the tunnel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote {
    pub address: IpAddr,
    /// The source that this host would use to it.
    pub local: IpAddr,
}

/// One for each prefix that is routed into the tunnel and that the model sends, but for that of the interface itself.
pub(super) fn of(tunnel: &Tunnel<'_>, tried: &[Trace]) -> Observed<Vec<Remote>> {
    let own = flows::own_prefixes(tunnel)?;
    let is_other = |origin: &Origin| match origin {
        Origin::Routed(prefix) => !own.contains(prefix),
        _ => false,
    };
    let routed = tried.iter().filter(|trace| is_other(&trace.origin));
    let remotes =
        routed.map(|trace| Remote { address: trace.flow.destination, local: trace.flow.source });
    Ok(remotes.take(MOST).collect())
}
