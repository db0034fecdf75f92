//! That the monitor is off again, whatever happens, that another process's is left alone, and what watching costs.

use super::Options;
use super::scenes::{ALG, OUTER, tunnel};
use super::session::{Seen, Session};
use super::state::{guardians, is_loaded, is_off, within};
use crate::Fallible;
use crate::case::End;
use crate::lines;
use crate::namespace::Namespace;
use crate::traffic::{self, Traffic};
use nix::sys::signal::{Signal, kill as signal};
use nix::unistd::Pid;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub fn build() -> Fallible<Namespace> {
    let peer = Namespace::new("peer")?;
    lines::script(&["set -e", OUTER, &tunnel(1, "xfrm")].join("\n"))?;
    Ok(peer)
}

/// It is off after kill -9, and the module as before: half of the times it was there.
pub fn kill(options: &Options) -> Fallible<Vec<String>> {
    let _peer = build()?;
    let (mut differences, mut slowest, mut were_on) = (Vec::new(), Duration::ZERO, 0);
    // Moments all over the start, and while it watches; the same in each run.
    let mut moment = 12_345_u64;
    for n in 0..options.kills {
        let preloaded = n % 2 == 1;
        lines::script(if preloaded {
            "modprobe drop_monitor"
        } else {
            "rmmod drop_monitor 2>/dev/null"
        })
        .or_else(|error| if preloaded { Err(error) } else { Ok(()) })?;
        let mut child = Command::new("./vti-diagnostics")
            .args(["drops", "--duration", "300"])
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run vti-diagnostics: {error}"))?;
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_micros((moment >> 33) % 400_000));
        let was_on = !is_off();
        were_on += u64::from(was_on);
        child.kill().map_err(|error| format!("cannot kill: {error}"))?;
        child.wait().map_err(|error| format!("cannot wait: {error}"))?;
        match within(|| is_off() && is_loaded() == preloaded && guardians().is_empty()) {
            Some(time) if time <= Duration::from_secs(1) => slowest = slowest.max(time),
            other => differences.push(format!(
                "kill {n}: preloaded {preloaded}, was on {was_on}: off {}, loaded {}, after {other:?}",
                is_off(),
                is_loaded()
            )),
        }
    }
    println!(
        "       {} kills, {were_on} while the monitor was on, off again after {slowest:?} at most",
        options.kills
    );
    for by in [Signal::SIGTERM, Signal::SIGINT] {
        let session = Session::start(&[])?;
        signal(session.pid(), by).map_err(|error| format!("cannot signal: {error}"))?;
        session.end()?;
        if !is_off() {
            differences.push(format!("on after {by}"));
        }
    }
    Ok(differences)
}

/// A second run meets the monitor of the first.
pub fn foreign(_: &Options) -> Fallible<Vec<String>> {
    let _peer = build()?;
    let session = Session::start(&[])?;
    let second = Command::new("./vti-diagnostics")
        .args(["drops", "--duration", "1"])
        .output()
        .map_err(|error| format!("cannot run vti-diagnostics: {error}"))?;
    let mut differences = Vec::new();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    if second.status.code() != Some(1)
        || said.lines().count() != 1
        || !said.contains("drops --stop")
    {
        differences.push(format!("the second ended with {}: {said}", second.status));
    }
    if is_off() {
        differences.push("the first one's monitor is off".into());
    }
    lines::script("ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 1")?;
    traffic::send(&Traffic::of(End::Router, "10.1.0.9", 10), "t1")?;
    let seen = session.finish()?;
    if seen.sum("attributed") != 10 {
        differences.push(format!("the first one saw {:?}", seen.lines()));
    }
    Ok(differences)
}

/// Peak of the resident memory of a process, in KiB.
fn peak(pid: Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Datagrams against a closed port, as fast as they go, while the monitor is on and for so long; how many, and the peak of the memory
/// of `drops` before and during it, in KiB.
struct Storm {
    sent: u64,
    took: Duration,
    calm: u64,
    highest: u64,
}

impl Storm {
    fn blow(pid: Pid, most: Duration) -> Fallible<Self> {
        let socket =
            UdpSocket::bind("127.0.0.1:0").map_err(|error| format!("cannot bind: {error}"))?;
        let (calm, began) = (peak(pid), Instant::now());
        let (mut sent, mut highest) = (0, calm);
        while began.elapsed() < most && !is_off() {
            for _ in 0..500 {
                let _ = socket.send_to(&[0; 10], "127.0.0.1:9999");
                sent += 1;
            }
            highest = highest.max(peak(pid));
        }
        Ok(Self { sent, took: began.elapsed(), calm, highest })
    }

    /// What is wrong with what `drops` made of it, which ended by `ended`.
    fn judge(&self, seen: &Seen, ended: &str) -> Vec<String> {
        let Self { sent, took, calm, highest } = self;
        let by = seen.summary.get("ended").and_then(|by| by.as_str()).unwrap_or_default();
        let (unrelated, lost) = (seen.sum("unrelated"), seen.sum("lost"));
        println!(
            "       {sent} sent in {took:?}, {:.0} a second; ended by {by}; unrelated {unrelated}, lost {lost}; memory {calm} KiB, {highest} KiB at most",
            *sent as f64 / took.as_secs_f64(),
        );
        let mut differences = Vec::new();
        if by != ended {
            differences.push(format!("ended by {by}"));
        }
        if *highest > calm + 4096 {
            differences.push(format!("memory grew from {calm} to {highest} KiB"));
        }
        if !is_off() {
            differences.push("the monitor is on".into());
        }
        differences
    }
}

/// With a limit it leaves, and without one it stays, and says what it could not take.
pub fn storm(_: &Options) -> Fallible<Vec<String>> {
    let _peer = build()?;
    let session = Session::start(&["--max-rate", "2000"])?;
    let storm = Storm::blow(session.pid(), Duration::from_secs(10))?;
    let seen = session.end()?;
    let mut differences = storm.judge(&seen, "rate");
    let session = Session::start(&["--max-rate", "1000000"])?;
    let storm = Storm::blow(session.pid(), Duration::from_secs(5))?;
    let began = Instant::now();
    lines::script("true")?;
    println!("       another program starts and ends within {:?}", began.elapsed());
    let seen = session.finish()?;
    differences.extend(storm.judge(&seen, "signal"));
    let told = seen.sum("unrelated") + seen.sum("lost");
    if told < storm.sent {
        differences.push(format!("{told} of {} drops are told of", storm.sent));
    }
    Ok(differences)
}

/// A ratio, and no figure by which a slow machine fails.
pub fn cost(_: &Options) -> Fallible<Vec<String>> {
    let peer = build()?;
    let far = format!(
        "
ip -n peer addr add 192.0.2.101/24 dev wan; ip -n peer addr add 10.1.0.9/32 dev lo
ip -n peer link add t0 type xfrm dev wan if_id 1; ip -n peer link set t0 up
ip -n peer xfrm state add src 192.0.2.1 dst 192.0.2.101 proto esp spi 0x101 reqid 1 mode tunnel if_id 1 {ALG} flag af-unspec
ip -n peer xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir in if_id 1 tmpl src 192.0.2.1 dst 192.0.2.101 proto esp reqid 1 mode tunnel
"
    );
    lines::script(&["set -e", &far].join("\n"))?;
    let sink = peer.within(traffic::sink)?;
    let mut delivered = 0;
    let mut batch = || -> Fallible<Duration> {
        let began = Instant::now();
        let socket =
            UdpSocket::bind("10.9.1.1:0").map_err(|error| format!("cannot bind: {error}"))?;
        // What waits in the sink's buffer must not be lost there.
        for _ in 0..50 {
            for _ in 0..40 {
                let _ = socket.send_to(&[0; 1000], "10.1.0.9:9");
            }
            delivered += traffic::arrived(&sink)?;
        }
        Ok(began.elapsed())
    };
    batch()?;
    let (mut off, mut on) = (Vec::new(), Vec::new());
    // By turns, so that a busy host meets both alike.
    for _ in 0..5 {
        off.push(batch()?);
        let session = Session::start(&[])?;
        on.push(batch()?);
        session.finish()?;
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64()
    };
    let (off, on) = (median(&mut off), median(&mut on));
    println!(
        "       2000 packets: {off:.3} s without, {on:.3} s with: ratio {:.2}; {delivered} delivered",
        on / off
    );
    Ok(if delivered < 10_000 {
        vec![format!("{delivered} of 22000 delivered")]
    } else {
        Vec::new()
    })
}
