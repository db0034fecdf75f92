//! The pages for people: what they show as printed is what the program prints, and what they show as a command is one of its commands.
//! A block is compared with the real binary's output at 80 columns or with a golden file of another test, as its mark says;
//! `README_UPDATE=always` writes the blocks again instead.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it tried"
)]

#[path = "readme/blocks.rs"]
mod blocks;
#[path = "readme/man.rs"]
mod man;
#[path = "readme/ours.rs"]
mod ours;
#[path = "readme/planted.rs"]
mod planted;

use assert_cmd::Command;
use blocks::{Block, Mark};
use std::path::Path;

const PAGES: &[&str] = &[
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "src/man/vti-diagnostics.8",
    "src/man/vti-diagnostics-recorder.8",
];

const HOW: &str = "after a change of the program: README_UPDATE=always cargo test --test readme";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a mark's block has to say.
fn said(mark: &Mark) -> Result<String, String> {
    match mark {
        Mark::Golden(name) => {
            let golden = std::fs::read_to_string(root().join(name));
            let golden = golden.map_err(|error| format!("{name}: {error}"))?;
            let mut parts = golden.splitn(3, "---\n");
            parts.nth(2).map(str::to_owned).ok_or_else(|| format!("{name}: no golden file"))
        }
        Mark::Output(words) => {
            // Not a terminal on any side, so it writes 80 columns.
            let mut program = Command::cargo_bin("vti-diagnostics").map_err(|e| e.to_string())?;
            let output = program.current_dir(root()).args(words).write_stdin("").output();
            let output = output.map_err(|error| error.to_string())?;
            if output.status.success() && output.stderr.is_empty() {
                Ok(String::from_utf8_lossy(&output.stdout).into_owned())
            } else {
                Err(format!("{words:?}: {}", String::from_utf8_lossy(&output.stderr)))
            }
        }
    }
}

fn is_man(name: &str) -> bool {
    name.ends_with(".8")
}

fn markdown(name: &str, source: &str) -> String {
    if is_man(name) { man::plain(source) } else { source.to_owned() }
}

/// All that is wrong with a page.
fn faults(name: &str, source: &str) -> Vec<String> {
    let page = markdown(name, source);
    let (blocks, mut faults) = blocks::blocks(&page);
    faults.extend(ours::wrong(&page, &blocks).1);
    for block in &blocks {
        faults.extend(block.mark.as_ref().and_then(|mark| differs(block, mark)));
    }
    faults.iter().map(|fault| format!("{name}:{fault}")).collect()
}

/// The first line of a block that the program does not print there.
fn differs(block: &Block, mark: &Mark) -> Option<String> {
    let line = block.lines.start + 1;
    let said = match said(mark) {
        Ok(said) => said,
        Err(why) => return Some(format!("{line}: {why}")),
    };
    let command = usize::from(block.command().is_some());
    if let (Some(command), Mark::Output(words)) = (block.command(), mark) {
        if !command.ends_with(&format!(" {}", words.join(" "))) {
            return Some(format!("{line}: not the command of its mark: {command}"));
        }
    }
    let mut said = said.trim_end().lines();
    let mut shown = block.output().iter();
    for n in 0.. {
        match (shown.next().map(String::as_str), said.next()) {
            (None, None) => break,
            (shown, said) if shown == said => {}
            (shown, said) => {
                let line = line + command + n;
                return Some(format!("{line}: shows {shown:?}, the program says {said:?}; {HOW}"));
            }
        }
    }
    None
}

/// The page with each marked block as the program says it now.
fn rewritten(name: &str, source: &str) -> String {
    let (blocks, _) = blocks::blocks(&markdown(name, source));
    let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
    for block in blocks.iter().rev() {
        let Some(mark) = &block.mark else { continue };
        let said = said(mark).unwrap_or_else(|why| panic!("{name}: {why}"));
        let written = said.trim_end().lines().map(|line| match line {
            "" => String::new(),
            line if is_man(name) => man::escaped(line),
            line if block.fenced => line.to_owned(),
            line => format!("    {line}"),
        });
        let first = block.lines.start + usize::from(block.command().is_some());
        lines.splice(first..block.lines.end, written);
    }
    lines.join("\n") + "\n"
}

#[test]
fn each_page_shows_what_the_program_says() {
    let update = std::env::var("README_UPDATE").is_ok_and(|value| value == "always");
    let (mut marked, mut faults) = (0, Vec::new());
    for name in PAGES {
        let path = root().join(name);
        let mut source = std::fs::read_to_string(&path).unwrap();
        if update {
            let written = rewritten(name, &source);
            if written != source {
                std::fs::write(&path, &written).unwrap();
                println!("{name} is written again");
            }
            source = written;
        }
        let blocks = blocks::blocks(&markdown(name, &source)).0;
        marked += blocks.iter().filter(|block| block.mark.is_some()).count();
        faults.extend(self::faults(name, &source));
    }
    println!("{marked} blocks that the program writes");
    assert!(marked >= 9, "{marked}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_command_of_ours_is_one() {
    let mut count = 0;
    for name in PAGES {
        let page = markdown(name, &std::fs::read_to_string(root().join(name)).unwrap());
        let (tried, wrong) = ours::wrong(&page, &blocks::blocks(&page).0);
        assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
        count += tried;
    }
    println!("{count} commands of vti-diagnostics");
    assert!(count >= 40, "{count}");
}

/// What a visitor sees first: both commands, one screen of output, how to read it, then use.
#[test]
fn the_readme_is_short_and_begins_with_what_it_is() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 200, "{} lines", readme.lines().count());
    let chapters: Vec<&str> = readme.lines().filter_map(|l| l.strip_prefix("## ")).collect();
    assert_eq!(chapters[..4], ["Two commands", "What it prints", "Reading a finding", "Use"]);
    let (blocks, _) = blocks::blocks(&readme);
    let first: Vec<&str> =
        blocks.iter().flat_map(|b| &b.text).map(String::as_str).take(2).collect();
    let [run, tests] = first[..] else { panic!("{first:?}") };
    let capture = "tests/captures/112-association-of-another-key-xfrm.yaml";
    assert_eq!(
        (run, tests),
        (&*format!("cargo run --release -- show --capture {capture}"), "tests/run")
    );
    let shown = blocks.iter().find_map(|block| block.mark.as_ref()).unwrap();
    assert_eq!(*shown, Mark::Output(["show", "--capture", capture].map(str::to_owned).into()));
    for page in ["`vti-diagnostics(8)`", "`vti-diagnostics-recorder(8)`"] {
        assert!(readme.contains(page), "{page}");
    }
}

/// Both pages as they are shipped: no warning of groff.
#[test]
fn the_man_pages_are_formatted_without_a_warning() {
    for (name, page) in [
        ("vti-diagnostics", include_str!(concat!(env!("OUT_DIR"), "/vti-diagnostics.8"))),
        (
            "vti-diagnostics-recorder",
            include_str!(concat!(env!("OUT_DIR"), "/vti-diagnostics-recorder.8")),
        ),
    ] {
        let title = format!(".TH {} 8 \"\" \"vti\\-diagnostics ", name.replace('-', "\\-"));
        assert!(page.contains(&title), "{name}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("{name}.8"));
        std::fs::write(&file, page).unwrap();
        let mut man = std::process::Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8"]).arg(&file);
        let man = man.env("LC_ALL", "C.UTF-8").env("MANROFFSEQ", "").env("MANWIDTH", "80");
        let Ok(output) = man.output() else {
            eprintln!("no man (Debian: man-db): {name}(8) was not formatted");
            continue;
        };
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && warnings.is_empty(), "{name}: {warnings}");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.lines().count() > 50, "{name}: {text}");
    }
}
