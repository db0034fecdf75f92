//! A router with ten tunnels, as a capture of a real one has it, with a fault, losses that have ended, and losses that have not; and the same a
//! while later, when it has lost more.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use vti_diagnostics::capture::{self, Capture, SCHEMA, to_yaml};
use vti_diagnostics::snapshot::recorded::{Cause, Episode, Recorded};
use vti_diagnostics::snapshot::{Missing, Reason, Snapshot, Source};

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn episode(interface: &str, code: u16, lost: u64, open: bool) -> Episode {
    let cause = Cause { code, lost, summary: String::new(), gaps: 1, gap_ms: Some(100) };
    let interface = interface.to_owned();
    Episode { interface, open, lost, causes: vec![cause], ..Episode::default() }
}

/// The router at a moment: the number of seconds since the first.
pub fn router(second: u64) -> Snapshot {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/ok-site.yaml");
    let mut now = capture::load(&path).unwrap().snapshots.pop().unwrap();
    now.taken_at_ms = now_ms();
    for link in now.links.iter_mut().flatten() {
        // Set down by hand: VTI-301.
        if link.name == "vti2" {
            link.admin_up = false;
        }
        if let (Some(statistics), "vti3") = (&mut link.statistics, link.name.as_str()) {
            statistics.tx_errors += 10 * second;
            statistics.tx_carrier_errors += 10 * second;
        }
    }
    // Each peer has sent so many packets, and one in a hundred never arrived.
    for sa in now.sas.iter_mut().flatten() {
        if let Some(replay) = &mut sa.replay {
            replay.inbound = 100_000 + 1_000 * second;
            sa.current.packets = replay.inbound - 1_000 - 10 * second;
        }
    }
    now.charon_log = Err(Missing::new(Source::CharonLog, Reason::Denied, ""));
    now.recorded = Ok(Recorded {
        since_ms: 1,
        until_ms: now.taken_at_ms,
        running: true,
        episodes: vec![
            episode("vti1", 911, 20 + 7 * second, false),
            episode("vti1", 912, 3 * second, false),
            episode("vti3", 919, 1 + second, true),
        ],
        ..Recorded::default()
    });
    now
}

/// Writes the metrics of a moment with the program, as a timer does.
pub fn write(directory: &Path, second: u64) {
    let snapshots = vec![router(second)];
    let capture = Capture { schema: SCHEMA, tool_version: "0".into(), redacted: false, snapshots };
    let file = directory.join("router.yaml");
    fs::write(&file, to_yaml(&capture).unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vti-diagnostics"));
    command.args(["metrics", "--capture"]).arg(&file).arg("--output");
    let (success, said) = super::run(command.arg(directory.join("textfile/vti.prom")));
    assert!(success && said.is_empty(), "{said}");
}
