//! The comments that VyOS writes to its rules of nftables, and by which a rule is found in the configuration. vyos-1x, `python/vyos/firewall.py`
//! (`parse_rule()`), `python/vyos/nat.py` (`parse_nat_rule()`), `python/vyos/template.py` (`nft_default_rule()`), 1.4 to current.
//!
//! ```text
//! ipv4-FWD-filter-20           FWD-filter default-action drop     SRC-NAT-100      ipv4-route-NAME-10
//! ipv6-NAM-LAN_WAN-7           NAM-LAN_WAN default-action drop    DST-NAT66-5      zone_LAN default-action drop
//! ```

/// What a comment of VyOS names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VyosRule<'c> {
    /// A rule of a chain of the firewall.
    Firewall {
        /// `ipv4`, `ipv6` or `bridge`.
        family: &'static str,
        /// The chain.
        chain: FirewallChain<'c>,
        /// Its number.
        number: &'c str,
    },
    /// The default action of a chain.
    DefaultAction {
        /// The chain.
        chain: FirewallChain<'c>,
        /// `drop`, `reject`, `accept`, `jump`, …
        action: &'c str,
    },
    /// The default action of a zone.
    Zone {
        /// Its name.
        zone: &'c str,
        /// `drop` or `reject`.
        action: &'c str,
    },
    /// A rule of `nat` or `nat66`.
    Nat {
        /// Whether it is of `nat66`.
        of_ipv6: bool,
        /// Whether it translates sources.
        of_source: bool,
        /// Its number.
        number: &'c str,
    },
    /// A rule of a policy route.
    PolicyRoute {
        /// Whether it is of `route6`.
        of_ipv6: bool,
        /// The name of the policy route.
        name: &'c str,
        /// Its number.
        number: &'c str,
    },
}

/// A chain of VyOS's firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirewallChain<'c> {
    /// `forward filter`, `input filter`, `output filter`, `prerouting raw` and others: the tag of the hook, the words, the priority.
    Hook(&'static str, &'static str, &'c str),
    /// `name NAME`.
    Name(&'c str),
}

/// The tags of hooks, and VyOS's words.
const HOOKS: [(&str, &str); 4] =
    [("FWD", "forward"), ("INP", "input"), ("OUT", "output"), ("PRE", "prerouting")];
/// The priorities of VyOS's chains: no other word stands behind a hook.
const PRIORITIES: [&str; 2] = ["filter", "raw"];
const NAME: &str = "NAM";

impl<'c> VyosRule<'c> {
    /// What a comment names; none where it is not one of VyOS.
    pub fn of(comment: &'c str) -> Option<Self> {
        if let Some((of, action)) = comment.split_once(" default-action ") {
            if let Some(zone) = of.strip_prefix("zone_") {
                return Some(VyosRule::Zone { zone, action });
            }
            let (tag, chain) = of.split_once('-')?;
            let chain = FirewallChain::of(tag, chain)?;
            return Some(VyosRule::DefaultAction { chain, action });
        }
        let (before, number) = comment.rsplit_once('-')?;
        if !is_number(number) {
            return None;
        }
        let nat = match before {
            "SRC-NAT" => Some((false, true)),
            "DST-NAT" => Some((false, false)),
            "SRC-NAT66" => Some((true, true)),
            "DST-NAT66" => Some((true, false)),
            _ => None,
        };
        if let Some((of_ipv6, of_source)) = nat {
            return Some(VyosRule::Nat { of_ipv6, of_source, number });
        }
        let (family, rest) = before.split_once('-')?;
        let (tag, chain) = rest.split_once('-')?;
        match (family, tag) {
            ("ipv4", "route") => {
                return Some(VyosRule::PolicyRoute { of_ipv6: false, name: chain, number });
            }
            ("ipv6", "route6") => {
                return Some(VyosRule::PolicyRoute { of_ipv6: true, name: chain, number });
            }
            _ => {}
        }
        let family = match family {
            "ipv4" => "ipv4",
            "ipv6" => "ipv6",
            "bri" => "bridge",
            _ => return None,
        };
        Some(VyosRule::Firewall { family, chain: FirewallChain::of(tag, chain)?, number })
    }

    /// The words of VyOS's configuration. A default action does not say its family: that of the rule's table.
    pub fn words(self, family: &str) -> String {
        match self {
            VyosRule::Firewall { family, chain, number } => {
                format!("firewall {family} {} rule {number}", chain.words())
            }
            VyosRule::DefaultAction { chain, .. } => {
                format!("firewall {family} {} default-action", chain.words())
            }
            VyosRule::Zone { zone, .. } => format!("firewall zone {zone} default-action"),
            VyosRule::Nat { of_ipv6, of_source, number } => {
                let (nat, what) = (
                    if of_ipv6 { "nat66" } else { "nat" },
                    if of_source { "source" } else { "destination" },
                );
                format!("{nat} {what} rule {number}")
            }
            VyosRule::PolicyRoute { of_ipv6, name, number } => {
                let route = if of_ipv6 { "route6" } else { "route" };
                format!("policy {route} {name} rule {number}")
            }
        }
    }

    /// The comment as VyOS writes it, with another name in the place of one that the operator chose.
    pub fn renamed(self, rename: impl FnOnce(&str) -> String) -> String {
        let chain = |chain: FirewallChain<'_>, rename: &dyn Fn(&str) -> String| match chain {
            FirewallChain::Hook(tag, _, priority) => format!("{tag}-{priority}"),
            FirewallChain::Name(name) => format!("{NAME}-{}", rename(name)),
        };
        let rename = std::cell::RefCell::new(Some(rename));
        // Each comment has at most one name.
        let once = |name: &str| rename.take().map_or_else(String::new, |rename| rename(name));
        match self {
            VyosRule::Firewall { family, chain: of, number } => {
                let family = if family == "bridge" { "bri" } else { family };
                format!("{family}-{}-{number}", chain(of, &once))
            }
            VyosRule::DefaultAction { chain: of, action } => {
                format!("{} default-action {}", chain(of, &once), known_action(action))
            }
            VyosRule::Zone { zone, action } => {
                format!("zone_{} default-action {}", once(zone), known_action(action))
            }
            VyosRule::Nat { of_ipv6, of_source, number } => {
                let (nat, what) =
                    (if of_ipv6 { "NAT66" } else { "NAT" }, if of_source { "SRC" } else { "DST" });
                format!("{what}-{nat}-{number}")
            }
            VyosRule::PolicyRoute { of_ipv6, name, number } => {
                let tag = if of_ipv6 { "ipv6-route6" } else { "ipv4-route" };
                format!("{tag}-{}-{number}", once(name))
            }
        }
    }
}

impl<'c> FirewallChain<'c> {
    fn of(tag: &'c str, chain: &'c str) -> Option<Self> {
        if tag == NAME {
            return Some(FirewallChain::Name(chain));
        }
        let (tag, hook) = HOOKS.into_iter().find(|(known, _)| *known == tag)?;
        PRIORITIES.contains(&chain).then_some(FirewallChain::Hook(tag, hook, chain))
    }

    fn words(self) -> String {
        match self {
            FirewallChain::Hook(_, hook, priority) => format!("{hook} {priority}"),
            FirewallChain::Name(name) => format!("name {name}"),
        }
    }
}

fn is_number(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn known_action(action: &str) -> &str {
    const ACTIONS: [&str; 6] = ["accept", "continue", "drop", "jump", "reject", "return"];
    if ACTIONS.contains(&action) { action } else { "other" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comments_of_vyos_become_the_words_of_its_configuration() {
        for (comment, words) in [
            ("ipv4-FWD-filter-20", "firewall ipv4 forward filter rule 20"),
            ("ipv6-INP-filter-7", "firewall ipv6 input filter rule 7"),
            ("ipv4-OUT-raw-5", "firewall ipv4 output raw rule 5"),
            ("ipv4-PRE-raw-5", "firewall ipv4 prerouting raw rule 5"),
            ("ipv4-NAM-LAN-to-WAN-10", "firewall ipv4 name LAN-to-WAN rule 10"),
            ("FWD-filter default-action drop", "firewall ipv4 forward filter default-action"),
            ("NAM-LAN-to-WAN default-action drop", "firewall ipv4 name LAN-to-WAN default-action"),
            ("zone_LAN default-action reject", "firewall zone LAN default-action"),
            ("SRC-NAT-100", "nat source rule 100"),
            ("DST-NAT66-5", "nat66 destination rule 5"),
            ("ipv4-route-TO_ISP-10", "policy route TO_ISP rule 10"),
            ("ipv6-route6-TO_ISP-10", "policy route6 TO_ISP rule 10"),
        ] {
            let rule = VyosRule::of(comment).unwrap();
            assert_eq!(rule.words("ipv4"), words);
            assert_eq!(rule.renamed(str::to_owned), comment);
        }
    }

    #[test]
    fn other_comments_name_nothing() {
        for comment in [
            "",
            "allow ssh",
            "ipv4-FWD-filter-x",
            "ipv4-FWD-customer-1",
            "ipx-FWD-filter-1",
            "a-b-1",
        ] {
            assert_eq!(VyosRule::of(comment), None, "{comment}");
        }
    }

    #[test]
    fn a_name_is_replaced_in_the_comment() {
        let of = |comment| VyosRule::of(comment).unwrap().renamed(|_| "name1".into());
        assert_eq!(of("ipv4-NAM-CUSTOMER-10"), "ipv4-NAM-name1-10");
        assert_eq!(of("zone_CUSTOMER default-action drop"), "zone_name1 default-action drop");
    }
}
