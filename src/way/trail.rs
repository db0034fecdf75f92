//! The steps of one packet's way, as the model takes them, and what ends it early. It decides nothing.

use super::site::{Effect, Site};
use crate::code::Stage;
use crate::report::Step;
use crate::snapshot::{Missing, Reason, Source};
use crate::tunnel::Tunnel;
use std::fmt::Display;

/// The model's answer for one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Where the path ends.
    pub site: Site,
    /// What follows from that.
    pub effect: Effect,
    /// The steps taken, with what was compared at each; none where nobody asked for them.
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

/// The steps so far. Their words are written out only where they are kept: most packets are sent, and nobody asks how.
pub(super) struct Trail(Option<Vec<Step>>);

impl Trail {
    /// One that keeps its steps.
    pub(super) const fn kept() -> Self {
        Self(Some(Vec::new()))
    }

    /// One that forgets them.
    pub(super) const fn forgotten() -> Self {
        Self(None)
    }

    /// An empty one that keeps its steps if this one does.
    pub(super) fn branch(&self) -> Self {
        Self(self.0.as_ref().map(|_| Vec::new()))
    }

    /// Goes on where a branch went.
    pub(super) fn follow(&mut self, branch: Self) {
        if let Some(steps) = &mut self.0 {
            steps.extend(branch.steps());
        }
    }

    /// The steps, as far as they were kept.
    pub(super) fn steps(self) -> Vec<Step> {
        self.0.unwrap_or_default()
    }

    pub(super) fn step(&mut self, at: At, looked_at: impl Display, result: impl Display) {
        self.with_notes(at, looked_at, result, Vec::new());
    }

    pub(super) fn with_notes(
        &mut self,
        at: At,
        looked_at: impl Display,
        result: impl Display,
        notes: Vec<String>,
    ) {
        if let Some(steps) = &mut self.0 {
            steps.push(at.step(looked_at.to_string(), result.to_string(), notes));
        }
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
