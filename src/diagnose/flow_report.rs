//! A flow and what happens to it, as the report shows it, for `lookup` and `show --detail`. It decides nothing.

use super::classify;
use super::flows::Trace;
use super::reached;
use crate::code::Stage;
use crate::report::FlowReport;
use crate::tunnel::Tunnel;
use crate::way::{Outcome, Site, Verdict, counters};

/// A tried flow as the report shows it.
pub(super) fn flow_report(tunnel: &Tunnel<'_>, tried: &Trace) -> FlowReport {
    let Trace { origin, flow, verdict } = tried;
    let site = &verdict.site;
    let effect = &verdict.effect;
    let kernel = effect.function.to_string();
    let (outcome, summary) = match effect.outcome {
        Outcome::Sent => ("sent", format!("sent: {}", last_result(verdict))),
        Outcome::Dropped => ("dropped", format!("dropped by {kernel}")),
        Outcome::Held => (
            "held",
            format!("queued by {kernel}: counted as sent, but dropped later if no SA comes"),
        ),
        Outcome::Elsewhere => {
            ("elsewhere", format!("does not reach {}: {kernel}", tunnel.link.name))
        }
        Outcome::NotSent => ("not-sent", format!("not sent: {kernel}")),
        Outcome::Undecided => ("open", "cannot be determined from this input".to_owned()),
    };
    let release = tunnel.state.kernel;
    let moved = counters::moved(effect.moves, tunnel.driver, release);
    FlowReport {
        origin: origin.to_string(),
        flow: flow.to_string(),
        outcome: outcome.into(),
        summary,
        site: kernel,
        counters: moved.iter().map(|c| c.name()).collect(),
        xfrm_statistics: effect.xfrm_stats.iter().map(|m| m.name()).collect(),
        sender: effect.answer.map(Into::into),
        open: match site {
            Site::Undecided(missing) => vec![missing.to_string()],
            _ => Vec::new(),
        },
        finding: classify::cause(tunnel, flow, site),
        way: reached::of_flow(tried),
        trail: verdict.trail.clone(),
    }
}

fn last_result(verdict: &Verdict) -> String {
    let route = verdict.trail.iter().rev().find(|s| s.stage == Stage::OuterRoute);
    route.map_or_else(String::new, |s| format!("{}, {}", s.looked_at, s.result))
}
