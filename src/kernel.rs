//! Kernel releases, and the one table of what differs between them: every condition on a release goes through [`Release::has`].
//! A leaf: it reads nothing and uses nothing of ours. What a difference means for a packet is said where the model asks for it.

#![deny(clippy::disallowed_methods)]

use std::fmt;

/// Major and minor number of a kernel release: `5.10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series(pub u16, pub u16);

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The series that the model was held against in the laboratory, oldest first.
pub const TESTED: [Series; 5] =
    [Series(5, 10), Series(6, 1), Series(6, 12), Series(6, 18), Series(7, 2)];

/// What the name tells of the patches in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patches {
    /// All of the series up to this one: `6.6.58-amd64-vyos`.
    Level(u16),
    /// It hides them: `5.10.0-32-cloud-amd64` is the 32nd ABI of Debian's 5.10, not 5.10.0. Ubuntu names its kernels likewise.
    Hidden,
    /// A release candidate: `5.12.0-rc7`.
    Candidate,
    /// An enterprise kernel, with parts of much newer ones: `5.14.0-427.el9`.
    Enterprise,
}

/// A kernel release, as far as `uname -r` tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Release(Option<(Series, Patches)>);

impl Release {
    /// Of the output of `uname -r`. Any text has one: where it names no release, nothing can be told from it.
    pub fn of(text: &str) -> Self {
        Self(parse(text))
    }

    /// Major and minor number; none where the text names no release.
    pub fn series(self) -> Option<Series> {
        self.0.map(|(series, _)| series)
    }

    /// The patch level; none where the name hides it.
    pub fn patch(self) -> Option<u16> {
        match self.0 {
            Some((_, Patches::Level(patch))) => Some(patch),
            _ => None,
        }
    }

    /// Whether a kernel of this release has the change. None: its name does not tell, or nobody established it.
    pub fn has(self, change: Change) -> Option<bool> {
        let (series, patches) = self.0?;
        let row = change.row();
        match patches {
            Patches::Candidate if series == row.mainline => None,
            _ if series >= row.mainline => Some(true),
            Patches::Enterprise => None,
            // No stable release gets into a candidate.
            Patches::Candidate => Some(false),
            _ if row.unsettled.contains(&series) => None,
            Patches::Level(patch) => Some(row.since_patch(series).is_some_and(|p| patch >= p)),
            Patches::Hidden => row.since_patch(series).map_or(Some(false), |_| None),
        }
    }

    /// Whether the model's proofs hold for it: it lies between the oldest and the newest of the [`TESTED`] series.
    ///
    /// A series between two tested ones counts, though none of its kernels was in the laboratory (VyOS 1.4 runs 6.6): what changed on
    /// the way is in the table with the releases that have it, and both ends behave as the model says. Below the oldest and above the
    /// newest there is only one end, and what is not in the table was looked for by nobody. An enterprise kernel is none of its
    /// series, and a candidate is no release.
    pub fn is_covered(self) -> bool {
        let [oldest, .., newest] = TESTED;
        self.0.is_some_and(|(series, patches)| {
            matches!(patches, Patches::Level(_) | Patches::Hidden)
                && (oldest..=newest).contains(&series)
        })
    }

    /// Why a finding that the model proves is called consistent, in one line; none where the release is covered.
    pub fn reservation(self) -> Option<String> {
        if self.is_covered() {
            return None;
        }
        let [oldest, .., newest] = TESTED;
        let subject = match self.0 {
            None => "The kernel's release is unknown: it may be outside".to_owned(),
            Some((series, Patches::Enterprise)) => {
                format!("Linux {series} of an enterprise distribution is outside")
            }
            Some((series, Patches::Candidate)) => {
                format!("A release candidate of Linux {series} is outside")
            }
            Some((series, _)) => format!("Linux {series} is outside"),
        };
        Some(format!(
            "{subject} of the releases that the model was tested on ({oldest} to {newest}): what the model proves is called consistent."
        ))
    }
}

/// The parts of `uname -r` that matter: three numbers, and what follows them.
fn parse(text: &str) -> Option<(Series, Patches)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut numbers = numbers.split('.');
    let series = Series(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let third = match numbers.next() {
        None | Some("") => None,
        Some(third) => Some(third.parse().ok()?),
    };
    let patches = match third {
        _ if is_enterprise(rest) => Patches::Enterprise,
        None | Some(0) if rest.starts_with("-rc") => Patches::Candidate,
        None => Patches::Hidden,
        Some(0) if rest.starts_with('-') => Patches::Hidden,
        Some(patch) => Patches::Level(patch),
    };
    Some((series, patches))
}

/// Red Hat's and Oracle's kernels: `.el9_4`, `.el8uek`.
fn is_enterprise(rest: &str) -> bool {
    let digit_follows = |(at, mark): (usize, &str)| {
        rest.get(at + mark.len()..)
            .is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()))
    };
    rest.match_indices(".el").any(digit_follows)
}

/// What one kernel does and another does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "said in the row of each")]
pub enum Change {
    OutputMarkMask,
    XfrmInterfaces,
    HoldQueueOfVti,
    XfrmErrorCounters,
    DisableXfrmOfAll,
    XfrmIgnoresDisableXfrm,
    DontFragmentXfrm,
    DontFragmentVti,
    DontFragmentVti6,
    DefaultPolicies,
    SmallIpv6Xfrm,
    DropReasons,
    CollectMetadata,
    NftablesDropsItself,
    SaDirection,
    StateDirectionErrors,
    PerCpuSas,
    OutboundSaCache,
    Iptfs,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What kernels with the change do.
    pub what: &'static str,
    /// The driver or part concerned.
    pub part: &'static str,
    /// The first release of Linus Torvalds's tree that has it.
    pub mainline: Series,
    /// The stable releases that brought it to older series.
    pub backports: &'static [(Series, u16)],
    /// Older series that may have it from a patch level on that was not established.
    pub unsettled: &'static [Series],
    /// Commit and its subject.
    pub commit: &'static str,
    /// Where it was seen: kernels of the laboratory, sources and changelogs that were read.
    pub seen: &'static str,
}

impl Row {
    fn since_patch(&self, series: Series) -> Option<u16> {
        self.backports.iter().find(|(s, _)| *s == series).map(|(_, patch)| *patch)
    }
}

impl Change {
    /// All changes, in the order of the releases.
    pub const ALL: [Change; 19] = [
        Change::OutputMarkMask,
        Change::XfrmInterfaces,
        Change::HoldQueueOfVti,
        Change::XfrmErrorCounters,
        Change::DisableXfrmOfAll,
        Change::XfrmIgnoresDisableXfrm,
        Change::DontFragmentXfrm,
        Change::DontFragmentVti,
        Change::DontFragmentVti6,
        Change::DefaultPolicies,
        Change::SmallIpv6Xfrm,
        Change::DropReasons,
        Change::CollectMetadata,
        Change::NftablesDropsItself,
        Change::SaDirection,
        Change::StateDirectionErrors,
        Change::PerCpuSas,
        Change::OutboundSaCache,
        Change::Iptfs,
    ];

    /// The first release that has it: `5.15`, and the stable ones before: `5.15 (and 5.10.118)`.
    pub fn since(self) -> String {
        let row = self.row();
        let older: Vec<String> =
            row.backports.iter().map(|(series, patch)| format!("{series}.{patch}")).collect();
        if older.is_empty() {
            row.mainline.to_string()
        } else {
            format!("{} (and {})", row.mainline, older.join(", "))
        }
    }

    /// Its row.
    pub const fn row(self) -> Row {
        match self {
            Change::OutputMarkMask => Row {
                what: "an SA's output mark has a mask (XFRMA_SET_MARK_MASK); before, it counts in all bits",
                part: "xfrm_user",
                mainline: Series(4, 19),
                backports: &[],
                unsettled: &[],
                commit: "9b42c1f179a6 xfrm: Extend the output_mark to support input direction and masking",
                seen: "mailing list; lab 5.10, 6.1, 6.18",
            },
            Change::XfrmInterfaces => Row {
                what: "xfrm interfaces exist",
                part: "xfrm_interface",
                mainline: Series(4, 19),
                backports: &[],
                unsettled: &[],
                commit: "f203b76d7809 xfrm: Add virtual xfrm interfaces",
                seen: "mailing list; lab 5.10 to 7.2 have it",
            },
            Change::HoldQueueOfVti => Row {
                what: "with xfrm_larval_drop=0, packets without an SA are queued and counted as sent; before, they are dropped",
                part: "ip_vti, ip6_vti",
                mainline: Series(5, 9),
                backports: &[],
                unsettled: &[],
                commit: "b328ecc468f8 xfrm: Make the policy hold queue work with VTI.",
                seen: "source of 5.10.262, 6.1.192, 6.12.117; lab 6.1, 6.12",
            },
            Change::XfrmErrorCounters => Row {
                what: "the interface exports its error counters; before, packets, bytes and drops only (xfrmi_get_stats64())",
                part: "xfrm_interface",
                mainline: Series(5, 11),
                backports: &[],
                unsettled: &[],
                commit: "0064c5c1b3bf net: xfrm: use core API for updating/providing stats",
                seen: "source: not in 5.10.262, in 6.1.192; lab 6.1, 6.12",
            },
            Change::DisableXfrmOfAll => Row {
                what: "net.ipv4.conf.all.disable_xfrm counts for every device; before, the device's own setting alone",
                part: "IPv4 routes",
                mainline: Series(5, 11),
                backports: &[(Series(5, 10), 118)],
                unsettled: &[],
                commit: "62679a8d3aa4 net: evaluate net.ipvX.conf.all.disable_policy and disable_xfrm",
                seen: "changelog of 5.10.118; lab 6.1, 6.12",
            },
            Change::XfrmIgnoresDisableXfrm => Row {
                what: "disable_xfrm does not count in lookups with an if_id; before, it disables xfrm interfaces too",
                part: "xfrm_lookup_with_ifid()",
                mainline: Series(5, 11),
                backports: &[(Series(4, 19), 173), (Series(5, 4), 95), (Series(5, 10), 13)],
                unsettled: &[],
                commit: "9f8550e4bd9d xfrm: fix disable_xfrm sysctl when used on xfrm interfaces",
                seen: "review of 4.19.173 and 5.4.95, changelog of 5.10.13; lab 6.1, 6.12",
            },
            Change::DontFragmentXfrm => Row {
                what: "a big IPv4 packet without DF is sent and fragmented; before, it is refused like one with DF",
                part: "xfrm_interface",
                mainline: Series(5, 12),
                backports: &[
                    (Series(4, 19), 187),
                    (Series(5, 4), 112),
                    (Series(5, 10), 30),
                    (Series(5, 11), 14),
                ],
                unsettled: &[],
                commit: "8fc0e3b6a866 xfrm: interface: fix ipv4 pmtu check to honor ip header df",
                seen: "reviews of the four stable releases; source of 5.10.262, 6.1.192, 6.12.117",
            },
            Change::DontFragmentVti => Row {
                what: "a big IPv4 packet without DF is sent and fragmented; before, it is refused like one with DF",
                part: "ip_vti",
                mainline: Series(5, 12),
                backports: &[],
                unsettled: &[],
                commit: "c7c1abfd6d42 vti: fix ipv4 pmtu check to honor ip header df",
                seen: "source: not in 5.10.262 (so in no older series), in 6.1.192 and 6.12.117",
            },
            Change::DontFragmentVti6 => Row {
                what: "a big IPv4 packet without DF is sent and fragmented; before, it is refused like one with DF",
                part: "ip6_vti",
                mainline: Series(5, 12),
                backports: &[],
                unsettled: &[],
                commit: "4c38255892c0 vti6: fix ipv4 pmtu check to honor ip header df",
                seen: "source: not in 5.10.262 (so in no older series), in 6.1.192 and 6.12.117",
            },
            Change::DefaultPolicies => Row {
                what: "packets without a policy can be blocked (XFRM_MSG_SETDEFAULT, XFRM_MSG_GETDEFAULT)",
                part: "xfrm_policy, xfrm_user",
                mainline: Series(5, 15),
                backports: &[(Series(5, 10), 118)],
                unsettled: &[],
                commit: "2d151d39073a xfrm: Add possibility to set the default to block if we have no policy",
                seen: "changelog of 5.10.118, source of 5.10.262; lab 6.1, 6.12",
            },
            Change::SmallIpv6Xfrm => Row {
                what: "an IPv6 packet of up to 1280 bytes is always let through; before, it is refused where it does not fit",
                part: "xfrm_interface",
                mainline: Series(5, 17),
                backports: &[
                    (Series(4, 19), 238),
                    (Series(5, 4), 189),
                    (Series(5, 10), 110),
                    (Series(5, 15), 33),
                    (Series(5, 16), 19),
                ],
                unsettled: &[],
                commit: "4ff2980b6bd2 xfrm: fix tunnel model fragmentation behavior",
                seen: "announcement of 5.17-rc8, stable queue of April 2022, changelog of 5.10.110; source of 5.10.262",
            },
            Change::DropReasons => Row {
                what: "the drop monitor says why a packet was dropped (NET_DM_ATTR_REASON)",
                part: "drop_monitor",
                mainline: Series(5, 18),
                backports: &[],
                unsettled: &[Series(5, 15)],
                commit: "5cad527d5ffa net: drop_monitor: support drop reason",
                seen: "mailing list; header of 6.1.192; lab 6.1, 6.12",
            },
            Change::CollectMetadata => Row {
                what: "an interface can take the if_id of each packet from its metadata (IFLA_XFRM_COLLECT_METADATA)",
                part: "xfrm_interface",
                mainline: Series(6, 1),
                backports: &[],
                unsettled: &[],
                commit: "abc340b38ba2 xfrm: interface: support collect metadata mode",
                seen: "source: not in 5.10.262, in 6.1.192",
            },
            Change::NftablesDropsItself => Row {
                what: "nft_do_chain() frees the packet that a rule drops; before, nf_hook_slow() does",
                part: "nf_tables",
                mainline: Series(6, 7),
                backports: &[(Series(6, 1), 191)],
                unsettled: &[Series(5, 15), Series(6, 6)],
                commit: "e0d4593140b0 netfilter: make nftables drops visible in net dropmonitor",
                seen: "changelog of 6.1.191; source: not in 5.10.262, in 6.12.117; lab 6.1 (older patch) to 7.2",
            },
            Change::SaDirection => Row {
                what: "an SA can have a direction (XFRMA_SA_DIR)",
                part: "xfrm_user",
                mainline: Series(6, 10),
                backports: &[],
                unsettled: &[],
                commit: "a4a87fa4e96c xfrm: Add Direction to the SA in or out",
                seen: "lab 6.12 and later; taken back before 6.6.59 was released",
            },
            Change::StateDirectionErrors => Row {
                what: "an SA of the other direction is refused and counted (XfrmOutStateDirError, XfrmInStateDirError)",
                part: "xfrm_policy, xfrm_input",
                mainline: Series(6, 10),
                backports: &[],
                unsettled: &[],
                commit: "601a0867f86c xfrm: Add dir validation to \"out\" data path lookup",
                seen: "source of 6.12.117; lab 6.12",
            },
            Change::PerCpuSas => Row {
                what: "an SA can belong to one CPU (XFRMA_SA_PCPU): packets on others do not use it",
                part: "xfrm_state_look_at()",
                mainline: Series(6, 13),
                backports: &[(Series(6, 12), 13)],
                unsettled: &[],
                commit: "1ddf9916ac09 xfrm: Add support for per cpu xfrm state handling.",
                seen: "announcement of 6.12.13; source of 6.12.117",
            },
            Change::OutboundSaCache => Row {
                what: "a policy goes on with an SA that it used before, until that is deleted; before, with the newest",
                part: "xfrm_state_find()",
                mainline: Series(6, 13),
                backports: &[(Series(6, 12), 13)],
                unsettled: &[],
                commit: "0045e3d80613 xfrm: Cache used outbound xfrm states at the policy.",
                seen: "announcement of 6.12.13; source of 6.12.117",
            },
            Change::Iptfs => Row {
                what: "SAs of mode iptfs exist",
                part: "xfrm_iptfs",
                mainline: Series(6, 14),
                backports: &[],
                unsettled: &[],
                commit: "4b3faf610cc6 xfrm: iptfs: add new iptfs xfrm mode impl",
                seen: "mailing list; source: not in 6.12.117",
            },
        }
    }
}

/// The whole table as text, for people: what differs, since when, by which commit, and how that is known.
pub fn table() -> String {
    let mut text = String::new();
    for change in Change::ALL {
        let Row { what, part, unsettled, commit, seen, .. } = change.row();
        let open: Vec<String> = unsettled.iter().map(ToString::to_string).collect();
        let open = if open.is_empty() {
            String::new()
        } else {
            format!("; not established for {}", open.join(", "))
        };
        text +=
            &format!("{}{open}  {part}: {what}\n    {commit}\n    seen: {seen}\n", change.since());
    }
    text
}
