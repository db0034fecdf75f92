//! What a report may claim: the verdict on an interface, and the notes on what was not read. It runs no diagnosis and knows no cause.

use super::assumed;
use super::budget;
use super::case::Case;
use super::unsettled;
use super::validation;
use super::vpp;
use crate::code::Severity;
use crate::report::{Finding, InterfaceReport, SourceStatus, Status, Undetermined, Verdict};
use crate::snapshot::observed::Need;
use crate::snapshot::{Missing, PART_OF_LINKS, Reason, Snapshot, Source};

/// At most so many unreadable nodes of the configuration are named.
const MOST_UNREAD: usize = 3;

/// The worst severity of the findings; unknown where nothing worse than a notice was found and needed state could not be read.
pub(super) fn verdict(
    case: &Case<'_>,
    findings: &[Finding],
    undetermined: &[Undetermined],
) -> Verdict {
    let worst = findings.iter().map(|f| f.severity.into()).max().unwrap_or(Verdict::Ok);
    worst.max(least(case, !findings.is_empty(), undetermined))
}

/// Unknown where something was not read that might show a fault, else ok. `is_found`: there are findings.
pub(super) fn least(case: &Case<'_>, is_found: bool, undetermined: &[Undetermined]) -> Verdict {
    // What this kind of input never contains is no reason to doubt a finding.
    let needed = |m: &Missing| {
        let is_no_part = matches!(m.reason, Reason::Skipped | Reason::NotInText);
        m.source.need() == Need::Needed && (!is_no_part || !is_found)
    };
    // Neither is what this system does not have. A failed read is a reason: it might have shown a fault.
    let may_hide = |u: &Undetermined| {
        let Missing { source, reason, .. } = u.missing;
        source.need() == Need::Helpful
            && reason.is_failure()
            && u.code.info().severity > Severity::Notice
    };
    let is_assumed = !is_found && assumed::leaves_open(case.now);
    if case.works_elsewhere()
        || is_assumed
        || undetermined.iter().any(|u| needed(&u.missing) || may_hide(u))
    {
        Verdict::Unknown
    } else {
        Verdict::Ok
    }
}

/// Notes where it is unknown which interfaces exist or should exist: nothing can be said of those, least of all that they are healthy.
/// `has_some`: this kind of input never has a list of interfaces, but interfaces are known from elsewhere.
pub(super) fn unseen(now: &Snapshot, has_some: bool) -> Vec<String> {
    let is_no_part = |m: &Missing| {
        matches!(m.reason, Reason::Skipped | Reason::NotInCapture | Reason::NotInText)
    };
    // Of a list that is known to be a part the same holds as of none.
    let part = now.assumed.iter().find(|m| m.source == Source::Links && m.detail == PART_OF_LINKS);
    let links = now.links.as_ref().err().or(part).filter(|m| !(has_some && is_no_part(m)));
    let links = links.map(|m| format!("Which interfaces exist is unknown: {m}."));
    let configuration = match &now.configuration {
        Ok(configuration) => {
            let each = configuration.unread.iter().map(|u| format!("{}: {}", u.node, u.why));
            each.collect::<Vec<_>>()
        }
        Err(m) if is_no_part(m) => Vec::new(),
        // Every VyOS has one, even an empty one.
        Err(m) if m.reason == Reason::Absent && now.host.vyos_version.is_none() => Vec::new(),
        Err(m) => vec![m.to_string()],
    };
    let more = configuration.len().saturating_sub(MOST_UNREAD);
    let mut listed = configuration.iter().take(MOST_UNREAD).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 {
        listed += &format!("; and {more} more");
    }
    let configuration = (!listed.is_empty())
        .then(|| format!("Which interfaces should exist is only partly known: {listed}."));
    links.into_iter().chain(configuration).collect()
}

/// Notes that limit the whole report, where an interface was judged: a kernel on which the model was not tested, SAs and policies that changed
/// faster than they could be read, a VPP that may forward past the kernel, nftables rules of an unknown form.
pub(super) fn notes(now: &Snapshot, interfaces: &[InterfaceReport]) -> Vec<String> {
    let judged = interfaces.iter().any(|i| i.ifindex.is_some() && !i.fallback_device);
    let unsettled = now.unsettled.any.then(|| unsettled::NOTE.to_owned());
    let beyond = budget::note(interfaces);
    let of_host = [unsettled, beyond, vpp::reservation(now), validation::reservation(now)];
    let all = [now.host.release().reservation()].into_iter().chain(of_host);
    all.flatten().filter(|_| judged).collect()
}

/// Which sources were read and which were not.
pub fn sources(now: &Snapshot) -> Vec<SourceStatus> {
    let status = |missing: Option<&Missing>| match missing.map(|m| m.reason) {
        None => Status::Read,
        Some(Reason::Absent) => Status::Absent,
        Some(Reason::Denied) => Status::Denied,
        Some(Reason::Skipped | Reason::NotInCapture | Reason::NotInText) => Status::Skipped,
        Some(_) => Status::Failed,
    };
    let detail =
        |m: &Missing| if m.detail.is_empty() { m.reason.to_string() } else { m.detail.clone() };
    now.sources()
        .into_iter()
        .map(|(source, missing)| SourceStatus {
            name: source.name(),
            status: status(missing),
            detail: missing.map(detail).unwrap_or_default(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Observation, run};
    use crate::snapshot::vyos::{Configuration, Unread};
    use crate::snapshot::{DeviceColumns, Host};

    fn verdict_of(now: &Snapshot) -> (Verdict, Vec<String>) {
        let report = run(&Observation { now, earlier: None }, None).unwrap();
        (report.verdict, report.notes)
    }

    /// The counter table held only the fallback device of ip_vti, and the report claimed that everything was healthy.
    #[test]
    fn where_the_interfaces_were_not_read_nothing_is_well() {
        let lost = Missing::new(Source::Links, Reason::Lost, "no buffer space available");
        let row = DeviceColumns { name: "ip_vti0".into(), ..DeviceColumns::default() };
        let now = Snapshot { links: Err(lost), proc_net_dev: Ok(vec![row]), ..empty() };
        let (verdict, notes) = verdict_of(&now);
        assert_eq!(verdict, Verdict::Unknown);
        assert!(notes[0].contains("no buffer space available"), "{notes:?}");
    }

    /// A capture without links, and a text with a part of them: neither says that no VTI exists.
    #[test]
    fn of_a_part_of_the_interfaces_it_is_not_said_that_no_vti_exists() {
        let row = DeviceColumns { name: "ip_vti0".into(), ..DeviceColumns::default() };
        for reason in [Reason::NotInCapture, Reason::Skipped, Reason::NotInText] {
            let links = Err(Missing::new(Source::Links, reason, ""));
            let now = Snapshot { links, proc_net_dev: Ok(vec![row.clone()]), ..empty() };
            assert_eq!(verdict_of(&now).0, Verdict::Unknown, "{reason:?}");
        }
        let part = Missing::new(Source::Links, Reason::NotInText, PART_OF_LINKS);
        let (verdict, notes) = verdict_of(&Snapshot { assumed: vec![part], ..empty() });
        assert_eq!(verdict, Verdict::Unknown);
        assert!(notes[0].contains(PART_OF_LINKS), "{notes:?}");
    }

    #[test]
    fn where_the_configuration_was_not_read_in_whole_nothing_is_well() {
        assert_eq!(verdict_of(&empty()).0, Verdict::Ok);
        let unread = Unread { node: "interfaces vti vti9".into(), why: "it is a pipe".into() };
        let configuration = Configuration { unread: vec![unread], ..Configuration::default() };
        let (verdict, notes) =
            verdict_of(&Snapshot { configuration: Ok(configuration), ..empty() });
        assert_eq!(verdict, Verdict::Unknown);
        assert!(notes[0].contains("interfaces vti vti9: it is a pipe"), "{notes:?}");
        for (reason, expected) in [
            (Reason::Absent, Verdict::Ok),
            (Reason::Denied, Verdict::Unknown),
            (Reason::Failed, Verdict::Unknown),
        ] {
            let missing = Missing::new(Source::Configuration, reason, "");
            let linux = Snapshot { configuration: Err(missing), ..empty() };
            assert_eq!(verdict_of(&linux).0, expected);
            let host = Host { vyos_version: Some("1.4.2".into()), ..linux.host };
            assert_eq!(verdict_of(&Snapshot { host, ..linux }).0, Verdict::Unknown);
        }
    }

    /// A host without VTIs of which everything was read.
    fn empty() -> Snapshot {
        let host = Host {
            hostname: "r".into(),
            kernel_release: "6.12.95".into(),
            vyos_version: None,
            pluto: false,
        };
        let nothing = Snapshot::unread(0, host, Reason::Absent, "");
        Snapshot { links: Ok(Vec::new()), proc_net_dev: Ok(Vec::new()), ..nothing }
    }
}
