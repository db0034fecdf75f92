//! The buffer for netlink datagrams. The kernel's messages about SAs include their keys for a process with CAP_NET_ADMIN, and the kernel cannot
//! be asked to omit them. So received data is overwritten when the buffer is dropped and, in a buffer that stays, before the program waits.
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
    /// It was longer than the buffer.
    pub is_cut: bool,
    /// A privileged process may send to a netlink socket; only the kernel has port 0.
    pub is_of_kernel: bool,
}

impl Datagram {
    /// The next datagram of a socket.
    pub fn receive(socket: &OwnedFd, room: &mut [u8]) -> nix::Result<Self> {
        let mut slices = [IoSliceMut::new(room)];
        let flags = MsgFlags::empty();
        let received = recvmsg::<NetlinkAddr>(socket.as_raw_fd(), &mut slices, None, flags)?;
        Ok(Self::of(&received))
    }

    /// The waiting datagrams of a socket, one in each part, by one system call.
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

/// A buffer of a fixed size for one datagram: one that grows would leave copies in memory.
pub(super) struct ReceiveBuffer {
    bytes: Box<[u8]>,
    /// How many bytes may contain data. Between the datagrams of a dump nothing is wiped, only overwritten by the next one: they arrive
    /// immediately, and wiping megabytes byte by byte would cost more than decoding them.
    used: usize,
}

impl ReceiveBuffer {
    /// A buffer of so many bytes.
    pub fn new(size: usize) -> Self {
        Self { bytes: vec![0; size].into_boxed_slice(), used: 0 }
    }

    /// Receives a datagram of the kernel by `take` and overwrites the previous one. Returns its length in bytes; none where another process sent it.
    ///
    /// # Errors
    /// Those of `take`; `EMSGSIZE` where the datagram is larger than the buffer and therefore lost.
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

    /// Receives several datagrams of the kernel by one `take`, each in a part of so many bytes. Returns their lengths in their order; none where
    /// another process sent one.
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

    /// So many received bytes, from this offset on.
    pub fn datagram_at(&self, start: usize, length: usize) -> &[u8] {
        self.bytes.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    /// The first received bytes.
    pub fn datagram(&self, length: usize) -> &[u8] {
        self.bytes.get(..length).unwrap_or_default()
    }

    /// Lets `read` receive, and overwrites the received data in any case: a rejected datagram may contain keys as well.
    pub fn wiped_after<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let value = read(self);
        self.wipe();
        value
    }

    /// Overwrites the received data in a way that the compiler cannot remove.
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

    /// A socket on which the kernel answers each request with a link, or with an error where no interface has the index.
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
