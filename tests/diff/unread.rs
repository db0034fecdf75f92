//! `diff` of states of which something was not read: it neither gives the all clear, nor takes what was not read for what is not there.

use super::{folder, state};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::diff;
use vti_diagnostics::render;
use vti_diagnostics::report::diff::DiffReport;
use vti_diagnostics::snapshot::{Missing, Reason, Snapshot, Source};

fn healthy() -> Snapshot {
    state(&folder().join("ok-healthy-vti.yaml")).0
}

fn compared(a: &Snapshot, b: &Snapshot) -> DiffReport {
    let report = |now| diagnose::run(&Observation { now, earlier: None }, None).unwrap();
    diff::report((a, &report(a)), (b, &report(b)))
}

fn failed<T>(source: Source) -> Result<T, Missing> {
    Err(Missing::new(source, Reason::Failed, ""))
}

#[test]
fn what_was_read_of_neither_is_no_all_clear() {
    let now = healthy();
    let unread = Snapshot {
        sas: failed(Source::SecurityAssociations),
        policies: failed(Source::SecurityPolicies),
        filter: failed(Source::PacketFilter),
        routes: failed(Source::Routes),
        ike: failed(Source::Charon),
        ..now.clone()
    };
    let report = compared(&unread, &unread.clone());
    let sources = [
        Source::SecurityAssociations,
        Source::SecurityPolicies,
        Source::PacketFilter,
        Source::Routes,
        Source::Charon,
    ];
    for source in sources {
        assert!(report.not_known_of_either.contains(&source.name()), "{report:?}");
    }
    let text = render::diff::diff(&report, 80);
    assert!(text.starts_with("Nothing differs in what was read of both.\nNot known of either: "));
    // What neither system has is no difference.
    let absent = |source| Err(Missing::new(source, Reason::Absent, ""));
    let bare = Snapshot { filter: absent(Source::PacketFilter), ..now };
    let of_bare = compared(&bare, &bare.clone()).not_known_of_either;
    assert!(!of_bare.contains(&Source::PacketFilter.name()), "{of_bare:?}");
}

#[test]
fn where_the_interfaces_of_one_state_were_not_read_nothing_that_names_them_is_gone() {
    let now = healthy();
    let unread = Snapshot {
        links: failed(Source::Links),
        proc_net_dev: failed(Source::ProcNetDev),
        ..now.clone()
    };
    for (a, b, blind) in [(&now, &unread, "B"), (&unread, &now, "A")] {
        let report = compared(a, b);
        let wrong = |text: &str| text.ends_with(" is gone") || text.contains(" is new");
        assert!(!report.changes.iter().any(|change| wrong(&change.text)), "{:?}", report.changes);
        let text = render::diff::diff(&report, 80);
        let side = text.lines().find(|line| line.starts_with(&format!("{blind} "))).unwrap();
        assert!(side.ends_with(" unknown"), "{text}");
        assert!(text.contains("whether addresses, routes or neighbours differ"), "{text}");
    }
}
