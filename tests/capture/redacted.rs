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
pub struct Seed(pub u64);

impl BuildHasher for Seed {
    type Hasher = DefaultHasher;
    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

fn redacted(seed: u64) -> Capture {
    redact_with(full(), &Seed(seed)).unwrap()
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
    "snapshots.ip_counters.seen.name",
    "snapshots.ip_counters.missing.source",
    "snapshots.ip_counters.missing.reason",
    "snapshots.queues.seen.discipline",
    "snapshots.queues.missing.source",
    "snapshots.queues.missing.reason",
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
    "snapshots.source_validation.seen.set.name",
    "snapshots.source_validation.seen.unknown.chain",
    "snapshots.source_validation.seen.unknown.expression",
    "snapshots.filter.missing.source",
    "snapshots.filter.missing.reason",
    "snapshots.filter.seen.chains.family",
    "snapshots.filter.seen.chains.base.hook",
    "snapshots.filter.seen.chains.base.kind",
    "snapshots.filter.seen.chains.rules.steps",
    "snapshots.filter.seen.chains.rules.steps.match.of.field",
    "snapshots.filter.seen.chains.rules.steps.match.values",
    "snapshots.filter.seen.chains.rules.steps.match.values.numbers",
    "snapshots.filter.seen.chains.rules.steps.undecided",
    "snapshots.filter.seen.chains.rules.steps.verdict",
    "snapshots.filter.seen.chains.rules.steps.match.of.field.other",
    "snapshots.filter.seen.chains.rules.steps.rewrite",
    "snapshots.filter.seen.chains.rules.steps.rewrite.other",
    "snapshots.filter.seen.chains.rules.steps.verdict.target",
    "snapshots.filter.seen.chains.rules.steps.verdict-map.of.field",
    "snapshots.filter.seen.chains.rules.steps.nat.what",
    "snapshots.filter.seen.sets.family",
    "snapshots.filter.seen.sets.elements.values",
    "snapshots.filter.seen.sets.elements.values.numbers",
    "snapshots.filter.seen.sets.elements.verdict",
    "snapshots.filter.seen.sets.unread",
    "snapshots.filter.seen.legacy.family",
    "snapshots.filter.seen.legacy.table",
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
    "snapshots.configuration.seen.peers.reauthentication",
    "snapshots.recorded.missing.source",
    "snapshots.recorded.missing.reason",
    "snapshots.cleared.baseline.missing.source",
    "snapshots.cleared.baseline.missing.reason",
    "snapshots.unsettled.changed.mark",
];

/// What stays: some addresses that mean the same everywhere, and prefixes that contain all of a class.
fn is_special(text: &str) -> bool {
    let fixed = ["0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1"];
    let classes = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2000::/3",
        "fc00::/8",
        "fd00::/8",
        "fe80::/64",
        "ff00::/8",
    ];
    let host = text.split('/').next().unwrap();
    let contains = |net: IpNet| classes.iter().any(|c| net.contains(&c.parse::<IpNet>().unwrap()));
    match text.parse::<IpNet>() {
        Ok(net) => fixed.contains(&host) || (contains(net) && net.trunc() == net),
        Err(_) => fixed.contains(&text),
    }
}

/// Names of nftables that every system has, and comments that VyOS writes to rules of chains without a name.
const KEPT: &[&str] = &[
    "vyos_filter",
    "filter",
    "VYOS_FORWARD_filter",
    "__set4",
    "ipv4-FWD-filter-20",
    "FWD-filter default-action drop",
];

fn is_kept_name(text: &str) -> bool {
    if KEPT.contains(&text) {
        return true;
    }
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    ["lo", "eth", "vti", "ip_vti", "tun"].contains(&stem)
}

#[test]
fn every_string_is_safe_by_its_place_or_replaced() {
    // Lists have another order: the strings of each place, sorted.
    let by_path = |strings: Vec<(String, String)>| {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, text) in strings {
            all.entry(path).or_default().push(text);
        }
        all.values_mut().for_each(|texts| texts.sort());
        all
    };
    let (before, mut after) = (by_path(strings(&full())), by_path(strings(&redacted(1))));
    let mut safe = BTreeSet::new();
    for (path, texts) in before {
        if path.ends_with(".detail") {
            // Left out, and with it the field.
            assert!(texts.iter().all(|text| !text.is_empty()));
            continue;
        }
        let replaced = after.remove(&path).unwrap();
        assert_eq!(replaced.len(), texts.len(), "{path}");
        if SAFE.contains(&&*path) {
            assert_eq!(replaced, texts, "{path}");
            safe.insert(path);
            continue;
        }
        for text in texts {
            // Sentences of the recorder about its own causes name nobody.
            let own = path.ends_with(".causes.summary") && !text.contains("10.1.");
            let stays = is_special(&text) || is_kept_name(&text) || own;
            assert_eq!(replaced.contains(&text), stays, "{path}: {text} -> {replaced:?}");
        }
    }
    assert_eq!(after, BTreeMap::new());
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
    let capture = redact(full()).unwrap();
    assert!(capture.redacted);
    let mut sorted = capture;
    sorted.snapshots.iter_mut().for_each(vti_diagnostics::snapshot::Snapshot::sort);
    assert_eq!(from_yaml(&to_yaml(&sorted).unwrap()).unwrap(), sorted);
}

#[test]
fn each_call_has_its_own_key() {
    assert_eq!(redacted(1), redacted(1));
    assert_ne!(redact(full()).unwrap(), redact(full()).unwrap());
}

/// Texts that a person, a peer or a builder may have put anywhere, with a mark in each.
const HOSTILE: &[&str] = &[
    "zqmark",
    "%zqmark@example.org",
    "%any.zqmark",
    "@zqmark",
    "C=IT, CN=zqmark",
    "zqmark-vti",
    "peer-zqmark-tunnel-zqmark",
    "peer-zqmark-tunnel-vti",
    "peer-peer-zqmark-tunnel-1-tunnel-zqmark",
    "vti0:zqmark:v4",
    "vti0:peer-zqmark-tunnel-zqmark:v6",
    "vti0.zqmark",
    "charon: 01[IKE] <zqmark|7> received AUTHENTICATION_FAILED from zqmark",
    "charon: 01[ENC] <peer-zqmark-tunnel-zqmark|7> N(AUTH_FAILED) zqmark",
    "SA 0xc1000001 to zqmark deleted",
    "link zqmark deleted",
    "the policy stayed, and there was no SA for it zqmark",
    "6.6.58-zqmark-amd64",
    "charon 5.9.8-zqmark",
    "Nov 23 04:16:52 2026 zqmark",
    "ESTABLISHED zqmark",
    "IKE_zqmark",
    "XfrmOutzqmark",
    "192.0.2.7[zqmark]",
    "192.0.2.7 zqmark",
    "cannot read /config/zqmark: permission denied",
    "zqmark%eth0",
    "00:21:86:a3:00:12",
    "fe80::221:86ff:fea3:12%zqmark",
    "cafe2186a3",
    "vti2186312",
];

/// Where a text of any kind may stand: the capture is read with it.
fn free_paths() -> BTreeSet<String> {
    let tree = serde_json::to_value(full()).unwrap();
    let mut paths = BTreeSet::new();
    for_each_string(&mut tree.clone(), "", &mut |path, _| {
        paths.insert(path.to_string());
    });
    paths.retain(|path| {
        let mut tree = tree.clone();
        for_each_string(&mut tree, "", &mut |at, text| {
            if at == path {
                *text = "zqmark".into();
            }
        });
        serde_json::from_value::<Capture>(tree).is_ok()
    });
    paths
}

#[test]
fn no_text_in_any_field_is_passed_on() {
    let free = free_paths();
    assert!(free.len() > 30, "{free:?}");
    let tree = serde_json::to_value(full()).unwrap();
    for hostile in HOSTILE {
        let mut tree = tree.clone();
        for_each_string(&mut tree, "", &mut |path, text| {
            if free.contains(path) {
                *text = hostile.to_string();
            }
        });
        let capture: Capture = serde_json::from_value(tree).unwrap();
        for after in strings(&redact_with(capture.clone(), &Seed(1)).unwrap()) {
            let text = after.1.to_ascii_lowercase();
            for mark in ["zqmark", "2186", "a3:0", "86:a3", "86ff", "fea3", "example.org"] {
                assert!(!text.contains(mark), "{}: {} is left of {hostile}", after.0, after.1);
            }
        }
    }
}

/// The capture with `text` wherever an address of this family stands, and its prefix where a prefix stands.
fn with_address_everywhere(address: IpAddr) -> (Capture, usize) {
    let mut count = 0;
    let mut capture = full();
    capture.snapshots.remove(0);
    let mut tree = serde_json::to_value(capture).unwrap();
    for_each_string(&mut tree, "", &mut |_, text| {
        let is_v4 = address.is_ipv4();
        if text.parse::<IpAddr>().is_ok_and(|a| a.is_ipv4() == is_v4) {
            *text = address.to_string();
        } else if text.parse::<IpNet>().is_ok_and(|net| net.addr().is_ipv4() == is_v4) {
            *text = IpNet::new(address, if is_v4 { 24 } else { 64 }).unwrap().trunc().to_string();
        } else {
            return;
        }
        count += 1;
    });
    (serde_json::from_value(tree).unwrap(), count)
}

#[test]
fn of_an_address_in_any_field_no_bit_after_its_class_is_known() {
    const KEYS: u64 = 24;
    for (address, class) in [
        ("8.8.8.8", 0),
        ("172.217.3.9", 0),
        ("192.168.77.9", 16),
        ("2001:db8:77:1:221:86ff:fea3:12", 3),
        ("fe80::221:86ff:fea3:12", 64),
    ] {
        let address: IpAddr = address.parse().unwrap();
        let bits = |a: IpAddr| match a {
            IpAddr::V4(a) => u128::from(a.to_bits()) << 96,
            IpAddr::V6(a) => a.to_bits(),
        };
        let (capture, count) = with_address_everywhere(address);
        let before = strings(&capture);
        let mut turned = vec![0_u64; if address.is_ipv4() { 32 } else { 128 }];
        for seed in 0..KEYS {
            let after: BTreeSet<String> =
                strings(&redact_with(capture.clone(), &Seed(seed)).unwrap())
                    .into_iter()
                    .map(|(_, text)| text)
                    .collect();
            assert!(!after.contains(&address.to_string()), "{address}");
            // One address, of which all prefixes are its own.
            let same_family = |a: &IpAddr| a.is_ipv4() == address.is_ipv4();
            let addresses: Vec<IpAddr> =
                after.iter().filter_map(|t| t.parse().ok()).filter(same_family).collect();
            assert_eq!(addresses.len(), 1, "{addresses:?}");
            let nets = after.iter().filter_map(|t| t.parse::<IpNet>().ok());
            for net in nets.filter(|net| same_family(&net.addr())) {
                assert!(net.contains(&addresses[0]), "{net} {addresses:?}");
            }
            let changed = bits(addresses[0]) ^ bits(address);
            for (i, count) in turned.iter_mut().enumerate() {
                *count += u64::from(changed >> (127 - i) & 1 == 1);
            }
        }
        for (i, times) in turned.into_iter().enumerate() {
            let expected = if i < class { 0..=0 } else { 2..=KEYS - 2 };
            assert!(expected.contains(&times), "{address}, bit {i}: {times} of {KEYS}");
        }
        assert!(count > 20 && before.len() > count, "{count}");
    }
}

#[test]
fn what_differs_and_what_belongs_together_stays_so() {
    let mut capture = full();
    let ike = capture.snapshots[1].ike.as_mut().unwrap();
    let mut sa = ike.sas[0].clone();
    sa.connection = "peer-joe-tunnel-1".into();
    sa.remote_id = "%joe@example.org".into();
    sa.local_id = "%any".into();
    let mut other = sa.clone();
    other.connection = "peer-joe-tunnel-home".into();
    other.remote_id = "joe@example.org".into();
    other.local_id = "%joe@example.org".into();
    ike.sas = vec![sa, other];
    let redacted = redact_with(capture.clone(), &Seed(1)).unwrap();
    let [sa, other] = redacted.snapshots[1].ike.as_ref().unwrap().sas.as_slice() else {
        panic!("two of them");
    };
    let peer = |name: &str| name.split("-tunnel-").next().unwrap().to_owned();
    assert_ne!(sa.connection, other.connection);
    assert_eq!(peer(&sa.connection), peer(&other.connection));
    assert_ne!(sa.remote_id, other.remote_id);
    assert_eq!(sa.remote_id, other.local_id);
    assert_eq!(sa.local_id, "%any");
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
