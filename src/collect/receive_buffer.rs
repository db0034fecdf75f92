//! The buffer that netlink's datagrams are received into. The kernel's messages about SAs hold their keys for who has CAP_NET_ADMIN, and it
//! cannot be asked to leave them out: so what was received is overwritten when the buffer goes, and where it stays, before
//! anything is waited for.
//! It decodes nothing.

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, NetlinkAddr, RecvMsg, recvmmsg, recvmsg};
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::slice::ChunksMut;
use zeroize::Zeroize;

/// A datagram that was received.
#[derive(Clone, Copy)]
pub(super) struct Datagram {
    /// In bytes.
    pub length: usize,
    /// It was longer than its room.
    pub is_cut: bool,
    /// Any process with the rights may send to a netlink socket; only the kernel is port 0.
    pub is_of_kernel: bool,
}

impl Datagram {
    /// The next one of a socket.
    pub fn receive(socket: &OwnedFd, room: &mut [u8]) -> nix::Result<Self> {
        let mut slices = [IoSliceMut::new(room)];
        let flags = MsgFlags::empty();
        let received = recvmsg::<NetlinkAddr>(socket.as_raw_fd(), &mut slices, None, flags)?;
        Ok(Self::of(&received))
    }

    /// Those of a socket that are there, one in each part, by one system call.
    pub fn receive_many(socket: &OwnedFd, parts: ChunksMut<'_, u8>) -> nix::Result<Vec<Self>> {
        let mut headers = MultiHeaders::<NetlinkAddr>::preallocate(parts.len(), None);
        let mut slices: Vec<_> = parts.map(|part| [IoSliceMut::new(part)]).collect();
        let (descriptor, flags) = (socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        let received = recvmmsg(descriptor, &mut headers, slices.iter_mut(), flags, None)?;
        Ok(received.map(|datagram| Self::of(&datagram)).collect())
    }

    fn of(received: &RecvMsg<'_, '_, NetlinkAddr>) -> Self {
        Self {
            length: received.bytes,
            is_cut: received.flags.contains(MsgFlags::MSG_TRUNC),
            is_of_kernel: received.address.is_some_and(|sender| sender.pid() == 0),
        }
    }
}

/// Room for one datagram, of a fixed size: room that grows would leave copies.
pub(super) struct ReceiveBuffer {
    bytes: Box<[u8]>,
    /// How much of it may hold something. Between the datagrams of one dump nothing is overwritten but by the next: they come at once, and
    /// to wipe megabytes byte by byte would cost more than to decode them.
    used: usize,
}

impl ReceiveBuffer {
    /// Room for this many bytes.
    pub fn new(size: usize) -> Self {
        Self { bytes: vec![0; size].into_boxed_slice(), used: 0 }
    }

    /// Receives a datagram of the kernel in the place of the one before, by `take`: how long it is, in bytes; none where somebody else sent it.
    ///
    /// # Errors
    /// What `take` says; `EMSGSIZE` where the datagram is larger than the buffer, and lost.
    pub fn receive(
        &mut self,
        take: impl FnOnce(&mut [u8]) -> nix::Result<Datagram>,
    ) -> nix::Result<Option<usize>> {
        let datagram = take(&mut self.bytes)?;
        self.used = self.used.max(datagram.length);
        if datagram.is_cut {
            self.used = self.bytes.len();
            return Err(Errno::EMSGSIZE);
        }
        Ok(datagram.is_of_kernel.then_some(datagram.length))
    }

    /// Receives several datagrams of the kernel at once by `take`, each in a part of so many bytes: how long each is, in their order; none where
    /// somebody else sent it.
    ///
    /// # Errors
    /// As those of [`ReceiveBuffer::receive`].
    pub fn receive_many(
        &mut self,
        part: usize,
        take: impl FnOnce(ChunksMut<'_, u8>) -> nix::Result<Vec<Datagram>>,
    ) -> nix::Result<Vec<Option<usize>>> {
        let datagrams = take(self.bytes.chunks_mut(part))?;
        self.used = self.used.max(datagrams.len().saturating_mul(part)).min(self.bytes.len());
        if datagrams.iter().any(|datagram| datagram.is_cut) {
            return Err(Errno::EMSGSIZE);
        }
        let length = |datagram: Datagram| datagram.is_of_kernel.then_some(datagram.length);
        Ok(datagrams.into_iter().map(length).collect())
    }

    /// So many bytes of what was received, from this one on.
    pub fn datagram_at(&self, start: usize, length: usize) -> &[u8] {
        self.bytes.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    /// The first bytes of what was received.
    pub fn datagram(&self, length: usize) -> &[u8] {
        self.bytes.get(..length).unwrap_or_default()
    }

    /// Lets `read` receive, and overwrites what was received, whatever `read` comes to: a datagram that is refused may hold keys as well.
    pub fn wiped_after<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let value = read(self);
        self.wipe();
        value
    }

    /// Overwrites what was received, in a way that the compiler does not leave out.
    pub fn wipe(&mut self) {
        if let Some(used) = self.bytes.get_mut(..self.used) {
            used.zeroize();
        }
        self.used = 0;
    }
}

impl Drop for ReceiveBuffer {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::netlink::Request;
    use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, sendto, socket};

    /// A socket that the kernel answers with a link each, or with a refusal where no interface has the index.
    fn asked(interfaces: &[i32]) -> OwnedFd {
        let (family, flags) = (AddressFamily::Netlink, SockFlag::SOCK_CLOEXEC);
        let socket = socket(family, SockType::Raw, flags, SockProtocol::NetlinkRoute).unwrap();
        for ifindex in interfaces {
            // RTM_GETLINK, struct ifinfomsg.
            let mut header = [0; 16];
            header[4..8].copy_from_slice(&ifindex.to_ne_bytes());
            let request = Request::get(18).structure(&header).bytes(1);
            let kernel = NetlinkAddr::new(0, 0);
            sendto(socket.as_raw_fd(), &request, &kernel, MsgFlags::empty()).unwrap();
        }
        socket
    }

    fn receive(buffer: &mut ReceiveBuffer, from: &OwnedFd) -> nix::Result<Option<usize>> {
        buffer.receive(|room| Datagram::receive(from, room))
    }

    #[test]
    fn what_was_received_is_there_until_it_is_wiped() {
        let mut buffer = ReceiveBuffer::new(32 * 1024);
        let length = receive(&mut buffer, &asked(&[1])).unwrap().unwrap();
        assert!(length > 16);
        assert!(buffer.datagram(length).iter().any(|byte| *byte != 0));
        buffer.wipe();
        assert!(buffer.bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_datagram_that_does_not_fit_is_wiped_too() {
        let mut buffer = ReceiveBuffer::new(64);
        assert_eq!(receive(&mut buffer, &asked(&[1])), Err(Errno::EMSGSIZE));
        assert!(buffer.bytes.iter().any(|byte| *byte != 0));
        buffer.wipe();
        assert!(buffer.bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn what_a_shorter_datagram_leaves_of_a_longer_one_is_wiped() {
        let mut buffer = ReceiveBuffer::new(32 * 1024);
        let socket = asked(&[1, i32::MAX]);
        let longer = receive(&mut buffer, &socket).unwrap().unwrap();
        let shorter = receive(&mut buffer, &socket).unwrap().unwrap();
        assert!(shorter < longer);
        assert!(buffer.bytes.iter().skip(shorter).any(|byte| *byte != 0));
        buffer.wipe();
        assert!(buffer.bytes.iter().all(|byte| *byte == 0));
    }
}
