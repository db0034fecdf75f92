//! The size that the outer path leaves for an inner packet: arithmetic that VTI-202, VTI-203 and VTI-602 share.

use super::Case;
use crate::report::Confidence;
use crate::snapshot::{Observed, RouteAnswer, Snapshot};
use crate::units::BYTE;
use crate::way::esp;

/// The MTU of the interface, compared with that of its outer path.
pub(super) struct MtuHeadroom {
    /// MTU of the interface.
    interface: u32,
    /// MTU of the outer path: the route's, or else the outer device's.
    path: u32,
    /// Least and most bytes that ESP adds to a packet as large as the interface's MTU; the same where the algorithms are known.
    overhead: (u32, u32),
    /// The algorithms, where they are known.
    algorithms: Vec<String>,
    /// The largest packet that certainly fits.
    largest: u32,
    /// Whether it goes in UDP, which takes 8 of them.
    in_udp: bool,
}

impl MtuHeadroom {
    /// The outer path with the smallest MTU among the interface's outbound SAs; none if no SA has a route.
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
                let in_udp = sa.encapsulation.is_some();
                let interface = tunnel.link.mtu;
                let overhead = esp::added(&[sa], interface);
                let algorithms = sa.algorithms.iter().map(|a| a.name.clone()).collect();
                let (largest, _) = esp::room(&[sa], path);
                tightest = Some(Self { interface, path, overhead, algorithms, largest, in_udp });
            }
        }
        Ok(tightest)
    }

    /// Whether a packet as large as the interface's MTU fits with the algorithms that add least.
    pub const fn may_fit(&self) -> bool {
        self.interface.saturating_add(self.overhead.0) <= self.path
    }

    /// Whether such a packet fits with every algorithm that IKE negotiates: their integrity values have at most 32 bytes (HMAC-SHA2-512-256,
    /// RFC 4868), and the 64 that the overhead counts only manual keys can have.
    pub const fn fits(&self) -> bool {
        const NEVER_NEGOTIATED: u32 = 64 - 32;
        let (least, most) = self.overhead;
        let most = if least == most { most } else { most.saturating_sub(NEVER_NEGOTIATED) };
        self.interface.saturating_add(most) <= self.path
    }

    /// How sure it is that packets are too big, where the device refused some and they do not all fit for certain.
    pub const fn confidence(&self) -> Confidence {
        if self.may_fit() { Confidence::Possible } else { Confidence::Consistent }
    }

    /// An MTU that fits: the largest where the algorithms are known, else one for the usual algorithms (AES-GCM or CBC with SHA-2): 73 to 90
    /// bytes, rounded down to tens.
    pub const fn advice(&self) -> u32 {
        if self.overhead.0 == self.overhead.1 {
            return self.largest;
        }
        let fits = self.path.saturating_sub(if self.overhead.0 >= 50 { 120 } else { 100 });
        fits - fits % 10
    }

    /// As text.
    pub fn words(&self, name: &str) -> String {
        let Self { interface, path, overhead: (least, most), algorithms, in_udp, .. } = self;
        let esp = if *in_udp { "ESP in UDP" } else { "ESP" };
        let (adds, with) = match least == most {
            true => (BYTE.of(*most), format!(" with {}", algorithms.join(" and "))),
            false => (format!("{least} to {}", BYTE.of(*most)), String::new()),
        };
        format!(
            "{name} has MTU {interface}, its outer path has MTU {path}, and {esp} adds {adds}{with}"
        )
    }
}
