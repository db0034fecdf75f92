//! Which causes explain packets that are refused on arrival, and which counters such packets raise. Sources: the effects of the receive model's
//! sites (`way::receive::Site::effect`) behind each code, and the signatures of the laboratory's receive scenarios, which compare them.

use crate::code::Code;
use crate::snapshot::Driver;

/// Counters that packets raise which are refused for one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raises {
    /// rx_errors and rx_dropped of the interface.
    pub device: bool,
    /// Counters of `/proc/net/xfrm_stat` where none of the interface rises.
    pub host: &'static [&'static str],
}

/// What refused packets of this cause raise on an interface of this driver; none for a cause that is none of a refusal.
///
/// A vti is known before the SA, an xfrm interface only by it, and its policies are asked after the interface has counted the packet as received.
pub(super) const fn raised(code: Code, driver: Driver) -> Option<Raises> {
    let is_vti = !matches!(driver, Driver::Xfrm);
    let (device, host): (bool, &'static [&'static str]) = match code {
        Code::IntegrityFailures | Code::ReplayDrops | Code::InboundLossesUnexplained => (true, &[]),
        Code::NoInboundAssociation => (is_vti, if is_vti { &[] } else { &["XfrmInNoStates"] }),
        Code::NoInboundPolicy => (is_vti, if is_vti { &[] } else { &["XfrmInNoPols"] }),
        Code::InboundAssociationMismatch => (
            true,
            if is_vti {
                &[]
            } else {
                &["XfrmInNoPols", "XfrmInNoStates", "XfrmInStateDirError", "XfrmInStateMismatch"]
            },
        ),
        // On a vti also the encrypted packet itself, which no counter of the interface has.
        Code::InboundPolicyMismatch => {
            (is_vti, &["XfrmInTmplMismatch", "XfrmInPolBlock", "XfrmInNoPols"])
        }
        Code::NotTakenByTheInterface => {
            (false, &["XfrmInNoStates", "XfrmInNoPols", "XfrmInTmplMismatch"])
        }
        _ => return None,
    };
    Some(Raises { device, host })
}

/// Whether packets of this cause raise a counter of the host, and none of the interface.
pub(super) fn raises(code: Code, driver: Driver, counter: &str) -> bool {
    raised(code, driver).is_some_and(|raises| raises.host.contains(&counter))
}
