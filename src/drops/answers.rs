//! Where packets go that were dropped before they went: the kernel's answers, for a sample has the routes through VTIs alone. They are asked
//! for once per sample.

use super::attribution::Dropped;
use super::place::Place;
use crate::collect::watch;
use crate::snapshot::{RouteAnswer, RouteQuery};
use crate::tunnel::State;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// At most so many questions at a time, and so many answers that are kept.
const MOST: usize = 256;
const MOST_KEPT: usize = 4096;

/// The kernel's answers: the device behind a destination, in a VRF or outside; none where there is no route.
#[derive(Debug, Default)]
pub struct Answers(HashMap<(IpAddr, Option<u32>), Option<u32>>);

impl Answers {
    /// Asks what is not known yet of the ways of these packets.
    pub fn ask<'d>(&mut self, state: &State<'_>, dropped: impl Iterator<Item = &'d Dropped>) {
        if self.0.len() > MOST_KEPT {
            self.0.clear();
        }
        let mut queries = BTreeSet::new();
        for one in dropped {
            let (Place::Stack(_), Some(flow)) = (one.place, &one.packet.inner) else { continue };
            let vrf = vrf_of(state, one.input);
            let input = one.input.and_then(|input| state.link(input).ok().flatten());
            let is_delivered = input.is_some_and(|link| link.driver().is_some());
            // The source tells whether a VRF has it from a tunnel, and whether the filter misses its reverse path.
            let destination = (!is_delivered).then_some(flow.destination);
            let source = (is_delivered || vrf.is_some()).then_some(flow.source);
            for destination in [destination, source].into_iter().flatten() {
                if !self.0.contains_key(&(destination, vrf)) && queries.len() < MOST {
                    queries.insert(RouteQuery { destination, source: None, mark: 0, vrf });
                }
            }
        }
        if queries.is_empty() {
            return;
        }
        // Without an answer the routes that were read decide.
        for lookup in watch::routes(queries).into_iter().flatten() {
            let device = match lookup.answer {
                RouteAnswer::Route { oif, .. } => Some(oif),
                RouteAnswer::Error { .. } => None,
            };
            self.0.insert((lookup.query.destination, lookup.query.vrf), device);
        }
    }

    /// The device behind a destination; none where nobody has asked.
    pub fn device(&self, destination: IpAddr, vrf: Option<u32>) -> Option<Option<u32>> {
        self.0.get(&(destination, vrf)).copied()
    }

    /// Forgets all: a newer sample was taken.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// The VRF of a device.
pub(super) fn vrf_of(state: &State<'_>, device: Option<u32>) -> Option<u32> {
    state.vrf_of(device?).ok().flatten().map(|link| link.ifindex)
}
