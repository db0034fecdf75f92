//! Lines about the host itself: `uname -a`, `uname -r`, `date`, `sysctl`, `ip xfrm state count`, `ip xfrm policy count`. Made from the
//! outputs of the programs of Debian bookworm (iproute2 6.1).

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{Words, number, seconds};
use crate::snapshot::{SadInfo, SpdInfo};

/// `Linux gw1 6.12.95-vyos #1 SMP PREEMPT_DYNAMIC … x86_64 GNU/Linux`, or behind `uname -r` the release alone.
pub(super) fn uname(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let words = Words::of(lines.iter().take(1).map(|line| line.text));
    let is_release =
        |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    let (host, release) = match words.all() {
        ["Linux", host, release, build, ..] if build.starts_with('#') && is_release(release) => {
            (Some((*host).to_owned()), *release)
        }
        [release] if context.has("uname") && is_release(release) => (None, *release),
        _ => return None,
    };
    Some(Taken::line(Entry::Uname { host, release: release.to_owned() }))
}

/// `show version` of VyOS: its version, and the other lines of its form (vyos-1x, src/op_mode/version.py of 2018 to 2026).
pub(super) fn version(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    const OTHERS: [&str; 16] = [
        "Release train",
        "Release flavor",
        "Built by",
        "Built on",
        "Build UUID",
        "Build commit ID",
        "Build comment",
        "Build Commit ID",
        "Architecture",
        "Boot via",
        "System type",
        "Secure Boot",
        "Hardware vendor",
        "Hardware model",
        "Hardware S/N",
        "Hardware UUID",
    ];
    let (key, value) = lines.first()?.text.split_once(':')?;
    if key == "Version" {
        let version = value.trim().strip_prefix("VyOS ")?;
        return Some(Taken::line(Entry::VyosVersion(version.trim().to_owned())));
    }
    let is_other = OTHERS.contains(&key) || (key == "Copyright" && value.contains("VyOS"));
    is_other.then(|| Taken { lines: 1, entries: Vec::new() })
}

/// `Fri Nov 27 05:53:50 UTC 2026`, `Fri 27 Nov 2026 05:53:50 AM UTC`, `2026-11-27T05:53:50+00:00`.
pub(super) fn date(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let words = Words::of(lines.iter().take(1).map(|line| line.text));
    let is_weekday = |word: &str| {
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&word.trim_end_matches(','))
    };
    let time = match words.all() {
        [weekday, name, day, clock, _, year] if is_weekday(weekday) => {
            seconds(number(year)?, month(name)?, number(day)?, clock)?
        }
        [weekday, day, name, year, clock, half @ ("AM" | "PM"), _] if is_weekday(weekday) => {
            let time = seconds(number(year)?, month(name)?, number(day)?, clock)?;
            // 12:05 AM is five minutes after midnight.
            let noon = u64::from(*half == "PM") * 43_200;
            let twelve = u64::from(clock.starts_with("12:")) * 43_200;
            time.checked_sub(twelve)? + noon
        }
        [weekday, day, name, year, clock, _] if is_weekday(weekday) => {
            seconds(number(year)?, month(name)?, number(day)?, clock)?
        }
        _ => return None,
    };
    Some(Taken::line(Entry::Date(time.checked_mul(1000)?)))
}

fn month(name: &str) -> Option<i64> {
    let names =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = names.iter().position(|month| *month == name)?;
    i64::try_from(at + 1).ok()
}

/// `net.ipv4.conf.vti1.disable_xfrm = 0`, also without blanks.
pub(super) fn sysctl(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let (key, value) = lines.first()?.text.split_once('=')?;
    let key = key.trim_end();
    let is_key = key.starts_with("net.") && !key.contains(' ') && key.len() < 128;
    let value = value.trim().parse().ok().filter(|_| is_key)?;
    // The name of an interface may have a dot: sysctl prints a slash there.
    Some(Taken::line(Entry::Sysctl { key: key.to_owned(), value }))
}

/// What is in the file of VyOS's updown hook (vyos-1x, python/vyos/utils/vti_updown_db.py), behind the command that prints it: an entry
/// for each CHILD_SA that holds an interface up.
pub(super) fn hook(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let is_typed = context.typed.split_whitespace().any(|word| word == HOOK);
    let words = Words::of(lines.iter().take(1).map(|line| line.text));
    let is_name = |word: &&str| word.starts_with("vti") && word.len() < 256;
    (is_typed && !words.all().is_empty() && words.all().iter().all(is_name)).then(|| {
        let entries = words.all().iter().map(|word| (*word).to_owned()).collect();
        Taken::line(Entry::HookState(entries))
    })
}

/// The file of the updown hook.
pub(super) const HOOK: &str = "/tmp/ipsec_vti_interfaces";

/// `SAD count 2 (buckets count 8 Max 1048576)`, `SPD IN  1 OUT 1 FWD 1 (Sock: IN 0 OUT 0 FWD 0)`.
pub(super) fn counts(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let words = Words::of(lines.iter().take(1).map(|line| line.text));
    let entry = match words.all() {
        ["SAD", "count", count, "(buckets", "count", buckets, "Max", maximum] => {
            Entry::SadInfo(SadInfo {
                count: number(count)?,
                hash_buckets: number(buckets)?,
                hash_maximum: number(maximum.trim_end_matches(')'))?,
            })
        }
        [
            "SPD",
            "IN",
            inbound,
            "OUT",
            outbound,
            "FWD",
            forward,
            "(Sock:",
            "IN",
            inbound_socket,
            "OUT",
            outbound_socket,
            "FWD",
            forward_socket,
        ] => Entry::SpdInfo(SpdInfo {
            inbound: number(inbound)?,
            outbound: number(outbound)?,
            forward: number(forward)?,
            inbound_socket: number(inbound_socket)?,
            outbound_socket: number(outbound_socket)?,
            forward_socket: number(forward_socket.trim_end_matches(')'))?,
        }),
        _ => return None,
    };
    Some(Taken::line(entry))
}
