//! The report of `history` as text: for each interface a plot of its losses, its episodes and remarks, and the kernel's messages around the
//! last episodes.

use super::axis::Axis;
use super::clock::Clock;
use super::history_path;
use super::page::{GAP, Page};
use super::plot::{self, Mark};
use super::table;
use crate::code::Code;
use crate::report::history::{
    CauseReport, End, EpisodeReport, HistoryRemark, HistoryReport, InterfaceHistory, LossReport,
    PathEpisode,
};
use crate::report::time::Time;
use crate::units::{self, EPISODE, PACKET, Span, count};
use std::collections::BTreeMap;

/// Most rows of a table, and most episodes with their events, unless `detail` asks for all: the last ones.
const MOST_ROWS: usize = 20;
const MOST_WITH_EVENTS: usize = 3;
/// Most rows of a table with `detail`. Remarks on all interfaces are in each table, so there are more rows than records.
const MOST_ROWS_IN_DETAIL: usize = 1000;
/// Most quoted bytes in a table, and the length of text after which no further interface is started.
const MOST_TEXT: usize = 4 << 20;

/// The names of episodes; the last episodes get them.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The report for lines of at most `width` columns; complete with `detail`.
pub fn history(report: &HistoryReport, clock: &Clock, width: usize, detail: bool) -> String {
    let mut page = Page::new(width);
    let (Some(since), Some(until)) = (report.recorded_since, report.recorded_until) else {
        nothing_yet(&mut page, report);
        if !report.remarks.is_empty() {
            remarks(&mut page, clock, report, detail);
        }
        return page.finish();
    };
    page.paragraph(0, &covered(report, clock, (since, until)));
    let from = report.from.map_or(since, |from| from.max(since));
    let is_lossy = |interface: &InterfaceHistory| {
        let of_path = interface.lost_on_the_way.as_ref();
        !interface.episodes.is_empty() || of_path.is_some_and(|path| path.packets_lost > 0)
    };
    // All healthy tunnels of a site would be a long list of nothing.
    let has_news = |interface: &&InterfaceHistory| {
        let of_path = interface.lost_on_the_way.as_ref();
        is_lossy(interface)
            || !interface.remarks.is_empty()
            || of_path.is_some_and(|path| path.packets_unmeasured > 0 || report.interface.is_some())
    };
    let interfaces: Vec<&InterfaceHistory> = report.interfaces.iter().filter(has_news).collect();
    if !report.interfaces.iter().any(is_lossy) {
        let has_none = report.remarks.is_empty() && interfaces.is_empty();
        page.paragraph(0, &nothing(report, clock, (from, until), has_none));
    }
    if interfaces.is_empty() && !report.remarks.is_empty() {
        remarks(&mut page, clock, report, detail);
    }
    for (n, interface) in interfaces.iter().enumerate() {
        page.blank();
        if page.length() > MOST_TEXT {
            let more = units::VTI.of(interfaces.len() - n);
            page.paragraph(
                0,
                &format!("Not shown, because the text would be too long: {more}. {HOW_TO_SEE}"),
            );
            break;
        }
        page.paragraph(0, &headline(interface));
        let shown = rows(interface, &report.remarks, detail);
        // Both plots have one axis, so that what happened together stands one above the other.
        let axis =
            Axis::new(clock, span(report, interface, (since, until)), page.room(plot::MARGIN));
        if !interface.episodes.is_empty() {
            let marks: Vec<Mark> = shown.iter().filter_map(Row::mark).collect();
            plot::plot(&mut page, &axis, "packets lost", &losses(interface), &marks);
            if interface.lost_on_the_way.is_some() {
                page.blank();
            }
        }
        if let Some(path) = &interface.lost_on_the_way {
            let marks: Vec<Mark> = shown.iter().filter_map(Row::path_mark).collect();
            history_path::path(&mut page, &axis, path, &marks);
        }
        let of_path = interface.lost_on_the_way.as_ref().map_or(0, |path| path.episodes.len());
        let all =
            of_path + interface.episodes.len() + interface.remarks.len() + report.remarks.len();
        if all > 0 {
            page.blank();
        }
        left_out(&mut page, (shown.len(), all), detail);
        if !shown.is_empty() {
            table(&mut page, clock, &shown);
        }
        events(&mut page, clock, &shown, detail);
    }
    page.finish()
}

/// How to see what is left out.
const HOW_TO_SEE: &str =
    "To show one VTI: --interface; a shorter time: --since; everything: --format json.";

/// The remarks, where there is no interface to list them with.
fn remarks(page: &mut Page, clock: &Clock, report: &HistoryReport, detail: bool) {
    page.blank();
    let none = InterfaceHistory::default();
    let shown = rows(&none, &report.remarks, detail);
    left_out(page, (shown.len(), report.remarks.len()), detail);
    table(page, clock, &shown);
}

/// The line about rows that a table leaves out.
fn left_out(page: &mut Page, (shown, all): (usize, usize), detail: bool) {
    if shown < all {
        let end = if detail { format!(". {HOW_TO_SEE}") } else { ":".to_string() };
        page.paragraph(0, &format!("The last {shown} of {all}{end}"));
    }
}

/// The report on a journal without records.
fn nothing_yet(page: &mut Page, report: &HistoryReport) {
    if report.recorder_running {
        page.paragraph(0, "The recorder is running, but nothing is recorded yet.");
    } else {
        page.paragraph(0, "Nothing is recorded, and the recorder is not running. To start it:");
        page.line(2, "sudo systemctl start vti-diagnostics-recorder");
    }
}

/// The time that the journal covers, and the zone of the times.
fn covered(report: &HistoryReport, clock: &Clock, (since, until): (Time, Time)) -> String {
    let since_when = clock.date_and_time(since);
    let span = match report.recorder_running {
        true => format!("Recorded since {since_when}; the recorder is running."),
        false => {
            let end = match report.recorder_stopped {
                Some(_) => "it was stopped then",
                None => "it was killed after that",
            };
            let until_when = clock.date_and_time(until);
            format!(
                "Recorded from {since_when} to {until_when}; the recorder is not running: {end}."
            )
        }
    };
    let shown = report
        .from
        .filter(|from| *from > since)
        .map_or_else(String::new, |from| format!(" Shown from {} on.", clock.date_and_time(from)));
    let (first, last) = (clock.offset(since), clock.offset(until));
    let zone = if first == last {
        first
    } else {
        format!("{first} at the beginning and {last} at the end")
    };
    format!("{span}{shown} Times are {zone}.")
}

/// Where there are remarks, perhaps no recorder ran for a while: then the sentence claims no more than what was recorded.
fn nothing(
    report: &HistoryReport,
    clock: &Clock,
    (from, until): (Time, Time),
    has_none: bool,
) -> String {
    let of = report.interface.as_ref().map_or_else(String::new, |name| format!(" on {name}"));
    let [since, to] = [from, until].map(|at| clock.date_and_time(at));
    let span = match report.recorder_running {
        true => format!("since {since}"),
        false if from > until => return format!("Nothing is recorded since {since}."),
        false => format!("from {since} to {to}"),
    };
    if has_none {
        format!("No packets were lost{of} {span}.")
    } else {
        format!("No losses were recorded{of} {span}; remarks:")
    }
}

/// `vti7  60 packets lost in 3 episodes: 57 VTI-911, 3 VTI-912`
fn headline(interface: &InterfaceHistory) -> String {
    let name = &interface.name;
    if interface.episodes.is_empty() {
        return format!("{name}  no packets lost");
    }
    let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
    for cause in interface.episodes.iter().flat_map(|episode| &episode.causes) {
        let sum = codes.entry(&cause.code).or_default();
        *sum = sum.saturating_add(cause.packets_lost);
    }
    let mut codes: Vec<(&str, u64)> = codes.into_iter().collect();
    codes.sort_by_key(|(_, lost)| std::cmp::Reverse(*lost));
    let codes: Vec<String> =
        codes.into_iter().map(|(code, lost)| format!("{} {code}", count(lost))).collect();
    let lost = PACKET.about(interface.packets_lost);
    let episodes = EPISODE.of(interface.episodes.len());
    format!("{name}  {lost} lost in {episodes}: {}", codes.join(", "))
}

/// The time of the plot: where the clock was set back, losses may be before the beginning or after now.
fn span(
    report: &HistoryReport,
    interface: &InterfaceHistory,
    (since, until): (Time, Time),
) -> (Time, Time) {
    let path = || interface.lost_on_the_way.iter();
    let lost = || path().flat_map(|path| path.course.iter().map(|loss| loss.at));
    let of_path = path().flat_map(|path| path.episodes.iter().map(|episode| episode.began));
    let began = interface.episodes.iter().map(|episode| episode.began);
    let began = began.chain(of_path).chain(lost()).min();
    let ended = interface.episodes.iter().map(|episode| episode.ended).chain(lost()).max();
    let since = began.map_or(since, |began| began.min(since));
    let from = report.from.map_or(since, |from| from.max(since));
    (from, ended.map_or(until, |ended| ended.max(until)))
}

/// All losses of an interface; an episode without a course has them at its end.
fn losses(interface: &InterfaceHistory) -> Vec<LossReport> {
    let of = |episode: &EpisodeReport| {
        if episode.course.is_empty() {
            vec![LossReport { at: episode.ended, packets_lost: episode.packets_lost }]
        } else {
            episode.course.clone()
        }
    };
    interface.episodes.iter().flat_map(of).collect()
}

/// An entry at a time.
struct Row<'a> {
    at: Time,
    what: What<'a>,
}

enum What<'a> {
    /// With its letter, if enough letters are left.
    Episode(&'a EpisodeReport, Option<char>),
    /// The same of packets lost on the way.
    Path(&'a PathEpisode, Option<char>),
    Remark(&'a str),
}

impl Row<'_> {
    /// The bytes that it quotes.
    fn length(&self) -> usize {
        match self.what {
            What::Remark(what) => what.len(),
            What::Path(..) => 0,
            What::Episode(episode, _) => {
                let causes = episode.causes.iter().map(|cause| cause.summary.len());
                causes.chain(episode.events.iter().map(|event| event.what.len())).sum()
            }
        }
    }

    fn mark(&self) -> Option<Mark> {
        let What::Episode(episode, Some(letter)) = self.what else { return None };
        let ended = (episode.end != End::Ongoing).then_some(episode.ended);
        Some(Mark { letter, began: episode.began, ended })
    }

    fn path_mark(&self) -> Option<Mark> {
        let What::Path(episode, Some(letter)) = self.what else { return None };
        let ended = (episode.end != End::Ongoing).then_some(episode.ended);
        Some(Mark { letter, began: episode.began, ended })
    }
}

/// Episodes and remarks in the order of their times: the last ones, or all.
fn rows<'a>(
    interface: &'a InterfaceHistory,
    common: &'a [HistoryRemark],
    all: bool,
) -> Vec<Row<'a>> {
    let remarks = interface.remarks.iter().chain(common);
    let remarks = remarks.map(|remark| Row { at: remark.at, what: What::Remark(&remark.what) });
    let episodes = interface.episodes.iter();
    let episodes = episodes.map(|e| Row { at: e.began, what: What::Episode(e, None) });
    let of_path = interface.lost_on_the_way.iter().flat_map(|path| &path.episodes);
    let of_path = of_path.map(|e| Row { at: e.began, what: What::Path(e, None) });
    let mut rows: Vec<Row<'a>> = remarks.chain(episodes).chain(of_path).collect();
    rows.sort_by_key(|row| row.at);
    let most = if all { MOST_ROWS_IN_DETAIL } else { MOST_ROWS };
    let mut room = MOST_TEXT;
    let fits = |row: &&Row<'_>| {
        let is_room = row.length() <= room;
        room = room.saturating_sub(row.length());
        is_room
    };
    let kept = rows.iter().rev().take(most).take_while(fits).count();
    rows.drain(..rows.len() - kept);
    let episodes = |row: &&mut Row<'_>| matches!(row.what, What::Episode(..) | What::Path(..));
    let without = rows.iter_mut().filter(episodes).count().saturating_sub(LETTERS.len());
    let last = rows.iter_mut().filter(episodes).skip(without);
    for (row, next) in last.zip(LETTERS.chars()) {
        if let What::Episode(_, letter) | What::Path(_, letter) = &mut row.what {
            *letter = Some(next);
        }
    }
    rows
}

fn table(page: &mut Page, clock: &Clock, rows: &[Row<'_>]) {
    let mut cells: Vec<[String; 5]> = Vec::new();
    for row in rows {
        let when = clock.date_and_time(row.at);
        let (episode, letter) = match row.what {
            What::Remark(what) => {
                cells.push([String::new(), when, String::new(), String::new(), what.to_string()]);
                continue;
            }
            What::Path(episode, letter) => {
                cells.push([
                    letter.map(String::from).unwrap_or_default(),
                    when,
                    count(episode.packets_lost),
                    format!("{}{}", Span(episode.milliseconds), more(episode.end)),
                    history_path::what(episode),
                ]);
                continue;
            }
            What::Episode(episode, letter) => (episode, letter),
        };
        let more = more(episode.end);
        let mut causes = episode.causes.iter().map(|cause| self::cause(cause, episode));
        let inbound = if episode.inbound { "inbound, " } else { "" };
        cells.push([
            letter.map(String::from).unwrap_or_default(),
            when,
            count(episode.packets_lost),
            format!("{}{more}", Span(episode.milliseconds)),
            format!("{inbound}{}", causes.next().unwrap_or_default()),
        ]);
        cells.extend(
            causes.map(|cause| [String::new(), String::new(), String::new(), String::new(), cause]),
        );
    }
    table::simple(page, 0, ["", "When", "Lost", "Lasted", "What"], &cells);
}

/// What follows the length of an episode.
const fn more(end: End) -> &'static str {
    match end {
        End::Seen => "",
        End::Unseen => " or more",
        End::Ongoing => ", ongoing",
    }
}

/// `VTI-911 reauthentication gap: policy and SAs were removed and installed again (2 gaps, 0.2 s)`; with several causes, each with its
/// packets.
fn cause(cause: &CauseReport, episode: &EpisodeReport) -> String {
    let share = match episode.causes.as_slice() {
        [_] => String::new(),
        _ => format!("{} ", count(cause.packets_lost)),
    };
    let known = cause.code.parse::<Code>().ok();
    let title = known.map_or_else(String::new, |code| format!(" {}", code.title()));
    // One gap that lasted as long as the episode is in the table already.
    let whole = Span(episode.milliseconds).to_string();
    let length = cause.gap_milliseconds.map(|ms| Span(ms).to_string());
    let length = length.filter(|length| cause.gaps > 1 || *length != whole);
    let gaps = (cause.gaps > 1).then(|| units::GAP.of(cause.gaps));
    let measured: Vec<String> = gaps.into_iter().chain(length).collect();
    let measured = match measured.as_slice() {
        [] => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    format!("{share}{}{title}: {}{measured}", cause.code, cause.summary)
}

/// The kernel's messages around the last episodes, or around all.
fn events(page: &mut Page, clock: &Clock, rows: &[Row<'_>], all: bool) {
    const LETTER: usize = 1;
    const TIME: usize = 12;
    let told: Vec<(&EpisodeReport, Option<char>)> = rows
        .iter()
        .filter_map(|row| match row.what {
            What::Episode(episode, letter) if !episode.events.is_empty() => Some((episode, letter)),
            _ => None,
        })
        .collect();
    let most = if all { told.len() } else { MOST_WITH_EVENTS };
    for (episode, letter) in told.iter().skip(told.len().saturating_sub(most)) {
        page.blank();
        let mut letter = letter.map(String::from).unwrap_or_default();
        for event in &episode.events {
            let time = clock.millisecond(event.at);
            let room = page.room(LETTER + GAP + TIME + GAP);
            page.row(0, &[(&letter, LETTER), (&time, TIME), (&event.what, room)]);
            letter.clear();
        }
        if episode.events_omitted > 0 {
            let more = format!("and {} more", count(episode.events_omitted));
            page.paragraph(LETTER + GAP + TIME + GAP, &more);
        }
    }
}
