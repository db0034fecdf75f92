//! What reading a capture may cost: the program itself reads files that are made to be dear, and its peak of memory is that of the kernel
//! (`ru_maxrss`), asked for by Python. Each is refused in one sentence that names the limit.

use super::FULL;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// What the program needs for a capture that is next to nothing, with Python before it becomes the program, and a little. In bytes. What is
/// proven of a small file is then as sharp as of a large one.
static BASE: LazyLock<u64> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let (_, peak) = refused(directory.path(), "small", "schema: 1\n", &[]);
    peak + (1 << 20)
});

/// What the values of any capture may take, in bytes.
const FREE: u64 = 16 << 20;

/// Runs the program; its exit status, standard error, and peak of memory in bytes.
fn run(arguments: &[&str]) -> (i32, String, u64) {
    let script = "import os, sys\nr, w = os.pipe()\npid = os.fork()\n\
                  if pid == 0:\n    os.dup2(w, 2); os.dup2(os.open('/dev/null', os.O_WRONLY), 1); os.execv(sys.argv[1], sys.argv[1:])\n\
                  os.close(w)\nsaid = open(r, errors='replace').read()\n_, status, usage = os.wait4(pid, 0)\n\
                  print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)\nprint(said, end='')";
    let program = env!("CARGO_BIN_EXE_vti-diagnostics");
    let output =
        Command::new("python3").args(["-c", script, program]).args(arguments).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let (numbers, said) = output.split_once('\n').unwrap();
    let (status, peak) = numbers.split_once(' ').unwrap();
    (status.parse().unwrap(), said.to_string(), peak.parse::<u64>().unwrap() << 10)
}

/// The sentence with which this file is refused, and the peak of memory.
fn refused(directory: &Path, name: &str, text: &str, more: &[&str]) -> (String, u64) {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    let (status, said, peak) =
        run(&[&["show", "--capture", path.to_str().unwrap()], more].concat());
    fs::remove_file(&path).unwrap();
    assert_eq!(status, 1, "{name}: {said}");
    assert!(said.ends_with('\n') && said.matches('\n').count() == 1, "{name}: {said}");
    (said, peak)
}

#[test]
fn a_file_that_is_made_to_be_dear_is_refused_in_little_memory() {
    const MIB: usize = 1 << 20;
    let head =
        "schema: 1\nsnapshots:\n- taken_at_ms: 1\n  host: {hostname: a, kernel_release: b}\n";
    let fill =
        |head: &str, text: &str, size: usize| head.to_string() + &text.repeat(size / text.len());
    let depth = "nested deeper than 64 levels";
    let memory = "of memory, more than any capture of its size";
    let values = "more than 131072 values, the most that are read; --max-size raises it";
    let directory = tempfile::tempdir().unwrap();
    for (name, text, more, expected) in [
        ("dashes", fill("", "- ", 2 * MIB), &[][..], "invalid type: sequence"),
        ("lines of dashes", fill("", "-\n", 16 * MIB), &[], "invalid type: sequence"),
        ("dashes in a field", fill(&format!("{head}  other:\n    "), "- ", 2 * MIB), &[], depth),
        ("dashes that nobody reads", fill("other:\n", "- ", 2 * MIB), &[], depth),
        ("question marks", fill("other:\n", "? ", 2 * MIB), &[], "line 2"),
        ("brackets", fill("schema: 1\nother: ", "[", 2 * MIB), &[], depth),
        ("braces", fill("schema: 1\nother: ", "{a: ", 2 * MIB), &[], depth),
        ("brackets of JSON", fill("{\"schema\": 1, \"other\": ", "[", 2 * MIB), &[], depth),
        (
            "texts",
            fill(&format!("{head}  hook_state:\n    seen:\n"), "    - a\n", 6 * MIB),
            &[],
            memory,
        ),
        (
            "texts in brackets",
            fill(&format!("{head}  hook_state:\n    seen: ["), "a,", 2 * MIB),
            &[],
            memory,
        ),
        (
            "texts of JSON",
            fill(
                "{\"schema\":1,\"snapshots\":[{\"taken_at_ms\":1,\"host\":{\"hostname\":\"\",\"kernel_release\":\"\"},\
                 \"hook_state\":{\"seen\":[",
                "\"\",",
                2 * MIB,
            ),
            &[],
            memory,
        ),
        (
            "short entries",
            fill(&format!("{head}  neighbours:\n    seen:\n"), "    - {}\n", 2 * MIB),
            &[],
            "missing field",
        ),
        (
            "fields of a link that nobody knows",
            fill(&format!("{head}  links:\n    seen:\n    - {{"), "a: ,", 2 * MIB),
            &[],
            memory,
        ),
        (
            "fields of a link of JSON",
            fill(
                "{\"schema\":1,\"snapshots\":[{\"taken_at_ms\":1,\"host\":{\"hostname\":\"\",\"kernel_release\":\"\"},\
                 \"links\":{\"seen\":[{\"ifindex\":1",
                ",\"\":0",
                2 * MIB,
            ),
            &[],
            memory,
        ),
        (
            "values that nobody reads",
            fill("other:\n", "- 1\n", 900_000),
            &["--max-size", "1M"],
            values,
        ),
        ("one text", fill("schema: 1\nother: ", "x", 8 * MIB), &[], "missing field `snapshots`"),
        ("one name", fill("schema: 1\nsnapshots: []\n", "x", 8 * MIB), &[], "line 3"),
        ("comments", fill("schema: 1\n", "#\n", 2 * MIB), &[], "missing field `snapshots`"),
        ("anchors", fill("other:\n", "- &a 1\n", 2 * MIB), &[], "anchor or alias"),
        ("directives", fill("", "%TAG !a! !b\n", 2 * MIB), &[], "irective"),
        ("too large", fill("schema: 1\n", "#\n", 2 * MIB), &["--max-size", "1M"], "--max-size"),
    ] {
        let (said, peak) = refused(directory.path(), name, &text, more);
        println!("{name}: {} bytes, {} KiB: {said}", text.len(), peak >> 10);
        assert!(said.contains(expected), "{name}: {said}");
        // A small file's values may have FREE of src/capture/limits.rs.
        let length = text.len() as u64;
        let most = (5 * length).max(length + FREE) + *BASE;
        assert!(peak < most, "{name}: {} MiB for {} MiB", peak >> 20, text.len() >> 20);
    }
}

#[test]
fn a_capture_takes_less_than_five_times_its_size() {
    // A router with so many SAs more: entries as they are written, in a list that is long.
    const MORE: usize = 4_000;
    let first = FULL.find("  associations:\n    seen:\n    - ").unwrap()
        + "  associations:\n    seen:\n".len();
    let list = &FULL[first..];
    let entry = &list[..list.match_indices("\n    - ").next().unwrap().0 + 1];
    let long = [&FULL[..first], &entry.repeat(MORE), list].concat();
    let mut json: serde_json::Value = serde_yaml::from_str(FULL).unwrap();
    let list = json["snapshots"][0]["associations"]["seen"].as_array_mut().unwrap();
    list.splice(0..0, vec![list[0].clone(); MORE]);
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("written.yaml");
    let redact = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let output = written.to_str().unwrap();
        let (status, said, peak) =
            run(&["capture", "--redact", "--capture", path, "--output", output]);
        assert_eq!((status, said.as_str()), (0, ""), "{name}");
        (path.to_owned(), peak)
    };
    let read = |path: &str| {
        let (status, said, peak) = run(&[
            "lookup",
            "--interface",
            "no-such",
            "--source",
            "192.0.2.1",
            "--destination",
            "192.0.2.2",
            "--capture",
            path,
        ]);
        assert!(status == 1 && said.contains("no-such"), "{path}: {said}");
        peak
    };
    // What a small capture takes: each command uses other parts of the program than BASE.
    let (full, redacting) = redact("full", FULL);
    let reading = read(&full);
    for (name, text) in [("yaml", long), ("json", json.to_string())] {
        let most = 5 * text.len() as u64;
        let (path, peak) = redact(name, &text);
        println!("{name}, redacted: {} bytes, {} KiB", text.len(), peak >> 10);
        assert!(peak < most + redacting, "{name}, redacted: {} KiB", peak >> 10);
        let peak = read(&path);
        println!("{name}, read: {} bytes, {} KiB", text.len(), peak >> 10);
        assert!(peak < most + reading, "{name}: {} KiB", peak >> 10);
    }
}

#[test]
fn a_larger_capture_is_read_where_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("long.yaml");
    fs::write(&path, format!("{FULL}{}", "# more\n".repeat(1 << 16))).unwrap();
    let path = path.to_str().unwrap();
    let (status, said, _) = run(&["show", "--capture", path, "--max-size", "256K"]);
    assert_eq!(status, 1);
    assert_eq!(
        said,
        format!(
            "cannot read {path}: it is larger than 256K, the most that is read; --max-size raises it\n"
        )
    );
    for more in [&[][..], &["--max-size", "1M"]] {
        let (status, said, _) = run(&[&["show", "--capture", path], more].concat());
        assert_eq!((status, said.as_str()), (0, ""), "{more:?}");
    }
    let (status, said, _) = run(&["show", "--max-size", "2M"]);
    assert!(status == 1 && said.contains("--capture"), "{said}");
}
