//! The host's side: boots the kernels in parallel with this binary and the program in them, passes their lines on, sums up.
//! It changes nothing on the host outside of cargo's own directory and the cache of `boot`.

use crate::Fallible;
use crate::keep::OPTION;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const KERNELS: [&str; 2] = ["6.1", "6.12"];

/// What one kernel's run came to.
struct Sum {
    passed: u64,
    failed: u64,
}

/// True when every scenario passed on every kernel.
pub fn run(words: &[&str]) -> Fallible<bool> {
    let (mut kernels, filter): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| KERNELS.contains(word));
    if kernels.is_empty() {
        kernels = KERNELS.to_vec();
    }
    // One kernel's captures are enough, and two would overwrite each other.
    if filter.contains(&OPTION) {
        kernels.drain(..kernels.len() - 1);
    }
    let payload = payload()?;
    let sums: Vec<Fallible<Sum>> = std::thread::scope(|scope| {
        let guests: Vec<_> =
            kernels.iter().map(|kernel| scope.spawn(|| boot(kernel, &filter, &payload))).collect();
        guests
            .into_iter()
            .map(|guest| {
                guest.join().unwrap_or_else(|_| Err("the thread of a guest panicked".into()))
            })
            .collect()
    });
    let (mut passed, mut failed, mut broken) = (0, 0, 0);
    for (kernel, sum) in kernels.iter().zip(sums) {
        match sum {
            Ok(sum) => (passed, failed) = (passed + sum.passed, failed + sum.failed),
            Err(error) => {
                println!("{kernel}: {error}");
                broken += 1;
            }
        }
    }
    println!("{passed} passed, {} failed", failed + broken);
    Ok(failed + broken == 0 && passed > 0)
}

/// The files for the guest: this binary, the program, the base text and the scenarios.
fn payload() -> Fallible<Vec<PathBuf>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm");
    let own =
        std::env::current_exe().map_err(|error| format!("cannot find this binary: {error}"))?;
    Ok(vec![
        stripped(&own, "lab")?,
        stripped(Path::new(env!("CARGO_BIN_EXE_vti-diagnostics")), "vti-diagnostics")?,
        here.join("scenarios"),
        here.join("charon.sh"),
        here.join("charon.yaml"),
        here.join("site.sh"),
        here.join("record.sh"),
        here.join("record.yaml"),
    ])
}

/// Debug information is most of a binary, and every byte is copied into the guest's memory.
fn stripped(binary: &Path, name: &str) -> Fallible<PathBuf> {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let status = Command::new("strip")
        .arg("-o")
        .arg(&to)
        .arg(binary)
        .status()
        .map_err(|error| format!("cannot run strip: {error}"))?;
    if status.success() { Ok(to) } else { Err(format!("strip {}: {status}", binary.display())) }
}

fn boot(kernel: &str, filter: &[&str], payload: &[PathBuf]) -> Fallible<Sum> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm/boot");
    let command = format!(
        "./lab --guest {}",
        filter.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    );
    let results = if filter.contains(&OPTION) {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
    } else {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("results-{kernel}"))
    };
    let mut guest = Command::new(script)
        .arg("-r")
        .arg(results)
        .arg("-c")
        .arg(kernel)
        .arg(command)
        .args(payload)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run tests/vm/boot: {error}"))?;
    let mut sum = None;
    if let Some(output) = guest.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| format!("cannot read the guest's output: {error}"))?;
            match sum_of(&line) {
                Some(found) => sum = Some(found),
                None => println!("{kernel:<4} {line}"),
            }
        }
    }
    guest.wait().map_err(|error| format!("cannot wait for tests/vm/boot: {error}"))?;
    sum.ok_or_else(|| "the guest did not finish".into())
}

/// A word as bash takes it literally.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn sum_of(line: &str) -> Option<Sum> {
    let (passed, failed) = line.strip_suffix(" failed")?.split_once(" passed, ")?;
    Some(Sum { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
}
