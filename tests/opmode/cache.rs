//! The merge into VyOS's cache: what is written, what is refused, and what becomes of the file.

use crate::{Directory, program, vyos};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Output};
use vti_diagnostics::opmode::op_cache;

/// VyOS's cache, as far as it is near ours.
pub fn excerpt() -> String {
    fs::read_to_string(vyos("op_cache-2026-excerpt.json")).unwrap()
}

/// The same with our commands.
pub fn installed() -> Value {
    serde_json::from_str(&op_cache::install(&excerpt()).unwrap().unwrap()).unwrap()
}

/// The excerpt on one line and with the escapes of Python's json.dump, as VyOS's build writes it.
fn one_line() -> String {
    let script = "import json, sys\nc = json.load(open(sys.argv[1]))\n\
                  c['show']['__node_data']['help_text'] = 'Zürich 😀 \\x7f \\u2028'\njson.dump(c, sys.stdout)";
    let mut python = Command::new("python3");
    let output = python.args(["-c", script]).arg(vyos("op_cache-2026-excerpt.json")).output();
    let output = output.unwrap_or_else(|error| panic!("python3: {error}"));
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.is_ascii() && !text.contains('\n') && text.contains("\\ud83d\\ude00"), "{text}");
    text
}

#[test]
fn what_is_taken_out_leaves_the_bytes_of_before() {
    for text in [excerpt(), excerpt() + "\n", one_line(), one_line() + "\n"] {
        let with = op_cache::install(&text).unwrap().unwrap();
        assert!(with.contains("vti-diagnostics"));
        assert_eq!(op_cache::remove(&with).unwrap().unwrap(), text);
    }
}

#[test]
fn a_second_time_there_is_nothing_to_do() {
    let with = op_cache::install(&excerpt()).unwrap().unwrap();
    assert_eq!(op_cache::install(&with).unwrap(), None);
    assert_eq!(op_cache::remove(&excerpt()).unwrap(), None);
}

/// The cache after a change of it.
fn changed(text: &str, change: impl Fn(&mut Value)) -> String {
    let mut cache: Value = serde_json::from_str(text).unwrap();
    change(&mut cache);
    cache.to_string()
}

#[test]
fn an_entry_of_another_version_of_ours_is_replaced() {
    let with = op_cache::install(&excerpt()).unwrap().unwrap();
    let old = changed(&with, |cache| {
        let entry = &mut cache["show"]["vpn"]["vti-diagnostics"];
        entry["__node_data"]["help_text"] = "of before".into();
        entry["gone"] = serde_json::json!({"__node_data": {}});
    });
    let new = op_cache::install(&old).unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&new).unwrap(), installed());
    let without = op_cache::remove(&old).unwrap().unwrap();
    let before: Value = serde_json::from_str(&excerpt()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&without).unwrap(), before);
}

#[test]
fn a_shape_that_is_not_known_is_refused() {
    let data = |cache: &mut Value, member: &str, value: Value| {
        cache["show"]["vpn"]["__node_data"][member] = value;
    };
    let refused = [
        "".to_string(),
        "{".to_string(),
        "[]".to_string(),
        "{}".to_string(),
        "{\"show\": []}".to_string(),
        "[".repeat(100_000),
        changed(&excerpt(), |cache| cache["show"]["vpn"] = Value::Null),
        changed(&excerpt(), |cache| data(cache, "a_member_of_the_future", true.into())),
        changed(&excerpt(), |cache| data(cache, "children", "ike".into())),
        changed(&excerpt(), |cache| data(cache, "path", serde_json::json!(["vpn"]))),
        changed(&excerpt(), |cache| {
            let vpn = cache["show"]["vpn"]["__node_data"].as_object_mut().unwrap();
            vpn.remove("constraints");
        }),
        changed(&excerpt(), |cache| {
            let another = cache["show"]["vpn"]["ike"].clone();
            cache["show"]["vpn"]["vti-diagnostics"] = another;
        }),
    ];
    for text in refused {
        let said = op_cache::install(&text).unwrap_err().to_string();
        assert!(said.starts_with("this op_cache.json has an unknown form: "), "{said}");
        assert!(!said.contains('\n') && said.len() < 200, "{said}");
    }
}

#[test]
fn another_program_s_entry_of_our_name_is_not_removed() {
    let another = changed(&excerpt(), |cache| {
        let another = cache["show"]["vpn"]["ike"].clone();
        cache["show"]["vpn"]["vti-diagnostics"] = another;
    });
    assert_eq!(op_cache::remove(&another).unwrap(), None);
}

fn op_cache(change: &str, file: &Path) -> Output {
    let mut program = Command::new(program());
    program.args(["vyos", "op-cache", change, "--file"]).arg(file).output().unwrap()
}

fn quiet(change: &str, file: &Path) {
    let output = op_cache(change, file);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn the_file_keeps_its_mode_and_owner_and_nothing_is_left_beside_it() {
    let directory = Directory::new();
    let file = directory.0.join("op_cache.json");
    fs::write(&file, excerpt()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    // Only root may give a file away.
    let is_root = nix::unistd::geteuid().is_root();
    if is_root {
        chown(&file, Some(1234), Some(2345)).unwrap();
    }
    let before = fs::metadata(&file).unwrap();
    quiet("install", &file);
    let after = fs::metadata(&file).unwrap();
    assert_eq!(
        (after.mode(), after.uid(), after.gid()),
        (before.mode(), before.uid(), before.gid())
    );
    assert_eq!(is_root, after.uid() == 1234);
    assert_ne!(after.ino(), before.ino(), "a new file in its place, for readers to see whole");
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap(), installed());

    quiet("install", &file);
    assert_eq!(fs::metadata(&file).unwrap().ino(), after.ino(), "nothing to do, nothing written");
    quiet("remove", &file);
    assert_eq!(fs::read_to_string(&file).unwrap(), excerpt());
    quiet("remove", &file);
    assert_eq!(directory.names(), ["op_cache.json"]);
}

/// VyOS's package replaces the file while ours is installed: whichever is the last, nothing of VyOS's is lost.
#[test]
fn a_cache_that_another_process_replaces_meanwhile_is_not_overwritten() {
    let directory = Directory::new();
    let file = directory.0.join("op_cache.json");
    let generation = |number: u64| changed(&excerpt(), |cache| cache["generation"] = number.into());
    let read = || serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap();
    fs::write(&file, generation(0)).unwrap();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=150 {
                let new = directory.0.join("op_cache.json.dpkg-new");
                fs::write(&new, generation(number)).unwrap();
                fs::rename(&new, &file).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(3));
                // For a moment the one before it may be in its place.
                let stands = |_: &u32| {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    read()["generation"] == number
                };
                if (0..2000).find(stands).is_none() {
                    is_over.store(true, std::sync::atomic::Ordering::Relaxed);
                    panic!("generation {number} is lost: {}", read()["generation"]);
                }
            }
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                quiet("install", &file);
            }
        });
    });
    quiet("install", &file);
    assert!(read()["generation"] == 150 && read()["show"]["vpn"]["vti-diagnostics"].is_object());
    assert_eq!(directory.names(), ["op_cache.json"]);
}

#[test]
fn where_vyos_has_no_cache_there_is_nothing_to_do() {
    let directory = Directory::new();
    for change in ["install", "remove"] {
        quiet(change, &directory.0.join("op_cache.json"));
        quiet(change, &directory.0.join("no/such/directory/op_cache.json"));
    }
    assert!(directory.names().is_empty());
}

#[test]
fn what_is_no_cache_stays_as_it_is() {
    let directory = Directory::new();
    let (file, target) = (directory.0.join("op_cache.json"), directory.0.join("target"));
    for (text, change) in [("not JSON\n", "install"), ("{}", "install"), ("{", "remove")] {
        fs::write(&file, text).unwrap();
        let said = crate::complaint(&op_cache(change, &file));
        assert!(said.starts_with(&format!("cannot use {}: ", file.display())), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    fs::remove_file(&file).unwrap();
    fs::write(&target, excerpt()).unwrap();
    symlink(&target, &file).unwrap();
    let said = crate::complaint(&op_cache("install", &file));
    assert!(said.starts_with(&format!("cannot read {}: ", file.display())), "{said}");
    assert_eq!(fs::read_to_string(&target).unwrap(), excerpt());
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    crate::complaint(&op_cache("install", &file));
    assert_eq!(directory.names(), ["op_cache.json", "target"]);
}
