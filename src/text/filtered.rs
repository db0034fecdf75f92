//! Whether a command printed a part of its list only: that of a filter, of one interface, of one connection, or the first lines. Made from the
//! usage of iproute2 6.1 (`ipaddress.c`, `iproute.c`, `iprule.c`, `xfrm_state.c`, `xfrm_policy.c`) and of strongSwan's `list_sas.c`.

use super::pipe::paged;
use super::typed::{is, of_ip, words};

/// Whether a command, which printed so many lines, printed a part of its list only.
pub(super) fn is_filtered(typed: &str, lines: usize) -> bool {
    let Some((command, most)) = paged(typed) else { return true };
    if lines >= most {
        return true;
    }
    match of_ip(command) {
        Some(rest) => of_iproute(&rest),
        None => of_daemon(command),
    }
}

/// Whether a word asks for a list.
fn lists(word: &str) -> bool {
    ["list", "show", "lst"].iter().any(|name| is(Some(&word), name, 1))
}

/// The words of `ip` behind its options. Whatever stands behind `show` picks something out, but for the words of whole tables.
fn of_iproute(rest: &[&str]) -> bool {
    let more = |words: &[&str], allowed: &[&str]| {
        words.iter().any(|word| !word.starts_with('-') && !allowed.contains(word))
    };
    match rest {
        [] | [_] => false,
        [object, _] if is(Some(object), "xfrm", 1) => false,
        [object, _, verb, words @ ..] if is(Some(object), "xfrm", 1) => {
            !lists(verb) || more(words, &["nokeys", "nosock"])
        }
        [object, verb, "table", _, words @ ..] if is(Some(object), "route", 1) => {
            !lists(verb) || more(words, &[])
        }
        [_, verb, words @ ..] => !lists(verb) || more(words, &[]),
    }
}

/// Commands of charon, of libreswan and of VyOS.
fn of_daemon(command: &str) -> bool {
    let mut words = words(command);
    let program = words.next().unwrap_or_default();
    match (program.rsplit('/').next(), words.next(), words.next()) {
        (Some("show"), Some("interfaces"), third) => {
            third.is_some_and(|word| !matches!(word, "detail" | "summary" | "counters"))
        }
        (Some("show"), Some("vpn"), Some(_)) => {
            words.next() == Some("sa") && words.any(|word| word != "detail")
        }
        (Some("swanctl"), _, third) => third.into_iter().chain(words).any(|word| {
            let option = word.split('=').next().unwrap_or_default();
            const PICKS: [&str; 8] =
                ["--ike", "-i", "--ike-id", "-I", "--child", "-c", "--child-id", "-C"];
            PICKS.contains(&option)
        }),
        (Some("ipsec"), Some("status" | "statusall"), third) => third.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An `ip` command.
    fn ip(rest: &str) -> String {
        format!("ip {rest}")
    }

    #[test]
    fn a_part_of_a_list_is_no_list() {
        for typed in [
            "ip xfrm policy list dir out".to_owned(),
            "ip -d link show dev vti1".to_owned(),
            "ip link show t0".to_owned(),
            "ip -s l sh t0".to_owned(),
            "ip link show master blue".to_owned(),
            "ip link show up".to_owned(),
            "ip a s lo".to_owned(),
            "ip addr show scope host".to_owned(),
            ip("x state list src 192.0.2.1"),
            ip("x state get spi 0x101"),
            "ip route | grep vti".to_owned(),
            "ip route|grep vti".to_owned(),
            "ip route show default".to_owned(),
            "ip route show table all dev t0".to_owned(),
            "ip rule show priority 0".to_owned(),
            ip("xfrm state | head -17"),
            "swanctl --list-sas --ike OFFICE".to_owned(),
            "swanctl --list-sas | grep OFFICE".to_owned(),
            "ipsec statusall AZURE".to_owned(),
            "show vpn ike sa peer 192.0.2.2".to_owned(),
            "run show interfaces vti vti7".to_owned(),
        ] {
            assert!(is_filtered(&typed, 17), "{typed}");
        }
        for typed in [
            "ip xfrm policy".to_owned(),
            ip("x sa show"),
            "ip -s -s -d link".to_owned(),
            "ip -6 a".to_owned(),
            ip("xfrm state list nokeys 2>&1"),
            "ip route show table all".to_owned(),
            "ip route | head -100".to_owned(),
            "swanctl --list-sas --noblock".to_owned(),
            "ipsec statusall".to_owned(),
            "show vpn ipsec sa detail".to_owned(),
            "show interfaces".to_owned(),
            String::new(),
        ] {
            assert!(!is_filtered(&typed, 17), "{typed}");
        }
    }
}
