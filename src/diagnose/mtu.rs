//! What the outer path leaves for an inner packet: arithmetic that VTI-202, VTI-203 and VTI-602 share.

use super::Case;
use crate::snapshot::{Observed, RouteAnswer, Snapshot};
use crate::units::BYTE;
use crate::way::transmit::overhead;

/// The MTU of the interface against that of its outer path.
pub(super) struct MtuHeadroom {
    /// MTU of the interface.
    interface: u32,
    /// MTU of the outer path: the route's, else the outer device's.
    path: u32,
    /// Least and most bytes that ESP adds.
    overhead: (u32, u32),
}

impl MtuHeadroom {
    /// The tightest outer path of the interface's outbound SAs; none where it has no SA with a route.
    pub fn of(case: &Case<'_>) -> Observed<Option<Self>> {
        let tunnel = case.tunnel()?;
        let vrf = tunnel.outer_vrf()?.map(|l| l.ifindex);
        let mut tightest: Option<Self> = None;
        for sa in tunnel.outbound_sas()? {
            let query = Snapshot::outer_query(sa, vrf, tunnel.lookup_mark(0));
            let Ok(RouteAnswer::Route { oif, mtu, .. }) = tunnel.state.route(&query) else {
                continue;
            };
            let device = tunnel.state.link(*oif)?.map(|l| l.mtu);
            let Some(path) = mtu.or(device) else { continue };
            if tightest.as_ref().is_none_or(|t| path < t.path) {
                tightest =
                    Some(Self { interface: tunnel.link.mtu, path, overhead: overhead(&[sa]) });
            }
        }
        Ok(tightest)
    }

    /// Whether a packet of the interface's MTU fits for certain, with any algorithm.
    pub fn fits(&self) -> bool {
        self.interface.saturating_add(self.overhead.0) <= self.path
    }

    /// An MTU that fits with the usual algorithms (AES-GCM or CBC with SHA-2): 73 to 90 bytes, rounded down to tens.
    pub const fn advice(&self) -> u32 {
        let fits = self.path.saturating_sub(if self.overhead.0 >= 50 { 120 } else { 100 });
        fits - fits % 10
    }

    /// The VyOS command for it.
    pub fn set_mtu(&self) -> String {
        format!("set interfaces vti IFACE mtu {}", self.advice())
    }

    /// In words.
    pub fn words(&self, name: &str) -> String {
        let Self { interface, path, overhead: (least, most) } = self;
        format!(
            "{name} has MTU {interface}, its outer path {path}, and ESP adds {least} to {}",
            BYTE.of(*most)
        )
    }
}
