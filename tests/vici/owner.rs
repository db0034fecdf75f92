//! A socket that another user made: whoever can make a file at the path could tell what it likes.

use super::{assert_missing, skip};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use vti_diagnostics::collect;
use vti_diagnostics::snapshot::Reason;

/// A user without any right; on most systems it is called nobody.
const NOBODY: u32 = 65534;
const SOCKET: &str = "VICI_TEST_SOCKET";

#[test]
fn a_socket_of_another_user_is_not_believed() {
    if !collect::is_root() {
        return skip("only root can start a process as another user");
    }
    // This executable again, as another user, from a place where that user may go.
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let copy = directory.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let socket = directory.path().join("charon.vici");
    let mut other = Command::new(&copy)
        .args(["--exact", "owner::listens_as_another_user", "--ignored", "--nocapture"])
        .env(SOCKET, &socket)
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("listening")));
    let words = format!("the socket belongs to user {NOBODY}, not to root: ignored");
    assert_missing("another user's", &socket, Reason::Denied, &words);
    drop(other.stdin.take());
    other.wait().unwrap();
}

/// Listens until standard input ends.
#[test]
#[ignore = "the other end of a_socket_of_another_user_is_not_believed"]
fn listens_as_another_user() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    let _listener = UnixListener::bind(socket).unwrap();
    println!("listening");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
