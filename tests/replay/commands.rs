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

/// Files of the catalogue's own machinery, whose unit tests type commands.
const FILLED: &[&str] = &["words.rs", "call.rs", "explanation.rs"];

#[test]
fn no_command_stands_outside_the_catalogue() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnose"), &mut files);
    assert!(files.len() > 60);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        // The tests of how the catalogue's commands are filled in type them.
        let types = FILLED.iter().any(|name| path.ends_with(name));
        let tests = types.then(|| text.find("\n#[cfg(test)]\n").unwrap());
        let said = &text[..tests.unwrap_or(text.len())];
        for line in said.lines().filter(|line| !line.trim_start().starts_with("//")) {
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

#[test]
fn what_is_known_of_a_tunnel_is_filled_in_for_each_system() {
    let recorded = RECORDED.iter().find(|r| r.name == "301-charon-admin-down-vti").unwrap();
    let typed = |version: Option<&str>| -> Vec<String> {
        let mut capture = recorded.capture.clone();
        for snapshot in &mut capture.snapshots {
            snapshot.host.vyos_version = version.map(str::to_owned);
        }
        let report = diagnosed(&capture);
        let findings = report.interfaces.into_iter().flat_map(|interface| interface.findings);
        let first = findings.take(1).flat_map(|finding| finding.remedies);
        first.filter_map(|remedy| remedy.command).collect()
    };
    let up = "sudo ip link set vti7 up";
    let reset = "reset vpn ipsec site-to-site peer AZURE";
    for version in ["1.4.1", "1.5-rolling-202410030006", "2026.03.01-0024-rolling"] {
        assert_eq!(typed(Some(version)), ["show log ipsec", up, reset], "{version}");
    }
    let old = ["show log vpn ipsec", up, "reset vpn ipsec-peer AZURE"];
    assert_eq!(typed(Some("1.3.8")), old);
    let linux = [
        "journalctl -t charon -t charon-systemd -t vti-up-down --since -1h",
        "ip link set vti7 up",
        "swanctl --terminate --child AZURE-vti; swanctl --initiate --child AZURE-vti",
    ];
    assert_eq!(typed(None), linux);
}
