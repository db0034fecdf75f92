//! What is made of charon's log: which lines are about the tunnel, and what its silence does not say. A capture of a tunnel whose peer
//! refused it, with other lines. Their forms are those of `sys_logger.c` and `charon-systemd.c` of strongSwan 6.0.1.

use super::RECORDED;
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::report::{Confidence, Finding};
use vti_diagnostics::snapshot::Snapshot;
use vti_diagnostics::snapshot::ike::Connection;

const PEER: &str = "192.0.2.2";

fn refused() -> Snapshot {
    let name = "502-charon-wrong-secret-vti";
    let recorded = RECORDED.iter().find(|recorded| recorded.name == name).unwrap();
    recorded.capture.snapshots.last().unwrap().clone()
}

/// The first finding with these lines in the log, and as many more connections, to addresses from 192.0.2.9 on.
fn with(lines: &[&str], others: u8) -> Finding {
    let mut now = refused();
    now.charon_log = Ok(lines.iter().map(|line| format!("gw1 {line}")).collect());
    let ike = now.ike.as_mut().unwrap();
    assert_eq!(ike.connections.len(), 1);
    for n in 0..others {
        let name = format!("OTHER{n}");
        let remote_addresses = vec![format!("192.0.2.{}", 9 + n)];
        ike.connections.push(Connection { name, remote_addresses, ..Connection::default() });
    }
    let report = diagnose::run(&Observation { now: &now, earlier: None }, Some("vti7")).unwrap();
    report.interfaces.into_iter().flat_map(|i| i.findings).next().unwrap()
}

/// Whether the log is taken to say that authentication failed.
fn failed(lines: &[&str], others: u8) -> bool {
    with(lines, others).summary.contains("authentication failed")
}

const BARE: &str = "charon-systemd[8]: received AUTHENTICATION_FAILED notify error";
const NUMBERED: &str = "charon[8]: 05[IKE] <3> received AUTHENTICATION_FAILED notify error";

#[test]
fn a_line_without_a_connection_counts_where_there_is_one_only() {
    assert!(failed(&[BARE], 0));
    assert!(!failed(&[BARE], 1));
    assert!(failed(&[NUMBERED], 0));
    assert!(!failed(&[NUMBERED], 1));
}

#[test]
fn another_line_of_its_ike_sa_names_the_connection() {
    let named = "charon[8]: 06[CFG] <AZURE|3> selected peer config 'AZURE'";
    let others = "charon[8]: 06[CFG] <OTHER0|3> selected peer config 'OTHER0'";
    assert!(failed(&[NUMBERED, named], 1));
    assert!(!failed(&[NUMBERED, others], 1));
    // Of another run of the daemon, whose numbers are others.
    assert!(!failed(&[&named.replace("[8]", "[7]"), NUMBERED], 1));
    let start = "charon[8]: 00[DMN] Starting IKE charon daemon (strongSwan 5.9.8)";
    assert!(!failed(&[named, start, NUMBERED], 1));
}

#[test]
fn an_address_tells_where_one_connection_alone_has_it() {
    let begins = |address| format!("charon[8]: 05[IKE] <3> {address} is initiating an IKE_SA");
    assert!(failed(&[&begins(PEER), NUMBERED], 1));
    // strongSwan from 6.0.6 on.
    let begins_unnamed = begins(PEER).replace("an IKE_SA", "IKE_SA (unnamed)[3]");
    assert!(failed(&[&begins_unnamed, NUMBERED], 1));
    assert!(!failed(&[&begins("192.0.2.9"), NUMBERED], 1));
    // Somebody from elsewhere, and the one connection is not to them.
    assert!(!failed(&[&begins("203.0.113.7"), NUMBERED], 0));
    let mut now = refused();
    now.charon_log = Ok(vec![begins(PEER), NUMBERED.into()]);
    let connections = &mut now.ike.as_mut().unwrap().connections;
    let twin = Connection { name: "TWIN".into(), ..connections[0].clone() };
    connections.push(twin);
    let report = diagnose::run(&Observation { now: &now, earlier: None }, Some("vti7")).unwrap();
    assert!(!report.interfaces[0].findings[0].summary.contains("authentication failed"));
}

/// The lines of an IKE_SA that a peer without a PPK begins: `get_ppk_r()` of `ike_auth.c`, and the answer.
#[test]
fn a_ppk_that_is_missing_is_named_before_the_answer_that_it_leads_to() {
    let missing = "charon[8]: 05[CFG] <AZURE|3> PPK required but peer does not support PPK";
    let answer = "charon[8]: 05[ENC] <AZURE|3> generating IKE_AUTH response 1 [ N(AUTH_FAILED) ]";
    let later = answer.replace("|3>", "|4>");
    assert!(with(&[missing, answer], 1).summary.contains("no PPK in common"));
    assert!(failed(&[missing, answer, &later], 1));
}

#[test]
fn what_charon_itself_says_of_a_connection_names_it() {
    let to = |name| format!("charon-systemd[8]: received DELETE for IKE_SA {name}[3]");
    assert!(with(&[&to("AZURE")], 1).summary.contains("the peer deleted the IKE_SA"));
    assert!(!with(&[&to("OTHER0")], 1).summary.contains("the peer deleted the IKE_SA"));
}

#[test]
fn from_silence_nothing_is_concluded() {
    let silent = |finding: &Finding| {
        let mut seen = finding.evidence.iter().map(|e| e.fact.as_str());
        let steps: Vec<_> =
            finding.remedies.iter().filter_map(|step| step.command.as_deref()).collect();
        let is_silent =
            |fact: &&str| fact.contains("log level is 0") || fact.contains("no lines of");
        let named = seen.find(is_silent).map(str::to_owned);
        assert_eq!(named.is_some(), steps.contains(&"set vpn ipsec log level 1"), "{steps:?}");
        named.unwrap_or_default()
    };
    let audit = "charon-systemd[8]: 05[IKE0] <AZURE|1> initiating IKE_SA AZURE[1] to 192.0.2.2";
    let found = with(&[audit], 0);
    assert_eq!(found.confidence, Confidence::Consistent);
    assert_eq!(silent(&found), "charon's log level is 0: it logs no failures");
    // The words alone, where no level is written.
    let bare = "charon-systemd[8]: initiating IKE_SA AZURE[1] to 192.0.2.2";
    assert_eq!(silent(&with(&[bare], 0)), "charon's log level is 0: it logs no failures");
    assert_eq!(silent(&with(&[], 0)), "the log has no lines of charon");
    let hook = "vti-up-down[9]: Interface vti7 down-client AZURE-vti";
    assert_eq!(silent(&with(&[hook], 0)), "the log has no lines of charon");
    let speaks = "charon-systemd[8]: 05[CFG1] received stroke: x";
    assert_eq!(silent(&with(&[audit, speaks], 0)), "");
    // The level was lowered since.
    let lowered: Vec<&str> = [speaks].into_iter().chain([audit; 12]).collect();
    assert_eq!(silent(&with(&lowered, 0)), "charon's log level is 0: it logs no failures");
}
