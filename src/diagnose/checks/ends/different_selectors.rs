//! VTI-701: what one end sends into the tunnel, the other end's policies do not let in.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::ends::main_policies;
use crate::diagnose::flows::{narrower, routed_prefixes};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{
    Action, Missing, Observed, Policy, PolicyDirection, PortMask, Reason, Selector, Source,
};
use crate::tunnel::Tunnel;
use ipnet::IpNet;

pub const DIAGNOSIS: Diagnosis = Diagnosis {
    code: Code::EndsDisagreeOnSelectors,
    explain: EXPLAIN,
    masked_by: MaskedBy::NONE,
    check,
};

const EXPLAIN: &str = "
What happens
    Packets that one end encrypts are decrypted by the other end and
    then dropped. The sender counts them as sent.

Why
    After decryption the kernel asks the inbound policies whether the
    packet may come out of this SA (xfrm_policy_check). What one end
    routes into the tunnel, as far as its outbound policies take it, has
    addresses that no inbound policy of the other end has.

How to confirm
    {OutboundPolicies}
    {InboundPolicies}
    on both ends: the selectors of out here and of in there

What to do
    Configure the same prefixes, mirrored, on both ends, and let IKE
    negotiate again.
";

fn check(case: &Case<'_>) -> Outcome {
    let (here, ends) = (case.tunnel()?, case.ends()?);
    let (this, other) = (case.name, ends.other());
    let outward = [(here, this), (&ends.tunnel, other.as_str())];
    let inward = [(&ends.tunnel, other.as_str()), (here, this)];
    let mut open = None;
    let mut part = None;
    for [(sender, from), (receiver, to)] in [outward, inward] {
        let taken = main_policies(receiver, PolicyDirection::In)?;
        for sent in sent(sender, receiver)? {
            match sent.fate(&taken) {
                Fate::LetIn => {}
                Fate::Refused => return Ok(found(case, [from, to], &sent, &taken, None)),
                Fate::Part(let_in) => {
                    let found = || found(case, [from, to], &sent, &taken, Some(&let_in));
                    part = part.or_else(|| Some(found()));
                }
                Fate::Unknown => open = open.or_else(|| Some(unknown([from, to], &sent))),
            }
        }
    }
    match (part, open) {
        (Some(found), _) => Ok(found.severity(Severity::Warning)),
        (None, Some(why)) => {
            Err(Missing::new(Source::SecurityPolicies, Reason::Undecidable, why).into())
        }
        (None, None) => Err(Unconfirmed::RuledOut),
    }
}

/// `let_in`: the part of the destination that is let in; none where nothing is.
fn found(
    case: &Case<'_>,
    [from, to]: [&str; 2],
    sent: &Sent<'_>,
    taken: &[&Policy],
    let_in: Option<&[IpNet]>,
) -> Found {
    let Sent { policy, destination, .. } = sent;
    let source = policy.selector.source;
    let summary = match let_in {
        None => format!(
            "{from} sends {source} -> {destination}, and no inbound policy of {to} lets it in: it is dropped there after decryption"
        ),
        Some(part) => format!(
            "{destination} is routed into the tunnel by {from}, and of that {to} lets in {} alone: the rest is dropped there after decryption",
            shown(part)
        ),
    };
    let selectors: Vec<&Selector> = taken.iter().map(|policy| &policy.selector).collect();
    Found::new(Confidence::Consistent, "xfrm_policy_check: no policy", summary)
        .concluded(format!("{from}: policy out {}", policy.selector), Source::SecurityPolicies)
        .concluded(format!("{to}: policy in {}", shown(&selectors)), Source::SecurityPolicies)
        .next(case, "compare with the policies of the other end", Command::OutboundPolicies)
        .next(case, "and with what it lets in", Command::InboundPolicies)
}

fn unknown([from, to]: [&str; 2], sent: &Sent<'_>) -> String {
    format!(
        "{to} lets in a part of what {from} may send, {}; which part is sent is unknown",
        sent.policy.selector
    )
}

/// The first three, and how many more.
fn shown(all: &[impl std::fmt::Display]) -> String {
    let shown: Vec<String> = all.iter().take(3).map(ToString::to_string).collect();
    match all.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Packets that the sender sends by one policy to one destination.
struct Sent<'a> {
    policy: &'a Policy,
    /// What is routed into the tunnel, as far as the policy takes it; without such a route that of the policy.
    destination: IpNet,
    is_routed: bool,
    /// What the receiver routes back into the tunnel, likewise.
    sources: Vec<IpNet>,
    are_routed: bool,
}

/// What becomes of them at the receiver.
enum Fate {
    LetIn,
    Refused,
    /// Of what is routed into the tunnel only these destinations are let in.
    Part(Vec<IpNet>),
    /// A part of them is let in, and which part is sent is unknown.
    Unknown,
}

/// What the sender sends; nothing where the receiver has no policy at all, which is a fault of its own.
fn sent<'a>(sender: &Tunnel<'a>, receiver: &Tunnel<'a>) -> Observed<Vec<Sent<'a>>> {
    if !main_policies(receiver, PolicyDirection::In)?.iter().any(|policy| allows(policy)) {
        return Ok(Vec::new());
    }
    let within = |prefixes: &[IpNet], selected: IpNet| -> Vec<IpNet> {
        prefixes.iter().filter_map(|prefix| narrower(prefix, &selected)).collect()
    };
    let (routes, back) = (routed_prefixes(sender), routed_prefixes(receiver));
    let mut all = Vec::new();
    let policies = main_policies(sender, PolicyDirection::Out)?;
    for policy in policies.into_iter().filter(|policy| allows(policy)) {
        let selector = &policy.selector;
        let mut sources = within(&back, selector.source);
        let are_routed = !sources.is_empty();
        if !are_routed {
            sources.push(selector.source);
        }
        let mut destinations = within(&routes, selector.destination);
        let is_routed = !destinations.is_empty();
        if !is_routed {
            destinations.push(selector.destination);
        }
        all.extend(destinations.into_iter().map(|destination| {
            let sources = sources.clone();
            Sent { policy, destination, is_routed, sources, are_routed }
        }));
    }
    Ok(all)
}

impl Sent<'_> {
    fn fate(&self, taken: &[&Policy]) -> Fate {
        let meets = |policy: &&&Policy| {
            let Selector { source, destination, .. } = policy.selector;
            allows(policy)
                && narrower(&self.policy.selector.source, &source).is_some()
                && narrower(&self.destination, &destination).is_some()
        };
        let meeting: Vec<&Policy> = taken.iter().filter(meets).copied().collect();
        if meeting.is_empty() {
            return Fate::Refused;
        }
        let is_whole = |policy: &&&Policy| {
            let other = &policy.selector;
            let own = &self.policy.selector;
            let ports = |one: PortMask, two: PortMask| one.mask == 0 || one == two;
            let from = |own: &IpNet| other.source.contains(own);
            let sources = match self.are_routed {
                // Which of them sends to this destination is not known.
                true => self.sources.iter().any(from),
                false => self.sources.iter().all(from),
            };
            sources
                && (other.protocol == 0 || other.protocol == own.protocol)
                && ports(other.source_port, own.source_port)
                && ports(other.destination_port, own.destination_port)
        };
        let whole: Vec<IpNet> =
            meeting.iter().filter(is_whole).map(|policy| policy.selector.destination).collect();
        let whole = IpNet::aggregate(&whole);
        if whole.iter().any(|prefix| prefix.contains(&self.destination)) {
            return Fate::LetIn;
        }
        let all: Vec<IpNet> = meeting.iter().map(|policy| policy.selector.destination).collect();
        let all = IpNet::aggregate(&all);
        match self.is_routed && !all.iter().any(|prefix| prefix.contains(&self.destination)) {
            true => Fate::Part(all),
            false => Fate::Unknown,
        }
    }
}

fn allows(policy: &Policy) -> bool {
    policy.action == Action::Allow && !policy.templates.is_empty()
}
