//! `lookup` on captures of real kernels: the packet filter before, around and behind the interface, and a packet without a source.

use crate::{RECORDED, diagnosed};
use std::net::IpAddr;
use vti_diagnostics::capture::Capture;
use vti_diagnostics::code::Code;
use vti_diagnostics::diagnose::{lookup, lookup_decrypted, own_source};
use vti_diagnostics::report::FlowReport;
use vti_diagnostics::snapshot::{Missing, Reason, Snapshot, Source};
use vti_diagnostics::way::Flow;

fn now(name: &str) -> &'static Snapshot {
    let recorded = RECORDED.iter().find(|recorded| recorded.name == name).expect(name);
    recorded.capture.snapshots.last().unwrap()
}

fn flow(source: &str, destination: &str) -> Flow {
    Flow::probe(source.parse().unwrap(), destination.parse().unwrap())
}

/// What becomes of a packet, and the last stage that it comes to.
fn end(report: &FlowReport) -> (&str, Option<Code>, String) {
    let last = report.way.iter().rfind(|reached| reached.result != "-").unwrap();
    (&report.outcome, report.finding, format!("{} {}", last.stage, last.result))
}

#[test]
fn the_filter_drops_what_goes_in() {
    let now = now("312-filter-refuses-what-goes-in-xfrm");
    let report = lookup(now, "t0", &flow("10.66.0.2", "10.9.2.1"), None).unwrap().flow;
    let code = Some(Code::RefusedBeforeTheTunnel);
    assert_eq!(end(&report), ("dropped", code, "filter dropped".into()));
    assert!(report.summary.contains("in FORWARD"), "{}", report.summary);
    // What this host sends itself does not pass FORWARD.
    let report = lookup(now, "t0", &flow("10.9.1.1", "10.9.2.1"), None).unwrap().flow;
    assert_eq!(end(&report), ("sent", None, "filter (ESP) ok".into()));
}

#[test]
fn a_packet_from_elsewhere_comes_in_by_the_interface_that_is_named() {
    let now = now("312-filter-refuses-what-goes-in-xfrm");
    let flow = flow("172.16.0.9", "10.9.2.1");
    let report = lookup(now, "t0", &flow, None).unwrap().flow;
    assert!(report.trail[1].looked_at.contains("--in-interface"), "{:?}", report.trail[1]);
    let report = lookup(now, "t0", &flow, Some("lan0")).unwrap().flow;
    assert_eq!(report.finding, Some(Code::RefusedBeforeTheTunnel));
    let error = lookup(now, "t0", &flow, Some("lan9")).unwrap_err();
    assert!(error.to_string().contains("lan9"), "{error}");
}

#[test]
fn a_packet_has_the_source_that_nat_gives_it() {
    let now = now("309-source-nat-before-the-tunnel-xfrm");
    let report = lookup(now, "t0", &flow("10.66.0.2", "10.9.2.1"), None).unwrap().flow;
    let code = Some(Code::TranslatedBeforeTheTunnel);
    assert_eq!(end(&report), ("dropped", code, "policy none matches".into()));
    assert_eq!(report.trail[1].notes, ["NAT: 10.99.0.1 -> 10.9.2.1 from here on"]);
}

#[test]
fn the_filter_drops_esp_and_what_was_decrypted() {
    let peers = flow("10.9.2.1", "10.9.1.1");
    let of = |name| lookup_decrypted(now(name), "t0", &peers, None).unwrap().flow;
    let report = of("408-filter-refuses-esp-on-arrival-vti");
    let code = Some(Code::EspFilteredOnArrival);
    assert_eq!(end(&report), ("dropped", code, "filter (ESP) dropped".into()));
    let report = of("407-filter-refuses-what-is-delivered-xfrm");
    let code = Some(Code::RefusedAfterDecryption);
    assert_eq!(end(&report), ("dropped", code, "filter dropped".into()));
    assert_eq!(of("ok-filter-of-another-interface-xfrm").outcome, "let-in");
}

#[test]
fn what_was_not_read_is_said() {
    let mut now = now("312-filter-refuses-what-goes-in-xfrm").clone();
    now.filter = Err(Missing::new(Source::PacketFilter, Reason::Denied, ""));
    let report = lookup(&now, "t0", &flow("10.66.0.2", "10.9.2.1"), None).unwrap().flow;
    assert_eq!(report.outcome, "sent");
    assert_eq!(report.trail[1].result, "not read");
}

#[test]
fn without_a_source_the_packet_is_this_hosts_own() {
    let to: IpAddr = "10.9.2.1".parse().unwrap();
    let own: IpAddr = "10.9.1.1".parse().unwrap();
    assert_eq!(own_source(now("ok-healthy-vti"), "t0", to).unwrap(), own);
    let mut now = now("ok-healthy-vti").clone();
    now.routes = Ok(Vec::new());
    now.route_lookups = Ok(Vec::new());
    let error = own_source(&now, "t0", to).unwrap_err();
    assert!(error.to_string().contains("--source"), "{error}");
}

/// A host that forwards nothing may drop in FORWARD whatever it likes.
#[test]
fn a_filter_of_what_is_forwarded_is_no_fault_of_a_host_that_forwards_nothing() {
    for name in [
        "312-filter-refuses-what-goes-in-xfrm",
        "407-filter-refuses-what-is-delivered-to-hosts-vti",
        "309-source-nat-before-the-tunnel-xfrm",
    ] {
        let found = |capture: &Capture| {
            let mut interfaces = diagnosed(capture).interfaces.into_iter();
            let t0 = interfaces.find(|interface| interface.name == "t0").unwrap();
            t0.findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        let recorded = RECORDED.iter().find(|recorded| recorded.name == name).unwrap();
        let mut capture = recorded.capture.clone();
        assert!(!found(&capture).is_empty(), "{name}");
        for link in capture.snapshots.iter_mut().flat_map(|now| now.links.as_mut().unwrap()) {
            link.ipv4.iter_mut().for_each(|settings| settings.forwarding = false);
        }
        let left = found(&capture);
        // Of the errors that were counted another cause is possible.
        assert!(left.iter().all(|code| *code == Code::NoRouteInside), "{name}: {left:?}");
    }
}
