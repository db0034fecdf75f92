//! `ipsec status` and `ipsec trafficstatus` of libreswan. Made from the outputs of libreswan 4.10 (Debian 12). They say that its daemon,
//! pluto, negotiates here; a snapshot has a place for the SAs of charon only, so those of pluto stay in the text.

use super::entry::Entry;
use super::format::{Context, Taken};
use super::lines::Line;

/// The name of the format.
pub(super) const FORMAT: &str = "ipsec status of libreswan";

/// Lines of an output are fewer.
const MOST_LINES: usize = 65_536;

/// Whether a line is one of whack's: `000 "tun": …`, `006 #2: "tun", type=ESP, …`. The numbers are those of `enum rc_type`.
fn is_of_whack(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("000").or_else(|| line.strip_prefix("006")) else {
        return false;
    };
    if rest.is_empty() {
        return true;
    }
    let Some(rest) = rest.strip_prefix(' ') else { return false };
    let starts = [
        "\"",
        "#",
        "using kernel interface",
        "interface ",
        "config setup",
        "Connection list",
        "Total IPsec",
        "State Information",
        "IKE SAs:",
        "IPsec SAs:",
        "Kernel algorithms",
        "Bare Shunt",
        "Current proposals",
    ];
    rest.is_empty() || starts.iter().any(|start| rest.trim_start().starts_with(start))
}

/// The lines that begin here.
pub(super) fn status(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    if !is_of_whack(lines.first()?.text) {
        return None;
    }
    // Settings and algorithms have lines of their own form between those that are known.
    let of = lines.iter().take(MOST_LINES).take_while(|line| {
        line.typed.is_none() && (line.text.starts_with("000") || line.text.starts_with("006"))
    });
    Some(Taken { lines: of.count().max(1), entries: vec![Entry::Pluto] })
}
