//! How far packets get that a finding is about, as one line of stages. The model's answer, or what counters show beyond it; it decides nothing.

use super::case::Case;
use super::classify::{self, inbound_cause};
use super::flows::Origin;
use super::flows::Trace;
use crate::code::{Code, Stage};
use crate::report::Reached;
use crate::way::reach::{self, Leg};
use crate::way::{Outcome, Site, ip_tunnel, receive};

/// The stages up to where packets are lost for the cause `code`; none where the model sends them and nothing shows that they are lost on
/// the way out.
pub(super) fn of_finding(case: &Case<'_>, code: Code) -> Vec<Reached> {
    let stage = code.info().stage;
    if let Some(tunnel) = case.ip_tunnel.as_ref().filter(|_| stage < Stage::Host) {
        return tunnel.end.as_ref().map(ip_tunnel::reach).unwrap_or_default();
    }
    let Ok(tunnel) = &case.tunnel else { return Vec::new() };
    if stage == Stage::Receive {
        let arrivals = case.arrivals().unwrap_or_default().iter();
        let mut lost = arrivals.filter(|a| inbound_cause(tunnel, &a.verdict) == Some(code));
        return lost.next().map_or_else(Vec::new, |a| receive::reach::reach(&a.verdict.site));
    }
    if matches!(stage, Stage::Host | Stage::Past | Stage::Residue | Stage::Namespace) {
        return Vec::new();
    }
    let is_asked = |t: &&Trace| !matches!(t.origin, Origin::LinkLocal(_));
    let is_of_cause = |t: &&Trace| classify::cause(tunnel, &t.flow, &t.verdict.site) == Some(code);
    let is_lost = |t: &&Trace| t.verdict.effect.outcome != Outcome::Sent;
    let all = || case.tried.iter();
    let flow = all().find(is_of_cause).or_else(|| all().filter(is_asked).find(is_lost));
    let Some(flow) = flow.or_else(|| all().find(is_asked)) else { return Vec::new() };
    let route = into_the_tunnel(case);
    match (&flow.verdict.site, stage) {
        // What the model cannot know in advance: the encryption fails, by the counters, or the next hop does not answer.
        (Site::Sent { .. }, Stage::Encryption) => reach::lost_at(Leg::Encryption, "fails", route),
        (Site::Sent { .. }, Stage::Queue) => reach::lost_at(Leg::NextHop, "fails", route),
        (Site::Sent { .. }, _) if route == reach::PASSED => Vec::new(),
        (site, _) => reach::reach(site, route),
    }
}

/// Of a flow that was tried.
pub(super) fn of_flow(tried: &Trace) -> Vec<Reached> {
    let route = match &tried.origin {
        Origin::Routed(_) | Origin::OwnPackets(_) | Origin::Forwarded(_) | Origin::LinkLocal(_) => {
            reach::PASSED
        }
        Origin::Selector | Origin::Any => reach::NONE,
        Origin::Asked => reach::ASSUMED,
    };
    reach::reach(&tried.verdict.site, route)
}

fn into_the_tunnel(case: &Case<'_>) -> &'static str {
    if case.is_routed() { reach::PASSED } else { reach::NONE }
}
