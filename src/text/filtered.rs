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

    #[test]
    fn a_part_of_a_list_is_no_list() {
        for typed in [
            "ip xfrm policy list dir out",
            "ip -d link show dev vti1",
            "ip link show t0",
            "ip -s l sh t0",
            "ip link show master blue",
            "ip link show up",
            "ip a s lo",
            "ip addr show scope host",
            "ip x state list src 192.0.2.1",
            "ip x state get spi 0x101",
            "ip route | grep vti",
            "ip route|grep vti",
            "ip route show default",
            "ip route show table all dev t0",
            "ip rule show priority 0",
            "ip xfrm state | head -17",
            "swanctl --list-sas --ike OFFICE",
            "swanctl --list-sas | grep OFFICE",
            "ipsec statusall AZURE",
            "show vpn ike sa peer 192.0.2.2",
            "run show interfaces vti vti7",
        ] {
            assert!(is_filtered(typed, 17), "{typed}");
        }
        for typed in [
            "ip xfrm policy",
            "ip x sa show",
            "ip -s -s -d link",
            "ip -6 a",
            "sudo ip xfrm state list nokeys 2>&1",
            "ip route show table all",
            "ip route | head -100",
            "swanctl --list-sas --noblock",
            "ipsec statusall",
            "show vpn ipsec sa detail",
            "show interfaces",
            "",
        ] {
            assert!(!is_filtered(typed, 17), "{typed}");
        }
    }
}
