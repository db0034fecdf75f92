//! Makes and deletes SAs as fast as the kernel takes them, straight over netlink: `lab --flood SECONDS IF_ID`. It prints how many changes the
//! kernel took. Runs in the guest only; starting `ip` would be most of the work.

use crate::Fallible;
use nix::errno::Errno;
use nix::sys::socket::{
    self as system, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};
use vti_diagnostics::wire::netlink::{self, Request};
use vti_diagnostics::wire::xfrm_state::NEWSA;

/// NETLINK_XFRM by its number, for which nix has no name.
const XFRM: SockProtocol = SockProtocol::Tcp;
const DELSA: u16 = 17;
const XFRMA_ALG_AUTH: u16 = 1;
const XFRMA_ALG_CRYPT: u16 = 2;
const XFRMA_IF_ID: u16 = 31;
/// NLM_F_REQUEST, NLM_F_CREATE, NLM_F_EXCL.
const CREATE: u16 = 0x601;
/// SAs that are there at a time. One datagram makes and deletes them: the system call is then a small part of the work.
const AT_ONCE: u32 = 64;
const FIRST_SPI: u32 = 0xf000_0000;

/// Floods, and tells of it. True when the kernel took every change.
pub fn run(words: &[&str]) -> Fallible<bool> {
    let [seconds, if_id] = words else { return Err("--flood needs SECONDS and IF_ID".into()) };
    let number = |word: &str| word.parse::<u32>().map_err(|_| format!("expected a number: {word}"));
    let (seconds, if_id) = (number(seconds)?, number(if_id)?);
    let failed = |errno| format!("cannot open a socket: {errno}");
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket =
        system::socket(AddressFamily::Netlink, SockType::Raw, flags, XFRM).map_err(failed)?;
    let spis = FIRST_SPI..FIRST_SPI + AT_ONCE;
    let made = spis.clone().map(|spi| added(spi, if_id));
    let datagram: Vec<u8> = made.chain(spis.map(deleted)).flatten().collect();
    let (began, mut changes) = (Instant::now(), 0_u64);
    while began.elapsed() < Duration::from_secs(seconds.into()) {
        exchange(&socket, &datagram)?;
        changes += u64::from(2 * AT_ONCE);
    }
    let elapsed = began.elapsed().as_secs_f64();
    println!("{changes} changes in {elapsed:.1} s, {:.0} a second", changes as f64 / elapsed);
    Ok(true)
}

/// Sends requests that the kernel answers only where it refuses one, before the sending returns.
fn exchange(socket: &OwnedFd, requests: &[u8]) -> Fallible<()> {
    let failed = |errno| format!("cannot ask the kernel: {errno}");
    let (descriptor, kernel) = (socket.as_raw_fd(), NetlinkAddr::new(0, 0));
    system::sendto(descriptor, requests, &kernel, MsgFlags::empty()).map_err(failed)?;
    let mut answer = [0; 1024];
    let length = match system::recv(descriptor, &mut answer, MsgFlags::MSG_DONTWAIT) {
        Ok(length) => length,
        Err(Errno::EAGAIN) => return Ok(()),
        Err(errno) => return Err(failed(errno)),
    };
    let answer = answer.get(..length).unwrap_or_default();
    let message = netlink::messages(answer).next().ok_or("an empty answer")?;
    let errno = message.and_then(|message| message.errno()).map_err(|error| error.to_string())?;
    Err(format!("the kernel refused an SA: errno {errno}"))
}

/// From the router to the peer, ESP in tunnel mode, without any cryptography.
fn added(spi: u32, if_id: u32) -> Vec<u8> {
    let mut info = [0_u8; 224];
    let mut put = |at: usize, bytes: &[u8]| {
        info.iter_mut().skip(at).zip(bytes).for_each(|(byte, new)| *byte = *new);
    };
    put(56, &[192, 0, 2, 2]);
    put(72, &spi.to_be_bytes());
    put(76, &[50]);
    put(80, &[192, 0, 2, 1]);
    // No limits of bytes and packets.
    put(96, &[0xff; 32]);
    put(208, &1_u32.to_ne_bytes());
    put(212, &2_u16.to_ne_bytes());
    // XFRM_MODE_TUNNEL; XFRM_STATE_AF_UNSPEC.
    put(214, &[1, 0, 32]);
    let request = Request::get(NEWSA)
        .structure(&info)
        .attribute(XFRMA_ALG_AUTH, &algorithm("digest_null"))
        .attribute(XFRMA_ALG_CRYPT, &algorithm("ecb(cipher_null)"))
        .attribute(XFRMA_IF_ID, &if_id.to_ne_bytes());
    let mut bytes = request.bytes(1);
    // Flags that the program never sends.
    bytes.iter_mut().skip(6).zip(CREATE.to_ne_bytes()).for_each(|(byte, new)| *byte = new);
    bytes
}

fn deleted(spi: u32) -> Vec<u8> {
    let mut id = [0_u8; 24];
    let bytes = [&[192, 0, 2, 2][..], &[0; 12], &spi.to_be_bytes(), &2_u16.to_ne_bytes(), &[50, 0]];
    id.iter_mut().zip(bytes.concat()).for_each(|(byte, new)| *byte = new);
    Request::get(DELSA).structure(&id).bytes(1)
}

/// `struct xfrm_algo` without a key.
fn algorithm(name: &str) -> [u8; 68] {
    let mut bytes = [0; 68];
    bytes.iter_mut().zip(name.bytes()).for_each(|(byte, new)| *byte = new);
    bytes
}
