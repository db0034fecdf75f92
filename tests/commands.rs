//! Every command that the program's texts name, resolved as it would be where it is typed: on each release of VyOS by the lists of its own
//! commands, on Linux by the programs of Debian packages; and none prints keys. Nothing is run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says how many commands it tried"
)]

#[path = "commands/keys.rs"]
mod keys;
#[path = "commands/linux.rs"]
mod linux;
#[path = "readme/man.rs"]
mod man;
#[path = "commands/tree.rs"]
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use vti_diagnostics::capture;
use vti_diagnostics::diagnose::call::Call;
use vti_diagnostics::diagnose::commands::{Command, Release, System};
use vti_diagnostics::diagnose::explanation;
use vti_diagnostics::diagnose::words::{Begins, Words};
use vti_diagnostics::diagnose::{DIAGNOSES, Observation, run};
use vti_diagnostics::snapshot::Host;

/// The trees of a release, and how a version of it names itself.
struct Vyos {
    release: Release,
    name: &'static str,
    version: &'static str,
    op: tree::Tree,
    set: tree::Tree,
}

fn releases() -> Vec<Vyos> {
    let known = [
        (Release::V1_3, "1.3", "1.3.8"),
        (Release::V1_4, "1.4", "1.4.1"),
        (Release::Current, "current-2024", "1.5-rolling-202410030006"),
    ];
    let release = |(release, name, version)| Vyos {
        release,
        name,
        version,
        op: tree::Tree::of("op", name),
        set: tree::Tree::of("set", name),
    };
    known.map(release).into()
}

/// Functions of VyOS's shell for what comes behind a pipe: vyatta-op, etc/bash_completion.d/vyatta-op.
const PIPES: &[&str] = &["match", "no-match", "count", "no-more", "strip-private"];

/// Whether an administrator of that release who types this line gets what it says.
fn typed(vyos: &Vyos, line: &str) -> Result<(), String> {
    let mut is_of_vyos = false;
    for part in linux::parts(line)? {
        let first = part.words.first().ok_or("nothing to run")?.as_str();
        if part.piped && PIPES.contains(&first) && is_of_vyos {
            continue;
        }
        is_of_vyos = !part.piped && vyos.op.begins(first);
        match first {
            "set" => vyos.set.set(&part.words[1..])?,
            // Of configuration mode; that of operational mode has other words.
            "delete" if vyos.set.set(&part.words[1..]).is_ok() => {}
            _ if is_of_vyos => vyos.op.run(&part.words)?,
            _ => linux::check(&part.words, false, true)?,
        }
    }
    Ok(())
}

/// Whether root at a shell of Linux who types this line gets what it says.
fn typed_on_linux(line: &str) -> Result<(), String> {
    linux::parts(line)?.iter().try_for_each(|part| linux::check(&part.words, true, false))
}

fn resolve(releases: &[Vyos], system: System, line: &str) -> Result<(), String> {
    if let Some(why) = keys::printed_by(line) {
        return Err(format!("prints keys: {why}"));
    }
    match system {
        System::Vyos(release) => {
            let vyos = releases.iter().find(|vyos| vyos.release == release).unwrap();
            typed(vyos, line).map_err(|why| format!("{}: {why}", vyos.name))
        }
        _ => typed_on_linux(line),
    }
}

#[test]
fn each_command_of_the_catalogue_is_one_where_it_is_typed() {
    let releases = releases();
    let (mut lines, mut wrong) = (BTreeSet::new(), Vec::new());
    for system in System::ALL {
        let mut here = BTreeSet::new();
        for command in Command::ALL {
            for begins in Begins::ALL {
                let mut words = Words::default();
                words.set_begins(*begins);
                here.extend(Call::from(*command).text(*system, &words));
            }
        }
        let of = |line: &String| resolve(&releases, *system, line).err();
        wrong.extend(here.iter().filter_map(|l| Some(format!("{system:?}: {l}: {}", of(l)?))));
        println!("{system:?}: {} distinct commands", here.len());
        lines.extend(here);
    }
    println!("{} distinct commands in all, {} wrong", lines.len(), wrong.len());
    assert!(lines.len() > 150, "{}", lines.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_command_is_noticed() {
    let releases = releases();
    let of = |release: Release, line: &str| resolve(&releases, System::Vyos(release), line);
    for (release, line, why) in [
        (Release::V1_3, "reset vpn ipsec site-to-site peer AZURE", "Ambiguous command: [ipsec]"),
        (Release::V1_4, "show log vpn ipsec", "Invalid command: [ipsec]"),
        (Release::Current, "restart vpn", "Invalid command: [vpn]"),
        (Release::V1_3, "show vpn ipsec remote-access summary", "Invalid command"),
        (Release::V1_3, "set interfaces vti vti1 ip adjust-mss 1300", "Invalid command"),
        (Release::V1_4, "set interfaces vti vti1", ""),
        (Release::V1_4, "set interfaces vti", "requires a value"),
        (Release::V1_4, "set interfaces vti vti1 mtu", "requires a value"),
        (Release::Current, "show vpn", "Incomplete command"),
        (Release::Current, "show interfaces vti vti1", ""),
        (Release::Current, "sh vp ik sa", ""),
        (Release::Current, "ping -M do -s 1400 192.0.2.1", "option"),
        (Release::Current, "ping 192.0.2.1 size 1400 do-not-fragment", ""),
        (Release::Current, "monitor traffic interface vti1 filter", "missing argument"),
        (Release::Current, "nft list ruleset", "needs root"),
        (Release::Current, "sudo nft list rules", "unknown arguments"),
        (Release::Current, "mount", "unknown program"),
    ] {
        let said = of(release, line).err().unwrap_or_default();
        assert!(said.contains(why) && said.is_empty() == why.is_empty(), "{line}: {said}");
    }
}

/// Every report of every capture on every system.
#[test]
fn each_command_of_a_report_is_one_where_it_is_typed() {
    let releases = releases();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let (mut lines, mut wrong) = (BTreeSet::new(), BTreeSet::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let mut capture = capture::load(&path).unwrap();
        let versions = releases.iter().map(|vyos| Some(vyos.version)).chain([None]);
        for (version, pluto) in versions.map(|v| (v, false)).chain([(None, true)]) {
            for snapshot in &mut capture.snapshots {
                snapshot.host.vyos_version = version.map(str::to_owned);
                snapshot.host.pluto = pluto;
            }
            let [.., now] = capture.snapshots.as_slice() else { continue };
            let earlier = capture.snapshots.iter().rev().nth(1);
            let report = run(&Observation { now, earlier }, None).unwrap();
            let findings = report.interfaces.iter().flat_map(|interface| &interface.findings);
            for finding in report.findings.iter().chain(findings) {
                let typed = finding.remedies.iter().filter_map(|remedy| remedy.command.clone());
                let seen = finding.evidence.iter().map(|evidence| evidence.see.clone());
                for line in typed.chain(seen).filter(|line| !line.is_empty()) {
                    let system = System::of(now);
                    if let Err(why) = resolve(&releases, system, &line) {
                        wrong.insert(format!("{system:?}: {line}: {why}"));
                    }
                    let of_charon =
                        ["swanctl", "strongswan"].iter().any(|name| line.contains(name));
                    if of_charon && matches!(system, System::Libreswan | System::Bare) {
                        wrong.insert(format!("{system:?}: {line}: there is no strongSwan"));
                    }
                    lines.insert(line);
                }
            }
        }
    }
    println!("{} distinct commands in reports, {} wrong", lines.len(), wrong.len());
    assert!(lines.len() > 100, "{}", lines.len());
    assert!(wrong.is_empty(), "{}", Vec::from_iter(wrong).join("\n"));
}

/// A line of an explanation that is a command: indented, and not a sentence.
#[test]
fn each_command_of_an_explanation_is_one_where_it_is_typed() {
    let releases = releases();
    let (mut count, mut wrong) = (0, Vec::new());
    for diagnosis in DIAGNOSES {
        for system in System::ALL {
            let text = explanation::expand(diagnosis.explain, *system);
            if let Some(why) = keys::printed_by(&text) {
                wrong.push(format!("{}: prints keys: {why}", diagnosis.code));
            }
            for line in text.lines().filter_map(|line| line.strip_prefix("    ")) {
                let line = line.split("    ").next().unwrap_or_default().trim();
                let first = line.split(' ').next().unwrap_or_default();
                let is_typed = line.contains(' ')
                    && (["show", "reset", "restart", "set", "monitor", "ping"].contains(&first)
                        || linux::check(&[first.to_owned()], true, true)
                            .is_err_and(|why| !why.starts_with("unknown program"))
                        || first == "sudo");
                if is_typed && !line.ends_with(['.', ',', ':']) {
                    count += 1;
                    if let Err(why) = resolve(&releases, *system, line) {
                        wrong.push(format!("{} {system:?}: {line}: {why}", diagnosis.code));
                    }
                }
            }
        }
    }
    println!("{count} commands in explanations, {} wrong", wrong.len());
    assert!(count > 500, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that a person reads, or whose strings a person reads.
fn texts() -> Vec<PathBuf> {
    fn below(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, into) } else { into.push(path) }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md"), root.join("SECURITY.md")];
    for folder in ["src", "op-mode-definitions"] {
        below(&root.join(folder), &mut files);
    }
    let debian = std::fs::read_dir(root.join("debian")).unwrap().map(|entry| entry.unwrap().path());
    files.extend(debian.filter(|path| path.is_file()));
    files
}

/// Also where no command is meant to be typed: what stands in a text is typed one day. The man pages are made of src/cli and
/// src/man.
#[test]
fn no_text_names_a_command_that_prints_keys() {
    let files = texts();
    assert!(files.len() > 150, "{}", files.len());
    for path in files {
        let Ok(text) = man::read(&path) else { continue };
        let code = path.extension().is_some_and(|ending| ending == "rs");
        for line in text.lines().filter(|line| !code || !line.trim_start().starts_with("//")) {
            assert_eq!(keys::printed_by(line), None, "{}: {line}", path.display());
        }
    }
}

/// Of the README and of what the program says beside reports: VyOS's commands, on the newest release at least, and our own.
#[test]
fn each_command_of_a_text_is_one() {
    let releases = releases();
    let (mut count, mut wrong) = (0, Vec::new());
    for path in texts() {
        let Ok(text) = man::read(&path) else { continue };
        let code = path.extension().is_some_and(|ending| ending == "rs");
        for line in text.lines().filter(|line| !code || !line.trim_start().starts_with("//")) {
            let is_page = path.extension().is_some_and(|ending| ending == "md" || ending == "8");
            let indented = line.strip_prefix("    ").filter(|_| is_page).unwrap_or_default();
            // A command with its comment, and a report with its columns.
            let line_of = indented.split(" #").next().unwrap_or_default();
            // One that goes on in the next line is for tests/readme.rs.
            let line_of = if line_of.ends_with('\\') { "" } else { line_of };
            let columns = line_of.split("  ").map(|column| column.trim().trim_start_matches("$ "));
            let quoted = line.split('`').skip(1).step_by(2);
            for command in columns.chain(quoted) {
                let first =
                    command.trim_start_matches("sudo ").split(' ').next().unwrap_or_default();
                let ours = ["show", "reset", "restart", "clear", "set", "monitor", "swanctl", "ip"];
                let program = ["vti-diagnostics", "journalctl", "systemctl", "nft", "tcpdump"];
                let is_known = ours.iter().chain(&program).any(|word| *word == first);
                // "show the last attempts", "restart the negotiation": what a report says beside its commands.
                let is_prose =
                    command.split(' ').nth(1).is_some_and(|w| ["the", "it"].contains(&w));
                if !command.contains(' ') || !is_known || is_prose {
                    continue;
                }
                count += 1;
                let command = command.replace(['[', ']'], "");
                let current = resolve(&releases, System::Vyos(Release::Current), &command);
                let result = current.or_else(|_| resolve(&releases, System::Linux, &command));
                // A sentence may name the first words of a command.
                let result = result.or_else(|why| {
                    let is_begun = ["Incomplete", "requires a subcommand"];
                    let is_begun = is_begun.iter().any(|said| why.contains(said));
                    if is_begun && indented.is_empty() { Ok(()) } else { Err(why) }
                });
                wrong.extend(
                    result.err().map(|why| format!("{}: {command}: {why}", path.display())),
                );
            }
        }
    }
    println!("{count} commands in texts, {} wrong", wrong.len());
    assert!(count > 30, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_host_is_one_of_the_systems() {
    let host = |version: Option<&str>| Host {
        hostname: String::new(),
        kernel_release: String::new(),
        vyos_version: version.map(str::to_owned),
        pluto: version.is_none(),
    };
    for vyos in releases() {
        assert_eq!(System::of_host(&host(Some(vyos.version)), false), System::Vyos(vyos.release));
    }
    assert_eq!(System::of_host(&host(None), false), System::Libreswan);
    assert_eq!(System::of_host(&host(None), true), System::Linux);
}
