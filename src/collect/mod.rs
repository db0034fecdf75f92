//! The only reader of the live system: netlink, /proc, uname, charon, VyOS's files, the recorder's journal. It only reads, and reports what it cannot read.
//! Only [`drops`] switches something on, for a limited time.
//! It decides nothing; bytes become values in [`crate::wire`].

pub mod cleared;
mod clock;
mod configuration;
mod consistent_read;
mod descriptors;
pub mod drops;
mod failure;
mod hook;
mod host;
mod journalctl;
mod link;
mod listen;
mod log;
mod loose;
mod name;
mod nft;
pub mod proc;
mod queue;
mod readable;
mod receive_buffer;
mod recorded;
mod replay;
mod route;
mod socket;
mod vici;
pub mod watch;
mod xfrm;

use crate::snapshot::filter::Ruleset;
use crate::snapshot::ike::Ike;
use crate::snapshot::{
    DeviceColumns, Host, Link, Missing, Observed, Reason, RouteQuery, Snapshot, Source,
};
use crate::units::Span;
use consistent_read::ConsistentRead;
use std::path::Path;

pub use clock::{now_ms, zone};

/// charon's socket on Debian and on VyOS 1.3 to current.
pub const VICI_SOCKET: &str = "/var/run/charon.vici";

/// The directory of VPP's sockets while VPP runs (vyos-1x current, data/templates/vpp/startup.conf.j2: `cli-listen /run/vpp/cli.sock`).
const VPP: &str = "/run/vpp";

/// Reads this host, now, in the network namespace of the process. It never fails: a source that could not be read is `Missing`.
///
/// The kernel is asked the route questions of [`Snapshot::outer_queries`] and those of `extra`.
/// charon is asked at `vici`, usually [`VICI_SOCKET`]; without a path it is not asked.
/// The lists are sorted. Each dump has a deadline of 2 s, that of routes 5 s; charon has less than 2 s for all requests.
/// SAs, policies and charon's lists are read again if they do not match each other or the state of VyOS's hook.
pub fn snapshot(extra: &[RouteQuery], vici: Option<&Path>) -> Snapshot {
    snapshot_asking(|_| extra.to_vec(), vici)
}

/// Reads this host as [`snapshot`] does; `extra` returns the additional route questions once the links are read.
pub fn snapshot_asking(
    extra: impl FnOnce(&Snapshot) -> Vec<RouteQuery>,
    vici: Option<&Path>,
) -> Snapshot {
    read(extra, Table::Read, |_| charon(vici))
}

/// Reads this host as [`snapshot`] does, without charon, where nobody else changes SAs and policies, as in a namespace of a test: what does not
/// fit together is not read again, which takes most of the time.
pub fn snapshot_at_rest(extra: &[RouteQuery]) -> Snapshot {
    read_with(|_| extra.to_vec(), Table::Read, |_| consistent_read::once(|| charon(None)))
}

/// Reads this host as [`snapshot`] does, for a report: `/proc/net/dev` only if a VTI's link has no counters. The kernel makes both from the same
/// numbers, and with a thousand interfaces reading the table takes a tenth of the time.
pub fn snapshot_for_report(vici: Option<&Path>) -> Snapshot {
    read(|_| Vec::new(), Table::IfNeeded, |_| charon(vici))
}

fn charon(vici: Option<&Path>) -> Observed<Ike> {
    match vici {
        Some(path) => vici::ike(path),
        None => Err(Missing::new(Source::Charon, Reason::Skipped, "")),
    }
}

/// Reads this host again, after `earlier`, as [`snapshot`] does. A charon that hung then is not asked again: only the first sample waits for its
/// time limit.
pub fn snapshot_after(earlier: &Snapshot, vici: &Path) -> Snapshot {
    let was_left_out =
        earlier.proc_net_dev.as_ref().is_err_and(|missing| missing.reason == Reason::Skipped);
    read(
        |_| Vec::new(),
        if was_left_out { Table::IfNeeded } else { Table::Read },
        |taken_at_ms| match &earlier.ike {
            Err(hung) if hung.reason == Reason::TimedOut => {
                let ago = Span(taken_at_ms.saturating_sub(earlier.taken_at_ms));
                let detail = format!(
                    "charon was not asked again at {}: it did not answer {ago} earlier",
                    vici.display()
                );
                Err(Missing { detail, ..hung.clone() })
            }
            _ => vici::ike(vici),
        },
    )
}

/// Whether `/proc/net/dev` is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Read,
    IfNeeded,
}

fn net_dev(table: Table, links: &Observed<Vec<Link>>) -> Observed<Vec<DeviceColumns>> {
    let counts = |link: &Link| link.driver().is_none() || link.statistics.is_some();
    match links {
        Ok(links) if table == Table::IfNeeded && links.iter().all(counts) => {
            let detail = "the links have their counters";
            Err(Missing::new(Source::ProcNetDev, Reason::Skipped, detail))
        }
        _ => proc::net_dev(),
    }
}

fn read(
    extra: impl FnOnce(&Snapshot) -> Vec<RouteQuery>,
    table: Table,
    mut ike: impl FnMut(u64) -> Observed<Ike>,
) -> Snapshot {
    read_with(extra, table, |taken_at_ms| consistent_read::read(|| ike(taken_at_ms)))
}

fn read_with(
    extra: impl FnOnce(&Snapshot) -> Vec<RouteQuery>,
    table: Table,
    mut lists: impl FnMut(u64) -> ConsistentRead,
) -> Snapshot {
    let taken_at_ms = now_ms();
    let (uptime_ms, sysctls) = (proc::uptime_ms(), host::sysctls());
    // Counters first and together, so that they belong to one moment.
    let links = link::links();
    let (queues, ip_counters) = (queue::queues(), proc::ip_counters());
    let (filter, source_validation) = nft::read();
    let mut snapshot = Snapshot {
        uptime_ms,
        sysctls,
        proc_net_dev: net_dev(table, &links),
        links,
        queues,
        ip_counters,
        source_validation,
        filter,
        xfrm_statistics: proc::xfrm_statistics(),
        addresses: link::addresses(),
        rules: route::rules(),
        default_policies: xfrm::default_policies(),
        sad_info: xfrm::sad_info(),
        spd_info: xfrm::spd_info(),
        configuration: configuration::configuration(),
        runs_vpp: Path::new(VPP).exists(),
        ..Snapshot::unread(taken_at_ms, host::host(), Reason::Skipped, "")
    };
    let (read, hook_state) = hook::read(|| lists(taken_at_ms));
    (snapshot.sas, snapshot.policies) = (read.lists.sas, read.lists.policies);
    (snapshot.ike, snapshot.unsettled) = (read.lists.ike, read.unsettled);
    snapshot.hook_state = hook_state;
    // After charon, because it records what charon has done.
    snapshot.charon_log = log::of_files();
    snapshot.cleared = cleared::cleared(&snapshot.links);
    snapshot.routes = route::routes(&snapshot.links);
    let extra = extra(&snapshot);
    snapshot.route_lookups = route::lookups(&snapshot, &extra);
    snapshot.neighbours = route::neighbours(&snapshot.route_lookups);
    snapshot.sort();
    snapshot
}

/// The snapshot with this boot's records of the recorder's journal. Separate from the others, because the recorder itself does not need it.
pub fn with_journal(snapshot: Snapshot) -> Snapshot {
    Snapshot { recorded: recorded::recorded(&proc::boot_id()), ..snapshot }
}

/// The snapshot with the lines of charon and of VyOS's hook in systemd's journal; it starts `journalctl`, which has two seconds. Separate from
/// the others, because the recorder starts no process.
pub fn with_log(snapshot: Snapshot) -> Snapshot {
    Snapshot { charon_log: log::of_journal(snapshot.charon_log), ..snapshot }
}

/// Only the rules of nftables.
pub fn packet_filter() -> Observed<Ruleset> {
    nft::read().0
}

/// Only the host's names and versions, for reports that read nothing else.
pub fn host() -> Host {
    host::host()
}

/// Whether charon's socket exists. charon is not asked.
pub fn has_charon() -> bool {
    host::is_socket(VICI_SOCKET)
}

/// Names of the existing VTIs of all drivers, and of those in VyOS's configuration, unsorted and perhaps twice.
/// Fast, and needs no privileges; what cannot be read adds no names.
pub fn vti_names() -> Vec<String> {
    name::vti_names()
}

/// Closes every descriptor that the caller left open, except standard input, output and error. To be called before anything else. It fails only
/// without /proc, and then nothing else of the program works either.
pub fn close_inherited() {
    let _ = descriptors::close_inherited();
}

/// Whether the process has effective user id 0. Otherwise the kernel denies XFRM state unless the process has CAP_NET_ADMIN.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
