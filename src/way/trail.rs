//! The steps of one packet's path through the model, and what ends the path early. It decides nothing.

use super::site::{Effect, Site};
use crate::code::Stage;
use crate::report::Step;
use crate::snapshot::{Missing, Reason, Source};
use crate::tunnel::Tunnel;
use std::fmt::Display;

/// The model's answer for one packet, in either direction: `S` is where a packet of that direction can end, `E` what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<S = Site, E = Effect> {
    /// Where the path ends.
    pub site: S,
    /// What follows from it.
    pub effect: E,
    /// The steps, with what was compared at each; empty if they were not asked for.
    pub trail: Vec<Step>,
}

/// What ends the walk early: a site, or a missing fact. `?` works on both.
pub(super) struct End<S = Site>(pub(super) S);

impl<S: From<Missing>> From<Missing> for End<S> {
    fn from(missing: Missing) -> Self {
        End(S::from(missing))
    }
}

impl From<Missing> for Site {
    fn from(missing: Missing) -> Self {
        Site::Undecided(missing)
    }
}

pub(super) type Walk<T, S = Site> = Result<T, End<S>>;

/// A step of the model: its name in reports, its stage, and its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum At {
    RouteInside,
    Filter,
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
    FilterOfEsp,
    Arrival,
    OuterPolicy,
    Handler,
    SaBySpi,
    SaAccepts,
    OnlyThePacketKnows,
    Inside,
    PolicyIn,
    PolicyForward,
    PolicyOfClear,
    FilterBehind,
    Undecided,
}

impl At {
    /// The step, with what was compared and the result.
    pub fn step(
        self,
        looked_at: impl Into<String>,
        result: impl Into<String>,
        notes: Vec<String>,
    ) -> Step {
        let (name, stage, source) = match self {
            At::RouteInside => ("route", Stage::Rules, Source::InsideRoute),
            At::Filter => ("filter", Stage::Filter, Source::PacketFilter),
            At::FirstLookup => ("first lookup", Stage::Rules, Source::SecurityPolicies),
            At::DefaultPolicy => ("default policy", Stage::Policy, Source::DefaultPolicies),
            At::Device => ("device", Stage::Device, Source::Links),
            At::PolicyOut => ("policy", Stage::Policy, Source::SecurityPolicies),
            At::Action => ("action", Stage::Policy, Source::SecurityPolicies),
            At::Template => ("template", Stage::Sa, Source::SecurityPolicies),
            At::Sa => ("SA", Stage::Sa, Source::SecurityAssociations),
            At::OuterRoute => ("outer route", Stage::OuterRoute, Source::RouteLookups),
            At::DeviceCheck => ("SA check", Stage::Device, Source::Links),
            At::Loop => ("loop", Stage::OuterRoute, Source::RouteLookups),
            At::Size => ("size", Stage::Mtu, Source::SecurityAssociations),
            At::Encryption => ("encryption", Stage::Encryption, Source::SecurityAssociations),
            At::FilterOfEsp => ("filter (ESP)", Stage::Queue, Source::PacketFilter),
            At::Arrival => ("arrives", Stage::Receive, Source::Addresses),
            At::OuterPolicy => {
                ("policy of the ESP packet", Stage::Receive, Source::SecurityPolicies)
            }
            At::Handler => ("device", Stage::Receive, Source::Links),
            At::SaBySpi => ("SA by SPI", Stage::Receive, Source::SecurityAssociations),
            At::SaAccepts => ("SA check", Stage::Receive, Source::SecurityAssociations),
            At::OnlyThePacketKnows => {
                ("replay, integrity", Stage::Receive, Source::SecurityAssociations)
            }
            At::Inside => ("inner packet", Stage::Receive, Source::SecurityAssociations),
            At::PolicyIn => ("policy in", Stage::Receive, Source::SecurityPolicies),
            At::PolicyForward => ("policy fwd", Stage::Receive, Source::SecurityPolicies),
            At::PolicyOfClear => ("policy without SA", Stage::Receive, Source::SecurityPolicies),
            At::FilterBehind => ("filter", Stage::Past, Source::PacketFilter),
            At::Undecided => ("open", Stage::Residue, Source::Links),
        };
        Step { name, stage, source, looked_at: looked_at.into(), result: result.into(), notes }
    }
}

/// The steps so far. Their text is formatted only if they are kept: most packets are sent, and then the steps are not needed.
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

    /// Whether it keeps its steps: what only a step needs, need not be looked up for one that does not.
    pub(super) const fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// An empty one that keeps its steps if this one does.
    pub(super) fn branch(&self) -> Self {
        Self(self.0.as_ref().map(|_| Vec::new()))
    }

    /// Appends the steps of a branch.
    pub(super) fn follow(&mut self, branch: Self) {
        if let Some(steps) = &mut self.0 {
            steps.extend(branch.steps());
        }
    }

    /// The steps that were kept.
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

/// A difference between kernels that this kernel's name does not determine: its patch level is hidden, or the release is unknown.
pub(super) fn which_kernel(tunnel: &Tunnel<'_>, does: &str) -> Missing {
    let release = &tunnel.state.snapshot.host.kernel_release;
    let name = if release.is_empty() { "this kernel" } else { release };
    undecidable(Source::Links, format!("whether {name} {does}"))
}

/// A fact that cannot be determined from any state that can be read.
pub(super) fn undecidable(source: Source, what: impl Into<String>) -> Missing {
    Missing::new(source, Reason::Undecidable, what)
}
