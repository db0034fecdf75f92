//! One way to say each quantity: counts with their nouns, durations, rates and shares, so that a table and the sentence below it agree.
//! A leaf: it knows nothing of ours, and reads nothing. No other file makes such words by itself; `tests/units.rs` holds that.

#![deny(clippy::disallowed_methods)]

use std::fmt;
use std::net::IpAddr;

/// A word that goes with a number, in both its forms. Verbs and pronouns have two as well: "1 packet was lost", "2 packets were lost".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noun {
    one: &'static str,
    many: &'static str,
}

/// "is" or "are".
pub const IS: Noun = Noun::new("is", "are");
/// "its" or "their".
pub const ITS: Noun = Noun::new("its", "their");
/// "it" or "them".
pub const THEM: Noun = Noun::new("it", "them");
/// "was" or "were".
pub const WAS: Noun = Noun::new("was", "were");

/// Aborted errors, beside carrier errors.
pub const ABORTED_ONE: Noun = Noun::new("aborted one", "aborted ones");
/// Alerts of the drop monitor.
pub const ALERT: Noun = Noun::new("alert", "alerts");
/// Bytes.
pub const BYTE: Noun = Noun::new("byte", "bytes");
/// Carrier errors.
pub const CARRIER_ERROR: Noun = Noun::new("carrier error", "carrier errors");
/// CHILD_SAs.
pub const CHILD_SA: Noun = Noun::new("CHILD_SA", "CHILD_SAs");
/// Files that cannot be read any more.
pub const DAMAGED_FILE: Noun = Noun::new("damaged file", "damaged files");
/// Lines that cannot be read any more.
pub const DAMAGED_LINE: Noun = Noun::new("damaged line", "damaged lines");
/// Drops.
pub const DROP: Noun = Noun::new("drop", "drops");
/// Episodes of losses.
pub const EPISODE: Noun = Noun::new("episode", "episodes");
/// Errors.
pub const ERROR: Noun = Noun::new("error", "errors");
/// Findings.
pub const FINDING: Noun = Noun::new("finding", "findings");
/// Flows.
pub const FLOW: Noun = Noun::new("flow", "flows");
/// Gaps.
pub const GAP: Noun = Noun::new("gap", "gaps");
/// IKE_SAs.
pub const IKE_SA: Noun = Noun::new("IKE_SA", "IKE_SAs");
/// Entries of a list.
pub const ENTRY: Noun = Noun::new("entry", "entries");
/// Packets from the peer.
pub const INBOUND_PACKET: Noun = Noun::new("inbound packet", "inbound packets");
/// Lines of text.
pub const LINE: Noun = Noun::new("line", "lines");
/// Further facts of a finding.
pub const MORE_FACT: Noun = Noun::new("more fact", "more facts");
/// Further interfaces.
pub const MORE_INTERFACE: Noun = Noun::new("more interface", "more interfaces");
/// Further lines of text.
pub const MORE_LINE: Noun = Noun::new("more line", "more lines");
/// Further rules.
pub const MORE_RULE: Noun = Noun::new("more rule", "more rules");
/// Packets.
pub const PACKET: Noun = Noun::new("packet", "packets");
/// Records of the journal.
pub const RECORD: Noun = Noun::new("record", "records");
/// Routes.
pub const ROUTE: Noun = Noun::new("route", "routes");
/// SAs.
pub const SA: Noun = Noun::new("SA", "SAs");
/// Rules.
pub const RULE: Noun = Noun::new("rule", "rules");
/// Elements of a set of nftables.
pub const ELEMENT: Noun = Noun::new("element", "elements");
/// Drops of tunnels' packets.
pub const TUNNEL_DROP: Noun = Noun::new("tunnel drop", "tunnel drops");
/// How often something was done.
pub const TIME: Noun = Noun::new("time", "times");
/// Transmit errors.
pub const TRANSMIT_ERROR: Noun = Noun::new("transmit error", "transmit errors");
/// Drops of other packets.
pub const UNRELATED_DROP: Noun = Noun::new("unrelated drop", "unrelated drops");
/// VTIs.
pub const VTI: Noun = Noun::new("VTI", "VTIs");

impl Noun {
    /// A noun of these two forms.
    pub const fn new(one: &'static str, many: &'static str) -> Self {
        Self { one, many }
    }

    /// The form for so many, without the number.
    pub fn word(self, number: impl TryInto<u64>) -> &'static str {
        if is_one(number) { self.one } else { self.many }
    }

    /// `1 packet`, `2 packets`: exact, for a sentence that is compared with the kernel's counter.
    pub fn of(self, number: impl TryInto<u64> + Copy + fmt::Display) -> String {
        format!("{number} {}", self.word(number))
    }

    /// The same with a large number shortened: `1.8e9 packets`.
    pub fn about(self, number: u64) -> String {
        format!("{} {}", count(number), self.word(number))
    }
}

fn is_one(number: impl TryInto<u64>) -> bool {
    number.try_into().is_ok_and(|number: u64| number == 1)
}

/// A sum that ends at the largest number: what a damaged journal or a stranger's capture counts may be anything.
pub fn sum(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

/// A count as a table has it: exact up to 9,999,999, above that `1.8e9`.
pub fn count(value: u64) -> String {
    if value < 10_000_000 { value.to_string() } else { format!("{:.1e}", value as f64) }
}

/// A duration in milliseconds that was measured: `20 ms`, `0.2 s`, `45 s`, `36 min`, `5 h`, `3 d`, rounded to the nearest. Only no time
/// at all is `0 s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0;
        let whole = |unit: u64| ms / unit + u64::from(ms % unit >= unit / 2);
        // Each unit ends where it would round to a number that the next one says better.
        match ms {
            0 => f.write_str("0 s"),
            1..50 => write!(f, "{ms} ms"),
            50..9_950 => write!(f, "{:.1} s", ms as f64 / 1000.0),
            9_950..119_500 => write!(f, "{} s", whole(SECOND)),
            119_500..7_170_000 => write!(f, "{} min", whole(MINUTE)),
            7_170_000..171_000_000 => write!(f, "{} h", whole(HOUR)),
            _ => write!(f, "{} d", whole(DAY)),
        }
    }
}

impl Span {
    /// ` in 0.2 s`, to follow what happened in it; nothing for a moment without length.
    pub fn within(self) -> String {
        if self.0 == 0 { String::new() } else { format!(" in {self}") }
    }
}

/// A length that was chosen, not measured, exactly as it is: `2 s`, `90 s`, `15 min`, `1 d`.
pub fn length(milliseconds: u64) -> String {
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")];
    let unit = units.into_iter().find(|(ms, _)| milliseconds >= *ms && milliseconds % ms == 0);
    match unit {
        Some((ms, name)) => format!("{} {name}", milliseconds / ms),
        None => Span(milliseconds).to_string(),
    }
}

/// How long ago, in the largest unit that fills, as narrow as a table wants it: `45s`, `36m`, `5h`, `3d`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Events a second: `12/s`, below ten `0.3/s`; none where no time passed, and for what is too seldom for a rate.
pub fn rate(events: u64, milliseconds: u64) -> Option<String> {
    let per_second = events as f64 * 1000.0 / milliseconds as f64;
    match milliseconds {
        0 => None,
        _ if events == 0 => Some("0/s".to_string()),
        _ if per_second >= 9.95 => Some(format!("{}/s", count(per_second.round() as u64))),
        _ if per_second >= 0.1 => Some(format!("{per_second:.1}/s")),
        _ => None,
    }
}

/// The rate, and seldom events as they are: `1 in 60 s`. None where no time passed.
pub fn frequency(events: u64, milliseconds: u64) -> Option<String> {
    let seldom = || (milliseconds > 0).then(|| format!("{events}{}", Span(milliseconds).within()));
    rate(events, milliseconds).or_else(seldom)
}

/// A part of a whole: in percent from 0.1 % on, rounded down so that not all is never `100 %`; below that the two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The part.
    pub part: u64,
    /// What it is a part of.
    pub whole: u64,
}

impl Share {
    /// In thousandths; none where there is no whole.
    fn permille(self) -> Option<u128> {
        (u128::from(self.part) * 1000).checked_div(self.whole.into())
    }

    /// `12 %`, `0.3 %`; none for less, which is no percentage that says anything.
    pub fn percent(self) -> Option<String> {
        match self.permille()? {
            0 => (self.part == 0).then(|| "0 %".to_string()),
            permille @ 1..10 => Some(format!("0.{permille} %")),
            permille => Some(format!("{} %", permille / 10)),
        }
    }

    /// `12 % of the packets`, `59 of 1.8e9 packets`.
    pub fn of(self, noun: Noun) -> String {
        match self.percent() {
            Some(percent) => format!("{percent} of the {}", noun.many),
            None => format!("{} {}", self.of_whole(), noun.word(self.whole)),
        }
    }

    fn of_whole(self) -> String {
        format!("{} of {}", count(self.part), count(self.whole))
    }
}

/// `12 %`, `0.3 %`, `59 of 1.8e9`
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.percent().unwrap_or_else(|| self.of_whole()))
    }
}

/// A key that sorts names by their numbers: `vti2` before `vti10`.
pub fn natural(name: &str) -> (String, u64, String) {
    let digits = name.len() - name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (stem, number) = name.split_at(digits);
    (stem.into(), number.parse().unwrap_or(0), name.into())
}

/// An address in words. Those of IPv4 are put together here: a report has thousands of them, and the standard library's formatter takes ten
/// times as long for one.
pub fn address(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity("255.255.255.255".len());
    for octet in address.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        for (unit, is_first) in [(100, false), (10, false), (1, true)] {
            if is_first || octet >= unit {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_the_standard_library_writes_it() {
        let octets = [0, 1, 9, 10, 19, 99, 100, 101, 110, 199, 200, 255];
        for (a, b) in octets.into_iter().flat_map(|a| octets.map(|b| (a, b))) {
            let of_four = IpAddr::from([a, b, 255 - a, 255 - b]);
            assert_eq!(address(of_four), of_four.to_string());
        }
        let of_six: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(address(of_six), "2001:db8::1");
    }
    use proptest::prelude::*;

    #[test]
    fn nouns_agree_with_their_numbers() {
        assert_eq!(PACKET.of(0), "0 packets");
        assert_eq!(PACKET.of(1_usize), "1 packet");
        assert_eq!(ERROR.of(2_u64), "2 errors");
        assert_eq!(PACKET.about(1_800_000_000), "1.8e9 packets");
        assert_eq!((WAS.word(1), ITS.word(3_u32)), ("was", "their"));
    }

    #[test]
    fn counts_are_exact_up_to_seven_digits() {
        assert_eq!(count(0), "0");
        assert_eq!(count(9_999_999), "9999999");
        assert_eq!(count(10_000_000), "1.0e7");
        assert_eq!(count(1_800_000_000), "1.8e9");
        assert_eq!(count(u64::MAX), "1.8e19");
    }

    #[test]
    fn spans_are_read_in_the_unit_that_fills() {
        for (ms, words) in [
            (0, "0 s"),
            (20, "20 ms"),
            (50, "0.1 s"),
            (149, "0.1 s"),
            (151, "0.2 s"),
            (9_949, "9.9 s"),
            (9_999, "10 s"),
            (45_400, "45 s"),
            (119_499, "119 s"),
            (119_500, "2 min"),
            (2_160_000, "36 min"),
            (7_169_999, "119 min"),
            (18_000_000, "5 h"),
            (172_800_000, "2 d"),
            (u64::MAX, "213503982335 d"),
        ] {
            assert_eq!(Span(ms).to_string(), words, "{ms}");
        }
        assert_eq!((Span(200).within().as_str(), Span(0).within().as_str()), (" in 0.2 s", ""));
    }

    #[test]
    fn chosen_lengths_are_said_as_they_are() {
        for (ms, words) in [
            (2000, "2 s"),
            (90_000, "90 s"),
            (900_000, "15 min"),
            (3_600_000, "1 h"),
            (DAY, "1 d"),
            (1500, "1.5 s"),
            (0, "0 s"),
        ] {
            assert_eq!(length(ms), words, "{ms}");
        }
    }

    #[test]
    fn ages_are_narrow() {
        assert_eq!([0, 119, 120, 7200, 172_800].map(age), ["0s", "119s", "2m", "2h", "2d"]);
    }

    #[test]
    fn rates_are_rounded_once() {
        let rates = [(120, 10_000, "12/s"), (5, 588, "8.5/s"), (3, 10_000, "0.3/s"), (0, 9, "0/s")];
        for (events, ms, words) in rates {
            assert_eq!(rate(events, ms).unwrap(), words);
            assert_eq!(frequency(events, ms).unwrap(), words);
        }
        assert_eq!(rate(1, 60_000), None);
        assert_eq!(frequency(1, 60_000).unwrap(), "1 in 60 s");
        assert_eq!((rate(5, 0), frequency(5, 0)), (None, None));
    }

    #[test]
    fn shares_are_percent_where_that_says_something() {
        let share = |part, whole| Share { part, whole };
        assert_eq!(share(10, 100).to_string(), "10 %");
        assert_eq!(share(9_999, 10_000).to_string(), "99 %");
        assert_eq!(share(3, 1000).to_string(), "0.3 %");
        assert_eq!(share(1, 1000).to_string(), "0.1 %");
        assert_eq!(share(59, 1_820_000_000).to_string(), "59 of 1.8e9");
        assert_eq!(share(0, 7).to_string(), "0 %");
        assert_eq!(share(3, 0).to_string(), "3 of 0");
        assert_eq!(share(3, 8).of(PACKET), "37 % of the packets");
        assert_eq!(share(59, 1_820_000_000).of(PACKET), "59 of 1.8e9 packets");
    }

    #[test]
    fn names_sort_by_their_numbers() {
        let mut names = ["vti10", "vti2", "xfrm0", "vti", "vti02"];
        names.sort_by_cached_key(|name| natural(name));
        assert_eq!(names, ["vti", "vti02", "vti2", "vti10", "xfrm0"]);
    }

    /// The number that a text begins with.
    fn leading(text: &str) -> f64 {
        text.split(['/', ' ']).next().unwrap().parse().unwrap()
    }

    const NOUNS: [Noun; 28] = [
        ABORTED_ONE,
        BYTE,
        CARRIER_ERROR,
        CHILD_SA,
        DAMAGED_FILE,
        DAMAGED_LINE,
        DROP,
        EPISODE,
        ERROR,
        FINDING,
        FLOW,
        GAP,
        IKE_SA,
        ENTRY,
        LINE,
        MORE_FACT,
        MORE_INTERFACE,
        MORE_LINE,
        MORE_RULE,
        PACKET,
        RECORD,
        ROUTE,
        SA,
        RULE,
        ELEMENT,
        TIME,
        TRANSMIT_ERROR,
        VTI,
    ];

    proptest! {
        #[test]
        fn one_is_singular_and_everything_else_plural(number in prop_oneof![Just(1), 0u64..20, any::<u64>()]) {
            for noun in NOUNS {
                for text in [noun.of(number), noun.about(number)] {
                    prop_assert_eq!(text.ends_with('s'), number != 1, "{}", text);
                }
            }
        }

        #[test]
        fn what_took_time_is_never_said_to_have_taken_none(ms in prop_oneof![1u64..200_000, 1..=u64::MAX]) {
            for text in [Span(ms).to_string(), length(ms)] {
                prop_assert!(leading(&text) > 0.0, "{} is {}", ms, text);
            }
            prop_assert!(frequency(1, ms).is_some_and(|text| leading(&text) > 0.0));
        }

        #[test]
        fn spans_are_right_within_a_rounding(ms in 1u64..=u64::MAX / 2) {
            let text = Span(ms).to_string();
            let unit = match text.rsplit(' ').next().unwrap() {
                "ms" => 1, "s" => SECOND, "min" => MINUTE, "h" => HOUR, _ => DAY,
            };
            let said = leading(&text) * unit as f64;
            prop_assert!((said / ms as f64 - 1.0).abs() < 0.5, "{} is {}", ms, text);
        }

        #[test]
        fn a_share_of_some_is_neither_none_nor_all(whole in 2u64.., part in 1u64..) {
            let part = part % (whole - 1) + 1;
            let text = Share { part, whole }.to_string();
            prop_assert!(leading(&text) > 0.0 && text != "100 %", "{} of {}: {}", part, whole, text);
        }
    }
}
