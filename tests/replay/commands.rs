//! What reports and explanations tell a person to type: all of it from the catalogue, and what only reads comes first.

use super::{RECORDED, diagnosed};
use std::path::{Path, PathBuf};

/// Words that commands begin with.
const PROGRAMS: &[&str] = &[
    "sudo ",
    "ip -",
    "ip xfrm ",
    "ip link ",
    "ip route ",
    "ip rule",
    "ip address",
    "ip neighbour ",
    "ip netns ",
    "swanctl ",
    "tcpdump ",
    "nft ",
    "sysctl ",
    "journalctl",
    "systemctl",
    "nstat ",
    "ss -",
    "tc filter",
    "ping ",
    "dmesg",
    "cat /",
    "grep . ",
    "uname -",
    "monitor traffic",
    "show vpn ",
    "show interfaces",
    "show log",
    "show configuration",
    "show ip ",
    "show arp",
    "show vrf",
    "show firewall",
    "set vpn ",
    "set interfaces",
    "set protocols",
    "set firewall",
    "reset vpn ",
    "restart vpn",
    "restart ipsec",
    "vti-diagnostics ",
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.file_name().is_some_and(|name| name != "commands.rs") {
            into.push(path);
        }
    }
}

/// Whether `program` begins a word of `line`.
fn names(line: &str, program: &str) -> bool {
    line.match_indices(program).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "-_./".contains(c))
    })
}

#[test]
fn no_command_stands_outside_the_catalogue() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnose"), &mut files);
    assert!(files.len() > 60);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let named = PROGRAMS.iter().find(|program| names(line, program));
            assert_eq!(named, None, "{}: {line}", path.display());
        }
    }
}

#[test]
fn what_changes_something_comes_last() {
    for recorded in RECORDED.iter() {
        let report = diagnosed(&recorded.capture);
        let findings = report.interfaces.iter().flat_map(|interface| &interface.findings);
        for finding in report.findings.iter().chain(findings) {
            let order: Vec<bool> = finding.remedies.iter().map(|remedy| remedy.changes).collect();
            assert!(order.is_sorted(), "{} {}", recorded.name, finding.code);
        }
    }
}
