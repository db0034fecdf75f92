//! Makes and deletes SAs as fast as the kernel takes them, straight over netlink: `lab --flood SECONDS IF_ID`. It prints how many changes the
//! kernel acknowledged. Runs in the guest only; starting `ip` would be most of the work.

use crate::Fallible;
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
/// NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL.
const CREATE: u16 = 0x605;
const ACKNOWLEDGED: u16 = 0x05;
/// SAs that are there at a time.
const AT_ONCE: u32 = 16;

/// Floods, and tells of it. True when the kernel took every change.
pub fn run(words: &[&str]) -> Fallible<bool> {
    let [seconds, if_id] = words else { return Err("--flood needs SECONDS and IF_ID".into()) };
    let number = |word: &str| word.parse::<u32>().map_err(|_| format!("expected a number: {word}"));
    let (seconds, if_id) = (number(seconds)?, number(if_id)?);
    let failed = |errno| format!("cannot open a socket: {errno}");
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket =
        system::socket(AddressFamily::Netlink, SockType::Raw, flags, XFRM).map_err(failed)?;
    let (began, mut changes, mut spi) = (Instant::now(), 0_u64, 0xf000_0000_u32);
    while began.elapsed() < Duration::from_secs(seconds.into()) {
        for offset in 0..AT_ONCE {
            exchange(&socket, &added(spi + offset, if_id))?;
        }
        for offset in 0..AT_ONCE {
            exchange(&socket, &deleted(spi + offset))?;
        }
        changes += u64::from(2 * AT_ONCE);
        spi = spi.wrapping_add(AT_ONCE) | 0xf000_0000;
    }
    let elapsed = began.elapsed().as_secs_f64();
    println!("{changes} changes in {elapsed:.1} s, {:.0} a second", changes as f64 / elapsed);
    Ok(true)
}

/// Sends a request and waits for its acknowledgement.
fn exchange(socket: &OwnedFd, request: &[u8]) -> Fallible<()> {
    let failed = |errno| format!("cannot ask the kernel: {errno}");
    let (descriptor, kernel) = (socket.as_raw_fd(), NetlinkAddr::new(0, 0));
    system::sendto(descriptor, request, &kernel, MsgFlags::empty()).map_err(failed)?;
    let mut answer = [0; 1024];
    let length = system::recv(descriptor, &mut answer, MsgFlags::empty()).map_err(failed)?;
    let answer = answer.get(..length).unwrap_or_default();
    let message = netlink::messages(answer).next().ok_or("an empty answer")?;
    let errno = message.and_then(|message| message.errno()).map_err(|error| error.to_string())?;
    if errno == 0 { Ok(()) } else { Err(format!("the kernel refused an SA: errno {errno}")) }
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
    flagged(request, CREATE)
}

fn deleted(spi: u32) -> Vec<u8> {
    let mut id = [0_u8; 24];
    let bytes = [&[192, 0, 2, 2][..], &[0; 12], &spi.to_be_bytes(), &2_u16.to_ne_bytes(), &[50, 0]];
    id.iter_mut().zip(bytes.concat()).for_each(|(byte, new)| *byte = new);
    flagged(Request::get(DELSA).structure(&id), ACKNOWLEDGED)
}

/// `struct xfrm_algo` without a key.
fn algorithm(name: &str) -> [u8; 68] {
    let mut bytes = [0; 68];
    bytes.iter_mut().zip(name.bytes()).for_each(|(byte, new)| *byte = new);
    bytes
}

/// A request with other flags than the program ever sends: it changes nothing, and asks for no acknowledgement.
fn flagged(request: Request, flags: u16) -> Vec<u8> {
    let mut bytes = request.bytes(1);
    bytes.iter_mut().skip(6).zip(flags.to_ne_bytes()).for_each(|(byte, new)| *byte = new);
    bytes
}
