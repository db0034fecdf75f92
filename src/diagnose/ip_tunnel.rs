//! One IP tunnel (GRE, IPIP, 6in4, …) under diagnosis, and which causes are judged for it. It encrypts nothing, so that what concerns the SAs of
//! a VTI does not arise. It judges nothing itself.

use crate::code::Code;
use crate::snapshot::{IpTunnel, Link, Missing, Observed, Reason, Source};
use crate::tunnel::State;
use crate::way::ip_tunnel::{self, End};

/// The causes that exist for an IP tunnel: its own, those in which its outer packet is a packet as any other, and errors that none of these
/// explains.
const JUDGED: [Code; 6] = [
    Code::TunnelRemoteUnreachable,
    Code::PolicyBlocks,
    Code::NoSecurityAssociation,
    Code::TunnelLoopsIntoItself,
    Code::PastErrorsOnly,
    Code::Unexplained,
];

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

/// Why the cause of `code` does not exist for an IP tunnel; none where it does.
pub(super) fn not_applicable(code: Code) -> Option<&'static str> {
    (!JUDGED.contains(&code))
        .then_some("the interface is an IP tunnel without SAs of its own, no VTI")
}
