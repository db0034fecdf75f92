//! The lines for the system's journal, at most a fixed number of them in a minute. Their forms are a contract with programs that wait for them (VyOS's
//! `service event-handler`), and are described in vti-diagnostics-recorder(8).

use crate::code::{self, Code};
use crate::report::Verdict;
use crate::snapshot::Direction;
use crate::snapshot::recorded::Episode;
use crate::timeline::{Finding, Moment};
use crate::units::{INBOUND_PACKET, MORE_LINE, PACKET, Span, WAS};

/// Most lines in a minute; a router with a thousand tunnels may have that many at the same time.
const MOST: u32 = 30;
const MINUTE_MS: u64 = 60_000;

/// Where lines go.
pub(super) struct RateLimitedLog<'a> {
    say: &'a mut dyn FnMut(&str),
    since: Moment,
    said: u32,
    withheld: u32,
}

impl<'a> RateLimitedLog<'a> {
    pub fn new(say: &'a mut dyn FnMut(&str), now: Moment) -> Self {
        Self { say, since: now, said: 0, withheld: 0 }
    }

    /// Writes a line, or only counts it where there were too many.
    pub fn line(&mut self, now: Moment, line: &str) {
        if now.since(self.since) >= MINUTE_MS {
            if self.withheld > 0 {
                let (lines, were) = (MORE_LINE.of(self.withheld), WAS.word(self.withheld));
                (self.say)(&format!("{lines} {were} left out during the last minute"));
            }
            (self.since, self.said, self.withheld) = (now, 0, 0);
        }
        if self.said < MOST {
            self.said += 1;
            (self.say)(line);
        } else {
            self.withheld += 1;
        }
    }
}

/// The line for losses that begin.
pub(super) fn began(interface: &str, direction: Direction, lost: u64) -> String {
    let inbound = if direction == Direction::In { "inbound " } else { "" };
    format!("{interface}: losing {inbound}packets, {} so far", PACKET.of(lost))
}

/// The line for a finding that was logged and no longer holds.
pub(super) fn cleared(interface: &str, code: Code) -> String {
    format!("{interface}: cleared {code}")
}

/// The line for a verdict on an interface.
pub(super) fn judged(interface: &str, words: &str) -> String {
    format!("{interface}: {words}")
}

/// The line for an episode that has ended.
pub(super) fn ended(episode: &Episode) -> String {
    let lasted = Span(episode.ended_ms.saturating_sub(episode.began_ms));
    let cause = episode.causes.first().map_or_else(String::new, |cause| {
        format!(", {}: {}", code::shown(cause.code), cause.summary)
    });
    let noun = if episode.inbound { INBOUND_PACKET } else { PACKET };
    let lost = noun.of(episode.lost);
    format!("{}: {lost} lost{}{cause}", episode.interface, lasted.within())
}

/// A verdict in words.
pub(super) fn verdict(verdict: Verdict, first: Option<&Finding>) -> String {
    match first {
        Some((code, summary)) => format!("{verdict}, {}: {summary}", code),
        None => verdict.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::recorded::Cause;
    use regex::Regex;

    /// Each form of a line, as it is documented.
    fn lines() -> [String; 7] {
        let cause = Cause { code: 912, lost: 3, summary: "s".into(), gaps: 1, gap_ms: None };
        let episode = Episode {
            interface: "vti1".into(),
            ended_ms: 2000,
            lost: 3,
            causes: vec![cause],
            ..Episode::default()
        };
        let no_sa = (Code::NoSecurityAssociation, "no SA to 192.0.2.1".to_owned());
        [
            judged("vti1", &verdict(Verdict::Fault, Some(&no_sa))),
            cleared("vti1", Code::NoSecurityAssociation),
            judged("vti1", &verdict(Verdict::Ok, None)),
            began("vti1", Direction::Out, 1),
            ended(&episode),
            began("vti1", Direction::In, 1),
            ended(&Episode { inbound: true, ..episode }),
        ]
    }

    #[test]
    fn the_forms_of_lines_stay() {
        assert_eq!(
            lines(),
            [
                "vti1: FAULT, VTI-111: no SA to 192.0.2.1",
                "vti1: cleared VTI-111",
                "vti1: ok",
                "vti1: losing packets, 1 packet so far",
                "vti1: 3 packets lost in 2.0 s, VTI-912: s",
                "vti1: losing inbound packets, 1 packet so far",
                "vti1: 3 inbound packets lost in 2.0 s, VTI-912: s",
            ]
        );
    }

    /// The patterns of the example match the lines that raise and clear, and no other. VyOS's event handler matches whole lines
    /// (vyos-1x, src/system/vyos-event-handler.py: `fullmatch`).
    #[test]
    fn the_example_for_vyos_waits_for_these_lines() {
        let example = include_str!("../../monitoring/vyos-event-handler.txt");
        let pattern = |event: &str| {
            let start = format!("set service event-handler event {event} filter pattern '");
            let rest = example.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
            Regex::new(&format!("^(?:{})$", rest.strip_suffix('\'').unwrap())).unwrap()
        };
        let [raise, clear] = [pattern("vti-raise"), pattern("vti-clear")];
        let only = |at: usize| std::array::from_fn(|line| line == at);
        assert_eq!(lines().map(|line| raise.is_match(&line)), only(0));
        assert_eq!(lines().map(|line| clear.is_match(&line)), only(1));
    }
}
