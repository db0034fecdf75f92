//! The guest's side: every case in fresh network namespaces and in its own process, one after another.

use crate::scenario::{self, Scenario};
use crate::{Fallible, case::Case};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Settings that new namespaces inherit: the kernel must not send anything of its own through the tunnel.
/// Scenarios about such packets switch them on again.
const QUIET: [(&str, &str); 6] = [
    ("/proc/sys/net/core/devconf_inherit_init_net", "1"),
    ("/proc/sys/net/ipv6/conf/default/accept_dad", "0"),
    ("/proc/sys/net/ipv6/conf/default/router_solicitations", "0"),
    ("/proc/sys/net/ipv6/conf/default/autoconf", "0"),
    // No link-local address.
    ("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1"),
    ("/proc/sys/net/ipv6/conf/default/accept_ra", "0"),
];

/// Runs the cases whose `scenario driver families` holds one of the words (all without words). True when all passed.
pub fn run(words: &[&str]) -> Fallible<bool> {
    for (path, value) in QUIET {
        std::fs::write(path, value).map_err(|error| format!("cannot write {path}: {error}"))?;
    }
    let kernel = kernel()?;
    let (mut passed, mut failed) = (0, 0);
    for path in files()? {
        for scenario in scenario::load(&path)? {
            for case in scenario.cases(&kernel) {
                let name = format!("{} {case}", scenario.name);
                if !words.is_empty() && !words.iter().any(|word| name.contains(word)) {
                    continue;
                }
                match one(&path, &scenario, &case) {
                    true => passed += 1,
                    false => failed += 1,
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// `6.1` of `6.1.0-50-cloud-amd64`.
pub fn kernel() -> Fallible<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_err(|error| format!("cannot read osrelease: {error}"))?;
    Ok(release.split(['.', '-']).take(2).collect::<Vec<_>>().join("."))
}

fn files() -> Fallible<Vec<PathBuf>> {
    let entries = std::fs::read_dir("scenarios")
        .map_err(|error| format!("cannot read scenarios: {error}"))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some("yaml".as_ref()))
        .collect();
    files.sort();
    Ok(files)
}

/// Its own process in the router's namespace, because a namespace belongs to a process; with a time limit.
fn one(path: &std::path::Path, scenario: &Scenario, case: &Case) -> bool {
    let started = Instant::now();
    let name = format!("{} {case}", scenario.name);
    let ip = |arguments: &[&str]| {
        Command::new("ip").args(arguments).status().is_ok_and(|status| status.success())
    };
    let made = ip(&["netns", "add", "router"]) && ip(&["netns", "add", "peer"]);
    let output = Command::new("timeout")
        // busybox would run its own `ip` without the path.
        .args(["30", "/usr/sbin/ip", "netns", "exec", "router", "./lab", "--inside"])
        .args([&path.to_string_lossy(), scenario.name.as_str(), &case.to_string()])
        .output();
    ip(&["netns", "del", "router"]);
    ip(&["netns", "del", "peer"]);
    let (passed, text) = match output {
        Ok(output) => (made && output.status.success(), [output.stdout, output.stderr].concat()),
        Err(error) => (false, error.to_string().into_bytes()),
    };
    println!(
        "{} {name} ({} ms)",
        if passed { "pass" } else { "FAIL" },
        started.elapsed().as_millis()
    );
    if !passed {
        println!("       {}", scenario.why);
        String::from_utf8_lossy(&text).lines().for_each(|line| println!("     {line}"));
    }
    passed
}
