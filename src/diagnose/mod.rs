//! The diagnoses, and how they become a report.
//!
//! `checks` holds one file a cause, in folders by where the packet is lost, and the list of them. `engine` runs them on a `case` (one
//! interface and what is known of it) and masks what merely follows from another cause; `verdict` says what the report may claim;
//! `commands` has what a person may type, `words` what is known for its places, `call` both together, and `explanation` the texts with them.
//! CONTRIBUTING.md says how one is added.

#![deny(clippy::disallowed_methods)]

mod arrivals;
pub mod assumed;
mod attempt;
mod budget;
pub mod call;
mod case;
mod charon_log;
mod checks;
mod classify;
mod cleared;
mod clocks;
pub mod commands;
mod counted;
mod diagnosis;
mod ends;
mod engine;
pub mod explanation;
mod filtered;
mod fits;
mod flow_report;
mod flows;
mod forwarded;
mod found;
mod inbound;
mod inbound_lookup;
mod interface_words;
mod interfaces;
mod ip_tunnel;
mod lans;
mod lookup;
mod lookup_both_ends;
mod lookup_filter;
mod losses;
mod mask;
mod mtu;
mod pairs;
mod passed;
mod queued;
mod reached;
mod refused;
mod remotes;
mod reverse_path;
mod same_host;
mod see;
mod state;
mod summary;
mod systems;
mod unconfirmed;
mod unsettled;
mod validation;
mod verdict;
mod vpp;
pub mod words;

pub use case::{Case, Extent};
pub use checks::DIAGNOSES;
pub use classify::{cause, inbound_cause};
pub use diagnosis::{Diagnosis, MaskedBy, Outcome};
pub use engine::{Asked, Observation, each, run, run_both_ends, run_to};
pub use found::Found;
pub use inbound_lookup::{Outer, lookup_decrypted, lookup_encrypted};
pub(crate) use interfaces::no_such_interface;
pub use lookup::{lookup, own_source};
pub use lookup_both_ends::lookup_both_ends;
pub use unconfirmed::Unconfirmed;
pub use verdict::sources;
