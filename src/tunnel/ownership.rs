//! To which interface an SA or a policy belongs: the one place that decides it. Pure comparisons, as the kernel makes them; it knows no lists.
//!
//! The kernel checks two things of an SA: whether the mark or the if_id of the interface finds it at all ([`MarkOrIfId::admits_sa`]), and
//! whether the template of the policy that matched requires it ([`Asked`]). An SA with the interface's own mark or if_id belongs to the
//! interface ([`MarkOrIfId::names_sa`]). An SA without a mark can serve every vti: it belongs to those whose policies have a template that
//! selects it.

use crate::snapshot::{
    Direction, IfId, LinkKind, Mark, Mode, Policy, PolicyDirection, ReqId, Sa, Spi, Template,
};
use std::net::IpAddr;

/// What selects the policies and SAs of a VTI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkOrIfId {
    /// vti, vti6: marks.
    Mark {
        /// i_key.
        input: u32,
        /// o_key.
        output: u32,
    },
    /// xfrm.
    IfId(IfId),
}

impl std::fmt::Display for MarkOrIfId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MarkOrIfId::Mark { input, output } if input == output => write!(f, "mark {output:#x}"),
            MarkOrIfId::Mark { input, output } => {
                write!(f, "output mark {output:#x}, input mark {input:#x}")
            }
            MarkOrIfId::IfId(if_id) => write!(f, "if_id {if_id}"),
        }
    }
}

impl MarkOrIfId {
    /// The mark or if_id of a link; none if the link is no VTI.
    pub const fn of(kind: &LinkKind) -> Option<Self> {
        match kind {
            LinkKind::Vti(keys) | LinkKind::Vti6(keys) => {
                Some(MarkOrIfId::Mark { input: keys.input_mark, output: keys.output_mark })
            }
            LinkKind::Xfrm(device) => Some(MarkOrIfId::IfId(device.if_id)),
            _ => None,
        }
    }

    /// The if_id that its policies and outbound SAs must have: 0 for vti and vti6.
    pub const fn if_id(self) -> IfId {
        match self {
            MarkOrIfId::Mark { .. } => IfId(0),
            MarkOrIfId::IfId(if_id) => if_id,
        }
    }

    /// The mark that vti and vti6 put on a flow for the lookups of this direction; none for xfrm, which leaves the packet's own.
    pub const fn mark(self, direction: Direction) -> Option<u32> {
        match (self, direction) {
            (MarkOrIfId::Mark { input, .. }, Direction::In) => Some(input),
            (MarkOrIfId::Mark { output, .. }, Direction::Out) => Some(output),
            (MarkOrIfId::IfId(_), _) => None,
        }
    }

    /// Whether a policy is the interface's own. For marks: it admits the mark and requires at least one bit of it, because a policy without a
    /// mark belongs to all interfaces. For xfrm with any mark: a policy that also requires a packet mark is still the interface's own.
    pub const fn owns_policy(self, direction: PolicyDirection, if_id: IfId, mark: Mark) -> bool {
        let direction = match direction {
            PolicyDirection::Out => Direction::Out,
            PolicyDirection::In | PolicyDirection::Forward => Direction::In,
            PolicyDirection::SocketIn | PolicyDirection::SocketOut => return false,
        };
        if_id.0 == self.if_id().0 && self.asks_for(direction, mark)
    }

    /// Whether a lookup for the interface finds an SA with this mark and if_id: outbound `xfrm_state_find()` (for a policy with the whole
    /// mark), inbound `xfrm_input()` and the device's receive side. Inbound, vti and vti6 compare only the mark.
    pub const fn admits_sa(self, direction: Direction, if_id: IfId, mark: Mark) -> bool {
        match self.mark(direction) {
            None => if_id.0 == self.if_id().0,
            Some(own) => mark.admits(own) && (matches!(direction, Direction::In) || if_id.0 == 0),
        }
    }

    /// Whether an SA has the interface's own mark or if_id, so that its interface is known without a template.
    pub const fn names_sa(self, direction: Direction, if_id: IfId, mark: Mark) -> bool {
        self.admits_sa(direction, if_id, mark) && self.asks_for(direction, mark)
    }

    /// Whether this mark admits the interface's mark and requires it; an interface without a mark needs no requirement.
    const fn asks_for(self, direction: Direction, mark: Mark) -> bool {
        match self.mark(direction) {
            None => true,
            Some(own) => mark.admits(own) && (mark.mask != 0 || own == 0),
        }
    }
}

/// Whether the mark of a policy lets an SA with `mark` serve it: `(pol.v & pol.m & x.m) == x.v`.
pub const fn serves(policy: Mark, mark: Mark) -> bool {
    mark.admits(policy.value & policy.mask)
}

/// What a template requires of an SA, as far as it does not depend on the packet: the comparisons of `xfrm_state_find()`. The source is not
/// among them, because the kernel's second walk does not compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The SA's reqid. It is first, because most SAs differ in it.
    pub reqid: ReqId,
    /// The SA's destination.
    pub destination: IpAddr,
    if_id: IfId,
    /// The mark of the policy.
    mark: Mark,
    mode: Mode,
    protocol: u8,
    /// 0: any SPI.
    spi: Spi,
}

impl Asked {
    /// What this template of this policy requires.
    pub const fn of(policy: &Policy, template: &Template) -> Self {
        let Policy { if_id, mark, .. } = *policy;
        let Template { destination, reqid, mode, protocol, spi, .. } = *template;
        Self { destination, reqid, if_id, mark, mode, protocol, spi }
    }

    /// Whether the SA matches.
    pub fn selects(&self, sa: &Sa) -> bool {
        sa.destination == self.destination
            && sa.reqid == self.reqid
            && sa.if_id == self.if_id
            && serves(self.mark, sa.mark)
            && sa.mode == self.mode
            && sa.protocol == self.protocol
            && (self.spi == Spi(0) || self.spi == sa.spi)
    }
}
