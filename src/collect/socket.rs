//! Netlink sockets: requests, dumps and single answers, within a deadline. It decodes no message. What the kernel tells root of SAs has their
//! keys in it: no datagram stays in memory once it was looked at.

use super::failure::Failure;
use super::receive_buffer::ReceiveBuffer;
use crate::snapshot::Reason;
use crate::wire::netlink::{self, DONE, DUMP_INTERRUPTED, ERROR, Request};
use nix::errno::Errno;
use nix::sys::socket::{
    self as system, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
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
    /// inconsistent is thrown away and read again.
    pub fn read<T>(
        &self,
        decode: impl Fn(&[u8], &mut Vec<T>) -> Result<(), Failure>,
    ) -> Result<Vec<T>, Failure> {
        let read = || {
            let deadline = Instant::now() + self.patience;
            let mut socket = Socket::open(self.protocol)?;
            for _ in 0..ATTEMPTS {
                let mut list = Vec::new();
                if socket.dump(self, deadline, |payload| decode(payload, &mut list))? {
                    return Ok(list);
                }
            }
            let detail = format!("it changed during {ATTEMPTS} attempts");
            Err(Failure::new(Reason::Inconsistent, detail))
        };
        read().map_err(|failure: Failure| failure.in_operation(&format!("dump {}", self.name)))
    }
}

/// A netlink socket with its receive buffer.
pub(super) struct Socket {
    descriptor: OwnedFd,
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
        Ok(Self { descriptor, sequence: 0, buffer: ReceiveBuffer::new(BUFFER) })
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
        let (bytes, kernel) = (request.bytes(self.sequence), NetlinkAddr::new(0, 0));
        loop {
            let descriptor = self.descriptor.as_raw_fd();
            match system::sendto(descriptor, &bytes, &kernel, MsgFlags::empty()) {
                Ok(_) => return Ok(self.sequence),
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
            match self.buffer.receive(&self.descriptor) {
                // Any process with the rights may send to this socket; only the kernel is port 0.
                Ok((length, 0)) => break length,
                Ok(_) | Err(Errno::EINTR | Errno::EAGAIN) => {}
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
        Ok(Self { descriptor, buffer: ReceiveBuffer::new(DATAGRAM) })
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
        let length = match self.buffer.receive(&self.descriptor) {
            Ok((length, 0)) => length,
            Ok(_) | Err(Errno::EINTR) => return Ok(true),
            Err(Errno::EAGAIN) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        };
        let mut messages = netlink::messages(self.buffer.datagram(length));
        let read = messages.try_for_each(|message| message.map(&mut each));
        // The next one may be hours away.
        self.buffer.wipe();
        read?;
        Ok(true)
    }
}

impl AsFd for Subscription {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_says_nothing_is_a_timeout() {
        let mut socket = Socket::open(ROUTE).unwrap();
        let failure = socket.receive(Instant::now() + Duration::from_millis(20)).unwrap_err();
        assert_eq!(failure.reason, Reason::TimedOut);
    }

    #[test]
    fn a_datagram_larger_than_the_buffer_is_lost_not_cut() {
        let mut socket = Socket::open(ROUTE).unwrap();
        socket.buffer = ReceiveBuffer::new(64);
        let dump = Dump {
            name: "RTM_GETLINK",
            protocol: ROUTE,
            request: Request::dump(18).structure(&[0; 16]),
            answer: 16,
            patience: PATIENCE,
        };
        let failure = socket.dump(&dump, Instant::now() + PATIENCE, |_| Ok(())).unwrap_err();
        assert_eq!(failure.reason, Reason::Lost);
    }

    #[test]
    fn a_refusal_of_the_kernel_is_its_errno() {
        let mut socket = Socket::open(ROUTE).unwrap();
        // RTM_GETLINK of an interface index that cannot be.
        let mut header = [0; 16];
        header[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
        let request = Request::get(18).structure(&header);
        let answer = socket.ask(&request, 16, Instant::now() + PATIENCE, |_| Ok(()));
        assert_eq!(answer, Ok(Err(Errno::ENODEV)));
    }
}
