//! The real binary: exit statuses, one-sentence errors, help, and output that nobody reads any more.
//! Nothing here depends on what the kernel of the host shows.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use assert_cmd::Command;
use std::process::{Output, Stdio};
use vti_diagnostics::code::Code;

fn run(arguments: &[&str]) -> Output {
    Command::cargo_bin("vti-diagnostics").unwrap().args(arguments).output().unwrap()
}

fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The sentence that a failed run ends with; it has nothing on standard output, or `op-mode` nothing on standard error.
fn sentence(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    let (said, nothing) = match arguments.first() {
        Some(&"op-mode") => (output.stdout, output.stderr),
        _ => (output.stderr, output.stdout),
    };
    assert!(nothing.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&nothing));
    let text = String::from_utf8(said).unwrap();
    let sentence = text.strip_suffix('\n').unwrap_or_else(|| panic!("{text:?}"));
    assert!(!sentence.is_empty() && !sentence.contains('\n'), "{arguments:?}: {sentence:?}");
    assert!(!sentence.contains("Usage") && !sentence.starts_with("error"), "{sentence:?}");
    sentence.to_string()
}

#[test]
fn help_and_version_are_answers() {
    assert!(stdout(&["--help"]).contains("Usage: vti-diagnostics <COMMAND>"));
    assert_eq!(stdout(&["--version"]), format!("vti-diagnostics {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn tunnels_that_are_no_vtis_are_shown_where_they_are_asked_for() {
    let capture = "tests/captures/124-no-route-to-the-remote-gre.yaml";
    let show = |more: &[&str]| stdout(&[&["show", "--capture", capture], more].concat());
    assert!(!show(&[]).contains("tun0"));
    for asked in [&["--interface", "tun0"][..], &["--all-tunnels"]] {
        assert!(show(asked).contains("tun0  FAULT"), "{asked:?}");
    }
    let all = show(&["--all-tunnels"]);
    let fallback = all.lines().find(|line| line.starts_with("Fallback devices")).unwrap();
    assert!(fallback.contains("gre0"), "{fallback}");
}

#[test]
fn help_fits_in_80_columns() {
    let commands = [
        "show", "lookup", "capture", "explain", "record", "history", "monitor", "metrics", "check",
    ]
    .map(|c| vec![c]);
    for command in [vec![]].iter().chain(&commands) {
        for option in ["--help", "-h"] {
            let help = stdout(&[command.as_slice(), &[option]].concat());
            let long: Vec<&str> = help.lines().filter(|l| l.chars().count() > 80).collect();
            assert!(long.is_empty(), "{command:?}: {long:#?}");
        }
    }
}

#[test]
fn help_names_every_option_and_hides_the_alias_of_vyos() {
    let help = stdout(&["show", "--help"]);
    for option in ["--interface", "--detail", "--raw", "--interval", "--proc-net-dev"] {
        assert!(help.contains(option), "{option}");
    }
    assert!(!help.contains("--intf-name"));
}

#[test]
fn the_man_page_has_every_option_and_the_sections_of_the_house() {
    let page = include_str!(concat!(env!("OUT_DIR"), "/vti-diagnostics.8")).replace("\\-", "-");
    for section in
        ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "FILES", "SEE ALSO"]
    {
        assert!(
            page.contains(&format!("\n.SH {section}\n"))
                || page.contains(&format!("\n.SH \"{section}\"\n")),
            "{section}"
        );
    }
    for command in
        ["show", "lookup", "capture", "explain", "record", "history", "monitor", "metrics", "check"]
    {
        let help = stdout(&[command, "--help"]);
        let options = help.split_whitespace().filter(|w| w.starts_with("--") && *w != "--help");
        for option in options {
            assert!(page.contains(option), "{command} {option}");
        }
    }
    assert!(!page.contains("--intf-name"));
    assert!(page.contains(&format!("\n.I {}/journal\n", vti_diagnostics::journal::DIRECTORY)));
}

#[test]
fn completions_know_the_commands() {
    for script in [
        include_str!(concat!(env!("OUT_DIR"), "/vti-diagnostics.bash")),
        include_str!(concat!(env!("OUT_DIR"), "/_vti-diagnostics")),
        include_str!(concat!(env!("OUT_DIR"), "/vti-diagnostics.fish")),
    ] {
        assert!(["lookup", "explain", "proc-net-dev"].iter().all(|word| script.contains(word)));
        assert!(!script.contains("intf-name"));
    }
}

#[test]
fn no_command_is_an_error_and_no_page_of_help() {
    assert!(sentence(&[]).contains("show, lookup, "));
}

#[test]
fn a_misspelled_option_is_refused_with_the_one_that_was_meant() {
    let said = sentence(&["show", "--detial"]);
    assert_eq!(said, "unexpected argument '--detial' found; a similar argument exists: '--detail'");
}

#[test]
fn what_a_terminal_acts_on_in_an_argument_is_escaped() {
    let said = sentence(&["show", "--\x1b[2J\u{202e}x"]);
    assert!(said.contains("\\x1b[2J\\u{202e}x"), "{said:?}");
}

#[test]
fn names_that_no_interface_has_are_refused() {
    for name in ["", "a b", "a/b", "../x", "a\nb", "vti\x1b0", "sixteen-bytes-xx", "..", "a:b"] {
        assert!(sentence(&["show", "--interface", name]).contains("interface name"), "{name:?}");
        let intf_name = format!("--intf-name={name}");
        assert!(sentence(&["show", &intf_name]).contains("interface name"), "{name:?}");
    }
}

#[test]
fn help_does_not_name_what_only_vyos_and_the_package_run() {
    let help = stdout(&["--help"]);
    assert!(!help.contains("op-mode") && !help.contains("vyos"), "{help}");
}

#[test]
fn a_long_argument_is_not_repeated_in_full() {
    let said = sentence(&["show", &"x".repeat(100_000)]);
    assert!(said.starts_with("unexpected argument 'xxx") && said.len() < 400, "{}", said.len());
}

#[test]
fn commands_of_vyos_and_the_package_need_a_second_word() {
    for command in [&["op-mode"][..], &["vyos"], &["vyos", "op-cache"], &["vyos", "node-defs"]] {
        sentence(command);
    }
    // The entry for operators has no help: it is one more thing to print.
    for option in ["--help", "-h", "--version"] {
        sentence(&["op-mode", option]);
        sentence(&["op-mode", "show", option]);
        sentence(&["op-mode", "history", option]);
    }
}

#[test]
fn intervals_are_between_a_second_and_an_hour() {
    for seconds in ["0", "3601", "-1", "1.5", "x", ""] {
        let interval = format!("--interval={seconds}");
        assert!(sentence(&["show", &interval]).contains("--interval"), "{seconds}");
    }
}

#[test]
fn inputs_and_forms_exclude_each_other() {
    for arguments in [
        &["show", "--capture", "a", "--proc-net-dev", "b"][..],
        &["show", "--capture", "a", "--interval", "1"],
        &["show", "--raw", "--format", "yaml"],
        &["show", "--format", "xml"],
        &["show", "--capture", "a", "--vici", "b"],
        &["show", "--proc-net-dev", "a", "--vici", "b"],
        // What operators may run as root takes no path.
        &["op-mode", "show", "--vici", "a"],
        &["op-mode", "history", "--directory", "a"],
        &["op-mode", "history", "--since", "1h"],
        &["op-mode", "monitor"],
        &["op-mode", "record"],
        // Nor does it change anything.
        &["op-mode", "drops"],
        &["op-mode", "drops", "--stop"],
        &["drops", "--stop", "--each"],
        &["drops", "--stop", "--duration", "10"],
        &["drops", "--stop", "--format", "json"],
        &["history", "--raw", "--format", "yaml"],
    ] {
        sentence(arguments);
    }
    assert!(sentence(&["show", "--xfrm-stat", "a"]).contains("--proc-net-dev"));
}

#[test]
fn a_lookup_needs_an_interface_and_a_destination() {
    let said = sentence(&["lookup"]);
    for option in ["--interface", "--destination"] {
        assert!(said.contains(option), "{said}");
    }
}

#[test]
fn what_the_peer_sends_has_a_source() {
    let peer = ["lookup", "--interface=vti0", "--destination=10.9.1.5"];
    for way in [&["--decrypted"][..], &["--encrypted", "--spi=0x101"]] {
        assert!(sentence(&[&peer[..], way].concat()).contains("--source"));
        let by =
            sentence(&[&peer[..], way, &["--source=10.0.0.1", "--in-interface=eth0"]].concat());
        assert!(by.contains("--in-interface"), "{by}");
    }
}

#[test]
fn a_lookup_refuses_values_that_are_none() {
    let with = |more: &[&str]| {
        let packet = ["lookup", "--interface=vti0", "--source=10.0.0.1", "--destination=10.9.1.5"];
        sentence(&[&packet[..], more].concat())
    };
    assert!(with(&["--protocol", "256"]).contains("--protocol"));
    assert!(with(&["--protocol", "tcpp"]).contains("--protocol"));
    assert!(with(&["--protocol=udp", "--source-port=65536"]).contains("--source-port"));
    assert!(with(&["--source-port", "1"]).contains("--protocol"));
    assert!(with(&["--mark", "0xfffffffff"]).contains("--mark"));
    assert!(with(&["--size", "19"]).contains("--size"));
}

#[test]
fn a_packet_has_one_address_family() {
    let said =
        sentence(&["lookup", "--interface=vti0", "--source=10.0.0.1", "--destination=2001:db8::1"]);
    assert_eq!(said, "source 10.0.0.1 and destination 2001:db8::1 are not of one address family");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for option in ["--capture", "--proc-net-dev"] {
        let said = sentence(&["show", option, "/nonexistent/file"]);
        assert!(said.contains("/nonexistent/file"), "{said}");
    }
    let said = sentence(&[
        "lookup",
        "--interface=vti0",
        "--source=10.0.0.1",
        "--destination=10.9.1.5",
        "--capture=/nonexistent/file",
    ]);
    assert!(said.contains("/nonexistent/file"), "{said}");
}

#[test]
fn a_file_that_is_no_capture_is_refused() {
    let directory = Directory::new("no-capture");
    for (name, text) in [("empty", ""), ("prose", "not a capture\n"), ("list", "- 1\n")] {
        let file = directory.path(name);
        std::fs::write(&file, text).unwrap();
        let said = sentence(&["show", "--capture", &file]);
        assert!(said.contains(&file), "{said}");
    }
}

#[test]
fn the_other_end_is_one_capture() {
    let own = "tests/captures/ends/702-peer-has-another-spi-vti.yaml";
    let other = "tests/captures/ends/702-peer-has-another-spi-vti.peer.yaml";
    let json = stdout(&["show", "--capture", own, "--peer-capture", other, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let interfaces = report["interfaces"].as_array().unwrap();
    let t0 = interfaces.iter().find(|i| i["name"] == "t0").unwrap();
    assert_eq!(t0["findings"][0]["code"], "VTI-702");
    assert_eq!(t0["ends"]["interface"], "t0");
    let missing = sentence(&["show", "--capture", own, "--peer-capture", "/nonexistent"]);
    assert!(missing.contains("/nonexistent"), "{missing}");
    let folder = sentence(&["show", "--capture", "tests/captures", "--peer-capture", other]);
    assert!(folder.contains("one capture"), "{folder}");
}

#[test]
fn the_other_end_may_be_what_commands_printed_there() {
    let own = "tests/captures/ends/ok-nothing-lost-on-the-way-vti.peer.yaml";
    let text = "tests/texts/healthy_vti_4in4.txt";
    let json = stdout(&["show", "--capture", own, "--peer-capture", text, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let interfaces = report["interfaces"].as_array().unwrap();
    let t0 = interfaces.iter().find(|i| i["name"] == "t0").unwrap();
    assert_eq!(t0["ends"]["interface"], "t0");
    let (from, to) = ("10.9.2.1", "10.9.1.1");
    let packet = ["--interface", "t0", "--source", from, "--destination", to];
    let ends = ["lookup", "--capture", own, "--peer-capture", text];
    let followed = stdout(&[&ends[..], &packet].concat());
    assert!(followed.contains("it arrives"), "{followed}");
    let nothing = sentence(&["show", "--capture", own, "--peer-capture", "Cargo.toml"]);
    assert!(nothing.contains("Cargo.toml"), "{nothing}");
    let row = ["show", "--proc-net-dev", "/proc/net/dev", "--peer-capture", own];
    assert!(sentence(&row).contains("cannot be used with"), "{}", sentence(&row));
}

#[test]
fn a_capture_is_not_its_own_other_end() {
    let own = "tests/captures/ends/704-lost-on-the-way-vti.yaml";
    let same = sentence(&["show", "--capture", own, "--peer-capture", own]);
    assert!(same.contains("both captures are of one host"), "{same}");
    let redact = ["capture", "--capture", own, "--redact", "--redact-with", own];
    assert!(sentence(&redact).contains("the same one"), "{}", sentence(&redact));
}

#[test]
fn a_finding_is_explained_by_code_number_or_name() {
    let explained = stdout(&["explain", "VTI-111"]);
    assert!(
        explained.starts_with("VTI-111  no SA (no-security-association), usually a fault\n"),
        "{explained}"
    );
    for code in ["vti-111", "111", "no-security-association", "No-Security-Association"] {
        assert_eq!(stdout(&["explain", code]), explained);
    }
}

#[test]
fn the_list_of_findings_has_one_line_each() {
    let list = stdout(&["explain"]);
    let rows: Vec<&str> = list.lines().filter(|row| row.starts_with("  VTI-")).collect();
    assert_eq!(rows.len(), Code::ALL.len(), "{list}");
    assert!(rows.iter().any(|row| row.split_whitespace().eq(["VTI-111", "fault", "no", "SA"])));
    assert!(list.lines().all(|row| row.len() <= 80), "{list}");
    // Below where packets are lost: the policy comes before the SA.
    let place = |text: &str| list.find(text).unwrap();
    assert!(place("At the policy") < place("VTI-101") && place("VTI-101") < place("At the SA"));
}

#[test]
fn a_code_that_is_none_is_an_error() {
    for code in ["VTI-000", "0", "x", "", "99999"] {
        sentence(&["explain", code]);
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("vti-diagnostics"))
        .arg("explain")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = std::process::Command::new(assert_cmd::cargo::cargo_bin("vti-diagnostics"))
        .arg("explain")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("cannot write standard output: "), "{said}");
}

#[test]
fn a_capture_is_written_whole_for_its_owner_alone() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = Directory::new("capture");
    let (file, target) = (directory.path("gw1.yaml"), directory.path("target"));
    std::fs::write(&target, "untouched").unwrap();
    symlink(&target, &file).unwrap();
    assert_eq!(stdout(&["capture", "--output", &file]), "");

    let metadata = std::fs::symlink_metadata(&file).unwrap();
    assert!(metadata.is_file(), "the link is replaced");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "untouched");
    assert!(std::fs::read_to_string(&file).unwrap().contains("snapshots:"));
    assert_eq!(directory.names(), ["gw1.yaml", "target"], "nothing else is left behind");
}

#[test]
fn a_capture_that_exists_is_redacted() {
    let directory = Directory::new("redacted");
    let (file, output) = ("tests/captures/full.yaml", directory.path("redacted.yaml"));
    let redacted = stdout(&["capture", "--redact", "--capture", file]);
    assert!(redacted.contains("redacted: true") && !redacted.contains("hq-rome"), "{redacted}");
    assert_eq!(stdout(&["capture", "--redact", "--capture", file, "--output", &output]), "");
    let written = std::fs::read_to_string(&output).unwrap();
    assert!(written.contains("redacted: true") && !written.contains("hq-rome"), "{written}");
    assert!(stdout(&["show", "--capture", &output]).contains("FAULT"));

    let said = sentence(&["capture", "--redact", "--capture", "/nonexistent/file"]);
    assert!(said.contains("/nonexistent/file"), "{said}");
    assert!(sentence(&["capture", "--capture", file]).contains("--redact"));
    sentence(&["capture", "--redact", "--capture", file, "--interval", "1"]);
    sentence(&["capture", "--redact", "--capture", file, "--vici", "b"]);
}

#[test]
fn a_capture_that_cannot_be_written_leaves_nothing() {
    let directory = Directory::new("capture-fails");
    let said = sentence(&["capture", "--output", "/nonexistent/gw1.yaml"]);
    assert!(said.starts_with("cannot write /nonexistent/gw1.yaml: "), "{said}");

    let occupied = directory.path("directory");
    std::fs::create_dir(&occupied).unwrap();
    sentence(&["capture", "--output", &occupied]);
    assert_eq!(directory.names(), ["directory"]);
}

#[test]
fn a_capture_that_is_killed_while_it_writes_leaves_nothing() {
    let directory = Directory::new("capture-killed");
    let file = directory.path("gw1.yaml");
    // The system kills who writes more than one block.
    let killed = std::process::Command::new("sh")
        .args(["-c", "ulimit -c 0; ulimit -f 1; exec \"$0\" capture --output \"$1\""])
        .arg(assert_cmd::cargo::cargo_bin("vti-diagnostics"))
        .arg(&file)
        .output()
        .unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&killed.status);
    assert_eq!(signal, Some(nix::libc::SIGXFSZ), "{killed:?}");
    assert!(directory.names().is_empty(), "{:?}", directory.names());
    // What an older version, or another file system, left is gone after the next capture.
    std::fs::write(directory.path(".gw1.yaml.4194999"), "part").unwrap();
    assert_eq!(stdout(&["capture", "--output", &file]), "");
    assert_eq!(directory.names(), ["gw1.yaml"]);
}

/// A directory of one test under the build's own temporary one, removed at its end.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("cli-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_string()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
