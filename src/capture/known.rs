//! The words that may stay in a redacted capture, each place with its own: those of charon, of the kernel, of VyOS and of this program. A
//! word that looks like one of them and is not listed may be anything, so it is replaced.

/// charon's words for any address.
pub(super) const ANY: &[&str] = &[
    "%any", "%any4", "%any6", "%config", "%config4", "%config6", "%dynamic", "%unique", "dynamic",
];

/// Versions of IKE, and what becomes of a second IKE_SA.
pub(super) const CONNECTION: &[&str] =
    &["IKEv1", "IKEv2", "IKEv1/2", "UNIQUE_NO", "UNIQUE_NEVER", "UNIQUE_KEEP", "UNIQUE_REPLACE"];

/// States of IKE_SAs and of CHILD_SAs (`ike_sa_state_names`, `child_sa_state_names`).
pub(super) const STATES: &[&str] = &[
    "CREATED",
    "CONNECTING",
    "ESTABLISHED",
    "PASSIVE",
    "REKEYING",
    "REKEYED",
    "DELETING",
    "DELETED",
    "DESTROYING",
    "ROUTED",
    "INSTALLING",
    "INSTALLED",
    "UPDATING",
    "RETRYING",
];

/// Modes and actions of CHILD configurations (`ipsec_mode_names`, `action_names`).
pub(super) const CHILD: &[&str] = &[
    "TUNNEL",
    "TRANSPORT",
    "TRANSPORT_PROXY",
    "BEET",
    "PASS",
    "DROP",
    "IPTFS",
    "none",
    "clear",
    "trap",
    "hold",
    "start",
    "restart",
    "route",
];

/// Tasks of IKE_SAs (`task_type_names`).
pub(super) const TASKS: &[&str] = &[
    "IKE_INIT",
    "IKE_NATD",
    "IKE_MOBIKE",
    "IKE_AUTH",
    "IKE_AUTH_LIFETIME",
    "IKE_CERT_PRE",
    "IKE_CERT_POST",
    "IKE_CONFIG",
    "IKE_REKEY",
    "IKE_REAUTH",
    "IKE_REAUTH_COMPLETE",
    "IKE_REDIRECT",
    "IKE_VERIFY_PEER_CERT",
    "IKE_DELETE",
    "IKE_DPD",
    "IKE_VENDOR",
    "IKE_MID_SYNC",
    "IKE_ESTABLISH",
    "IKE_ME",
    "CHILD_CREATE",
    "CHILD_DELETE",
    "CHILD_REKEY",
    "MAIN_MODE",
    "AGGRESSIVE_MODE",
    "INFORMATIONAL",
    "ISAKMP_DELETE",
    "ISAKMP_NATD",
    "ISAKMP_VENDOR",
    "ISAKMP_CERT_PRE",
    "ISAKMP_CERT_POST",
    "ISAKMP_DPD",
    "XAUTH",
    "MODE_CONFIG",
    "QUICK_MODE",
    "QUICK_DELETE",
];

/// `connection-type` of VyOS.
pub(super) const CONNECTION_TYPES: &[&str] = &["initiate", "respond", "trap", "none"];

/// VyOS's sets of interfaces that validate sources (T9152), and the chains that do.
pub(super) const INTERFACE_SETS: &[&str] = &["rpfilter_strict_ifaces", "rpfilter_loose_ifaces"];
pub(super) const VALIDATION_CHAINS: &[&str] = &["vyos_rpfilter", "vyos_global_rpfilter"];

/// IFLA_INFO_KIND of the drivers of Linux, and of those that VyOS adds.
pub(super) const LINK_KINDS: &[&str] = &[
    "amt",
    "bareudp",
    "batadv",
    "bond",
    "bond_slave",
    "bridge",
    "can",
    "dsa",
    "dummy",
    "erspan",
    "geneve",
    "gre",
    "gretap",
    "gtp",
    "hsr",
    "ifb",
    "ip6erspan",
    "ip6gre",
    "ip6gretap",
    "ip6tnl",
    "ipip",
    "ipoib",
    "ipvlan",
    "ipvtap",
    "lowpan",
    "macsec",
    "macvlan",
    "macvtap",
    "netdevsim",
    "netkit",
    "nlmon",
    "ovpn",
    "ovpn-dco",
    "pfcp",
    "ppp",
    "rmnet",
    "sit",
    "team",
    "tun",
    "vcan",
    "veth",
    "vlan",
    "vrf",
    "vsockmon",
    "vti",
    "vti6",
    "vxcan",
    "vxlan",
    "wireguard",
    "wwan",
    "xfrm",
];

/// Rows of /proc/net/xfrm_stat (`xfrm_mib_list`).
pub(super) const XFRM_COUNTERS: &[&str] = &[
    "XfrmInError",
    "XfrmInBufferError",
    "XfrmInHdrError",
    "XfrmInNoStates",
    "XfrmInStateProtoError",
    "XfrmInStateModeError",
    "XfrmInStateSeqError",
    "XfrmInStateExpired",
    "XfrmInStateMismatch",
    "XfrmInStateInvalid",
    "XfrmInTmplMismatch",
    "XfrmInNoPols",
    "XfrmInPolBlock",
    "XfrmInPolError",
    "XfrmInStateDirError",
    "XfrmInIptfsError",
    "XfrmOutError",
    "XfrmOutBundleGenError",
    "XfrmOutBundleCheckError",
    "XfrmOutNoStates",
    "XfrmOutStateProtoError",
    "XfrmOutStateModeError",
    "XfrmOutStateSeqError",
    "XfrmOutStateExpired",
    "XfrmOutPolBlock",
    "XfrmOutPolDead",
    "XfrmOutPolError",
    "XfrmOutStateInvalid",
    "XfrmOutStateDirError",
    "XfrmOutNoQueueSpace",
    "XfrmFwdHdrError",
    "XfrmAcquireError",
];

/// The words of `timeline::event`.
pub(super) const EVENT_WORDS: &[&str] = &[
    "->",
    "SA",
    "SAs",
    "added",
    "all",
    "deleted",
    "destination",
    "down",
    "expired",
    "flushed",
    "from",
    "fwd",
    "in",
    "installed",
    "link",
    "out",
    "policies",
    "policy",
    "port",
    "protocol",
    "route",
    "set",
    "source",
    "table",
    "to",
    "up",
];

/// Words beside the numbers of a release.
const VERSION_WORDS: &[&str] = &[
    "VyOS",
    "vyos",
    "amd64",
    "arm64",
    "x86",
    "aarch64",
    "rolling",
    "stream",
    "circinus",
    "sagitta",
    "equuleus",
    "crux",
    "LTS",
    "lts",
    "epa",
    "EPA",
    "generic",
    "cloud",
    "rt",
    "unsigned",
    "virtual",
    "lowlatency",
    "aws",
    "azure",
    "gcp",
    "kvm",
    "pve",
    "uek",
    "dev",
    "dr",
];
/// What may stand before a number in such a word: `deb12`, `rc3`, `el9`.
const VERSION_STEMS: &[&str] = &["deb", "bpo", "rc", "el", "fc", "rt", "ubuntu", "dr", "epa", "u"];

/// A number, decimal or hexadecimal, of at most 32 bits.
pub(super) fn is_number(word: &str) -> bool {
    match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).is_ok() && !digits.starts_with('+'),
        None => !word.is_empty() && word.len() <= 10 && is_digits(word),
    }
}

fn is_digits(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_digit())
}

/// A version with the parts of it that are known; empty where none is.
pub(super) fn version(text: &str) -> String {
    // A date with its time is the longest number in one.
    const MOST_DIGITS: usize = 14;
    let is_known = |part: &str| {
        let stem = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_numbered = stem.is_empty() || (VERSION_STEMS.contains(&stem) && stem != part);
        VERSION_WORDS.contains(&part) || (is_numbered && part.len() - stem.len() <= MOST_DIGITS)
    };
    let mut kept = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        // `deb12u1` is two.
        let is_update = word.split_once('u').is_some_and(|(a, b)| is_known(a) && is_known(b));
        let separator = part.get(word.len()..).filter(|c| "-+~._ ".contains(c)).unwrap_or("-");
        if !word.is_empty() && (is_known(word) || is_update) {
            kept += word;
            kept += separator;
        }
    }
    kept.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// `charon 5.9.8`: what it is, and its version.
pub(super) fn daemon(text: &str) -> String {
    const NAMES: &[&str] = &["charon", "charon-systemd", "charon-cmd", "charon-nm"];
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    let name = NAMES.iter().find(|known| **known == name).unwrap_or(&"charon");
    format!("{name} {}", version(rest)).trim_end().to_owned()
}

/// Whether a text is a date and a time: `Nov 23 04:16:52 2026`.
pub(super) fn is_time(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "UTC",
    ];
    let words = text.split([' ', ':', '-']).filter(|word| !word.is_empty());
    text.len() <= 32
        && words.clone().count() <= 8
        && words.into_iter().all(|w| WORDS.contains(&w) || (is_digits(w) && w.len() <= 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_version_stays_what_is_known() {
        for text in [
            "6.12.95+deb12-cloud-amd64",
            "6.6.58-amd64-vyos",
            "5.10.0-28-amd64",
            "5.14.0-427.el9_4.x86_64",
            "6.13.0-rc3",
            "5.15.0-122-generic",
            "6.1.106-3+deb12u1",
            "1.4.2",
            "1.5-rolling-202409250007",
            "2025.09.10-0018-rolling",
            "",
        ] {
            assert_eq!(version(text), text);
        }
        assert_eq!(version("6.6.58-acme-prod"), "6.6.58");
        assert_eq!(version("6.6.58-acme-amd64"), "6.6.58-amd64");
        assert_eq!(version("joe@example.net"), "");
        assert_eq!(daemon("charon 5.9.8"), "charon 5.9.8");
        assert_eq!(daemon("acme 5.9.8/acme"), "charon 5.9.8");
        assert!(is_time("Nov 23 04:16:52 2026") && !is_time("since acme"));
        assert!(
            is_number("0xc1000001") && is_number("254") && !is_number("cafe") && !is_number("")
        );
    }
}
