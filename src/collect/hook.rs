//! The state of VyOS's updown hook, and charon's list of about the same moment: the hook runs after a CHILD_SA has come or gone, and writes its
//! file without a lock (until T8975). If the two contradict each other, both are read again; a contradiction that stays is not caused by the
//! moment of reading. Whether it is a fault is not decided here.

use super::configuration::{regular_file, text};
use super::consistent_read::ConsistentRead;
use super::failure::Failure;
use crate::snapshot::ike::ChildSa;
use crate::snapshot::vyos::hook_entries;
use crate::snapshot::{IfId, Observed, Reason, Source};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The state file of `/etc/ipsec.d/vti-up-down` since 2024-07 (T5873): vyos-1x, python/vyos/utils/vti_updown_db.py. VyOS 1.3 and 1.4 have
/// no such file.
const STATE: &str = "/tmp/ipsec_vti_interfaces";
/// Its owner, and the mode bit that allows every user to write.
const ROOT: u32 = 0;
const WRITABLE_BY_OTHERS: u32 = 0o002;
/// Most bytes: it has an entry for each CHILD_SA.
const LONGEST: u64 = 256 * 1024;

/// The pause between two readings: the hook is a Python program and takes about this long to start.
const PAUSE: Duration = Duration::from_millis(300);
/// Most readings after the first one.
const AGAIN: usize = 2;

/// The hook's state, with the lists of `take` from the last reading.
pub(super) fn read(
    take: impl FnMut() -> ConsistentRead,
) -> (ConsistentRead, Observed<Vec<String>>) {
    settled(take, state, || thread::sleep(PAUSE))
}

/// The first reading without a contradiction, or with the same ones as the reading before; else the last reading.
fn settled(
    mut take: impl FnMut() -> ConsistentRead,
    mut state: impl FnMut() -> Observed<Vec<String>>,
    mut wait: impl FnMut(),
) -> (ConsistentRead, Observed<Vec<String>>) {
    // The state is read after charon, because it records what charon has done.
    let mut reading = (take(), state());
    let mut contradictions = contradictions(&reading.0, &reading.1);
    for _ in 0..AGAIN {
        if contradictions.is_empty() {
            break;
        }
        wait();
        reading = (take(), state());
        let now = self::contradictions(&reading.0, &reading.1);
        let before = std::mem::replace(&mut contradictions, now);
        if contradictions == before {
            break;
        }
    }
    reading
}

/// The interfaces, by number, that the hook keeps up for a CHILD_SA that charon has not installed, and those of an installed CHILD_SA for
/// which the hook has no entry. None where either was not read.
fn contradictions(read: &ConsistentRead, state: &Observed<Vec<String>>) -> BTreeSet<IfId> {
    let (Ok(state), Ok(ike)) = (state, &read.lists.ike) else { return BTreeSet::new() };
    let children = || ike.children().filter(|c| c.is_installed());
    // VyOS gives vtiN the if_id N + 1.
    let if_id =
        |name: &str| Some(IfId(name.strip_prefix("vti")?.parse::<u32>().ok()?.checked_add(1)?));
    // A VTI of the older driver has that number as mark.
    let marked = |child: &ChildSa| match child.if_id_out {
        IfId(0) => IfId(child.mark_out.value),
        if_id => if_id,
    };
    let installed: BTreeSet<IfId> = children().map(marked).filter(|if_id| if_id.0 != 0).collect();
    let all = || hook_entries(state).filter_map(|entry| Some((entry, if_id(entry.interface)?)));
    let wanted: BTreeSet<IfId> = all().map(|(_, if_id)| if_id).collect();
    let held: BTreeSet<IfId> =
        all().filter(|(entry, _)| entry.child.is_some()).map(|(_, if_id)| if_id).collect();
    held.difference(&installed).chain(installed.difference(&wanted)).copied().collect()
}

/// The entries of the file, each once.
fn state() -> Observed<Vec<String>> {
    read_state(Path::new(STATE), ROOT).map_err(|failure| {
        failure.in_operation(&format!("read {STATE}")).missing(Source::HookState)
    })
}

/// Every user may create a file of this name in /tmp; the hook runs as root.
fn read_state(path: &Path, owner: u32) -> Result<Vec<String>, Failure> {
    let file = regular_file(path)?;
    let metadata = file.metadata()?;
    if metadata.uid() != owner {
        return Err(Failure::new(
            Reason::Failed,
            "it does not belong to root, so the hook did not write it: ignored",
        ));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(Failure::new(Reason::Failed, "every user may write to it: ignored"));
    }
    let text = text(file, LONGEST)?;
    let entries: BTreeSet<&str> = text.split_whitespace().collect();
    Ok(entries.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::loose::Lists;
    use crate::snapshot::ike::{Ike, IkeSa};
    use crate::snapshot::{Missing, Reason};

    /// charon's list with these CHILD_SAs installed, by if_id.
    fn lists(if_ids: &[u32]) -> ConsistentRead {
        let child = |if_id: &u32| ChildSa {
            name: format!("C{if_id}"),
            state: "INSTALLED".into(),
            if_id_out: IfId(*if_id),
            ..ChildSa::default()
        };
        let sa = IkeSa { children: if_ids.iter().map(child).collect(), ..IkeSa::default() };
        let ike = Ok(Ike { sas: vec![sa], ..Ike::default() });
        let unsettled = crate::snapshot::Unsettled::default();
        let lists = Lists { policies: Ok(Vec::new()), sas: Ok(Vec::new()), ike };
        ConsistentRead { lists, unsettled }
    }

    fn entries(text: &str) -> Observed<Vec<String>> {
        Ok(text.split(' ').map(str::to_owned).collect())
    }

    fn absent() -> Observed<Vec<String>> {
        Err(Missing::new(Source::HookState, Reason::Absent, ""))
    }

    #[test]
    fn each_side_that_lacks_what_the_other_has_is_noticed() {
        let of = |if_ids: &[u32], text: &str| contradictions(&lists(if_ids), &entries(text));
        assert_eq!(of(&[8], "vti7:AZURE-vti:v4 vti7:AZURE-vti:v6"), BTreeSet::new());
        assert_eq!(of(&[8], "vti1"), BTreeSet::from([IfId(8)]));
        assert_eq!(of(&[], "vti7:AZURE-vti:v4"), BTreeSet::from([IfId(8)]));
        // Clients come and go on an interface that is always up, and a policy without an if_id belongs to no VTI.
        assert_eq!(of(&[8, 0], "vti7 vti3"), BTreeSet::new());
        assert_eq!(contradictions(&lists(&[8]), &absent()), BTreeSet::new());
    }

    #[test]
    fn a_contradiction_is_read_again_and_one_that_passes_is_forgotten() {
        let readings = [(&[][..], "vti7:AZURE-vti:v4"), (&[8][..], "vti7:AZURE-vti:v4")];
        let mut number = 0;
        let mut waits = 0;
        let take = || {
            number += 1;
            lists(readings[number - 1].0)
        };
        let (last, _) = settled(take, || entries(readings[0].1), || waits += 1);
        assert_eq!((last.lists.ike, waits), (lists(&[8]).lists.ike, 1));
    }

    #[test]
    fn what_stays_is_read_twice_and_what_never_rests_three_times() {
        let mut taken = 0;
        let stays = || {
            taken += 1;
            lists(&[8])
        };
        let _ = settled(stays, || entries("vti1"), || {});
        assert_eq!(taken, 2);
        let mut taken = 0;
        let changes = || {
            taken += 1;
            lists(&[taken])
        };
        let _ = settled(changes, || entries("vti99"), || {});
        assert_eq!(taken, 3);
    }

    #[test]
    fn the_entries_are_separated_by_blanks_and_count_once() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state");
        // As VyOS writes it: one line without a line end.
        std::fs::write(&path, "vti1:AWS:v4 vti0 vti1:AWS:v4 vti2:B:v4:17").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        mode(0o644);
        let us = std::fs::metadata(&path).unwrap().uid();
        assert_eq!(read_state(&path, us).unwrap(), ["vti0", "vti1:AWS:v4", "vti2:B:v4:17"]);
        // One entry a line means the same.
        std::fs::write(&path, "vti0\n\n vti1:AWS:v4 \n").unwrap();
        assert_eq!(read_state(&path, us).unwrap(), ["vti0", "vti1:AWS:v4"]);
        let another = read_state(&path, us + 1).unwrap_err();
        assert_eq!(
            another.detail,
            "it does not belong to root, so the hook did not write it: ignored"
        );
        assert_eq!(another.reason, Reason::Failed);
        mode(0o666);
        assert_eq!(
            read_state(&path, us).unwrap_err().detail,
            "every user may write to it: ignored"
        );
        let absent = read_state(&root.path().join("gone"), us).unwrap_err();
        assert_eq!(absent.reason, Reason::Absent);
    }
}
