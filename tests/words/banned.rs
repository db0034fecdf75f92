//! The words that the program does not use, with what it says instead; and numbers before nouns of the wrong number. The list is that of
//! the project's style; a pattern is as narrow as a word with a good use needs it.

use regex::Regex;

/// Pattern, and what is said instead. Matched without regard to case.
const BANNED: &[(&str, &str)] = &[
    (r"\b(security )?associations?\b", "SA, IKE SA, child SA"),
    (r"\b(input|output|interface's|tunnel's|device's|policy's|SA's) keys?\b", "mark or if_id"),
    (
        r"\b(one|two|three|both|first|second|last|next|earlier|later|each|every|this|that|a|the|between|\d+) looks?\b(?: at (?:a|the) (?:host|router|kernel))?",
        "sample",
    ),
    (r"\blooks (apart|later|before|after|between)\b", "samples"),
    (r"\bover the interval\b", "during the last 10 s"),
    (
        r"\b(counters?|column|errors?|drops|sums?) (that )?(moves?|moved)\b|\bstill rises?\b|\bmoves with\b|\bcounters? moves?\b",
        "is rising, has stopped rising",
    ),
    (r"\blost to\b|\bdies\b|\bdied\b", "lost, dropped"),
    (
        r"\bsomebody\b|\bnobody\b|\banybody\b|\bsomeone else\b|\bnoone\b",
        "another process, or the actor",
    ),
    (
        r"\b(is|are|was|were) (not )?told\b|\btells? nothing\b|\bnot told\b",
        "unknown, could not be read: REASON",
    ),
    (r"\banew\b", "renegotiate, retry, recreate"),
    (r"\bway back\b", "reverse path"),
    (r"\bthe other one\b", "peer, local end, remote end"),
    (
        r"\btext cannot tell\b|\bcannot tell\b|\bnot decided by what was read\b",
        "cannot be determined from this input",
    ),
    (r"\bnothing else (that was )?(read|does|is)\b", "none of the other checked causes"),
    (r"\breads? only\b", "read-only"),
    (r"\bat once\b", "immediately"),
    (
        r"\bnone fits\b|\bnot believed\b|\bis not there\b|\bare not there\b|\bstands? behind\b|\bbehind it stand\b",
        "plain words",
    ),
    (r"\bundecided\b", "undetermined"),
    (
        r"\bis no affair\b|\bwhoever\b|\bin whole\b|\bwherefrom\b|\bthereof\b|\bthe like of\b|\bby turns\b|\bmore than once too\b",
        "plain words",
    ),
];

/// Nouns that are counted in reports: one, and several.
const COUNTED: &[(&str, &str)] = &[
    ("packet", "packets"),
    ("SA", "SAs"),
    ("policy", "policies"),
    ("sample", "samples"),
    ("drop", "drops"),
    ("interface", "interfaces"),
    ("error", "errors"),
    ("episode", "episodes"),
    ("finding", "findings"),
    ("route", "routes"),
    ("rule", "rules"),
    ("address", "addresses"),
    ("byte", "bytes"),
    ("loss", "losses"),
    ("tunnel", "tunnels"),
    ("line", "lines"),
];

pub struct Banned {
    pattern: Regex,
    pub instead: &'static str,
}

impl Banned {
    pub fn all() -> Vec<Self> {
        let each = BANNED.iter();
        each.map(|(pattern, instead)| Self {
            pattern: Regex::new(&format!("(?i){pattern}")).expect(pattern),
            instead,
        })
        .collect()
    }

    /// The word as it stands there.
    pub fn found(&self, text: &str) -> Option<String> {
        self.pattern.find(text).map(|found| found.as_str().to_owned())
    }
}

/// `1 packets`, `2 packet`, but not at the beginning of a line: steps have numbers there. A rule of nftables may end with "oif 0 drop".
pub fn wrong_number(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let noun = |at: usize| {
        let word = words.get(at)?.trim_end_matches(|c: char| !c.is_alphanumeric());
        COUNTED.iter().find(|(one, several)| word == *one || word == *several).map(|_| word)
    };
    words.iter().enumerate().find_map(|(at, word)| {
        // A list goes on after a comma.
        let number = word.replace(',', "").parse::<u64>().ok().filter(|_| !word.ends_with(','))?;
        // "22 tunnel drops": the noun that is counted comes after the one that it is of.
        let noun = noun(at + 1).map(|first| noun(at + 2).unwrap_or(first))?;
        let wrong =
            |(one, several): &(&str, &str)| noun == if number == 1 { *several } else { *one };
        let before = words.get(at.checked_sub(1)?)?;
        let is_wrong = *before != "oif" && COUNTED.iter().any(wrong);
        is_wrong.then(|| format!("{word} {noun}"))
    })
}

pub const PLANTED: &[(&str, &str)] = &[
    ("vti0 has no security association", "security association"),
    ("an Association of another mark", "Association"),
    ("two looks, ten seconds apart", "two looks"),
    ("no counter moves", "counter moves"),
    ("packets are lost to a policy", "lost to"),
    ("somebody else's drop monitor is on", "somebody"),
    ("negotiate anew", "anew"),
    ("it reads only", "reads only"),
    ("SA 1 to 192.0.2.2: none fits", "none fits"),
];

pub const GOOD: &[&str] = &[
    "2 samples, 10 s apart",
    "look at the neighbour first",
    "1 SA to 192.0.2.2 with reqid 1, none matches",
    "key material is never read",
    "0 packets, 1 packet, 2 packets, 1,000 packets",
];

pub const WRONG_NUMBERS: &[&str] =
    &["it lost 1 packets", "and 2 SA to 192.0.2.2", "lost 0 packet.", "of 1,000 drop"];
