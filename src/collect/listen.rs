//! The kernel's messages about changes: one socket in the multicast groups of NETLINK_ROUTE or NETLINK_XFRM, and its messages as values.
//! Its only request finds the end of the waiting messages, and it keeps no state. It never joins XFRMNLGRP_ACQUIRE, because a listener makes
//! the kernel create larval SAs where it would drop a packet, nor XFRMNLGRP_AEVENTS, because then the kernel sends a message for every few
//! packets. Messages about SAs contain keys as the dumps do; the decoders skip them.

use super::failure::Failure;
use super::socket::{MANY, MOST_WAITING, ROUTE, Subscription, XFRM};
use crate::snapshot::notification::Notification;
use crate::wire::netlink::Message;
use crate::wire::{WireError, notification, xfrm_info};
use std::os::fd::{AsFd, BorrowedFd};

/// RTNLGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE.
const ROUTE_GROUPS: [u32; 5] = [1, 5, 7, 9, 11];
/// XFRMNLGRP_EXPIRE, SA, POLICY.
const XFRM_GROUPS: [u32; 3] = [2, 3, 4];

/// Most datagrams that are discarded in one go: more arrive only if they arrive faster than they are discarded.
const MOST_DISCARDED: usize = 65_536;

type Decode = fn(Message<'_>, &mut Vec<Notification>) -> Result<(), WireError>;

/// What was received in one go.
#[derive(Debug, Default)]
pub struct Received {
    /// The changes, in order for each socket.
    pub changes: Vec<Notification>,
    /// The kernel had no room for more (ENOBUFS): the state must be read again.
    pub lost: bool,
    /// Messages that could not be decoded; the state must be read again, too.
    pub malformed: Option<String>,
}

/// A socket that receives every change of its protocol from the moment it is opened.
pub(super) struct Listener {
    socket: Subscription,
    decode: Decode,
    /// The sequence number of the last request.
    sequence: u32,
}

impl Listener {
    /// Links, addresses and routes.
    pub fn route() -> Result<Self, Failure> {
        Ok(Self {
            socket: Subscription::join(ROUTE, &ROUTE_GROUPS)?,
            decode: notification::decode_route,
            sequence: 0,
        })
    }

    /// SAs and policies; the kernel allows this only with CAP_NET_ADMIN.
    pub fn xfrm() -> Result<Self, Failure> {
        Ok(Self {
            socket: Subscription::join(XFRM, &XFRM_GROUPS)?,
            decode: notification::decode_xfrm,
            sequence: 0,
        })
    }

    /// Discards the waiting messages.
    pub fn discard(&mut self) {
        let mut more = MOST_DISCARDED;
        while more > 0 && !matches!(self.socket.next(|_| {}), Ok(false)) {
            more -= 1;
        }
    }

    /// Adds the waiting messages, without waiting for more: `most` changes, or a few more.
    pub fn receive(&mut self, most: usize, into: &mut Received) {
        let end = into.changes.len().saturating_add(most);
        while into.changes.len() < end {
            let decode = self.decode;
            match self.socket.next(|message| into.add(decode, message)) {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => {
                    into.lost = true;
                    return;
                }
            }
        }
    }

    /// Adds every change of XFRM until now, many messages by one system call; sets `lost` where it cannot. It sends the kernel a request, whose
    /// answer is queued on the same socket after those messages. The kernel makes a change and sends its message under the lock that the
    /// request needs (`xfrm_netlink_rcv()`), so no change is made without its message. It does not wait for changes that are made meanwhile.
    pub fn receive_until_now(&mut self, into: &mut Received) {
        self.sequence = self.sequence.wrapping_add(1);
        let question = xfrm_info::size_question(xfrm_info::GETSADINFO);
        let (sequence, decode) = (self.sequence, self.decode);
        if self.socket.ask(&question, sequence).is_err() {
            into.lost = true;
            return;
        }
        let socket = &mut self.socket;
        let is_whole = take_until(|| {
            let mut is_there = false;
            let count = socket.next_ones(|message| {
                // A message about a change has the sequence number of the request that made it, which may be the same; it never has this type.
                is_there |= message.kind == xfrm_info::NEWSADINFO && message.sequence == sequence;
                into.add(decode, message);
            })?;
            Ok((count, is_there))
        });
        into.lost |= !is_whole;
    }
}

/// Takes messages by `next`, up to [`MANY`] in one call, until the wanted one arrives; false where it does not arrive or messages before it were
/// lost. There is no time limit: the number of waiting messages is bounded, and it waits for none.
fn take_until(mut next: impl FnMut() -> Result<(usize, bool), Failure>) -> bool {
    let mut taken = 0_usize;
    while taken < MOST_WAITING {
        match next() {
            Ok((_, true)) => return true,
            Ok((count, false)) if count == MANY => taken = taken.saturating_add(count),
            Ok(_) | Err(_) => return false,
        }
    }
    false
}

impl Received {
    fn add(&mut self, decode: Decode, message: Message<'_>) {
        if let Err(error) = decode(message, &mut self.changes) {
            self.malformed.get_or_insert_with(|| error.to_string());
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Reason;

    /// Takes from a kernel that returns so many messages for each call, one of them the answer; also returns the number of calls.
    fn taken(counts: &[usize], answer: usize) -> (bool, usize) {
        let mut calls = 0;
        let next = || {
            calls += 1;
            let count = *counts.get(calls - 1).or(counts.last()).unwrap();
            Ok((count, calls == answer))
        };
        (take_until(next), calls)
    }

    /// On a slow processor more came during each call than it took, and there was no end.
    #[test]
    fn a_kernel_that_says_more_all_the_time_is_listened_to_until_now() {
        assert_eq!(taken(&[MANY], 1), (true, 1));
        assert_eq!(taken(&[MANY], 9), (true, 9));
        assert_eq!(taken(&[MANY, 28], 2), (true, 2));
    }

    #[test]
    fn without_the_answer_messages_were_lost() {
        assert_eq!(taken(&[0], 2), (false, 1));
        assert_eq!(taken(&[MANY, 28], 3), (false, 2));
        assert_eq!(taken(&[MANY], usize::MAX), (false, MOST_WAITING / MANY));
        assert!(!take_until(|| Err(Failure::new(Reason::Lost, ""))));
    }
}
