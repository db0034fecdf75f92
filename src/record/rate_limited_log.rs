//! The lines for the system's journal, a bounded number of them in a minute.

use crate::code;
use crate::report::Verdict;
use crate::snapshot::recorded::Episode;
use crate::timeline::{Finding, Moment};
use crate::units::{MORE_LINE, PACKET, Span, WAS};

/// Lines in a minute; a router with a thousand tunnels may have as much to say at once.
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

    /// Says a line, or counts it where there were too many.
    pub fn line(&mut self, now: Moment, line: &str) {
        if now.since(self.since) >= MINUTE_MS {
            if self.withheld > 0 {
                let (lines, were) = (MORE_LINE.of(self.withheld), WAS.word(self.withheld));
                (self.say)(&format!("{lines} {were} left out"));
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

/// An episode that is over, in one line.
pub(super) fn ended(episode: &Episode) -> String {
    let lasted = Span(episode.ended_ms.saturating_sub(episode.began_ms));
    let cause = episode.causes.first().map_or_else(String::new, |cause| {
        format!(", {}: {}", code::shown(cause.code), cause.summary)
    });
    let lost = PACKET.of(episode.lost);
    format!("{}: {lost} lost{}{cause}", episode.interface, lasted.within())
}

/// A verdict, in one line.
pub(super) fn verdict(verdict: Verdict, first: Option<&Finding>) -> String {
    match first {
        Some((code, summary)) => format!("{verdict}, {}: {summary}", code),
        None => verdict.to_string(),
    }
}
