//! How far a packet gets, stage by stage: the line `route ok > policy ok > SA none matches > outer route - > encryption -`. It reads where
//! the way ended; it walks no path, and knows no finding.

use super::site::Site;
use crate::report::Reached;
use crate::snapshot::Source;

/// The result of a stage that a packet passes.
pub const PASSED: &str = "ok";
/// That of a route that does not exist.
pub const NONE: &str = "none";
/// That of a route into the interface which nobody asked the kernel for.
pub const ASSUMED: &str = "assumed";
/// That of a stage that it does not come to.
const NOT_REACHED: &str = "-";
/// That of one of which the state that was read does not say what it does.
pub(super) const UNKNOWN: &str = "unknown";

/// A stage of the transmit path, in the kernel's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leg {
    /// The interface is up: without that there are no routes into it.
    Interface,
    /// The route that leads into the interface.
    Route,
    /// What vti6 compares before it looks for a policy.
    Source,
    /// The OUT policy.
    Policy,
    /// The SA.
    Sa,
    /// The route of the encrypted packet.
    OuterRoute,
    /// What vti and vti6 compare with the SA.
    SaCheck,
    /// Whether the packet fits.
    Size,
    /// Limits, sequence numbers, encryption.
    Encryption,
    /// The neighbour that the encrypted packet is handed to.
    NextHop,
}

/// Every stage, and whether it is shown also where nothing is wrong with it.
const LEGS: [(Leg, &str, bool); 10] = [
    (Leg::Interface, "interface", false),
    (Leg::Route, "route", true),
    (Leg::Source, "source", false),
    (Leg::Policy, "policy", true),
    (Leg::Sa, "SA", true),
    (Leg::OuterRoute, "outer route", true),
    (Leg::SaCheck, "SA check", false),
    (Leg::Size, "size", false),
    (Leg::Encryption, "encryption", true),
    (Leg::NextHop, "next hop", false),
];

/// How far a packet gets that ends at `site`; `route` is what is known of the route into the interface.
pub fn reach(site: &Site, route: &str) -> Vec<Reached> {
    out(end(site), route)
}

/// How far a packet gets that the model sends, and that is lost at `leg` by what counters show.
pub fn lost_at(leg: Leg, result: &'static str, route: &str) -> Vec<Reached> {
    out(Some((leg, result)), route)
}

fn out(end: Option<(Leg, &'static str)>, route: &str) -> Vec<Reached> {
    told(&LEGS, end, |leg| if leg == Leg::Route { route } else { PASSED })
}

/// The stages of a way in either direction: `legs` in the kernel's order, each with its name and whether it is shown also where nothing is wrong;
/// where it ends, and what is wrong there; and what is said of those before.
pub(super) fn told<'w, L: Copy + PartialOrd>(
    legs: &[(L, &'static str, bool)],
    end: Option<(L, &'static str)>,
    passed: impl Fn(L) -> &'w str,
) -> Vec<Reached> {
    let stage = |&(leg, stage, always): &(L, &'static str, bool)| {
        let (result, shown) = match end {
            Some((last, result)) if leg == last => (result, true),
            Some((last, _)) if leg > last => (NOT_REACHED, always),
            _ => (passed(leg), always),
        };
        shown.then(|| Reached { stage, result: result.to_owned() })
    };
    legs.iter().filter_map(stage).collect()
}

/// The stage at which the way ends, and what is wrong there; none where the packet is sent.
fn end(site: &Site) -> Option<(Leg, &'static str)> {
    Some(match site {
        Site::Sent { .. } => return None,
        Site::AdminDown => (Leg::Interface, "down"),
        Site::TakenByPolicy { .. } => (Leg::Policy, "another takes it"),
        Site::DefaultBlock => (Leg::Policy, "default block"),
        Site::AddressConflict => (Leg::Source, "is peer"),
        Site::XfrmDisabled => (Leg::Policy, "disable_xfrm"),
        Site::NoPolicy { has_own: true } => (Leg::Policy, "none matches"),
        Site::NoPolicy { has_own: false } => (Leg::Policy, "none"),
        Site::PolicyBlock { .. } => (Leg::Policy, "block"),
        Site::NoTemplate { .. } => (Leg::Policy, "no template"),
        Site::TemplateSource { .. } => (Leg::Sa, "no route to peer"),
        Site::NoSa(wanted) | Site::Held(wanted) => match &wanted.nearest {
            _ if wanted.larval => (Leg::Sa, "none yet"),
            Some(_) => (Leg::Sa, "none matches"),
            None => (Leg::Sa, "none"),
        },
        Site::SaDirection { .. } => (Leg::Sa, "inbound"),
        Site::OuterRoute { vrf: Some(_), .. } => (Leg::OuterRoute, "none in VRF"),
        Site::OuterRoute { .. } => (Leg::OuterRoute, "none"),
        Site::TunnelEndpoint { remote_is_local: false, .. } => {
            (Leg::OuterRoute, "no local address")
        }
        Site::TunnelEndpoint { remote_is_local: true, .. } => (Leg::OuterRoute, "peer is local"),
        Site::StateCheck { .. } => (Leg::SaCheck, "fails"),
        Site::Loop { .. } => (Leg::OuterRoute, "loops"),
        Site::TooBig { .. } => (Leg::Size, "too big"),
        Site::LimitReached { .. } => (Leg::Encryption, "SA limit"),
        Site::SequenceOverflow { .. } => (Leg::Encryption, "sequence numbers"),
        Site::Undecided(missing) => (
            match missing.source {
                Source::SecurityAssociations => Leg::Sa,
                Source::RouteLookups | Source::Routes | Source::Addresses | Source::Rules => {
                    Leg::OuterRoute
                }
                Source::Links => Leg::Interface,
                _ => Leg::Policy,
            },
            UNKNOWN,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Missing, Reason, Spi};

    fn line(site: &Site) -> String {
        let all = reach(site, PASSED);
        let each = all.iter().map(|r| format!("{} {}", r.stage, r.result));
        each.collect::<Vec<_>>().join(" > ")
    }

    #[test]
    fn a_packet_is_followed_up_to_where_it_is_lost() {
        assert_eq!(
            line(&Site::NoPolicy { has_own: false }),
            "route ok > policy none > SA - > outer route - > encryption -"
        );
        assert_eq!(
            line(&Site::AdminDown),
            "interface down > route - > policy - > SA - > outer route - > encryption -"
        );
        assert_eq!(
            line(&Site::TooBig { most: 1400, path: 1500 }),
            "route ok > policy ok > SA ok > outer route ok > size too big > encryption -"
        );
        assert_eq!(
            line(&Site::SequenceOverflow { spi: Spi(1) }),
            "route ok > policy ok > SA ok > outer route ok > encryption sequence numbers"
        );
        assert_eq!(
            line(&Site::Sent { spi: Spi(1), oif: 2 }),
            "route ok > policy ok > SA ok > outer route ok > encryption ok"
        );
        let missing = Missing::new(Source::SecurityAssociations, Reason::Denied, "");
        assert_eq!(
            line(&Site::Undecided(missing)),
            "route ok > policy ok > SA unknown > outer route - > encryption -"
        );
    }

    #[test]
    fn the_stages_are_in_the_order_of_the_way() {
        assert!(LEGS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
