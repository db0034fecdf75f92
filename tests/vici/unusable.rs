//! Nothing usable on the socket: each time charon is missing with its reason, within the time, and the rest is read.

use super::answers::{Answers, XFRM};
use super::server::{Server, converse, request, with_length};
use super::{LIMIT, assert_missing, output};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket,
};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use vti_diagnostics::capture;
use vti_diagnostics::collect;
use vti_diagnostics::snapshot::ike::Ike;
use vti_diagnostics::snapshot::{Observed, Reason, Snapshot, Source};

const NO_ANSWER: &str = "connection timed out";
const CLOSED: &str = "it closed the connection";

#[test]
fn a_socket_that_does_not_exist_is_absent() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("charon.vici");
    assert_missing("no socket", &socket, Reason::Absent, "no such file or directory");
    let socket = socket.join("further");
    assert_missing("no directory", &socket, Reason::Absent, "no such file or directory");
}

#[test]
fn a_path_that_no_socket_can_have_is_refused() {
    let long = std::path::PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
    assert_missing("too long", &long, Reason::Failed, "file name too long");
}

#[test]
fn a_file_and_a_socket_without_a_listener_are_nobody_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a socket").unwrap();
    assert_missing("regular file", &file, Reason::Failed, "no process listens on it");
    let stale = directory.path().join("stale");
    drop(UnixListener::bind(&stale).unwrap());
    assert_missing("stale socket", &stale, Reason::Failed, "no process listens on it");
}

#[test]
fn a_daemon_that_accepts_and_never_answers_is_given_up() {
    let server = Server::new(|mut stream| {
        while stream.read(&mut [0; 64])? > 0 {}
        Ok(())
    });
    assert_missing("silent", &server.socket, Reason::TimedOut, NO_ANSWER);
}

#[test]
fn a_daemon_that_hangs_is_asked_once_in_an_interval() {
    let connections = Arc::new(AtomicUsize::new(0));
    let server = {
        let connections = connections.clone();
        Server::new(move |mut stream| {
            connections.fetch_add(1, Ordering::SeqCst);
            while stream.read(&mut [0; 64])? > 0 {}
            Ok(())
        })
    };
    let start = Instant::now();
    let yaml = output(&["capture", "--interval", "1"], &server.socket);
    println!("silent, with an interval of 1 s: {:?}", start.elapsed());
    let [first, second] = looks(&yaml).map(Result::unwrap_err);
    assert_eq!((first.reason, second.reason), (Reason::TimedOut, Reason::TimedOut));
    assert!(first.detail.ends_with(NO_ANSWER), "{first}");
    let asked_once =
        format!("charon was not asked again at {}: it did not answer ", server.socket.display());
    let when = second.detail.strip_prefix(&asked_once).unwrap().strip_suffix(" s earlier").unwrap();
    // It is given up after 1.9 s, and an interval follows.
    assert!(when.parse::<f64>().unwrap() >= 2.0, "{when}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// What failed for another reason costs no time, and may be better at the second look.
#[test]
fn a_daemon_that_came_back_is_read_at_the_second_look() {
    let broken = Arc::new(AtomicUsize::new(0));
    let answers = Answers::recorded(XFRM);
    let server = Server::new(move |stream| {
        let limit = if broken.fetch_add(1, Ordering::SeqCst) == 0 { 3 } else { usize::MAX };
        converse(&answers, stream, limit)
    });
    let yaml = output(&["capture", "--interval", "1"], &server.socket);
    let [first, second] = looks(&yaml);
    assert_eq!(first.unwrap_err().reason, Reason::Failed);
    assert!(!second.unwrap().sas.is_empty());
}

/// What two looks have of charon.
fn looks(yaml: &str) -> [Observed<Ike>; 2] {
    let snapshots: [Snapshot; 2] = capture::from_yaml(yaml).unwrap().snapshots.try_into().unwrap();
    snapshots.map(|snapshot| snapshot.ike)
}

#[test]
fn a_full_backlog_holds_nobody_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("charon.vici");
    let address = UnixAddr::new(&path).unwrap();
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let new = || socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
    let listener = new();
    bind(listener.as_raw_fd(), &address).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = new();
        match connect(client.as_raw_fd(), &address) {
            Ok(()) => waiting.push(client),
            Err(error) => break assert_eq!(error, Errno::EAGAIN),
        }
    }
    assert!(!waiting.is_empty() && waiting.len() < 10);
    assert_missing("full backlog", &path, Reason::TimedOut, NO_ANSWER);
}

#[test]
fn a_byte_now_and_then_does_not_prolong_the_time() {
    let version = Answers::recorded(XFRM).0["version"][0].clone();
    let server = Server::new(move |mut stream| {
        for byte in with_length(&version) {
            stream.write_all(&[byte])?;
            sleep(Duration::from_millis(300));
        }
        Ok(())
    });
    assert_missing("a byte every 0.3 s", &server.socket, Reason::TimedOut, NO_ANSWER);
}

#[test]
fn events_without_end_are_given_up_in_time_and_in_little_memory() {
    let answers = Answers::recorded(XFRM);
    let server = Server::new(move |mut stream| {
        loop {
            let (kind, name) = request(&mut stream)?;
            match (kind, name.as_str()) {
                (3, _) => stream.write_all(&with_length(&[5]))?,
                (_, "version" | "stats") => stream.write_all(&with_length(&answers.0[&name][0]))?,
                _ => loop {
                    stream.write_all(&with_length(&answers.0["list-conns"][0]))?;
                },
            }
        }
    });
    // How much comes in before the time or the size is over is the machine's affair.
    let (snapshot, taken) = super::captured(&server.socket);
    let missing = snapshot.ike.unwrap_err();
    println!("endless events: {taken:?}, {missing}");
    assert!(taken < LIMIT);
    assert_eq!(missing.source, Source::Charon);
    assert!(matches!(missing.reason, Reason::TimedOut | Reason::Malformed), "{missing}");
    let limited =
        format!("ulimit -v 524288; exec \"$0\" capture --vici {}", server.socket.display());
    let program = super::program();
    let status = std::process::Command::new("sh")
        .args(["-c", &limited])
        .arg(program.get_program())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "with 512 MiB of address space: {status}");
}

#[test]
fn a_packet_of_four_gigabytes_is_not_waited_for() {
    let server = Server::new(|mut stream| {
        stream.write_all(&u32::MAX.to_be_bytes())?;
        sleep(LIMIT);
        Ok(())
    });
    let words = "a packet of 4294967295 bytes is larger than any answer";
    assert_missing("4 GiB", &server.socket, Reason::Malformed, words);
}

#[test]
fn what_is_not_vici_is_malformed() {
    for (what, packet, words) in [
        ("no packet", &b""[..], "VICI packet: need 1 bytes, have 0"),
        ("packet type", b"\x2aabc", "VICI packet type: unexpected value 42"),
        ("element", b"\x01GET / HTTP/1.1", "VICI element: unexpected value 71"),
        ("end", b"\x01\x01\x01a", "VICI section end: missing"),
        ("request", b"\x00\x01a", "unexpected answer to version: Request"),
    ] {
        let server = Server::packet(packet);
        assert_missing(what, &server.socket, Reason::Malformed, words);
    }
    let deep = [&b"\x01"[..], &b"\x01\x01s".repeat(1000), &b"\x02".repeat(1000)].concat();
    let words = "VICI section depth: unexpected value 17";
    assert_missing("depth", &Server::packet(&deep).socket, Reason::Malformed, words);
    let server = Server::new(|mut stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
        sleep(LIMIT);
        Ok(())
    });
    let words = "a packet of 1213486160 bytes is larger than any answer";
    assert_missing("another protocol", &server.socket, Reason::Malformed, words);
}

#[test]
fn a_daemon_that_knows_no_command_or_event_is_too_old() {
    let unknown = Server::packet(b"\x02");
    assert_missing("command", &unknown.socket, Reason::Malformed, "it does not know version");
    let answers = Answers::recorded(XFRM);
    let server = Server::new(move |mut stream| {
        loop {
            let (kind, name) = request(&mut stream)?;
            let packet = if kind == 3 { &b"\x06"[..] } else { &answers.0[&name][0] };
            stream.write_all(&with_length(packet))?;
        }
    });
    assert_missing("event", &server.socket, Reason::Malformed, "it does not know list-conn");
}

/// The whole of the program, for a few places; each byte, by the library.
#[test]
fn a_connection_that_closes_at_any_byte_leaves_charon_missing() {
    let answers = Answers::recorded(XFRM);
    let confirmations = 3 * 5;
    let all = answers.packets().iter().map(|p| with_length(p).len()).sum::<usize>() + confirmations;
    let limit = Arc::new(AtomicUsize::new(0));
    let server = {
        let limit = limit.clone();
        Server::new(move |stream| converse(&answers, stream, limit.load(Ordering::SeqCst)))
    };
    for end in [0, 3, all / 2, all - 1] {
        limit.store(end, Ordering::SeqCst);
        assert_missing(&format!("closed after {end}"), &server.socket, Reason::Failed, CLOSED);
    }
    let start = Instant::now();
    for end in 0..=all {
        limit.store(end, Ordering::SeqCst);
        let snapshot = collect::snapshot(&[], Some(&server.socket));
        assert!(snapshot.links.is_ok());
        match snapshot.ike {
            Ok(_) => assert_eq!(end, all),
            Err(missing) => {
                assert!(end < all, "{missing}");
                assert_eq!(missing.reason, Reason::Failed, "closed after {end}: {missing}");
                assert!(missing.detail.ends_with(CLOSED), "closed after {end}: {missing}");
            }
        }
    }
    println!("closed at each of {all} bytes: {:?}", start.elapsed());
}
