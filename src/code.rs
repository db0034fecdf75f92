//! The codes of findings and what is known of each without looking at a host: one table. A leaf: it knows nothing else of ours.
//!
//! A number of a finding stands here and nowhere else; whoever speaks of a cause names its variant. Codes are never reused and never
//! renumbered.

use serde::{Serialize, Serializer};
use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is lost now.
    Notice,
    /// Some traffic is or will be lost.
    Warning,
    /// The tunnel does not do its work.
    Fault,
}

/// Where on its way a packet is lost, or what else a finding is about. Those of the way come in the order in which a packet passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The tunnel's state is in another network namespace.
    Namespace,
    /// IKE, CHILD_SAs and the configuration that asks for them.
    Control,
    /// Whether packets come as far as the interface.
    Enters,
    /// Routing rules and the route inside.
    Rules,
    /// The packet filter before the interface.
    Filter,
    /// Address translation before the interface.
    Nat,
    /// The interface's own checks.
    Device,
    /// The outbound policy.
    Policy,
    /// The SA for the policy's template.
    Sa,
    /// The route of the encrypted packet.
    OuterRoute,
    /// The size of the packet.
    Mtu,
    /// The encryption stage.
    Encryption,
    /// Neighbour, queue and outer interface.
    Queue,
    /// Everything that an encrypted packet passes when it arrives.
    Receive,
    /// The path to the peer, and the peer.
    Beyond,
    /// What the two ends' states say together.
    Ends,
    /// The host and its configuration.
    Host,
    /// Losses that are over.
    Past,
    /// Losses that nothing explains.
    Residue,
}

/// The counters that move when a packet is lost for a cause, or ends at a site: the classes that the drivers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moves {
    /// None of the interface's transmit counters.
    Nothing,
    /// `tx_packets`: counted as sent.
    Sent,
    /// `tx_packets`, though the packet waits for an SA and may be dropped later.
    Held,
    /// `tx_errors` and `tx_carrier_errors`: there is no transformation for the packet.
    Carrier,
    /// `tx_errors` and `tx_aborted_errors`: `dst_output()` failed (`iptunnel_xmit_stats()` with a negative length).
    Aborted,
    /// `tx_errors` and `collisions`: the encrypted packet would leave through the interface itself.
    Collisions,
    /// `tx_errors` alone: too big, not IP, or an address conflict.
    ErrorsOnly,
}

impl Moves {
    /// Whether a rise of `tx_errors`, or packets that never arrive though they count as sent, can be its doing.
    pub const fn explains_errors(self) -> bool {
        !matches!(self, Moves::Nothing | Moves::Sent)
    }
}

/// What a cause is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// The tunnel's policies, SAs, outer route and IKE state: where these are in another network namespace, nothing can be said.
    Tunnel,
    /// The interface, its counters, and the host that it is on.
    Interface,
}

/// What is known of a cause without looking at a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// The code.
    pub code: Code,
    /// For programs, and for good: named after the fault, not after the fix.
    pub name: &'static str,
    /// For people: what is wrong, in a few words.
    pub title: &'static str,
    /// The usual severity; a check may grade it otherwise.
    pub severity: Severity,
    /// Where the packet is lost.
    pub stage: Stage,
    /// The counters that move.
    pub moves: Moves,
    /// Whether nothing of the traffic that it concerns gets through.
    pub stops: bool,
    /// What it is judged by.
    pub by: By,
}

macro_rules! codes {
    ($($variant:ident = $number:literal $name:literal $title:literal, $severity:ident, $stage:ident, $moves:ident, $stops:literal, $by:ident;)*) => {
        /// A finding's code: `VTI-111`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Code { $(#[doc = $name] $variant = $number,)* }

        impl Code {
            /// Every code, in the order of numbers, which for those of transmit errors is that of the packet's way.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// What is known of it.
            pub const fn info(self) -> Info {
                match self {
                    $(Code::$variant => Info {
                        code: self,
                        name: $name,
                        title: $title,
                        severity: Severity::$severity,
                        stage: Stage::$stage,
                        moves: Moves::$moves,
                        stops: $stops,
                        by: By::$by,
                    },)*
                }
            }
        }
    };
}

// Variant, number, name, title; usual severity, where the packet is lost, counters that move, whether it stops traffic, what it is judged by.
codes! {
    // 1xx: the carrier counter moves.
    NoOutboundPolicy = 101 "no-outbound-policy" "no outbound policy", Fault, Policy, Carrier, true, Tunnel;
    TrafficOutsideSelectors = 102 "traffic-outside-selectors" "traffic outside the selectors", Fault, Policy, Carrier, true, Tunnel;
    Ipv6OutsideSelectors = 103 "ipv6-outside-selectors" "IPv6 outside the selectors", Warning, Policy, Carrier, false, Tunnel;
    PolicyBlocks = 104 "policy-blocks" "a policy blocks the traffic", Fault, Policy, Carrier, true, Tunnel;
    PolicyWithoutTemplate = 105 "policy-without-template" "policy without a template", Fault, Policy, Carrier, true, Tunnel;
    XfrmDisabled = 106 "xfrm-disabled" "disable_xfrm is set", Fault, Policy, Carrier, true, Tunnel;
    PolicyNeedsPacketMark = 107 "policy-needs-packet-mark" "policy needs a packet mark", Fault, Policy, Carrier, true, Tunnel;
    NoSecurityAssociation = 111 "no-security-association" "no SA", Fault, Sa, Carrier, true, Tunnel;
    SecurityAssociationMismatch = 112 "security-association-mismatch" "SA does not match the policy", Fault, Sa, Carrier, true, Tunnel;
    // The packet that meets the limit counts as aborted; all after it find no SA.
    SecurityAssociationExpired = 113 "security-association-expired" "SA expired", Fault, Sa, Carrier, true, Tunnel;
    NoRouteToPeer = 121 "no-route-to-peer" "no route to the peer", Fault, OuterRoute, Carrier, true, Tunnel;
    LocalAddressGone = 122 "local-address-gone" "local address does not exist", Fault, OuterRoute, Carrier, true, Tunnel;
    PeerInAnotherVrf = 123 "peer-in-another-vrf" "peer is in another VRF", Fault, OuterRoute, Carrier, true, Tunnel;
    TunnelRemoteUnreachable = 124 "tunnel-remote-unreachable" "tunnel cannot reach its remote", Fault, OuterRoute, Carrier, true, Interface;
    EndpointMismatch = 131 "endpoint-mismatch" "SA has other endpoints", Fault, Device, Carrier, true, Tunnel;
    NotATunnelModeAssociation = 132 "not-a-tunnel-mode-association" "SA is not in tunnel mode", Fault, Device, Carrier, true, Tunnel;
    NoRouteInside = 141 "no-route-inside" "no route inside the tunnel", Warning, Enters, Carrier, false, Tunnel;
    // 2xx: other transmit errors.
    TunnelLoopsIntoItself = 201 "tunnel-loops-into-itself" "tunnel is routed into itself", Fault, OuterRoute, Collisions, true, Tunnel;
    PacketTooBig = 202 "packet-too-big" "packets are too big", Warning, Mtu, ErrorsOnly, false, Tunnel;
    NotIp = 203 "not-ip" "packets that are not IP", Notice, Device, ErrorsOnly, false, Tunnel;
    InnerSourceIsThePeer = 204 "inner-source-is-the-peer" "inner source is the peer's address", Warning, Device, ErrorsOnly, false, Tunnel;
    SequenceNumberOverflow = 211 "sequence-number-overflow" "sequence numbers are used up", Fault, Encryption, Aborted, true, Tunnel;
    HardLimitReached = 212 "hard-limit-reached" "SA limit reached", Warning, Encryption, Aborted, false, Tunnel;
    EncryptionFailed = 213 "encryption-failed" "encryption fails", Fault, Encryption, Aborted, true, Interface;
    OuterQueueDrops = 214 "outer-queue-drops" "outer interface queue drops packets", Warning, Queue, Aborted, false, Tunnel;
    PacketsHeldForNegotiation = 221 "packets-held-for-negotiation" "packets wait for the negotiation", Fault, Sa, Held, true, Tunnel;
    // 3xx: lost, and no transmit error counted.
    AdminDownWithAssociation = 301 "admin-down-with-association" "interface is admin down", Fault, Enters, Nothing, true, Tunnel;
    UpWithoutAssociation = 302 "up-without-association" "interface is up without an SA", Fault, Policy, Nothing, true, Tunnel;
    SentToTheWrongPeer = 303 "sent-to-the-wrong-peer" "packets go to the wrong peer", Fault, Beyond, Sent, true, Tunnel;
    OuterPathDead = 304 "outer-path-dead" "outer path does not work", Fault, Queue, Sent, true, Tunnel;
    TrafficTakenByAnotherPolicy = 305 "traffic-taken-by-another-policy" "another policy takes the traffic", Fault, Policy, Nothing, true, Tunnel;
    OneWay = 306 "one-way" "traffic in one direction only", Warning, Beyond, Nothing, false, Interface;
    InterfaceMissing = 307 "interface-missing" "interface does not exist", Fault, Enters, Nothing, true, Interface;
    NothingRoutedIn = 308 "nothing-routed-in" "nothing is routed into the tunnel", Warning, Enters, Nothing, true, Tunnel;
    TranslatedBeforeTheTunnel = 309 "translated-before-the-tunnel" "NAT changes packets before the tunnel", Fault, Nat, Nothing, false, Tunnel;
    RuleDivertsPackets = 310 "rule-diverts-packets" "a routing rule diverts packets", Fault, Rules, Nothing, true, Tunnel;
    AsymmetricPaths = 311 "asymmetric-paths" "two tunnels carry one direction each", Notice, Beyond, Nothing, false, Tunnel;
    RefusedBeforeTheTunnel = 312 "refused-by-filter-before-the-tunnel" "packet filter drops what goes in", Fault, Filter, Nothing, true, Tunnel;
    // 4xx: lost on arrival.
    NoInboundAssociation = 401 "no-inbound-association" "no inbound SA", Fault, Receive, Nothing, true, Tunnel;
    IntegrityFailures = 402 "integrity-failures" "integrity checks fail", Fault, Receive, Nothing, true, Tunnel;
    ReplayDrops = 403 "replay-drops" "packets outside the replay window", Warning, Receive, Nothing, false, Tunnel;
    NoInboundPolicy = 404 "no-inbound-policy" "no inbound policy", Fault, Receive, Nothing, true, Tunnel;
    InboundAssociationMismatch = 405 "inbound-association-mismatch" "inbound SA does not match", Fault, Receive, Nothing, true, Tunnel;
    SourceValidationDrops = 406 "source-validation-drops" "source validation drops packets", Warning, Receive, Nothing, false, Interface;
    RefusedAfterDecryption = 407 "refused-by-filter-after-decryption" "packet filter drops what comes out", Fault, Receive, Nothing, true, Tunnel;
    EspFilteredOnArrival = 408 "esp-filtered-on-arrival" "packet filter drops ESP on arrival", Fault, Receive, Nothing, true, Tunnel;
    NotForwarded = 409 "not-forwarded" "what comes out is not forwarded", Fault, Receive, Nothing, true, Tunnel;
    LostOnTheWay = 410 "lost-on-the-way" "packets are lost on the way", Warning, Beyond, Nothing, false, Tunnel;
    ArrivesOutOfOrder = 411 "arrives-out-of-order" "packets arrive out of order", Notice, Beyond, Nothing, false, Tunnel;
    InboundPolicyMismatch = 412 "inbound-policy-mismatch" "inbound policy does not match", Fault, Receive, Nothing, true, Tunnel;
    NotTakenByTheInterface = 413 "not-taken-by-the-interface" "another interface takes the packets", Fault, Receive, Nothing, true, Tunnel;
    InboundLossesUnexplained = 499 "inbound-losses-unexplained" "inbound losses without a known cause", Warning, Receive, Nothing, false, Tunnel;
    // 5xx: the control plane.
    IkeDaemonNotRunning = 501 "ike-daemon-not-running" "IKE daemon is not running", Fault, Control, Nothing, true, Tunnel;
    IkeNotEstablished = 502 "ike-not-established" "IKE SA is not established", Fault, Control, Nothing, true, Tunnel;
    ChildNotInstalled = 503 "child-not-installed" "CHILD_SA is not installed", Fault, Control, Nothing, true, Tunnel;
    DuplicateAssociations = 504 "duplicate-associations" "duplicate SAs", Warning, Control, Nothing, false, Tunnel;
    NotBound = 505 "not-bound" "peer is not bound to the interface", Notice, Control, Nothing, true, Tunnel;
    KernelAndCharonDisagree = 506 "kernel-and-charon-disagree" "kernel and charon disagree", Fault, Control, Nothing, true, Tunnel;
    TrapsOnly = 507 "traps-only" "trap policies only", Notice, Control, Nothing, true, Tunnel;
    NoClientConnected = 508 "no-client-connected" "no client is connected", Notice, Control, Nothing, true, Tunnel;
    // 6xx: host and configuration.
    DefaultRouteInTable220 = 601 "default-route-in-table-220" "default route in table 220", Fault, Host, Nothing, true, Tunnel;
    MtuLeavesNoRoom = 602 "mtu-leaves-no-room" "MTU leaves no room for IPsec", Notice, Host, ErrorsOnly, false, Tunnel;
    CountersNotExported = 603 "counters-not-exported" "error counters are not exported", Notice, Host, Nothing, false, Interface;
    CarrierColumnIsASum = 604 "carrier-column-is-a-sum" "the carrier column is a sum", Notice, Host, Nothing, false, Interface;
    HookStateInconsistent = 605 "hook-state-inconsistent" "state of the updown hook is wrong", Warning, Host, Nothing, false, Tunnel;
    StateInAnotherNamespace = 606 "state-in-another-namespace" "state is in another namespace", Notice, Namespace, Nothing, false, Interface;
    ForwardedByVpp = 607 "forwarded-by-vpp" "VPP forwards the traffic", Notice, Host, Nothing, false, Interface;
    // 7xx: what the states of both ends say together.
    EndsDisagreeOnSelectors = 701 "ends-disagree-on-selectors" "the ends disagree on selectors", Fault, Ends, Nothing, true, Tunnel;
    EndsUseDifferentSas = 702 "ends-use-different-sas" "the ends use different SAs", Fault, Ends, Nothing, true, Tunnel;
    EndsDifferInParameters = 703 "ends-differ-in-parameters" "the ends differ in a parameter", Fault, Ends, Nothing, false, Tunnel;
    LostBetweenTheEnds = 704 "lost-between-the-ends" "packets are lost between the ends", Warning, Ends, Nothing, false, Tunnel;
    RefusedAtTheOtherEnd = 705 "refused-at-the-other-end" "refused at the other end", Fault, Ends, Nothing, true, Interface;
    // 9xx: the past, and what is left.
    PastErrorsOnly = 901 "past-errors-only" "transmit errors since boot", Notice, Past, Nothing, false, Tunnel;
    ReauthenticationGap = 911 "reauthentication-gap" "reauthentication gap", Notice, Past, Nothing, false, Tunnel;
    SaGap = 912 "sa-gap" "SA gap", Notice, Past, Nothing, false, Tunnel;
    BeforeTheFirstSa = 913 "before-the-first-sa" "before the first SA", Notice, Past, Nothing, false, Tunnel;
    PeerLostAndBack = 914 "peer-lost-and-back" "peer was lost and came back", Notice, Past, Nothing, false, Tunnel;
    LinkLocalDrip = 915 "link-local-drip" "link-local packets", Notice, Past, Nothing, false, Tunnel;
    RouteGap = 916 "route-gap" "route gap", Notice, Past, Nothing, false, Tunnel;
    LimitReached = 917 "limit-reached" "SA limit was reached", Notice, Past, Nothing, false, Tunnel;
    NotAttributable = 919 "not-attributable" "losses without a known cause", Notice, Past, Nothing, false, Tunnel;
    Unexplained = 999 "unexplained" "unexplained transmit errors", Warning, Residue, Nothing, false, Tunnel;
}

impl Code {
    /// The number, as files keep it.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code of a number; none for one that this version does not know (a file of a later version may hold it).
    pub fn of_number(number: u16) -> Option<Code> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// The code of losses of one direction that nothing explains.
    pub const fn of_unexplained_losses(inbound: bool) -> Code {
        if inbound { Code::InboundLossesUnexplained } else { Code::NotAttributable }
    }

    /// See [`Info::name`].
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// See [`Info::title`].
    pub const fn title(self) -> &'static str {
        self.info().title
    }

    /// Whether it tells of what the recorder saw.
    pub const fn is_recorded(self) -> bool {
        matches!(self.info().stage, Stage::Past) && !matches!(self, Code::PastErrorsOnly)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shown(self.number()).fmt(f)
    }
}

/// A code as people see it, also one that this version does not know.
pub fn shown(number: u16) -> String {
    format!("VTI-{number:03}")
}

/// Lower or upper case, with or without the prefix.
impl std::str::FromStr for Code {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        let number = upper.strip_prefix("VTI-").unwrap_or(&upper);
        let code = number.parse().ok().and_then(Code::of_number);
        code.ok_or_else(|| format!("there is no finding {text}"))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_names_are_unique_and_ordered() {
        let numbers: Vec<u16> = Code::ALL.iter().map(|code| code.number()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        let titles: BTreeSet<&str> = Code::ALL.iter().map(|code| code.title()).collect();
        assert_eq!(titles.len(), Code::ALL.len());
        // With the name of an interface, severity and confidence on one line of 80 columns.
        assert!(titles.iter().all(|title| title.len() <= 38), "{titles:?}");
    }

    #[test]
    fn a_code_is_read_as_it_is_shown() {
        for code in Code::ALL {
            assert_eq!(code.to_string().parse(), Ok(*code));
            assert_eq!(Code::of_number(code.number()), Some(*code));
        }
        assert_eq!("vti-112".parse(), Ok(Code::SecurityAssociationMismatch));
        assert_eq!("112".parse(), Ok(Code::SecurityAssociationMismatch));
        assert!("VTI-998".parse::<Code>().is_err());
        assert_eq!(Code::of_number(998), None);
    }

    #[test]
    fn the_hundreds_say_what_moves() {
        for info in Code::ALL.iter().map(|code| code.info()) {
            match info.code.number() {
                100..=199 => assert_eq!(info.moves, Moves::Carrier, "{}", info.code),
                200..=299 => assert!(info.moves.explains_errors(), "{}", info.code),
                300..=599 => assert!(!info.moves.explains_errors(), "{}", info.code),
                _ => {}
            }
        }
    }
}
