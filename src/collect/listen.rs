//! What the kernel tells of changes, unasked: one socket in the multicast groups of NETLINK_ROUTE or NETLINK_XFRM, and its messages as values.
//! It asks nothing but where the messages end, and keeps no state. XFRMNLGRP_ACQUIRE and XFRMNLGRP_AEVENTS are never joined: a listener to
//! the first makes the kernel create larval SAs where it would refuse a packet, one to the second makes it send a message for every few packets.
//! Messages about SAs carry keys as the dumps do; the decoders pass over them.

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
    /// That of the last question.
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

    /// SAs and policies; without CAP_NET_ADMIN the kernel lets nobody listen to them.
    pub fn xfrm() -> Result<Self, Failure> {
        Ok(Self {
            socket: Subscription::join(XFRM, &XFRM_GROUPS)?,
            decode: notification::decode_xfrm,
            sequence: 0,
        })
    }

    /// Throws away what is there.
    pub fn discard(&mut self) {
        let mut more = MOST_DISCARDED;
        while more > 0 && !matches!(self.socket.next(|_| {}), Ok(false)) {
            more -= 1;
        }
    }

    /// Adds what is there, without waiting: `most` changes, or few more.
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

    /// Adds every change of XFRM that was made until now, many messages by one system call; `lost` where it cannot. For it asks the kernel a
    /// question: the answer waits on the same socket, behind them. The kernel makes a change and tells of it under the lock that the question
    /// needs (`xfrm_netlink_rcv()`), so that none is made and not told of. It does not run after the changes that come meanwhile.
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
                // A message about a change has the number of who made it, and that may be the same; it never has this type.
                is_there |= message.kind == xfrm_info::NEWSADINFO && message.sequence == sequence;
                into.add(decode, message);
            })?;
            Ok((count, is_there))
        });
        into.lost |= !is_whole;
    }
}

/// Takes messages by `next`, up to [`MANY`] at once, until the one that is looked for is there; false where it does not come, or where messages
/// before it were lost. No time is limited: so many messages wait at most, and none is waited for.
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

    /// Takes from a kernel that gives so many messages at each call, and in which one is the answer; also how many calls it took.
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
