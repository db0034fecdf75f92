//! References between the lists of SAs, policies and charon's SAs that lead to nothing: an entry of one list refers to an entry that another
//! list does not have. It reads nothing, and decides neither whether the lists are read again nor whether such a reference is a fault.

use crate::snapshot::ike::{ChildSa, Ike};
use crate::snapshot::{Changed, Observed, Policy, PolicyDirection, ReqId, Sa, Spi, Template};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The lists that refer to each other.
#[derive(Clone)]
pub(super) struct Lists {
    pub policies: Observed<Vec<Policy>>,
    pub sas: Observed<Vec<Sa>>,
    pub ike: Observed<Ike>,
}

/// A reference from one list to an entry that another list does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loose {
    /// An installed CHILD_SA without an SA with its SPI.
    Child(Spi),
    /// An SA without a CHILD_SA with its SPI.
    KnownSa(Spi),
    /// A template with an SPI that no SA has.
    Template(Spi),
    /// SAs with a reqid that no policy of this direction requires.
    ReqId(PolicyDirection, ReqId),
    /// A template of a policy of this direction that requires an SA with this reqid to this address, without such an SA.
    NoSa(PolicyDirection, IpAddr, ReqId),
}

impl Loose {
    /// Whether charon's list has the reference, or lacks the entry.
    pub const fn is_of_charon(&self) -> bool {
        matches!(self, Loose::Child(_) | Loose::KnownSa(_))
    }
}

impl Lists {
    /// All such references; none where a list was not read.
    pub fn loose(&self) -> BTreeSet<Loose> {
        let Ok(sas) = &self.sas else { return BTreeSet::new() };
        let installed = || sas.iter().filter(|a| !a.is_larval());
        let spis: BTreeSet<Spi> = installed().map(|a| a.spi).collect();
        let mut loose = BTreeSet::new();
        if let Ok(ike) = &self.ike {
            let lost = ike
                .children()
                .filter(|child| child.state == "INSTALLED")
                .flat_map(spis_of)
                .filter(|spi| spi.0 != 0);
            loose.extend(lost.filter(|spi| !spis.contains(spi)).map(Loose::Child));
            let known: BTreeSet<Spi> = ike.children().flat_map(spis_of).collect();
            loose.extend(spis.difference(&known).copied().map(Loose::KnownSa));
        }
        if let Ok(policies) = &self.policies {
            let templates =
                || policies.iter().flat_map(|p| p.templates.iter().map(move |t| (p, t)));
            let named = templates().map(|(_, t)| t.spi).filter(|spi| spi.0 != 0);
            loose.extend(named.filter(|spi| !spis.contains(spi)).map(Loose::Template));
            // A vector: there are thousands of templates, and nearly all of them match.
            let mut asked: Vec<(PolicyDirection, ReqId)> =
                templates().map(|(policy, t)| (policy.direction, t.reqid)).collect();
            asked.sort_unstable();
            asked.dedup();
            let reqids = installed().map(|a| a.reqid).filter(|reqid| reqid.0 != 0);
            let wanted =
                reqids.flat_map(|id| [(PolicyDirection::Out, id), (PolicyDirection::In, id)]);
            loose.extend(
                wanted
                    .filter(|pair| asked.binary_search(pair).is_err())
                    .map(|(way, id)| Loose::ReqId(way, id)),
            );
            let mut there: Vec<(ReqId, IpAddr)> =
                installed().map(|a| (a.reqid, a.destination)).collect();
            there.sort_unstable();
            there.dedup();
            let lacking = templates().filter(|(policy, t)| {
                matches!(policy.direction, PolicyDirection::Out | PolicyDirection::In)
                    && !t.optional
                    && !t.destination.is_unspecified()
                    && there.binary_search(&(t.reqid, t.destination)).is_err()
            });
            loose.extend(lacking.map(|(p, t)| Loose::NoSa(p.direction, t.destination, t.reqid)));
        }
        loose
    }

    /// What assigns the SAs, policies and CHILD_SAs of these references to interfaces.
    pub fn changed(&self, loose: &BTreeSet<Loose>) -> BTreeSet<Changed> {
        let sas = || self.sas.iter().flatten();
        let policies = || self.policies.iter().flatten();
        let asking = |wanted: &dyn Fn(&&Policy) -> bool| {
            policies().filter(|p| wanted(p)).map(Changed::from).collect::<Vec<_>>()
        };
        let mut of = BTreeSet::new();
        for one in loose {
            match *one {
                Loose::Child(spi) => {
                    let children = self.ike.iter().flat_map(Ike::children);
                    let with = children.filter(|child| spis_of(child).contains(&spi));
                    of.extend(with.map(of_child));
                }
                Loose::KnownSa(spi) => {
                    of.extend(sas().filter(|sa| sa.spi == spi).map(Changed::from));
                }
                Loose::ReqId(_, reqid) => {
                    of.extend(sas().filter(|sa| sa.reqid == reqid).map(Changed::from));
                }
                Loose::Template(spi) => {
                    of.extend(asking(&|p| p.templates.iter().any(|t| t.spi == spi)));
                }
                Loose::NoSa(way, to, reqid) => of.extend(asking(&|p| {
                    let asks = |t: &Template| t.destination == to && t.reqid == reqid;
                    p.direction == way && p.templates.iter().any(asks)
                })),
            }
        }
        of
    }
}

fn spis_of(child: &ChildSa) -> [Spi; 2] {
    [child.spi_in, child.spi_out]
}

/// What assigns a CHILD_SA to an interface. Its addresses are those of its IKE_SA, which may have changed since.
fn of_child(child: &ChildSa) -> Changed {
    Changed { if_id: child.if_id_out, mark: child.mark_out, ..Changed::default() }
}

#[cfg(test)]
pub(super) mod samples {
    //! Lists that match each other, and lists that do not.

    use super::*;
    use crate::snapshot::ike::IkeSa;

    fn sa(spi: u32) -> Sa {
        let yaml = format!(
            "{{source: 192.0.2.1, destination: 192.0.2.2, protocol: 50, spi: '{spi:#010x}', reqid: 1, mode: tunnel, \
             family: inet, selector: {{family: unspec, source: 0.0.0.0/0, destination: 0.0.0.0/0}}}}"
        );
        serde_yaml::from_str(&yaml).unwrap()
    }

    fn inbound(spi: u32) -> Sa {
        let Sa { source, destination, .. } = sa(spi);
        Sa { source: destination, destination: source, ..sa(spi) }
    }

    pub fn policy(direction: &str, spi: u32) -> Policy {
        let (index, from, to) = match direction {
            "out" => (1, "192.0.2.1", "192.0.2.2"),
            _ => (2, "192.0.2.2", "192.0.2.1"),
        };
        let yaml = format!(
            "{{direction: {direction}, index: {index}, priority: 0, action: allow, \
             selector: {{family: inet, source: 0.0.0.0/0, destination: 0.0.0.0/0}}, \
             templates: [{{source: {from}, destination: {to}, protocol: 50, spi: '{spi:#010x}', reqid: 1, \
             mode: tunnel, family: inet}}]}}"
        );
        serde_yaml::from_str(&yaml).unwrap()
    }

    /// A tunnel whose CHILD_SA has the SPIs 16 times `n` in, and one more out.
    pub fn child(n: u32) -> ChildSa {
        ChildSa {
            state: "INSTALLED".into(),
            spi_in: Spi(16 * n),
            spi_out: Spi(16 * n + 1),
            ..ChildSa::default()
        }
    }

    pub fn healthy(n: u32) -> Lists {
        let ike_sa = IkeSa { children: vec![child(n)], ..IkeSa::default() };
        Lists {
            sas: Ok(vec![inbound(16 * n), sa(16 * n + 1)]),
            policies: Ok(vec![policy("out", 16 * n + 1), policy("in", 0)]),
            ike: Ok(Ike { sas: vec![ike_sa], ..Ike::default() }),
        }
    }

    /// The lists of two moments: SAs of the first, policies and charon's list of the second.
    pub fn torn(n: u32) -> Lists {
        Lists { sas: healthy(n).sas, ..healthy(n + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{child, healthy, torn};
    use super::*;
    use crate::snapshot::{Missing, Reason, Source};

    #[test]
    fn each_list_that_lacks_what_another_names_is_noticed() {
        let (one, other) = (Spi(16), Spi(17));
        let without = |lacking: fn(&mut Lists)| {
            let mut reading = healthy(1);
            lacking(&mut reading);
            reading.loose()
        };
        let no_sa = Loose::NoSa(PolicyDirection::Out, [192, 0, 2, 2].into(), ReqId(1));
        let expected = BTreeSet::from([Loose::Child(other), Loose::Template(other), no_sa]);
        assert_eq!(without(|r| r.sas.as_mut().unwrap().truncate(1)), expected);
        let no_sa = Loose::NoSa(PolicyDirection::In, [192, 0, 2, 1].into(), ReqId(1));
        let expected = BTreeSet::from([Loose::Child(one), no_sa]);
        let lacking = without(|r| {
            r.sas.as_mut().unwrap().remove(0);
        });
        assert_eq!(lacking, expected);
        let expected = BTreeSet::from([Loose::KnownSa(one), Loose::KnownSa(other)]);
        assert_eq!(without(|r| r.ike.as_mut().unwrap().sas.clear()), expected);
        let expected = BTreeSet::from([Loose::ReqId(PolicyDirection::Out, ReqId(1))]);
        assert_eq!(
            without(|r| r
                .policies
                .as_mut()
                .unwrap()
                .retain(|p| p.direction == PolicyDirection::In)),
            expected
        );
    }

    #[test]
    fn a_child_that_is_being_replaced_may_have_lost_its_sas() {
        let mut reading = healthy(1);
        let old = ChildSa { state: "DELETED".into(), ..child(7) };
        reading.ike.as_mut().unwrap().sas[0].children.push(old);
        assert_eq!(reading.loose(), BTreeSet::new());
    }

    #[test]
    fn a_list_that_was_not_read_lacks_nothing() {
        let denied = |source| Missing::new(source, Reason::Denied, "");
        let mut reading = torn(1);
        reading.sas = Err(denied(Source::SecurityAssociations));
        assert_eq!(reading.loose(), BTreeSet::new());
        let mut reading = healthy(1);
        reading.ike = Err(denied(Source::Charon));
        reading.policies = Err(denied(Source::SecurityPolicies));
        assert_eq!(reading.loose(), BTreeSet::new());
    }
}
