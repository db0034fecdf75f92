//! Reading of the machine that the tests run on. Nothing is changed, and nothing is expected of its state but that it can be read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is a failed test; the helpers are no test functions"
)]

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Instant;
use vti_diagnostics::collect;
use vti_diagnostics::snapshot::{Reason, RouteAnswer, RouteQuery, Snapshot};

const LOOPBACK: RouteQuery = RouteQuery {
    destination: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    source: None,
    mark: 0,
    vrf: None,
};
/// A user without any right; on most systems it is called nobody.
const NOBODY: u32 = 65534;

/// What any user may read on any kernel.
fn assert_open_sources(snapshot: &Snapshot) {
    let links = snapshot.links.as_ref().unwrap();
    let loopback = links.iter().find(|link| link.loopback).expect("a loopback device");
    assert_eq!(loopback.name, "lo");
    assert!(loopback.mtu > 0 && loopback.ifindex > 0);
    let rows: Vec<_> =
        snapshot.proc_net_dev.as_ref().unwrap().iter().map(|row| &row.name).collect();
    for link in links {
        assert!(rows.contains(&&link.name), "{} is not in /proc/net/dev", link.name);
    }
    assert!(*snapshot.uptime_ms.as_ref().unwrap() > 0);
    assert!(snapshot.host.release().series().is_some(), "{}", snapshot.host.kernel_release);
    snapshot.addresses.as_ref().unwrap();
    snapshot.rules.as_ref().unwrap();
    snapshot.routes.as_ref().unwrap();
    snapshot.neighbours.as_ref().unwrap();
}

#[test]
fn what_any_user_may_read_is_read() {
    assert_open_sources(&collect::snapshot(&[], Some(collect::VICI_SOCKET.as_ref())));
}

#[test]
fn the_kernel_answers_an_extra_route_question() {
    let snapshot = collect::snapshot(&[LOOPBACK], None);
    let lookups = snapshot.route_lookups.unwrap();
    let lookup = lookups.iter().find(|lookup| lookup.query == LOOPBACK).unwrap();
    // A namespace whose loopback is down has no route to it; that is an answer, too.
    match &lookup.answer {
        RouteAnswer::Route { oif, .. } => assert!(*oif > 0),
        RouteAnswer::Error { errno } => assert!(*errno > 0),
    }
}

#[test]
fn lists_are_in_their_order() {
    let mut snapshot = collect::snapshot(&[], Some(collect::VICI_SOCKET.as_ref()));
    let before = snapshot.clone();
    snapshot.sort();
    assert_eq!(snapshot, before);
}

#[test]
fn without_rights_xfrm_is_denied_and_the_rest_is_read() {
    if !collect::is_root() {
        return as_nobody();
    }
    // This executable again, as another user, from a place where that user may go.
    let copy = std::env::temp_dir().join(format!("vti-diagnostics-live-{}", std::process::id()));
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let arguments =
        ["--exact", "without_rights_xfrm_is_denied_and_the_rest_is_read", "--nocapture"];
    let output =
        Command::new(&copy).args(arguments).uid(NOBODY).gid(NOBODY).current_dir("/").output();
    std::fs::remove_file(&copy).unwrap();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            return skip(&format!("cannot start a process as uid {NOBODY}: {error}"));
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn as_nobody() {
    let snapshot = collect::snapshot(&[], Some(collect::VICI_SOCKET.as_ref()));
    assert_open_sources(&snapshot);
    let missing = match snapshot.sas {
        Ok(_) => return skip("the process has CAP_NET_ADMIN without being root"),
        Err(missing) if missing.reason == Reason::Absent => {
            return skip("this kernel has no NETLINK_XFRM");
        }
        Err(missing) => missing,
    };
    assert_eq!(missing.reason, Reason::Denied);
    assert_eq!(missing.detail, "cannot dump XFRM_MSG_GETSA: operation not permitted");
    assert_eq!(snapshot.policies.unwrap_err().reason, Reason::Denied);
    assert_eq!(snapshot.sad_info.unwrap_err().reason, Reason::Denied);
    assert_eq!(snapshot.spd_info.unwrap_err().reason, Reason::Denied);
    let default = snapshot.default_policies.unwrap_err().reason;
    assert!(matches!(default, Reason::Denied | Reason::Absent), "{default:?}");
}

#[expect(clippy::print_stdout, reason = "a test that could not run says why")]
fn skip(reason: &str) {
    println!("skipped: {reason}");
}

/// Prints what was read, and how long that took: for a look by eye, and for figures from other machines.
#[test]
#[ignore = "prints the state of this machine"]
#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn show_this_machine() {
    let start = Instant::now();
    let snapshot = collect::snapshot(&[], Some(collect::VICI_SOCKET.as_ref()));
    let taken = start.elapsed();
    if std::env::var_os("FIGURES_ONLY").is_none() {
        println!("{}", serde_yaml::to_string(&snapshot).unwrap());
    }
    println!(
        "FIGURES {taken:?}: {:?} links, {:?} SAs, {:?} policies, {:?} routes, {:?} lookups, {:?} neighbours",
        snapshot.links.map(|list| list.len()),
        snapshot.sas.map(|list| list.len()),
        snapshot.policies.map(|list| list.len()),
        snapshot.routes.map(|list| list.len()),
        snapshot.route_lookups.map(|list| list.len()),
        snapshot.neighbours.map(|list| list.len()),
    );
    let memory = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("FIGURES {}", memory.lines().find(|line| line.starts_with("VmHWM")).unwrap());
}
