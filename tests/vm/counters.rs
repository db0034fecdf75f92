//! The kernel's counters before and after: the tunnel's own and those of its network namespace.

use crate::Fallible;
use std::collections::BTreeMap;
use std::net::IpAddr;
use vti_diagnostics::snapshot::Snapshot;

/// Counters or changes of counters by the kernel's names. Bytes are left out: they say nothing that packets do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// `/sys/class/net/<tunnel>/statistics`.
    pub device: BTreeMap<String, u64>,
    /// `/proc/net/xfrm_stat`, of the thread: `/proc/net` itself is that of the process.
    pub xfrm_stat: BTreeMap<String, u64>,
}

impl Counters {
    /// Reads both, in the namespace of this process.
    pub fn read(interface: &str) -> Fallible<Counters> {
        let device = format!("/sys/class/net/{interface}/statistics");
        const XFRM: &str = "/proc/thread-self/net/xfrm_stat";
        let text = |path: &str| {
            std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
        };
        let number =
            |text: &str| text.trim().parse::<u64>().map_err(|error| format!("{text}: {error}"));
        let mut counters = Counters::default();
        for entry in
            std::fs::read_dir(&device).map_err(|error| format!("cannot read {device}: {error}"))?
        {
            let name = entry
                .map_err(|error| format!("cannot read {device}: {error}"))?
                .file_name()
                .to_string_lossy()
                .into_owned();
            if !name.ends_with("_bytes") {
                let value = number(&text(&format!("{device}/{name}"))?)?;
                counters.device.insert(name, value);
            }
        }
        for line in text(XFRM)?.lines() {
            if let Some((name, value)) = line.split_once(char::is_whitespace) {
                counters.xfrm_stat.insert(name.to_owned(), number(value)?);
            }
        }
        Ok(counters)
    }

    /// What moved since `before`, and by how much.
    pub fn since(&self, before: &Counters) -> Counters {
        Counters {
            device: moved(&before.device, &self.device),
            xfrm_stat: moved(&before.xfrm_stat, &self.xfrm_stat),
        }
    }
}

/// The statistics of this host's inbound SAs, all together, by the names of `ip -s xfrm state`.
pub fn of_inbound_sas(snapshot: &Snapshot, local: IpAddr) -> Fallible<BTreeMap<String, u64>> {
    let sas = snapshot.sas.as_ref().map_err(ToString::to_string)?;
    let mut all = BTreeMap::new();
    for sa in sas.iter().filter(|sa| sa.source != local) {
        for (name, value) in [
            ("packets", sa.current.packets),
            ("replay-window", sa.replay_window_drops.into()),
            ("replay", sa.replay_drops.into()),
            ("failed", sa.integrity_failures.into()),
            ("sequence", sa.replay.map_or(0, |replay| replay.inbound)),
        ] {
            *all.entry(name.to_owned()).or_default() += value;
        }
    }
    Ok(all)
}

/// By how much counters rose, those that did not left out.
pub fn moved(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
) -> BTreeMap<String, u64> {
    let change =
        |name: &str, value: u64| value.wrapping_sub(before.get(name).copied().unwrap_or(0));
    after
        .iter()
        .map(|(name, value)| (name.clone(), change(name, *value)))
        .filter(|(_, change)| *change != 0)
        .collect()
}
