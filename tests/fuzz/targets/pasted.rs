//! Texts that people paste (`--proc-net-dev`, `--xfrm-stat`) and the file that VyOS keeps of cleared counters. Each input is read as each.

use super::{Target, file, two};
use crate::mutate::{Random, text as form};
use vti_diagnostics::capture::pasted::{net_dev, xfrm_stat};
use vti_diagnostics::collect::cleared::parse_baseline;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::render::text;
use vti_diagnostics::snapshot::{Host, Reason, Snapshot};

pub const TARGET: Target = Target { name: "pasted", inputs: (500_000, 600), seeds, mutate, run };

const XFRM_STAT: &[u8] =
    b"XfrmInError             \t0\nXfrmInNoStates          \t7\nXfrmOutNoStates         \t12\n\
    XfrmOutStateExpired     \t3\nXfrmOutPolBlock         \t0\nXfrmAcquireError        \t0\n";

fn seeds() -> Vec<Vec<u8>> {
    vec![file("pasted/seed.txt"), file("cleared/vti1.stats"), XFRM_STAT.to_vec()]
}

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let (seed, other) = two(random, seeds);
    let mut text = seed.to_vec();
    loop {
        form::mutate(random, &mut text, other);
        if !random.one_in(2) {
            return text;
        }
    }
}

fn run(input: &[u8]) -> bool {
    let input = String::from_utf8_lossy(input);
    let (devices, counters) = (net_dev(&input), xfrm_stat(&input));
    let taken = devices.is_ok() || counters.is_ok() || parse_baseline(&input).is_some();
    let host = Host {
        hostname: String::new(),
        kernel_release: String::new(),
        vyos_version: None,
        pluto: false,
    };
    let mut now = Snapshot::unread(0, host, Reason::Skipped, "only texts were given");
    if let Ok(devices) = devices {
        now.proc_net_dev = Ok(devices);
    }
    if let Ok(counters) = counters {
        now.xfrm_statistics = Ok(counters);
    }
    let report = diagnose::run(&Observation { now: &now, earlier: None }, None).expect("a report");
    assert!(!text::report(&report, 80, text::Shown::Detail).is_empty());
    taken
}
