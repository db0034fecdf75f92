//! One IP tunnel (GRE, IPIP, 6in4, …) under diagnosis. It judges nothing itself: which causes exist for one is in
//! `checks::of_ip_tunnel`.

use crate::snapshot::{IpTunnel, Link, Missing, Observed, Reason, Source};
use crate::tunnel::State;
use crate::way::ip_tunnel::{self, End};

/// One IP tunnel.
pub(super) struct IpTunnelState<'a> {
    /// The whole state.
    pub state: &'a State<'a>,
    /// The device.
    pub link: &'a Link,
    /// What it is.
    pub device: &'a IpTunnel,
    /// Where its packets end.
    pub end: Observed<End>,
}

impl<'a> IpTunnelState<'a> {
    /// Of a link, if it is an IP tunnel.
    pub fn of(state: &'a State<'a>, link: &'a Link) -> Option<Self> {
        let device = link.ip_tunnel()?;
        Some(Self { state, link, device, end: ip_tunnel::end(state, link, device) })
    }

    /// Why there is no VTI of this name.
    pub fn is_no_vti(&self) -> Missing {
        let detail = format!("{} is a {} device", self.link.name, self.device.info_kind.name());
        Missing::new(Source::Links, Reason::Absent, detail)
    }

    /// The name of the VRF that it is bound to, for `ip route get`; none where it is bound to another device, or to none.
    pub fn vrf(&self) -> Option<&'a str> {
        let bound = self.state.link(self.device.link).ok()??;
        matches!(bound.kind, crate::snapshot::LinkKind::Vrf { .. }).then_some(bound.name.as_str())
    }
}
