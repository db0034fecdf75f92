//! A charon with a thousand IKE_SAs, each with a CHILD_SA: recorded answers with other numbers. The long run is beside swanctl:
//! `cargo test --release --test vici beside_swanctl -- --ignored --nocapture`.

use super::answers::{Answers, XFRM, name, replaced, value};
use super::server::Server;
use super::{ike, program};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vti_diagnostics::wire::vici::{Budget, Packet, Section};

const MANY: usize = 1000;
const SWANCTL: &str = "/usr/sbin/swanctl";

/// `packet` of connection c, its IKE_SA 1 and its CHILD_SA 1, as that of connection, IKE_SA and CHILD_SA `n`.
fn numbered(packet: &[u8], n: usize) -> Vec<u8> {
    let peer = format!("peer_{n:04}");
    let id = value(n.to_string().as_bytes());
    let number = |key: &[u8]| [&b"\x03"[..], &name(key), &id].concat();
    let spi = |key: &[u8], high: u32| {
        let digits = format!("{:08x}", high + n as u32);
        [&name(key)[..], &value(digits.as_bytes())].concat()
    };
    let mut packet = packet.to_vec();
    for (old, new) in [
        (&b"\x01\x01c"[..], [&b"\x01"[..], &name(peer.as_bytes())].concat()),
        (b"\x01\x03c-1", [&b"\x01"[..], &name(format!("c-{n}").as_bytes())].concat()),
        (b"\x03\x08uniqueid\x00\x011", number(b"uniqueid")),
        (b"\x03\x05reqid\x00\x011", number(b"reqid")),
        (b"\x06spi-in\x00\x08c3cbb47e", spi(b"spi-in", 0xc300_0000)),
        (b"\x07spi-out\x00\x08ccca32b6", spi(b"spi-out", 0xcc00_0000)),
    ] {
        packet = replaced(&packet, old, &new);
    }
    packet
}

/// So many IKE_SAs, each with a connection and a CHILD_SA.
fn tunnels(many: usize) -> Answers {
    let mut answers = Answers::recorded(XFRM);
    for command in ["list-conns", "list-sas"] {
        let packets = answers.0.get_mut(command).unwrap();
        let of_c = |packet: &&Vec<u8>| packet.windows(3).any(|window| window == b"\x01\x01c");
        let model = packets.iter().find(of_c).unwrap().clone();
        let response = packets.pop().unwrap();
        *packets = (1..=many).map(|n| numbered(&model, n)).collect();
        packets.push(response);
    }
    answers
}

#[test]
fn a_thousand_tunnels_are_all_read() {
    let server = Server::answering(tunnels(MANY));
    let start = Instant::now();
    let ike = ike(&server.socket);
    println!("{MANY} IKE_SAs: {:?}", start.elapsed());
    assert_eq!((ike.connections.len(), ike.sas.len()), (MANY, MANY));
    for (n, sa) in (1..).zip(&ike.sas) {
        let [child] = sa.children.as_slice() else { panic!("{sa:?}") };
        assert_eq!((sa.unique_id, child.unique_id, child.reqid.0), (n, n, n as u32));
        assert_eq!(sa.connection, format!("peer_{n:04}"));
        assert_eq!(
            (child.spi_in.0, child.spi_out.0),
            (0xc300_0000 + n as u32, 0xcc00_0000 + n as u32)
        );
    }
}

#[test]
fn ten_thousand_tunnels_are_within_the_limits_of_elements() {
    let mut budget = Budget::default();
    for packet in tunnels(10_000).packets() {
        let packet = Packet::decode(&packet).unwrap();
        Section::decode(packet.message, &mut budget).unwrap();
    }
    println!("10,000 IKE_SAs leave {budget:?}");
}

/// Whole processes in turn, their output to /dev/null: the median time of each.
#[test]
#[ignore = "a measurement, which needs swanctl and GNU time"]
fn a_thousand_tunnels_beside_swanctl() {
    let server = Server::answering(tunnels(MANY));
    let ours = || {
        let mut command = program();
        command.args(["show", "--vici"]).arg(&server.socket);
        command
    };
    let theirs = || {
        let mut command = Command::new(SWANCTL);
        command.arg("--list-sas").arg("--uri").arg(format!("unix://{}", server.socket.display()));
        command
    };
    let listed = theirs().output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).matches("ESTABLISHED").count();
    assert_eq!(listed, MANY, "IKE_SAs that swanctl lists");
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..51 {
        times[0].push(time(&mut ours()));
        times[1].push(time(&mut theirs()));
    }
    let [ours_time, theirs_time] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    println!(
        "show {ours_time:?}, swanctl --list-sas {theirs_time:?}: {:.2}",
        ours_time.as_secs_f64() / theirs_time.as_secs_f64()
    );
    println!("show {} KiB, swanctl {} KiB", memory(&ours()), memory(&theirs()));
}

fn time(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success());
    start.elapsed()
}

/// The greatest resident memory in KiB, as GNU time has it from the kernel.
fn memory(command: &Command) -> String {
    assert!(Path::new("/usr/bin/time").exists());
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%M"]).arg(command.get_program()).args(command.get_args());
    let said = timed.stdout(Stdio::null()).output().unwrap().stderr;
    String::from_utf8_lossy(&said).lines().last().unwrap().to_owned()
}
