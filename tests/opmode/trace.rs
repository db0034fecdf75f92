//! What a program did to the system, seen by strace: which files it opened, and whether it started anything. Only the runs of the one
//! program count; the shell around it may do as it likes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Every call that starts a process, makes, changes or opens a file, or opens a socket. With `?` where an architecture may lack it.
const CALLS: &str = "trace=execve,?execveat,?fork,?vfork,clone,?clone3,?open,openat,?openat2,?creat,?mknod,mknodat,?rename,renameat,\
                     ?renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,?link,linkat,?symlink,symlinkat,truncate,ftruncate,fallocate,\
                     ?chmod,fchmod,fchmodat,?chown,fchown,?lchown,fchownat,setxattr,socket,connect,kill,mount,umount2,ptrace";

/// What the runs of one program did.
#[derive(Debug, Default)]
pub struct Trace {
    /// How often it was run.
    pub runs: usize,
    /// The calls that are not allowed, as strace writes them.
    pub violations: Vec<String>,
    /// Processes that it made, and those that became the journal's reader, with an empty environment: no others may be.
    pub children: usize,
    pub readers: usize,
}

/// Runs a script of bash under strace, and gives its output and what the runs of `program` in it did.
pub fn run(
    script: &str,
    arguments: &[&OsStr],
    directory: &Path,
    program: &Path,
) -> (Output, Trace) {
    let log = directory.with_extension("strace");
    let output = Command::new("strace")
        .args(["-f", "--seccomp-bpf", "-s", "16", "-e", CALLS, "-o"])
        .arg(&log)
        .args(["bash", "--noprofile", "--norc", "-c", script, "bash"])
        .args(arguments)
        .env("LC_ALL", "C")
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("strace: {error}"));
    let text = fs::read(&log).unwrap();
    fs::remove_file(&log).unwrap();
    (output, read(&String::from_utf8_lossy(&text), program))
}

fn read(log: &str, program: &Path) -> Trace {
    let start = format!("execve(\"{}\",", program.display());
    let (mut trace, mut running) = (Trace::default(), BTreeSet::new());
    for line in log.lines() {
        let (process, what) = line.split_once(' ').unwrap_or((line, ""));
        let what = what.trim_start();
        if what.starts_with(&start) {
            trace.runs += 1;
            if !running.insert(process.to_string()) {
                trace.violations.push(line.to_string());
            }
        } else if what.starts_with("+++") {
            running.remove(process);
        } else if what.starts_with(READER) {
            trace.readers += 1;
            if !what.contains("/* 0 vars */") {
                trace.violations.push(line.to_string());
            }
        } else if running.contains(process) && is_child(what) {
            trace.children += 1;
        } else if running.contains(process) && !is_allowed(what) {
            trace.violations.push(line.to_string());
        }
    }
    if trace.children != trace.readers || trace.readers > trace.runs {
        let (children, readers) = (trace.children, trace.readers);
        trace
            .violations
            .push(format!("{children} made by clone or fork, {readers} read the journal"));
    }
    trace
}

/// The one program that may be started: `src/collect/journalctl.rs`.
const READER: &str = "execve(\"/usr/bin/journalctl\",";

/// A process made by the C library's posix_spawn(): it shares the memory of its maker until it is another program.
fn is_child(what: &str) -> bool {
    let makes = ["clone(", "clone3(", "vfork("].iter().any(|call| what.starts_with(call));
    makes && (what.contains("CLONE_VFORK") || what.starts_with("vfork("))
}

/// Reading files, writing into nothing, netlink, charon's socket, signals that arrive, and the ends of calls whose beginnings were looked at.
fn is_allowed(what: &str) -> bool {
    let opens = what.starts_with("openat(") || what.starts_with("open(");
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];
    (opens && what.contains("O_RDONLY") && !writes.iter().any(|flag| what.contains(flag)))
        || what.starts_with("openat(AT_FDCWD, \"/dev/null\", O_WRONLY|O_CLOEXEC)")
        || what.starts_with("socket(AF_NETLINK,")
        || what.starts_with("socket(AF_UNIX, SOCK_STREAM|")
        || (what.starts_with("connect(") && what.contains("sun_path=\"/var/run/charon"))
        || what.starts_with("--- SIG")
        || (what.starts_with("<... ") && what.contains(" resumed>"))
}
