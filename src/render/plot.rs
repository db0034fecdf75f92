//! A plot of losses over time in ASCII, for a serial console. Under the axis, a letter for each episode where it began.

use super::axis::Axis;
use super::page::Page;
use crate::report::history::LossReport;
use crate::report::time::Time;
use crate::units::count;

/// Lines of the plot itself.
const HEIGHT: usize = 5;
/// Episodes that begin in one column, one below the other.
const DEPTH: usize = 3;
/// If the largest value is so many times the smallest, a linear scale would show only the largest.
const WIDE: u64 = 50;

/// An episode under the axis.
pub(super) struct Mark {
    pub letter: char,
    pub began: Time,
    /// None: it has not ended.
    pub ended: Option<Time>,
}

/// Writes the plot of losses, called `what` under it.
pub(super) fn plot(
    page: &mut Page,
    axis: &Axis<'_>,
    what: &str,
    losses: &[LossReport],
    marks: &[Mark],
) {
    let mut bars = vec![0u64; axis.columns()];
    for loss in losses {
        let bar = axis.column(loss.at).and_then(|column| bars.get_mut(column));
        if let Some(bar) = bar {
            *bar = bar.saturating_add(loss.packets_lost);
        }
    }
    let scale = Scale::of(&bars);
    let heights: Vec<usize> = bars.iter().map(|bar| scale.height(*bar)).collect();
    for line in (1..=HEIGHT).rev() {
        let number = match line {
            HEIGHT => count(scale.most),
            1 if scale.is_logarithmic() => count(scale.least),
            _ => String::new(),
        };
        let drawn = heights.iter().map(|height| if *height >= line { '#' } else { ' ' });
        page.line(0, &format!("{number:>LABEL$} |{}", drawn.collect::<String>()));
    }
    let labels = axis.labels();
    let mut rule = vec!['-'; axis.columns()];
    let mut under = String::new();
    let room = page.room(LABEL + 2);
    for label in &labels {
        let fits = label.column + label.text.len() <= room;
        if let Some(tick) = rule.get_mut(label.column).filter(|_| fits) {
            *tick = '+';
            under.push_str(&" ".repeat(label.column.saturating_sub(under.len())));
            under.push_str(&label.text);
        }
    }
    page.line(0, &format!("{:>LABEL$} +{}", "0", rule.iter().collect::<String>()));
    page.line(LABEL + 2, &under);
    for line in letters(axis, marks) {
        page.line(LABEL + 2, &line);
    }
    let word = if scale.is_logarithmic() { "logarithmic" } else { "linear" };
    page.paragraph(LABEL + 2, &format!("{what} in each {}, {word} scale", axis.step()));
}

/// Columns at the left of a plot with the axis; the rest of the page is for time.
pub(super) const MARGIN: usize = LABEL + 2;
/// The longest number is `9999999`.
const LABEL: usize = 7;

/// How high a bar is.
struct Scale {
    least: u64,
    most: u64,
}

impl Scale {
    fn of(bars: &[u64]) -> Self {
        let least = bars.iter().copied().filter(|bar| *bar > 0).min().unwrap_or(0);
        Self { least, most: bars.iter().copied().max().unwrap_or(0) }
    }

    const fn is_logarithmic(&self) -> bool {
        self.most / WIDE >= self.least && self.least > 0
    }

    /// At least one line for a loss, and all lines only for the largest value.
    fn height(&self, bar: u64) -> usize {
        if bar == 0 {
            return 0;
        }
        let lines = (HEIGHT - 1) as f64;
        let share = if self.is_logarithmic() {
            let least = self.least as f64;
            (bar as f64 / least).ln() / (self.most as f64 / least).ln()
        } else {
            // The first line stands for a fifth.
            (bar as f64 / self.most as f64 * HEIGHT as f64 - 1.0).max(0.0) / lines
        };
        1 + (share * lines).round().min(lines) as usize
    }
}

/// The lines of letters, each followed by dashes as long as the episode lasted.
fn letters(axis: &Axis<'_>, marks: &[Mark]) -> Vec<String> {
    let mut lines = vec![vec![' '; axis.columns()]; DEPTH];
    for mark in marks {
        let last = axis.columns().saturating_sub(1);
        let ended = mark.ended.map_or(last, |ended| axis.column(ended).unwrap_or(last));
        let began = axis.column(mark.began).unwrap_or(0);
        let free = lines.iter_mut().find(|line| line.get(began) == Some(&' '));
        match free {
            Some(line) => {
                let span = line.iter_mut().take(ended.saturating_add(1)).skip(began);
                span.for_each(|cell| *cell = '-');
                line.iter_mut().skip(began).take(1).for_each(|cell| *cell = mark.letter);
            }
            // More than there is room for.
            None => {
                let cell = lines.last_mut().and_then(|line| line.get_mut(began));
                cell.into_iter().for_each(|cell| *cell = '+');
            }
        }
    }
    let lines = lines.into_iter().map(|line| line.into_iter().collect::<String>());
    lines.filter(|line| !line.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::*;
    use jiff::tz::TimeZone;

    /// 2026-11-16T00:00:00Z
    const MONDAY: u64 = 1_794_787_200_000;

    fn drawn(losses: &[(u64, u64)], marks: &[Mark]) -> String {
        let clock = Clock::new(TimeZone::UTC);
        let axis = Axis::new(&clock, (Time(MONDAY), Time(MONDAY + 30_000)), 40);
        let losses: Vec<LossReport> = losses
            .iter()
            .map(|(s, lost)| LossReport { at: Time(MONDAY + s * 1000), packets_lost: *lost })
            .collect();
        let mut page = Page::new(60);
        plot(&mut page, &axis, "packets lost", &losses, marks);
        page.finish()
    }

    fn mark(letter: char, began: u64, ended: Option<u64>) -> Mark {
        let at = |s: u64| Time(MONDAY + s * 1000);
        Mark { letter, began: at(began), ended: ended.map(at) }
    }

    #[test]
    fn equal_scales_are_linear() {
        let text = drawn(&[(1, 10), (3, 5), (5, 1), (5, 1), (40, 9)], &[]);
        let expected = "     10 | #\n        | #\n        | # #\n        | # #\n        | # # #\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("packets lost in each 1 s, linear scale\n"), "{text}");
    }

    #[test]
    fn few_beside_many_are_seen() {
        let text = drawn(&[(1, 10_000), (3, 100), (5, 1)], &[]);
        let expected =
            "  10000 | #\n        | #\n        | # #\n        | # #\n      1 | # # #\n      0 +";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("logarithmic scale\n"), "{text}");
    }

    #[test]
    fn letters_stand_where_episodes_began_and_dashes_while_they_lasted() {
        let marks = [
            mark('a', 2, Some(2)),
            mark('b', 2, Some(5)),
            mark('c', 2, Some(2)),
            mark('d', 2, Some(2)),
            mark('e', 9, Some(11)),
            mark('f', 26, None),
        ];
        let text = drawn(&[(2, 1)], &marks);
        let lines: Vec<&str> = text.lines().skip(7).take(3).map(|line| &line[9..]).collect();
        assert_eq!(lines, ["  a      e--              f----", "  b---", "  +"]);
    }

    #[test]
    fn any_number_of_packets_can_be_drawn() {
        let text = drawn(&[(1, u64::MAX), (1, u64::MAX), (2, 1)], &[]);
        assert!(text.starts_with(" 1.8e19 | #\n"), "{text}");
    }
}
