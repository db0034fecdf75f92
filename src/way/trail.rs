//! The steps of one packet's way, as the model takes them, and what ends it early. It decides nothing.

use super::site::{Effect, Site};
use crate::code::Stage;
use crate::report::Step;
use crate::snapshot::{Missing, Reason, Source};
use crate::tunnel::Tunnel;

/// The model's answer for one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Where the path ends.
    pub site: Site,
    /// What follows from that.
    pub effect: Effect,
    /// The steps taken, with what was compared at each.
    pub trail: Vec<Step>,
}

/// What ends the walk early: a site, or a missing fact on the way. `?` works on both.
pub(super) struct End(pub(super) Site);

impl From<Missing> for End {
    fn from(missing: Missing) -> Self {
        End(Site::Undecided(missing))
    }
}

pub(super) type Walk<T> = Result<T, End>;

/// A step of the model's way: what it is called in reports, at which stage it is, and what it looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum At {
    RouteInside,
    FirstLookup,
    DefaultPolicy,
    Device,
    PolicyOut,
    Action,
    Template,
    Sa,
    OuterRoute,
    DeviceCheck,
    Loop,
    Size,
    Encryption,
    Undecided,
}

impl At {
    /// The step, with what was looked at and what came of it.
    pub fn step(
        self,
        looked_at: impl Into<String>,
        result: impl Into<String>,
        notes: Vec<String>,
    ) -> Step {
        let (name, stage, source) = match self {
            At::RouteInside => ("route inside", Stage::Rules, Source::InsideRoute),
            At::FirstLookup => ("first lookup", Stage::Rules, Source::SecurityPolicies),
            At::DefaultPolicy => ("default policy", Stage::Policy, Source::DefaultPolicies),
            At::Device => ("device", Stage::Device, Source::Links),
            At::PolicyOut => ("policy out", Stage::Policy, Source::SecurityPolicies),
            At::Action => ("action", Stage::Policy, Source::SecurityPolicies),
            At::Template => ("template", Stage::Sa, Source::SecurityPolicies),
            At::Sa => ("SA", Stage::Sa, Source::SecurityAssociations),
            At::OuterRoute => ("outer route", Stage::OuterRoute, Source::RouteLookups),
            At::DeviceCheck => ("device check", Stage::Device, Source::Links),
            At::Loop => ("loop", Stage::OuterRoute, Source::RouteLookups),
            At::Size => ("size", Stage::Mtu, Source::SecurityAssociations),
            At::Encryption => ("encryption", Stage::Encryption, Source::SecurityAssociations),
            At::Undecided => ("open", Stage::Residue, Source::Links),
        };
        Step { name, stage, source, looked_at: looked_at.into(), result: result.into(), notes }
    }
}

/// The steps so far.
#[derive(Default)]
pub(super) struct Trail(pub(super) Vec<Step>);

impl Trail {
    pub(super) fn step(&mut self, at: At, looked_at: impl Into<String>, result: impl Into<String>) {
        self.0.push(at.step(looked_at, result, Vec::new()));
    }

    pub(super) fn with_notes(
        &mut self,
        at: At,
        looked_at: impl Into<String>,
        result: impl Into<String>,
        notes: Vec<String>,
    ) {
        self.0.push(at.step(looked_at, result, notes));
    }
}

/// A difference between kernels that the name of this one does not decide: its patch level is hidden, or it is none that is known.
pub(super) fn which_kernel(tunnel: &Tunnel<'_>, does: &str) -> Missing {
    let release = &tunnel.state.snapshot.host.kernel_release;
    let name = if release.is_empty() { "this kernel" } else { release };
    undecidable(Source::Links, format!("whether {name} {does}"))
}

/// A fact that no state which can be read decides.
pub(super) fn undecidable(source: Source, what: impl Into<String>) -> Missing {
    Missing::new(source, Reason::Undecidable, what)
}
