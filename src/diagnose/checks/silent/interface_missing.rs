//! VTI-307: VyOS has a VTI configured, or a peer bound to it, but the kernel has no such link.

use crate::code::{Code, Severity};
use crate::diagnose::case::Case;
use crate::diagnose::commands::Command;
use crate::diagnose::diagnosis::{Diagnosis, MaskedBy, Outcome, Unconfirmed};
use crate::diagnose::found::Found;
use crate::report::Confidence;
use crate::snapshot::{Missing, Reason, Source};
use crate::units::IS;

pub const DIAGNOSIS: Diagnosis =
    Diagnosis { code: Code::InterfaceMissing, explain: EXPLAIN, masked_by: MaskedBy::NONE, check };

const EXPLAIN: &str = "
What happens
    The interface does not exist, so no route leads into it. Packets for
    the tunnel take another route, perhaps unencrypted, or are dropped.
    The IKE_SA with the peer may still be up.

Why
    A peer is bound to an interface that is not configured; or VyOS
    failed to create the interface when it loaded the configuration; or
    the link was deleted by hand.

How to confirm
    {LinkInDetail}
    {ConfigurationOf}

What to do
    {AddressInterface}
    If it is configured already: change it and commit, so that VyOS
    creates it.
";

fn check(case: &Case<'_>) -> Outcome {
    case.now.links.as_ref().map_err(Clone::clone)?;
    if case.absent.is_none() {
        return Err(Unconfirmed::RuledOut);
    }
    if case.now.partial.contains(&Source::Links) {
        let missing = Missing::new(Source::Links, Reason::NotInText, "only some are in the text");
        return Err(Unconfirmed::Undetermined(missing));
    }
    let configuration = case.now.configuration.as_ref().map_err(Clone::clone)?;
    let configured = configuration.interfaces.iter().find(|i| i.name == case.name);
    let bound: Vec<&str> = configuration
        .bound_to(case.name)
        .filter(|peer| !peer.disabled)
        .map(|peer| peer.name.as_str())
        .collect();
    let (name, peers) = (case.name, bound.join(", "));
    let (severity, summary) = match configured {
        Some(vti) if vti.disabled => (
            Severity::Notice,
            format!("{name} does not exist: it is disabled in the configuration"),
        ),
        // VyOS 1.3 creates the link together with the peer.
        Some(_) if bound.is_empty() => {
            (Severity::Notice, format!("{name} does not exist, and no enabled peer is bound to it"))
        }
        _ => (
            Severity::Fault,
            format!("{name} does not exist, but {peers} {} bound to it", IS.word(bound.len())),
        ),
    };
    let node = if configured.is_some() { "configured" } else { "not configured" };
    let mut found = Found::new(Confidence::Proven, "no such link", summary)
        .severity(severity)
        .seen(case, format!("the kernel has no link {name}"), Source::Links)
        .seen(case, format!("interfaces vti {name} is {node}"), Source::Configuration);
    if !bound.is_empty() {
        found = found.seen(case, format!("peers bound to {name}: {peers}"), Source::Configuration);
    }
    if severity == Severity::Notice {
        return Ok(found.next(case, "list the bound peers", Command::BoundPeers));
    }
    let (action, command) = if configured.is_some() {
        ("change it and commit, so that VyOS creates it", Command::DescribeInterface)
    } else {
        ("configure the interface, or bind the peer to another one", Command::AddressInterface)
    };
    Ok(found
        .next(case, "show the log of the interface", Command::InterfaceLog)
        .next(case, action, command))
}

#[cfg(test)]
mod tests {
    use crate::code::Severity;
    use crate::diagnose::{Observation, run};
    use crate::report::Finding;
    use crate::snapshot::vyos::{Configuration, ConfiguredVti, Peer};
    use crate::snapshot::{Host, Reason, Snapshot};

    fn peer(name: &str, disabled: bool) -> Peer {
        Peer { name: name.into(), bind: Some("vti8".into()), disabled, ..Peer::default() }
    }

    /// The only finding of a host without any link, for which this is configured.
    fn finding(vti8: Option<ConfiguredVti>, peers: &[Peer]) -> Option<Finding> {
        let host = Host {
            hostname: "gw1".into(),
            kernel_release: "6.6.58-amd64-vyos".into(),
            vyos_version: Some("1.4.2".into()),
            pluto: false,
        };
        let mut now = Snapshot::unread(1, host, Reason::Skipped, "");
        now.links = Ok(Vec::new());
        now.configuration = Ok(Configuration {
            interfaces: vti8.into_iter().collect(),
            peers: peers.to_vec(),
            ..Configuration::default()
        });
        let report = run(&Observation { now: &now, earlier: None }, None).unwrap();
        report.interfaces.into_iter().flat_map(|i| i.findings).next()
    }

    fn vti8(disabled: bool) -> Option<ConfiguredVti> {
        Some(ConfiguredVti { name: "vti8".into(), disabled, vrf: None })
    }

    #[test]
    fn how_bad_it_is_depends_on_who_is_meant_to_use_the_interface() {
        let azure = [peer("AZURE", false)];
        let disabled = [peer("OTHER", true)];
        let bound = "vti8 does not exist, but AZURE is bound to it";
        let unused = "vti8 does not exist, and no enabled peer is bound to it";
        let off = "vti8 does not exist: it is disabled in the configuration";
        for (vti8, peers, severity, summary) in [
            (vti8(false), &azure[..], Severity::Fault, bound),
            (None, &azure, Severity::Fault, bound),
            (vti8(false), &[], Severity::Notice, unused),
            (vti8(false), &disabled, Severity::Notice, unused),
            (vti8(true), &azure, Severity::Notice, off),
        ] {
            let found = finding(vti8, peers).unwrap();
            assert_eq!((found.severity, found.summary.as_str()), (severity, summary));
        }
    }

    #[test]
    fn an_interface_that_only_a_disabled_peer_names_is_not_missed() {
        assert_eq!(finding(None, &[peer("AZURE", true)]), None);
    }
}
