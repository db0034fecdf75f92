//! The buffer that netlink's datagrams are received into. The kernel's messages about SAs hold their keys for who has CAP_NET_ADMIN, and it
//! cannot be asked to leave them out: so what was received is overwritten before anything else is, and when the buffer goes.
//! It decodes nothing.

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, NetlinkAddr, recvmsg};
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use zeroize::Zeroize;

/// Room for one datagram, of a fixed size: room that grows would leave copies.
pub(super) struct ReceiveBuffer {
    bytes: Box<[u8]>,
    /// How much of it may hold something.
    used: usize,
}

impl ReceiveBuffer {
    /// Room for this many bytes.
    pub fn new(size: usize) -> Self {
        Self { bytes: vec![0; size].into_boxed_slice(), used: 0 }
    }

    /// Receives a datagram in the place of the one before: how long it is, in bytes, and the port that sent it (0: the kernel).
    ///
    /// # Errors
    /// What `recvmsg` says; `EMSGSIZE` where the datagram is larger than the buffer, and lost.
    pub fn receive(&mut self, from: &OwnedFd) -> Result<(usize, u32), Errno> {
        self.wipe();
        let mut slices = [IoSliceMut::new(&mut self.bytes)];
        let datagram =
            recvmsg::<NetlinkAddr>(from.as_raw_fd(), &mut slices, None, MsgFlags::empty())?;
        let (length, flags) = (datagram.bytes, datagram.flags);
        // A sender without an address is not the kernel.
        let port = datagram.address.map_or(u32::MAX, |sender| sender.pid());
        self.used = length;
        if flags.contains(MsgFlags::MSG_TRUNC) {
            self.used = self.bytes.len();
            return Err(Errno::EMSGSIZE);
        }
        Ok((length, port))
    }

    /// The first bytes of what was received.
    pub fn datagram(&self, length: usize) -> &[u8] {
        self.bytes.get(..length).unwrap_or_default()
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

    #[test]
    fn what_was_received_is_there_until_it_is_wiped() {
        let mut buffer = ReceiveBuffer::new(32 * 1024);
        let (length, port) = buffer.receive(&asked(&[1])).unwrap();
        assert!(length > 16 && port == 0);
        assert!(buffer.datagram(length).iter().any(|byte| *byte != 0));
        buffer.wipe();
        assert!(buffer.bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_datagram_that_does_not_fit_is_wiped_too() {
        let mut buffer = ReceiveBuffer::new(64);
        assert_eq!(buffer.receive(&asked(&[1])), Err(Errno::EMSGSIZE));
        assert!(buffer.bytes.iter().any(|byte| *byte != 0));
        buffer.wipe();
        assert!(buffer.bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_shorter_datagram_leaves_nothing_of_a_longer_one() {
        let mut buffer = ReceiveBuffer::new(32 * 1024);
        let socket = asked(&[1, i32::MAX]);
        let (longer, _) = buffer.receive(&socket).unwrap();
        let (shorter, _) = buffer.receive(&socket).unwrap();
        assert!(shorter < longer);
        assert!(buffer.bytes.iter().skip(shorter).all(|byte| *byte == 0));
    }
}
