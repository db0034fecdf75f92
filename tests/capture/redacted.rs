//! Redaction: nothing that names an owner is left, and the diagnosis is the same.

use super::{FULL, for_each_string, full};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, DefaultHasher, Hasher};
use std::net::IpAddr;
use vti_diagnostics::capture::{Capture, from_yaml, redact, redact_with, to_yaml};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{InterfaceReport, Report};

/// A key that is the same in each run.
struct Seed(u64);

impl BuildHasher for Seed {
    type Hasher = DefaultHasher;
    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

fn redacted(seed: u64) -> Capture {
    redact_with(&full(), &Seed(seed)).unwrap()
}

/// The strings of a capture by their paths, in the order of the capture.
fn strings(capture: &Capture) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut tree = serde_json::to_value(capture).unwrap();
    for_each_string(&mut tree, "", &mut |path, text| {
        found.push((path.to_string(), text.clone()));
    });
    found
}

/// Where a string is a word of the kernel or of this program, a version, or a number in hexadecimal. Every other string must change.
/// A path that is new here is a decision: can what stands there name an address, a person or a place?
const SAFE: &[&str] = &[
    "tool_version",
    "snapshots.host.kernel_release",
    "snapshots.host.vyos_version",
    "snapshots.sysctls.all_rp_filter.missing.source",
    "snapshots.sysctls.all_rp_filter.missing.reason",
    "snapshots.links.seen.kind",
    "snapshots.links.seen.info_kind",
    "snapshots.links.seen.oper_state",
    "snapshots.rules.seen.family",
    "snapshots.rules.seen.fwmark",
    "snapshots.routes.seen.type",
    "snapshots.route_lookups.seen.answer.answer",
    "snapshots.route_lookups.seen.answer.type",
    "snapshots.associations.seen.spi",
    "snapshots.associations.seen.mode",
    "snapshots.associations.seen.family",
    "snapshots.associations.seen.mark",
    "snapshots.associations.seen.set_mark",
    "snapshots.associations.seen.direction",
    "snapshots.associations.seen.selector.family",
    "snapshots.policies.seen.direction",
    "snapshots.policies.seen.action",
    "snapshots.policies.seen.policy_type",
    "snapshots.policies.seen.mark",
    "snapshots.policies.seen.selector.family",
    "snapshots.policies.seen.templates.spi",
    "snapshots.policies.seen.templates.mode",
    "snapshots.policies.seen.templates.family",
    "snapshots.default_policies.seen.inbound",
    "snapshots.default_policies.seen.forward",
    "snapshots.default_policies.seen.outbound",
    "snapshots.xfrm_statistics.seen.name",
    "snapshots.xfrm_statistics.missing.source",
    "snapshots.xfrm_statistics.missing.reason",
    "snapshots.charon_log.missing.source",
    "snapshots.charon_log.missing.reason",
    "snapshots.ike.missing.source",
    "snapshots.ike.missing.reason",
    "snapshots.configuration.missing.source",
    "snapshots.configuration.missing.reason",
    "snapshots.hook_state.missing.source",
    "snapshots.hook_state.missing.reason",
    "snapshots.source_validation.missing.source",
    "snapshots.source_validation.missing.reason",
    "snapshots.source_validation.seen.family",
    "snapshots.ike.seen.daemon",
    "snapshots.ike.seen.since",
    "snapshots.ike.seen.connections.version",
    "snapshots.ike.seen.connections.unique",
    "snapshots.ike.seen.connections.children.mode",
    "snapshots.ike.seen.connections.children.dpd_action",
    "snapshots.ike.seen.connections.children.close_action",
    "snapshots.ike.seen.associations.state",
    "snapshots.ike.seen.associations.tasks_queued",
    "snapshots.ike.seen.associations.tasks_active",
    "snapshots.ike.seen.associations.tasks_passive",
    "snapshots.ike.seen.associations.children.state",
    "snapshots.ike.seen.associations.children.spi_in",
    "snapshots.ike.seen.associations.children.spi_out",
    "snapshots.ike.seen.associations.children.mark_in",
    "snapshots.ike.seen.associations.children.mark_out",
    "snapshots.configuration.seen.peers.connection_type",
    "snapshots.recorded.missing.source",
    "snapshots.recorded.missing.reason",
    "snapshots.cleared.baseline.missing.source",
    "snapshots.cleared.baseline.missing.reason",
];

/// What the kernel treats by its value: it stays, and nothing becomes it.
fn is_special(text: &str) -> bool {
    let special = ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8"];
    let special = special.map(|net| net.parse::<IpNet>().unwrap());
    let short = |net: IpNet| {
        let kept = match net.addr() {
            IpAddr::V6(_) => 16,
            IpAddr::V4(a) => match a.octets()[0] {
                100 => 10,
                172 => 12,
                169 | 192 => 16,
                _ => 8,
            },
        };
        net.prefix_len() <= kept
    };
    match (text.parse::<IpAddr>(), text.parse::<IpNet>()) {
        (Ok(address), _) => special.iter().any(|net| net.contains(&address)),
        // Prefixes that are no longer than what says the class: 0.0.0.0/0, 192.168.0.0/16.
        (_, Ok(net)) => {
            special.iter().any(|s| s.contains(&net)) || short(net) || text == "fe80::/64"
        }
        _ => false,
    }
}

fn is_kept_name(text: &str) -> bool {
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    ["lo", "eth", "vti", "ip_vti"].contains(&stem)
}

#[test]
fn every_string_is_safe_by_its_place_or_replaced() {
    let (before, after) = (strings(&full()), strings(&redacted(1)));
    let mut safe = BTreeSet::new();
    let mut after = after.into_iter();
    for (path, text) in before {
        if SAFE.contains(&&*path) {
            safe.insert(path.clone());
            assert_eq!(after.next(), Some((path, text)));
        } else if path.ends_with(".detail") {
            // Left out, and with it the field.
            assert!(!text.is_empty());
        } else {
            let (same_path, replaced) = after.next().unwrap();
            assert_eq!(path, same_path);
            // Sentences of the recorder about its own causes name nobody.
            let own = path.ends_with(".causes.summary") && !text.contains("10.1.");
            let stays = is_special(&text) || is_kept_name(&text) || own;
            assert_eq!(replaced == text, stays, "{path}: {text} -> {replaced}");
        }
    }
    assert_eq!(after.next(), None);
    // The capture of the test has them all, so that none is in the list for nothing.
    assert_eq!(safe, SAFE.iter().map(|path| path.to_string()).collect());
}

#[test]
fn no_address_and_no_name_is_left_in_the_file() {
    let words = |yaml: &str| -> BTreeSet<String> {
        let harmless = |c: char| !c.is_ascii_alphanumeric() && !"-_.:/".contains(c);
        yaml.split(harmless)
            .map(|word| word.trim_end_matches(':').to_string())
            .chain(yaml.split(harmless).map(str::to_string))
            .collect()
    };
    let (before, after) = (words(FULL), words(&to_yaml(&redacted(1)).unwrap()));
    for name in ["gw1-paris", "hq-rome", "branch-oslo", "customer-blue", "dsl-backup", "gone-since"]
    {
        assert!(before.contains(name) && !after.contains(name), "{name}");
    }
    let is_address = |word: &&String| {
        (word.parse::<IpAddr>().is_ok() || word.parse::<IpNet>().is_ok()) && !is_special(word)
    };
    let addresses: Vec<&String> = before.iter().filter(is_address).collect();
    assert!(addresses.len() > 40, "{addresses:?}");
    for address in addresses {
        assert!(!after.contains(address), "{address}");
    }
}

#[test]
fn names_are_counted_by_ifindex_and_are_the_same_everywhere() {
    let (before, after) = (full(), redacted(1));
    let names = |c: &Capture| -> Vec<String> {
        c.snapshots[0].links.as_ref().unwrap().iter().map(|l| l.name.clone()).collect()
    };
    let expected: Vec<String> = names(&before)
        .into_iter()
        .map(|name| match &*name {
            "eth0.100" => "if1".to_string(),
            "customer-blue" => "vrf1".to_string(),
            "hq-rome" => "if2".to_string(),
            "branch-oslo" => "if3".to_string(),
            _ => name,
        })
        .collect();
    assert_eq!(names(&after), expected);
    for snapshot in &after.snapshots {
        let rules = snapshot.rules.as_ref().unwrap();
        let rule = rules.iter().find(|r| r.oif.is_some()).unwrap();
        assert_eq!((rule.iif.as_deref(), rule.oif.as_deref()), (Some("if1"), Some("if2")));
        let rows = snapshot.proc_net_dev.as_ref().unwrap();
        assert!(["if1", "if2", "vrf1"].iter().all(|name| rows.iter().any(|r| r.name == *name)));
    }
}

#[test]
fn a_redacted_capture_says_so_and_loads() {
    let capture = redact(&full()).unwrap();
    assert!(capture.redacted);
    let mut sorted = capture;
    sorted.snapshots.iter_mut().for_each(vti_diagnostics::snapshot::Snapshot::sort);
    assert_eq!(from_yaml(&to_yaml(&sorted).unwrap()).unwrap(), sorted);
}

#[test]
fn each_call_has_its_own_key() {
    assert_eq!(redacted(1), redacted(1));
    assert_ne!(redact(&full()).unwrap(), redact(&full()).unwrap());
}

/// What a report says of each interface, without names and words, by ifindex.
fn conclusions(report: &Report) -> BTreeMap<Option<u32>, Value> {
    let of = |i: &InterfaceReport| {
        let findings = i.findings.iter().map(|f| (f.code, f.severity, f.confidence));
        serde_json::json!({
            "driver": i.driver,
            "verdict": i.verdict,
            "findings": findings.collect::<Vec<_>>(),
            "masked": i.masked.iter().map(|m| (m.code, m.masked_by)).collect::<Vec<_>>(),
            "undetermined": i.undetermined.iter().map(|u| (u.code, u.missing.source, u.missing.reason)).collect::<Vec<_>>(),
            "ruled_out": i.ruled_out.iter().map(|c| c.code).collect::<Vec<_>>(),
            "outcomes": i.flows.iter().map(|f| (&f.outcome, f.finding)).collect::<BTreeSet<_>>(),
        })
    };
    report.interfaces.iter().map(|i| (i.ifindex, of(i))).collect()
}

#[test]
fn the_diagnosis_stays_the_same() {
    let report = |capture: &Capture| {
        let [earlier, now] = capture.snapshots.as_slice() else { panic!("two snapshots") };
        diagnose::run(&Observation { now, earlier: Some(earlier) }, None).unwrap()
    };
    let before = conclusions(&report(&full()));
    let codes = before.values().filter(|c| c["findings"] != serde_json::json!([])).count();
    assert!(before.len() == 9 && codes >= 5, "{before:#?}");
    for seed in 0..200 {
        assert_eq!(before, conclusions(&report(&redacted(seed))), "seed {seed}");
    }
}
