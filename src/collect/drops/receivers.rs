//! Which processes receive the drop monitor's reports. The kernel does not record which process switched the monitor on (`net_dm_cmd_trace`
//! keeps nothing of the caller); the processes that listen are the best hint. It reads /proc and changes nothing.

use crate::collect::failure::Failure;
use crate::collect::proc::read_text;
use crate::collect::socket::GENERIC;
use crate::snapshot::Reason;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A process that has a socket in the monitor's group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Its process id.
    pub pid: u32,
    /// Its name (`comm`), which it may have chosen itself.
    pub name: String,
}

/// The processes that receive the reports, except this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receivers {
    /// The visible processes.
    pub processes: Vec<Receiver>,
    /// The number of sockets of invisible processes: those are in another PID namespace.
    pub unseen: usize,
}

/// Reads them; `group` is the number of the monitor's group.
pub(super) fn receivers(group: u32) -> Result<Receivers, Failure> {
    let table = read_text("/proc/net/netlink")?;
    let inodes = inodes(&table, group).ok_or_else(|| {
        Failure::new(Reason::Malformed, "/proc/net/netlink does not show the multicast group")
    })?;
    let (mut found, mut seen) = (Receivers::default(), BTreeSet::new());
    let own = std::process::id();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let theirs: BTreeSet<u64> = sockets(&entry.path()).intersection(&inodes).copied().collect();
        if pid != own && !theirs.is_empty() {
            let name = fs::read(entry.path().join("comm")).unwrap_or_default();
            let name = String::from_utf8_lossy(&name).trim_end().to_string();
            found.processes.push(Receiver { pid, name });
        }
        seen.extend(theirs);
    }
    found.processes.sort_by_key(|receiver| receiver.pid);
    found.unseen = inodes.difference(&seen).count();
    Ok(found)
}

/// The sockets of NETLINK_GENERIC in a group, by their inodes (`netlink_native_seq_show`): `Groups` is the first 32 groups as a mask. None
/// where the table cannot show it.
fn inodes(table: &str, group: u32) -> Option<BTreeSet<u64>> {
    let bit = group.checked_sub(1).and_then(|bit| 1_u32.checked_shl(bit))?;
    let protocol = GENERIC as i32;
    let rows = table.lines().skip(1).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, eth, _, groups, .., inode] = words.as_slice() else { return None };
        let groups = u32::from_str_radix(groups, 16).ok()?;
        let is_it = eth.parse() == Ok(protocol) && groups & bit != 0;
        Some((is_it, inode.parse().ok()?))
    });
    let rows = rows.collect::<Option<Vec<(bool, u64)>>>()?;
    Some(rows.into_iter().filter_map(|(is_it, inode)| is_it.then_some(inode)).collect())
}

/// The inodes of a process's sockets; none where it has ended or may not be read.
fn sockets(process: &Path) -> BTreeSet<u64> {
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    let inode = |link: &Path| {
        let text = link.to_str()?;
        text.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    links.filter_map(|link| inode(&link)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_in_the_group_is_found_and_others_are_not() {
        let table = "\
sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
00000000b0c1500e 0   77         00000001 0        0        0     2        0        4
000000004f389765 16  78         00000001 0        0        0     2        0        476
00000000b600aa4a 16  79         00000002 0        0        0     2        0        478
0000000039482837 16  0          00000000 0        0        0     2        0        90
";
        assert_eq!(inodes(table, 1), Some([476].into()));
        assert_eq!(inodes(table, 2), Some([478].into()));
        assert_eq!(inodes(table, 3), Some(BTreeSet::new()));
        // Beyond the mask of the table.
        assert_eq!(inodes(table, 33), None);
        assert_eq!(inodes(&table.replace("00000002", "?"), 1), None);
    }
}
