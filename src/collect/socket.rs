//! Netlink sockets: requests, dumps and single answers, within a deadline. It decodes no message.

use super::failure::Failure;
use super::receive_buffer::{Datagram, ReceiveBuffer};
use crate::snapshot::Reason;
use crate::wire::netlink::{self, DONE, DUMP_INTERRUPTED, ERROR, Request};
use nix::errno::Errno;
use nix::sys::socket::{
    self as system, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::slice::ChunksMut;
use std::time::{Duration, Instant};

/// NETLINK_ROUTE.
pub(super) const ROUTE: SockProtocol = SockProtocol::NetlinkRoute;
/// NETLINK_XFRM. nix has no name for it, but its number is that of TCP.
pub(super) const XFRM: SockProtocol = SockProtocol::Tcp;
const _: () = assert!(XFRM as i32 == nix::libc::NETLINK_XFRM);

/// NETLINK_NETFILTER.
pub(super) const NETFILTER: SockProtocol = SockProtocol::NetlinkNetFilter;

/// NETLINK_GENERIC.
pub(super) const GENERIC: SockProtocol = SockProtocol::NetlinkGeneric;

/// The time limit for one dump, and for all route questions together.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The kernel's datagrams of a dump have at most 32 KiB.
const BUFFER: usize = 64 * 1024;
/// Questions that are sent together. Their answers are queued in the socket's buffer (`net.core.rmem_default`, 208 KiB), where each takes some KiB.
const BATCH: usize = 16;
/// For messages about changes: the largest is a link, of some KiB.
const DATAGRAM: usize = 32 * 1024;
/// Most messages that one system call takes, and the largest size of each: those about SAs and policies have less than 2 KiB.
pub(super) const MANY: usize = 64;
const SMALL: usize = 4 * 1024;
/// The size of the kernel's queue for them, in bytes.
const QUEUE: usize = 2 * 1024 * 1024;
/// No more of them fit in the queue: the kernel doubles its size (`__sock_set_rcvbuf()`, net/core/sock.c), and each takes more than this many
/// bytes of it, its `struct sk_buff` and `struct skb_shared_info` included (`SKB_TRUESIZE`, include/linux/skbuff.h).
pub(super) const MOST_WAITING: usize = 2 * QUEUE / 512;
/// How long one receive waits before the deadline is checked again.
const TICK_MS: i64 = 200;
/// Most attempts at a dump that the kernel marks as inconsistent.
const ATTEMPTS: usize = 4;

/// A dump that is requested from the kernel.
pub(super) struct Dump {
    /// The request's name in errors.
    pub name: &'static str,
    /// NETLINK_ROUTE, NETLINK_XFRM or NETLINK_NETFILTER.
    pub protocol: SockProtocol,
    /// The request.
    pub request: Request,
    /// The type of the messages that answer it.
    pub answer: u16,
    /// The time limit for all attempts together.
    pub patience: Duration,
}

impl Dump {
    /// Reads all objects. `decode` adds what it needs of one message's payload to the list; a dump that the kernel marks as
    /// inconsistent, or of which it lost a part, is discarded and read again.
    pub fn read<T>(
        &self,
        decode: impl Fn(&[u8], &mut Vec<T>) -> Result<(), Failure>,
    ) -> Result<Vec<T>, Failure> {
        self.read_from(|| Socket::open(self.protocol), decode)
    }

    /// The same from sockets that `open` returns.
    fn read_from<C: Channel, T>(
        &self,
        open: impl Fn() -> Result<Socket<C>, Failure>,
        decode: impl Fn(&[u8], &mut Vec<T>) -> Result<(), Failure>,
    ) -> Result<Vec<T>, Failure> {
        let read = || {
            let deadline = Instant::now() + self.patience;
            let mut socket = open()?;
            let detail = format!("it changed during each of {ATTEMPTS} attempts");
            let mut failure = Failure::new(Reason::Inconsistent, detail);
            for _ in 0..ATTEMPTS {
                let mut list = Vec::new();
                match socket.dump(self, deadline, |payload| decode(payload, &mut list)) {
                    Ok(true) => return Ok(list),
                    Ok(false) => {}
                    // The rest of this dump would arrive on the same socket.
                    Err(lost) if lost.reason == Reason::Lost => {
                        (failure, socket) = (lost, open()?);
                    }
                    Err(failure) => return Err(failure),
                }
            }
            Err(failure)
        };
        read().map_err(|failure: Failure| failure.in_operation(&format!("dump {}", self.name)))
    }
}

/// Where requests go and answers come from: the kernel, or in tests a list of possible answers.
pub(super) trait Channel {
    /// Sends one request.
    fn send(&mut self, request: &[u8]) -> nix::Result<()>;
    /// Waits a short time for one datagram.
    fn receive(&mut self, buffer: &mut [u8]) -> nix::Result<Datagram>;
}

/// A netlink socket of the kernel.
pub(super) struct Kernel(OwnedFd);

impl Channel for Kernel {
    fn send(&mut self, request: &[u8]) -> nix::Result<()> {
        send_to_kernel(&self.0, request)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> nix::Result<Datagram> {
        Datagram::receive(&self.0, buffer)
    }
}

fn send_to_kernel(socket: &OwnedFd, request: &[u8]) -> nix::Result<()> {
    let kernel = NetlinkAddr::new(0, 0);
    system::sendto(socket.as_raw_fd(), request, &kernel, MsgFlags::empty()).map(|_| ())
}

/// A netlink socket with its receive buffer.
pub(super) struct Socket<C = Kernel> {
    channel: C,
    sequence: u32,
    buffer: ReceiveBuffer,
}

impl Socket {
    /// Opens a socket; the kernel binds it with the first request.
    pub fn open(protocol: SockProtocol) -> Result<Self, Failure> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let descriptor = system::socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        let tick = TimeVal::milliseconds(TICK_MS);
        system::setsockopt(&descriptor, sockopt::ReceiveTimeout, &tick)?;
        Ok(Self::over(Kernel(descriptor)))
    }
}

impl<C: Channel> Socket<C> {
    fn over(channel: C) -> Self {
        Self { channel, sequence: 0, buffer: ReceiveBuffer::new(BUFFER) }
    }

    /// Asks for one object. The inner error is the kernel's own answer (NLMSG_ERROR).
    pub fn ask<T>(
        &mut self,
        request: &Request,
        answer: u16,
        deadline: Instant,
        decode: impl Fn(&[u8]) -> Result<T, crate::wire::WireError>,
    ) -> Result<Result<T, Errno>, Failure> {
        let sequence = self.send(request, deadline)?;
        loop {
            for message in netlink::messages(self.receive(deadline)?) {
                let message = message?;
                if message.sequence != sequence {
                    continue;
                }
                match message.kind {
                    ERROR => return Ok(Err(Errno::from_raw(message.errno()?))),
                    kind if kind == answer => return Ok(Ok(decode(message.payload)?)),
                    _ => {}
                }
            }
        }
    }

    /// Asks for one object with each of the requests and returns the answers in their order. Many requests share a datagram, as the kernel
    /// allows: a system call for each would cost more than its answer.
    ///
    /// # Errors
    /// As those of [`Socket::ask`]; where one answer is lost or malformed, there is none.
    pub fn ask_all<T>(
        &mut self,
        requests: &[Request],
        answer: u16,
        deadline: Instant,
        decode: impl Fn(&[u8]) -> Result<T, crate::wire::WireError>,
    ) -> Result<Vec<Result<T, Errno>>, Failure> {
        let mut answers = Vec::with_capacity(requests.len());
        for batch in requests.chunks(BATCH) {
            let first = self.sequence.wrapping_add(1);
            let mut bytes = Vec::new();
            for request in batch {
                self.sequence = self.sequence.wrapping_add(1);
                bytes.extend(request.bytes(self.sequence));
            }
            self.send_bytes(&bytes, deadline)?;
            let mut open: Vec<Option<Result<T, Errno>>> = batch.iter().map(|_| None).collect();
            while open.iter().any(Option::is_none) {
                for message in netlink::messages(self.receive(deadline)?) {
                    let message = message?;
                    let position = message.sequence.wrapping_sub(first) as usize;
                    let Some(place) = open.get_mut(position) else { continue };
                    match message.kind {
                        ERROR => *place = Some(Err(Errno::from_raw(message.errno()?))),
                        kind if kind == answer => *place = Some(Ok(decode(message.payload)?)),
                        _ => {}
                    }
                }
            }
            answers.extend(open.into_iter().flatten());
        }
        Ok(answers)
    }

    /// Sends a request that is answered only by an acknowledgement. The inner error is the kernel's.
    pub fn command(
        &mut self,
        request: Request,
        deadline: Instant,
    ) -> Result<Result<(), Errno>, Failure> {
        match self.ask(&request.acknowledged(), ERROR, deadline, |_| Ok(()))? {
            Err(errno) if errno as i32 != 0 => Ok(Err(errno)),
            _ => Ok(Ok(())),
        }
    }

    /// One attempt at a dump: whether the kernel marks it as consistent. It reads to the end in either case, because a socket accepts no
    /// second dump before the first has ended.
    fn dump(
        &mut self,
        dump: &Dump,
        deadline: Instant,
        mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let sequence = self.send(&dump.request, deadline)?;
        let mut consistent = true;
        loop {
            for message in netlink::messages(self.receive(deadline)?) {
                let message = message?;
                if message.sequence != sequence {
                    continue;
                }
                consistent &= message.flags & DUMP_INTERRUPTED == 0;
                match message.kind {
                    DONE | ERROR => {
                        return match message.errno()? {
                            0 => Ok(consistent),
                            errno => Err(Errno::from_raw(errno).into()),
                        };
                    }
                    kind if kind == dump.answer && consistent => each(message.payload)?,
                    _ => {}
                }
            }
        }
    }

    /// Sends a request and returns its sequence number.
    fn send(&mut self, request: &Request, deadline: Instant) -> Result<u32, Failure> {
        self.sequence = self.sequence.wrapping_add(1);
        self.send_bytes(&request.bytes(self.sequence), deadline)?;
        Ok(self.sequence)
    }

    fn send_bytes(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), Failure> {
        loop {
            match self.channel.send(bytes) {
                Ok(()) => return Ok(()),
                Err(Errno::EINTR) if Instant::now() < deadline => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// The next datagram of the kernel.
    fn receive(&mut self, deadline: Instant) -> Result<&[u8], Failure> {
        let length = loop {
            if Instant::now() >= deadline {
                return Err(Errno::ETIMEDOUT.into());
            }
            match self.buffer.receive(|room| self.channel.receive(room)) {
                Ok(Some(length)) => break length,
                Ok(None) | Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(errno) => return Err(errno.into()),
            }
        };
        Ok(self.buffer.datagram(length))
    }
}

/// A netlink socket in multicast groups.
pub(super) struct Subscription {
    descriptor: OwnedFd,
    buffer: ReceiveBuffer,
    /// The buffer for many messages, where it was needed.
    many: Option<ReceiveBuffer>,
}

impl Subscription {
    /// Joins the groups with these numbers.
    pub fn join(protocol: SockProtocol, groups: &[u32]) -> Result<Self, Failure> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let descriptor = system::socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        // More than net.core.rmem_max needs CAP_NET_ADMIN. With a smaller buffer messages are only lost sooner, which is noticed.
        let _ = system::setsockopt(&descriptor, sockopt::RcvBufForce, &QUEUE);
        let mask = groups.iter().fold(0, |mask, group| mask | 1 << (group - 1));
        system::bind(descriptor.as_raw_fd(), &NetlinkAddr::new(0, mask))?;
        Ok(Self { descriptor, buffer: ReceiveBuffer::new(DATAGRAM), many: None })
    }

    /// Sends a request, whose answer is queued after the waiting messages.
    pub fn ask(&self, request: &Request, sequence: u32) -> Result<(), Failure> {
        let bytes = request.bytes(sequence);
        let send = || send_to_kernel(&self.descriptor, &bytes);
        // It never waits for room, so it needs no deadline.
        Ok(send().or_else(|errno| if errno == Errno::EINTR { send() } else { Err(errno) })?)
    }

    /// The port that the kernel gave the socket.
    pub fn port(&self) -> Option<u32> {
        let address: NetlinkAddr = system::getsockname(self.descriptor.as_raw_fd()).ok()?;
        Some(address.pid())
    }

    /// Takes one datagram, if one is waiting. False where none is.
    ///
    /// # Errors
    /// `Lost` where the kernel had to drop messages.
    pub fn next(&mut self, mut each: impl FnMut(netlink::Message<'_>)) -> Result<bool, Failure> {
        let descriptor = &self.descriptor;
        // The next one may arrive hours later.
        self.buffer.wiped_after(|buffer| {
            let length = match buffer.receive(|room| Datagram::receive(descriptor, room)) {
                Ok(Some(length)) => length,
                Ok(None) | Err(Errno::EINTR) => return Ok(true),
                Err(Errno::EAGAIN) => return Ok(false),
                Err(errno) => return Err(errno.into()),
            };
            let mut messages = netlink::messages(buffer.datagram(length));
            messages.try_for_each(|message| message.map(&mut each))?;
            Ok(true)
        })
    }

    /// Takes all waiting datagrams, up to [`MANY`], by one system call, and returns their number. If that is less than [`MANY`], no more were
    /// waiting at that moment, or the next call fails.
    ///
    /// # Errors
    /// As those of [`Subscription::next`].
    pub fn next_ones(
        &mut self,
        mut each: impl FnMut(netlink::Message<'_>),
    ) -> Result<usize, Failure> {
        let many = self.many.get_or_insert_with(|| ReceiveBuffer::new(MANY * SMALL));
        let descriptor = &self.descriptor;
        many.wiped_after(|many| {
            let take = |parts: ChunksMut<'_, u8>| Datagram::receive_many(descriptor, parts);
            let lengths = match many.receive_many(SMALL, take) {
                Ok(lengths) => lengths,
                Err(Errno::EINTR) => return Ok(MANY),
                Err(Errno::EAGAIN) => return Ok(0),
                Err(errno) => return Err(errno.into()),
            };
            let count = lengths.len();
            let mut read = Ok(());
            for (length, place) in lengths.into_iter().zip(0..) {
                let datagram = many.datagram_at(place * SMALL, length.unwrap_or(0));
                let mut messages = netlink::messages(datagram);
                read = read.and(messages.try_for_each(|message| message.map(&mut each)));
            }
            read?;
            Ok(count)
        })
    }
}

impl AsFd for Subscription {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
