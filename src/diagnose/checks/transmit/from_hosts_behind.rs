//! Packets of hosts behind this one that the tunnel drops, while what it sends itself passes: the part that the causes have in common. It is
//! no diagnosis of its own.

use crate::code::{Code, Severity};
use crate::diagnose::call::Call;
use crate::diagnose::case::Case;
use crate::diagnose::diagnosis::{Outcome, Unconfirmed};
use crate::diagnose::flows::Origin;
use crate::diagnose::found::Found;

/// The finding that such packets are lost to the cause `code`; ruled out where none is, or where the interface never counted an error: these
/// hosts may have nothing to send into the tunnel.
pub(super) fn lost(
    case: &Case<'_>,
    code: Code,
    why: &str,
    (next, call): (&'static str, impl Into<Call>),
) -> Outcome {
    let lost = case.forwarded_lost_to(code)?;
    let Some(first) = lost.first() else { return Err(Unconfirmed::RuledOut) };
    if case.counted.total.as_ref().map_err(Clone::clone)?.tx_errors == 0 {
        return Err(Unconfirmed::RuledOut);
    }
    let is_rising = case.counted.rise(|c| c.tx_errors).is_ok_and(|rise| rise > 0);
    let mut networks: Vec<&str> = Vec::new();
    for trace in &lost {
        if let Origin::Forwarded(network) = &trace.origin {
            if !networks.contains(&network.as_str()) {
                networks.push(network);
            }
        }
    }
    let behind = match networks.as_slice() {
        [one, _, _, ..] => format!("{one} and {} other networks", networks.len() - 1),
        few => few.join(" and "),
    };
    let summary = format!(
        "{} drops packets from hosts behind {behind}, for example {}: {why}",
        case.name, first.flow
    );
    // What this host sends itself passes, and nothing tells whether these hosts send.
    Ok(Found::proven(case, first, summary)
        .severity(if is_rising { Severity::Warning } else { Severity::Notice })
        .next(case, next, call))
}
