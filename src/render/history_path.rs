//! Packets lost on the way to an interface, as `history` shows them as text: one sentence with the sums, a plot, and the words for an
//! episode. It reads no journal.

use super::axis::Axis;
use super::page::Page;
use super::plot::{self, Mark};
use crate::code::Code;
use crate::report::history::{PathEpisode, PathHistory};
use crate::units::{EPISODE, PACKET, Share, Span, WAS, count};

/// The sums, and a plot where something was lost.
pub(super) fn path(page: &mut Page, axis: &Axis<'_>, path: &PathHistory, marks: &[Mark]) {
    page.paragraph(plot::MARGIN, &sums(path));
    if path.packets_lost > 0 {
        plot::plot(page, axis, "packets lost on the way", &path.course, marks);
    }
}

/// `Lost on the way from the peer: 1032 of 51200 packets (2 %) in 3 episodes. Unknown for 4.2 s.`
fn sums(path: &PathHistory) -> String {
    let PathHistory { sequence_numbers: numbers, packets_lost: lost, .. } = *path;
    let episodes = match path.episodes.len() {
        0 => String::new(),
        some => format!(" in {}", EPISODE.of(some)),
    };
    let lost = match (numbers, lost) {
        (0, _) => "no packet was measured".to_owned(),
        (_, 0) => format!("none of {}", PACKET.about(numbers)),
        _ => {
            let share =
                share(lost, numbers).map_or_else(String::new, |share| format!(" ({share})"));
            format!("{} of {}{share}{episodes}", count(lost), PACKET.about(numbers))
        }
    };
    let time = Span(path.unknown_milliseconds);
    let unknown = match path.unknown_milliseconds {
        0 => String::new(),
        _ => format!(" Unknown for {time}."),
    };
    let unmeasured = path.packets_unmeasured;
    let between = match unmeasured {
        0 => String::new(),
        _ => format!(
            " {} that arrived {} not measured: what was lost between them is unknown.",
            PACKET.about(unmeasured),
            WAS.word(unmeasured)
        ),
    };
    format!("Lost on the way from the peer: {lost}.{unknown}{between}")
}

/// `VTI-410 packets are lost on the way: 4 % of 5200 packets from the peer (consistent)`
pub(super) fn what(episode: &PathEpisode) -> String {
    let PathEpisode { sequence_numbers: numbers, packets_lost: lost, .. } = *episode;
    let (share, few) = match (episode.percent, share(lost, numbers)) {
        (Some(_), Some(share)) => (share, ""),
        _ => (count(lost), ", too few to tell the share"),
    };
    let title = Code::LostOnTheWay.title();
    let confidence = episode.confidence.name();
    let from = PACKET.about(numbers);
    format!("{} {title}: {share} of {from} from the peer{few} ({confidence})", episode.code)
}

fn share(lost: u64, numbers: u64) -> Option<String> {
    Share { part: lost, whole: numbers }.percent()
}
