//! Follows the kernel for the recorder and `drops`: its messages about changes, and the counters of the VTIs only. It decides nothing.

use super::failure::Failure;
use super::listen::Listener;
use super::socket::{Dump, PATIENCE, ROUTE};
use crate::snapshot::{
    Driver, KernelCounter, Link, Observed, Reason, RouteLookup, RouteQuery, Sa, Snapshot, Source,
};
use crate::wire::link;
use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};

pub use super::listen::Received;

/// Messages taken in one go; then the caller checks the time and its counters.
const MOST: usize = 4096;

/// The kernel's messages about changes.
pub struct Changes {
    route: Listener,
    xfrm: Listener,
}

impl Changes {
    /// Joins the groups. From then on every change is received, unless `lost` is set.
    ///
    /// # Errors
    /// The error of the system: listening to XFRM needs CAP_NET_ADMIN.
    pub fn subscribe() -> Observed<Self> {
        let route = Listener::route().map_err(|failure| {
            failure.in_operation("listen to NETLINK_ROUTE").missing(Source::Links)
        })?;
        let xfrm = Listener::xfrm().map_err(|failure| {
            failure.in_operation("listen to NETLINK_XFRM").missing(Source::SecurityAssociations)
        })?;
        Ok(Self { route, xfrm })
    }

    /// The descriptors to wait on: each is readable when there is something to receive.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.route.as_fd(), self.xfrm.as_fd()]
    }

    /// Discards the waiting messages. After a loss of messages those that wait are older than the loss: processed after the state was read
    /// again, they would report SAs that no longer exist.
    pub fn discard(&mut self) {
        self.xfrm.discard();
        self.route.discard();
    }

    /// Takes the waiting messages, without waiting for more: the changes of XFRM first.
    pub fn receive(&mut self) -> Received {
        let mut received = Received::default();
        self.xfrm.receive(MOST, &mut received);
        self.route.receive(MOST, &mut received);
        received
    }
}

/// The links of these drivers with their counters: the kernel leaves out all other links and the statistics of IPv6.
pub fn vtis(drivers: &BTreeSet<Driver>) -> Observed<Vec<Link>> {
    let mut all = Vec::new();
    for driver in drivers {
        let kind = match driver {
            Driver::Vti => "vti",
            Driver::Vti6 => "vti6",
            Driver::Xfrm => "xfrm",
        };
        let dump = Dump {
            name: "RTM_GETLINK",
            protocol: ROUTE,
            request: link::question_of_kind(kind),
            answer: link::NEWLINK,
            patience: PATIENCE,
        };
        let decode = |payload: &[u8], links: &mut Vec<Link>| -> Result<(), Failure> {
            let link = link::decode(payload)?;
            // A kernel that no longer knows the kind leaves nothing out.
            if link.driver() == Some(*driver) {
                links.push(link);
            }
            Ok(())
        };
        all.extend(dump.read(decode).map_err(|failure| failure.missing(Source::Links))?);
    }
    Ok(all)
}

/// All SAs with their counters. Keys are skipped, as in each dump.
pub fn sas() -> Observed<Vec<Sa>> {
    super::xfrm::sas()
}

/// The counters of `/proc/net/xfrm_stat`.
pub fn xfrm_statistics() -> Observed<Vec<KernelCounter>> {
    super::proc::xfrm_statistics()
}

/// The kernel's answers to questions about routes, within 2 s together.
pub fn routes(queries: impl IntoIterator<Item = RouteQuery>) -> Observed<Vec<RouteLookup>> {
    super::route::ask(queries)
}

/// SAs, policies, links and addresses, and nothing else: the state that the changes apply to.
pub fn state() -> Snapshot {
    Snapshot {
        links: super::link::links(),
        addresses: super::link::addresses(),
        sas: super::xfrm::sas(),
        policies: super::xfrm::policies(),
        ..Snapshot::unread(0, super::host(), Reason::Skipped, "")
    }
}
