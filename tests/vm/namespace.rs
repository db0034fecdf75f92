//! Network namespaces without programs: starting one costs most of a case's time under emulation.

use crate::Fallible;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

/// A fresh network namespace; it ends with this value. `ip -n NAME` finds it.
pub struct Namespace {
    handle: File,
    name: PathBuf,
}

impl Namespace {
    pub fn new(name: &str) -> Fallible<Namespace> {
        let failed =
            |error: &dyn std::fmt::Display| format!("cannot make namespace {name}: {error}");
        let handle = apart(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| failed(&error))?;
            File::open("/proc/thread-self/ns/net").map_err(|error| failed(&error))
        })?;
        let path = PathBuf::from("/run/netns").join(name);
        std::fs::create_dir_all("/run/netns").map_err(|error| failed(&error))?;
        let target = format!("/proc/{}/fd/{}", std::process::id(), handle.as_raw_fd());
        std::os::unix::fs::symlink(target, &path).map_err(|error| failed(&error))?;
        Ok(Namespace { handle, name: path })
    }

    /// Does the work inside, with `/sys` as it looks from there. Programs it starts are inside too, and sockets it makes stay inside.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> Fallible<T> + Send) -> Fallible<T> {
        apart(|| {
            let failed = |error| format!("cannot enter namespace {}: {error}", self.name.display());
            setns(&self.handle, CloneFlags::CLONE_NEWNET).map_err(failed)?;
            unshare(CloneFlags::CLONE_NEWNS).map_err(failed)?;
            umount2("/sys", MntFlags::MNT_DETACH).map_err(failed)?;
            mount(None::<&str>, "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>)
                .map_err(failed)?;
            work()
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A name that stays makes the next case fail, loudly.
        let _ = std::fs::remove_file(&self.name);
    }
}

/// Runs in a thread of its own, because namespaces belong to threads.
fn apart<T: Send>(work: impl FnOnce() -> Fallible<T> + Send) -> Fallible<T> {
    std::thread::scope(|scope| {
        scope.spawn(work).join().unwrap_or_else(|_| Err("a case panicked".into()))
    })
}
