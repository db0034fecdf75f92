//! `ip [-s] xfrm policy [list]` and `ip xfrm policy getdefault` as text. Made from the outputs of iproute2 6.1
//! (`xfrm_policy_info_print()`, `xfrm_tmpl_print()`, `xfrm_policy_default_print()`). VyOS's `show vpn ipsec policy` prints the same.

use super::entry::{Entry, NamedPolicy};
use super::format::{Context, Taken};
use super::lines::Line;
use super::words::{Words, address, hex, number};
use super::xfrm;
use crate::snapshot::xfrm::{IfId, ReqId, Spi};
use crate::snapshot::{
    Action, DefaultPolicies, Family, Mark, Policy, PolicyDirection, PolicyType, Template,
};

/// A policy has fewer lines: at most six templates (XFRM_MAX_DEPTH).
const MOST_LINES: usize = 64;

/// What lines of a policy begin with, behind its selector.
const BEGINNINGS: &[&str] = &[
    "dir",
    "socket",
    "lifetime",
    "limit:",
    "expire",
    "add",
    "tmpl",
    "proto",
    "level",
    "enc-mask",
    "mark",
    "output-mark",
    "if_id",
    "security",
    "crypto",
    "uid",
    "action",
    // Where a line was wrapped.
    "share",
    "flag",
    "index",
    "priority",
    "reqid",
    "mode",
    "spi",
    "auth-mask",
    "comp-mask",
    "hard",
    "use",
    "ptype",
];

/// The policy that begins with this line.
pub(super) fn entry(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    let of_first = Words::of(std::iter::once(first.text));
    let ["src", source, "dst", ..] = of_first.all() else { return None };
    let is_policy = source.contains('/') && rest.first()?.text.starts_with(['d', 's', 'u']);
    let (mut selector, device) = xfrm::selector(of_first.all()).filter(|_| is_policy)?;
    let belongs = |line: &&Line<'_>| {
        let first = line.text.split_whitespace().next().unwrap_or_default();
        line.typed.is_none()
            && (BEGINNINGS.contains(&first)
                || first.ends_with("(bytes),")
                || first.starts_with("(0x"))
    };
    let of: Vec<&Line<'_>> = rest.iter().take(MOST_LINES).take_while(belongs).collect();
    let words = Words::of(of.iter().map(|line| line.text));
    let direction = match (words.behind(&["dir"]), words.behind(&["socket"])) {
        (["in", ..], _) => PolicyDirection::In,
        (["out", ..], _) => PolicyDirection::Out,
        (["fwd", ..], _) => PolicyDirection::Forward,
        // Old releases of iproute2 print the numbers.
        (_, ["in", ..]) | (["3", ..], _) => PolicyDirection::SocketIn,
        (_, ["out", ..]) | (["4", ..], _) => PolicyDirection::SocketOut,
        _ => return None,
    };
    if direction.is_of_socket() {
        // The kernel shows the family of a policy by its selector; that of a socket is of both (`::/0` where it is of IPv6).
        selector.family = Family::of(selector.source.addr());
    }
    let action = match words.after("action") {
        None | Some("allow") => Action::Allow,
        Some("block") => Action::Block,
        Some(_) => return None,
    };
    let index = words.after("index").and_then(number);
    let policy = Policy {
        direction,
        priority: words.after("priority").and_then(number)?,
        index: index.unwrap_or(0),
        selector,
        action,
        policy_type: match words.after("ptype") {
            Some("sub") => PolicyType::Sub,
            _ => PolicyType::Main,
        },
        mark: words.after("mark").map_or(Some(Mark::default()), xfrm::mark)?,
        if_id: IfId(words.after("if_id").map_or(Some(0), hex)?),
        flags: flags(&words),
        current: xfrm::lifetime(&words).map(|(_, current)| current).unwrap_or_default(),
        templates: templates(words.all())?,
    };
    let named = NamedPolicy { policy, has_index: index.is_some(), device };
    Some(Taken { lines: of.len() + 1, entries: vec![Entry::Policy(Box::new(named))] })
}

/// `flag localok icmp`: XFRM_POLICY_*.
fn flags(words: &Words<'_>) -> u8 {
    let of = |word: &str| match word {
        "localok" => 1,
        "icmp" => 2,
        _ => 0,
    };
    words.behind(&["flag"]).iter().take(2).fold(0, |all, word| all | of(word))
}

/// Each `tmpl src A dst B proto esp reqid 1 mode tunnel`, in its order.
fn templates(words: &[&str]) -> Option<Vec<Template>> {
    let parts = words.split(|word| *word == "tmpl").skip(1);
    let template = |part: &[&str]| {
        let words = Words::of(part.iter().copied());
        let plain = |key: &str| words.after(key).map(|word| word.split('(').next().unwrap_or(word));
        let (source, destination) = (address(words.after("src")?)?, address(words.after("dst")?)?);
        Some(Template {
            source,
            destination,
            protocol: xfrm::protocol(words.after("proto")?)?,
            spi: Spi(plain("spi").map_or(Some(0), hex)?),
            reqid: ReqId(plain("reqid").and_then(number)?),
            mode: xfrm::mode(words.after("mode")?)?,
            family: Family::of(source),
            optional: words.after("level").is_some_and(|level| level != "required"),
        })
    };
    parts.map(template).collect()
}

/// What iproute2 before 5.15 says to `ip xfrm policy getdefault`: it has no `setdefault` either.
const NO_DEFAULTS: &str = r#"Command "getdefault" is unknown"#;

/// `Default policies:` and the three lines behind it.
pub(super) fn defaults(lines: &[Line<'_>], _: &Context<'_>) -> Option<Taken> {
    if lines.first().is_some_and(|line| line.text.starts_with(NO_DEFAULTS)) {
        return Some(Taken::line(Entry::NoSetDefault));
    }
    let [title, inbound, forward, outbound, ..] = lines else { return None };
    let of = |line: &Line<'_>, name: &str| match line.text.strip_prefix(name)?.trim() {
        "accept" => Some(Action::Allow),
        "block" => Some(Action::Block),
        _ => None,
    };
    if title.text != "Default policies:" {
        return None;
    }
    let found = DefaultPolicies {
        inbound: of(inbound, "in:")?,
        forward: of(forward, "fwd:")?,
        outbound: of(outbound, "out:")?,
    };
    Some(Taken { lines: 4, entries: vec![Entry::DefaultPolicies(found)] })
}
