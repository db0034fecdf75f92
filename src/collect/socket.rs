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
/// NETLINK_XFRM. nix has no name for it; the number is what counts, and it is that of TCP.
pub(super) const XFRM: SockProtocol = SockProtocol::Tcp;
const _: () = assert!(XFRM as i32 == nix::libc::NETLINK_XFRM);

/// NETLINK_NETFILTER.
pub(super) const NETFILTER: SockProtocol = SockProtocol::NetlinkNetFilter;

/// NETLINK_GENERIC.
pub(super) const GENERIC: SockProtocol = SockProtocol::NetlinkGeneric;

/// The patience for one dump, and for all route questions together.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The kernel makes datagrams of a dump at most 32 KiB large.
const BUFFER: usize = 64 * 1024;
/// Questions that are sent together. Their answers wait in the socket's buffer (`net.core.rmem_default`, 208 KiB), where one takes some KiB.
const BATCH: usize = 16;
/// Messages about changes: the largest is a link, of some KiB.
const DATAGRAM: usize = 32 * 1024;
/// Messages that are taken by one system call where they are many, and how large each may be: those about SAs and policies are below 2 KiB.
pub(super) const MANY: usize = 64;
const SMALL: usize = 4 * 1024;
/// What the kernel keeps of them until they are read, in bytes.
const QUEUE: usize = 2 * 1024 * 1024;
/// No more of them can wait: the kernel doubles the room (`__sock_set_rcvbuf()`, net/core/sock.c), and takes more than this many bytes of it
/// for each, its `struct sk_buff` and `struct skb_shared_info` included (`SKB_TRUESIZE`, include/linux/skbuff.h).
pub(super) const MOST_WAITING: usize = 2 * QUEUE / 512;
/// How long one receive waits before the deadline is looked at again.
const TICK_MS: i64 = 200;
/// Reads of a dump that the kernel says changed while it was made.
const ATTEMPTS: usize = 4;

/// What is asked of the kernel in a dump.
pub(super) struct Dump {
    /// The name of the request in errors.
    pub name: &'static str,
    /// NETLINK_ROUTE, NETLINK_XFRM or NETLINK_NETFILTER.
    pub protocol: SockProtocol,
    /// The request.
    pub request: Request,
    /// The type of the messages that answer it.
    pub answer: u16,
    /// How long it may take, attempts included.
    pub patience: Duration,
}

impl Dump {
    /// Reads all objects. `decode` adds what it wants of one message's payload to the list; a dump that the kernel marks as
    /// inconsistent, or of which it lost a part, is thrown away and read again.
    pub fn read<T>(
        &self,
        decode: impl Fn(&[u8], &mut Vec<T>) -> Result<(), Failure>,
    ) -> Result<Vec<T>, Failure> {
        self.read_from(|| Socket::open(self.protocol), decode)
    }

    /// The same from sockets that `open` gives.
    fn read_from<C: Channel, T>(
        &self,
        open: impl Fn() -> Result<Socket<C>, Failure>,
        decode: impl Fn(&[u8], &mut Vec<T>) -> Result<(), Failure>,
    ) -> Result<Vec<T>, Failure> {
        let read = || {
            let deadline = Instant::now() + self.patience;
            let mut socket = open()?;
            let detail = format!("it changed during {ATTEMPTS} attempts");
            let mut failure = Failure::new(Reason::Inconsistent, detail);
            for _ in 0..ATTEMPTS {
                let mut list = Vec::new();
                match socket.dump(self, deadline, |payload| decode(payload, &mut list)) {
                    Ok(true) => return Ok(list),
                    Ok(false) => {}
                    // The rest of this dump would come on the same socket.
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

/// Where requests go and answers come from: the kernel, and in tests a list of what a kernel may say.
pub(super) trait Channel {
    /// Sends one request.
    fn send(&mut self, request: &[u8]) -> nix::Result<()>;
    /// Waits a moment for one datagram.
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
    /// Opens a socket; the kernel binds it when the first request is sent.
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

    /// Asks for one object with each of the requests, and gives the answers in their order. Many at once: the kernel takes several requests
    /// from one datagram, and a system call for each would cost more than its answer.
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

    /// Has something done that is answered by an acknowledgement alone. The inner error is the kernel's refusal.
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

    /// One attempt at a dump: whether the kernel calls it consistent. It reads to the end in either case, for a socket takes no
    /// second dump before the first is done.
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

    /// Sends a request and gives its sequence number.
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

/// A netlink socket in multicast groups. It asks nothing.
pub(super) struct Subscription {
    descriptor: OwnedFd,
    buffer: ReceiveBuffer,
    /// Room for many at once, where it was asked for.
    many: Option<ReceiveBuffer>,
}

impl Subscription {
    /// Joins the groups, by their numbers.
    pub fn join(protocol: SockProtocol, groups: &[u32]) -> Result<Self, Failure> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let descriptor = system::socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        // Beyond net.core.rmem_max with CAP_NET_ADMIN alone; a smaller buffer only means that messages are lost sooner, which is noticed.
        let _ = system::setsockopt(&descriptor, sockopt::RcvBufForce, &QUEUE);
        let mask = groups.iter().fold(0, |mask, group| mask | 1 << (group - 1));
        system::bind(descriptor.as_raw_fd(), &NetlinkAddr::new(0, mask))?;
        Ok(Self { descriptor, buffer: ReceiveBuffer::new(DATAGRAM), many: None })
    }

    /// Sends a request, whose answer comes behind what waits.
    pub fn ask(&self, request: &Request, sequence: u32) -> Result<(), Failure> {
        let bytes = request.bytes(sequence);
        let send = || send_to_kernel(&self.descriptor, &bytes);
        // It never waits for room, so that there is no deadline.
        Ok(send().or_else(|errno| if errno == Errno::EINTR { send() } else { Err(errno) })?)
    }

    /// The port that the kernel gave the socket.
    pub fn port(&self) -> Option<u32> {
        let address: NetlinkAddr = system::getsockname(self.descriptor.as_raw_fd()).ok()?;
        Some(address.pid())
    }

    /// Takes one datagram, if one is there. False where none is.
    ///
    /// # Errors
    /// `Lost` where the kernel had to leave messages out.
    pub fn next(&mut self, mut each: impl FnMut(netlink::Message<'_>)) -> Result<bool, Failure> {
        let descriptor = &self.descriptor;
        // The next one may be hours away.
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

    /// Takes all datagrams that are there, up to [`MANY`], by one system call: how many. Where they are fewer, no more waited at that moment, or
    /// the next call fails.
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
