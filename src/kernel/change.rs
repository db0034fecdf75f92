//! The one table of what differs between kernels: every condition on a release goes through [`super::Release::has`]. What a difference means for a
//! packet is said where the model asks for it.

use std::fmt;

/// Major and minor number of a kernel release: `5.10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series(pub u16, pub u16);

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
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
    DisablePolicyOfIpv4Only,
    CollectMetadata,
    InnerFamilyByHeader,
    NftablesDropsItself,
    SaDirection,
    StateDirectionErrors,
    PerCpuSas,
    OutboundSaCache,
    InboundSaCache,
    Iptfs,
    WildcardsOfVti6,
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
    pub(super) fn since_patch(&self, series: Series) -> Option<u16> {
        self.backports.iter().find(|(s, _)| *s == series).map(|(_, patch)| *patch)
    }
}

impl Change {
    /// All changes, in the order of the releases.
    pub const ALL: [Change; 23] = [
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
        Change::DisablePolicyOfIpv4Only,
        Change::CollectMetadata,
        Change::InnerFamilyByHeader,
        Change::NftablesDropsItself,
        Change::SaDirection,
        Change::StateDirectionErrors,
        Change::PerCpuSas,
        Change::OutboundSaCache,
        Change::InboundSaCache,
        Change::Iptfs,
        Change::WildcardsOfVti6,
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
                what: "disable_xfrm and disable_policy of net.ipv4.conf.all count for every device; before, the device's own setting alone",
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
            Change::DisablePolicyOfIpv4Only => Row {
                what: "disable_policy of net.ipv4 exempts IPv4 packets only; before, the route of the encrypted packet exempts IPv6 packets too",
                part: "IPv4 routes, ip_vti",
                mainline: Series(6, 0),
                backports: &[],
                unsettled: &[],
                commit: "b5c8b3fe8946 xfrm: no need to set DST_NOPOLICY in IPv4",
                seen: "rt_dst_alloc() has its argument in 5.19, and not in 6.2; lab 5.10, 6.1, 6.12, 6.18",
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
            Change::InnerFamilyByHeader => Row {
                what: "the family of a decrypted packet is that of its header; before, that of the SA's selector, and another one is refused",
                part: "xfrm_input()",
                mainline: Series(6, 4),
                backports: &[],
                unsettled: &[Series(6, 1)],
                commit: "5f24f41e8ea6 xfrm: Remove inner/outer modes from input path",
                seen: "mailing list; lists of stable commits of February 2024; lab 5.10, 6.12",
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
            Change::InboundSaCache => Row {
                what: "of several SAs with one SPI, one that was used before is found first; before, the newest",
                part: "xfrm_input_state_lookup()",
                mainline: Series(6, 13),
                backports: &[(Series(6, 12), 13)],
                unsettled: &[],
                commit: "81a331a0e72d xfrm: Add an inbound percpu state cache.",
                seen: "review of 6.12.13",
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
            Change::WildcardsOfVti6 => Row {
                what: "a device with both addresses takes no packet that has only one of them; before, one in 32 does, by its place in the hash table",
                part: "ip6_vti",
                mainline: Series(7, 1),
                backports: &[
                    (Series(5, 10), 259),
                    (Series(5, 15), 210),
                    (Series(6, 1), 176),
                    (Series(6, 6), 143),
                    (Series(6, 12), 94),
                    (Series(6, 18), 36),
                    (Series(7, 0), 13),
                ],
                unsettled: &[],
                commit: "a5c0359f5cbc ip6_vti: fix incorrect tunnel matching in vti6_tnl_lookup()",
                seen: "stable queue of June 2026, ranges of CVE-2026-53221; lab 6.12.95 has it, 5.10.223 and 6.18.15 have not",
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
