//! How far a received packet gets, stage by stage: `arrives ok > SA by SPI ok > device ok > policy in none`. It reads where the way ended; it
//! walks no path.

use super::site::{Direction, Refusal, Site};
use crate::report::Reached;
use crate::snapshot::Source;
use crate::way::reach::{PASSED, UNKNOWN, told};

/// A stage of the receive path, in the kernel's order.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Leg {
    Arrives,
    OuterPolicy,
    SaBySpi,
    SaCheck,
    Inside,
    Policy,
    AsClear,
    Ipv6,
    Forwarding,
}

/// Every stage, and whether it is shown also where nothing is wrong with it.
const fn legs(policy: &'static str) -> [(Leg, &'static str, bool); 9] {
    [
        (Leg::Arrives, "arrives", true),
        (Leg::OuterPolicy, "policy of the ESP packet", false),
        (Leg::SaBySpi, "SA by SPI", true),
        (Leg::SaCheck, "SA check", true),
        (Leg::Inside, "inner packet", false),
        (Leg::Policy, policy, true),
        (Leg::AsClear, "policy without SA", false),
        (Leg::Ipv6, "IPv6", false),
        (Leg::Forwarding, "forwarding", false),
    ]
}

/// How far a packet gets that ends at `site`.
pub fn reach(site: &Site) -> Vec<Reached> {
    let is_forwarded = match site {
        Site::LetIn { direction, .. } | Site::Policy { direction, .. } => {
            *direction == Direction::Forward
        }
        _ => false,
    };
    let policy = if is_forwarded { "policy fwd" } else { "policy in" };
    told(&legs(policy), end(site), |_| PASSED)
}

/// The stage at which the way ends, and what is wrong there; none where the packet is let in.
const fn end(site: &Site) -> Option<(Leg, &'static str)> {
    Some(match site {
        Site::LetIn { .. } => return None,
        Site::NotForThisHost { .. } => (Leg::Arrives, "not local"),
        Site::TunnelEndpoint { remote_is_local: true, .. } => (Leg::Arrives, "peer is local"),
        Site::TunnelEndpoint { remote_is_local: false, .. } => {
            (Leg::Arrives, "not in the tunnel's VRF")
        }
        Site::OuterPolicy { refusal, .. } => (Leg::OuterPolicy, result(refusal)),
        Site::NoSa { nearest: Some(_) } => (Leg::SaBySpi, "other mark"),
        Site::NoSa { nearest: None } => (Leg::SaBySpi, "none"),
        Site::SaDirection { .. } => (Leg::SaCheck, "outbound"),
        Site::LarvalSa { .. } => (Leg::SaCheck, "reserved only"),
        Site::Encapsulation { .. } => (Leg::SaCheck, "UDP differs"),
        Site::LimitReached { .. } => (Leg::SaCheck, "SA limit"),
        Site::NotTunnelMode { .. } => (Leg::SaCheck, "not tunnel mode"),
        Site::InnerMode { .. } => (Leg::Inside, "other mode"),
        Site::InnerSa { .. } => (Leg::Inside, "no SA"),
        Site::Policy { refusal, .. } => (Leg::Policy, result(refusal)),
        Site::AsClear { refusal, .. } => (Leg::AsClear, result(refusal)),
        Site::NoIpv6 => (Leg::Ipv6, "off"),
        Site::NotForwarded => (Leg::Forwarding, "off"),
        Site::Undecided(missing) => (
            match missing.source {
                Source::SecurityAssociations => Leg::SaBySpi,
                Source::Links | Source::Addresses => Leg::Arrives,
                _ => Leg::Policy,
            },
            UNKNOWN,
        ),
    })
}

/// A refusal in a word or two.
pub(super) const fn result(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Selector => "outside the SA's selector",
        Refusal::OtherFamily => "none of that family",
        Refusal::NoPolicy { has_own: true } => "none matches",
        Refusal::NoPolicy { has_own: false } => "none",
        Refusal::DefaultBlock => "default block",
        Refusal::Blocks { .. } => "block",
        Refusal::Template { .. } => "another template",
        Refusal::NoTemplate { .. } => "no template",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Spi;

    fn line(site: &Site) -> String {
        let each = reach(site).into_iter().map(|r| format!("{} {}", r.stage, r.result));
        each.collect::<Vec<_>>().join(" > ")
    }

    #[test]
    fn a_packet_is_followed_up_to_where_it_is_lost() {
        let spi = Spi(1);
        let none = Refusal::NoPolicy { has_own: false };
        assert_eq!(
            line(&Site::Policy { spi, direction: Direction::Forward, refusal: none.clone() }),
            "arrives ok > SA by SPI ok > SA check ok > policy fwd none"
        );
        assert_eq!(
            line(&Site::NoSa { nearest: None }),
            "arrives ok > SA by SPI none > SA check - > policy in -"
        );
        assert_eq!(
            line(&Site::OuterPolicy { in_udp: false, refusal: none }),
            "arrives ok > policy of the ESP packet none > SA by SPI - > SA check - > policy in -"
        );
        assert_eq!(
            line(&Site::LetIn { spi, direction: Direction::In }),
            "arrives ok > SA by SPI ok > SA check ok > policy in ok"
        );
    }
}
