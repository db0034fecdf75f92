//! The kernel's transmit path of a VTI, as a pure function: tunnel and flow in, [`Verdict`] out.
//!
//! The order is the kernel's: first lookup of the routed packet, device entry, policy, templates and SAs, outer route, the device's
//! checks, loop, size, encryption stage. If the state that was read does not determine a step, the verdict is [`Site::Undecided`] and says
//! what is missing; the model never guesses. tests/vm compares it with real kernels.

mod bucket;
pub mod classes;
mod device;
pub mod infer;
mod outer;
mod policy;
mod preferred;
mod state;

pub(crate) use policy::flow_oif;

use super::flow::Flow;
use super::policy::Choice;
use super::site::Site;
use super::trail::{At, End, Trail, Verdict, Walk, undecidable};
use crate::snapshot::{Driver, Source};
use crate::tunnel::Tunnel;
use std::collections::BTreeSet;

/// What the kernel does with a packet of `flow` that is routed into the tunnel.
pub fn send(tunnel: &Tunnel<'_>, flow: &Flow) -> Verdict {
    follow(tunnel, flow, Trail::kept())
}

/// The same, but without the steps if the packet is sent.
pub fn end(tunnel: &Tunnel<'_>, flow: &Flow) -> Verdict {
    let verdict = follow(tunnel, flow, Trail::forgotten());
    if matches!(verdict.site, Site::Sent { .. }) { verdict } else { send(tunnel, flow) }
}

fn follow(tunnel: &Tunnel<'_>, flow: &Flow, mut trail: Trail) -> Verdict {
    let (Ok(site) | Err(End(site))) = walk(tunnel, flow, &mut trail);
    if let Site::Undecided(missing) = &site {
        trail.step(At::Undecided, missing, "undetermined");
    }
    Verdict { effect: site.effect(tunnel.driver), site, trail: trail.steps() }
}

fn walk(tunnel: &Tunnel<'_>, flow: &Flow, trail: &mut Trail) -> Walk<Site> {
    device::enter(tunnel, trail)?;
    if tunnel.collects_metadata() {
        return Err(undecidable(
            Source::Links,
            "which if_id a packet has: each packet brings its own (collect_metadata)",
        )
        .into());
    }
    policy::first_lookup(tunnel, flow, trail)?;
    device::check_flow(tunnel, flow, trail)?;
    let policies = policy::device_lookup(tunnel, flow, trail)?;
    // Which of several policies of equal priority the kernel uses depends on its tables, so all must lead to the same end. Policies that ask
    // for the same do.
    let mut asked = BTreeSet::new();
    let different = policies.iter().filter(|choice| asked.insert(choice.asks_for()));
    let mut ends = different.map(|choice| {
        let mut own_trail = trail.branch();
        let (Ok(site) | Err(End(site))) = transform(tunnel, flow, choice, &mut own_trail);
        (site, own_trail)
    });
    let Some((site, steps)) = ends.next() else {
        return Ok(Site::NoPolicy { has_own: false });
    };
    if let Some((other, _)) = ends.find(|(other, _)| !same_end(tunnel.driver, &site, other)) {
        let end = |site: &Site| site.effect(tunnel.driver).function.to_string();
        let what = format!(
            "which policy is used: several have the same priority, but lead to different ends ({} and {})",
            end(&site),
            end(&other)
        );
        return Err(undecidable(Source::SecurityPolicies, what).into());
    }
    drop(ends);
    trail.follow(steps);
    Ok(site)
}

/// From the policy to the end.
fn transform<'a>(
    tunnel: &Tunnel<'a>,
    flow: &Flow,
    choice: &Choice<'a>,
    trail: &mut Trail,
) -> Walk<Site> {
    let chain = state::resolve(tunnel, flow, choice, trail)?;
    let route = outer::route(tunnel, flow, &chain, trail)?;
    device::check_sa(tunnel, &chain, trail)?;
    device::check_route(tunnel, &route, trail)?;
    device::check_size(tunnel, flow, &chain, &route, trail)?;
    device::encrypt(tunnel, flow, &chain, &route, trail)
}

/// Whether two ends are the same for the counters and the sender; policy indices and SPIs may differ.
fn same_end(driver: Driver, a: &Site, b: &Site) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
        && a.effect(driver).xfrm_stats == b.effect(driver).xfrm_stats
}
