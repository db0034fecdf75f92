//! What a typed command says about its output: which list it prints, whether that is the whole list, and of which namespace. It reads no
//! output.

/// The words of a command behind `sudo` and `run`, and without `sudo`'s own options.
fn words(typed: &str) -> impl Iterator<Item = &str> + Clone {
    typed.split_whitespace().skip_while(|word| *word == "sudo" || *word == "run")
}

/// The words of an `ip` command behind its options: the object and what follows.
fn of_ip(typed: &str) -> Option<Vec<&str>> {
    let mut words = words(typed);
    let program = words.next()?;
    if program.rsplit('/').next() != Some("ip") {
        return None;
    }
    let mut rest: Vec<&str> = Vec::new();
    let mut takes_value = false;
    for word in words.take_while(|word| !matches!(*word, "|" | ">" | "2>&1" | ";")) {
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
fn is(word: Option<&&str>, name: &str, least: usize) -> bool {
    word.is_some_and(|word| word.len() >= least && name.starts_with(word))
}

/// The format of the list that the command prints, where printing nothing means that the list is empty.
pub(super) fn object(typed: &str) -> Option<&'static str> {
    let typed = without_pager(typed);
    if is_elsewhere(typed) || typed.contains('|') {
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

/// A command without what only pages its output, or cuts it behind more lines than a router has.
fn without_pager(typed: &str) -> &str {
    match typed.split_once('|') {
        Some((command, rest)) => match rest.split_whitespace().next() {
            Some("head" | "less" | "more" | "no-more" | "cat" | "tee") => command.trim_end(),
            _ => typed,
        },
        None => typed,
    }
}

/// Whether the command prints a part of its list only: that of a filter.
pub(super) fn is_filtered(typed: &str) -> bool {
    let typed = without_pager(typed);
    let mut plain = words(typed);
    // VyOS's `show interfaces vti vti7`.
    if (plain.next(), plain.next()) == (Some("show"), Some("interfaces")) {
        return plain.next().is_some_and(|word| !matches!(word, "detail" | "summary" | "counters"));
    }
    let Some(rest) = of_ip(typed) else { return typed.contains("| ") };
    let filters = [
        "dir", "src", "dst", "proto", "reqid", "mark", "spi", "mode", "dev", "to", "from", "root",
        "match", "exact", "type", "up",
    ];
    typed.contains("| ") || rest.iter().skip(1).any(|word| filters.contains(word))
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
    let typed = without_pager(typed);
    let mut words = words(typed);
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
        None => "it has no form that is known",
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
        ] {
            for typed in [ip(rest), format!("sudo {}", ip(rest)), format!("/sbin/{}", ip(rest))] {
                assert_eq!(object(&typed), expected, "{typed}");
            }
        }
        assert_eq!(object("swanctl -l"), Some("swanctl --list-sas"));
        assert_eq!((object("show ip route"), object("")), (None, None));
    }

    #[test]
    fn a_part_of_a_list_is_no_list() {
        for rest in [
            "xfrm policy list dir out",
            "-d link show dev vti1",
            "x state list src 192.0.2.1",
            "route | grep vti",
        ] {
            assert!(is_filtered(&ip(rest)), "{rest}");
        }
        for rest in ["xfrm policy", "-s -s -d link", "route show table all", "route | head -100"] {
            assert!(!is_filtered(&ip(rest)), "{rest}");
        }
        assert!(!is_filtered(""));
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
