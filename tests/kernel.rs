//! What is told from a kernel release: the table of differences at each of its boundaries, names of distributions, and any text; and in
//! `model` what follows for packets.
//! The table itself is the golden text `kernel__what_differs_between_kernels.snap`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "kernel/model.rs"]
mod model;

use proptest::prelude::*;
use vti_diagnostics::kernel::{Change, Release, Series, TESTED, table};

fn has(release: &str, change: Change) -> Option<bool> {
    Release::of(release).has(change)
}

#[test]
fn what_differs_between_kernels() {
    insta::assert_snapshot!(table());
}

#[test]
fn every_change_is_in_the_table_once_in_the_order_of_the_releases() {
    let mainline: Vec<Series> = Change::ALL.iter().map(|change| change.row().mainline).collect();
    assert!(mainline.is_sorted(), "{mainline:?}");
    let mut changes = Change::ALL.to_vec();
    changes.sort();
    assert_eq!(changes, Change::ALL, "in the order of the enumeration, none twice");
    changes.dedup();
    assert_eq!(changes.len(), Change::ALL.len());
}

#[test]
fn a_row_is_about_series_before_its_mainline_release() {
    for change in Change::ALL {
        let row = change.row();
        let series: Vec<Series> = row.backports.iter().map(|(series, _)| *series).collect();
        assert!(series.iter().chain(row.unsettled).all(|s| *s < row.mainline), "{change:?}");
        assert!(series.iter().all(|s| !row.unsettled.contains(s)), "{change:?}");
        let hash = row.commit.split(' ').next().unwrap();
        assert!(hash.len() == 12 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{change:?}");
    }
}

#[test]
fn a_change_comes_with_its_mainline_release() {
    for change in Change::ALL {
        let Series(major, minor) = change.row().mainline;
        assert_eq!(has(&format!("{major}.{minor}.0"), change), Some(true), "{change:?}");
        assert_eq!(has(&format!("{major}.{minor}.0-17-amd64"), change), Some(true), "{change:?}");
        assert_eq!(has(&format!("{major}.{minor}.0-rc7"), change), None, "{change:?}");
        assert_eq!(has(&format!("{}.0.0", major + 1), change), Some(true), "{change:?}");
        assert_eq!(has("3.18.0", change), Some(false), "{change:?}");
    }
}

#[test]
fn a_backport_comes_with_its_patch_level() {
    for change in Change::ALL {
        for (Series(major, minor), patch) in change.row().backports {
            let release = |patch: u16| format!("{major}.{minor}.{patch}-amd64-vyos");
            assert_eq!(has(&release(patch - 1), change), Some(false), "{change:?}");
            assert_eq!(has(&release(*patch), change), Some(true), "{change:?}");
            assert_eq!(has(&release(patch + 1), change), Some(true), "{change:?}");
            let hidden = format!("{major}.{minor}.0-32-cloud-amd64");
            assert_eq!(has(&hidden, change), None, "{change:?}: the patch level is hidden");
        }
        for Series(major, minor) in change.row().unsettled {
            assert_eq!(has(&format!("{major}.{minor}.99"), change), None, "{change:?}");
        }
    }
}

#[test]
fn df_is_respected_from_another_release_on_for_each_driver() {
    let df = |release, [vti, vti6, xfrm]: [Option<bool>; 3]| {
        assert_eq!(has(release, Change::DontFragmentVti), vti, "{release}");
        assert_eq!(has(release, Change::DontFragmentVti6), vti6, "{release}");
        assert_eq!(has(release, Change::DontFragmentXfrm), xfrm, "{release}");
    };
    df("5.4.111-amd64-vyos", [Some(false); 3]);
    df("5.4.268-amd64-vyos", [Some(false), Some(false), Some(true)]);
    df("5.10.0-32-cloud-amd64", [Some(false), Some(false), None]);
    df("5.10.262", [Some(false), Some(false), Some(true)]);
    df("5.11.13", [Some(false); 3]);
    df("5.11.14", [Some(false), Some(false), Some(true)]);
    df("5.12.0-rc6", [None; 3]);
    df("5.12.0", [Some(true); 3]);
    df("6.6.58-amd64-vyos", [Some(true); 3]);
}

#[test]
fn distributions_name_their_kernels_in_their_own_ways() {
    let read = |release: &str| {
        let release = Release::of(release);
        (release.series().map(|s| s.to_string()), release.patch())
    };
    let series = |name: &str| Some(name.to_owned());
    assert_eq!(read("6.6.58-amd64-vyos"), (series("6.6"), Some(58)));
    assert_eq!(read("5.4.268-amd64-vyos"), (series("5.4"), Some(268)));
    assert_eq!(read("6.6.54-vyos"), (series("6.6"), Some(54)));
    assert_eq!(read("6.12.95+deb12-cloud-amd64"), (series("6.12"), Some(95)));
    assert_eq!(read("6.1.0-50-amd64"), (series("6.1"), None));
    assert_eq!(read("6.5.0-0.deb12.4-amd64"), (series("6.5"), None));
    assert_eq!(read("5.4.0-150-generic"), (series("5.4"), None));
    assert_eq!(read("7.2.13"), (series("7.2"), Some(13)));
    assert_eq!(read("6.1.0"), (series("6.1"), Some(0)));
    assert_eq!(read("6.1.0+"), (series("6.1"), Some(0)));
    assert_eq!(read("6.1"), (series("6.1"), None));
    assert_eq!(read("6.18.0-rc3"), (series("6.18"), None));
    assert_eq!(read("5.14.0-427.el9.x86_64"), (series("5.14"), None));
    assert_eq!(read("4.4.302-st40"), (series("4.4"), Some(302)));
}

#[test]
fn text_that_names_no_release_tells_nothing() {
    for text in
        ["", "6", "6.", ".6.1", "linux 6.1", "-6.1", "99999999.1.2", "6.99999999", "6.1.99999999"]
    {
        let release = Release::of(text);
        assert_eq!(release, Release::default(), "{text}");
        assert!(Change::ALL.iter().all(|change| release.has(*change).is_none()), "{text}");
        assert!(!release.is_covered(), "{text}");
    }
}

#[test]
fn an_enterprise_kernel_is_older_by_name_than_by_what_is_in_it() {
    assert_eq!(has("5.14.0-427.el9.x86_64", Change::XfrmErrorCounters), Some(true));
    assert_eq!(has("5.14.0-427.el9.x86_64", Change::SaDirection), None);
    assert_eq!(has("5.4.17-2136.el8uek.x86_64", Change::DontFragmentVti), None);
    assert_eq!(has("5.4.17-my.elf", Change::DontFragmentVti), Some(false), "no enterprise kernel");
}

#[test]
fn a_release_is_covered_between_the_oldest_and_the_newest_that_was_tested() {
    let covered = |release: &str| Release::of(release).is_covered();
    for Series(major, minor) in TESTED {
        assert!(covered(&format!("{major}.{minor}.1")));
        assert!(covered(&format!("{major}.{minor}.0-9-amd64")));
    }
    assert!(covered("6.6.58-amd64-vyos"), "between 6.1 and 6.12");
    for outside in
        ["5.4.268-amd64-vyos", "4.19.1", "5.9.16", "7.3.0", "6.9.0-rc1", "6.12.0-5.el10.x86_64", ""]
    {
        assert!(!covered(outside), "{outside}");
        assert!(Release::of(outside).reservation().is_some(), "{outside}");
    }
    assert_eq!(Release::of("6.6.58").reservation(), None);
}

#[test]
fn what_is_outside_is_said_in_one_sentence() {
    let rest = "of the releases that the model was tested on (5.10 to 7.2): what the model proves is called consistent.";
    let said = |release| Release::of(release).reservation().unwrap();
    assert_eq!(said("5.4.268-amd64-vyos"), format!("Linux 5.4 is outside {rest}"));
    assert_eq!(
        said("5.14.0-427.el9.x86_64"),
        format!("Linux 5.14 of an enterprise distribution is outside {rest}")
    );
    assert_eq!(said("6.9.0-rc1"), format!("A release candidate of Linux 6.9 is outside {rest}"));
    assert_eq!(said("?"), format!("The kernel's release is unknown: it may be outside {rest}"));
}

proptest! {
    #[test]
    fn any_text_has_a_release(text in any::<String>()) {
        let release = Release::of(&text);
        for change in Change::ALL {
            release.has(change);
        }
        prop_assert_eq!(release.is_covered(), release.reservation().is_none());
    }

    #[test]
    fn no_later_patch_of_a_series_loses_a_change(
        major in 3u16..9, minor in 0u16..25, patch in 0u16..300, text in "([-+.a-z][-+.a-z0-9]{0,7})?"
    ) {
        for change in Change::ALL {
            let earlier = Release::of(&format!("{major}.{minor}.{patch}{text}")).has(change);
            let later = Release::of(&format!("{major}.{minor}.{}", patch + 1)).has(change);
            prop_assert!(earlier != Some(true) || later == Some(true), "{:?}", change);
        }
    }
}
