//! The lines of `monitor`: what it follows since when, then a line for each change.

use super::clock::Clock;
use super::escape::padded;
use super::page::columns;
use crate::report::monitor::{Change, First, Judgement, Turn, What, Whole};
use crate::report::time::Time;
use crate::units::{PACKET, Span, VTI, length, rate};

/// Lines, with a date where a day begins.
#[derive(Debug)]
pub struct Lines {
    clock: Clock,
    day: String,
}

impl Lines {
    /// No line yet.
    pub const fn new(clock: Clock) -> Self {
        Self { clock, day: String::new() }
    }

    /// The lines of a sample, without line ends; none where nothing changed.
    pub fn of(&mut self, turn: &Turn) -> Vec<String> {
        let mut lines = Vec::new();
        let today = self.clock.date(turn.at);
        match &turn.first {
            Some(first) => lines.push(self.first(turn.at, *first)),
            None if !turn.changes.is_empty() && today != self.day => lines.push(today.clone()),
            None => {}
        }
        if turn.first.is_some() || !turn.changes.is_empty() {
            self.day = today;
        }
        let widths = turn.changes.iter().map(|change| columns(&change.subject));
        let width = widths.max().unwrap_or_default();
        let time = self.clock.time(turn.at);
        let line = |Change { subject, what }: &Change| {
            format!("{time}  {}  {}", padded(subject, width), sentence(what))
        };
        lines.extend(turn.changes.iter().map(line));
        lines
    }

    /// `2026-11-23, times are UTC. 3 VTIs, every 2 s until Ctrl-C:`
    fn first(&self, at: Time, First { vtis, interval_ms }: First) -> String {
        let (date, zone) = (self.clock.date(at), self.clock.offset(at));
        let every = length(interval_ms);
        format!("{date}, times are {zone}. {}, every {every} until Ctrl-C:", VTI.of(vtis))
    }
}

/// One change in words.
pub fn sentence(what: &What) -> String {
    match what {
        What::Unreadable(why) => format!("the interfaces cannot be read: {why}"),
        What::Appeared(now) => whole(now),
        What::Recreated(now) => format!("recreated: {}", whole(now)),
        What::LinkDeleted(now) => format!("deleted: {}", whole(now)),
        What::Deleted => "deleted".to_string(),
        What::State { name, from, to } => {
            format!("{name} {} -> {to}", from.as_deref().unwrap_or("not read"))
        }
        What::Verdict(judged) => judgement(judged),
        What::Losing { packets, milliseconds } => {
            let rate = rate(*packets, *milliseconds);
            let rate = rate.map_or_else(String::new, |rate| format!(" ({rate})"));
            format!("losing packets: {packets}{}{rate}", Span(*milliseconds).within())
        }
        What::NoMoreLosses { packets, milliseconds } => {
            format!("no more losses: {}{}", PACKET.of(*packets), Span(*milliseconds).within())
        }
    }
}

/// `admin up, link unknown, IKE ESTABLISHED, CHILD_SA INSTALLED: ok`; the verdict alone where there is no link.
fn whole(whole: &Whole) -> String {
    let states: Vec<String> =
        whole.states.iter().map(|(name, state)| format!("{name} {state}")).collect();
    let separator = if states.is_empty() { "" } else { ": " };
    format!("{}{separator}{}", states.join(", "), judgement(&whole.judgement))
}

/// `FAULT, VTI-111: …`
fn judgement(Judgement { verdict, finding }: &Judgement) -> String {
    match finding {
        Some((code, summary)) => format!("{verdict}, {code}: {summary}"),
        None => verdict.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    /// 2026-11-16T23:59:58Z
    const EVENING: u64 = 1_794_873_598_000;

    fn turn(after_s: u64, first: Option<First>, subjects: &[&str]) -> Turn {
        let gone = |name: &&str| Change { subject: name.to_string(), what: What::Deleted };
        let changes = subjects.iter().map(gone).collect();
        Turn { at: Time(EVENING + after_s * 1000), first, changes }
    }

    #[test]
    fn the_date_is_said_at_first_and_with_the_first_change_of_a_day() {
        let mut lines = Lines::new(Clock::new(TimeZone::UTC));
        let first = Some(First { vtis: 1, interval_ms: 2000 });
        assert_eq!(
            lines.of(&turn(0, first, &["vti1"])),
            [
                "2026-11-16, times are UTC. 1 VTI, every 2 s until Ctrl-C:",
                "23:59:58  vti1  deleted"
            ]
        );
        assert!(lines.of(&turn(2, None, &[])).is_empty());
        assert_eq!(
            lines.of(&turn(4, None, &["vti1", "vti10"])),
            ["2026-11-17", "00:00:02  vti1   deleted", "00:00:02  vti10  deleted"]
        );
        assert_eq!(lines.of(&turn(6, None, &["vti1"])), ["00:00:04  vti1  deleted"]);
    }

    #[test]
    fn losses_have_a_rate_where_they_are_not_too_seldom() {
        let losing = |packets, milliseconds| sentence(&What::Losing { packets, milliseconds });
        assert_eq!(losing(24, 2000), "losing packets: 24 in 2.0 s (12/s)");
        assert_eq!(losing(1, 60_000), "losing packets: 1 in 60 s");
        let over = What::NoMoreLosses { packets: 1, milliseconds: 0 };
        assert_eq!(sentence(&over), "no more losses: 1 packet");
    }
}
