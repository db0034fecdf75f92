//! The kernel's transmit path of a VTI, as a pure function: tunnel and flow in, [`Verdict`] out.
//!
//! The order is the kernel's: first lookup of the routed packet, device entry, policy, templates and SAs, outer route, the device's
//! checks, loop, size, encryption stage. Where the state that was read does not decide a step, the verdict is [`Site::Undecided`] and says
//! what is missing; the model never guesses. Held against real kernels by tests/vm.

mod bucket;
pub mod classes;
mod device;
pub mod infer;
mod limits;
mod outer;
mod policy;
mod state;

pub use device::overhead;
pub(crate) use policy::flow_oif;

use super::flow::Flow;
use super::site::Site;
use super::trail::{At, End, Trail, Verdict, Walk, undecidable};
use crate::snapshot::{Driver, Source};
use crate::tunnel::Tunnel;
use std::collections::BTreeSet;

/// What the kernel would do with a packet of `flow` that is routed into the tunnel.
pub fn send(tunnel: &Tunnel<'_>, flow: &Flow) -> Verdict {
    follow(tunnel, flow, Trail::kept())
}

/// The same, but without the steps of a packet that is sent.
pub fn end(tunnel: &Tunnel<'_>, flow: &Flow) -> Verdict {
    let verdict = follow(tunnel, flow, Trail::forgotten());
    if matches!(verdict.site, Site::Sent { .. }) { verdict } else { send(tunnel, flow) }
}

fn follow(tunnel: &Tunnel<'_>, flow: &Flow, mut trail: Trail) -> Verdict {
    let (Ok(site) | Err(End(site))) = walk(tunnel, flow, &mut trail);
    if let Site::Undecided(missing) = &site {
        trail.step(At::Undecided, missing, "not decided");
    }
    Verdict { effect: site.effect(tunnel.driver), site, trail: trail.steps() }
}

fn walk(tunnel: &Tunnel<'_>, flow: &Flow, trail: &mut Trail) -> Walk<Site> {
    device::enter(tunnel, trail)?;
    if tunnel.collects_metadata() {
        return Err(undecidable(
            Source::Links,
            "the if_id comes with each packet (collect_metadata)",
        )
        .into());
    }
    policy::first_lookup(tunnel, flow, trail)?;
    device::check_flow(tunnel, flow, trail)?;
    let policies = policy::device_lookup(tunnel, flow, trail)?;
    // Policies of equal priority: which of them the kernel takes depends on its tables, so they must lead to one place. Those that ask for
    // the same have one end.
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
        let what =
            format!("policies of equal priority lead to different ends: {site:?} and {other:?}");
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
    choice: &policy::Choice<'a>,
    trail: &mut Trail,
) -> Walk<Site> {
    let chain = state::resolve(tunnel, flow, choice, trail)?;
    let route = outer::route(tunnel, flow, &chain, trail)?;
    device::check_sa(tunnel, &chain, trail)?;
    device::check_route(tunnel, &route, trail)?;
    device::check_size(tunnel, flow, &chain, &route, trail)?;
    device::encrypt(tunnel, flow, &chain, &route, trail)
}

/// Whether two ends are the same for counters and sender: policy indices and SPIs may differ.
fn same_end(driver: Driver, a: &Site, b: &Site) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
        && a.effect(driver).xfrm_stats == b.effect(driver).xfrm_stats
}
