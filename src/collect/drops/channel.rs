//! The requests to the kernel's drop monitor, one function for each. It keeps nothing and decides nothing.

use crate::collect::failure::Failure;
use crate::collect::socket::{GENERIC, PATIENCE, Socket};
use crate::snapshot::Reason;
use crate::wire::drop_monitor::{self as monitor, Configuration};
use crate::wire::genetlink::{self, Family};
use crate::wire::netlink::Request;
use nix::errno::Errno;
use nix::kmod::{DeleteModuleFlags, delete_module};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The module, where the monitor is a module.
const MODULE: &std::ffi::CStr = c"drop_monitor";
/// The state of a loaded module (`modinfo_initstate`). A monitor that is built in has not even the directory: that exists only with parameters
/// or a version (`param_sysfs_builtin`), and it has neither.
const LOADED: &str = "/sys/module/drop_monitor/initstate";
/// A module that is in use for longer than this is in use by another process.
const IN_USE: Duration = Duration::from_millis(300);

/// Whether the monitor is a module and loaded.
pub(super) fn is_loaded() -> bool {
    Path::new(LOADED).exists()
}

/// Removes the module from the kernel, where it is a module. One that is in use stays.
pub(super) fn unload() {
    if !is_loaded() {
        return;
    }
    let until = Instant::now() + IN_USE;
    // The kernel may use it for a moment longer, although the monitor is off.
    while delete_module(MODULE, DeleteModuleFlags::O_NONBLOCK) == Err(Errno::EAGAIN)
        && Instant::now() < until
    {
        thread::sleep(Duration::from_millis(10));
    }
}

/// A socket to the family NET_DM.
pub(super) struct Channel {
    socket: Socket,
    family: Family,
}

impl Channel {
    /// Finds the family. The kernel loads the module, where there is one. The inner error is the kernel's: ENOENT where it has no monitor.
    pub fn open() -> Result<Result<Self, Errno>, Failure> {
        let mut socket = Socket::open(GENERIC)?;
        let question = genetlink::question(monitor::FAMILY);
        let answer = socket.ask(&question, genetlink::CONTROLLER, deadline(), genetlink::decode)?;
        Ok(answer.map(|family| Self { socket, family }))
    }

    /// The number of the multicast group for alerts.
    pub fn group(&self) -> Result<u32, Failure> {
        Ok(self.family.group(monitor::EVENTS)?)
    }

    /// The `nlmsg_type` of alerts.
    pub const fn family(&self) -> u16 {
        self.family.id
    }

    /// Reads how the monitor reports.
    pub fn configuration(&mut self) -> Result<Configuration, Failure> {
        let id = self.family.id;
        let question = monitor::question_configuration(id);
        let ask = || self.socket.ask(&question, id, deadline(), monitor::decode_configuration);
        Ok(again(ask)??)
    }

    /// Sets how it reports: EBUSY while it is on.
    pub fn configure(&mut self, to: Configuration) -> Result<Result<(), Errno>, Failure> {
        again(|| self.command(monitor::configure(self.family.id, to)))
    }

    /// Switches it on: EAGAIN when it is on already.
    pub fn start(&mut self) -> Result<Result<(), Errno>, Failure> {
        self.command(monitor::start(self.family.id))
    }

    /// Whether it is on, also by another process.
    pub fn is_on(&mut self) -> Result<bool, Failure> {
        match again(|| self.command(monitor::probe(self.family.id)))? {
            Ok(()) => Ok(false),
            Err(Errno::EBUSY) => Ok(true),
            // `genl_rcv_msg`: the family was removed with its module.
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Switches it off; no error where it is off already.
    pub fn stop(&mut self) -> Result<Result<(), Errno>, Failure> {
        again(|| self.command(monitor::stop(self.family.id)))
    }

    /// Packets for which its queues were full, since it was loaded.
    pub fn lost(&mut self) -> Result<u64, Failure> {
        let id = self.family.id;
        let question = monitor::question_statistics(id);
        let ask = || self.socket.ask(&question, id, deadline(), monitor::decode_statistics);
        Ok(again(ask)??)
    }

    fn command(&mut self, request: Request) -> Result<Result<(), Errno>, Failure> {
        self.socket.command(request, deadline())
    }
}

/// Sends a request again if the first got no answer in time: this process may have been stopped (Ctrl-Z) with the answer in its socket. Not for
/// [`Channel::start`], which the kernel accepts only once.
fn again<T>(mut ask: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    match ask() {
        Err(failure) if failure.reason == Reason::TimedOut => ask(),
        answer => answer,
    }
}

fn deadline() -> Instant {
    Instant::now() + PATIENCE
}
