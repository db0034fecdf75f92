//! The registry of diagnoses against the captures: each is confirmed by one, ruled out by one and left open by one; its texts have one
//! form; and the set of codes, which is a contract, changes only where somebody sees it.

use super::{RECORDED, Recorded, ends};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use vti_diagnostics::capture::Capture;
use vti_diagnostics::code::{Code, Stage};
use vti_diagnostics::diagnose::commands::System;
use vti_diagnostics::diagnose::{self, DIAGNOSES, Diagnosis, Observation, explanation};
use vti_diagnostics::report::InterfaceReport;
use vti_diagnostics::snapshot::{Missing, Reason, Snapshot, Source};

/// Codes that no capture of a laboratory kernel confirms, and why.
const UNCONFIRMED: &[(Code, &str)] = &[];

/// Sources that no value of a snapshot comes from, and why.
const NOT_OF_A_SNAPSHOT: &[(Source, &str)] = &[
    (Source::DeviceConfiguration, "a part of the links, which are read or not as a whole"),
    (Source::InsideRoute, "a conclusion of the model"),
    (Source::SequenceNumbers, "a part of the SAs, which are read or not as a whole"),
];

/// Takes one source away, in every snapshot of a capture, for this reason.
pub type Withhold = fn(&mut Capture, Reason);

macro_rules! withhold {
    ($($source:ident: $($field:ident).+),* $(,)?) => {
        [$((Source::$source.name(), (|capture: &mut Capture, reason| {
            for snapshot in &mut capture.snapshots {
                snapshot.$($field).+ = Err(Missing::new(Source::$source, reason, ""));
            }
        }) as Withhold)),*]
    };
}

/// Every source that a snapshot has, and how to take it away.
pub fn sources() -> Vec<(&'static str, Withhold)> {
    let mut all = withhold! {
        Links: links, Addresses: addresses, Rules: rules, Routes: routes, RouteLookups: route_lookups,
        Neighbours: neighbours, SecurityAssociations: sas, SecurityPolicies: policies,
        DefaultPolicies: default_policies, SadInfo: sad_info, SpdInfo: spd_info,
        XfrmStatistics: xfrm_statistics, ProcNetDev: proc_net_dev, IpCounters: ip_counters, Queues: queues,
        LarvalDrop: sysctls.xfrm_larval_drop, AcqExpires: sysctls.xfrm_acq_expires,
        AllDisableXfrm: sysctls.all_disable_xfrm, AllDisablePolicy: sysctls.all_disable_policy,
        RpFilter: sysctls.all_rp_filter,
        Uptime: uptime_ms, Journal: recorded, Charon: ike, Configuration: configuration,
        HookState: hook_state, CharonLog: charon_log, SourceValidation: source_validation,
        PacketFilter: filter,
    }
    .to_vec();
    all.push((Source::Cleared.name(), |capture, reason| {
        for cleared in capture.snapshots.iter_mut().flat_map(|snapshot| &mut snapshot.cleared) {
            cleared.baseline = Err(Missing::new(Source::Cleared, reason, ""));
        }
    }));
    all.push((Source::EarlierSnapshot.name(), |capture, _| {
        capture.snapshots = capture.snapshots.split_off(capture.snapshots.len() - 1);
    }));
    // Either of the two gives the counters.
    all.push(("all counters", |capture, reason| {
        for snapshot in &mut capture.snapshots {
            snapshot.links.iter_mut().flatten().for_each(|link| link.statistics = None);
            snapshot.proc_net_dev = Err(Missing::new(Source::ProcNetDev, reason, ""));
        }
    }));
    all
}

#[test]
fn every_source_is_withheld_by_a_test() {
    let withheld: BTreeSet<&str> = sources().into_iter().map(|(name, _)| name).collect();
    for source in Source::ALL {
        let excused = NOT_OF_A_SNAPSHOT.iter().any(|(excused, _)| excused == source);
        assert_ne!(withheld.contains(source.name()), excused, "{source}");
    }
}

/// The reports of the interfaces that a capture expects something of.
fn interfaces(recorded: &Recorded, capture: &Capture) -> Vec<InterfaceReport> {
    let now: &Snapshot = capture.snapshots.last().unwrap();
    let earlier = capture.snapshots.iter().rev().nth(1);
    let report = |name: &String| diagnose::run(&Observation { now, earlier }, Some(name)).ok();
    recorded.expected.keys().filter_map(report).flat_map(|report| report.interfaces).collect()
}

fn all() -> Vec<InterfaceReport> {
    let one_end = RECORDED.iter().flat_map(|recorded| interfaces(recorded, &recorded.capture));
    one_end.chain(ends::interfaces()).collect()
}

fn confirmed(interface: &InterfaceReport) -> BTreeSet<Code> {
    interface.findings.iter().map(|f| f.code).collect()
}

#[test]
fn each_diagnosis_is_confirmed_by_a_capture() {
    let found: BTreeSet<Code> = all().iter().flat_map(confirmed).collect();
    for diagnosis in DIAGNOSES {
        let code = diagnosis.code;
        let excused = UNCONFIRMED.iter().any(|(excused, _)| *excused == code);
        assert_ne!(found.contains(&code), excused, "{} {}", diagnosis.code, diagnosis.code.name());
    }
}

#[test]
fn each_diagnosis_is_ruled_out_by_a_healthy_capture() {
    let healthy = all().into_iter().filter(|i| i.findings.is_empty());
    let out: BTreeSet<Code> = healthy.flat_map(|i| i.ruled_out).map(|c| c.code).collect();
    for diagnosis in DIAGNOSES {
        assert!(out.contains(&diagnosis.code), "{} {}", diagnosis.code, diagnosis.code.name());
    }
}

/// What each confirmed diagnosis stands on: without one of these sources it is undetermined, and not ruled out.
#[test]
fn each_diagnosis_is_undetermined_without_a_source_that_it_stands_on() {
    let mut needed: BTreeMap<Code, BTreeSet<&str>> = BTreeMap::new();
    for recorded in RECORDED.iter() {
        let found: BTreeSet<Code> =
            interfaces(recorded, &recorded.capture).iter().flat_map(confirmed).collect();
        for (name, withhold) in sources() {
            let mut capture = recorded.capture.clone();
            withhold(&mut capture, Reason::Denied);
            for interface in interfaces(recorded, &capture) {
                let open = interface.undetermined.iter().map(|u| u.code);
                for code in open.filter(|code| found.contains(code)) {
                    needed.entry(code).or_default().insert(name);
                }
            }
        }
    }
    let found: BTreeSet<Code> = ends::interfaces().iter().flat_map(confirmed).collect();
    for pair in ends::PAIRS.iter() {
        for ((name, withhold), of_other) in
            sources().into_iter().flat_map(|s| [(s, false), (s, true)])
        {
            for interface in ends::without(pair, withhold, of_other) {
                let open = interface.undetermined.iter().map(|u| u.code);
                for code in
                    open.filter(|code| found.contains(code) && code.info().stage == Stage::Ends)
                {
                    needed.entry(code).or_default().insert(name);
                }
            }
        }
    }
    let mut table = String::new();
    for diagnosis in DIAGNOSES {
        let excused = UNCONFIRMED.iter().any(|(excused, _)| *excused == diagnosis.code);
        let sources = needed.remove(&diagnosis.code).unwrap_or_default();
        assert!(excused || !sources.is_empty(), "{} {}", diagnosis.code, diagnosis.code.name());
        let sources: Vec<&str> = sources.into_iter().collect();
        writeln!(table, "{} {}", diagnosis.code, sources.join(", ")).unwrap();
    }
    insta::assert_snapshot!("what_each_diagnosis_stands_on", table);
}

#[test]
fn the_set_of_codes_is_a_contract() {
    let mut table = String::new();
    for d in DIAGNOSES {
        writeln!(table, "{} {} {:?}", d.code, d.code.name(), d.code.info().severity).unwrap();
    }
    insta::assert_snapshot!("the_set_of_codes", table);
}

#[test]
fn codes_are_sorted_and_unique_and_names_are_in_kebab_case() {
    assert!(DIAGNOSES.windows(2).all(|pair| pair[0].code < pair[1].code));
    let names: BTreeSet<&str> = DIAGNOSES.iter().map(|d| d.code.name()).collect();
    assert_eq!(names.len(), DIAGNOSES.len());
    for name in names {
        let words = name.split('-');
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        assert!(words.into_iter().all(is_word), "{name}");
    }
}

/// Each code has its diagnosis, in the order of the table.
#[test]
fn every_code_has_a_diagnosis() {
    assert_eq!(DIAGNOSES.iter().map(|d| d.code).collect::<Vec<_>>(), Code::ALL);
}

/// Nobody masks a cause that masks it: where both hold, neither would be reported.
#[test]
fn no_two_diagnoses_mask_each_other() {
    for one in DIAGNOSES {
        for other in DIAGNOSES {
            let both = one.masked_by.holds(one.code, other.code)
                && other.masked_by.holds(other.code, one.code);
            assert!(!both, "{} and {}", one.code, other.code);
        }
    }
}

/// What is masked leads to a finding, and that finding is at least as bad, unless it is one of those that say why not.
#[test]
fn what_is_masked_stands_behind_a_finding() {
    let mut seen = BTreeSet::new();
    for interface in all() {
        for masked in &interface.masked {
            let mut cause = masked.masked_by;
            while let Some(behind) = interface.masked.iter().find(|m| m.code == cause) {
                cause = behind.masked_by;
            }
            let finding = interface.findings.iter().find(|f| f.code == cause);
            assert!(finding.is_some(), "{}: {} behind {cause}", interface.name, masked.code);
            seen.insert((masked.code, cause));
        }
    }
    assert!(seen.len() > 10, "{seen:?}");
}

#[test]
fn each_explanation_has_its_four_headings_and_fits_in_72_columns() {
    const HEADINGS: [&str; 4] = ["What happens", "Why", "How to confirm", "What to do"];
    let expanded = |d: &'static Diagnosis| {
        System::ALL.iter().map(move |system| (d, explanation::expand(d.explain, *system)))
    };
    for (diagnosis, text) in DIAGNOSES.iter().flat_map(expanded) {
        assert!(!text.contains(['{', '}', '\t']), "a command is not in the catalogue:{text}");
        let lines = text.lines().filter(|line| !line.is_empty());
        let headings: Vec<&str> = lines.clone().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(headings, HEADINGS, "{}", diagnosis.code);
        for line in lines {
            // A command is copied whole: no line of it is broken.
            let most = match line.split_whitespace().next() {
                _ if line.contains("show configuration") => 84,
                Some("nft") => 100,
                Some("sudo") => 77,
                _ => 72,
            };
            assert!(line.chars().count() <= most, "{}: {line}", diagnosis.code);
        }
    }
}
