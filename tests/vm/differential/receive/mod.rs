//! Packets that this host gets, from a peer in a namespace of its own: SAs, policies, settings and interfaces with something wrong here and
//! there, and what the peer sends by its own SAs, or in clear.

mod generate;
mod plan;
mod send;
mod trial;

pub use generate::plan;
