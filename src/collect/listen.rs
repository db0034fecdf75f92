//! What the kernel tells of changes, unasked: one socket in the multicast groups of NETLINK_ROUTE or NETLINK_XFRM, and its messages as values.
//! It asks nothing and keeps no state. XFRMNLGRP_ACQUIRE and XFRMNLGRP_AEVENTS are never joined: a listener to the first makes the kernel
//! create larval SAs where it would refuse a packet, one to the second makes it send a message for every few packets.
//! Messages about SAs carry keys as the dumps do; the decoders pass over them.

use super::failure::Failure;
use super::socket::{ROUTE, Subscription, XFRM};
use crate::snapshot::notification::Notification;
use crate::wire::netlink::Message;
use crate::wire::{WireError, notification};
use std::os::fd::{AsFd, BorrowedFd};

/// RTNLGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE.
const ROUTE_GROUPS: [u32; 5] = [1, 5, 7, 9, 11];
/// XFRMNLGRP_EXPIRE, SA, POLICY.
const XFRM_GROUPS: [u32; 3] = [2, 3, 4];

/// Datagrams that are thrown away in one go: more come only where they come faster than they can be thrown away.
const MOST_DISCARDED: usize = 65_536;

type Decode = fn(Message<'_>, &mut Vec<Notification>) -> Result<(), WireError>;

/// What was received in one go.
#[derive(Debug, Default)]
pub struct Received {
    /// The changes, in order for each socket.
    pub changes: Vec<Notification>,
    /// The kernel had no room for more (ENOBUFS): what is known must be read anew.
    pub lost: bool,
    /// Messages that could not be decoded; the same holds for them.
    pub malformed: Option<String>,
}

/// A socket that every change of its protocol is received on, from when it is opened.
pub(super) struct Listener {
    socket: Subscription,
    decode: Decode,
    /// Many messages are taken by one system call.
    takes_many: bool,
}

impl Listener {
    /// Links, addresses and routes.
    pub fn route() -> Result<Self, Failure> {
        Ok(Self {
            socket: Subscription::join(ROUTE, &ROUTE_GROUPS)?,
            decode: notification::decode_route,
            takes_many: false,
        })
    }

    /// SAs and policies; without CAP_NET_ADMIN the kernel lets nobody listen to them.
    pub fn xfrm() -> Result<Self, Failure> {
        Ok(Self {
            socket: Subscription::join(XFRM, &XFRM_GROUPS)?,
            decode: notification::decode_xfrm,
            takes_many: false,
        })
    }

    /// The same with room for many messages at once: for a short time in which many may come.
    pub fn for_many(self) -> Self {
        Self { takes_many: true, ..self }
    }

    /// Throws away what is there.
    pub fn discard(&mut self) {
        let mut more = MOST_DISCARDED;
        while more > 0 && !matches!(self.socket.next(|_| {}), Ok(false)) {
            more -= 1;
        }
    }

    /// Adds what is there, without waiting: `most` changes, or few more. Whether that was all.
    pub fn receive(&mut self, most: usize, into: &mut Received) -> bool {
        let end = into.changes.len().saturating_add(most);
        while into.changes.len() < end {
            let decode = self.decode;
            let each = |message: Message<'_>| {
                if let Err(error) = decode(message, &mut into.changes) {
                    into.malformed.get_or_insert_with(|| error.to_string());
                }
            };
            let more =
                if self.takes_many { self.socket.next_ones(each) } else { self.socket.next(each) };
            match more {
                Ok(true) => {}
                Ok(false) => return true,
                Err(_) => {
                    into.lost = true;
                    return true;
                }
            }
        }
        false
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
