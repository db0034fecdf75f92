//! The scenario files as data: what a person writes in `scenarios/*.yaml`. Nothing here runs anything.

use crate::Fallible;
use crate::case::{Case, End};
use crate::kernel::Kernel;
use crate::traffic::Traffic;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// One way to break (or not to break) a tunnel, for every combination of driver and families that it applies to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Unique, in kebab case.
    pub name: String,
    /// One line: what happens in the kernel.
    pub why: String,
    /// Patterns of the cases it applies to ([`Case::matches`]); all cases when left out.
    #[serde(default)]
    pub only: Vec<String>,
    /// Names of the tunnel, dealt out to the cases in turn; t0 when left out.
    #[serde(default)]
    pub interfaces: Vec<String>,
    /// Lines run after the healthy base.
    #[serde(default)]
    pub setup: String,
    /// Lines that break it.
    #[serde(default)]
    pub fault: String,
    /// Why the model has no answer here: what loses the packets is no state that it takes.
    #[serde(default)]
    pub unmodelled: Option<String>,
    /// Whether the router has a socket that takes ESP in UDP, as a key daemon has ([`crate::encap`]).
    #[serde(default)]
    pub udp_encap: bool,
    /// What is sent once it is broken.
    pub traffic: Vec<Traffic>,
    /// Lines run after the traffic, before the program is asked.
    #[serde(default)]
    pub repair: String,
    /// What must have happened.
    pub expect: Expect,
    /// The cases whose captures `run --write-captures` keeps for tests/replay.rs: of each pattern ([`Case::matches`]) the first.
    #[serde(default)]
    pub capture: Vec<String>,
    /// What the drop monitor says of the packets where that is another code than the finding's; `none` where it reports none of them.
    #[serde(default)]
    pub dropped_as: Option<String>,
    /// The captures of both ends that `run ends --write-captures` keeps of its first case.
    #[serde(default)]
    pub both_ends: Option<BothEnds>,
}

/// What must have happened. Every counter that is not named must not have moved.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Changes of the tunnel's counters, by their names in `/sys/class/net/t0/statistics`.
    #[serde(default)]
    pub counters: BTreeMap<String, Per<u64>>,
    /// Changes of `/proc/net/xfrm_stat`.
    #[serde(default)]
    pub xfrm_stat: BTreeMap<String, Per<u64>>,
    /// Datagrams that reached the other end's socket.
    #[serde(default)]
    pub delivered: Per<u64>,
    /// Packets that the router forwarded through the device `hosts`.
    #[serde(default)]
    pub forwarded: Per<u64>,
    /// Changes of the statistics of the router's inbound SAs, all together: `packets`, and `replay-window`, `replay`, `failed` as
    /// `ip -s xfrm state` names them; `sequence` is the highest sequence number. Not compared when left out.
    #[serde(default)]
    pub sa: Option<BTreeMap<String, Per<u64>>>,
    /// Sends that failed at the sender's socket.
    #[serde(default)]
    pub unsent: Per<u64>,
    /// The code of the first finding, or the verdict where there is none (`ok`; compared as VTI-603 where the kernel hides the driver's
    /// error counters).
    pub finding: Per<String>,
    /// The same where the program also has a look from before the traffic; like `finding` when left out.
    #[serde(default)]
    pub over_time: Option<Per<String>>,
    /// The kernel site that the model must name, where it matters.
    #[serde(default)]
    pub site: Option<Per<String>>,
}

/// A pair of captures: whose report it is, and its first finding.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BothEnds {
    /// The end whose report it is.
    pub of: End,
    /// The first finding there, or `ok`.
    pub finding: String,
}

impl Expect {
    /// The first finding where the program also has a look from before the traffic.
    pub fn over_time(&self, case: &Case) -> String {
        self.over_time.as_ref().unwrap_or(&self.finding).of(case)
    }
}

/// A value for all cases, or one by the case: `{vti: 0, xfrm inner6: 5}`, `{any: 5, xfrm 5.10: 0}` ([`Case::matches`]). The pattern of
/// most words wins; where none holds it is the default: nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Per<T> {
    All(T),
    By(BTreeMap<String, T>),
}

impl<T: Default> Default for Per<T> {
    fn default() -> Self {
        Per::All(T::default())
    }
}

impl<T: Clone + Default> Per<T> {
    /// The value for a case.
    pub fn of(&self, case: &Case) -> T {
        match self {
            Per::All(value) => value.clone(),
            Per::By(values) => {
                let matching = values.iter().filter(|(pattern, _)| case.matches(pattern));
                let best = matching.max_by_key(|(pattern, _)| pattern.split_whitespace().count());
                best.map(|(_, value)| value.clone()).unwrap_or_default()
            }
        }
    }
}

impl Scenario {
    /// The combinations it applies to, on this kernel.
    pub fn cases(&self, kernel: Kernel) -> Vec<Case> {
        let applies = |case: &Case| {
            self.only.is_empty() || self.only.iter().any(|pattern| case.matches(pattern))
        };
        let mut cases: Vec<Case> = Case::all(kernel).into_iter().filter(applies).collect();
        for (case, name) in cases.iter_mut().zip(self.interfaces.iter().cycle()) {
            case.interface.clone_from(name);
        }
        cases
    }
}

/// The scenarios of one file, in its order.
pub fn load(path: &Path) -> Fallible<Vec<Scenario>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}
