//! Netlink sockets: requests, dumps and single answers, within a deadline. It decodes no message.

use super::failure::Failure;
use crate::snapshot::Reason;
use crate::wire::netlink::{self, DONE, DUMP_INTERRUPTED, ERROR, Request};
use nix::errno::Errno;
use nix::sys::socket::{
    self as system, AddressFamily, MsgFlags, MultiHeaders, NetlinkAddr, SockFlag, SockProtocol,
    SockType, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
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
/// Messages about changes: the largest is a link, of some KiB.
const DATAGRAM: usize = 32 * 1024;
/// Messages that are taken by one system call where they are many, and how large each may be: those about SAs and policies are below 2 KiB.
const MANY: usize = 64;
const SMALL: usize = 4 * 1024;
/// What the kernel keeps of them until they are read.
const QUEUE: usize = 2 * 1024 * 1024;
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

/// A datagram that was received.
#[derive(Clone, Copy)]
pub(super) struct Datagram {
    length: usize,
    /// It was longer than the buffer.
    is_cut: bool,
    /// Any process with the rights may send to a netlink socket; only the kernel is port 0.
    is_of_kernel: bool,
}

/// A netlink socket of the kernel.
pub(super) struct Kernel(OwnedFd);

impl Channel for Kernel {
    fn send(&mut self, request: &[u8]) -> nix::Result<()> {
        let kernel = NetlinkAddr::new(0, 0);
        system::sendto(self.0.as_raw_fd(), request, &kernel, MsgFlags::empty()).map(|_| ())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> nix::Result<Datagram> {
        receive(&self.0, buffer)
    }
}

fn receive(descriptor: &OwnedFd, buffer: &mut [u8]) -> nix::Result<Datagram> {
    let mut slices = [IoSliceMut::new(buffer)];
    let descriptor = descriptor.as_raw_fd();
    let received = system::recvmsg::<NetlinkAddr>(descriptor, &mut slices, None, MsgFlags::empty());
    received.map(|datagram| Datagram {
        length: datagram.bytes,
        is_cut: datagram.flags.contains(MsgFlags::MSG_TRUNC),
        is_of_kernel: datagram.address.is_some_and(|sender| sender.pid() == 0),
    })
}

/// A netlink socket with its receive buffer.
pub(super) struct Socket<C = Kernel> {
    channel: C,
    sequence: u32,
    buffer: Vec<u8>,
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
        Self { channel, sequence: 0, buffer: vec![0; BUFFER] }
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
        let bytes = request.bytes(self.sequence);
        loop {
            match self.channel.send(&bytes) {
                Ok(()) => return Ok(self.sequence),
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
            match self.channel.receive(&mut self.buffer) {
                Ok(datagram) if datagram.is_cut => return Err(Errno::EMSGSIZE.into()),
                Ok(datagram) if datagram.is_of_kernel => break datagram.length,
                Ok(_) | Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(errno) => return Err(errno.into()),
            }
        };
        Ok(self.buffer.get(..length).unwrap_or_default())
    }
}

/// A netlink socket in multicast groups. It asks nothing.
pub(super) struct Subscription {
    descriptor: OwnedFd,
    buffer: Vec<u8>,
    /// Room for many at once, where it was asked for.
    many: Vec<u8>,
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
        Ok(Self { descriptor, buffer: vec![0; DATAGRAM], many: Vec::new() })
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
        let length = match receive(&self.descriptor, &mut self.buffer) {
            Ok(datagram) if datagram.is_cut => return Err(Errno::EMSGSIZE.into()),
            Ok(datagram) if datagram.is_of_kernel => datagram.length,
            Ok(_) | Err(Errno::EINTR) => return Ok(true),
            Err(Errno::EAGAIN) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        };
        for message in netlink::messages(self.buffer.get(..length).unwrap_or_default()) {
            each(message?);
        }
        Ok(true)
    }

    /// Takes all datagrams that are there, up to [`MANY`], by one system call. False where none is.
    ///
    /// # Errors
    /// As those of [`Subscription::next`].
    pub fn next_ones(
        &mut self,
        mut each: impl FnMut(netlink::Message<'_>),
    ) -> Result<bool, Failure> {
        self.many.resize(MANY * SMALL, 0);
        let datagrams = receive_many(&self.descriptor, &mut self.many);
        let datagrams = match datagrams {
            Ok(datagrams) => datagrams,
            Err(Errno::EINTR) => return Ok(true),
            Err(Errno::EAGAIN) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        };
        for (datagram, bytes) in datagrams.into_iter().zip(self.many.chunks(SMALL)) {
            if datagram.is_cut {
                return Err(Errno::EMSGSIZE.into());
            }
            if datagram.is_of_kernel {
                for message in netlink::messages(bytes.get(..datagram.length).unwrap_or_default()) {
                    each(message?);
                }
            }
        }
        Ok(true)
    }
}

fn receive_many(descriptor: &OwnedFd, buffer: &mut [u8]) -> nix::Result<Vec<Datagram>> {
    let mut headers = MultiHeaders::<NetlinkAddr>::preallocate(MANY, None);
    let mut slices: Vec<_> =
        buffer.chunks_mut(SMALL).map(|chunk| [IoSliceMut::new(chunk)]).collect();
    let (descriptor, flags) = (descriptor.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
    let received = system::recvmmsg(descriptor, &mut headers, slices.iter_mut(), flags, None)?;
    let datagrams = received.map(|datagram| Datagram {
        length: datagram.bytes,
        is_cut: datagram.flags.contains(MsgFlags::MSG_TRUNC),
        is_of_kernel: datagram.address.is_some_and(|sender| sender.pid() == 0),
    });
    Ok(datagrams.collect())
}

impl AsFd for Subscription {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
