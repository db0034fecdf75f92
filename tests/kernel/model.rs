//! What a release changes for a packet, and for how sure a finding is: captures of healthy and broken tunnels, with another kernel's name
//! and another state put into them. No kernel is run.

use std::net::IpAddr;
use std::path::Path;
use vti_diagnostics::capture;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{Confidence, Report};
use vti_diagnostics::snapshot::{Direction, Family, LinkKind, PolicyDirection, Sa, Snapshot, Spi};
use vti_diagnostics::tunnel::State;
use vti_diagnostics::way::Flow;
use vti_diagnostics::way::receive::{Encrypted, Site, receive};

const INTERFACE: &str = "t0";
const NEW: &str = "7.2.13";
const OLD: &str = "5.4.268-amd64-vyos";

/// The last look of a capture, as if that kernel had been there.
fn state(name: &str, release: &str) -> Snapshot {
    let path = format!("tests/captures/{name}.yaml");
    let capture = capture::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let mut now = capture.snapshots.into_iter().next_back().unwrap();
    now.host.kernel_release = release.to_owned();
    now
}

fn healthy(driver: &str, release: &str) -> Snapshot {
    state(&format!("ok-healthy-{driver}"), release)
}

fn flow(source: &str, destination: &str, size: u32, dont_fragment: bool) -> Flow {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    Flow { size, dont_fragment, ..Flow::probe(address(source), address(destination)) }
}

fn ipv4(size: u32, dont_fragment: bool) -> Flow {
    flow("10.9.1.1", "10.9.2.1", size, dont_fragment)
}

/// sent, dropped, held or open.
fn fate(now: &Snapshot, flow: &Flow) -> String {
    diagnose::lookup(now, INTERFACE, flow, None).unwrap().flow.outcome
}

fn outbound(now: &mut Snapshot) -> &mut Sa {
    let sas = now.sas.as_mut().unwrap().iter_mut();
    sas.filter(|sa| sa.direction != Some(Direction::In))
        .find(|sa| sa.destination.to_string() == "192.0.2.2")
        .unwrap()
}

/// One more SA beside the outbound one.
fn another(now: &mut Snapshot, change: impl Fn(&mut Sa)) {
    let mut sa = outbound(now).clone();
    sa.spi = Spi(0xc0ff_ee00);
    change(&mut sa);
    now.sas.as_mut().unwrap().push(sa);
}

#[test]
fn a_big_packet_without_df_is_refused_by_older_drivers() {
    let big = |driver, release| fate(&healthy(driver, release), &ipv4(1490, false));
    assert_eq!(big("xfrm", "5.4.111-amd64-vyos"), "dropped");
    assert_eq!(big("xfrm", OLD), "sent");
    assert_eq!(big("vti", OLD), "dropped");
    assert_eq!(big("vti", "5.10.262"), "dropped");
    assert_eq!(big("vti", "6.6.58-amd64-vyos"), "sent");
    assert_eq!(big("xfrm", "5.10.0-32-cloud-amd64"), "open", "the patch level is hidden");
    assert_eq!(big("vti", "5.10.0-32-cloud-amd64"), "dropped", "by no patch of that series");
    for release in [OLD, "5.10.0-32-cloud-amd64", NEW, "?"] {
        assert_eq!(fate(&healthy("xfrm", release), &ipv4(1490, true)), "dropped", "{release}");
        assert_eq!(fate(&healthy("xfrm", release), &ipv4(100, false)), "sent", "{release}");
    }
}

#[test]
fn a_small_ipv6_packet_that_does_not_fit_is_refused_by_older_drivers() {
    let small = |release| {
        let mut now = healthy("xfrm", release);
        for link in now.links.as_mut().unwrap().iter_mut().filter(|link| link.name == "wan") {
            link.mtu = 1290;
        }
        for policy in now.policies.as_mut().unwrap() {
            if policy.direction == PolicyDirection::Out {
                policy.selector.family = Family::Inet6;
                policy.selector.source = "::/0".parse().unwrap();
                policy.selector.destination = "::/0".parse().unwrap();
            }
        }
        fate(&now, &flow("2001:db8::1", "2001:db8::2", 1280, false))
    };
    assert_eq!(small("5.4.188"), "dropped");
    assert_eq!(small("5.4.189"), "sent");
    assert_eq!(small("5.10.0-32-amd64"), "open");
    assert_eq!(small(NEW), "sent");
}

#[test]
fn disable_xfrm_stops_xfrm_interfaces_of_older_kernels() {
    let disabled = |release, of_all: bool| {
        let mut now = healthy("xfrm", release);
        now.sysctls.all_disable_xfrm = Ok(of_all);
        for link in now.links.as_mut().unwrap().iter_mut().filter(|link| link.name == INTERFACE) {
            link.ipv4.as_mut().unwrap().disable_xfrm = !of_all;
        }
        fate(&now, &ipv4(100, false))
    };
    assert_eq!(disabled("5.4.94", false), "dropped");
    assert_eq!(disabled("5.4.95", false), "sent");
    assert_eq!(disabled("5.10.0-8-amd64", false), "open");
    assert_eq!(disabled(NEW, false), "sent");
    assert_eq!(disabled("5.4.94", true), "sent", "the setting of all counts for nothing yet");
}

#[test]
fn disable_xfrm_of_all_stops_vti_from_some_release_on() {
    let disabled = |release| {
        let mut now = healthy("vti", release);
        now.sysctls.all_disable_xfrm = Ok(true);
        fate(&now, &ipv4(100, false))
    };
    assert_eq!(disabled(OLD), "sent");
    assert_eq!(disabled("5.10.117"), "sent");
    assert_eq!(disabled("5.10.118"), "dropped");
    assert_eq!(disabled("5.10.0-32-amd64"), "open");
    assert_eq!(disabled(NEW), "dropped");
}

#[test]
fn packets_without_an_sa_are_held_by_newer_kernels() {
    let held = |release| fate(&state("221-held-for-negotiation-vti", release), &ipv4(100, false));
    assert_eq!(held(OLD), "dropped");
    assert_eq!(held("5.9.1"), "held");
    assert_eq!(held("?"), "open");
}

#[test]
fn an_sa_of_one_cpu_leaves_open_which_is_used_unless_it_makes_no_difference() {
    let with = |change: &dyn Fn(&mut Sa)| {
        let mut now = healthy("xfrm", NEW);
        another(&mut now, change);
        fate(&now, &ipv4(100, false))
    };
    assert_eq!(with(&|sa| sa.cpu = Some(1)), "sent", "beside one for all that does the same");
    let limited = |sa: &mut Sa| {
        sa.cpu = Some(1);
        sa.limits.hard_packets = Some(0);
    };
    assert_eq!(with(&limited), "open", "on CPU 1 it is dropped, on others sent");
    let mut now = healthy("xfrm", NEW);
    outbound(&mut now).cpu = Some(0);
    assert_eq!(fate(&now, &ipv4(100, false)), "open", "other CPUs have none");
    another(&mut now, |sa| sa.cpu = None);
    assert_eq!(fate(&now, &ipv4(100, false)), "sent");
    for policy in now.policies.as_mut().unwrap() {
        policy.flags |= 4;
    }
    assert_eq!(fate(&now, &ipv4(100, false)), "open", "each CPU asks for one of its own");
}

#[test]
fn an_sa_that_was_used_before_may_be_used_on() {
    let renewed = |release: &str, used: u64| {
        let mut now = healthy("xfrm", release);
        let old = outbound(&mut now);
        old.current.use_time = used;
        old.limits.hard_packets = Some(0);
        another(&mut now, |sa| {
            sa.current.add_time += 60;
            sa.current.use_time = 0;
            sa.limits.hard_packets = None;
        });
        fate(&now, &ipv4(100, false))
    };
    assert_eq!(renewed("6.6.58-amd64-vyos", 1_790_000_000), "sent", "by the newer");
    assert_eq!(renewed("6.12.12", 1_790_000_000), "sent");
    assert_eq!(renewed("6.12.13", 1_790_000_000), "open");
    assert_eq!(renewed(NEW, 1_790_000_000), "open");
    assert_eq!(renewed(NEW, 0), "sent");
}

#[test]
fn a_vti6_whose_bucket_is_that_of_the_wildcard_takes_the_packets_of_another_peer() {
    let end = |release: &str, remote: &str| {
        let mut now = healthy("vti6", release);
        let local: IpAddr = "2001:db8::1".parse().unwrap();
        let mut sas = now.sas.as_ref().unwrap().iter();
        let inbound = sas.rfind(|sa| sa.destination == local).unwrap().clone();
        for link in now.links.as_mut().unwrap().iter_mut().filter(|l| l.name == INTERFACE) {
            let LinkKind::Vti6(device) = &mut link.kind else { panic!("{:?}", link.kind) };
            device.remote = remote.parse().unwrap();
        }
        let inside = flow("fd09:2::1", "fd09:1::1", 100, false);
        match receive(&State::new(&now), &Encrypted::of(&inbound, inside)).site {
            Site::LetIn { .. } => "let in",
            Site::NoSa { .. } => "no SA",
            Site::Undecided(_) => "open",
            other => panic!("{other:?}"),
        }
    };
    for release in ["6.18.15", "6.12.93", "6.6.58-amd64-vyos"] {
        assert_eq!(end(release, "2001:db8::20"), "let in", "{release}: same bucket");
        assert_eq!(end(release, "2001:db8::3"), "no SA", "{release}: another bucket");
    }
    for release in ["6.18.36", "6.12.95+deb12-cloud-amd64", NEW] {
        assert_eq!(end(release, "2001:db8::20"), "no SA", "{release}");
    }
    assert_eq!(end("6.1.0-50-amd64", "2001:db8::20"), "open", "the name hides the patch level");
    assert_eq!(end("6.1.0-50-amd64", "2001:db8::2"), "let in", "both addresses are right");
}

fn report(name: &str, release: &str) -> Report {
    let now = state(name, release);
    diagnose::run(&Observation { now: &now, earlier: None }, None).unwrap()
}

fn first(report: &Report) -> (u16, Confidence) {
    let finding = report.interfaces.iter().find_map(|i| i.findings.first()).unwrap();
    (finding.code.number(), finding.confidence)
}

#[test]
fn what_the_model_proves_is_consistent_on_kernels_that_it_was_not_tested_on() {
    let name = "111-policy-without-association-xfrm";
    for covered in ["5.10.0-32-cloud-amd64", "6.6.58-amd64-vyos", "7.2.13"] {
        let report = report(name, covered);
        assert_eq!(first(&report), (111, Confidence::Proven), "{covered}");
        assert!(report.notes.is_empty());
    }
    for outside in [OLD, "7.3.1", "6.12.0-55.el10.x86_64", "?"] {
        let report = report(name, outside);
        assert_eq!(first(&report), (111, Confidence::Consistent), "{outside}");
        assert_eq!(report.notes.len(), 1, "{outside}");
    }
}

#[test]
fn what_charon_says_is_as_sure_on_any_kernel() {
    let name = "501-charon-killed-vti";
    for release in [OLD, NEW] {
        assert_eq!(first(&report(name, release)), (501, Confidence::Proven), "{release}");
    }
}
