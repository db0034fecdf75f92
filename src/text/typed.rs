//! What a typed command says about its output: which list it prints, and of which namespace. Whether that is the whole list, `filtered` says. It
//! reads no output.

use super::pipe::{commands, is_redirected, paged};

/// The format of what `ip route get` prints.
pub(super) const ROUTE_GET: &str = "ip route get";

/// The words of a command behind `sudo` and `run`, and without `sudo`'s own options.
pub(super) fn words(typed: &str) -> impl Iterator<Item = &str> + Clone {
    typed.split_whitespace().skip_while(|word| *word == "sudo" || *word == "run")
}

/// The words of an `ip` command behind its options: the object and what follows.
pub(super) fn of_ip(typed: &str) -> Option<Vec<&str>> {
    let mut words = words(typed);
    let program = words.next()?;
    if program.rsplit('/').next() != Some("ip") {
        return None;
    }
    let mut rest: Vec<&str> = Vec::new();
    let mut takes_value = false;
    for word in words.take_while(|word| !matches!(*word, "|" | ";") && !word.contains('>')) {
        if takes_value {
            takes_value = false;
        } else if rest.is_empty() && word.starts_with('-') {
            takes_value = matches!(word, "-f" | "-family" | "-n" | "-netns" | "-rc" | "-l");
        } else {
            rest.push(word);
        }
    }
    Some(rest)
}

/// Whether a word is the abbreviation of an object, as `ip` takes it.
pub(super) fn is(word: Option<&&str>, name: &str, least: usize) -> bool {
    word.is_some_and(|word| word.len() >= least && name.starts_with(word))
}

/// The format of the list that the command prints, where printing nothing means that the list is empty.
pub(super) fn object(typed: &str) -> Option<&'static str> {
    let (typed, _) = paged(typed)?;
    if is_elsewhere(typed) || is_redirected(typed) || commands(typed).count() > 1 {
        return None;
    }
    let mut plain = words(typed);
    if plain.clone().eq(["cat", super::host::HOOK]) {
        return Some("state of vti-up-down");
    }
    if plain.next() == Some("swanctl") {
        let option = plain.next();
        return match (option, plain.next()) {
            (Some("--list-sas" | "-l"), None) => Some("swanctl --list-sas"),
            (Some("--list-conns" | "-L"), None) => Some("swanctl --list-conns"),
            (Some("--list-pols" | "-P"), None) => Some("swanctl --list-pols"),
            (Some("--stats" | "-S"), None) => Some(super::swanctl::STATISTICS),
            _ => None,
        };
    }
    if nft_list(typed) == Some(NftList::Whole) {
        return Some(super::nft::FORMAT);
    }
    let rest = of_ip(typed)?;
    let (object, command) = (rest.first(), rest.get(1));
    let lists = |word: Option<&&str>| word.is_none() || is(word, "list", 1) || is(word, "show", 1);
    if is(object, "xfrm", 1) {
        let of_list = lists(rest.get(2));
        return match command {
            Some(_) if (is(command, "state", 1) || command == Some(&"sa")) && of_list => {
                Some("xfrm state")
            }
            Some(_) if is(command, "policy", 1) && of_list => Some("xfrm policy"),
            _ => None,
        };
    }
    match object {
        Some(_) if is(object, "route", 1) && lists(command) => Some("ip route"),
        Some(_) if (is(object, "neighbour", 1) || is(object, "neighbor", 1)) && lists(command) => {
            Some("ip neighbour")
        }
        _ => None,
    }
}

/// The format of what a command prints, the whole list or a part of it; none of a command that does not say it.
pub(super) fn prints(typed: &str) -> Option<&'static str> {
    let command = typed.split('|').next().unwrap_or_default();
    let mut plain = words(command);
    if plain.next().is_some_and(|program| program.rsplit('/').next() == Some("swanctl")) {
        return match plain.next() {
            Some("--list-sas" | "-l") => Some("swanctl --list-sas"),
            Some("--list-conns" | "-L") => Some("swanctl --list-conns"),
            Some("--list-pols" | "-P") => Some("swanctl --list-pols"),
            _ => Some(super::swanctl::STATISTICS),
        };
    }
    let rest = of_ip(command)?;
    let (object, word) = (rest.first(), rest.get(1));
    let of = |name: &str| is(object, name, 1);
    Some(match object {
        Some(_) if of("xfrm") && (is(word, "state", 1) || word == Some(&"sa")) => "xfrm state",
        Some(_) if of("xfrm") && is(word, "policy", 1) => "xfrm policy",
        Some(_) if of("link") || of("address") => "ip link",
        Some(_) if of("route") && is(word, "get", 1) => ROUTE_GET,
        Some(_) if of("route") => "ip route",
        Some(_) if is(object, "rule", 2) => "ip rule",
        Some(_) if of("neighbour") || of("neighbor") => "ip neighbour",
        _ => return None,
    })
}

/// Of the commands of one typed line, the one that printed this format; the whole line where none is known to.
pub(super) fn of_format<'a>(typed: &'a str, format: &str) -> &'a str {
    commands(typed).find(|command| prints(command) == Some(format)).unwrap_or(typed)
}

/// How much of the rules of nftables a command lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NftList {
    /// `nft list ruleset`.
    Whole,
    /// One table, one chain, or the rules of one family.
    Part,
}

/// What an `nft` command lists; none of any other command.
pub(super) fn nft_list(typed: &str) -> Option<NftList> {
    let mut words = words(match paged(typed) {
        Some((command, usize::MAX)) => command,
        _ => typed,
    });
    if words.next()?.rsplit('/').next() != Some("nft") {
        return None;
    }
    let mut words = words.filter(|word| !word.starts_with('-'));
    if words.next() != Some("list") {
        return None;
    }
    let is_whole = (words.next(), words.next()) == (Some("ruleset"), None);
    Some(if is_whole { NftList::Whole } else { NftList::Part })
}

/// Whether the command looks into another network namespace.
pub(super) fn is_elsewhere(typed: &str) -> bool {
    let mut words = words(typed);
    if words.next().is_none_or(|program| program.rsplit('/').next() != Some("ip")) {
        return false;
    }
    let mut options = words.clone().take_while(|word| word.starts_with('-'));
    let first = words.find(|word| !word.starts_with('-'));
    options.any(|word| matches!(word, "-n" | "-netns")) || first == Some("netns")
}

/// Why a line is not read of which nothing more is known.
pub(super) const UNKNOWN: &str = "it has no form that is known";

/// Why lines behind this command, of which the first is `line`, are not read.
pub(super) fn why_not(typed: &str, line: &str) -> &'static str {
    let said = |words: &str| line.contains(words);
    if said("Operation not permitted") || said("Permission denied") || said("permission denied") {
        return "the command was not run as root";
    }
    if said("command not found") || said("No such file or directory") {
        return "the host does not have the command or the file";
    }
    if line.starts_with("Exit code: ")
        || said("is unknown, try")
        || said("Invalid command")
        || said("Error: ")
    {
        return "the command failed";
    }
    match nft_list(typed) {
        Some(_) => "it is no table of nftables that is whole: `nft list ruleset` prints all",
        None => UNKNOWN,
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
    fn the_list_of_a_command_is_known_in_its_short_forms() {
        for (rest, expected) in [
            ("x state", Some("xfrm state")),
            ("-d -s xfrm state list nokeys", Some("xfrm state")),
            ("x p", Some("xfrm policy")),
            ("route | head -100", Some("ip route")),
            ("xfrm policy getdefault", None),
            ("x state count", None),
            ("-6 r", Some("ip route")),
            ("-f inet6 route show table 220", Some("ip route")),
            ("route get 10.0.0.1", None),
            ("n", Some("ip neighbour")),
            ("link", None),
            ("-n blue route", None),
            ("x state | grep 0x", None),
            ("x state > /tmp/x", None),
            ("x state 2>/dev/null", None),
            ("x state 2>&1", Some("xfrm state")),
        ] {
            for typed in [ip(rest), format!("sudo {}", ip(rest)), format!("/sbin/{}", ip(rest))] {
                assert_eq!(object(&typed), expected, "{typed}");
            }
        }
        assert_eq!(object("swanctl -l"), Some("swanctl --list-sas"));
        assert_eq!((object("show ip route"), object("")), (None, None));
    }

    #[test]
    fn what_another_namespace_shows_is_not_of_this_one() {
        for rest in ["netns exec blue ip x policy", "-n blue link", "-d -netns blue link"] {
            assert!(is_elsewhere(&ip(rest)), "{rest}");
        }
        for rest in ["link", "-s link show dev netns"] {
            assert!(!is_elsewhere(&ip(rest)), "{rest}");
        }
        assert!(!is_elsewhere("cat netns"));
    }
}
