//! Texts whose form tells that they are nobody's secret: numbers, versions and times. What is none of them is not kept here.

/// Words beside the numbers of a release.
const VERSION_WORDS: &[&str] = &[
    "VyOS",
    "vyos",
    "amd64",
    "arm64",
    "x86",
    "aarch64",
    "rolling",
    "stream",
    "circinus",
    "sagitta",
    "equuleus",
    "crux",
    "LTS",
    "lts",
    "epa",
    "EPA",
    "generic",
    "cloud",
    "rt",
    "unsigned",
    "virtual",
    "lowlatency",
    "aws",
    "azure",
    "gcp",
    "kvm",
    "pve",
    "uek",
    "dev",
    "dr",
];
/// What may stand before a number in such a word: `deb12`, `rc3`, `el9`.
const VERSION_STEMS: &[&str] = &["deb", "bpo", "rc", "el", "fc", "rt", "ubuntu", "dr", "epa", "u"];

/// A number, decimal or hexadecimal, of at most 32 bits.
pub(super) fn is_number(word: &str) -> bool {
    match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).is_ok() && !digits.starts_with('+'),
        None => !word.is_empty() && word.len() <= 10 && is_digits(word),
    }
}

fn is_digits(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_digit())
}

/// A version with the parts of it that are known; empty where none is.
pub(super) fn version(text: &str) -> String {
    // A date with its time is the longest number in one.
    const MOST_DIGITS: usize = 14;
    let is_known = |part: &str| {
        let stem = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_numbered = stem.is_empty() || (VERSION_STEMS.contains(&stem) && stem != part);
        VERSION_WORDS.contains(&part) || (is_numbered && part.len() - stem.len() <= MOST_DIGITS)
    };
    let mut kept = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        // `deb12u1` is two.
        let is_update = word.split_once('u').is_some_and(|(a, b)| is_known(a) && is_known(b));
        let separator = part.get(word.len()..).filter(|c| "-+~._ ".contains(c)).unwrap_or("-");
        if !word.is_empty() && (is_known(word) || is_update) {
            kept += word;
            kept += separator;
        }
    }
    kept.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// `charon 5.9.8`: what it is, and its version.
pub(super) fn daemon(text: &str) -> String {
    const NAMES: &[&str] = &["charon", "charon-systemd", "charon-cmd", "charon-nm"];
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    let name = NAMES.iter().find(|known| **known == name).unwrap_or(&"charon");
    format!("{name} {}", version(rest)).trim_end().to_owned()
}

/// Whether a text is a date and a time: `Nov 23 04:16:52 2026`.
pub(super) fn is_time(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "UTC",
    ];
    let words = text.split([' ', ':', '-']).filter(|word| !word.is_empty());
    text.len() <= 32
        && words.clone().count() <= 8
        && words.into_iter().all(|w| WORDS.contains(&w) || (is_digits(w) && w.len() <= 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_version_stays_what_is_known() {
        for text in [
            "6.12.95+deb12-cloud-amd64",
            "6.6.58-amd64-vyos",
            "5.10.0-28-amd64",
            "5.14.0-427.el9_4.x86_64",
            "6.13.0-rc3",
            "5.15.0-122-generic",
            "6.1.106-3+deb12u1",
            "1.4.2",
            "1.5-rolling-202409250007",
            "2025.09.10-0018-rolling",
            "",
        ] {
            assert_eq!(version(text), text);
        }
        assert_eq!(version("6.6.58-acme-prod"), "6.6.58");
        assert_eq!(version("6.6.58-acme-amd64"), "6.6.58-amd64");
        assert_eq!(version("joe@example.net"), "");
        assert_eq!(daemon("charon 5.9.8"), "charon 5.9.8");
        assert_eq!(daemon("acme 5.9.8/acme"), "charon 5.9.8");
        assert!(is_time("Nov 23 04:16:52 2026") && !is_time("since acme"));
        assert!(
            is_number("0xc1000001") && is_number("254") && !is_number("cafe") && !is_number("")
        );
    }
}
