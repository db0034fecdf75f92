//! What happened against what the scenario expects: one line for each difference.

use crate::case::Case;
use crate::counters::Counters;
use crate::model::Prediction;
use crate::scenario::{Per, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use vti_diagnostics::kernel::Release;
use vti_diagnostics::way::counters::exports_errors;

/// What happened in one case.
#[derive(Debug)]
pub struct Happened {
    /// What moved.
    pub counters: Counters,
    /// Datagrams that reached a socket.
    pub delivered: u64,
    /// Packets that left through the device of the hosts behind the router.
    pub forwarded: u64,
    /// What moved of the statistics of inbound SAs.
    pub sa: BTreeMap<String, u64>,
    /// Sends that failed.
    pub unsent: u64,
    /// The program's answer.
    pub finding: Option<String>,
    /// Its answer when it also has a look from before the traffic.
    pub over_time: Option<String>,
    /// Its answer on a kernel without /proc/net/xfrm_stat, as VyOS builds it.
    pub without_xfrm_stat: Option<String>,
    /// The model's answer.
    pub prediction: Option<Prediction>,
}

/// Empty when the case passed. The model is compared only where it answers.
pub fn differences(scenario: &Scenario, case: &Case, happened: &Happened) -> Vec<String> {
    let expect = &scenario.expect;
    let mut device = of(&expect.counters, case);
    device.retain(|name, _| shows(name, case));
    let expected = Counters { device, xfrm_stat: of(&expect.xfrm_stat, case) };
    let mut differences = counters("kernel", &expected, &happened.counters);
    let modelled = scenario.unmodelled.is_none();
    if let Some(prediction) = happened.prediction.as_ref().filter(|_| modelled) {
        differences.extend(counters("model", &expected, &prediction.counters));
        if let Some(site) = &expect.site {
            differences.extend(differs("model: site", &site.of(case), &prediction.site));
        }
    }
    differences.extend(differs("delivered", &expect.delivered.of(case), &happened.delivered));
    differences.extend(differs("forwarded", &expect.forwarded.of(case), &happened.forwarded));
    if let Some(sa) = &expect.sa {
        differences.extend(each("SA", &of(sa, case), &happened.sa));
    }
    differences.extend(differs("unsent", &expect.unsent.of(case), &happened.unsent));
    // No answer is a difference, too.
    let said = |finding: &Option<String>| finding.clone().unwrap_or_else(|| "nothing".to_owned());
    let (finding, over_time) =
        (first(expect.finding.of(case), case), first(expect.over_time(case), case));
    for (what, expected, found) in [
        ("show", &finding, &happened.finding),
        ("without xfrm_stat", &finding, &happened.without_xfrm_stat),
        ("two looks", &over_time, &happened.over_time),
    ] {
        differences.extend(differs(&format!("{what}: first finding"), expected, &said(found)));
    }
    differences
}

/// What the program says first: of every tunnel whose error counters are hidden it says that, also of a healthy one.
fn first(expected: String, case: &Case) -> String {
    if expected == "ok" && hides_errors(case) { "VTI-603".into() } else { expected }
}

fn hides_errors(case: &Case) -> bool {
    !exports_errors(case.driver, Release::of(&case.kernel.to_string()))
}

/// Whether the kernel shows the counter: scenarios name what it counts. Where it hides the errors, packets and drops are left
/// (`xfrmi_get_stats64()` before 5.11).
fn shows(counter: &str, case: &Case) -> bool {
    !hides_errors(case) || counter.ends_with("_packets") || counter.ends_with("_dropped")
}

fn of(counters: &BTreeMap<String, Per<u64>>, case: &Case) -> BTreeMap<String, u64> {
    counters
        .iter()
        .map(|(name, value)| (name.clone(), value.of(case)))
        .filter(|(_, value)| *value != 0)
        .collect()
}

fn counters(who: &str, expected: &Counters, found: &Counters) -> Vec<String> {
    let mut differences = each(who, &expected.device, &found.device);
    differences.extend(each(who, &expected.xfrm_stat, &found.xfrm_stat));
    differences
}

fn each(who: &str, expected: &BTreeMap<String, u64>, found: &BTreeMap<String, u64>) -> Vec<String> {
    let value =
        |counters: &BTreeMap<String, u64>, name: &String| counters.get(name).copied().unwrap_or(0);
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let differs =
        |name| differs(&format!("{who}: {name}"), &value(expected, name), &value(found, name));
    names.into_iter().filter_map(differs).collect()
}

fn differs<T: PartialEq + std::fmt::Display>(
    what: &str,
    expected: &T,
    found: &T,
) -> Option<String> {
    (expected != found).then(|| format!("{what}: expected {expected}, found {found}"))
}
