//! Names and identities that act on terminals. A charon 5.9.8 refuses such names, and writes `?` for such bytes of an identity; others may
//! not. A capture holds them exactly, in bytes that no terminal acts on; so does a report.

use super::answers::{Answers, XFRM, name, value};
use super::server::Server;
use super::{ike, output};
use vti_diagnostics::capture;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::render::{json, text};
use vti_diagnostics::snapshot::Snapshot;

/// Colours, a new title, line ends, quotes, C1 controls, an override of the direction of text, a NUL.
const HOSTILE: &str = "a\x1b[31m\n\r\t\"'\\\u{9b}2J\u{202e}\x1b]0;title\x07\0\x7f: - {é";

/// The longest name that VICI can carry.
fn longest_name() -> String {
    let mut text = HOSTILE.to_owned();
    text.push_str(&"n".repeat(255 - text.len()));
    text
}

/// An identity of 4 KiB.
fn long_identity() -> String {
    let mut text = HOSTILE.to_owned();
    text.push_str(&"\x1b[2Ji".repeat(1024));
    text.truncate(4096);
    text
}

/// As recorded, with hostile texts for the names of connection c and its CHILD, and for the identity of its peer.
fn answers() -> Answers {
    let (hostile, identity) = (longest_name(), long_identity());
    Answers::recorded(XFRM)
        .with(b"\x01\x01c", &[&b"\x01"[..], &name(hostile.as_bytes())].concat())
        .with(
            b"\x03\x04name\x00\x01c",
            &[&b"\x03\x04name"[..], &value(hostile.as_bytes())].concat(),
        )
        .with(
            b"\x09remote-id\x00\x09192.0.2.2",
            &[&b"\x09remote-id"[..], &value(identity.as_bytes())].concat(),
        )
}

fn assert_harmless(what: &str, text: &str) {
    let acts = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    let found: Vec<char> = text.chars().filter(|c| acts(*c)).collect();
    assert!(found.is_empty(), "{what}: {found:?}");
}

#[test]
fn a_capture_holds_hostile_names_and_identities_exactly_and_harmlessly() {
    let server = Server::answering(answers());
    let ike = ike(&server.socket);
    let (hostile, identity) = (longest_name(), long_identity());
    assert!(ike.connections.iter().any(|c| c.name == hostile && c.children[0].name == hostile));
    let up = &ike.sas[0];
    assert_eq!((&up.connection, &up.remote_id), (&hostile, &identity));
    assert_eq!(up.children[0].name, hostile);

    let yaml = output(&["capture"], &server.socket);
    let controls: Vec<char> = yaml.chars().filter(|c| c.is_control() && *c != '\n').collect();
    assert!(controls.is_empty(), "{controls:?}");
    let written = capture::from_yaml(&yaml).unwrap();
    let again = capture::from_yaml(&capture::to_yaml(&written).unwrap()).unwrap();
    let as_json = serde_json::from_str(&serde_json::to_string(&written).unwrap()).unwrap();
    assert_eq!((&written, &written), (&again, &as_json));

    let redacted = output(&["capture", "--redact"], &server.socket);
    for secret in ["title", "31m", "2Ji"] {
        assert!(!redacted.contains(secret), "{secret} is left");
    }
}

#[test]
fn what_is_printed_of_hostile_names_and_identities_is_escaped() {
    let server = Server::answering(answers());
    let ike = ike(&server.socket);
    assert_harmless("show", &output(&["show", "--detail"], &server.socket));
    // Up; up without its CHILD_SA; with a peer that does not answer; with no IKE_SA at all.
    let [mut no_child, mut connecting, mut nothing] = [ike.clone(), ike.clone(), ike.clone()];
    no_child.sas[0].children.clear();
    connecting.sas[0].children.clear();
    connecting.sas[0].state = "CONNECTING".to_owned();
    nothing.sas.clear();
    for file in ["ok-healthy-xfrm", "101-nothing-of-the-tunnel-is-installed-xfrm"] {
        let path = format!("{}/tests/captures/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
        let snapshot = capture::load(path.as_ref()).unwrap().snapshots.pop().unwrap();
        for ike in [&ike, &no_child, &connecting, &nothing] {
            let now = &Snapshot { ike: Ok(ike.clone()), ..snapshot.clone() };
            let report = diagnose::run(&Observation { now, earlier: None }, None).unwrap();
            assert_harmless(file, &text::report(&report, 80, text::Shown::Detail));
            // JSON is exact: what is read from it is what was written.
            let written = json::write(&report).unwrap();
            let written: serde_json::Value = serde_json::from_str(&written).unwrap();
            assert_eq!(written, serde_json::to_value(&report).unwrap());
        }
    }
}
