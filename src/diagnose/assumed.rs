//! How sure a finding is where something was assumed, because the texts that were given do not hold it; and which command would show what
//! they lack. It knows no cause, and reads nothing.

use super::commands::{Command, System};
use super::diagnosis::Outcome;
use super::found::Found;
use super::see::see;
use super::unconfirmed::Unconfirmed;
use crate::code::Code;
use crate::report::Confidence;
use crate::snapshot::{Missing, Reason, Snapshot, Source};

/// What to ask for first, where texts do not hold it: without the interfaces nothing can be said, without SAs and policies little.
const MOST_USEFUL: [(Source, Command); 8] = [
    (Source::Links, Command::AllLinks),
    (Source::SecurityAssociations, Command::Sas),
    (Source::SecurityPolicies, Command::Policies),
    (Source::RouteLookups, Command::AllRoutes),
    (Source::Addresses, Command::Addresses),
    (Source::Charon, Command::IkeSas),
    (Source::CharonLog, Command::HookLog),
    (Source::DeviceConfiguration, Command::DeviceConfiguration),
];

/// The finding, at most consistent where it may rest on what was assumed; and nothing ruled out by counters that were not read.
pub(super) fn judged(now: &Snapshot, code: Code, outcome: Outcome) -> Outcome {
    if now.assumed.is_empty() && now.unbounded.is_empty() {
        return outcome;
    }
    let of = |source| now.assumed.iter().find(move |missing| missing.source == source);
    match outcome {
        Ok(found) => Ok(capped(now, code, found)),
        Err(Unconfirmed::RuledOut) if is_of_sa_counters(code) => {
            match of(Source::SecurityAssociations) {
                Some(missing) => Err(Unconfirmed::Undetermined(missing.clone())),
                None => Err(Unconfirmed::RuledOut),
            }
        }
        other => other,
    }
}

fn capped(now: &Snapshot, code: Code, found: Found) -> Found {
    // What is not in a list may be behind its end.
    if now.unbounded.iter().any(|source| is_of_what_is_not_in(*source, code)) {
        return Found { confidence: found.confidence.min(Confidence::Possible), ..found };
    }
    let stands_on =
        |source: Source| found.evidence.iter().any(|evidence| evidence.source == source.name());
    let rests = now
        .assumed
        .iter()
        .map(|missing| missing.source)
        .chain(now.unbounded.iter().copied())
        .any(|source| !matters_to_its_own(source) || stands_on(source));
    if !rests {
        return found;
    }
    Found { confidence: found.confidence.min(Confidence::Consistent), ..found }
}

/// Whether what was assumed of a source matters only to the findings that stand on it.
const fn matters_to_its_own(source: Source) -> bool {
    matches!(source, Source::RouteLookups | Source::PacketFilter)
}

/// Whether the finding is that something is not in this list, or that only something else is.
const fn is_of_what_is_not_in(source: Source, code: Code) -> bool {
    match source {
        Source::SecurityPolicies => matches!(
            code,
            Code::NoOutboundPolicy
                | Code::TrafficOutsideSelectors
                | Code::Ipv6OutsideSelectors
                | Code::PolicyWithoutTemplate
                | Code::UpWithoutAssociation
                | Code::NoInboundPolicy
                | Code::InboundPolicyMismatch
        ),
        Source::SecurityAssociations => matches!(
            code,
            Code::NoSecurityAssociation
                | Code::SecurityAssociationMismatch
                | Code::UpWithoutAssociation
                | Code::NoInboundAssociation
                | Code::InboundAssociationMismatch
                | Code::KernelAndCharonDisagree
        ),
        Source::Rules | Source::Routes | Source::RouteLookups => {
            matches!(code, Code::NoRouteToPeer | Code::NoRouteInside | Code::NothingRoutedIn)
        }
        Source::Addresses => matches!(code, Code::LocalAddressGone),
        Source::Links => matches!(code, Code::InterfaceMissing),
        Source::Charon => matches!(
            code,
            Code::IkeNotEstablished
                | Code::ChildNotInstalled
                | Code::KernelAndCharonDisagree
                | Code::NoClientConnected
        ),
        _ => false,
    }
}

/// Whether the counters or limits of SAs show the cause.
const fn is_of_sa_counters(code: Code) -> bool {
    matches!(
        code,
        Code::HardLimitReached
            | Code::SequenceNumberOverflow
            | Code::SecurityAssociationExpired
            | Code::IntegrityFailures
            | Code::ReplayDrops
            | Code::OneWay
            | Code::InboundLossesUnexplained
    )
}

/// Whether "no fault found" would rest on something that was assumed. How outer routes were found does not matter there: path MTUs that
/// were learned are never checked; nor does the packet filter, without which that is said, too; nor what the host has no command to change.
pub(super) fn leaves_open(now: &Snapshot) -> bool {
    let matters = |missing: &&Missing| missing.reason != Reason::Absent;
    let assumed = now.assumed.iter().filter(matters).map(|missing| missing.source);
    assumed.chain(now.unbounded.iter().copied()).any(|source| !matters_to_its_own(source))
}

/// Names in each missing source the command that shows it, where texts do not hold it.
pub fn name_commands(now: &mut Snapshot) {
    let system = System::of(now);
    let name = |missing: &mut Missing| {
        if missing.reason == Reason::NotInText && missing.detail.is_empty() {
            let form = most_useful_form(missing.source, system);
            missing.detail = if form.contains('{') || form.is_empty() {
                String::new()
            } else {
                format!("`{form}` shows it")
            };
        }
    };
    now.each_missing(name);
}

fn most_useful_form(source: Source, system: System) -> String {
    let own = MOST_USEFUL.iter().find(|(of, _)| *of == source).map(|(_, command)| *command);
    own.unwrap_or_else(|| see(source)).form(system)
}

/// The command whose output would help most next; none where the texts hold all that matters.
pub fn most_useful(now: &Snapshot) -> Option<String> {
    let system = System::of(now);
    let missing: Vec<Source> =
        now.sources().into_iter().filter_map(|(source, missing)| missing.map(|_| source)).collect();
    let lacks = |source: Source| {
        missing.contains(&source)
            || now
                .assumed
                .iter()
                .any(|missing| missing.source == source && source != Source::RouteLookups)
            || (source == Source::DeviceConfiguration
                && now.assumed.iter().any(|missing| missing.source == Source::AllDisableXfrm))
    };
    let forms = MOST_USEFUL
        .iter()
        .filter(|(source, _)| lacks(*source))
        .map(|(_, command)| command.form(system));
    forms.into_iter().find(|form| !form.is_empty() && !form.contains('{'))
}
