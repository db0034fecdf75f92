//! VyOS's operational mode: the definition against VyOS's schemas, the commands as VyOS's shell and its newer runner find and run them,
//! the merge into its cache, and hostile values through all of it. The real binary is run; nothing depends on the host's VTIs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod cache;
mod definition;
mod hostile;
mod pager;
mod runner;
mod shell;
mod trace;
mod tree;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// An interface that no host has: the number is larger than VyOS gives.
const ABSENT: &str = "vti900000000001";

/// The program under test.
fn program() -> PathBuf {
    assert_cmd::cargo::cargo_bin("vti-diagnostics")
}

/// A file of the sources.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// VyOS's data, see the README there.
fn vyos(name: &str) -> PathBuf {
    source("tests/opmode/vyos").join(name)
}

/// What a command of bash gives, without anything from standard input. A command that needs a terminal or more is not one of ours.
fn bash(script: &str, arguments: &[&OsStr], directory: &Path) -> Output {
    Command::new("bash")
        .args(["--noprofile", "--norc", "-c", script, "bash"])
        .args(arguments)
        // Bytes, not characters.
        .env("LC_ALL", "C")
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The sentence of a failed command of VyOS, which has nothing on standard error.
fn sentence(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{output:?}");
    one_sentence(output, &output.stdout)
}

/// Whether a recorder has run on the host is not of the tests: what is answered fits both.
fn is_of_the_recorder(output: &Output) {
    if output.status.success() {
        assert!(output.stderr.is_empty() && !output.stdout.is_empty(), "{output:?}");
        return;
    }
    let said = sentence(output);
    let absent = format!("there is no VTI {ABSENT}, and nothing is recorded of one");
    let nothing = "nothing is recorded in /var/lib/vti-diagnostics: ";
    let refused = "cannot read /var/lib/vti-diagnostics/";
    assert!(said == absent || said.starts_with(nothing) || said.starts_with(refused), "{said}");
}

/// The sentence of a failed command of the package, which has nothing on standard output.
fn complaint(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{output:?}");
    one_sentence(output, &output.stderr)
}

fn one_sentence(output: &Output, said: &[u8]) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(said.to_vec()).unwrap();
    let said = said.strip_suffix('\n').unwrap_or_else(|| panic!("{said:?}"));
    assert!(!said.is_empty() && !said.contains('\n'), "{said:?}");
    said.to_string()
}

/// A directory of one test under the build's own temporary one, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("opmode-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The wrapper of the package with the program under test in the place of the installed one, as `DIR/vti_diagnostics`; gives `DIR`.
    fn with_wrapper(&self) -> PathBuf {
        let wrapper = fs::read_to_string(source("op-mode-definitions/vti_diagnostics")).unwrap();
        let program = program();
        assert!(wrapper.contains("exec /usr/bin/vti-diagnostics op-mode \"$@\"\n"), "{wrapper}");
        let wrapper = wrapper.replace("/usr/bin/vti-diagnostics", program.to_str().unwrap());
        let scripts = self.0.join("op_mode");
        fs::create_dir_all(&scripts).unwrap();
        let file = scripts.join("vti_diagnostics");
        fs::write(&file, wrapper).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        scripts
    }

    /// The names in it, in order.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
