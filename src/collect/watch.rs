//! Follows the kernel: a socket each of NETLINK_ROUTE and NETLINK_XFRM in the multicast groups that tell of changes, and the counters of
//! the VTIs alone. XFRMNLGRP_ACQUIRE is never joined: a listener there makes the kernel create larval SAs, where it would refuse a packet.

use super::failure::Failure;
use super::socket::{Dump, PATIENCE, ROUTE, Subscription, XFRM};
use crate::snapshot::notification::Notification;
use crate::snapshot::{Driver, Link, Observed, Reason, RouteLookup, RouteQuery, Snapshot, Source};
use crate::wire::netlink::Message;
use crate::wire::{WireError, link, notification};
use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};

/// RTNLGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE.
const ROUTE_GROUPS: [u32; 5] = [1, 5, 7, 9, 11];
/// XFRMNLGRP_EXPIRE, SA, POLICY.
const XFRM_GROUPS: [u32; 3] = [2, 3, 4];

/// Messages taken in one go: then the caller looks at the time and at its counters.
const MOST: usize = 4096;

/// The kernel's messages about changes.
pub struct Changes {
    route: Subscription,
    xfrm: Subscription,
}

/// What was received in one go.
#[derive(Debug, Default)]
pub struct Received {
    /// The changes, in order for each of the two sockets; those of XFRM first.
    pub changes: Vec<Notification>,
    /// The kernel had no room for more (ENOBUFS): what is known must be read anew.
    pub lost: bool,
    /// Messages that could not be decoded; the same holds for them.
    pub malformed: Option<String>,
}

impl Changes {
    /// Joins the groups. From then on every change is received, unless `lost` says otherwise.
    ///
    /// # Errors
    /// What the system refused: without CAP_NET_ADMIN it lets nobody listen to XFRM.
    pub fn subscribe() -> Observed<Self> {
        let route = Subscription::join(ROUTE, &ROUTE_GROUPS).map_err(|failure| {
            failure.in_operation("listen to NETLINK_ROUTE").missing(Source::Links)
        })?;
        let xfrm = Subscription::join(XFRM, &XFRM_GROUPS).map_err(|failure| {
            failure.in_operation("listen to NETLINK_XFRM").missing(Source::SecurityAssociations)
        })?;
        Ok(Self { route, xfrm })
    }

    /// What to wait on: either is readable when there is something to receive.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.route.as_fd(), self.xfrm.as_fd()]
    }

    /// Throws away what is there. After messages were lost those that wait are older than the loss: taken in after the state was read
    /// anew, they would tell of SAs that are long gone.
    pub fn discard(&mut self) {
        for socket in [&mut self.xfrm, &mut self.route] {
            let mut more = MOST_DISCARDED;
            while more > 0 && !matches!(socket.next(|_| {}), Ok(false)) {
                more -= 1;
            }
        }
    }

    /// Takes what is there, without waiting.
    pub fn receive(&mut self) -> Received {
        let mut received = Received::default();
        take(&mut self.xfrm, &mut received, notification::decode_xfrm);
        take(&mut self.route, &mut received, notification::decode_route);
        received
    }
}

/// Datagrams that are thrown away in one go: more come only where they come faster than they can be thrown away.
const MOST_DISCARDED: usize = 65_536;

type Decode = fn(Message<'_>, &mut Vec<Notification>) -> Result<(), WireError>;

fn take(from: &mut Subscription, into: &mut Received, decode: Decode) {
    let end = into.changes.len() + MOST;
    while into.changes.len() < end {
        let more = from.next(|message| {
            if let Err(error) = decode(message, &mut into.changes) {
                into.malformed.get_or_insert_with(|| error.to_string());
            }
        });
        match more {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => {
                into.lost = true;
                return;
            }
        }
    }
}

/// The links of these drivers, with their counters: the kernel leaves out all others, and the statistics of IPv6.
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
            // A kernel that does not know the kind any more leaves nothing out.
            if link.driver() == Some(*driver) {
                links.push(link);
            }
            Ok(())
        };
        all.extend(dump.read(decode).map_err(|failure| failure.missing(Source::Links))?);
    }
    Ok(all)
}

/// The kernel's answers to questions about routes, within 2 s together.
pub fn routes(queries: impl IntoIterator<Item = RouteQuery>) -> Observed<Vec<RouteLookup>> {
    super::route::ask(queries)
}

/// SAs, policies, links and addresses, and nothing else: what the changes are changes of.
pub fn state() -> Snapshot {
    Snapshot {
        links: super::link::links(),
        addresses: super::link::addresses(),
        sas: super::xfrm::sas(),
        policies: super::xfrm::policies(),
        ..Snapshot::unread(0, super::host(), Reason::Skipped, "")
    }
}
