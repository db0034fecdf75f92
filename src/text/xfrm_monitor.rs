//! `ip xfrm monitor`: what came and went while it ran. Made from the output of iproute2 6.1 (`ip/xfrm_monitor.c`). A new SA or policy
//! looks in it as in a list, and is none: nothing of it goes into the lists of a snapshot, which say what is there now. Keys are in it,
//! too, and are not looked at.

use super::format::{Context, Taken};
use super::lines::Line;

/// The name of the format.
pub(super) const FORMAT: &str = "ip xfrm monitor nokeys";

/// How far is looked for a line that only the monitor prints: a few SAs and policies.
const AHEAD: usize = 200;

/// What an event begins with that no list has (`xfrm_acquire_print()`, `xfrm_ae_print()`, `xfrm_accept_msg()` and others).
const EVENTS: [&str; 13] = [
    "Timestamp: ",
    "Updated src ",
    "Deleted src ",
    "Deleted policy",
    "Updated policy",
    "Flushed state",
    "Flushed policy",
    "Expired src ",
    "Expired ",
    "Async event ",
    "acquire proto ",
    "report proto ",
    "Mapping change ",
];

fn is_event(line: &str) -> bool {
    EVENTS.iter().any(|event| line.starts_with(event))
}

/// Whether `ip xfrm monitor` was typed.
fn is_typed(context: &Context<'_>) -> bool {
    context.typed.split_whitespace().any(|word| "monitor".starts_with(word) && word.len() >= 3)
        && context.typed.split_whitespace().any(|word| "xfrm".starts_with(word))
}

/// The lines of one event. Without the command, what looks like a list is an event where one follows that no list has.
pub(super) fn event(lines: &[Line<'_>], context: &Context<'_>) -> Option<Taken> {
    let (first, rest) = lines.split_first()?;
    let looks_like_one = first.text.starts_with("src ");
    let until_typed = || rest.iter().take(AHEAD).take_while(|line| line.typed.is_none());
    let is_among_events = || {
        super::typed::object(context.typed).is_none()
            && until_typed().any(|line| is_event(line.text))
    };
    let is_one =
        is_event(first.text) || (looks_like_one && (is_typed(context) || is_among_events()));
    if !is_one {
        return None;
    }
    let is_next = |line: &Line<'_>| {
        is_event(line.text) || (line.text.starts_with("src ") && line.indent <= first.indent)
    };
    let of = until_typed().take_while(|line| !is_next(line));
    Some(Taken { lines: 1 + of.count(), entries: Vec::new() })
}
