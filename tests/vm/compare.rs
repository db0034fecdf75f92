//! What happened against what the scenario expects: one line for each difference.

use crate::case::Case;
use crate::counters::Counters;
use crate::model::Prediction;
use crate::scenario::{Per, Scenario};
use std::collections::{BTreeMap, BTreeSet};

/// What happened in one case.
#[derive(Debug)]
pub struct Happened {
    /// What moved.
    pub counters: Counters,
    /// Datagrams that reached a socket.
    pub delivered: u64,
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
    let expected =
        Counters { device: of(&expect.counters, case), xfrm_stat: of(&expect.xfrm_stat, case) };
    let mut differences = counters("kernel", &expected, &happened.counters);
    let modelled = scenario.unmodelled.is_none();
    if let Some(prediction) = happened.prediction.as_ref().filter(|_| modelled) {
        differences.extend(counters("model", &expected, &prediction.counters));
        if let Some(site) = &expect.site {
            differences.extend(differs("model: site", &site.of(case), &prediction.site));
        }
    }
    differences.extend(differs("delivered", &expect.delivered.of(case), &happened.delivered));
    differences.extend(differs("unsent", &expect.unsent.of(case), &happened.unsent));
    // No answer is a difference, too.
    let said = |finding: &Option<String>| finding.clone().unwrap_or_else(|| "nothing".to_owned());
    differences.extend(differs(
        "show: first finding",
        &expect.finding.of(case),
        &said(&happened.finding),
    ));
    differences.extend(differs(
        "without xfrm_stat: first finding",
        &expect.finding.of(case),
        &said(&happened.without_xfrm_stat),
    ));
    differences.extend(differs(
        "two looks: first finding",
        &expect.over_time(case),
        &said(&happened.over_time),
    ));
    differences
}

fn of(counters: &BTreeMap<String, Per<u64>>, case: &Case) -> BTreeMap<String, u64> {
    counters
        .iter()
        .map(|(name, value)| (name.clone(), value.of(case)))
        .filter(|(_, value)| *value != 0)
        .collect()
}

fn counters(who: &str, expected: &Counters, found: &Counters) -> Vec<String> {
    let pairs = [(&expected.device, &found.device), (&expected.xfrm_stat, &found.xfrm_stat)];
    let mut differences = Vec::new();
    for (expected, found) in pairs {
        let value = |counters: &BTreeMap<String, u64>, name: &String| {
            counters.get(name).copied().unwrap_or(0)
        };
        for name in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
            differences.extend(differs(
                &format!("{who}: {name}"),
                &value(expected, name),
                &value(found, name),
            ));
        }
    }
    differences
}

fn differs<T: PartialEq + std::fmt::Display>(
    what: &str,
    expected: &T,
    found: &T,
) -> Option<String> {
    (expected != found).then(|| format!("{what}: expected {expected}, found {found}"))
}
