//! The line of stages under each finding, for all captures: what is passed comes first, then what is wrong, then nothing; and it ends where the
//! finding's code says that packets are lost. It judges no wording of findings.

use crate::{RECORDED, diagnosed};
use vti_diagnostics::code::{Code, Severity, Stage};
use vti_diagnostics::render::text;
use vti_diagnostics::report::Finding;

fn line(finding: &Finding) -> String {
    let stages = finding.way.iter().map(|r| format!("{} {}", r.stage, r.result));
    stages.collect::<Vec<_>>().join(" > ")
}

/// The stage of the line at which packets are lost for the cause; none where another one may be it.
fn stage(code: Code) -> Option<&'static str> {
    Some(match (code, code.info().stage) {
        // The device's own check of vti, after the lookup of the SA.
        (Code::EndpointMismatch | Code::NotATunnelModeAssociation, _) => "SA check",
        (Code::InnerSourceIsThePeer, _) => "source",
        (Code::SecurityAssociationExpired, _) => "encryption",
        (Code::AdminDownWithAssociation, _) => "interface",
        (Code::NothingRoutedIn, _) => "route",
        (_, Stage::Policy) => "policy",
        (_, Stage::Sa) => "SA",
        (_, Stage::OuterRoute) => "outer route",
        (_, Stage::Mtu) => "size",
        (_, Stage::Encryption) => "encryption",
        (_, Stage::Queue) => "next hop",
        _ => return None,
    })
}

#[test]
fn each_way_ends_where_its_finding_says_that_packets_are_lost() {
    let mut ends = 0;
    for recorded in RECORDED.iter() {
        let report = diagnosed(&recorded.capture);
        for interface in &report.interfaces {
            let Some(finding) = interface.findings.first() else { continue };
            let place = format!("{}, {}: {}", recorded.name, interface.name, line(finding));
            let results: Vec<&str> = finding.way.iter().map(|r| r.result.as_str()).collect();
            let wrong = results.iter().position(|result| *result != "ok");
            let after = wrong.map_or(&[][..], |at| &results[at + 1..]);
            // What nothing is routed into may be well all the same, or lose at a later stage what would be.
            let is_routed = finding.way.first().is_none_or(|r| r.result != "none");
            if finding.code != Code::NothingRoutedIn && is_routed {
                assert!(after.iter().all(|result| *result == "-"), "{place}");
            }
            assert!(wrong.is_some() || results.is_empty(), "{place}");
            let info = finding.code.info();
            if let (Some(stage), Severity::Fault) = (stage(finding.code), finding.severity) {
                let at = wrong.unwrap_or_else(|| panic!("{place}: no way"));
                assert_eq!(finding.way[at].stage, stage, "{place} {}", info.name);
                ends += 1;
            }
        }
    }
    assert!(ends > 20, "{ends}");
}

/// One line of 80 columns, with its indent; and no finding has more than five lines of evidence.
#[test]
fn a_way_is_one_line_and_evidence_at_most_five() {
    let mut ways = 0;
    for recorded in RECORDED.iter() {
        let shown = text::report(&diagnosed(&recorded.capture), 80, text::Shown::Page);
        let lines: Vec<&str> = shown.lines().collect();
        for at in
            lines.iter().enumerate().filter(|(_, l)| l.contains(" > policy ")).map(|(at, _)| at)
        {
            let is_whole = lines[at].contains("encryption ") || lines[at].starts_with("  arrives ");
            assert!(is_whole, "{}: {}", recorded.name, lines[at]);
            ways += 1;
        }
        for at in
            lines.iter().enumerate().filter(|(_, l)| l.starts_with("  Seen  ")).map(|(at, _)| at)
        {
            let others = lines[at + 1..].iter().take_while(|l| l.starts_with("          "));
            let evidence = 1 + others.filter(|l| !l.ends_with("with detail")).count();
            // One fact is shown however long it is.
            let first =
                lines[at + 1..].iter().take_while(|l| l.starts_with("            ")).count();
            assert!(
                evidence <= 5.max(1 + first),
                "{}: {}",
                recorded.name,
                lines[at..at + 6].join("\n")
            );
        }
    }
    assert!(ways > 30, "{ways}");
}

/// A command is never wrapped, for it is copied; every other line has at most 80 columns, in detail as well.
#[test]
fn lines_are_at_most_80_columns_but_for_commands() {
    for recorded in RECORDED.iter() {
        let report = diagnosed(&recorded.capture);
        let findings = report.interfaces.iter().flat_map(|i| &i.findings).chain(&report.findings);
        let of = |finding: &Finding| {
            let seen = finding.evidence.iter().map(|evidence| evidence.see.clone());
            seen.chain(finding.remedies.iter().filter_map(|r| r.command.clone()))
                .collect::<Vec<_>>()
        };
        let commands: Vec<String> = findings.flat_map(of).collect();
        for shown in [text::Shown::Page, text::Shown::Detail] {
            let text = text::report(&report, 80, shown);
            let long = text.lines().filter(|line| line.chars().count() > 80);
            for line in long {
                assert!(commands.iter().any(|c| c == line.trim()), "{}: {line}", recorded.name);
            }
        }
    }
}
