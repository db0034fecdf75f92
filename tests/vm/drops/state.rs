//! What the guest's kernel says of the drop monitor and of the processes of `drops`; and the monitor switched off without the program, so
//! that a case that failed does not spoil the next one.

use crate::Fallible;
use crate::lines;
use nix::errno::Errno;
use nix::sys::socket::{
    self, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
};
use nix::unistd::Pid;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use vti_diagnostics::wire::netlink::Request;
use vti_diagnostics::wire::{drop_monitor, genetlink, netlink};

/// Each use of the monitor holds its module once.
const USES: &str = "/sys/module/drop_monitor/refcnt";
const MODULE: &str = "/sys/module/drop_monitor";

pub fn is_off() -> bool {
    std::fs::read_to_string(USES).map_or(true, |uses| uses.trim() == "0")
}

/// By the kernel's answer: while the module is loaded, something else holds it for a moment.
pub fn is_on() -> bool {
    let is_held = is_loaded() && !is_off();
    let probe = || command(drop_monitor::probe(family()?));
    let answer = if is_held { probe().ok() } else { None };
    let mut messages = netlink::messages(answer.as_deref().unwrap_or_default());
    let errno = messages.next().and_then(|message| message.ok()?.errno().ok());
    errno == Some(Errno::EBUSY as i32)
}

pub fn is_loaded() -> bool {
    std::path::Path::new(MODULE).exists()
}

/// The guardians that are left.
pub fn guardians() -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_guardian = |entry: &std::fs::DirEntry| {
        let line = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        line.contains("drops-guardian")
    };
    let number = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().parse().ok();
    processes.filter(is_guardian).filter_map(number).map(Pid::from_raw).collect()
}

/// Waits for something; how long it took, none where it did not happen within 5 s.
pub fn within(is_so: impl FnMut() -> bool) -> Option<Duration> {
    within_of(Duration::from_secs(5), is_so)
}

/// The same for another time.
pub fn within_of(most: Duration, mut is_so: impl FnMut() -> bool) -> Option<Duration> {
    let began = Instant::now();
    while began.elapsed() < most {
        if is_so() {
            return Some(began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Takes the module out, by its own tool: the error where the kernel refuses.
pub fn unload() -> Fallible<()> {
    match is_loaded() {
        true => lines::script("modprobe -r drop_monitor"),
        false => Ok(()),
    }
}

/// Switches the monitor off, and takes the module out.
pub fn clear() -> Fallible<()> {
    if !is_off() {
        let failed = |errno: Errno| format!("cannot switch the drop monitor off: {errno}");
        let family = family().map_err(failed)?;
        command(drop_monitor::stop(family)).map_err(failed)?;
    }
    match within(|| unload().is_ok()) {
        Some(_) => Ok(()),
        None => unload(),
    }
}

/// The number of the monitor's family.
pub fn family() -> Result<u16, Errno> {
    let answer = command(genetlink::question(drop_monitor::FAMILY))?;
    let mut messages = netlink::messages(&answer).filter_map(Result::ok);
    let family = messages.find_map(|message| genetlink::decode(message.payload).ok());
    family.map(|family| family.id).ok_or(Errno::ENOENT)
}

/// One request to a generic netlink family, and the first datagram of the answer.
pub fn command(request: Request) -> Result<Vec<u8>, Errno> {
    let kind = (SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkGeneric);
    let socket = socket::socket(AddressFamily::Netlink, kind.0, kind.1, kind.2)?;
    let request = request.acknowledged().bytes(1);
    let kernel = NetlinkAddr::new(0, 0);
    socket::sendto(socket.as_raw_fd(), &request, &kernel, MsgFlags::empty())?;
    let mut answer = vec![0; 8192];
    let length = socket::recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    answer.truncate(length);
    Ok(answer)
}
