//! What reading, redacting and writing captures takes, by the allocator: at most five times the file. It judges nothing of what they say, and
//! no time. One test, for the allocator counts what all threads take.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it measured"
)]

#[path = "../benches/show/states.rs"]
#[allow(dead_code, reason = "the benchmark measures others, too")]
mod states;

use peak_alloc::PeakAlloc;
use std::fmt;
use vti_diagnostics::capture::{self, Capture, SCHEMA};
use vti_diagnostics::snapshot::ike::{Child, ChildSa, Connection, Ike, IkeSa};
use vti_diagnostics::snapshot::{Host, IfId, Reason, ReqId, Snapshot, Spi};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What a capture may take for each byte of its file.
const TIMES: usize = 5;
/// And what it may take in any case: buffers, and the tables by which addresses are replaced.
const LITTLE: usize = 256 << 10;

/// Who takes a text and keeps nothing of it.
struct Nobody;

impl fmt::Write for Nobody {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}

/// The most that it took at a time.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let value = work();
    (value, MEMORY.peak_usage() - before)
}

fn capture(snapshot: Snapshot) -> Capture {
    let tool_version = "0".into();
    Capture { schema: SCHEMA, tool_version, redacted: false, snapshots: vec![snapshot] }
}

/// What charon says of so many tunnels, each with an IKE_SA and a CHILD_SA; nothing else was read.
fn charon(tunnels: u32) -> Snapshot {
    let host = Host {
        hostname: "r".into(),
        kernel_release: "6.6.58".into(),
        vyos_version: None,
        pluto: false,
    };
    let any = || vec!["0.0.0.0/0".to_owned()];
    let (mut connections, mut sas) = (vec![], vec![]);
    for i in 1..=tunnels {
        let (name, child) = (format!("PEER-{i}"), format!("PEER-{i}-vti"));
        let (own, peer) = ("192.0.2.1".to_owned(), format!("198.51.{}.{}", i / 250, i % 250));
        connections.push(Connection {
            name: name.clone(),
            version: "IKEv2".into(),
            local_addresses: vec![own.clone()],
            remote_addresses: vec![peer.clone()],
            reauth_seconds: 0,
            unique: "UNIQUE_REPLACE".into(),
            children: vec![Child {
                name: child.clone(),
                mode: "TUNNEL".into(),
                local_ts: any(),
                remote_ts: any(),
                dpd_action: "start".into(),
                close_action: "none".into(),
            }],
        });
        sas.push(IkeSa {
            connection: name,
            unique_id: i.into(),
            version: 2,
            state: "ESTABLISHED".into(),
            local_host: own.clone(),
            remote_host: peer.clone(),
            local_id: own,
            remote_id: peer,
            established_seconds: Some(1_000),
            children: vec![ChildSa {
                name: child,
                unique_id: i.into(),
                reqid: ReqId(i),
                state: "INSTALLED".into(),
                spi_in: Spi(i),
                spi_out: Spi(i),
                if_id_in: IfId(i),
                if_id_out: IfId(i),
                local_ts: any(),
                remote_ts: any(),
                ..ChildSa::default()
            }],
            ..IkeSa::default()
        });
    }
    let mut snapshot = Snapshot::unread(1, host, Reason::Skipped, "");
    let daemon = "charon 5.9.8".into();
    snapshot.ike = Ok(Ike { daemon, connections, sas, ..Ike::default() });
    snapshot
}

#[test]
fn a_capture_takes_at_most_five_times_its_file() {
    let directory = tempfile::tempdir().unwrap();
    for (name, snapshot) in [("tunnels", states::healthy(500)), ("charon", charon(5_000))] {
        let capture = capture(snapshot);
        let files = [
            ("yaml", capture::to_yaml(&capture).unwrap().into_bytes()),
            ("json", serde_json::to_vec(&capture).unwrap()),
        ];
        drop(capture);
        for (form, text) in files {
            let path = directory.path().join(form);
            std::fs::write(&path, &text).unwrap();
            let length = text.len();
            drop(text);
            // As `capture --redact --capture FILE` does.
            let (result, all) = peak(|| {
                let read = capture::load(&path)?;
                let redacted = capture::redact(read)?;
                capture::write(redacted, &mut Nobody)
            });
            result.unwrap_or_else(|error| panic!("{name} as {form}: {error}"));
            println!("{name} as {form}: {length} bytes, x{:.2}", all as f64 / length as f64);
            assert!(all <= TIMES * length + LITTLE, "{name} as {form}: {all} bytes for {length}");
        }
    }
}
