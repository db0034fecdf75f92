//! Answers that are small on the wire and large in memory: they are given up at a number of elements, in time and in little memory.

use super::answers::{Answers, XFRM, name};
use super::server::{Server, request, with_length};
use super::{LIMIT, captured, program};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;
use vti_diagnostics::snapshot::{Missing, Reason, Source};

/// charon's limit of a packet.
const PACKET: usize = 512 * 1024;

/// An event `list-sa` that is full of one element.
fn full(before: &[u8], element: &[u8], after: &[u8]) -> Vec<u8> {
    let head = [&b"\x07"[..], &name(b"list-sa"), before].concat();
    let room = PACKET - head.len() - after.len();
    [&head, &element.repeat(room / element.len())[..], after].concat()
}

/// A charon that lists no connection, and then IKE_SAs in this packet, over and over.
fn flooding(packet: Vec<u8>) -> Server {
    let answers = Answers::recorded(XFRM);
    Server::new(move |mut stream| {
        loop {
            let (kind, name) = request(&mut stream)?;
            match (kind, name.as_str()) {
                (3, _) => stream.write_all(&with_length(&[5]))?,
                (_, "list-sas") => loop {
                    stream.write_all(&with_length(&packet))?;
                },
                (_, "list-conns") => stream.write_all(&with_length(&[1]))?,
                _ => stream.write_all(&with_length(&answers.0[&name][0]))?,
            }
        }
    })
}

/// Why charon is missing, in time, and also with 128 MiB of address space.
fn given_up(what: &str, server: &Server) -> Missing {
    let (snapshot, taken) = captured(&server.socket);
    let missing = snapshot.ike.unwrap_err();
    println!("{what}: {taken:?}, {missing}");
    assert!(taken < LIMIT, "{what}: {taken:?}");
    let limited =
        format!("ulimit -v 131072; exec \"$0\" capture --vici {}", server.socket.display());
    let start = Instant::now();
    let status = Command::new("sh")
        .args(["-c", &limited])
        .arg(program().get_program())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{what}, with 128 MiB of address space: {status}");
    assert!(start.elapsed() < LIMIT, "{what}: {:?}", start.elapsed());
    missing
}

fn assert_given_up(what: &str, packet: Vec<u8>, words: &str) {
    let server = flooding(packet);
    let detail = format!("cannot ask charon at {}: {words}", server.socket.display());
    let missing = Missing::new(Source::Charon, Reason::Malformed, detail);
    assert_eq!(given_up(what, &server), missing, "{what}");
}

#[test]
fn empty_sections_without_end_are_given_up() {
    let words = "VICI sections: more than 131072";
    assert_given_up("IKE_SAs", full(b"", b"\x01\x00\x02", b""), words);
    let children = full(b"\x01\x00\x01\x09child-sas", b"\x01\x00\x02", b"\x02\x02");
    assert_given_up("CHILD_SAs", children, words);
}

#[test]
fn list_items_without_end_are_given_up() {
    let queued = full(b"\x01\x00\x04\x0ctasks-queued", b"\x05\x00\x00", b"\x06\x02");
    assert_given_up("list items", queued, "VICI list items: more than 262144");
}

/// Which limit comes first, bytes or time, is the machine's affair: the time that decoding takes counts.
#[test]
fn values_without_end_are_given_up_in_bytes_or_in_time() {
    let missing = given_up("values", &flooding(full(b"", b"\x03\x00\x00\x00", b"")));
    let full = missing.detail.ends_with("its answers are longer than 33554432 bytes");
    assert!(full || missing.reason == Reason::TimedOut, "{missing}");
}
