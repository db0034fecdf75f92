//! Where commands are typed: Linux with strongSwan, with libreswan or without an IKE daemon, or a release of VyOS. It knows no command.

use crate::snapshot::{Host, Reason, Snapshot};

/// A release of VyOS, as far as commands differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// 1.3, equuleus.
    V1_3,
    /// 1.4, sagitta.
    V1_4,
    /// 1.5, rolling, and every later one.
    Current,
}

impl Release {
    /// By VyOS's own version string: `1.3.8`, `1.4.1`, `1.5-rolling-202410…`, `2026.03.01-…-rolling`.
    pub fn of(version: &str) -> Self {
        let is = |release: &str| {
            let rest = version.strip_prefix(release);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        match (is("1.3"), is("1.4")) {
            (true, _) => Release::V1_3,
            (_, true) => Release::V1_4,
            _ => Release::Current,
        }
    }
}

/// Where a command is to be typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// A shell of root on a Linux with strongSwan.
    Linux,
    /// The same with libreswan.
    Libreswan,
    /// The same with neither: the SAs were installed by hand or by an unknown program.
    Bare,
    /// The prompt of an administrator of VyOS.
    Vyos(Release),
}

impl System {
    /// Every system.
    pub const ALL: &[System] = &[
        System::Linux,
        System::Libreswan,
        System::Bare,
        System::Vyos(Release::V1_3),
        System::Vyos(Release::V1_4),
        System::Vyos(Release::Current),
    ];

    /// The system of a snapshot. A charon that could not be asked may still exist.
    pub fn of(now: &Snapshot) -> Self {
        let absent = now.ike.as_ref().is_err_and(|missing| missing.reason == Reason::Absent);
        Self::of_host(&now.host, !absent)
    }

    /// The system of a host, with charon or without.
    pub fn of_host(host: &Host, has_charon: bool) -> Self {
        match &host.vyos_version {
            Some(version) => System::Vyos(Release::of(version)),
            None if has_charon => System::Linux,
            None if host.pluto => System::Libreswan,
            None => System::Bare,
        }
    }

    /// Systems whose command is named where this one has none, and the words for them.
    pub const fn elsewhere(self) -> &'static [(System, &'static str)] {
        match self {
            System::Vyos(_) => &[
                (System::Vyos(Release::V1_4), "since 1.4"),
                (System::Vyos(Release::Current), "since 1.5"),
            ],
            _ => &[(System::Linux, "strongSwan"), (System::Vyos(Release::Current), "VyOS")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_known_by_the_version_of_the_host() {
        for (version, release) in [
            ("1.3.8", Release::V1_3),
            ("1.3", Release::V1_3),
            ("1.4.1", Release::V1_4),
            ("1.4-rolling-202308040317", Release::V1_4),
            ("1.30", Release::Current),
            ("1.5-rolling-202410030006", Release::Current),
            ("1.5.0", Release::Current),
            ("2026.03.01-0024-rolling", Release::Current),
            ("", Release::Current),
        ] {
            assert_eq!(Release::of(version), release, "{version}");
        }
    }
}
